"""Trials that are stopped before their end, because others were better by then or much faster.

A rule has two methods: `add` remembers a finished trial's `Course`, and `reason` says why a running one is to be stopped, or None.
"""

import csv
import dataclasses
import io
import math
import statistics

from hornbook import files


@dataclasses.dataclass(frozen=True)
class Course:
    """How far a trial has come.

    Several runs of a trial (seeds, folds) follow one another.
    """

    values: tuple = ()
    """The validation value after each epoch, to be minimized; empty where the history has none."""
    seconds: tuple = ()
    """Seconds of training at the end of each epoch."""
    elapsed: float = 0.0
    """Seconds since the trial began, its start and its data included."""


class MedianRule:
    """Stop a trial whose best epoch so far is worse than the median of what the finished trials had reached by that epoch.

    Golovin et al. 2017 (Vizier), section 3.2.1.

    Args:
        first_epoch: no trial is stopped before it.
        least: trials that must have finished before one is stopped.
    """

    def __init__(self, first_epoch=1, least=4):
        self.first_epoch, self.least = first_epoch, least
        self._finished = []

    def add(self, course):
        """Remember a finished trial's `Course`."""
        if course.values:
            self._finished.append(course)

    def reason(self, course):
        """Why a running trial is to be stopped, or None."""
        epoch = len(course.values)
        if epoch < max(self.first_epoch, 1):
            return None
        reached = [min(one.values[:epoch]) for one in self._finished if len(one.values) >= epoch]
        if len(reached) < self.least or min(course.values) <= statistics.median(reached):
            return None
        return f"stopped after epoch {epoch}: worse than the median of the others by then"


class SlowRule:
    """Stop a trial that takes many times as long as the others, as a network does that is far too large.

    The rule compares the seconds of equally many epochs, so that trials with fewer epochs (Hyperband's, or those that early stopping ended)
    do not make others look slow. A trial without a finished epoch is compared with the whole time of the longest finished trial.

    Args:
        factor: how many times the median.
        least: trials that must have finished before one is stopped.
    """

    def __init__(self, factor=10.0, least=4):
        self.factor, self.least = factor, least
        self._finished = []

    def add(self, course):
        """Remember a finished trial's `Course`."""
        self._finished.append(course)

    def reason(self, course):
        """Why a running trial is to be stopped, or None."""
        epoch = len(course.seconds)
        others = [one.seconds[epoch - 1] if epoch else one.elapsed for one in self._finished if len(one.seconds) >= epoch]
        if len(others) < self.least:
            return None
        taken, usual = (course.seconds[-1], statistics.median(others)) if epoch else (course.elapsed, max(others))
        if taken <= self.factor * usual:
            return None
        reached, compared = (f"after epoch {epoch}", "the median of the others by then") if epoch else ("in epoch 1", "the longest trial")
        return f"stopped {reached} as too slow: {taken:.0f} s, more than {self.factor:g} times {compared} ({usual:.1f} s)"


def course(histories, elapsed):
    """The `Course` of a trial.

    Args:
        histories: paths of its runs' `history.csv`, one run after the other; those that are not there yet are left out. Of validation
            values, the accuracy is taken where a history has it (turned into an error), then R2, then the loss; what is not finite is
            infinitely bad.
        elapsed: seconds since it began.
    """
    values, seconds = [], []
    for path in histories:
        rows = _rows(path)
        before = seconds[-1] if seconds else 0.0
        seconds += [before + _number(row.get("seconds"), 0.0) for row in rows]
        for column, sign in (("val_accuracy", -1.0), ("val_r2", -1.0), ("val_loss", 1.0)):
            if rows and rows[0].get(column):
                values += [sign * _number(row.get(column), sign * math.inf) for row in rows]
                break
    return Course(tuple(values), tuple(seconds), elapsed)


def _rows(path):
    try:
        with io.TextIOWrapper(files.opened(path), newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (OSError, csv.Error, UnicodeDecodeError):  # Not there yet, or nothing that a run wrote.
        return []


def _number(written, otherwise):
    try:
        value = float(written)
    except (TypeError, ValueError):
        return otherwise
    return value if math.isfinite(value) else otherwise
