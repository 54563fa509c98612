"""Does the diagnosis call sound trainings hopeless? It is asked about the healthy runs of benchmarks/faults, and nothing is stopped.

python -m benchmarks.pruning.false_alarms
python -m benchmarks.pruning.false_alarms --runs 20

The runs of group A (built-in data; images, texts, series and tables; mlp to transformer), half of them with unusual but sound settings:
long warm-ups, one cycle, plain SGD, sigmoids, tiny batches. Writes results/pruning_false_alarms.csv: a row a run with its score, and after
which epoch it would have been stopped and for what. The script goes on where it was cut off.
"""

import argparse
import csv
import pathlib
import random

from benchmarks.faults import cases, training
from hornbook.evaluation import intervals
from hornbook.training.diagnosis import Diagnostics, StopWhenHopeless

RESULTS = pathlib.Path(__file__).parents[1] / "results/pruning_false_alarms.csv"
COLUMNS = ("case", "unusual", "score", "epochs", "stopped_after", "problem")
_PROBE = 2000  # Examples, as the recipes give them.


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, help="how many there are to be in the end, a random sample; default: all")
    args = parser.parse_args()
    rows = _recorded()
    chosen = cases.healthy("A")
    random.Random(0).shuffle(chosen)
    for case in chosen[: args.runs]:
        if case.name in {row["case"] for row in rows}:
            continue
        rows.append(_row(case))
        with open(RESULTS, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
    alarms = [row for row in rows if row["stopped_after"]]
    low, high = intervals.wilson_interval(len(alarms), len(rows))
    print(f"{len(alarms)} of {len(rows)} sound trainings would have been stopped: {len(alarms) / len(rows):.1%} [{low:.1%}, {high:.1%}]")
    for row in alarms:
        print(f"  {row['case']}: {row['problem']} after epoch {row['stopped_after']} of {row['epochs']}; score {row['score']}")


def _recorded():
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="") as file:
        return list(csv.DictReader(file))


def _row(case):
    told = {}

    def watched(settings, used):
        validation = (used.x_validation[:_PROBE], used.y_validation[:_PROBE])
        watching = Diagnostics((used.x_train[:_PROBE], used.y_train[:_PROBE]), validation)
        return [watching, StopWhenHopeless(watching, stop=lambda epoch, finding: told.setdefault(epoch, finding.problem))]

    outcome = training.train(case.settings, watched)
    first = min(told, default=None)
    print(f"{case.name}: score {outcome.score:.3f}, {'goes on' if first is None else f'{told[first]} after epoch {first}'}", flush=True)
    return {
        "case": case.name,
        "unusual": int(case.unusual),
        "score": round(outcome.score, 4),
        "epochs": case.settings.epochs,
        "stopped_after": first or "",
        "problem": told.get(first, ""),
    }


if __name__ == "__main__":
    main()
