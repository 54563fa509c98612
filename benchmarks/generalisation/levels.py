"""Scores of a script as `hornbook compare` writes its own: scores.csv, a row a score, and levels.csv, a row a level.

Levels are compared with the first one by the functions of `hornbook compare`: differences in pairs of one seed, their 95% interval, a
paired t-test, Holm's correction for all that one measure compares on one part.
"""

import argparse
import csv
import dataclasses
import pathlib
import shlex
import subprocess
import sys

from hornbook.tuning.comparison import grid, measures, table

# Measures of scripts alone: whether the highest is the best, None where neither end is.
FURTHER = {"error": False, "bias": None, "largest_learning_rate_log10": True, "zeros": None, "milliseconds_a_step": False}
_COLUMNS = ("dataset", "level", "metric", "part", "seed", "value", "seconds")


@dataclasses.dataclass(frozen=True)
class _Number:
    """In place of a finished run: its one score."""

    number: float

    def value(self, measure, part):
        return self.number


def parser(doc):
    """A parser of what every script takes; `doc` is the script's docstring."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--seeds", type=int, default=5)
    made.add_argument("--output", type=pathlib.Path, required=True, help="folder; the same command goes on in it")
    return made


def score(dataset, level, metric, seed, value, *, part="test", seconds=None, **conditions):
    """A row of `write`: a score of one level and seed, under further conditions."""
    return {
        "dataset": dataset, "level": level, "metric": metric, "part": part, "seed": seed, "value": float(value), "seconds": seconds,
        **conditions,
    }  # fmt: skip


def write(folder, scores, conditions=()):
    """Write `scores.csv` and `levels.csv`, print the latter's differences.

    Args:
        folder: of the files.
        scores: a list of `score`. The level that comes first in a measure and part is what its others are compared with.
        conditions: names of the further columns of `scores`; levels are compared under each of their values.

    Returns:
        The rows of `levels.csv`, dicts.
    """
    parts, found = {}, []
    for row in scores:
        parts.setdefault((row["metric"], row["part"]), []).append(row)
    for (metric, part), own in parts.items():
        by_name = {name: tuple(grid.Level(one, {}) for one in dict.fromkeys(row[name] for row in own)) for name in ("level", *conditions)}
        factors = [grid.Factor(name, named) for name, named in by_name.items()]
        rows = [
            table.Row(
                grid.Cell(row["dataset"], row["seed"], {factor.name: row[factor.name] for factor in factors}, {}, ""),
                "finished", _Number(row["value"]), seconds=row["seconds"],
            )
            for row in own
        ]  # fmt: skip
        measure = measures.Measure(metric, FURTHER[metric]) if metric in FURTHER else measures.parse(metric)
        found += [{**row, "part": part} for row in table.levels(rows, factors, [measure], [part])]
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder / "scores.csv", scores, ("dataset", *conditions, *_COLUMNS[1:]))
    _save(folder / "levels.csv", found, list(found[0]))
    print(*map(in_words, found), sep="\n")
    return found


def in_words(row):
    """A row of levels.csv as a line."""
    names = list(row)
    where = " ".join(str(row[name]) for name in names[: names.index("metric")])
    told = f"{where}: {row['part']} {row['metric']} {row['mean']:.4g} (n {row['n']})"
    if row["verdict"] == "compared with":
        return told
    return f"{told}, {row['difference']:+.4g} [{row['low']:+.4g}, {row['high']:+.4g}], p {row['p_corrected']:.2g}: {row['verdict']}"


def _save(path, rows, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: "" if value is None or value != value else value for key, value in row.items()} for row in rows)


def hornbook(*words):
    """Run a command of hornbook; the words may be texts of several, quoted as in a shell, if they stand in a list."""
    flat = [one for word in words for one in (shlex.split(word[0]) if isinstance(word, list) else [str(word)])]
    subprocess.run([sys.executable, "-m", "hornbook", *flat], check=True, stdout=subprocess.DEVNULL)
