"""Where the time of a trial goes: from the end of one trial to the beginning of the next, its first epoch, its other epochs, and the rest.

python benchmarks/trial_time.py
python benchmarks/trial_time.py runs/tune/20261121-120000-image_classification-cnn

The first searches scikit-learn's digits, one trial at a time. Each trial leaves its times in its files: a run writes config.json when it
begins, history.csv has the seconds of each epoch since `fit` began, result.json those of the whole run, and the trial ends with
outcome.json. Between two trials lie the end of one process, the next proposal and the beginning of the next process. Prints a table and
writes results/trial_time.csv.
"""

import argparse
import csv
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

RESULTS = pathlib.Path(__file__).parent / "results"
COLUMNS = ("trial", "between_trials", "first_epoch", "other_epochs", "rest")
_OPTIONS = ("--vary", "learning_rate=log:1e-4..1e-1", "dropout=0..0.5", "weight_decay=log:1e-4..1", "--final-seeds", "0", "--seed", "0")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("search", nargs="?", type=pathlib.Path, help="folder of a finished search with one worker")
    parser.add_argument("--trials", type=int, default=8)
    args = parser.parse_args()
    folder = args.search or _search(args.trials)
    rows = times(folder)
    print(f"{folder}, seconds of {len(rows)} trials: median (smallest to largest)")
    for column in COLUMNS[1:]:
        found = [row[column] for row in rows if row[column] is not None]
        print(f"  {column.replace('_', ' '):15} {statistics.median(found):6.2f} ({min(found):.2f} to {max(found):.2f})")
    with open(RESULTS / "trial_time.csv", "w", newline="") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)


def _search(trials):
    folder = pathlib.Path(tempfile.mkdtemp()) / "search"
    command = [
        sys.executable,
        "-m",
        "hornbook",
        "tune",
        "image-classification",
        "--trials",
        str(trials),
        *_OPTIONS,
        "--output",
        str(folder),
    ]
    subprocess.run(command, check=True)
    return folder


def times(folder):
    """A dict a finished trial, in the order of their beginning."""
    rows, ended = [], None
    for outcome in sorted(folder.glob("trial_*/outcome.json"), key=lambda path: path.stat().st_mtime):
        run = next(outcome.parent.glob("seed-*"))
        with open(run / "history.csv", newline="") as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
        began = (run / "config.json").stat().st_mtime
        rows.append(
            {
                "trial": outcome.parent.name.removeprefix("trial_"),
                "between_trials": None if ended is None else round(began - ended, 3),
                "first_epoch": seconds[0],
                "other_epochs": round(seconds[-1] - seconds[0], 3),
                "rest": round(json.loads((run / "result.json").read_text())["seconds"] - seconds[-1], 3),
            }
        )
        ended = outcome.stat().st_mtime
    return rows


if __name__ == "__main__":
    main()
