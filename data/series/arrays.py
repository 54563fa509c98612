"""Series as arrays: from Python, and `npz:PATH`, a NumPy file of them."""

import dataclasses
import zlib

import numpy as np

from hornbook import UserError, files, spelling
from hornbook.data import npz
from hornbook.data.series import checks
from hornbook.data.series.dataset import prepared
from hornbook.data.series.source import UNLABELLED, Options, Series, Source, feature_names, float32, place, without_padding

# Series and labels of each part, see `npz.read_parts`.
_NAMES = {
    "train": (("x_train", "y_train"), ("train_series", "train_labels"), ("series", "labels"), ("x", "y"), ("X", "y")),
    "validation": (("x_val", "y_val"), ("x_validation", "y_validation")),
    "test": (("x_test", "y_test"), ("test_series", "test_labels")),
}
_ACCEPTED = "accepted are x_train and y_train (with x_val, y_val, x_test, y_test), or series and labels"

check = npz.check


def read(path, options):
    """A `Source` of a NumPy file.

    Args:
        path: of an `.npz` file with series `(examples, steps, features)` or `(examples, steps)`, where steps at the end that are NaN in
            all features are padding, and labels `(examples,)`, integers, text or, to be predicted, numbers.
        options: `Options`.

    Raises:
        UserError: something is wrong with the file, with the array and the place in it.
    """
    path = files.given(path)
    names = _NAMES if options.labelled else {part: tuple((pair[0],) for pair in pairs) for part, pairs in _NAMES.items()}
    named, arrays = npz.read_parts(path, names, _ACCEPTED if options.labelled else "accepted are x_train or series", options.weight_column)
    parts = {}
    for part, (key, *label_key) in named.items():
        if not options.labelled:
            parts[part] = _series(arrays[key], [UNLABELLED] * len(arrays[key]), f"{path}: {key}")
            continue
        [label_key] = label_key
        labels = arrays[label_key]
        labels = _targets(f"{path}: {label_key}", labels) if options.numbers else npz.labels(path, label_key, labels)
        parts[part] = _series(arrays[key], labels, f"{path}: {key}")
    if options.weight_column:
        weights = npz.weights(path, options.weight_column, arrays, len(parts["train"])).tolist()
        parts["train"] = [dataclasses.replace(one, weight=weight) for one, weight in zip(parts["train"], weights, strict=True)]
    if len(parts) == 1:
        parts = {"all": parts["train"]}
    return Source(parts, feature_names(next(iter(parts.values()))))


def from_python(train, test, groups, class_names, name, options):
    """The arguments of `from_arrays` as a `Source`, with a checksum and the names of the classes (None for numbers)."""
    parts, checksum, largest = {}, 0, -1
    for part, (series, labels) in (("train", train), ("test", test)):
        if series is None:
            continue
        labels = np.asarray(labels)
        if options.numbers:
            texts = _targets(f"{name}: {part} labels", labels)
        else:
            if labels.ndim != 1 or labels.dtype.kind not in "ui":
                raise UserError(f"{part} labels must be integers (examples,), got {labels.dtype} of shape {labels.shape}")
            if len(labels) and labels.min() < 0:
                raise UserError(f"{part} labels must count from 0, got {labels.min()} at position {labels.argmin()}")
            largest = max(largest, labels.max(initial=-1))
            texts = labels
        parts[part] = _series(series, texts, f"{name}: {part} series", groups if part == "train" else None)
        for one in parts[part]:
            checksum = zlib.crc32(
                np.ascontiguousarray(one.values), zlib.crc32(repr((one.values.shape, one.label, one.group)).encode(), checksum)
            )
    if options.numbers:
        return Source(parts, feature_names(parts["train"])), f"{checksum:08x}", None
    names = tuple(map(str, class_names)) if class_names is not None else tuple(map(str, range(largest + 1)))
    if len(names) <= largest:
        raise UserError(f"{name}: label {largest} occurs, but only {len(names)} class names are given")
    for series in parts.values():
        for number, one in enumerate(series):
            series[number] = Series(one.values, names[int(one.label)], one.unit, one.group, one.place)
    return Source(parts, feature_names(parts["train"])), f"{checksum:08x}", names


def _series(series, labels, name, groups=None):
    """A list of `Series`."""
    if len(series) != len(labels):
        raise UserError(f"{name} are {len(series)}, and there are {len(labels)} labels; there must be one for each")
    if groups is not None and len(groups) != len(series):
        raise UserError(f"{name} are {len(series)}, and there are {len(groups)} groups; there must be one for each")
    result = []
    for number, values in enumerate(series):
        values = np.asarray(values)
        if values.dtype.kind not in "uif" or values.ndim not in (1, 2):
            raise UserError(f"{name}[{number}] must be numbers (steps, features) or (steps,), got {values.dtype} of shape {values.shape}")
        values = without_padding(float32(values[:, None] if values.ndim == 1 else values))
        unit = f"{name}[{number}]"
        group = unit if groups is None else str(groups[number])
        result.append(Series(values, labels[number], unit, group, place(unit)))
    return result


def _targets(name, labels):
    labels = np.asarray(labels)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if labels.ndim != 1 or labels.dtype.kind not in "uif":
        raise UserError(f"{name} must be numbers (examples,), got {labels.dtype} of shape {labels.shape}")
    if not np.isfinite(labels).all():
        raise UserError(f"{name} has a number that is not finite at position {np.flatnonzero(~np.isfinite(labels))[0]}")
    return labels.astype(np.float64)


@spelling.as_arguments(Options)
def from_arrays(train_series, train_labels, test_series=None, test_labels=None, *, class_names=None, groups=None, validation_fraction=0.1,
                split_seed=0, name="arrays", **options):  # fmt: skip
    """A `SeriesDataset` of the caller's arrays.

    Args:
        train_series, test_series: an array `(examples, steps, features)` or `(examples, steps)`, or a list of arrays `(steps, features)`
            or `(steps,)` of any lengths. NaN is a missing value; steps at the end that are NaN in all features are padding.
        train_labels, test_labels: integers from 0 `(examples,)`, or with `numbers=True` numbers to predict. No test series: the dataset
            has no test part.
        class_names: a name a label; default: the labels as strings.
        groups: the group of each training series, such as a person; series of one group stand in one part. Default: each is its own.
        validation_fraction: share of the training series held out, in [0, 1).
        split_seed: seed of that split.
        name: of the dataset. A checksum of the arrays is added, by which a resumed run recognizes them.
        options: see `load`.

    Raises:
        UserError: shapes, types, values or labels that do not fit, with the first place.

    Example:
    ```python
    import numpy
    from hornbook import data

    walks = [numpy.cumsum(numpy.random.randn(20 + i % 5, 3), axis=0) for i in range(40)]
    dataset = data.series.from_arrays(walks, numpy.arange(40) % 2, class_names=("even", "odd"), window=10)
    print(dataset.input_shape, len(dataset.train))
    ```
    """
    options = Options(**options, split_seed=split_seed)
    checks.refuse_wrong_options(name, options)
    source, checksum, named = from_python((train_series, train_labels), (test_series, test_labels), groups, class_names, name, options)
    return prepared(f"{name}:{checksum}", source, options, {"validation": validation_fraction, "test": 0}, named, None)
