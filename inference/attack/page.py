"""`attack.html`: the curves of the accuracy against epsilon, and the examples that flip, as pictures."""

import numpy as np

from hornbook.reports import charts, examples, page

_CLASSES = {"pgd": "validation", "square": "train", "fgsm": "other", "words": "validation"}
_SIDE = 144
_MOST_ROWS = 12
_WORDS = {
    "fgsm": "one step along the sign of the gradient (Goodfellow et al. 2015)",
    "pgd": "many such steps from a random place, never farther than epsilon (Madry et al. 2018)",
    "square": "guesses that need the model's answers alone (Andriushchenko et al. 2020)",
    "words": "words in place of others that lie near them in the network's embedding, one after the other",
}


def text(found, curves, trained, attacked):
    """The page, a string.

    Args:
        found: what `attack.json` holds.
        curves: list of `running.Curve`.
        trained: `data.inputs.Trained`.
        attacked: `target.Target`.
    """
    last = min(found["attacks"], key=lambda one: one["curve"][-1]["accuracy"])
    worst = last["curve"][-1]
    head = (
        f'<div class="score"><strong>{page.percent(worst["accuracy"])}</strong><p>of {page.number(found["examples"])} examples are still '
        f"right at epsilon {page.number(worst['epsilon'])} under {last['attack']}; {page.percent(found['accuracy'])} are when nothing is "
        "changed.</p></div>"
    )
    facts = [("Run", found["run"]), ("Data", found["dataset"]), ("Examples", page.number(found["examples"])), ("Seed", str(found["seed"]))]
    notes = "".join(f"<li><p>{page.with_flags(one[:1].upper() + one[1:])}.</p></li>" for one in found["notes"])
    sections = [
        ("What stands out", f'<ul class="findings">{notes}</ul>' if notes else ""),
        ("Accuracy and epsilon", _chart(found) + _table(found)),
        ("Examples that flip", "".join(_flips(curve, found, trained, attacked) for curve in curves)),
        ("What this says", _limits(found)),
    ]
    return page.of_sections("Under attack", head, facts, sections, "hornbook attack")


def _chart(found):
    series = [
        (
            one["attack"],
            _CLASSES[one["attack"]],
            [(0.0, found["accuracy"]), *((point["epsilon"], point["accuracy"]) for point in one["curve"])],
        )
        for one in found["attacks"]
    ]
    keys = "".join(f'<span class="key {kind}">{name}</span>' for name, kind, _ in series)
    drawn = charts.line_chart("Accuracy against epsilon", series, as_percent=True, x_name="epsilon", whole=False)
    return f'<div class="charts"><figure><figcaption><b>Accuracy</b><span>{keys}</span></figcaption>{drawn}</figure></div>'


def _table(found):
    headings = ["Epsilon", *(one["attack"] for one in found["attacks"])]
    rows = [["0", *[_cell(found)] * len(found["attacks"])]]
    for points in zip(*(one["curve"] for one in found["attacks"]), strict=True):
        rows.append([page.number(points[0]["epsilon"]), *map(_cell, points)])
    lead = f"Epsilon counts {page.escape(found['scale'])}. Behind each share stands its 95% interval for so many examples."
    return f'<p class="lead">{lead}</p>\n{page.table(headings, rows)}'


def _cell(point):
    low, high = point["interval"]
    return f'{page.percent(point["accuracy"])} <span class="soft">{page.percent(low)} to {page.percent(high)}</span>'


def _flips(curve, found, trained, attacked):
    if not curve.flips:
        return f"<h3>{curve.attack}</h3><p>None of the examples flips.</p>"
    names, flips = trained.about["class_names"], curve.flips[:_MOST_ROWS]
    show = {"images": _images, "series": _series, "tables": _rows, "texts": _texts}[trained.about["medium"]]
    return f"<h3>{curve.attack}</h3>{show(flips, names, trained, attacked)}"


def _said(flip, names):
    told = f"{names[flip.label]} becomes {names[flip.predicted]} at epsilon {page.number(flip.epsilon)}"
    return f"{page.isolated(told)}"


def _images(flips, names, trained, attacked):
    white, rows = trained.about["pixel_maximum"], []
    for flip in flips:
        change = flip.after - flip.before
        largest = np.abs(change).max() or 1.0
        pictures = [flip.before / white, flip.after / white, 0.5 + 0.5 * change / largest]
        pictures = [one if one.shape[-1] in (1, 3) else one[..., :1] for one in pictures]
        pictures = [np.rint(255 * np.clip(one, 0, 1)).astype(np.uint8) for one in pictures]
        small = max(flip.before.shape[:2]) < 64
        kind, css = ("PNG", ' class="small"') if small else ("JPEG", "")
        words = [f"An example of {names[flip.label]}", f"Changed, taken for {names[flip.predicted]}", "The change, much enlarged"]
        shown = "".join(
            f'<img{css} alt="{page.escape(word)}" src="{page.picture(one, _SIDE, kind)}">'
            for one, word in zip(pictures, words, strict=True)
        )
        rows.append(f'<figure><figcaption>{_said(flip, names)}</figcaption><div style="--columns:3">{shown}</div></figure>')
    return _sheet("Each example, what became of it, and the change, enlarged: grey pixels are as they were.", rows)


def _series(flips, names, trained, attacked):
    rows = []
    for flip in flips:
        both = np.stack([flip.before, flip.after])
        scale = {"low": float(np.nanmin(both)), "high": float(np.nanmax(both))}
        words = [f"An example of {names[flip.label]}", f"Changed, taken for {names[flip.predicted]}"]
        drawn = [_drawn(examples.series_picture(one, word, **scale), word) for one, word in zip(both, words, strict=True)]
        rows.append(f'<figure><figcaption>{_said(flip, names)}</figcaption><div style="--columns:2">{"".join(drawn)}</div></figure>')
    return _sheet("Each example, and what became of it, on one scale.", rows)


def _drawn(picture, words):
    if isinstance(picture, str):
        return picture
    return f'<img class="small" alt="{page.escape(words)}" src="{page.picture(picture, _SIDE)}">'


def _rows(flips, names, trained, attacked):
    rows = []
    for flip in flips:
        changed = np.flatnonzero(flip.before != flip.after)
        changed = changed[np.argsort(-np.abs(flip.after - flip.before)[changed] / np.maximum(_radius(attacked, flip)[changed], 1e-12))][:6]
        told = ", ".join(f"{attacked.columns[at]} {flip.before[at]:.4g} → {flip.after[at]:.4g}" for at in changed)
        rows.append((_said(flip, names), page.escape(told)))
    return page.table(["", "Its numbers"], rows, text_columns=(0, 1))


def _texts(flips, names, trained, attacked):
    rows = []
    for flip in flips:
        told = []
        for old, new in zip(flip.before.tolist(), flip.after.tolist(), strict=True):
            word = page.escape(attacked.columns[new] or "\N{HORIZONTAL ELLIPSIS}")
            told.append(word if old == new else f"<s>{page.escape(attacked.columns[old])}</s> <b>{word}</b>")
        rows.append((_said(flip, names), " ".join(told[: int((flip.before > 0).sum())])))
    return page.table(["", "Its words, with those that were swapped"], rows, text_columns=(0, 1))


def _radius(attacked, flip):
    return np.broadcast_to(attacked.box.radius, attacked.x.shape)[flip.number]


def _sheet(lead, rows):
    return f'<p class="lead">{lead}</p>\n<div class="sheet">\n' + "\n".join(rows) + "\n</div>"


def _limits(found):
    kinds = "".join(f"<p>{page.escape(one['attack'])}: {page.escape(_WORDS[one['attack']])}.</p>" for one in found["attacks"])
    return (
        f"{kinds}<p>An attack that fails proves nothing: a stronger one may succeed. The accuracy under an attack is at most what the "
        "network keeps against anybody.</p>"
    )
