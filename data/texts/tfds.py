"""`tfds:NAME` as texts with classes: read in memory from a prepared folder, without its builder's code and without a network."""

import numpy as np

from hornbook import UserError
from hornbook.data import tfds_names
from hornbook.data.texts import csv
from hornbook.data.texts.dataset import TextDataset, TextExamples, TextStore

_AT_A_TIME = 1024

check = tfds_names.check


def load(name, *, text_columns=(), label_column=None, skip_empty=False):
    """A `TextDataset` of `tfds:NAME`, with the source's own validation and test splits where it has them.

    Args:
        name: `tfds:NAME[/CONFIG][:VERSION]`.
        text_columns, label_column: names of features; default: those of the kind, if there is one, or the usual name.
        skip_empty: whether to leave out records without text.

    Raises:
        UserError: something is wrong with the prepared data, with the split and record.
    """
    builder = tfds_names.open_builder(name.removeprefix("tfds:"))
    text_keys, label_key = _keys(builder, name, text_columns, label_column)
    class_names = tuple(map(str, builder.info.features[label_key].names))
    parts, left_out = {}, 0
    for part, source in tfds_names.source_splits(builder, name).items():
        parts[part], empty = _part(builder, source, text_keys, label_key, name, skip_empty)
        left_out += empty
    return TextDataset(name, class_names, (None,), **parts, left_out=left_out)


def _keys(builder, name, text_columns, label_column):
    """The names of the text features, and of the label among them."""
    import tensorflow_datasets as tfds

    features = builder.info.features
    kinds = tfds_names.kinds(features)
    texts = sorted(key for key, feature in features.items() if isinstance(feature, tfds.features.Text))
    classes = sorted(key for key, feature in features.items() if type(feature) is tfds.features.ClassLabel)
    for chosen, known, flag in (
        (text_columns, texts, "--text-columns"),
        ([label_column] if label_column else [], classes, "--label-column"),
    ):
        wrong = [one for one in chosen if one not in known]
        if wrong:
            raise UserError(f"{name} has no {'text' if known is texts else 'class'} {wrong[0]!r} ({flag}); its features are {kinds}")
    if not texts or not classes:
        raise UserError(f"{name} has no text with a class label; its features are {kinds}")
    if not text_columns:
        text_columns = [_only(name, texts, csv.TEXT_COLUMNS, "texts", "--text-columns")]
    return list(text_columns), label_column or _only(name, classes, csv.LABEL_COLUMNS, "class labels", "--label-column")


def _only(name, keys, usual, what, flag):
    found = keys if len(keys) == 1 else [key for key in usual if key in keys]
    if not found:
        raise UserError(f"{name} has the {what} {', '.join(keys)}; pass {flag}")
    return found[0]


def _part(builder, source, text_keys, label_key, name, skip_empty):
    records = tfds_names.records(builder, source).map(lambda record: {key: record[key] for key in (*text_keys, label_key)})
    records = records.batch(_AT_A_TIME)
    texts, labels = [], []
    for batch in tfds_names.named_errors(records.as_numpy_iterator(), name, source, f"batch of {_AT_A_TIME}"):
        labels.append(batch[label_key])
        for place in range(len(batch[label_key])):
            try:
                texts.append("\n".join(filter(None, (batch[key][place].decode("utf-8").strip() for key in text_keys))))
            except UnicodeDecodeError as error:
                where = f"{name}: record {len(texts)} of split {source}"
                raise UserError(f"{where} is no UTF-8 ({error.reason}); prepare the dataset again") from error
    labels = np.concatenate(labels).astype(np.int64)
    tfds_names.refuse_wrong_labels(name, source, labels, len(builder.info.features[label_key].names))
    empty = [place for place, text in enumerate(texts) if not text]
    if empty and not skip_empty:
        shown = ", ".join(map(str, empty[:5]))
        raise UserError(f"{name}: {len(empty)} records of split {source} have no text ({shown}); pass --skip-empty to leave them out")
    # The store is addressed by the records' numbers, so texts that are left out stay in it.
    indices = np.setdiff1d(np.arange(len(texts)), empty)
    return TextExamples(TextStore(texts), labels[indices], indices, source), len(empty)
