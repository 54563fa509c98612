"""What a comparison found: a row a run, and a row a level with its difference from the first."""

import dataclasses
import math

import numpy as np

from hornbook import UserError, spreadsheets
from hornbook.evaluation import intervals, paired
from hornbook.tuning.comparison import measures

ALPHA = 0.05  # Below it, corrected for how many levels there are, a difference counts as shown.
_FEWEST = 3  # Runs: the p of two differences follows from one degree of freedom, and is small where two happen to be alike.


@dataclasses.dataclass(frozen=True)
class Row:
    """A run of a comparison.

    Attributes:
        cell: `grid.Cell`.
        state: "finished", "failed", "running" or "waiting".
        run: `measures.Finished`, or None.
        error: one line, of a run that failed.
        seconds: of the run, or None.
    """

    cell: object
    state: str
    run: object = None
    error: str | None = None
    seconds: float | None = None

    def value(self, measure, part):
        """As of `measures.Finished.value`; NaN of a run that has not finished."""
        return math.nan if self.run is None else self.run.value(measure, part)


def write_runs(path, rows, factors, chosen, parts):
    """Write `comparison.csv`: a row a run with its data set, levels, seed, state, measures, seconds, folder and error.

    Args:
        path: of the file.
        rows: list of `Row`.
        factors: list of `grid.Factor`.
        chosen: list of `measures.Measure`.
        parts: those that runs are scored on.
    """
    columns = _columns(chosen, parts)
    names = [name if len(parts) < 2 or part is None else f"{part}_{name}" for name, part, _ in columns]
    table = [("dataset", *(factor.name for factor in factors), "seed", "state", *names, "run_seconds", "folder", "error")]
    for row in rows:
        values = [row.value(measure, part or parts[0]) for _, part, measure in columns]
        values = ["" if math.isnan(value) else repr(value) for value in values]
        levels = [row.cell.levels[factor.name] for factor in factors]
        ended = (row.seconds, row.cell.folder, row.error)
        table.append((row.cell.dataset, *levels, row.cell.seed, row.state, *values, *ended))
    spreadsheets.save(path, table)


def _columns(chosen, parts):
    """A column a measure, of scores one a part: (name, part or None, measure)."""
    return [(one.name, part, one) for one in chosen for part in (parts if measures.is_score(one) else [None])]


@dataclasses.dataclass(frozen=True)
class Compared:
    """A level, under some conditions on one data set, against the first level.

    Attributes:
        dataset, conditions: where; conditions are a dict of the further factors' names to levels.
        level: its name.
        runs, failed: how many there are, and how many failed.
        spread: as of `intervals.spread`, or None without a finished run.
        difference: as of `paired.difference`, or None of the first level.
        p: corrected for how many levels are compared, NaN where there is none.
        seconds: mean of the runs'.
        scores: of the finished runs, in the order of the seeds.
    """

    dataset: str
    conditions: dict
    level: str
    runs: int
    failed: int
    spread: dict | None
    difference: dict | None
    p: float
    seconds: float
    scores: tuple

    def verdict(self, higher_is_better):
        """What was found, a few words."""
        if self.difference is None:
            return "compared with"
        if self.spread is None:
            return "no run finished"
        count, mean = self.difference["n"], self.difference["mean"]
        if count < _FEWEST:
            return "too few runs to tell"
        if not mean and not any(self.difference["interval"]):
            return f"no difference at all in {count} runs"
        if math.isnan(self.p):
            return f"the same difference in all {count} runs: no spread to test"
        if self.p >= ALPHA:
            return f"no difference shown at n = {count}"
        if higher_is_better is None:
            return "higher" if mean > 0 else "lower"
        return "better" if (mean > 0) == higher_is_better else "worse"


def compared(rows, factors, measure, part):
    """A list of `Compared`: the first factor's levels against its first, under each combination of the further ones, on each data set.

    Probabilities are corrected by Holm (1979) for all that the list compares.

    Args:
        rows, factors: as of `write_runs`.
        measure: `measures.Measure`.
        part: "validation" or "test".
    """
    first, *further = factors
    groups = {}
    for row in rows:
        key = (row.cell.dataset, *(row.cell.levels[factor.name] for factor in further))
        groups.setdefault(key, {}).setdefault(row.cell.levels[first.name], []).append(row)
    found = []
    for (dataset, *conditions), levels in groups.items():
        names = dict(zip((factor.name for factor in further), conditions, strict=True))
        reference = {row.cell.seed: row.value(measure, part) for row in levels.get(first.levels[0].name, [])}
        for level in first.levels:
            own = levels.get(level.name, [])
            scores = [row.value(measure, part) for row in own]
            finite = [score for score in scores if math.isfinite(score)]
            gain = None
            if level is not first.levels[0]:
                gain = paired.difference(scores, [reference.get(row.cell.seed, math.nan) for row in own])
            failed = sum(row.state == "failed" for row in own)
            seconds = [row.seconds for row in own if row.seconds is not None]
            took = float(np.mean(seconds)) if seconds else math.nan
            spread = intervals.spread(finite) if finite else None
            found.append(Compared(dataset, names, level.name, len(own), failed, spread, gain, math.nan, took, tuple(finite)))
    corrected = paired.holm([math.nan if one.difference is None else one.difference["p"] for one in found])
    return [dataclasses.replace(one, p=p) for one, p in zip(found, corrected, strict=True)]


def ranked(found, factor, measure):
    """As of `paired.ranks`, over data sets and conditions, by the levels' means; None where there is but one with a score.

    A level of which no run finished ranks last.
    """
    if measure.higher_is_better is None or len({one.dataset for one in found}) < 2:
        return None
    levels = [level.name for level in factor.levels]
    places = {}
    for one in found:
        key = (one.dataset, *one.conditions.values())
        worst = -math.inf if measure.higher_is_better else math.inf
        places.setdefault(key, {})[one.level] = one.spread["mean"] if one.spread else worst if one.failed else math.nan
    scores = [[own.get(level, math.nan) for level in levels] for own in places.values()]
    scores = [row for row in scores if any(math.isfinite(score) for score in row)]  # Of no level: the data set is to blame.
    if len(scores) < 2:
        return None
    return paired.ranks(scores, higher_is_better=measure.higher_is_better)


COLUMNS = ("metric", "part", "n", "failed", "mean", "standard_deviation", "difference", "low", "high", "p", "p_corrected", "verdict",
           "seconds")  # fmt: skip


def levels(rows, factors, chosen, parts):
    """Every `Compared` as a dict: its data set, conditions and level, and `COLUMNS`.

    Args:
        rows, factors, chosen, parts: as of `write_runs`.
    """
    made = []
    for _, part, measure in _columns(chosen, parts):
        for one in compared(rows, factors, measure, part or parts[0]):
            spread, gain = one.spread or {}, one.difference or {}
            low, high = gain.get("interval", (math.nan, math.nan))
            values = (
                measure.name, part or "training", len(one.scores), one.failed, spread.get("mean", math.nan),
                spread.get("standard_deviation", math.nan), gain.get("mean", math.nan), low, high, gain.get("p", math.nan), one.p,
                one.verdict(measure.higher_is_better), one.seconds,
            )  # fmt: skip
            made.append({"dataset": one.dataset, **one.conditions, factors[0].name: one.level, **dict(zip(COLUMNS, values, strict=True))})
    return made


def write_levels(path, rows, factors, chosen, parts):
    """Write `levels.csv`: a row a level, metric and part, with mean, deviation, difference from the first level, interval and test."""
    found = levels(rows, factors, chosen, parts)
    table = [tuple(found[0])]
    table += [tuple("" if isinstance(value, float) and math.isnan(value) else value for value in one.values()) for one in found]
    spreadsheets.save(path, table)


def frame(rows, factors, chosen, parts):
    """`levels` as a pandas DataFrame.

    Raises:
        UserError: pandas is not installed.
    """
    try:
        import pandas
    except ImportError as error:
        raise UserError("a table of a comparison in Python needs pandas, which is not installed: pip install pandas") from error
    return pandas.DataFrame(levels(rows, factors, chosen, parts))
