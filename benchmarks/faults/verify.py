"""Do the planted faults do harm, and are the healthy runs healthy?

    python -m benchmarks.faults.verify --group A                     # built-in data alone
    python -m benchmarks.faults.verify --group C --corpus FOLDER     # with TFDS_DATA_DIR set
    python -m benchmarks.faults.verify --summary                    # what results/faults_cases.csv says

A row of `results/faults_cases.csv` is a case: its score and that of its sound twin, or of a healthy run the best score of any run on its
data. Rows that are there are not run again unless the settings have changed. A fault does harm if its score is at most 90% of its twin's. A
run is healthy if its score, above chance, is at least 85% of the best on its data.
"""

import argparse
import csv
import hashlib
import pathlib
import time

from benchmarks.faults import cases, datasets

RESULTS = pathlib.Path(__file__).parents[1] / "results/faults_cases.csv"
COLUMNS = ("name", "group", "problem", "measure", "score", "healthy_score", "lowest_recall", "healthy_lowest_recall", "seconds",
           "processor_seconds", "harmless", "unusual", "settings", "twin")  # fmt: skip
_HARM = 0.9  # Of the twin's score at most.
_HEALTHY = 0.85  # Of the best score on the data at least.


def digest(settings):
    """A short name for settings, the same while they are the same."""
    return "" if settings is None else hashlib.sha256(repr(settings).encode()).hexdigest()[:12]


def _twin(case):
    """A short name for a case's twin; with that of the measure, as the recall is of the classes that are rare in the case."""
    return digest(case.healthy) + (f"-{case.settings.rare_classes}" if case.measure == "lowest_recall" else "")


def rows(path=RESULTS):
    """The rows of the file that are of today's cases, by name."""
    if not path.exists():
        return {}
    known = {case.name: digest(case.settings) + _twin(case) for case in [*cases.planted(), *cases.healthy()]}
    with open(path, newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file) if known.get(row["name"]) == row["settings"] + row["twin"]}


def write(found, path=RESULTS):
    """Write the rows, in the order of the cases."""
    order = [case.name for case in [*cases.planted(), *cases.healthy()]]
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(found[name] for name in order if name in found)


def run(case, corpus, twins):
    """The row of a case; `twins`, a dict of digest to scores of sound runs, is filled."""
    from benchmarks.faults import training

    row = {"name": case.name, "group": case.group, "problem": case.problem or "", "measure": case.measure, "harmless": case.harmless}
    row |= {"unusual": case.unusual, "settings": digest(case.settings), "twin": _twin(case)}
    datasets.load(case.settings.data, corpus)  # Not counted.
    begun = time.process_time()
    outcome = training.train(case.settings, corpus=corpus)
    row["processor_seconds"] = f"{time.process_time() - begun:.1f}"
    row |= {"score": f"{outcome.score:.4f}", "seconds": f"{outcome.seconds:.1f}"}
    row["lowest_recall"] = f"{outcome.metrics.get('lowest_recall', 0):.4f}"
    if case.healthy is not None:
        if row["twin"] not in twins:
            beside = training.train(case.healthy, corpus=corpus)
            twins[row["twin"]] = (f"{beside.score:.4f}", f"{_recall_of(case, beside):.4f}")
        row["healthy_score"], row["healthy_lowest_recall"] = twins[row["twin"]]
    return row


def _recall_of(case, outcome):
    """The twin's recall of the classes that are rare in the case."""
    from benchmarks.faults import training

    used = outcome.used
    if used.num_classes is None:
        return 0.0
    if not case.settings.rare_classes or outcome.model.output_shape[-1] == 1:
        return outcome.metrics["lowest_recall"]
    chosen = training.predicted(outcome.model, used.x_test).argmax(axis=1)
    lost = range(used.num_classes - case.settings.rare_classes, used.num_classes)
    return min(float((chosen[used.y_test == one] == one).mean()) for one in lost)


def does_harm(row):
    """Whether a fault's row is as it should be: its score is clearly below that of its twin."""
    own, other = ("lowest_recall", "healthy_lowest_recall") if row["measure"] == "lowest_recall" else ("score", "healthy_score")
    return float(row[own]) <= _HARM * float(row[other])


def best_scores(found):
    """The best score on each data set, of healthy runs and twins: a dict."""
    best = {}
    for row in found.values():
        data = row["name"].split("/")[2]
        score = max(float(row["score"]) if not row["problem"] else 0.0, float(row["healthy_score"] or 0))
        best[data] = max(best.get(data, 0.0), score)
    return best


def is_healthy(row, best, corpus=None):
    """Whether a healthy run's score is near the best, chance apart."""
    data = row["name"].split("/")[2]
    chance = datasets.load(data, corpus).chance
    return float(row["score"]) - chance >= _HEALTHY * (best[data] - chance)


def summary(corpus=None):
    """Print every case that is not as it should be, and how many are."""
    found = rows()
    best = best_scores(found)
    counts = {}
    for row in found.values():
        if row["problem"]:
            good, beside = row["harmless"] == "True" or does_harm(row), f"twin {row['healthy_score']}"
            if row["measure"] == "lowest_recall":
                beside += f"; lowest recall {row['lowest_recall']}, twin {row['healthy_lowest_recall']}"
        else:
            good, beside = is_healthy(row, best, corpus), f"best {best[row['name'].split('/')[2]]:.4f}"
        if not good:
            print(f"{row['name']:70} score {row['score']} {beside}")
        key = ("planted" if row["problem"] else "healthy", row["group"])
        so_far = counts.setdefault(key, [0, 0, 0.0])
        counts[key] = [so_far[0] + good, so_far[1] + 1, so_far[2] + float(row["processor_seconds"])]
    for (kind, group), (good, total, seconds) in sorted(counts.items()):
        print(f"{kind} {group}: {good} of {total} as they should be, {seconds / total:.1f} processor seconds each")


def _in_turns(chosen):
    """The cases, those first that may fail, and of faults one of each problem after the other."""
    turns, order = {}, []
    for case in chosen:
        turns[case.problem] = turns.get(case.problem, -1) + 1
        order.append((case.harmless, case.problem is None and not case.unusual, turns[case.problem]))
    return [case for _, case in sorted(zip(order, chosen, strict=True), key=lambda pair: pair[0])]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--group", choices=("A", "B", "C", "D"), help="default: all")
    parser.add_argument("--kind", choices=("planted", "healthy"), help="default: both")
    parser.add_argument("--only", default="", help="cases whose names have this in them")
    parser.add_argument("--corpus", help="folder with series/ and tables/, for groups B and C")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="start no case after so many")
    parser.add_argument("--summary", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.summary:
        chosen = [] if args.kind == "healthy" else cases.planted(args.group)
        chosen += [] if args.kind == "planted" else cases.healthy(args.group)
        found = rows()
        twins = {row["twin"]: (row["healthy_score"], row["healthy_lowest_recall"]) for row in found.values() if row["twin"]}
        begun = time.monotonic()
        for case in _in_turns(chosen):
            if case.name in found or args.only not in case.name or time.monotonic() - begun > 60 * args.minutes:
                continue
            try:
                found[case.name] = row = run(case, args.corpus, twins)
            except Exception as error:
                print("FAILED", case.name, type(error).__name__, str(error)[:300], flush=True)
                continue
            write(found)
            print(", ".join(f"{key} {row.get(key, '')}" for key in COLUMNS[:10] if key != "measure"), flush=True)
    summary(args.corpus)


if __name__ == "__main__":
    main()
