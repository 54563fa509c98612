"""Series are split by unit first and cut into windows after that, so that no unit stands in two parts."""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data import splits
from hornbook.data.selection import groups


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
    first, second = groups.positions(examples.groups, labels, len(class_names), fraction, options.split_seed, name, flag)
    return examples.subset(first), examples.subset(second)


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
