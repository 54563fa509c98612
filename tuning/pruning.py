"""Trials that are stopped before their end because others were better by then."""

import csv
import math
import statistics


class MedianRule:
    """Stop a trial whose best epoch so far is worse than the median of what the finished ones had reached by that epoch.

    Golovin et al. 2017 (Vizier), section 3.2.1. Compared are values of the validation data after each epoch: the accuracy where the run's
    history has it, else the loss.

    Args:
        first_epoch: no trial is stopped before it.
        least: trials that must have finished before one is stopped.
    """

    def __init__(self, first_epoch=1, least=4):
        self.first_epoch, self.least = first_epoch, least
        self._finished = []

    def add(self, history):
        """Remember a finished trial's epochs: a list of values to be minimized, as of `epochs`."""
        if history:
            self._finished.append(history)

    def is_hopeless(self, history):
        """Whether a running trial with these epochs is to be stopped."""
        epoch = len(history)
        if epoch < max(self.first_epoch, 1):
            return False
        reached = [min(one[:epoch]) for one in self._finished if len(one) >= epoch]
        if len(reached) < self.least:
            return False
        return min(history) > statistics.median(reached)


def epochs(path):
    """The validation values of a run's `history.csv`, to be minimized: a list of a float an epoch, [] where there is none yet.

    An accuracy is turned into an error; what is not finite is infinitely bad.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError:
        return []
    for column, sign in (("val_accuracy", -1.0), ("val_r2", -1.0), ("val_loss", 1.0)):
        if rows and rows[0].get(column):
            return [_value(row.get(column), sign) for row in rows]
    return []


def _value(written, sign):
    try:
        value = sign * float(written)
    except (TypeError, ValueError):
        return math.inf
    return value if math.isfinite(value) else math.inf
