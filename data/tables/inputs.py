"""Rows of tables for a finished run's model, see `data.inputs`."""

import dataclasses
import os
from typing import Literal

import numpy as np

from hornbook import UserError, records
from hornbook.data import inputs, naming
from hornbook.data.dataset import Examples
from hornbook.data.dataset import sample as sampled
from hornbook.data.tables import columns as columns_of
from hornbook.data.tables import csv
from hornbook.data.tables.dataset import as_trained, check_name, load
from hornbook.data.tables.dataset import read as read_source
from hornbook.data.tables.encoding import Encoding

_COLUMNS = ("label_column", "feature_columns", "categorical_columns", "id_column", "missing_values", "rare_categories", "test_dataset",
            "group_column", "time_column", "weight_column")  # fmt: skip
_READING = ("encoding", "header", "decimal", "in_memory")
THREADED = ()
_BLOCK = 4096  # Rows that are read at a time.


class Settings(inputs.Settings, kw_only=True):
    """See `data.inputs`."""

    label_column: str | None
    feature_columns: str | None
    categorical_columns: str | None
    id_column: str | None
    missing_values: str | None
    rare_categories: records.Size
    test_dataset: str | None
    group_column: str | None
    time_column: str | None = None
    weight_column: str | None = None
    encoding: str
    header: Literal["auto", "yes", "no"]
    decimal: Literal["auto", "point", "comma"]
    in_memory: Literal["auto", "always", "never"]


def read(given, trained, skip=0):
    """Pairs of a row's place and its encoded inputs, from a CSV or TSV file or a .npy array `(rows, columns)` of numbers."""
    encoding = _encoding(trained)
    if given.endswith(".npy"):
        for columns in _of_array(given, trained, skip):
            yield from zip(map(columns.place, range(len(columns))), _encoded(encoding, columns), strict=True)
        return
    found = inputs.layout(given, **trained.options("encoding", "header"))
    missing, comma = _missing(trained), trained.config["decimal"] == "comma"
    if trained.config["decimal"] == "auto" and found.delimiter != ",":
        comma = csv.has_decimal_commas(found, missing)
    for some in csv.rows_in_blocks(found, _BLOCK, skip):
        sound = [(line, row) for line, _, _, row in some if not isinstance(row, UserError)]
        columns = csv.block(found, [row for _, row in sound], [line for line, _ in sound], comma, missing)
        encoded = iter(_encoded(encoding, columns if found.header else _by_place(columns, trained.about["feature_names"])))
        for line, _, _, row in some:
            yield f"{found.path}:{line}", row if isinstance(row, UserError) else next(encoded)


def _encoded(encoding, columns):
    """The network's input of each row, or the `UserError` on it."""
    encoding.require(columns)
    try:
        return encoding.encode(columns)
    except UserError as error:
        if len(columns) == 1:
            # What is missing was settled in training.
            return [UserError(str(error).partition("; if it stands for")[0])]
    half = len(columns) // 2
    return [row for places in (range(half), range(half, len(columns))) for row in _encoded(encoding, columns.select(np.array(places)))]


def suffixes(trained):
    """How the names of tables end, see `data.inputs`."""
    return (".csv", ".tsv", ".npy")


def examples(rows, trained):
    """Encoded rows as `Examples`."""
    return Examples(np.stack(rows), np.zeros(len(rows), np.int64), np.arange(len(rows)), "all"), None


def taken(dataset, trained):
    """The training part of a table, encoded as the run encodes."""
    encoding, columns = _encoding(trained), dataset.columns["train"]
    encoding.require(columns)
    return dataclasses.replace(dataset.train, inputs=columns.encoded(encoding))


def scored(name, part, trained, skip_unreadable):
    """The part of a table to score."""
    check_name(name)
    if trained.is_own(name):
        # Split as it was, so that what the encoding learns from the training rows is what it was, too.
        task = "regression" if trained.about["task"] == "regression" else "classification"
        options = {**trained.options(*_COLUMNS, *_READING), **trained.split(name)}
        dataset = load(name, task=task, folder=_scratch(trained), **options)
        trained.refuse_other_split(dataset)
        return dataset.part(part or "test"), 0
    parts, _, _ = read_source(name, missing=_missing(trained), folder=_scratch(trained), **trained.options(*_READING))
    columns = parts[inputs.named_part(parts, name, part)]
    return as_trained(columns, trained.about, _encoding(trained)), 0


def sample(trained, count):
    """Pairs of a row, a dict of column to text or number, and its encoded inputs, see `data.inputs`."""
    parts, _, _ = read_source(trained.config["dataset"], missing=_missing(trained), folder=_scratch(trained), **trained.options(*_READING))
    encoding, found = _encoding(trained), []
    for place in sampled(len(parts["train"]), count).tolist():
        row = parts["train"].row(place)
        # What a column of numbers holds is written with a point, however the file writes it.
        cells = {name: _number(row.numbers(name)[0]) for name in encoding.numbers}
        cells |= {name: row.texts(name)[0] for name in encoding.categories}
        found.append((cells, row.encoded(encoding)[0]))
    return found


def _number(value):
    return None if np.isnan(value) else float(value)


def generated(trained, count):
    """Pairs of a made-up row and its encoded inputs: numbers around their medians, categories known, unknown and missing."""
    encoding, draw = _encoding(trained), np.random.default_rng(0)
    cells = {}
    for name, median in encoding.numbers.items():
        cells[name] = np.where(draw.random(count) < 0.1, np.nan, median + draw.normal(size=count) * max(1.0, abs(median) / 4))
    for name, values in encoding.categories.items():
        cells[name] = np.array(
            [(*values, "", "a category that nobody has seen")[one] for one in draw.integers(0, len(values) + 2, count)], object
        )
    columns = columns_of.Columns("made-up rows", cells, np.arange(count), "row {}", missing=columns_of.with_missing(_missing(trained)))
    rows = [{name: _number(column[place]) if name in encoding.numbers else column[place] for name, column in cells.items()}
            for place in range(count)]  # fmt: skip
    return list(zip(rows, encoding.encode(columns), strict=True))


def _scratch(trained):
    """Where columns of a large table are kept meanwhile: in the run's folder, or, where that is for reading alone, in the system's."""
    return trained.folder if os.access(trained.folder, os.W_OK) else None


def _missing(trained):
    return naming.names(trained.config["missing_values"], f"{trained.folder / 'config.json'}: --missing-values")


def _encoding(trained):
    """The run's, which must make the inputs that its model has."""
    path = trained.folder / "table.json"
    encoding, inputs_of_model = records.read(path, Encoding), trained.about["input_shape"][0]
    if len(encoding.inputs) != inputs_of_model:
        raise UserError(
            f"{path} makes {len(encoding.inputs)} inputs, and {trained.folder / 'labels.json'} says that the model takes {inputs_of_model}"
        )
    strange = [name for name in encoding.columns if name not in trained.about["feature_names"]]
    if strange:
        raise UserError(f"{path} has the column {strange[0]!r}, which is no feature in {trained.folder / 'labels.json'}")
    return encoding


def _of_array(path, trained, skip):
    """The rows of an array as columns, some at a time."""
    features, array = trained.about["feature_names"], inputs.array(path)
    if len(array.shape) != 2 or array.shape[1] != len(features):
        raise UserError(f"{path} has shape {array.shape}; the run takes (rows, {len(features)}): {', '.join(features)}")
    for first, rows in array.blocks(skip):
        columns = columns_of.from_array(rows, features, path, missing=_missing(trained))
        yield dataclasses.replace(columns, places=columns.places + first)


def _by_place(columns, features):
    """Columns without names of their own, called as in training: the features alone, or all columns as they were there."""
    if len(columns.cells) == len(features):
        return columns_of.renamed(columns, features)
    absent = [name for name in features if name not in columns.cells]
    if absent:
        raise UserError(
            f"{columns.name} has {len(columns.cells)} columns without names; accepted are the {len(features)} that the run predicts from, "
            f"in this order: {', '.join(features)}; or a first line that names them"
        )
    return columns
