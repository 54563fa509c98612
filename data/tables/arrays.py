"""Tables from Python: arrays and pandas frames."""

import dataclasses

from hornbook import spelling
from hornbook.data.dataset import checksum
from hornbook.data.tables.columns import from_array
from hornbook.data.tables.dataset import split
from hornbook.data.tables.targets import add_targets


@spelling.as_arguments()
def from_arrays(train_features, train_targets, test_features=None, test_targets=None, *, task="classification",
                column_names=None, categorical_columns=(), class_names=None, rare_categories=5, validation_fraction=0.1, split_seed=0,
                name="arrays"):  # fmt: skip
    """A `TableDataset` of the caller's arrays.

    Args:
        train_features, test_features: arrays `(rows, columns)` of numbers or of mixed objects, or pandas frames; None and NaN are missing.
        train_targets, test_targets: arrays `(rows,)` of classes (integers or text) or of numbers; `(rows, targets)` for several targets
            or, of 0 and 1, several labels. No test arrays: the dataset has no test part.
        task: "classification" or "regression".
        column_names: of the features; default: a frame's own, else column1, column2, ...
        categorical_columns: names of columns that are categories though they are numbers.
        class_names: a name for every integer class, or for every label of several.
        rare_categories, validation_fraction, split_seed: as for `load`.
        name: what the run calls it, with a checksum behind it, by which a resumed run knows the arrays again.

    Raises:
        UserError: shapes, types or values that do not fit, with the row and column.

    Example:
    ```python
    import numpy
    from hornbook import data

    rows = numpy.array([[age, "red" if age % 3 else None] for age in range(60)], object)
    dataset = data.tables.from_arrays(rows, numpy.arange(60) % 2, column_names=("age", "colour"), categorical_columns=("colour",))
    print(dataset.encoding.inputs, dataset.train.inputs.shape, dataset.num_classes)
    ```
    """
    given = {"train": (train_features, train_targets)}
    if test_features is not None:
        given["test"] = (test_features, test_targets)
    parts = {}
    for part, (features, values) in given.items():
        columns = from_array(features, column_names, f"{part} {name}", source=part)
        targets = add_targets(columns, values, class_names)
        parts[part] = columns
    features = tuple(column for column in parts["train"].cells if column not in targets)
    parts["train"].require(categorical_columns, "categorical_columns")
    if len(targets) > 1 or task == "regression":
        class_names = None
    fractions = {"validation": validation_fraction, "test": 0}
    found = split(name, parts, targets, features, task=task, categorical=categorical_columns, class_names=class_names,
                  rare_categories=rare_categories, fractions=fractions, split_seed=split_seed)  # fmt: skip
    return dataclasses.replace(found, name=f"{name}:{checksum(found.train, found.validation, found.test)}")
