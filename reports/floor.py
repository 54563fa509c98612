"""The section of a report that shows a network beside classical models on the same examples."""

from hornbook.reports import page

_MOST_COLUMNS = 4  # Of scores: more do not fit a phone.


def floor(found, network=None, alone=None):
    """The comparison in words and a table of all classical models, HTML. "" where there was none.

    Args:
        found: `floor` of a run's `result.json`, or None.
        network: its `metrics`, a dict; the one that is compared is taken from `found`, which may be of some of the examples alone.
        alone: its `network_alone`: the metrics without the classical model that is mixed with it, or None.
    """
    if not found:
        return ""
    notes = "".join(f'<p class="note">{page.escape(_sentence(note))}</p>' for note in found["notes"])
    if found["model"] is None:
        return notes
    networks = {"the network": {**(network or {}), found["metric"]: found["network"]}}
    if alone:
        networks = {"the network with its classical model": networks["the network"], "the network alone": alone}
    return f'<p class="lead">{page.escape(_told(found))}</p>{_table(found, networks)}{notes}'


def _told(found):
    """What the difference says, two sentences or three."""
    metric = found["metric"].replace("_", " ")
    told = (
        f"The best of the classical models on the same {found['examples']:,} examples is {found['model']}: {metric} {found['score']:.4f}."
    )
    told += f" {'The network with its classical model' if 'alone' in found else 'The network'} has {_difference(found)}"
    if "alone" in found:
        told += f". The network alone has {_difference(found['alone'])}"
    if found["interval"] is None:
        return f"{told}."
    return (
        f"{told}. {'Higher' if found['higher_is_better'] else 'Lower'} is better; the best is chosen on these examples, which favours the "
        "classical models."
    )


def _difference(found):
    """A network's score and how far it is from the floor."""
    if found["interval"] is not None and not any(found["interval"]):
        return f"{found['network']:.4f}, the same"
    told = f"{found['network']:.4f}, {abs(found['difference']):.4f} {'more' if found['difference'] >= 0 else 'less'}"
    if found["interval"] is None:
        return told
    low, high = found["interval"]
    return f"{told} (95% interval of the difference {low:+.4f} to {high:+.4f}{', which may be luck' if low <= 0 <= high else ''})"


def _sentence(note):
    """A note with a capital and a point; names in it keep their capitals."""
    return f"{note[:1].upper()}{note[1:]}."


def _table(found, networks):
    names = [found["metric"], *(name for name in next(iter(found["all"].values())) if name != found["metric"])][:_MOST_COLUMNS]
    sign = -1 if found["higher_is_better"] else 1
    ranked = sorted(found["all"].items(), key=lambda row: sign * row[1][found["metric"]])
    rows = [(f"<b>{name}</b>", *(page.number(metrics.get(key)) for key in names)) for name, metrics in networks.items()]
    rows += [(page.escape(name), *(page.number(metrics[name]) for name in names)) for name, metrics in ranked]
    return page.table(["Model", *(page.escape(name.replace("_", " ")) for name in names)], rows)
