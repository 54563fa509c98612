"""Series are split by unit first and cut into windows after that, so that no unit stands in two parts."""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data import randomness, splits


def hold_out(examples, fraction, options, name, flag, class_names):
    """Two parts of `examples`, the second with about `fraction` of them and of every class; no group stands in both.

    If each example is a group of its own, the split is that of `splits.stratified_split`. Otherwise groups are taken in a random order, and
    each goes into the second part if that brings the part nearer to its share of every class.

    Args:
        examples: `dataset.SeriesExamples`.
        fraction: in (0, 1).
        options: `source.Options`.
        name, flag, class_names: names of the dataset, of the flag that sets the fraction, and of the classes, for messages.

    Raises:
        UserError: the fraction is out of range, or a class has too few groups to stand in the training part.
    """
    if not 0 <= fraction < 1:
        raise UserError(f"{flag} must be in [0, 1), got {fraction}")
    if len(examples) < 2:
        raise UserError(f"{name} has one series, which cannot stand in two parts; add series, or pass {flag} 0")
    if options.numbers:
        labels, class_names = np.zeros(len(examples), np.int64), ("all",)
    else:
        labels = examples.labels
    if len(set(examples.groups.tolist())) == len(examples):
        single = np.flatnonzero(np.bincount(labels)[labels] == 1)
        if len(single):
            name = f"{name}, {examples.units[single[0]]}"
        chosen = dataclasses.replace(examples, labels=labels, indices=np.arange(len(examples)))
        first, second = (part.indices for part in splits.stratified_split(chosen, fraction, options.split_seed, name, flag, class_names))
        return examples.subset(first), examples.subset(second)
    if isinstance(fraction, splits.Fold):
        first, second = _fold_by_group(examples.groups, labels, fraction, options.split_seed, name)
    else:
        first, second = _by_group(examples.groups, labels, len(class_names), fraction, options.split_seed)
    if not len(second):
        raise UserError(
            f"{name}: {len(set(examples.groups.tolist()))} units cannot be split so that every class stands in the training part; "
            f"add units of each class, or pass {flag} 0"
        )
    return examples.subset(first), examples.subset(second)


def _fold_by_group(groups, labels, fold, seed, name):
    """Positions of all folds but one, and of that one; no group stands in two."""
    from sklearn.model_selection import StratifiedGroupKFold

    if len(set(groups.tolist())) < fold.of:
        raise UserError(f"{name}: {len(set(groups.tolist()))} units cannot stand in {fold.of} folds; pass fewer")
    divide = StratifiedGroupKFold(fold.of, shuffle=True, random_state=seed)
    first, second = list(divide.split(np.zeros(len(labels)), labels, groups))[fold.number - 1]
    if len(set(labels[first].tolist())) < len(set(labels.tolist())):
        first, second = first, first[:0]  # A class in one fold alone: there is nothing to learn it from.
    return first, second


def _by_group(groups, labels, num_classes, fraction, seed):
    """Positions of the two parts."""
    names, member = np.unique(groups.astype(str), return_inverse=True)
    counts = np.zeros((len(names), num_classes))
    np.add.at(counts, (member, labels), 1)
    wanted, held, left = fraction * counts.sum(axis=0), np.zeros(num_classes), counts.sum(axis=0)
    chosen = np.zeros(len(names), bool)
    for group in randomness.permutation(seed, 0, len(names)):
        nearer = np.square(held + counts[group] - wanted).sum() < np.square(held - wanted).sum()
        emptied = (left - counts[group] <= 0) & (left > 0)
        if nearer and not emptied.any():
            chosen[group] = True
            held += counts[group]
            left -= counts[group]
    if not chosen.any():  # Every group is larger than the part should be: the nearest one, if each class stays in the first part.
        spare = [group for group in range(len(names)) if not ((left - counts[group] <= 0) & (left > 0)).any()]
        if spare:
            chosen[min(spare, key=lambda group: np.square(counts[group] - wanted).sum())] = True
    return np.flatnonzero(~chosen[member]), np.flatnonzero(chosen[member])


def windows(examples, options, name, notes=None):
    """The examples cut into windows of `options.window` steps, `options.stride` apart; steps at the end that fill no window are left out.

    Args:
        examples: `dataset.SeriesExamples`.
        options: `source.Options`; the default stride is half a window.
        name: of the dataset, for messages.
        notes: a list to which a sentence is added if parts of a unit, between two changes of its label, are shorter than a window.

    Raises:
        UserError: a unit is shorter than the window.
    """
    window = options.window
    lengths = examples.lengths
    short = np.flatnonzero(lengths < window)
    if len(short):
        _, counts = np.unique(examples.indices, return_counts=True)
        whole = set(np.unique(examples.indices)[counts == 1].tolist())
        place = next((place for place in short if examples.indices[place] in whole), None if len(short) < len(examples) else short[0])
        if place is not None:
            raise UserError(
                f"{name}: {examples.units[place]} has {lengths[place]} steps, fewer than --window {window}; "
                f"pass --window {lengths.min()} or less, or remove shorter series"
            )
        if notes is not None:
            notes.append(f"{len(short):,} stretches between two changes of the label are shorter than a window and were left out")
    positions, starts = [], []
    for place, length in enumerate(lengths.tolist()):
        own = window_starts(length, window, options.stride)
        positions += [place] * len(own)
        starts += own
    cut = examples.subset(np.array(positions, np.int64))
    series = np.empty(len(cut), object)
    series[:] = [values[start : start + window] for values, start in zip(cut.series, starts, strict=True)]
    return dataclasses.replace(cut, series=series, firsts=cut.firsts + np.array(starts, np.int64))


def window_starts(steps, window, stride=None):
    """The first steps of the windows of a series, a range; the default stride is half a window."""
    return range(0, steps - window + 1, stride or max(1, window // 2))
