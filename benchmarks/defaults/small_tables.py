"""Do the defaults rank the rows of small tables as well as gradient boosting does? AUC on the test rows of several splits.

    python benchmarks/defaults/small_tables.py --corpus FOLDER                  # seven tables, five splits: some ten minutes
    python benchmarks/defaults/small_tables.py --summary                        # what results/small_tables.csv says

Each row is a run with no flag but the table's name, its label's column and the number of the split. Gradient boosting (scikit-learn's
HistGradientBoosting by its defaults, categories as such) and logistic regression are fitted to the training and validation rows of the
same split. With several classes the AUC is the mean of each class against the others. FOLDER has `tables/NAME.csv`.
"""

import argparse
import pathlib
import statistics
import tempfile

import corpus
import numpy as np

RESULTS = pathlib.Path(__file__).parents[1] / "results/small_tables.csv"
COLUMNS = ("set", "split", "default", "network alone", "gradient boosting", "logistic regression")
FROM_FILES = ("german", "glass", "haberman", "ionosphere", "pima-indians-diabetes")


def tables(corpus):
    """{name: options of the recipe}."""
    found = {name: {"dataset": f"csv:{corpus}/tables/{name}.csv"} for name in FROM_FILES}
    found["wine"] = {"dataset": "wine"}
    found["winequality-red"] = {"dataset": f"csv:{corpus}/tables/winequality-red.csv", "label_column": "quality"}
    return found


def auc(labels, outputs):
    """The mean over the classes of the area under the curve of each against the others."""
    from sklearn.metrics import roc_auc_score

    likely = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    present = [number for number in range(outputs.shape[1]) if (labels == number).any()]
    return statistics.mean(roc_auc_score(labels == number, likely[:, number]) for number in present)


def row_of(name, options, split):
    import keras

    from hornbook import data
    from hornbook.evaluation.floors import tables as classical
    from hornbook.evaluation.floors.tasks import Task
    from hornbook.recipes import tabular_classification as recipe

    with tempfile.TemporaryDirectory() as place:
        found = {}
        for column, share in (("default", "auto"), ("network alone", 0.0)):
            args = recipe.Args(**options, split_seed=split, seed=split, floor=False, classical_share=share, output=f"{place}/{column}")
            recipe.main(args)
            dataset = recipe.load(args, pathlib.Path(place))
            outputs = data.predictions(keras.models.load_model(f"{place}/{column}/model.keras"), dataset.test)
            found[column] = auc(dataset.test.labels, outputs.astype(np.float64))
            keras.utils.clear_session()
    parts = [part for part in (dataset.train, dataset.validation) if part is not None]
    inputs, labels = (np.concatenate([np.asarray(getattr(part, key)) for part in parts]) for key in ("inputs", "labels"))
    task, numbers = Task("classification", dataset.num_classes), dataset.num_numbers
    for column, model in (("gradient boosting", classical.boosting), ("logistic regression", classical.linear)):
        found[column] = auc(dataset.test.labels, model(task, inputs, labels, np.asarray(dataset.test.inputs), numbers=numbers))
    return {"set": name, "split": split} | {column: f"{value:.4f}" for column, value in found.items()}


def summary():
    found, scored = corpus.rows(RESULTS), COLUMNS[2:]
    print(f"{'set':24}{'n':>3}" + "".join(f"{column:>24}" for column in scored))
    for name in dict.fromkeys(row["set"] for row in found):
        own = [row for row in found if row["set"] == name]
        values = {column: [float(row[column]) for row in own] for column in scored}
        spread = {column: statistics.stdev(one) if len(one) > 1 else 0.0 for column, one in values.items()}
        print(f"{name:24}{len(own):3}" + "".join(f"{statistics.mean(one):15.4f} ± {spread[key]:.4f}" for key, one in values.items()))
    means = [statistics.mean(float(row[column]) for row in found) for column in scored]
    print(f"{'mean':24}{len(found):3}" + "".join(f"{mean:15.4f}{'':9}" for mean in means))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", help="folder with tables/")
    parser.add_argument("--splits", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--summary", action="store_true", help="run nothing")
    args = parser.parse_args()
    if not args.summary:
        if args.corpus is None:
            parser.error("--corpus is needed, or --summary")
        done = {(row["set"], int(row["split"])) for row in corpus.rows(RESULTS)}
        for split in args.splits:
            for name, options in tables(pathlib.Path(args.corpus).resolve()).items():
                if (name, split) in done:
                    continue
                corpus.append([row_of(name, options, split)], RESULTS, COLUMNS)
    summary()


if __name__ == "__main__":
    main()
