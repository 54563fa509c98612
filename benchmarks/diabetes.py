"""`hornbook regression` on scikit-learn's diabetes beside ridge regression, on the same rows.

python benchmarks/diabetes.py [--splits 5] [--output benchmarks/results/diabetes.csv] [-- FLAGS OF THE RECIPE]

For each split seed, a fifth of the 442 rows is held out. Ridge regression gets all others, its penalty chosen among 25 by leave-one-out
cross-validation; the network gets nine tenths of them, the rest is validation. The last row is ridge regression alone, cross-validated over
ten shuffled folds of all rows.
"""

import argparse
import csv
import pathlib
import tempfile

import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hornbook import command_line, data
from hornbook.evaluation.regression import regression as score
from hornbook.recipes import regression

SCORES = ("mean_squared_error", "mean_absolute_error", "r2")


def ridge():
    """Standardized columns, then ridge regression."""
    return make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 25)))


def ridge_scores(dataset):
    """Of ridge regression on the test rows, fitted on all others."""
    inputs = np.concatenate([dataset.train.inputs, dataset.validation.inputs])
    targets = np.concatenate([dataset.train.labels, dataset.validation.labels])
    predicted = ridge().fit(inputs, targets[:, 0]).predict(dataset.test.inputs)
    return score(dataset.test.labels, predicted[:, None], dataset.target_names)


def cross_validated():
    """Of ridge regression over ten folds."""
    inputs, targets = load_diabetes(return_X_y=True, scaled=False)
    predicted = cross_val_predict(ridge(), inputs, targets, cv=KFold(10, shuffle=True, random_state=0))
    return score(targets[:, None], predicted[:, None], ("target",))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--output", default="benchmarks/results/diabetes.csv")
    known, flags = parser.parse_known_args()
    args = command_line.parse(regression.Args, [flag for flag in flags if flag != "--"], "benchmarks/diabetes.py", "")
    rows = []
    for split_seed in range(known.splits):
        rows.append(("ridge", split_seed, ridge_scores(data.tables.load("diabetes", task="regression", split_seed=split_seed))))
        with tempfile.TemporaryDirectory() as folder:
            words = command_line.parse(regression.Args, [*flags, "--split-seed", str(split_seed), "--output", f"{folder}/run"], "", "")
            rows.append(("network", split_seed, regression.main(words)["metrics"]))
    rows.append(("ridge, cross-validated", "", cross_validated()))
    with open(pathlib.Path(known.output), "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("model", "split_seed", *SCORES))
        writer.writerows((name, seed, *(f"{scores[score]:.4f}" for score in SCORES)) for name, seed, scores in rows)
    for name in ("ridge", "network"):
        values = np.array([[scores[score] for score in SCORES] for model, _, scores in rows if model == name])
        means, deviations = values.mean(axis=0), values.std(axis=0, ddof=1) if len(values) > 1 else np.full(3, np.nan)
        told = ", ".join(f"{score} {mean:.4g} ± {deviation:.2g}" for score, mean, deviation in zip(SCORES, means, deviations, strict=True))
        print(f"{name}: {told}, n {len(values)}; loss {args.loss}")
    print("ridge, cross-validated: " + ", ".join(f"{score} {rows[-1][2][score]:.4g}" for score in SCORES))


if __name__ == "__main__":
    main()
