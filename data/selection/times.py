"""Splits by time: train on the past, validate on what came later, test on the latest. Examples of one time stay together."""

import dataclasses
import datetime
import math

import numpy as np

from hornbook import UserError
from hornbook.data import naming

_ACCEPTED = "accepted are numbers, or dates such as 2024-01-31 or 2024-01-31T12:00:00"


@dataclasses.dataclass(frozen=True)
class Cut:
    """Two parts of some examples, one before the other.

    Attributes:
        first, second: rising int arrays of positions.
        of_the_past: how many later examples are in neither, as their group stands in the first part.
        behind: how many examples are later than both parts, and in neither: of all folds but the last some are.
    """

    first: np.ndarray
    second: np.ndarray
    of_the_past: int = 0
    behind: int = 0


def parsed(texts, where):
    """The times of some examples: float64 `(examples,)`, or datetime64[us] where they are dates; those with a zone are in UTC.

    Args:
        texts: numbers or ISO 8601 dates.
        where: function of a position to the words that begin a message.

    Raises:
        UserError: one is missing, is no time, or is of another kind than the first.
    """
    found = [text.strip() for text in texts]
    missing = next((place for place, text in enumerate(found) if text.lower() in naming.MISSING), None)
    if missing is not None:
        raise UserError(f"{where(missing)} is empty; accepted is the time of each example, by --time-column")
    try:
        numbers = np.array(found, np.float64)
    except ValueError:
        return _dates(found, where)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        raise UserError(f"{where(wrong[0])} is {found[wrong[0]]!r}, no time; {_ACCEPTED}")
    return numbers


def _dates(found, where):
    dates, zoned = np.empty(len(found), "datetime64[us]"), None
    for place, text in enumerate(found):
        try:
            date = datetime.datetime.fromisoformat(text)
        except ValueError:
            raise UserError(f"{where(place)} is {text!r}, no time; {_ACCEPTED}") from None
        zoned = date.tzinfo is not None if zoned is None else zoned
        if zoned != (date.tzinfo is not None):
            raise UserError(f"{where(place)} is {text!r}, and times before it are {'with' if zoned else 'without'} a zone; make them alike")
        dates[place] = date.astimezone(datetime.UTC).replace(tzinfo=None) if zoned else date
    return dates


def in_words(time):
    """A time as people write it: a number, or a date, without the hours where they are 0."""
    return f"{time:g}" if isinstance(time, (float, np.floating)) else str(time.astype("datetime64[s]")).removesuffix("T00:00:00")


def positions(times, groups, fraction, name):
    """A `Cut` of some examples: the latest are the second part, about a share of them.

    Of several folds (`splits.Fold`), as scikit-learn's TimeSeriesSplit and AutoGluon's `temporal_forward_only` have them: the examples are
    divided into one more block of time than there are folds, and fold k is block k + 1, after all blocks before it. The first block is in
    no fold.

    With groups, those that begin last are the second part, the first part ends where the first of them begins, and what comes later of
    other groups is in neither: nothing of the future is trained on, and no group stands in both. (AutoGluon's `validation_structure`
    refuses `group_on` together with `time_on`.)

    Args:
        times: array `(examples,)` as of `parsed`.
        groups: array `(examples,)`, or None.
        fraction: in (0, 1), or a `splits.Fold`.
        name: of the dataset, for messages.

    Raises:
        UserError: there are too few times.
    """
    starts = times if groups is None else _starts(times, groups)
    ordered = np.sort(starts, kind="stable")
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1  # Where examples of another time begin.
    if not len(changes):
        whose = "all groups begin at one time" if groups is not None else f"all {len(times):,} examples left have one time"
        raise UserError(f"{name}: {whose}, {in_words(ordered[0])}, so none is later than others; leave --time-column out")
    if hasattr(fraction, "of"):
        begins = _blocks(len(times), changes, fraction.of, name)
        begin, end = begins[fraction.number - 1 : fraction.number + 1]
    else:
        begin, end = _nearest(changes, len(times) - math.ceil(fraction * len(times))), len(times)
    second = starts >= ordered[begin]
    behind = starts >= ordered[end] if end < len(times) else np.zeros(len(times), bool)
    of_the_past = (times >= ordered[begin]) & ~second
    return Cut(np.flatnonzero(times < ordered[begin]), np.flatnonzero(second & ~behind), int(of_the_past.sum()), int(behind.sum()))


def _starts(times, groups):
    """When the group of each example begins: array `(examples,)`."""
    _, member = np.unique(groups.astype(str), return_inverse=True)
    first = np.full(member.max() + 1, times.max())
    np.minimum.at(first, member, times)
    return first[member]


def _nearest(changes, wanted):
    return int(changes[np.abs(changes - wanted).argmin()])


def _blocks(count, changes, folds, name):
    """Where each fold begins, and the end of the last: positions in the order of time."""
    starts = [_nearest(changes, count * block / (folds + 1)) for block in range(1, folds + 1)]
    if len(set(starts)) < folds:
        raise UserError(
            f"{name}: {len(changes) + 1:,} different times cannot be divided into {folds + 1} blocks of about equally many examples, "
            f"which {folds} folds need; pass fewer folds"
        )
    return [*starts, count]
