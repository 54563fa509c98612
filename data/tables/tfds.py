"""`tfds:NAME` as columns of a table."""

import numpy as np

from hornbook import UserError
from hornbook.data import tfds_names
from hornbook.data.tables.columns import Columns, from_values, with_missing

_AT_A_TIME = 1024

check = tfds_names.check


def read(name, missing):
    """The tables of a prepared dataset, see `dataset.read`.

    Args:
        name: `tfds:NAME[/CONFIG][:VERSION]`.
        missing: further texts that stand for a missing value.

    Raises:
        UserError: something is wrong with the prepared data, with the split and record, or a feature is no column.
    """
    import tensorflow_datasets as tfds

    builder = tfds_names.open_builder(name.removeprefix("tfds:"))
    flat = _flat(builder.info.features, name)
    usual = [key for key in (*(builder.info.supervised_keys or ())[1:], "label") if key in flat]
    classes = [key for key in [*usual, *flat] if type(flat[key]) is tfds.features.ClassLabel]
    label = next(iter([*classes, *usual]), None)
    names = tuple(map(str, flat[label].names)) if classes else None
    parts = {}
    for part, source in tfds_names.source_splits(builder, name).items():
        cells = _cells(builder, source, flat, name)
        count = len(next(iter(cells.values())))
        parts[part] = Columns(name, cells, np.arange(count), f"record {{}} of split {source}", missing=with_missing(missing), source=source)
    return parts, label, names


def _flat(features, name, prefix=""):
    """The features as columns: those in a dictionary under their own names, a vector as one column an entry."""
    import tensorflow_datasets as tfds

    flat = {}
    for key, feature in features.items():
        if isinstance(feature, tfds.features.FeaturesDict):
            inner = _flat(feature, name, f"{key}/")
            flat |= {key: value for key, value in inner.items() if key not in flat}
        elif len(feature.shape or ()) > 1 or None in (feature.shape or ()) or isinstance(feature, tfds.features.Image):
            raise UserError(
                f"{name}: the feature {prefix}{key} ({type(feature).__name__} of shape {feature.shape}) is no column of a table; accepted "
                "are numbers, text, classes, and vectors of a fixed length"
            )
        else:
            flat[key] = feature
    # Features read from features.json have no order, and a resumed run must find its columns in the same one.
    return dict(sorted(flat.items()))


def _cells(builder, source, flat, name):
    """Arrays of all records of a split, by column."""
    import tensorflow_datasets as tfds

    records = tfds_names.records(builder, source).batch(_AT_A_TIME)
    found = {key: [] for key in flat}
    for batch in tfds_names.named_errors(records.as_numpy_iterator(), name, source, f"batch of {_AT_A_TIME}"):
        for key, values in _leaves(batch):
            found[key].append(values)
    cells = {}
    for key, feature in flat.items():
        values = np.concatenate(found[key])
        if type(feature) is tfds.features.ClassLabel:
            # As text: a class is a category, and as the label it has a name.
            tfds_names.refuse_wrong_labels(name, source, values, feature.num_classes, key)
            values = np.array(feature.names, object)[values]
        columns = {key: values} if values.ndim == 1 else {f"{key}{place}": values[:, place] for place in range(values.shape[1])}
        cells |= {column: from_values(cell) for column, cell in columns.items()}
    return cells


def _leaves(batch):
    for key, values in batch.items():
        if isinstance(values, dict):
            yield from _leaves(values)
        else:
            yield key, values
