"""Splits into training, validation and test examples: stratified and seeded, checked, and recorded with the run."""

import dataclasses
import itertools
import math
import re

import numpy as np

from hornbook import UserError, files, spreadsheets
from hornbook.data import randomness
from hornbook.data.selection import arranging, corrections, times, written
from hornbook.data.selection import groups as group_splits

_LARGE = 1_000_000  # Examples from which a split takes care of memory.


class Fold(float):
    """The share of one of several equal folds, with its number: over all numbers, each example is held out exactly once.

    Args:
        number: from 1.
        of: how many folds, 2 or more.
    """

    def __new__(cls, number, of):
        fold = super().__new__(cls, 1 / of)
        fold.number, fold.of = number, of
        return fold


class IfEnough(float):
    """A share that is held out only where it is `least` examples, and `most` of them.

    Of fewer a score says little, more say little more, and training misses them.
    """

    least = 20  # The standard error of an accuracy of 0.8 is 9 points.
    most = 2000  # It is 0.9 points.


def share_of(fraction, size):
    """The share of so many examples that is held out, for a `validation_fraction`: 0 for none."""
    if not isinstance(fraction, IfEnough):
        return fraction
    return 0.0 if fraction * size < fraction.least else min(float(fraction), fraction.most / size)


def validation_share(fraction, fold):
    """The `validation_fraction` of a loader: the fraction, for "auto" a tenth if it is enough, or the `Fold` that `--fold 2/5` names.

    Raises:
        UserError: that is no fold.
    """
    if fold is None:
        return IfEnough(0.1) if fraction == "auto" else fraction
    return _parsed(fold, "--fold")


def share_for_test(fraction, fold):
    """The `test_fraction` of a loader: the fraction, or the `Fold` that `--test-fold 2/5` names.

    A loader that is given a fold leaves the source's own test part alone, and holds out that fold of the training examples in its place.

    Raises:
        UserError: that is no fold.
    """
    return fraction if fold is None else _parsed(fold, "--test-fold")


def _parsed(fold, flag):
    found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", fold, re.ASCII)
    if not found or not 1 <= int(found[1]) <= int(found[2]) or int(found[2]) < 2:
        raise UserError(f"{flag} must be a number of how many, such as 2/5, got {fold}")
    return Fold(int(found[1]), int(found[2]))


def stratified_split(examples, fraction, seed, name, flag, class_names):
    """Two parts of `examples`, the second with `fraction` of them and of every class, and at least as many as there are classes.

    Labels that are no classes (float arrays) are not stratified.

    Raises:
        UserError: a class has too few examples to stand in both parts.
    """
    from sklearn.model_selection import train_test_split

    if isinstance(fraction, Fold):
        return _fold(examples, fraction, seed, name, class_names)
    if examples.labels.dtype.kind == "f":
        held_out = min(math.ceil(fraction * len(examples)), len(examples) - 1)
        first, second = train_test_split(np.arange(len(examples)), test_size=held_out, random_state=seed)
        return examples.subset(np.sort(first)), examples.subset(np.sort(second))
    counts = np.bincount(examples.labels)
    rare = np.flatnonzero(counts == 1)
    if len(rare):
        part = flag.removeprefix("--").removesuffix("-fraction")
        left = "" if part == "test" else " left for training"
        # Without a test part there is nothing to evaluate on, and validation would need an example of each class too.
        remedy = "--test-fraction 0 --validation-fraction 0 --evaluate none" if part == "test" else f"{flag} 0"
        less = " leave out such classes with --min-class-count 2," if (counts > 1).sum() > 1 else ""
        raise UserError(
            f"{name}: class {class_names[rare[0]]} has one example{left}, which cannot be a {part} example too; "
            f"add examples of it,{less} or hold none out: {remedy}"
        )
    held_out = max(math.ceil(fraction * len(examples)), int((counts > 0).sum()))
    if len(examples) >= _LARGE:
        first, second = _large_split(examples.labels, counts, fraction, seed)
        return examples.subset(first), examples.subset(second)
    try:
        first, second = train_test_split(np.arange(len(examples)), test_size=held_out, random_state=seed, stratify=examples.labels)
    except ValueError as error:
        classes = int((counts > 0).sum())
        raise UserError(
            f"{name}: {flag} {fraction:g} takes {held_out} of {len(examples)} examples, and what it takes and what it leaves must both "
            f"have one of each of {classes} classes; pass another share, or 0, or add examples"
        ) from error
    # In the source's order, so that a streamed part reads the same as one in memory.
    return examples.subset(np.sort(first)), examples.subset(np.sort(second))


def _fold(examples, fold, seed, name, class_names):
    """All folds but one, and that one; every class in each, unless labels are no classes."""
    from sklearn.model_selection import KFold, StratifiedKFold

    numbers = examples.labels.dtype.kind == "f"
    if not numbers:
        counts = np.bincount(examples.labels, minlength=len(class_names))
        rare = np.flatnonzero((counts > 0) & (counts < fold.of))
        if len(rare):
            raise UserError(
                f"{name}: class {class_names[rare[0]]} has {counts[rare[0]]} examples left for training and validation, which cannot "
                f"stand in {fold.of} folds; pass fewer folds, or add examples of it"
            )
    elif len(examples) < fold.of:
        raise UserError(f"{name}: {len(examples)} examples cannot stand in {fold.of} folds; pass fewer")
    divide = (KFold if numbers else StratifiedKFold)(fold.of, shuffle=True, random_state=seed)
    first, second = list(divide.split(np.zeros(len(examples)), examples.labels))[fold.number - 1]
    return examples.subset(first), examples.subset(second)


def _large_split(labels, counts, fraction, seed):
    """A stratified split without scikit-learn's lists of every position, which take gigabytes for tens of millions of examples."""
    chosen = np.zeros(len(labels), bool)
    numbers = randomness.uniform(seed, 0, np.arange(len(labels)), "split")
    for label in np.flatnonzero(counts):
        own = np.flatnonzero(labels == label)
        chosen[own[np.argsort(numbers[own], kind="stable")[: max(1, round(fraction * len(own)))]]] = True
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def evaluated_part(dataset, evaluate, needed=(), *, fold=None):
    """The part that a result is taken on, or None for `evaluate` "none".

    Args:
        dataset: with its parts by name in `parts`, such as a `Dataset`.
        evaluate: "test", "validation" or "none".
        needed: dict of a flag, as it was given, to the part that it needs, such as {"--early-stopping 5": "validation"}.
        fold: as given by `--fold`; a source with a validation part of its own has no folds.

    Raises:
        UserError: the dataset lacks a part that is needed, with the flag that needs it.
    """
    if fold is not None and "validation" in dataset.parts and dataset.parts["validation"].source != dataset.parts["train"].source:
        raise UserError(f"{dataset.name} has a validation part of its own, which --fold {fold} cannot replace; leave --fold out")
    for flag, part in {f"--evaluate {evaluate}": evaluate, **dict(needed)}.items():
        if part != "none" and part not in dataset.parts:
            remedy = f"hold one out with --{part}-fraction 0.1"
            if not dataset.drawn and dataset.times is None:
                remedy = f"name {part} examples in the --split-file"
            if dataset.name.startswith("arrays:"):  # Made before the recipe's options count.
                remedy = "pass test arrays with them" if part == "test" else "make them with a validation_fraction above 0"
            if flag.startswith("--evaluate"):
                remedy += f", or pass --evaluate {'validation or none' if 'validation' in dataset.parts else 'none'}"
            raise UserError(f"{dataset.name} has no {part} part, which {flag} needs; {remedy}")
    return dataset.parts.get(evaluate)


def record_split(path, dataset, *, resumed):
    """Write which example went where; a run that is `resumed` must have the split that it began with.

    Args:
        path: of the `split.csv`.
        dataset: `Dataset`.
        resumed: whether the run has written it when it began.

    Raises:
        UserError: the data have changed since, with the first row that differs.
    """
    if resumed:
        refuse_other_split(path, dataset, remedy="begin again with another --output")
    with files.atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        spreadsheets.write(file, dataset.split_rows())


def refuse_other_split(path, dataset, *, remedy, part=None):
    """Refuse data that have changed since a run began: examples added, removed, renamed or in another class.

    Args:
        path, dataset: see `record_split`. Examples of the dataset that cannot be read now may have been read then.
        remedy: what to do if the data are not restored.
        part: the one part that matters, or None: all do.

    Raises:
        UserError: with the first row that differs.
    """
    unreadable = {written.as_held(file) for file, _ in dataset.unreadable}
    recorded = (row for row in written.rows(path, path, "restore it") if part in (None, row[0]) and not unreadable.intersection(row))
    there_are = (list(map(written.as_held, row)) for row in dataset.split_rows() if part in (None, row[0]))
    for was, now in itertools.zip_longest(recorded, there_are, fillvalue=["nothing"]):
        if was != now:
            raise UserError(
                f"{dataset.name} has changed since the run began: {path} has {', '.join(was)} where there is {', '.join(now)} now; "
                f"restore the data, or {remedy}"
            )


def hold_out(dataset, part, fraction, split_seed):
    """The dataset with a share of its training part as its validation or test part.

    Classes are stratified; other labels (float arrays) are split at random. Examples of one of the dataset's groups stay together. Where
    the dataset has times, the latest examples are held out. A fraction of 0, or no training part, leaves it as it is.

    Args:
        dataset: `Dataset`.
        part: "validation" or "test".
        fraction: as of `share_of`, or a `Fold`.
        split_seed: of the split.

    Raises:
        UserError: a fraction out of range, or a class that cannot stand in both parts.
    """
    flag = f"--{part}-fraction"
    if not 0 <= fraction < 1:
        raise UserError(f"{flag} must be in [0, 1), got {fraction}")
    fraction = 0 if dataset.train is None else share_of(fraction, len(dataset.train))
    if fraction == 0:
        return dataset
    if dataset.times is not None:
        return _later(dataset, part, fraction)
    if dataset.groups is None:
        train, held_out = stratified_split(dataset.train, fraction, split_seed, dataset.name, flag, dataset.class_names)
        return dataclasses.replace(dataset, **{"train": train, part: held_out})
    labels, count = dataset.train.labels, len(dataset.class_names)
    if labels.ndim > 1:
        labels, count = np.zeros(len(labels), np.int64), 1
    own = dataset.groups[dataset.train.indices]
    train, held_out = map(dataset.train.subset, group_splits.positions(own, labels, count, fraction, split_seed, dataset.name, flag))
    return dataclasses.replace(dataset, **{"train": train, part: held_out})


def _later(dataset, part, fraction):
    """The dataset with its latest training examples as another part, and a note on where that begins and on what is in neither."""
    own = dataset.times[dataset.train.indices]
    groups = None if dataset.groups is None else dataset.groups[dataset.train.indices]
    cut = times.positions(own, groups, fraction, dataset.name)
    until, begin = own[cut.first].max(), own[cut.second].min()
    told = f"{part} examples are those from {times.in_words(begin)} on; what is before ends at {times.in_words(until)}"
    if cut.behind:
        told += f"; {cut.behind:,} later examples are left out"
    if cut.of_the_past:
        told += f"; left out, being of groups that began before: {cut.of_the_past:,}"
    train, held_out = dataset.train.subset(cut.first), dataset.train.subset(cut.second)
    return dataclasses.replace(dataset, **{"train": train, part: held_out}, notes=(*dataset.notes, told), drawn=False)


def complete(dataset, *, test_fraction, validation_fraction, split_seed, arranged=arranging.NONE):
    """The dataset with test and validation parts: its own, those of a file, or shares of its training part.

    Args:
        dataset: `Dataset`, as its source has it.
        test_fraction, validation_fraction, split_seed: see `hold_out`.
        arranged: `selection.arranging.Arrangement`.

    Raises:
        UserError: see `hold_out` and `selection.arranging`.
    """
    parts, corrected = corrections.applied(dataset.parts, dataset.class_names, arranged.label_corrections, dataset.name)
    parts, class_names, notes = arranging.without_rare(parts, dataset.class_names, arranged.min_class_count, dataset.name)
    dataset = dataclasses.replace(dataset, **parts, class_names=class_names, notes=(*dataset.notes, *corrected, *notes))
    dataset = arranging.grouped(dataset, arranged.group_pattern)
    if arranged.split_file is not None:
        parts, notes = written.placed(dataset.parts, arranged.split_file, dataset.name, dataset.written)
        parts = {part: parts.get(part) for part in ("train", "validation", "test")}
        return dataclasses.replace(dataset, **parts, notes=(*dataset.notes, *notes), drawn=False)
    if isinstance(test_fraction, Fold):
        dataset = dataclasses.replace(dataset, test=None)
    for part, fraction in (("test", test_fraction), ("validation", validation_fraction)):
        if part not in dataset.parts:
            dataset = hold_out(dataset, part, fraction, split_seed)
    return dataset
