"""How far should a temperature that few examples have chosen be believed? A prior on its logarithm, by the loss on other examples.

    python benchmarks/generalisation/temperature_prior.py --corpus FOLDER

Networks of two hidden layers (scikit-learn's, quick to train), trained far too long or stopped early, on scikit-learn's tables and, with
--corpus, CSV files of names and numbers whose last column is the class; 20 splits each. The temperature is fitted on 20 to 400 validation
examples with a normal prior of each width on its logarithm (inf: none, where a temperature that would leave 0.05 to 20 is 1), and scored on
the test part: the mean cross-entropy less that of temperature 1. The width is chosen on the sets of group A, and looked at on those of B.
Prints a table, writes results/temperature_prior.csv.
"""

import argparse
import csv
import math
import pathlib
import warnings

import numpy as np
from scipy.optimize import minimize_scalar
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

WIDTHS = (0.1, 0.2, 0.3, 0.5, 0.7, 1.0, math.inf)
SIZES = (20, 50, 100, 400)
ENDS = math.log(20)
STEPS = {"long": 400, "short": 15}
RESULT = pathlib.Path(__file__).parents[1] / "results/temperature_prior.csv"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=pathlib.Path, help="folder of CSV files")
    parser.add_argument("--splits", type=int, default=20)
    args = parser.parse_args()
    rows = []
    for place, (name, (inputs, labels)) in enumerate(sorted(sources(args.corpus).items())):
        group = "AB"[place % 2]
        for split in range(args.splits):
            for kind, epochs in STEPS.items():
                rows += [
                    {"set": name, "group": group, "split": split, "network": kind, **row} for row in scored(inputs, labels, split, epochs)
                ]
        print(name, group, len(labels), flush=True)
    with open(RESULT, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    for group in "AB":
        for size in SIZES:
            told = []
            for width in WIDTHS:
                own = [row for row in rows if (row["group"], row["validation"]) == (group, size)]
                gains = [row[f"gain_{width}"] for row in own]
                worse = np.mean([gain > 0.01 for gain in gains]) if gains else math.nan
                told.append(f"{width}: {np.mean(gains):+.4f} ({worse:.0%} worse)" if gains else "-")
            print(f"{group}, {size} examples:", ", ".join(told))


def sources(corpus):
    found = {name: getattr(datasets, f"load_{name}")(return_X_y=True) for name in ("wine", "breast_cancer", "digits", "iris")}
    for path in sorted(corpus.glob("*.csv")) if corpus else ():
        with open(path, newline="") as file:
            cells = [row for row in csv.reader(file) if row][1:]
        try:
            table = np.array([[float(cell) for cell in row[:-1]] for row in cells])
        except ValueError:
            continue
        labels = np.unique([row[-1] for row in cells], return_inverse=True)[1]
        if labels.max() < 20:
            found[path.stem] = table, labels
    return found


def scored(inputs, labels, split, epochs):
    """A row a size of the validation part: the gain on the test part with each prior."""
    train, rest, of_train, of_rest = train_test_split(inputs, labels, test_size=0.5, random_state=split, stratify=labels)
    scaler = StandardScaler().fit(train)
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore", ConvergenceWarning)
        network = MLPClassifier((64, 64), max_iter=epochs, random_state=split, tol=0.0).fit(scaler.transform(train), of_train)
    outputs = network.predict_log_proba(scaler.transform(rest)).clip(-100)
    for size in SIZES:
        if size <= len(rest) // 2:
            before = loss(outputs[size:], of_rest[size:], 1.0)
            chosen = {width: fit(outputs[:size], of_rest[:size], width) for width in WIDTHS}
            yield {"validation": size, "loss": before, **{f"gain_{width}": loss(outputs[size:], of_rest[size:], one) - before
                   for width, one in chosen.items()}, **{f"temperature_{width}": one for width, one in chosen.items()}}  # fmt: skip


def loss(outputs, labels, temperature):
    scaled = outputs / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - scaled[np.arange(len(labels)), labels]))


def fit(outputs, labels, width):
    def penalised(logarithm):
        return len(labels) * loss(outputs, labels, math.exp(logarithm)) + 0.5 * (logarithm / width) ** 2

    found = minimize_scalar(penalised, bounds=(-ENDS, ENDS), method="bounded", options={"xatol": 1e-6}).x
    return 1.0 if abs(found) > ENDS - 1e-3 else math.exp(found)


if __name__ == "__main__":
    main()
