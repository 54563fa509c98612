"""Does group DRO care for those that a shortcut misleads? A planted table, five seeds, three methods, few epochs and many.

The label of a row is told by its beak, a number with noise, and in 90% of the training rows by its place as well, which is easier to learn.
Rows whose place says otherwise are groups of their own: 5% each. In the set "uneven" the beaks of one of these have twice the noise, so
that to draw all groups equally often is not enough. Test rows are 4,000 new ones of the same kind; the accuracy is their mean, the worst
group's the lowest of four. A seed makes the rows, the weights and the order.

python -m benchmarks.robustness.planted_groups --output benchmarks/results/planted_groups.csv

Eight minutes of processor time.
"""

import argparse
import csv
import pathlib
import tempfile

import numpy as np

from hornbook.evaluation.intervals import spread
from hornbook.recipes import tabular_classification

METHODS = ("none", "balanced", "dro")
_ROWS, _AGREE, _NOISE_COLUMNS = 4000, 0.9, 10


def plant(path, seed, *, uneven=False):
    """Write a table of birds: `beak`, `place`, ten columns of noise, and `bird`."""
    draw = np.random.default_rng(seed)
    birds = draw.integers(0, 2, _ROWS)
    places = np.where(draw.random(_ROWS) < _AGREE, birds, 1 - birds)
    deviation = np.where(uneven & (birds == 1) & (places == 0), 2.0, 1.0)
    beaks = 2 * birds - 1 + deviation * draw.normal(size=_ROWS)
    noise = draw.normal(size=(_ROWS, _NOISE_COLUMNS))
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("beak", "place", *(f"noise{k}" for k in range(_NOISE_COLUMNS)), "bird"))
        for beak, place, others, bird in zip(beaks, places, noise, birds, strict=True):
            rows.writerow((f"{beak:.4f}", ("land", "water")[place], *(f"{one:.4f}" for one in others), ("landbird", "waterbird")[bird]))


def measured(folder, kind, seed, method, epochs):
    """The accuracy of a run on new rows, and that of their worst group."""
    train, test = folder / f"{kind}{seed}.csv", folder / f"{kind}{seed}_test.csv"
    if not train.exists():
        plant(train, seed, uneven=kind == "uneven")
        plant(test, seed + 1000, uneven=kind == "uneven")
    args = tabular_classification.Args(
        dataset=f"csv:{train}", test_dataset=f"csv:{test}", label_column="bird", robust_column="place", robust_method=method,
        classical_share=0.0, floor=False, data_check=False, seed=seed, **({} if epochs is None else {"epochs": epochs}),
        output=str(folder / f"{kind}{seed}_{method}_{epochs}"),
    )  # fmt: skip
    found = tabular_classification.main(args)["metrics"]
    return found["accuracy"], found["worst_group_accuracy"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, help="CSV of all runs")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for kind in ("even", "uneven"):
            for epochs in (3, None):
                for method in METHODS:
                    for seed in range(args.seeds):
                        found = measured(pathlib.Path(folder), kind, seed, method, epochs)
                        rows.append({"set": kind, "epochs": epochs or "auto", "method": method, "seed": seed,
                                     "accuracy": found[0], "worst_group_accuracy": found[1]})  # fmt: skip
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        with open(args.output, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0], lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    print("| set | epochs | method | accuracy | worst group |\n|---|---|---|---|---|")
    for kind, epochs, method in dict.fromkeys((row["set"], row["epochs"], row["method"]) for row in rows):
        own = [row for row in rows if (row["set"], row["epochs"], row["method"]) == (kind, epochs, method)]
        told = (spread([row[name] for row in own]) for name in ("accuracy", "worst_group_accuracy"))
        cells = (f"{one['mean']:.4f} ± {one['standard_deviation']:.4f}" for one in told)
        print(f"| {kind} | {epochs} | {method} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
