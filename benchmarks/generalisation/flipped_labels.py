"""Does `hornbook labels` find labels that were flipped?

    python -m benchmarks.generalisation.flipped_labels --output runs/flipped-labels

Flips the labels of 5% of the training images of Fashion-MNIST, each to another class at random, cross-validates a small network on them,
and counts how many of the 5% most suspect labels are flipped ones, with a 95% interval. The same command goes on where it was cut off.
"""

import argparse
import csv
import pathlib
import subprocess
import sys

import numpy as np

from hornbook.data import images
from hornbook.evaluation import intervals

RESULTS = pathlib.Path(__file__).parents[1] / "results/flipped_labels.csv"
_SHARE = 0.05


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--dataset", default="tfds:fashion_mnist")
    parser.add_argument("--examples", type=int, default=60_000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--keep", action="store_true", help="write results/flipped_labels.csv")
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    flipped = write(args)
    folds, found = args.output / "folds", args.output / "folds/labels.csv"
    words = ["cross-validate", "image-classification", "--dataset", f"npz:{args.output / 'flipped.npz'}", "--model", "cnn"]
    words += ["--epochs", str(args.epochs), "--no-diagnosis", "--output", str(folds)]
    if not found.exists():
        subprocess.run([sys.executable, "-m", "hornbook", *words], check=True)
        subprocess.run([sys.executable, "-m", "hornbook", "labels", str(folds), "--share", str(_SHARE)], check=True)
    with open(found, newline="") as file:
        suspects = {int(row["index"]) for row in csv.DictReader(file)}
    hits = len(suspects & flipped)
    low, high = intervals.wilson_interval(hits, len(suspects))
    row = {"dataset": args.dataset, "examples": args.examples, "flipped": len(flipped), "suspects": len(suspects), "found": hits}
    row |= {"share": round(hits / len(suspects), 4), "low": round(low, 4), "high": round(high, 4)}
    print(row)
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, row, lineterminator="\n")
            table.writeheader()
            table.writerow(row)


def write(args):
    """Write `flipped.npz`, and return the indices of the images with a flipped label, a set."""
    train = images.load(args.dataset, validation_fraction=0, in_memory="always").train.subset(np.arange(args.examples))
    generator, labels = np.random.default_rng(0), train.labels.copy()
    flipped = generator.choice(len(labels), round(_SHARE * len(labels)), replace=False)
    classes = int(labels.max()) + 1
    labels[flipped] = (labels[flipped] + generator.integers(1, classes, len(flipped))) % classes
    if not (args.output / "flipped.npz").exists():
        np.savez(args.output / "flipped.npz", x_train=train.inputs, y_train=labels)
    return set(flipped.tolist())


if __name__ == "__main__":
    main()
