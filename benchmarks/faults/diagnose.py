"""Does the diagnosis name planted faults, mend them, and leave healthy runs alone? Every case, watched by `Diagnostics`.

    python -m benchmarks.faults.diagnose --group A --records FOLDER                   # built-in data
    python -m benchmarks.faults.diagnose --group D                                     # other data, on which the rules are reported
    python -m benchmarks.faults.diagnose --summary                                   # what results/faults.csv says

A row of `results/faults.csv` is a case: the problems that were found, most pressing first, its score, that of its sound twin, and with
`--remedy` the score after the first remedy that a program can follow. Rows that are there are not run again. With `--records FOLDER` what
was seen of each run is kept there, and `--again` reads the rules' findings from it, in seconds, after a rule has changed.
"""

import argparse
import collections
import csv
import dataclasses
import functools
import hashlib
import json
import math
import pathlib
import pickle
import statistics
import time

import numpy as np

from benchmarks.faults import cases, datasets, training
from benchmarks.faults.settings import Settings
from hornbook.training.diagnosis import Diagnostics, diagnose

RESULTS = pathlib.Path(__file__).parents[1] / "results/faults.csv"
COLUMNS = ("name", "group", "problem", "accepted", "findings", "remedy", "score", "healthy", "remedied", "chance", "seconds", "settings")
# Found rightly, planted or not: columns that are the same in all rows or say the same, and questions that occur twice.
TRUE_OF = {
    "abalone": {"constant-features"}, "german": {"constant-features", "duplicate-features"}, "trec6": {"validation-overlap"},
    "adult": {"constant-features"},
}  # fmt: skip
_SETTINGS = {"missing_values": "missing"}  # Where a remedy's change has another name than the setting.
_WITHIN = 0.9  # Of the healthy score: what a remedied run is to reach.
_HEALTHY = 0.85  # Of the best score on the same data, chance apart: what a healthy run has at least.


def watched(settings, corpus):
    """(record, score by measure, seconds) of a run."""
    made = []

    def callbacks(_, used):
        made.append(Diagnostics((used.x_train, used.y_train), (used.x_validation, used.y_validation)))
        return made

    began = time.perf_counter()
    outcome = training.train(settings, callbacks, corpus=corpus)
    record = made[0].record
    return record, outcome.metrics, time.perf_counter() - began


def key(settings):
    """A name for settings."""
    return hashlib.sha256(repr(settings).encode()).hexdigest()[:16]


def examine(case, corpus, folder):
    """What was seen of a case's run: {"record", "metrics", "seconds"}, kept in `folder`, if any."""
    path = folder and folder / f"{key(case.settings)}.pickle"
    if path and path.exists():
        return pickle.loads(path.read_bytes())
    record, metrics, seconds = watched(case.settings, corpus)
    seen = {"record": record, "metrics": metrics, "seconds": seconds}
    if path:
        path.write_bytes(pickle.dumps(seen))
    return seen


@functools.cache
def twin(settings, corpus, folder):
    """The scores of a sound run, which many cases share; kept in `folder`, if any."""
    path = folder and folder / f"{key(settings)}.json"
    if path and path.exists():
        return json.loads(path.read_text())
    metrics = {name: float(value) for name, value in training.train(settings, corpus=corpus).metrics.items()}
    if path:
        path.write_text(json.dumps(metrics))
    return metrics


def remedied(case, findings):
    """The settings after the first finding's first remedy that a program can follow, or None."""
    names = {field.name for field in dataclasses.fields(Settings)}
    for finding in findings[:1]:
        for remedy in finding.remedies:
            changes = {_SETTINGS.get(name, name): value for name, value in remedy.changes.items()}
            changes = {name: value for name, value in changes.items() if name in names}
            if "model" in changes and changes["model"].startswith("resnet"):
                changes["model"] = "resnet"
            if changes and any(getattr(case.settings, name) != value for name, value in changes.items()):
                return case.settings.but(**changes), changes
    return None


def options_of(settings):
    """Settings as a recipe's options: with those names that remedies ask for."""
    images = {"downsampling": None} if datasets.medium_of(settings.data) == "images" else {}
    return {**dataclasses.asdict(settings), **images, **{option: getattr(settings, name) for option, name in _SETTINGS.items()}}


def row_of(case, seen, corpus, twins, mend):
    """A case's row."""
    findings = diagnose(seen["record"], options_of(case.settings))
    row = {
        "name": case.name, "group": case.group, "problem": case.problem or "", "accepted": " ".join(sorted(case.accepted or ())),
        "findings": " ".join(f"{finding.severity}:{finding.problem}" for finding in findings),
        "remedy": "", "score": f"{seen['metrics'][case.measure]:.4f}", "healthy": "", "remedied": "",
        "chance": f"{datasets.load(case.settings.data, corpus).chance:.4f}", "seconds": f"{seen['seconds']:.1f}",
        "settings": key(case.settings),
    }  # fmt: skip
    if case.problem and twins and case.healthy is not None:
        row["healthy"] = f"{twins(case.healthy)[case.measure]:.4f}"
    found = remedied(case, findings) if case.problem and mend else None
    if found:
        settings, changes = found
        row["remedy"] = json.dumps(changes)
        row["remedied"] = f"{training.train(settings, corpus=corpus).metrics[case.measure]:.4f}"
    return row


def interval(hits, count):
    """Wilson's 95% interval of a share."""
    if not count:
        return math.nan, math.nan
    z, share = 1.96, hits / count
    middle, half = share + z * z / (2 * count), z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return (middle - half) / (1 + z * z / count), (middle + half) / (1 + z * z / count)


def share(name, hits, count):
    """A line of the summary."""
    low, high = interval(hits, count)
    print(f"{name:52} {hits:4} of {count:4}  {hits / max(1, count):6.1%}  [{low:.1%}, {high:.1%}]")


def named(row):
    """The problems that were found in a planted run, most pressing first, without those that its data set has anyway."""
    anyway = TRUE_OF.get(row["name"].split("/")[2], set()) - set(row["accepted"].split())
    return [problem for problem in (one.partition(":")[2] for one in row["findings"].split()) if problem not in anyway]


def harms(row, case):
    """Whether a planted fault does harm, or none by its nature; true of those whose sound twin was not run here (`verify` did)."""
    return case.harmless or not row["healthy"] or float(row["score"]) <= _WITHIN * float(row["healthy"])


def fails(row, best):
    """Whether a run that was meant to be healthy is not, as its score lies far below the best one on its data, chance apart."""
    if not row["chance"]:
        return False  # `verify` has looked at those of groups A and B.
    chance = float(row["chance"])
    return float(row["score"]) - chance < _HEALTHY * (best[row["name"].split("/")[2]] - chance)


def summary(rows):
    """Print the shares of each group, and each problem's."""
    known = {case.name: case for case in cases.planted()}
    without = [row for row in rows if row["problem"] and not harms(row, known[row["name"]])]
    print(f"planted without harm to the score, which count as no fault: {len(without)}")
    for row in without:
        print(f"  {row['name']}: {row['score']}, its twin {row['healthy']}; {row['findings'] or 'no finding'}")
    best = collections.defaultdict(float)
    for row in rows:
        data = row["name"].split("/")[2]
        best[data] = max(best[data], *(float(score or 0) for score in (row["healthy"], "" if row["problem"] else row["score"])))
    failing = [row for row in rows if not row["problem"] and fails(row, best)]
    print(f"meant to be healthy, but under 85% of the best score on their data, chance apart: {len(failing)}")
    for row in failing:
        print(f"  {row['name']}: {row['score']}, the best {best[row['name'].split('/')[2]]:.4f}; {row['findings'] or 'no finding'}")
    for groups in ("A", "B", "C", "D", "CD"):  # C and D are what is reported.
        own = [row for row in rows if row["group"] in groups and row not in without and row not in failing]
        if not own:
            continue
        planted, healthy = [row for row in own if row["problem"]], [row for row in own if not row["problem"]]
        print(f"\ngroup {' and '.join(groups)}: {len(planted)} planted, {len(healthy)} healthy runs")
        names = [named(row) for row in planted]
        accepted = [set(row["accepted"].split()) for row in planted]
        share(
            "the fault is the first finding",
            sum(bool(found) and found[0] in ok for found, ok in zip(names, accepted, strict=True)),
            len(planted),
        )
        share("among the findings", sum(bool(ok & set(found)) for found, ok in zip(names, accepted, strict=True)), len(planted))
        tried = [row for row in planted if row["remedied"] and row["healthy"]]
        mended = [float(row["remedied"]) >= _WITHIN * float(row["healthy"]) for row in tried]
        share("the first remedy brings the score within 10%", sum(mended), len(tried))
        for severity in ("error", "warning"):
            share(f"healthy runs with a false {severity}", sum(f"{severity}:" in row["findings"] for row in healthy), len(healthy))
        print(f"seconds a run, median: {statistics.median(float(row['seconds']) for row in own):.1f}")
        counts = collections.defaultdict(lambda: [0, 0, 0])
        for row, found, ok in zip(planted, names, accepted, strict=True):
            counts[row["problem"]] = list(np.add(counts[row["problem"]], [1, bool(found) and found[0] in ok, bool(ok & set(found))]))
        for problem, (count, first, among) in sorted(counts.items()):
            print(f"  {problem:28} {count:3} planted, first {first:3}, among {among:3}")


def read():
    """The rows of the results, by name."""
    if not RESULTS.exists():
        return {}
    with open(RESULTS, newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def write(rows):
    """Write the results whole."""
    with open(RESULTS, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=("A", "B", "C", "D"), help="default: all")
    parser.add_argument("--kind", choices=("planted", "healthy"), help="default: both")
    parser.add_argument("--only", default="", help="a part of the names")
    parser.add_argument("--corpus", help="folder with series/ and tables/, for groups B and C")
    parser.add_argument("--records", type=pathlib.Path, help="folder to keep what was seen of each run")
    parser.add_argument("--again", action="store_true", help="read the findings of kept records once more, and run nothing")
    parser.add_argument("--twins", action="store_true", help="also train the sound twins, which tell whether a fault does harm")
    parser.add_argument("--remedy", action="store_true", help="also train the sound twins, and again after the first remedy")
    parser.add_argument("--turns", default="0/1", help="1/2: every second case, from the second: two copies share the work")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so many; the same command goes on")
    parser.add_argument("--summary", action="store_true", help="run nothing")
    args = parser.parse_args()
    rows, began = read(), time.monotonic()
    if args.records:
        args.records.mkdir(parents=True, exist_ok=True)

    def twins(settings):
        return twin(settings, args.corpus, args.records)

    chosen = [] if args.summary else [*cases.planted(args.group), *cases.healthy(args.group)]
    first, every = map(int, args.turns.split("/"))
    for case in chosen[first::every]:
        there = rows.get(case.name)
        with_twins = args.twins or args.remedy
        done = there and there["settings"] == key(case.settings) and (there["healthy"] or not with_twins or not case.problem)
        kept = args.records and (args.records / f"{key(case.settings)}.pickle").exists()
        wanted = args.only in case.name and args.kind in (None, "planted" if case.problem else "healthy")
        if not wanted or (args.again and not kept) or (done and not args.again):
            continue
        row = row_of(case, examine(case, args.corpus, args.records), args.corpus, with_twins and twins, args.remedy)
        if there and args.again and not args.remedy:
            row |= {name: there[name] for name in ("remedy", "healthy", "remedied") if not row[name]}
        rows[case.name] = row
        write(rows)
        print(", ".join(row[name] for name in ("name", "score", "findings", "remedy", "remedied")), flush=True)
        if time.monotonic() - began > 60 * args.minutes:
            break
    summary(list(rows.values()))


if __name__ == "__main__":
    main()
