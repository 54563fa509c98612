"""Which training examples an epoch is made of, where classes are of unequal size. Validation and test examples are never drawn again.

All is a pure function of (seed, epoch), so that a resumed run draws what an uninterrupted one does.
"""

import numpy as np

from hornbook import UserError
from hornbook.data import randomness

NAMES = ("none", "oversample", "undersample", "balanced-batches", "smote")


def size(labels, method):
    """How many examples an epoch has.

    Args:
        labels: int array `(examples,)`; of "none" any.
        method: one of `NAMES`. none: all examples once. oversample: as many of every class as the largest has, each example at least once.
            undersample: as many of every class as the smallest has, others each epoch. balanced-batches: as many as there are, in batches
            of equally many of each class. smote: as oversample, for examples that have been made, see `data.tables.smote`.

    Raises:
        UserError: an unknown method, or several labels an example.
    """
    if method not in NAMES:
        raise UserError(f"sampling must be one of {', '.join(NAMES)}, got {method!r}")
    if method == "none":
        return len(labels)
    counts = _counts(labels, method)
    if method == "balanced-batches":
        return len(labels)
    return len(counts) * int(counts.min() if method == "undersample" else counts.max())


def order(labels, method, *, seed, epoch, batch_size):
    """The examples of one epoch in their order: int64 array of positions; what fills no batch at the end is left out by who takes them.

    Args:
        labels, method: as of `size`. Of "smote" the labels are those of the examples that have been made, too.
        seed: of the run.
        epoch: from 0.
        batch_size: of "balanced-batches", each of whose batches has of every class as many as of every other, or one more; where a batch
            has fewer examples than there are classes, of no class two.

    Raises:
        UserError: as `size`.
    """
    count = size(labels, method)
    if method in ("none", "smote"):
        return randomness.permutation(seed, epoch, len(labels))
    classes = np.unique(labels)
    if method == "balanced-batches":
        classes = classes[np.argsort(randomness.uniform(seed, epoch, classes, "order of classes"))]
        slots = np.resize(classes, count)
        order_in_batch = np.lexsort((randomness.uniform(seed, epoch, np.arange(count), "order"), np.arange(count) // batch_size))
        slots = slots[order_in_batch]
        chosen = np.empty(count, np.int64)
        for label in classes:
            places = np.flatnonzero(slots == label)
            chosen[places] = _drawn(np.flatnonzero(labels == label), len(places), seed, epoch)
        return chosen
    each = count // len(classes)
    chosen = np.concatenate([_drawn(np.flatnonzero(labels == label), each, seed, epoch) for label in classes])
    return chosen[randomness.permutation(seed, epoch, count)]


def by_length(chosen, ranks, labels):
    """An order of examples in which those of each class are sorted by length, and no place has an example of another class.

    Args:
        chosen: int array of positions, such as those of a pool of batches.
        ranks: array of all examples, by which they are sorted.
        labels: int array of all examples.
    """
    own = labels[chosen]
    arranged = np.empty_like(chosen)
    arranged[np.argsort(own, kind="stable")] = chosen[np.lexsort((ranks[chosen], own))]
    return arranged


def copies(chosen):
    """How many times each position has come before: int64 array, 0 of one that comes once.

    Copies of an example are augmented each in its own way, see `randomness.of_copies`.
    """
    by_position = np.argsort(chosen, kind="stable")
    ordered = chosen[by_position]
    found = np.empty(len(chosen), np.int64)
    found[by_position] = np.arange(len(chosen)) - np.searchsorted(ordered, ordered)
    return found


def _drawn(own, count, seed, epoch):
    """So many of a class's positions: all of them as often as they go into it, and for the rest some, others each epoch."""
    rounds = range(-(-count // len(own)))
    orders = [own[np.argsort(randomness.uniform(seed, epoch, own, f"sampling {number}"), kind="stable")] for number in rounds]
    return np.concatenate(orders)[:count] if orders else own[:0]


def _counts(labels, method):
    """Of the classes that there are."""
    if np.ndim(labels) != 1:
        raise UserError(f"--sampling {method} is for one class an example, and these have several labels; pass --class-weights balanced")
    counts = np.bincount(labels)
    return counts[counts > 0]
