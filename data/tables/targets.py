"""What a table's model predicts: classes, several labels, or numbers, read from columns and checked."""

import numpy as np

from hornbook import UserError
from hornbook.data import naming
from hornbook.data.tables.columns import from_values

_YES_NO = {"0": 0.0, "1": 1.0, "false": 0.0, "true": 1.0, "no": 0.0, "yes": 1.0, "0.0": 0.0, "1.0": 1.0}
_MANY_CLASSES = 20
_FEW_CLASSES = 10  # Whole numbers of more values are counts or grades rather than names of classes.


def read_targets(columns, names, task, class_names=None):
    """The labels of a table's rows, and the names of their classes.

    Args:
        columns: `columns.Columns`.
        names: the columns of the labels.
        task: "classification", "multi-label" or "regression".
        class_names: the classes in their order, such as training's; None: those that occur.

    Returns:
        int64 `(rows,)` and a tuple for classification; 0 or 1, float64 `(rows, labels)`, and the columns for several labels; float64
        `(rows, targets)` and an empty tuple for regression.

    Raises:
        UserError: a label that is missing or does not fit, with its line and column.
    """
    columns.require(names, "--label-column")
    for name in names:
        missing = np.flatnonzero(columns.is_missing(name))
        if len(missing):
            cell = columns.cells[name][missing[0]]
            shown = "nan" if isinstance(cell, float) else cell.strip()
            rows = columns.rows_at(missing)
            more = f" and {rows - 1} more" if rows > 1 else ""
            raise UserError(f"{columns.where(missing[0], name)}{more}: the label is missing ({shown!r}); fill it in, or remove the row")
    if task == "regression":
        return np.stack([_target(columns, name) for name in names], axis=1), ()
    if task == "multi-label":
        return np.stack([_yes_no(columns, name) for name in names], axis=1), tuple(names)
    return _classes(columns, names[0], class_names)


def _target(columns, name):
    try:
        return columns.numbers(name)
    except UserError as error:
        if not columns.is_number(name).any():
            first = columns.texts(name)[0]
            raise UserError(
                f"{columns.where(0, name)}: {first!r} is no number; accepted are numbers to predict; classes are for "
                "hornbook tabular-classification"
            ) from error
        raise UserError(str(error).partition("; if it stands for")[0]) from error  # A target cannot be missing.


def _yes_no(columns, name):
    values = [_YES_NO.get(text.lower()) for text in columns.texts(name)]
    wrong = next((row for row, value in enumerate(values) if value is None), None)
    if wrong is not None:
        raise UserError(
            f"{columns.where(wrong, name)}: {columns.texts(name)[wrong]!r} is neither 0 nor 1; with several --label-column, each says "
            "whether a row has a label; accepted are 0 and 1, no and yes, false and true"
        )
    return np.array(values)


def _classes(columns, name, class_names):
    texts = columns.texts(name)
    if class_names is None:
        class_names = naming.in_order(set(texts))
        _refuse_numbers(columns, name, class_names)
        _refuse_one_class_spelt_twice(columns, name, texts, class_names)
    class_names = tuple(class_names)
    if len(class_names) < 2:
        raise UserError(f"{columns.name}: column {name!r} has one class, {class_names[0]!r}; at least two are needed")
    number = {label: place for place, label in enumerate(class_names)}
    # Of arrays and of scikit-learn's data, classes are integers with names.
    by_number = columns.cells[name].dtype.kind == "f" and not set(texts) & set(class_names)
    if by_number:
        number = {str(place): place for place in range(len(class_names))}
    unknown = [row for row, text in enumerate(texts) if text not in number]
    if unknown:
        accepted = f"0 to {len(class_names) - 1}" if by_number else naming.some(class_names)
        raise UserError(
            f"{columns.where(unknown[0], name)}: the class {texts[unknown[0]]!r} is unknown in training; accepted are {accepted}"
        )
    return np.array([number[text] for text in texts], np.int64), class_names


def _refuse_numbers(columns, name, class_names):
    rows = columns.rows_at(np.arange(len(columns)))
    if len(class_names) > max(_MANY_CLASSES, rows // 10) and columns.is_number(name).all():
        raise UserError(
            f"{columns.name}: column {name!r} has {len(class_names)} different numbers in {rows} rows, which are no classes; "
            "numbers are predicted by hornbook regression"
        )


def _refuse_one_class_spelt_twice(columns, name, texts, class_names):
    found = naming.spelt_twice(class_names)
    if found:
        (other, label, *_), how = found
        first, second = (columns.places[np.flatnonzero(texts == one)[0]] for one in (other, label))
        raise UserError(
            f"{columns.name}: column {name!r} has the classes {other!r} ({columns.unit.format(first)}) and {label!r} "
            f"({columns.unit.format(second)}), which {how}; spell them alike"
        )


def refuse_rare_classes(columns, name, labels, class_names, held_out):
    """Refuse a class that has fewer rows than there are parts to stand in.

    Args:
        columns, name: the table and its label's column, for the message.
        labels: int array `(rows,)`.
        class_names: a name a class.
        held_out: the parts that are split off.

    Raises:
        UserError: with the class's line.
    """
    counts = np.bincount(labels, minlength=len(class_names))
    rare = np.flatnonzero((counts > 0) & (counts < 1 + len(held_out)))
    if len(rare):
        rows = np.flatnonzero(labels == rare[0])
        flags = " ".join([*(f"--{part}-fraction 0" for part in held_out), *(["--evaluate none"] if "test" in held_out else [])])
        numbers = len(class_names) > _FEW_CLASSES and all(name.lstrip("-").isdecimal() for name in class_names)
        flags += "; to predict numbers, use hornbook regression" if numbers else ""
        raise UserError(
            f"{columns.where(rows[0], name)}: the class {class_names[rare[0]]!r} has {len(rows)} {'row' if len(rows) == 1 else 'rows'}, "
            f"which cannot stand in {1 + len(held_out)} parts (training, {', '.join(held_out)}); add rows, or pass {flags}"
        )


def refuse_constant(name, names, targets):
    """Refuse targets `(rows, targets)` of training that are all the same.

    Raises:
        UserError: with the column and its value.
    """
    for column, values in zip(names, targets.T, strict=True):
        if not np.ptp(values) > 1e-9 * np.abs(values).max():
            raise UserError(f"{name}: column {column!r} is {values[0]:g} in every training row, which leaves nothing to predict")


def add_targets(columns, values, names):
    """Add an array of labels from Python to a table.

    Args:
        columns: `columns.Columns`; changed in place.
        values: array `(rows,)` or `(rows, labels)`.
        names: a name for each of several labels or targets; of one label the names of its classes, which are not used here. Or None.

    Returns:
        The names of the label columns.

    Raises:
        UserError: the number of labels is not that of the rows.
    """
    values = np.asarray(values)
    if values.ndim not in (1, 2) or len(values) != len(columns):
        raise UserError(f"{columns.name} needs labels of shape ({len(columns)},) or ({len(columns)}, labels), got {values.shape}")
    if values.ndim == 1 or values.shape[1] == 1:
        columns.cells["target"] = from_values(values.reshape(-1))
        return ("target",)
    found = tuple(names or (f"target{place + 1}" for place in range(values.shape[1])))
    for name, column in zip(found, values.T, strict=True):
        columns.cells[name] = from_values(column)
    return found
