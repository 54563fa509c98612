"""Splits in which no group stands in two parts: not the series of one person, not the rows of one patient."""

import numpy as np

from hornbook import UserError
from hornbook.data import naming, randomness


def checked(groups, where):
    """The groups of some examples, an object array of texts without blanks around them, each text once in memory.

    Args:
        groups: texts.
        where: function of a position to the words that begin a message.

    Raises:
        UserError: a group is missing.
    """
    known, found = {}, [group.strip() for group in groups]
    missing = next((place for place, group in enumerate(found) if group.lower() in naming.MISSING_LABELS), None)
    if missing is not None:
        raise UserError(f"{where(missing)} is empty; accepted is the group of each example, by --group-column")
    return np.array([known.setdefault(group, group) for group in found], object)


def positions(groups, labels, num_classes, fraction, seed, name, flag):
    """Positions of two parts of some examples, the second with about a share of them and of every class; no group stands in both.

    Groups are taken in a random order, and each goes into the second part if that brings it nearer to its share of every class. Of folds,
    each group stands in exactly one, and classes are spread over them as far as groups allow.

    Args:
        groups: array `(examples,)`.
        labels: int array `(examples,)`; all 0 where they are no classes.
        num_classes: how many there are, 1 where labels are no classes.
        fraction: in (0, 1), or a `splits.Fold`.
        seed: of the order.
        name, flag: of the dataset and of the flag that sets the fraction, for messages.

    Returns:
        Two rising int arrays.

    Raises:
        UserError: there are too few groups for each class to stand in the first part.
    """
    split = _fold if hasattr(fraction, "of") else _share
    first, second = split(np.asarray(groups), labels, num_classes, fraction, seed, name)
    if not len(second):
        raise UserError(
            f"{name}: {len(set(groups.tolist()))} units cannot be split so that every class stands in the training part; "
            f"add units of each class, or pass {flag} 0"
        )
    return first, second


def _fold(groups, labels, num_classes, fold, seed, name):
    """Positions of all folds but one, and of that one; no group stands in two."""
    from sklearn.model_selection import StratifiedGroupKFold

    if len(set(groups.tolist())) < fold.of:
        raise UserError(f"{name}: {len(set(groups.tolist()))} units cannot stand in {fold.of} folds; pass fewer")
    divide = StratifiedGroupKFold(fold.of, shuffle=True, random_state=seed)
    first, second = list(divide.split(np.zeros(len(labels)), labels, groups))[fold.number - 1]
    if len(set(labels[first].tolist())) < len(set(labels.tolist())):
        first, second = first, first[:0]  # A class in one fold alone: there is nothing to learn it from.
    return first, second


def _share(groups, labels, num_classes, fraction, seed, name):
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
