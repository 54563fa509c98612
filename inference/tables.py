"""`hornbook predict` and `hornbook evaluate` for runs on tables: tabular_classification and regression."""

import pathlib

import numpy as np

from hornbook import UserError, data
from hornbook.data import csv_rows, splits
from hornbook.data.tables import columns as table_columns
from hornbook.data.tables import dataset as table_data
from hornbook.data.tables import sources
from hornbook.data.tables.encoding import Encoding
from hornbook.evaluation import regression
from hornbook.evaluation import scores as classifier_scores
from hornbook.inference import commands
from hornbook.training import runs


def predict(args, about):
    """Print a line a row: its file and line, then class and probability, or a number for each target or quantile."""
    encoding, reading = _encoding(args.run), _reading(files.read_json(pathlib.Path(args.run, "config.json")))
    tabled = [_read(path, about, reading) for path in args.inputs]
    try:
        inputs = [encoding.encode(columns) for columns in tabled]
    except UserError as error:
        raise UserError(str(error).partition("; if it stands for")[0]) from error  # What is missing was settled in training.
    model = commands.load_model(args.run)
    for columns, rows in zip(tabled, inputs, strict=True):
        outputs = model.predict(rows, batch_size=commands.BATCH, verbose=0)
        for row, words in enumerate(_in_words(outputs, about, args.top)):
            print(columns.place(row), *words, sep="\t")


def evaluate(args, about, config):
    """The scores, and the names of those to print."""
    from hornbook.data import batches

    own = args.dataset in (None, config["dataset"])
    name = config["dataset"] if own else args.dataset
    data.tables.check_name(name)
    encoding = _encoding(args.run)
    if own:
        # Split as it was, so that what the encoding learns from the training rows is what it was, too.
        options = {key: config[key] for key in _READING + _SPLITTING}
        task = "regression" if about["task"] == "regression" else "classification"
        dataset = data.tables.load(name, task=task, folder=args.run, **options)
        splits.refuse_other_split(pathlib.Path(args.run, "split.csv"), dataset, remedy="pass another table as --dataset")
        examples = dataset.part(args.part or "test")
    else:
        parts, _, _ = sources.read(name, **_reading(config), in_memory=config["in_memory"], folder=args.run)
        columns = parts[commands.named_part(parts, name, args.part)]
        examples = table_data.as_trained(columns, about, encoding)
    model = commands.load_model(args.run)
    outputs = model.predict(batches.evaluation_batches(examples, batch_size=commands.BATCH, num_classes=None), verbose=0)
    if about["task"] == "regression":
        scores = regression.regression(examples.labels, outputs, about["target_names"], about["quantiles"])
        return scores, [metric for metric in regression.METRICS if metric in scores]
    return classifier_scores.scores(about["loss"], examples.labels, outputs, about["class_names"]), classifier_scores.METRICS


_READING = (
    "label_column", "feature_columns", "categorical_columns", "id_column", "missing_values", "encoding", "header", "decimal",
    "in_memory",
)  # fmt: skip
_SPLITTING = ("rare_categories", "test_dataset", "validation_fraction", "test_fraction", "split_seed")


def _reading(config):
    """Options of `sources.read` as the run's own."""
    return {**{name: config[name] for name in ("encoding", "header", "decimal")}, "missing": csv_rows.names(config["missing_values"])}


def _encoding(run):
    return Encoding.from_json(files.read_json(pathlib.Path(run, "table.json")))


def _read(path, about, reading):
    """The columns of a file."""
    if path.endswith(".npy"):
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, TypeError, EOFError) as error:
            raise UserError(f"{path} cannot be read as a NumPy array: {error}") from error
        features = about["feature_names"]
        if array.ndim != 2 or array.shape[1] != len(features) or not len(array):
            raise UserError(f"{path} has shape {array.shape}; the run takes (rows, {len(features)}): {', '.join(features)}")
        return table_columns.from_array(array, features, path, missing=reading["missing"])
    table = csv_rows.read(path, encoding=reading["encoding"], header=reading["header"])
    columns = table_columns.from_table(table, decimal=reading["decimal"], missing=reading["missing"])
    return columns if table.header else _by_place(columns, about)


def _by_place(columns, about):
    """Columns without names of their own, called as in training: the features alone, or all columns as they were there."""
    features = about["feature_names"]
    if len(columns.cells) == len(features):
        return table_columns.renamed(columns, features)
    absent = [name for name in features if name not in columns.cells]
    if absent:
        raise UserError(
            f"{columns.name} has {len(columns.cells)} columns without names; accepted are the {len(features)} that the run predicts from, "
            f"in this order: {', '.join(features)}; or a first line that names them"
        )
    return columns


def _in_words(outputs, about, top):
    """For each row the words of its line."""
    if about["task"] == "regression":
        for row in outputs:
            yield [f"{value:.6g}" for value in row]
        return
    names = about["class_names"]
    for row in classifier_scores.probabilities(about["loss"], outputs):
        best = np.argsort(-row, kind="stable")[: max(1, top)]
        if about["task"] == "multi-label":
            best = range(len(names))  # Each label has a probability of its own.
        yield [f"{names[k]}\t{row[k]:.4f}" for k in best]
