"""Tables as datasets: split, and encoded by statistics of the training rows alone, see `encoding`.

Sources are `csv:PATH`, `tfds:NAME`, scikit-learn's `breast_cancer`, `wine` and `diabetes`, and arrays from Python. This file does not
import TensorFlow.
"""

import dataclasses
import typing
from typing import Annotated

import msgspec
import numpy as np

from hornbook import UserError, records, spelling
from hornbook.data import naming, sources, splits
from hornbook.data.dataset import Dataset, Examples, Labels
from hornbook.data.selection import arranging, thinning, times
from hornbook.data.selection import weights as of_examples
from hornbook.data.tables.columns import from_array
from hornbook.data.tables.encoding import Encoding, kinds, learn
from hornbook.data.tables.targets import read_targets, refuse_constant, refuse_rare_classes

# Scikit-learn's own, in its package: real data that needs no network.
BUILT_IN = {"breast_cancer": "classification", "wine": "classification", "diabetes": "regression"}

KINDS = ("csv", "tfds")  # That may stand before a colon, see `sources.home`.
_USUAL = {"classification": naming.LABEL_COLUMNS, "regression": naming.TARGET_COLUMNS}
_FEWEST = 10  # Rows, of which training, validation and test each need some.


class TableLabels(Labels, kw_only=True):
    """`labels.json` of a run on a table: `input_shape` is (inputs,), those that `table.json` makes of the columns `feature_names`."""

    input_shape: Annotated[list[records.Size], msgspec.Meta(min_length=1, max_length=1)]
    feature_names: list[str]


@dataclasses.dataclass(frozen=True)
class TableDataset(Dataset):
    """A table, split and encoded. It has the attributes of `Dataset`, and these.

    Attributes:
        encoding: `encoding.Encoding`.
        feature_names: all columns that are features, in the table's order; those that were left out are among them.
        columns: dict of part to its `columns.Columns` or `csv.FileColumns`, in the order of the part's examples. Reports show rows by it.
    """

    encoding: Encoding | None = None
    feature_names: tuple = ()
    columns: dict = dataclasses.field(default_factory=dict)

    medium: typing.ClassVar[str] = "tables"
    labels_kind: typing.ClassVar[type] = TableLabels

    @property
    def num_numbers(self):
        """How many of the inputs are numbers or indicators, not codes of categories."""
        return self.input_shape[0] - len(self.encoding.categories)

    def about(self):
        """See `Dataset.about`; and the columns that are features, for `as_trained`."""
        return {**super().about(), "feature_names": tuple(map(str, self.feature_names))}

    def in_words(self, part, position):
        """Where an example of a part stands and what is in it, text for a report."""
        row = self.columns[part].row(position)
        # A test table may lack a column that was left out, being constant in training.
        cells = {name: row.cells[name][0] for name in self.feature_names if name in row.cells}
        words = (f"{name} {cell:g}" if isinstance(cell, float) else f"{name} {cell.strip()}" for name, cell in cells.items())
        return f"{row.place(0)}: {', '.join(words)}"


@spelling.as_arguments(dataset="name")
def check_name(name, task=None):
    """Refuse a name that is no dataset's, see `sources.check_name`, and a built-in one of another task, if one is given."""
    sources.check_name(name, "tables", tuple(BUILT_IN), KINDS)
    built_for = BUILT_IN.get(name, task)
    if task is not None and built_for != task:
        recipe = "tabular-classification" if built_for == "classification" else "regression"
        raise UserError(f"{name} is a dataset of {built_for}: hornbook {recipe} --dataset {name}")


@spelling.as_arguments(arranging.Arrangement, thinning.Thinning, dataset="name")
def load(name, *, task="classification", label_column=None, feature_columns=None, categorical_columns=None, id_column=None,
         missing_values=None, encoding="auto", header="auto", decimal="auto", in_memory="auto", folder=None, rare_categories=5,
         test_dataset=None, group_column=None, time_column=None, weight_column=None, validation_fraction=0.1, test_fraction=0.2,
         split_seed=0, kept=thinning.ALL, arranged=arranging.NONE):  # fmt: skip
    """A `TableDataset` by name.

    Args:
        name: `csv:PATH`, `tfds:NAME[/CONFIG][:VERSION]`, or one of `BUILT_IN`.
        task: "classification", or "regression". Several label columns make a classification "multi-label".
        label_column: names of the columns to predict, separated by commas. Default: what the source says, else the usual names.
        feature_columns: names of the columns to predict from, separated by commas. Default: all others but `id_column`.
        categorical_columns: names of features that are categories though they are written as numbers.
        id_column: names of columns to leave out.
        missing_values: further texts that stand for a missing value, separated by commas.
        encoding, header, decimal: how a file is read, see `csv_rows.read` and `columns.from_table`.
        in_memory: "always", "never" (a CSV stays on disk) or "auto": in memory up to 256 MiB.
        folder: where the columns of a table that stays on disk are kept; None: the system's folder for temporary files.
        rare_categories: a category of fewer training rows counts as unseen.
        test_dataset: another table to test on, spelt as `name`; default: the source's test split, else a share of its rows.
        group_column: name of a column, such as one of patients: rows of one value stand in one part. It is no feature.
        time_column: name of a column of numbers or dates: the latest rows are held out, see `selection.times`. It is no feature.
        weight_column: name of a column with what each training row counts in the loss, a number of 0 or more. It is no feature.
        validation_fraction, test_fraction, split_seed, kept, arranged: see `data.images.load`.

    Raises:
        UserError: something is wrong with the table, with the line and column and what is accepted.

    Example:
    ```python
    import keras
    from hornbook import data

    table = data.tables.load("breast_cancer")
    model = keras.Sequential([keras.layers.BatchNormalization(), keras.layers.Dense(table.num_classes, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(table.train.inputs, table.train.labels, verbose=0)
    model.evaluate(table.test.inputs, table.test.labels, verbose=0)
    ```
    """
    check_name(name, task)
    reading = {"encoding": encoding, "header": header, "decimal": decimal, "missing": naming.names(missing_values, "--missing-values")}
    reading |= {"in_memory": in_memory, "folder": folder}
    parts, source_label, source_classes = read(name, **reading)
    if test_dataset is not None:
        check_name(test_dataset)
        tested = read(test_dataset, **reading)[0]
        parts["test"] = _apart_from(parts["train"], tested.get("test", tested["train"]))
    labels = naming.names(label_column, "--label-column")
    targets = _choose_targets(parts["train"], task, labels, source_label, is_file=name.startswith("csv:"))
    categorical = naming.names(categorical_columns, "--categorical-columns")
    chosen, left_out = naming.names(feature_columns, "--feature-columns"), naming.names(id_column, "--id-column")
    roles = {"--group-column": group_column, "--time-column": time_column, "--weight-column": weight_column}
    roles = {flag: column for flag, column in roles.items() if column is not None}
    for flag, column in roles.items():
        parts["train"].require((column,), flag)
        if column in targets:
            raise UserError(f"{parts['train'].name}: {column!r} cannot be both --label-column and {flag}")
    features = _choose_features(parts["train"], targets, chosen, categorical, (*left_out, *roles.values()))
    return split(
        name,
        parts,
        targets,
        features,
        task=task,
        categorical=categorical,
        class_names=source_classes if targets == (source_label,) and task == "classification" else None,
        rare_categories=rare_categories,
        fractions={"test": test_fraction, "validation": validation_fraction},
        split_seed=split_seed,
        groups={part: _groups(one, group_column) for part, one in parts.items() if group_column in one.cells},
        times=None if time_column is None else _times(parts["train"], time_column),
        weights=None if weight_column is None else _weights(parts["train"], weight_column),
        kept=kept,
        arranged=arranged,
    )


def _apart_from(train, columns):
    """A table of another source than the training rows', by the name of which `split.csv` tells their rows apart."""
    if columns.source != train.source:
        return columns
    if dataclasses.is_dataclass(columns):
        return dataclasses.replace(columns, source="test")
    columns.source = "test"
    return columns


def _groups(columns, name):
    """The group of each row, an object array of texts."""
    known = {}  # Each text once, whatever the number of its rows.

    def of_block(block):
        groups = block.texts(name)
        missing = next((row for row, group in enumerate(groups.tolist()) if group is None), None)
        if missing is not None:
            raise UserError(f"{block.where(missing, name)} is empty; accepted is the group of each row, by --group-column")
        return np.array([known.setdefault(group, group) for group in groups.tolist()], object)

    return columns.joined(of_block)


def _times(columns, name):
    """The time of each row, see `selection.times`."""
    return times.parsed(["" if text is None else text for text in columns.joined(lambda block: block.texts(name)).tolist()],
                        lambda row: columns.where(row, name))  # fmt: skip


def _weights(columns, name):
    """The weight of each row, float64."""

    def of_block(block):
        try:
            return of_examples.checked(block.numbers(name), lambda row: block.where(row, name))
        except UserError as error:
            raise UserError(str(error).partition("; if it stands for")[0]) from error  # A weight cannot be missing.

    return columns.joined(of_block)


def read(name, *, missing=(), in_memory="always", folder=None, **reading):
    """The tables of a source: a dict of part ("train", and "validation", "test" if the source has them) to `columns.Columns`.

    Args:
        name: `csv:PATH`, `tfds:NAME` or one of `BUILT_IN`.
        missing: further texts that stand for a missing value.
        in_memory, folder: whether a file stays on disk, see `load`.
        reading: `encoding`, `header`, `decimal` of a file, see `csv.read`.

    Returns:
        The dict; the label's column, or None if the source does not name one; its class names (a tuple), or None.

    Raises:
        UserError: something is wrong with the source, with the file and line.
    """
    if name in BUILT_IN:
        return _built_in(name)
    kind, _, rest = name.partition(":")
    home = sources.home("tables", kind)
    if kind == "tfds":
        return home.read(name, missing)
    return {"train": home.read(rest, missing=missing, in_memory=in_memory, folder=folder, **reading)}, None, None


def _built_in(name):
    from sklearn import datasets

    # Unscaled, as users' own tables are: scikit-learn standardizes diabetes over all rows by default, those of the test among them.
    bunch = datasets.load_diabetes(scaled=False) if name == "diabetes" else getattr(datasets, f"load_{name}")()
    columns = from_array(bunch.data, bunch.feature_names, name, source="all")
    columns.cells["target"] = bunch.target.astype(np.float64)
    return {"train": columns}, "target", tuple(map(str, bunch.target_names)) if BUILT_IN[name] == "classification" else None


def split(name, parts, targets, features, *, task, categorical=(), class_names=None, rare_categories=5, fractions, split_seed=0,
          groups=None, times=None, weights=None, kept=thinning.ALL, arranged=arranging.NONE):  # fmt: skip
    """A `TableDataset` of columns.

    Args:
        name: of the dataset.
        parts: dict of "train", and "validation" and "test" where there are any, to `columns.Columns` or `csv.FileColumns`.
        targets, features: names of columns.
        task, categorical, class_names, rare_categories, split_seed, kept, arranged: see `load`.
        fractions: dict of "test" and "validation" to the share of the training rows to hold out where there is no such part.
        groups: dict of a part to the array of the group of each of its rows, of which none stands in two parts, or None.
        times: array of the time of each training row, or None.
        weights: float array of the weight of each training row, or None.

    Raises:
        UserError: see `load`.
    """
    if task == "classification" and len(targets) > 1:
        task = "multi-label"
    if isinstance(fractions["test"], splits.Fold):
        parts = {part: columns for part, columns in parts.items() if part != "test"}
    train = parts["train"]
    labels = {}
    labels["train"], class_names = _read_labels(train, targets, task, class_names, features)
    if len(train) < _FEWEST:
        raise UserError(f"{name} has {len(train)} rows; at least {_FEWEST} are needed to train on some and evaluate on others")
    held = [part for part in ("test", "validation") if part not in parts and splits.share_of(fractions[part], len(train))]
    if task == "classification" and times is None and arranged == arranging.NONE:
        refuse_rare_classes(train, targets[0], labels["train"], class_names, held)
    for part in parts.keys() - {"train"}:
        labels[part], _ = _read_labels(parts[part], targets, task, class_names)
    numbers, categories = kinds(train, features, categorical)

    # Split without inputs, which are encoded by statistics of the training rows alone.
    positions = {
        part: Examples(np.empty((len(labels[part]), 0)), labels[part], np.arange(len(labels[part])), parts[part].source) for part in parts
    }
    groups = {parts[part].source: own for part, own in (groups or {}).items()}
    elsewhere = {source: own for source, own in groups.items() if source != train.source}
    divided = Dataset(name, class_names, (1,), **positions, groups=groups.get(train.source), groups_elsewhere=elsewhere, times=times)
    shares = {f"{part}_fraction": fraction for part, fraction in fractions.items()}
    divided = splits.complete(divided, **shares, split_seed=split_seed, arranged=arranged)
    divided = thinning.thinned(divided, kept, split_seed)
    by_source = {columns.source: columns for columns in parts.values()}
    rows = {part: (by_source[examples.source], examples) for part, examples in divided.parts.items()}
    encoding = learn(train.select(divided.train.indices), numbers, categories, rare=rare_categories)
    notes = dict.fromkeys(note for columns in parts.values() for note in columns.notes)  # Two parts may be of one file.
    notes |= dict.fromkeys(divided.notes)
    notes |= dict.fromkeys(f"the column {column!r} is left out: {reason}" for column, reason in encoding.left_out.items())
    shown = {part: columns.select(one.indices) for part, (columns, one) in rows.items()}
    examples = {part: dataclasses.replace(one, inputs=shown[part].encoded(encoding)) for part, (_, one) in rows.items()}
    if task == "regression":
        refuse_constant(train.name, targets, divided.train.labels)
    shape = (len(encoding.inputs),)
    kept_of_split = {field: getattr(divided, field) for field in ("class_names", "thinned", "groups", "groups_elsewhere", "times", "drawn")}
    dataset = TableDataset(name=name, input_shape=shape, **examples, **kept_of_split, encoding=encoding, task=task,
                           target_names=tuple(targets), feature_names=tuple(features), columns=shown, weights=weights)  # fmt: skip
    return dataset.noted(*notes, *_on_ignored_columns(parts, {*features, *targets}))


def as_trained(columns, about, encoding):
    """Inputs and labels of another table, encoded as a run's own.

    Args:
        columns: `columns.Columns` or `csv.FileColumns`.
        about: the run's `labels.json`.
        encoding: `Encoding`.

    Returns:
        `Examples`.

    Raises:
        UserError: a column is not there, training did not have a class, or something is wrong with a cell.
    """
    columns.require(about["target_names"], "what the run predicts")
    labels, _ = _read_labels(columns, about["target_names"], about["task"], tuple(about["class_names"]))
    return Examples(columns.encoded(encoding), labels, np.arange(len(labels)), columns.source)


def _read_labels(columns, targets, task, class_names, features=()):
    if hasattr(columns, "read_labels"):  # A table that stays in its file reads them in its first pass.
        return columns.read_labels(targets, task, class_names, features)
    return read_targets(columns, targets, task, class_names)


def _choose_targets(columns, task, named, source_label, *, is_file):
    if named:
        columns.require(named, "--label-column")
        return named
    if source_label is not None:
        return (source_label,)
    hint = ", or --header no if the first line is a row" if is_file else ""
    return (naming.choose(columns.name, columns.cells, None, _USUAL[task], "--label-column", hint),)


def _choose_features(columns, targets, named, categorical, ids):
    for names, flag in ((named, "--feature-columns"), (categorical, "--categorical-columns"), (ids, "--id-column")):
        columns.require(names, flag)
    both = [name for name in named if name in targets]
    if both:
        raise UserError(f"{columns.name}: {both[0]!r} cannot be both --label-column and among --feature-columns")
    features = tuple(name for name in named or columns.cells if name not in targets and name not in ids)
    strange = [name for name in categorical if name not in features]
    if strange:
        raise UserError(f"{columns.name}: {strange[0]!r} is among --categorical-columns, but is no feature")
    if not features:
        raise UserError(f"{columns.name} has no column to predict {', '.join(targets)} from; it has {columns.listed()}")
    return features


def _on_ignored_columns(parts, used):
    """Notes on the columns that another table has and the training table has not."""
    for columns in parts.values():
        further = [name for name in columns.cells if name not in used and name not in parts["train"].cells]
        if further:
            yield f"{columns.name} has columns that the training table does not have, and which are ignored: {naming.some(further)}"
