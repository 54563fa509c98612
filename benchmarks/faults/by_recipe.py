"""Does a run of the image recipe on digits say what is wrong with it? The faults that the diagnosis began with, by flags or an NPZ file.

    python -m benchmarks.faults.by_recipe
    python -m benchmarks.faults.by_recipe --only plain sigmoid

Each is `hornbook image-classification --epochs 12` in a process of its own, with options or data that plant one fault; the last three plant
none. Writes results/faults_by_recipe.csv: a row a fault with the run's accuracy, what counts as naming it, and its findings, most pressing
first.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.datasets import load_digits

RESULTS = pathlib.Path(__file__).parents[1] / "results/faults_by_recipe.csv"
COLUMNS = ("fault", "accuracy", "accepted", "findings")
CNN = ("--model", "cnn", "--augmentation", "none")


def whole():
    """Digits as (1797, 8, 8) pixels and their classes, cut into training, validation and test."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(x))
    x, y = x[order].reshape(-1, 8, 8), y[order]
    ends = {"train": (0, 1100), "val": (1100, 1400), "test": (1400, 1797)}
    return {f"{axis}_{part}": values[low:high] for part, (low, high) in ends.items() for axis, values in (("x", x), ("y", y))}


def constant(arrays):
    return arrays | {name: np.full_like(values, 7.0) for name, values in arrays.items() if name.startswith("x_")}


def shuffled(arrays):
    random = np.random.default_rng(1)
    return arrays | {name: random.permutation(arrays[name]) for name in ("y_train", "y_val")}


def noisy(arrays):
    random = np.random.default_rng(2)

    def wrong(y):
        return np.where(random.random(len(y)) < 0.4, (y + random.integers(1, 10, len(y))) % 10, y)

    return arrays | {name: wrong(arrays[name]) for name in ("y_train", "y_val")}


def rare(arrays):
    kept = np.sort(np.concatenate([np.flatnonzero(arrays["y_train"] != 9), np.flatnonzero(arrays["y_train"] == 9)[:3]]))
    return arrays | {name: arrays[name][kept] for name in ("x_train", "y_train")}


def copied(arrays):
    return arrays | {f"{axis}_val": arrays[f"{axis}_train"][:300] for axis in "xy"}


def shifted(arrays):
    return arrays | {"x_val": 0.3 * arrays["x_val"] + 8}


# Fault: (options, function of the arrays or None for the recipe's own digits, the problems that name it).
FAULTS = {
    "learning rate of 30": ((*CNN, "--learning-rate", "30"), None, "learning-rate-too-high"),
    "learning rate of 1e-6": ((*CNN, "--learning-rate", "1e-6"), None, "learning-rate-too-low"),
    "56 plain layers": ((*CNN, "--depth", "56", "--width", "8"), None, "vanishing-gradients exploding-gradients missing-normalization"),
    "14 sigmoid layers": (
        (*CNN, "--depth", "14", "--width", "8", "--activation", "sigmoid", "--normalization", "none"),
        None,
        "vanishing-gradients saturated-activations missing-normalization",
    ),
    "clipping that always acts": (
        (*CNN, "--optimizer", "sgd", "--learning-rate", "0.05", "--clip-norm", "1e-4"),
        None,
        "clipping-always",
    ),
    "constant images": (CNN, constant, "constant-features constant-predictions"),
    "shuffled labels": (CNN, shuffled, "shuffled-labels"),
    "40% wrong labels": (CNN, noisy, "label-noise"),
    "a class with three examples": (CNN, rare, "rare-class-ignored"),
    "validation copied from training": (CNN, copied, "validation-overlap"),
    "validation shifted": (CNN, shifted, "validation-shift"),
    "dropout of 0.95": ((*CNN, "--dropout", "0.95"), None, "underfitting"),
    "weights that start 20 times too large": (
        (*CNN, "--initial-scale", "20", "--normalization", "none"),
        None,
        "initialization-too-large exploding-gradients",
    ),
    "one example a batch": ((*CNN, "--batch-size", "1", "--learning-rate", "1e-3", "--epochs", "2"), None, "batch-too-small"),
    "none: the default": ((), None, ""),
    "none: a plain network": (CNN, None, ""),
    "none: an NPZ file": (CNN, dict, ""),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[""], help="parts of names")
    args = parser.parse_args()
    rows = []
    for fault in FAULTS:
        if any(part in fault for part in args.only):
            rows.append(row_of(fault))
            print("; ".join(rows[-1]), flush=True)
    named = [row for row in rows if row[2]]
    first = [row for row in named if row[3].split(" ")[0].partition(":")[2] in row[2].split()]
    print(f"named first: {len(first)} of {len(named)}")
    if args.only == [""]:
        with open(RESULTS, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


def row_of(fault):
    options, change, accepted = FAULTS[fault]
    with tempfile.TemporaryDirectory() as folder:
        output = pathlib.Path(folder, "run")
        words = ["--epochs", "12", "--no-floor", "--output", str(output), *options]
        if change is not None:
            np.savez(pathlib.Path(folder, "digits.npz"), **change(whole()))
            words += ["--dataset", f"npz:{folder}/digits.npz"]
        done = subprocess.run([sys.executable, "-m", "hornbook", "image-classification", *words], capture_output=True, text=True)
        if not (output / "result.json").exists():
            return fault, "", accepted, done.stderr.strip().splitlines()[-1]
        result = json.loads((output / "result.json").read_text())
    findings = " ".join(f"{finding['severity']}:{finding['problem']}" for finding in result["findings"])
    return fault, f"{result['metrics']['accuracy']:.4f}", accepted, findings


if __name__ == "__main__":
    main()
