"""Texts from Python: lists of strings with their classes."""

import zlib

import numpy as np

from hornbook import UserError, spelling
from hornbook.data import naming, splits
from hornbook.data.texts.dataset import TextDataset, TextExamples, TextStore


@spelling.as_arguments()
def from_texts(train_texts, train_labels, test_texts=None, test_labels=None, *, class_names=None, validation_fraction=0.1, split_seed=0,
               name="arrays"):  # fmt: skip
    """A `TextDataset` of the caller's texts.

    Args:
        train_texts, test_texts: strings, a list or array of them.
        train_labels, test_labels: integers from 0, or strings, which are the classes then. No test texts: the dataset has no test part.
        class_names: a name a label; default: the labels.
        validation_fraction: share of the training texts held out, in [0, 1).
        split_seed: seed of that split.
        name: what the run calls it, with a checksum of the texts behind it, by which a resumed run knows them again.

    Raises:
        UserError: texts or labels that do not fit, with the first place.

    Example:
    ```python
    from hornbook import data
    from hornbook.data.texts import tokenizing

    dataset = data.texts.from_texts(["good film", "a bad film", "fine", "dull"] * 8, ["yes", "no", "yes", "no"] * 8)
    tokenizer = tokenizing.fit(dataset.train.texts())
    print(dataset.class_names, len(dataset.train), len(dataset.validation), tokenizer.vocabulary_size)
    ```
    """
    given = [("train", train_texts, train_labels), *([] if test_texts is None else [("test", test_texts, test_labels)])]
    checksum = 0
    for part, texts, labels in given:
        if len(texts) != len(labels) or not len(texts):
            raise UserError(f"{part} texts and labels must be equally many and at least one, got {len(texts)} and {len(labels)}")
        wrong = next((place for place, text in enumerate(texts) if not isinstance(text, str) or not text.strip()), None)
        if wrong is not None:
            raise UserError(f"{part} text {wrong} must be a string with a word in it, got {texts[wrong]!r}")
        for text, label in zip(texts, labels, strict=True):
            checksum = zlib.crc32(f"{text}\0{label}\0".encode("utf-8", "surrogatepass"), checksum)
    in_words = isinstance(train_labels[0], str)
    if class_names is None:
        class_names = naming.in_order(set(train_labels)) if in_words else [str(k) for k in range(int(max(train_labels)) + 1)]
    number = {label if in_words else place: place for place, label in enumerate(class_names)}
    parts = {}
    for part, texts, labels in given:
        wrong = next((place for place, label in enumerate(labels) if label not in number), None)
        if wrong is not None:
            raise UserError(f"{part} label {wrong} is {labels[wrong]!r}; accepted are {naming.some(number)}")
        parts[part] = TextExamples(
            TextStore([str(text) for text in texts]), np.array([number[label] for label in labels], np.int64), np.arange(len(texts)), part
        )
    dataset = TextDataset(f"{name}:{checksum:08x}", tuple(map(str, class_names)), (None,), **parts)
    return splits.complete(dataset, test_fraction=0, validation_fraction=validation_fraction, split_seed=split_seed).noted()
