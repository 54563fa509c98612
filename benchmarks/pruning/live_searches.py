"""What does pruning save in a search that trains? Three recipes on built-in data, a wide space, the same trials with and without pruning.

python -m benchmarks.pruning.live_searches
python -m benchmarks.pruning.live_searches --recipes tabular-classification --trials 8

Each recipe is searched three times by `hornbook tune --tuner sobol`, which proposes the same configurations whatever their scores: with
--prune none, median and diagnosis. A false stop is a trial whose score in the search without pruning is in the best quarter of the finished
ones. Epochs are those in the trials' histories. Writes results/pruning_live.csv: a row a search. A search that is there is not made again.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

RESULTS = pathlib.Path(__file__).parents[1] / "results/pruning_live.csv"
MODES = ("none", "median", "diagnosis")
WIDE = ("learning_rate=log:1e-5..10", "optimizer=adamw,sgd")
RECIPES = {
    "image-classification": (
        *("--model", "cnn", "--width", "8", "--depth", "4", "--epochs", "8", "--augmentation", "none", "--validation-fraction", "0.3"),
        *("--vary", *WIDE, "normalization=batch,none"),
    ),
    "tabular-classification": (
        *("--model", "mlp", "--epochs", "16", "--classical-share", "0", "--validation-fraction", "0.3", "--batch-size", "32"),
        *("--vary", *WIDE, "normalization=batch,none", "width=16,128"),
    ),
    "sequence-classification": (
        *("--model", "cnn1d", "--width", "16", "--epochs", "8", "--classical-share", "0", "--validation-fraction", "0.3"),
        *("--vary", *WIDE),
    ),
}
COLUMNS = ("recipe", "prune", "trials", "best", "epochs", "seconds", "finished", "failed", "stopped", "false_stops", "reasons")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    parser.add_argument("--trials", type=int, default=12)
    args = parser.parse_args()
    rows = _recorded()
    for recipe in args.recipes:
        missing = [mode for mode in MODES if not any((row["recipe"], row["prune"]) == (recipe, mode) for row in rows)]
        with tempfile.TemporaryDirectory() as folder:
            found = {mode: _search(recipe, mode, args.trials, pathlib.Path(folder, mode)) for mode in MODES if missing}
        for mode, (trials, row) in found.items():
            scores = {one["trial"]: float(one["accuracy"]) for one in found["none"][0] if one["state"] == "finished"}
            good = np.quantile(list(scores.values()), 0.75)
            stopped = [one["trial"] for one in trials if one["state"] == "stopped early"]
            rows.append({"recipe": recipe, "prune": mode, **row, "false_stops": sum(scores.get(one, 0) > good for one in stopped)})
            with open(RESULTS, "w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS)
                writer.writeheader()
                writer.writerows(rows)
    for row in rows:
        print(", ".join(f"{name} {value}" for name, value in row.items()))


def _recorded():
    if not RESULTS.exists():
        return []
    with open(RESULTS, newline="") as file:
        return list(csv.DictReader(file))


def _search(recipe, mode, trials, folder):
    """The trials of a search, as in its trials.csv, and a row of the results."""
    words = [
        *("tune", recipe, *RECIPES[recipe], "--tuner", "sobol", "--trials", str(trials), "--prune", mode, "--seed", "0"),
        *("--final-seeds", "0", "--stop-slower-than", "0", "--stop-after-failures", str(trials), "--output", str(folder)),
    ]
    subprocess.run([sys.executable, "-m", "hornbook", *words], check=True)
    with open(folder / "trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    result = json.loads((folder / "result.json").read_text())
    states = [row["state"] for row in rows]
    reasons = "; ".join(f"{row['trial']}: {row['reason'][:120]}" for row in rows if row["state"] == "stopped early")
    return rows, {
        "trials": len(rows),
        "best": round(result["validation"], 4),
        "epochs": sum(len(path.read_text().splitlines()) - 1 for path in folder.glob("trial_*/seed-0/history.csv")),
        "seconds": result["seconds"],
        "finished": states.count("finished"),
        "failed": states.count("failed"),
        "stopped": states.count("stopped early"),
        "reasons": reasons,
    }


if __name__ == "__main__":
    main()
