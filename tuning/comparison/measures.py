"""What is compared of finished runs: their scores, and what their training was like."""

import contextlib
import csv
import dataclasses
import functools
import io
import itertools
import math
import pathlib
import re
import statistics

import msgspec

from hornbook import UserError, files, records, terminal
from hornbook.evaluation import scores

_TRAINING = {
    "seconds": "seconds of the whole run",
    "seconds_an_epoch": "median seconds of an epoch, without the first",
    "epochs": "epochs until the training ended",
    "parameters": "weights of the model",
    "first_gradient": "size of the gradient at the first layer before the first step",
    "gradient_ratio": "the same over that at the last layer: near 0 it vanishes",
    "dead": "mean share of units that are 0 for all examples, at the end",
    "saturated": "mean share of outputs at a bound of their activation, at the end",
}
_SHORTER = ("seconds", "seconds_an_epoch", "epochs")  # Of these the least is the best; of the others of a training neither end is.
_HISTORY = ("last", "best", "gap")
_RECALL = "recall"  # With a colon and a class.
_LONGEST_HISTORY = 2**26  # Bytes: a million epochs.
_REACHED = re.compile(r"epochs_to:([A-Za-z0-9_]{1,60})(>=|<=)([0-9.eE+-]{1,30})")


@dataclasses.dataclass(frozen=True)
class Measure:
    """A number of a run.

    Attributes:
        name: as in `--metrics`.
        higher_is_better: whether; None where neither is.
    """

    name: str
    higher_is_better: bool | None

    @property
    def in_words(self):
        """The name as a heading."""
        kind, colon, column = self.name.partition(":")
        column = column.replace("_", " ")
        if reached := _REACHED.fullmatch(self.name):
            return f"epochs until {reached[1].replace('_', ' ')} {reached[2]} {reached[3]}"
        if kind == _RECALL:
            return f"recall of {self.name.partition(':')[2]}"
        if kind == "gap":
            return f"{column} of training less that of validation"
        return f"{kind} {column}" if colon else kind.replace("_", " ")

    @property
    def limits(self):
        """The least and the most that it can be; None where there are none."""
        if self.name == "matthews_correlation":
            return -1.0, 1.0
        return (0.0, 1.0) if self.name in scores.SHARES or is_recall(self) else None


def parse(name):
    """A measure by its name.

    Args:
        name: a score such as accuracy, or `recall:CLASS`; seconds, seconds_an_epoch, epochs, parameters; first_gradient, gradient_ratio,
            dead, saturated; of a column of history.csv `last:COLUMN`, `best:COLUMN` or `gap:COLUMN` (training less validation, last epoch);
            or `epochs_to:COLUMN>=VALUE`, the first epoch at which it was reached.

    Raises:
        UserError: it is none of these.
    """
    kind, colon, column = name.partition(":")
    if reached := _REACHED.fullmatch(name):
        _number(name, reached[3])
        return Measure(name, False)
    if colon and kind in _HISTORY and re.fullmatch(r"\w{1,60}", column):
        return Measure(name, None if kind == "gap" else "loss" not in column and "error" not in column)
    if kind == _RECALL and column:
        return Measure(name, True)
    if name in scores.METRICS:
        return Measure(name, None if name == "interval_coverage" else name in scores.HIGHER_IS_BETTER)
    if name in _TRAINING:
        return Measure(name, False if name in _SHORTER else None)
    known = [*scores.METRICS, "recall:CLASS", *_TRAINING, "last:COLUMN", "best:COLUMN", "gap:COLUMN", "epochs_to:COLUMN>=VALUE"]
    raise UserError(f"--metrics {name}: accepted are {terminal.accepted(known, name)}")


def _number(name, written):
    try:
        return float(written)
    except ValueError:
        raise UserError(f"--metrics {name}: {written} is no number") from None


def is_score(measure):
    """Whether a measure is taken on a part of the data, and not of the training."""
    return measure.name in scores.METRICS or is_recall(measure)


def is_recall(measure):
    """Whether a measure is the recall of one class or label."""
    return measure.name.startswith(f"{_RECALL}:")


class Finished:
    """A finished run, read as far as it is asked for.

    Args:
        folder: of the run.
        outcome: as of `workers.trial.perform`.
    """

    def __init__(self, folder, outcome):
        self._folder, self._outcome = pathlib.Path(folder), outcome
        self._rows = self._seen = None

    def value(self, measure, part):
        """A measure of this run, a float; NaN where it has none.

        Args:
            measure: `Measure`.
            part: "validation" or "test", of scores.
        """
        found = self._score(measure.name, part) if is_score(measure) else self._of_training(measure.name)
        return math.nan if found is None else float(found)

    def _score(self, name, part):
        if name.startswith(f"{_RECALL}:"):
            return ((self._outcome.get("recalls") or {}).get(part) or {}).get(name.partition(":")[2])
        found = (self._outcome.get("further") or {}).get(part) or {}
        if part == self._outcome.get("evaluated_on"):
            found = {key: values[0] for key, values in self._outcome["metrics"].items()}
        return found.get(name)

    @functools.cached_property
    def errors(self):
        """What the run says went wrong, so that its network is of no use: {problem: sentence}, of `result.json`."""
        try:
            found = records.read(self._folder / "result.json", _Said).findings
        except UserError:
            return {}
        return {one.problem: one.evidence for one in found if one.severity == "error"}

    def _of_training(self, name):
        if name in ("seconds", "parameters"):
            return self._outcome.get(name)
        if name in ("first_gradient", "gradient_ratio", "dead", "saturated"):
            return self._inside(name)
        rows = self._history()
        if name == "epochs":
            return len(rows)
        if name == "seconds_an_epoch":
            ends = [row["seconds"] for row in rows if "seconds" in row]
            took = [after - before for before, after in itertools.pairwise(ends)] or ends[:1]
            return statistics.median(took) if took else None
        if reached := _REACHED.fullmatch(name):
            column, least, value = reached[1], reached[2] == ">=", float(reached[3])
            ends = (row["epoch"] for row in rows if column in row and (row[column] >= value if least else row[column] <= value))
            return next(ends, None)
        kind, _, column = name.partition(":")
        if kind == "gap":
            pair = [row[key] for row in rows[-1:] for key in (column, f"val_{column}") if key in row]
            return pair[0] - pair[1] if len(pair) == 2 else None
        values = [row[column] for row in rows if column in row]
        if not values:
            return None
        better = max if parse(name).higher_is_better else min
        return values[-1] if kind == "last" else better(values)

    def _inside(self, name):
        """Of `diagnosis.json`, in which what is no finite number is None."""
        if self._seen is None:
            try:
                self._seen = records.read(self._folder / "diagnosis.json", _Seen)
            except UserError:  # None of a run without a diagnosis.
                self._seen = _Seen()
        if name in ("dead", "saturated"):
            ends = [row[-1] for row in getattr(self._seen, name) if row and row[-1] is not None]
            return statistics.fmean(ends) if ends else None
        starts = [row[0] for row in self._seen.gradients if row and row[0] is not None]
        if not starts:
            return None
        if name == "first_gradient":
            return starts[0]
        return starts[0] / starts[-1] if starts[-1] else None

    def _history(self):
        if self._rows is None:
            self._rows = list(_rows(self._folder / "history.csv"))
        return self._rows


class _Finding(msgspec.Struct):
    problem: str
    severity: str
    evidence: str


class _Said(msgspec.Struct):
    """`result.json`, as far as it is read."""

    findings: list[_Finding] = []


class _Seen(msgspec.Struct):
    """`diagnosis.json`, as far as it is read: a list a layer of a number a look."""

    gradients: list[list[float | None]] = []
    dead: list[list[float | None]] = []
    saturated: list[list[float | None]] = []


def _rows(path):
    try:
        text = files.content(path, "the history of a run", _LONGEST_HISTORY).decode("utf-8", "replace")
    except UserError:
        return
    for row in csv.DictReader(io.StringIO(text)):
        found = {}
        for name, value in row.items():
            with contextlib.suppress(TypeError, ValueError):
                if math.isfinite(float(value)):
                    found[name] = float(value)
        if "epoch" in found:
            yield found
