"""What is suspicious in a dataset that is split, looked for before the training: named, with counts, in seconds.

Large data are sampled, and what is told says so. Nothing is changed.
"""

import dataclasses
import time

import numpy as np

from hornbook.data import naming
from hornbook.data.dataset import sample
from hornbook.data.suspicion import drift, duplicates, leaks, vectors

SECONDS = 20.0  # After which no further look is begun.
_MOST = {"images": 60_000, "texts": 50_000, "series": 20_000, "tables": 200_000}  # Training examples, in memory.
_MOST_HELD_OUT = 10_000
_MOST_BYTES = 2**29  # Of images in memory, which are copied for it.
_ON_DISK = {"train": 3000, "validation": 1000, "test": 1000}  # Images, which are decoded for it.
_MANY, _FEW = 0.3, 0.01  # Of the examples of a part that stand in another: above an error, below a note.
_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Suspicion:
    """Something that makes a score better than it is, or tells that it cannot be trusted.

    Attributes:
        problem: its name, such as "test-overlap".
        severity: "error", "warning" or "note".
        told: a sentence or two, with names and counts.
        remedy: what to do, words behind "try".
        pairs: of duplicates, rows of text: part, example, part, example, how.
    """

    problem: str
    severity: str
    told: str
    remedy: str
    pairs: tuple = ()


def look(dataset, *, seconds=SECONDS):
    """What is suspicious in a split dataset: a list of `Suspicion`, in the order of the looks; the last says what there was no time for.

    Args:
        dataset: `data.dataset.Dataset`, with a training part.
        seconds: after which no further look is begun.

    Raises:
        UserError: an example cannot be read.

    Example:
    ```python
    import numpy
    from hornbook import data
    from hornbook.data.suspicion import looking

    generator = numpy.random.default_rng(0)
    rows, labels = generator.normal(size=(200, 4)), numpy.arange(200) % 2
    dataset = data.tables.from_arrays(rows, labels, rows[:20], labels[:20])
    print([(one.problem, one.severity) for one in looking.look(dataset)])
    ```
    """
    if dataset.medium not in _MOST or dataset.train is None:
        return []
    end = time.monotonic() + seconds
    found = [*absent_classes(dataset), *groups_in_two_parts(dataset)]
    if dataset.medium == "tables":
        found += _leaks(dataset)
    held_out = [part for part in ("validation", "test") if part in dataset.parts]
    if not held_out:
        return found
    places = {part: _chosen(dataset, part) for part in ("train", *held_out)}
    inputs = {part: vectors.inputs_of(dataset, part, places[part]) for part in places}
    looks = [(_overlap, part, f"copies among the {part} examples") for part in held_out]
    elsewhere = [part for part in held_out if not dataset.drawn or dataset.part(part).source != dataset.train.source]
    looks += [(_drift, part, f"another distribution of the {part} examples") for part in elsewhere]
    left_out = []
    for look_for, part, what in looks:
        if time.monotonic() < end:
            found += look_for(dataset, part, inputs, places)
        else:
            left_out.append(what)
    return [*found, *_cut_off(left_out, seconds)]


def _cut_off(left_out, seconds):
    """That looks were left out for lack of time, a list with one `Suspicion`; empty where none was."""
    if not left_out:
        return []
    told = f"The look at the data ended after {seconds:g} seconds, before it looked for {', and for '.join(left_out)}."
    return [Suspicion("not-looked-for", "note", told, "hornbook check with --train-fraction 0.1, which has fewer examples to compare")]


def absent_classes(dataset):
    """Classes or labels without an example in a part, a list with a `Suspicion` each part."""
    found = []
    for name, part in dataset.parts.items():
        absent = dataset.absent(part)
        if absent:
            noun = "labels" if dataset.task == "multi-label" else "classes"
            what = "the network cannot learn them" if name == "train" else "nothing is known of how well they are recognized"
            told = f"{len(absent):,} of {dataset.num_classes:,} {noun} have no example in the {name} part: {naming.some(absent)}; {what}."
            severity = "note" if name == "validation" and dataset.drawn else "warning"  # Of a small one, by chance.
            found.append(Suspicion("absent-class", severity, told, "more examples, a larger share held out, or --min-class-count"))
    return found


def groups_in_two_parts(dataset):
    """Groups that stand in training and in a part that was held out, a list with a `Suspicion` each part."""
    own, found = dataset.groups_of(dataset.train), []
    if own is None:
        return []
    known = set(own.tolist())
    for name in ("validation", "test"):
        part = dataset.parts.get(name)
        groups = None if part is None else dataset.groups_of(part)
        if groups is None:
            continue
        both = [group for group in dict.fromkeys(groups.tolist()) if group in known]
        if both:
            count = int(np.isin(groups.astype(str), np.array(both).astype(str)).sum())
            told = (
                f"{len(both):,} of {len(set(groups.tolist())):,} groups of the {name} part stand in training too, with {count:,} of "
                f"{len(groups):,} {name} examples: {naming.some(both)}; the {name} score is not that of new groups."
            )
            severity = "error" if count > _MANY * len(groups) else "warning"
            found.append(Suspicion(f"{name}-groups", severity, told, "to leave the split to the group option, which keeps groups together"))
    return found


def _chosen(dataset, part):
    """The examples of a part that are looked at: rising int array of positions."""
    examples = dataset.part(part)
    most = _MOST[dataset.medium] if part == "train" else _MOST_HELD_OUT
    if dataset.medium == "images" and not hasattr(examples, "inputs"):
        most = _ON_DISK[part]
    if dataset.medium == "images":
        most = min(most, max(1, _MOST_BYTES * len(examples) // max(1, examples.size_in_bytes)))
    return sample(len(examples), most)


def _overlap(dataset, part, inputs, places):
    exact, near, asked = {}, {}, 1.0
    others = ["train"] if part == "validation" or "validation" not in places else ["train", "validation"]
    for other in others:
        pairs = duplicates.between(dataset, part, other, inputs, places)
        asked = min(asked, pairs.asked)
        for found, kept in ((pairs.exact, exact), (pairs.near, near)):
            for mine, theirs in found:
                if mine not in exact and mine not in near:
                    kept[mine] = (other, theirs)
    if not exact and not near:
        return []
    looked_at, count = len(places[part]), len(exact) + len(near)
    share = (len(exact) + len(near) / asked) / looked_at
    rows = [_pair(dataset, part, *pair, how) for kept, how in ((exact, "exact"), (near, "near")) for pair in kept.items()]
    shown = "; ".join(f"{row[1]} is {'nearly ' if row[4] == 'near' else ''}{row[3]}" for row in rows[:_NAMED])
    both = " or ".join({"train": "training"}.get(other, other) for other in others)
    told = (
        f"{count:,} of {looked_at:,} {part} examples are {both} examples too, {len(exact):,} exactly and {len(near):,} nearly: "
        f"{shown}{', ...' if count > _NAMED else ''}"
    )
    told += "; the score on them tells what was learned by heart." if share >= _FEW else "."
    severity = "error" if share > _MANY else "warning" if share >= _FEW and count > 1 else "note"
    told += _sampled(dataset, part, places)
    if asked < 1:
        told += f" Near ones were looked for among {asked:.0%} of the examples."
    return [Suspicion(f"{part}-overlap", severity, told, "to remove them, or to keep them together as a group", tuple(rows))]


def _pair(dataset, part, position, other, how):
    name, theirs = other
    return (part, named(dataset, part, position), name, named(dataset, name, theirs), how)


def named(dataset, part, position):
    """An example as `split.csv` and messages name it: its file, its row's place, its series, or source and index."""
    examples = dataset.part(part)
    if getattr(examples, "files", None) is not None:
        return str(examples.files[position])
    if hasattr(examples, "units"):
        return str(examples.units[position])
    columns = getattr(dataset, "columns", {}).get(part)
    if columns is not None:
        return columns.row(position).place(0)
    return f"{'example' if examples.source == 'all' else examples.source} {examples.indices[position]}"


def _sampled(dataset, part, places):
    """That not all examples were looked at, where it is so."""
    few = [name for name in (part, "train") if len(places[name]) < len(dataset.part(name))]
    shown = " and ".join(f"{len(places[name]):,} of {len(dataset.part(name)):,} {name} examples" for name in few)
    return f" Looked at: {shown}." if few else ""


def _drift(dataset, part, inputs, places):
    found = drift.between(dataset, part, inputs, places)
    if not found:
        return []
    told = (
        f"The {part} examples are of another distribution than the training examples: a classifier tells them apart with an area under the "
        f"ROC curve of {found.auc:.2f} (chance: up to {found.bar:.2f})"
    )
    if found.feature is not None:
        name, mean, before = found.feature
        told += f", most of all by {name}, whose mean is {mean:.3g} there and {before:.3g} in training"
    told += "." + _sampled(dataset, part, places)
    return [Suspicion(f"{part}-shift", "warning", told, f"training examples that are like those the network is for, if the {part} part is")]


def _leaks(dataset):
    found, rows = leaks.columns(dataset)
    if not found:
        return []
    of = "variance" if dataset.task == "regression" else "labels beyond guessing"
    shown = ", ".join(f"{leak.name} alone tells {leak.skill:.1%}" for leak in found)
    gives = "A column gives" if len(found) == 1 else "Columns give"
    told = f"{gives} the label away: {shown} of the {of}; the best of the others tells {found[0].others:.1%}"
    told += f", on {rows:,} of {len(dataset.train):,} training rows." if rows < len(dataset.train) else "."
    names = ",".join(leak.name for leak in found)
    return [Suspicion("label-leak", "warning", told, f"--id-column {names!r}, if it would not be known when it is to be predicted")]
