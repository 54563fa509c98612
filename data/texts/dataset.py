"""Labelled texts from any source, checked and split before the first step.

A source is spelt as everywhere: the built-in name `docstrings`, `csv:PATH` (also TSV), `folder:PATH` (a folder of text files a class),
`tfds:NAME`, or lists from Python (`arrays.from_texts`). Each becomes a `TextDataset`, whose parts hold texts.
"""

import dataclasses
import itertools
import typing
import zlib
from typing import Annotated

import msgspec
import numpy as np

from hornbook import UserError, records, spelling
from hornbook.data import csv_rows, naming, sources, splits
from hornbook.data.dataset import Brief, Dataset, Labels
from hornbook.data.selection import arranging, thinning

BUILT_IN = ("docstrings",)
KINDS = ("csv", "folder", "tfds")
_AT_A_TIME = 4096


class TextStore:
    """Texts in memory.

    Args:
        texts: list of strings.
    """

    def __init__(self, texts):
        self.all = texts

    def read(self, indices):
        """The texts at some places, a list of strings."""
        return [self.all[index] for index in indices]


@dataclasses.dataclass(frozen=True)
class TextExamples(Brief):
    """One part of a dataset.

    Attributes:
        store: `TextStore`, or `csv.RowStore` for texts that stay in their file: `read(indices)` gives some texts as a list of strings.
        labels: int64 array `(examples,)`, an index into the class names.
        indices: int64 array `(examples,)`, the position in the source: what order and augmentation depend on, and `split.csv` names.
        source: the source's own split that the indices count in ("train", "test", "all").
        files: object array `(examples,)` of the paths they were read from, or None.
    """

    store: object
    labels: np.ndarray
    indices: np.ndarray
    source: str
    files: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def subset(self, positions):
        """The examples at `positions`, an int array into this part."""
        chosen = None if self.files is None else self.files[positions]
        return TextExamples(self.store, self.labels[positions], self.indices[positions], self.source, chosen)

    def texts(self, positions=None):
        """The texts at `positions` (default: all), one after another, a few thousand of them in memory at a time."""
        indices = self.indices if positions is None else self.indices[positions]
        for start in range(0, len(indices), _AT_A_TIME):
            yield from self.store.read(indices[start : start + _AT_A_TIME].tolist())


class TextLabels(Labels, kw_only=True):
    """`labels.json` of a run on texts: `input_shape` is (tokens,), of any number."""

    input_shape: Annotated[list[records.Size | None], msgspec.Meta(min_length=1, max_length=1)]
    max_length: records.Size | msgspec.UnsetType = msgspec.UNSET
    vocabulary_size: records.Size | msgspec.UnsetType = msgspec.UNSET

    @property
    def num_outputs(self):
        """See `Labels`; of masked tokens a logit a token."""
        if self.pretext != "masked-tokens":
            return super().num_outputs
        return 0 if self.vocabulary_size is msgspec.UNSET else self.vocabulary_size


@dataclasses.dataclass(frozen=True)
class TextDataset(Dataset):
    """A `Dataset` of `TextExamples`.

    Attributes:
        versions: the versions of the libraries that the texts were made from, by name; empty for most sources.
        left_out: how many rows were left out because text or label was empty.
    """

    versions: dict = dataclasses.field(default_factory=dict)
    left_out: int = 0

    medium: typing.ClassVar[str] = "texts"
    labels_kind: typing.ClassVar[type] = TextLabels

    def repeated(self, part):
        """How many texts of a part occur in training as well, capitals and blanks apart: what a network can know by heart.

        Counted by checksums of 32 bits, so among millions of texts a few too many.

        Returns:
            {"repeated": count}; empty where the texts stay in their file, which would have to be read once more.
        """
        if not isinstance(self.train.store, TextStore):
            return {}
        known = np.unique(np.fromiter(map(_fingerprint, self.train.texts()), np.uint32, len(self.train)))
        other = self.part(part)
        return {"repeated": int(np.isin(np.fromiter(map(_fingerprint, other.texts()), np.uint32, len(other)), known).sum())}

    def in_words(self, part, position):
        """An example of a part, text for a report."""
        return next(self.part(part).texts([position]))

    @property
    def summary(self):
        """See `Dataset.summary`; and how many were left out."""
        return super().summary + (f"; left out as empty: {self.left_out:,}" if self.left_out else "")


@spelling.as_arguments(dataset="name")
def check_name(name, *, text_columns=None, label_column=None, group_column=None, time_column=None, weight_column=None):
    """Refuse a name that is no dataset's, see `sources.check_name`, and columns, as of `load`, of one that has none."""
    sources.check_name(name, "texts", BUILT_IN, KINDS)
    kind = name.partition(":")[0]
    if kind not in ("csv", "tfds") and (text_columns or label_column):
        raise UserError(f"--{'text-columns' if text_columns else 'label-column'} is for csv:PATH and tfds:NAME; {name} has no columns")
    further = {"group-column": group_column, "time-column": time_column, "weight-column": weight_column}
    if kind != "csv" and any(further.values()):
        given = next(flag for flag, column in further.items() if column)
        raise UserError(f"--{given} is for csv:PATH, got {name}; leave it out")


@spelling.as_arguments(arranging.Arrangement, thinning.Thinning, dataset="name")
def load(name, *, text_columns=None, label_column=None, group_column=None, time_column=None, weight_column=None, apart=(), encoding="auto",
         header="auto", quoted=True, skip_empty=False, in_memory="auto", validation_fraction=0.1, test_fraction=0.2, split_seed=0,
         kept=thinning.ALL, class_names=None, arranged=arranging.NONE):  # fmt: skip
    """A `TextDataset` by name.

    Args:
        name: `docstrings`, `csv:PATH`, `folder:PATH` or `tfds:NAME[/CONFIG][:VERSION]`.
        text_columns: names of the columns (of TensorFlow Datasets: features) with text, separated by commas; several make one text, a line
            each. None: the first of the usual names that is there, or the one column beside the label.
        label_column: the column with the class; None: the first of the usual names that is there.
        group_column, time_column, weight_column: columns of a CSV: rows of one group, such as an author, stand in one part; the latest
            texts are held out, see `selection.times`; a weight is what a training text counts in the loss. None: no such column.
        apart: names of columns of a CSV that are no texts; it need not have them.
        encoding: of files: "auto" (UTF-8, what a byte order mark says, else Windows-1252) or Python's name of one.
        header: of a CSV: whether its first line names the columns: "yes", "no", or "auto" (it does unless there is a number in it).
        quoted: whether double quotes enclose fields of a CSV, or stand for themselves.
        skip_empty: whether to leave out texts without a word or without a label, or to refuse them.
        in_memory: "always", "never" (the texts of a CSV stay in the file) or "auto": in memory up to 256 MiB.
        validation_fraction: share of the training texts held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits.
        kept: `selection.thinning.Thinning`, what is kept of the training texts after validation and test texts were held out.
        class_names: the classes in their order, such as a trained model's, of which the source may lack some. None: its own.
        arranged: `selection.arranging.Arrangement`: groups by names of files, a split that is written down, rare classes.

    Raises:
        UserError: something is wrong with the name or the data, with the file and line and what is accepted.

    Example:
    ```python
    import pathlib
    import tempfile

    import keras
    from hornbook import data
    from hornbook.data.texts import tokenizing

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(f"{folder}/films.csv").write_text("text,label\\n" + "a good film,1\\na bad film,0\\n" * 20)
        texts = data.texts.load(f"csv:{folder}/films.csv", in_memory="always")
    tokenizer = tokenizing.fit(texts.train.texts())
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8)
    model = keras.Sequential([embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(tokenizer.batch(texts.train.texts()), texts.train.labels, verbose=0)
    ```
    """
    further = {"group_column": group_column, "time_column": time_column, "weight_column": weight_column}
    check_name(name, text_columns=text_columns, label_column=label_column, **further)
    kind, _, rest = name.partition(":")
    columns = naming.names(text_columns, "--text-columns")
    if name == "docstrings":
        dataset = _docstrings()
    elif kind == "csv":
        reading = {"encoding": encoding, "header": header, "quoted": quoted}
        dataset = sources.home("texts", kind).load(
            name,
            text_columns=columns,
            label_column=label_column,
            **further,
            apart=apart,
            reading=reading,
            skip_empty=skip_empty,
            keep=not csv_rows.stays_on_disk(rest, in_memory, **reading),
            class_names=class_names,
            split=bool(validation_fraction or test_fraction) and arranged == arranging.NONE and time_column is None,
        )
    elif kind == "folder":
        dataset = sources.home("texts", kind).load(name, encoding=encoding, skip_empty=skip_empty, class_names=class_names)
    else:
        dataset = sources.home("texts", kind).load(name, text_columns=columns, label_column=label_column, skip_empty=skip_empty)
    fractions = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    dataset = splits.complete(dataset, **fractions, split_seed=split_seed, arranged=arranged)
    return thinning.thinned(dataset, kept, split_seed).noted()


def _docstrings():
    from hornbook.data.texts import docstrings

    sentences, class_names, versions = docstrings.load()
    parts = {part: TextExamples(TextStore(texts), labels, np.arange(len(labels)), part) for part, (texts, labels) in sentences.items()}
    return TextDataset("docstrings", class_names, (None,), **parts, versions=versions)


def _fingerprint(text):
    return zlib.crc32(" ".join(text.lower().split()).encode("utf-8", "surrogatepass"))


def blocks(values, size=_AT_A_TIME):
    """Lists of `size` values of an iterable, the last one shorter."""
    values = iter(values)
    while block := list(itertools.islice(values, size)):
        yield block
