"""Labelled texts from any source, checked, split and counted before the first step.

A source is spelt as everywhere: the built-in name `docstrings`, `csv:PATH` (also TSV), `folder:PATH` (a folder of text files a class),
`tfds:NAME`, or lists from Python (`from_texts`). What comes out is a `TextDataset`: a `data.Dataset` whose parts hold texts.
"""

import dataclasses
import functools
import itertools
import pathlib
import zlib

import numpy as np

from hornbook import UserError
from hornbook.training import data, folders, naming, tables, text_rows

BUILT_IN = ("docstrings",)
KINDS = ("csv", "folder", "tfds")
_AT_A_TIME = 4096
_LARGEST_FILE = 2**26  # Bytes of one text in a folder.
# Of a CSV: larger ones are read again by rows, so that a table larger than the memory trains. Reading so costs little where it is needed.


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
class TextExamples:
    """One part of a dataset.

    Attributes:
        store: what has the texts: `read(indices)` gives some as a list of strings. A `TextStore`, or `text_rows.RowStore` for texts that
            stay in their file.
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


@dataclasses.dataclass(frozen=True)
class TextDataset(data.Dataset):
    """A `data.Dataset` of `TextExamples`.

    Attributes:
        versions: what the texts were made from, by name; empty for most sources.
        left_out: how many rows were left out because text or label was empty.
    """

    versions: dict = dataclasses.field(default_factory=dict)
    left_out: int = 0


check_name = functools.partial(data.check_name, built_in=BUILT_IN, kinds=KINDS)


def load(name, *, text_columns=None, label_column=None, encoding="auto", header="auto", quoted=True, skip_empty=False, in_memory="auto",
         validation_fraction=0.1, test_fraction=0.2, split_seed=0, class_names=None):  # fmt: skip
    """A `TextDataset` by name.

    Args:
        name: `docstrings`, `csv:PATH`, `folder:PATH` or `tfds:NAME[/CONFIG][:VERSION]`.
        text_columns: names of the columns (of TensorFlow Datasets: features) with text, separated by commas; several make one text, a line
            each. None: the first of the usual names that is there, or the one column beside the label.
        label_column: the column with the class; None: the first of the usual names that is there.
        encoding: of files: "auto" (UTF-8, what a byte order mark says, else Windows-1252) or Python's name of one.
        header: of a CSV: "yes", "no", or "auto": its first line names the columns unless it has a number in it.
        quoted: whether double quotes enclose fields of a CSV, or stand for themselves.
        skip_empty: whether to leave out what has no text or no label, or to refuse it.
        in_memory: "always", "never" (the texts of a CSV stay in the file) or "auto": in memory up to 256 MiB.
        validation_fraction: share of the training texts held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits.
        class_names: the classes in their order, such as a trained model's, of which the source may lack some. None: its own.

    Raises:
        UserError: whatever is wrong with the name or the data, with the file and line and what would be accepted.

    Example:
    ```python
    import pathlib
    import tempfile

    import keras
    from hornbook.training import text_data, tokenizing

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(f"{folder}/films.csv").write_text("text,label\\n" + "a good film,1\\na bad film,0\\n" * 20)
        texts = text_data.load(f"csv:{folder}/films.csv", in_memory="always")
    tokenizer = tokenizing.fit(texts.train.texts())
    model = keras.Sequential([keras.layers.Embedding(tokenizer.vocabulary_size, 8), keras.layers.GRU(8), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(tokenizer.batch(texts.train.texts()), texts.train.labels, verbose=0)
    ```
    """
    check_name(name)
    kind, _, rest = name.partition(":")
    if kind not in ("csv", "tfds") and (text_columns or label_column):
        raise UserError(f"--{'text-columns' if text_columns else 'label-column'} is for csv:PATH and tfds:NAME; {name} has no columns")
    if name == "docstrings":
        dataset = _docstrings()
    elif kind == "csv":
        from hornbook.training import text_tables

        size = pathlib.Path(rest).expanduser().stat().st_size
        dataset = text_tables.load(
            name,
            text_columns=tables.names(text_columns),
            label_column=label_column,
            reading={"encoding": encoding, "header": header, "quoted": quoted},
            skip_empty=skip_empty,
            keep=in_memory == "always" or (in_memory == "auto" and size < text_rows.STREAMED_FROM),
            class_names=class_names,
            split=bool(validation_fraction or test_fraction),
        )
    elif kind == "folder":
        dataset = _folder(name, encoding, skip_empty, class_names)
    else:
        from hornbook.training import text_tfds

        dataset = text_tfds.load(name, text_columns=tables.names(text_columns), label_column=label_column, skip_empty=skip_empty)
    if dataset.test is None:
        dataset = data.hold_out(dataset, "test", test_fraction, split_seed)
    if dataset.validation is None:
        dataset = data.hold_out(dataset, "validation", validation_fraction, split_seed)
    return dataset


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
    from hornbook.training import text_data, tokenizing

    dataset = text_data.from_texts(["good film", "a bad film", "fine", "dull"] * 8, ["yes", "no", "yes", "no"] * 8)
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
    return data.hold_out(dataset, "validation", validation_fraction, split_seed)


def _docstrings():
    from hornbook.training import docstrings

    sentences, class_names, versions = docstrings.load()
    parts = {part: TextExamples(TextStore(texts), labels, np.arange(len(labels)), part) for part, (texts, labels) in sentences.items()}
    return TextDataset("docstrings", class_names, (None,), **parts, versions=versions)


def _folder(name, encoding, skip_empty, class_names):
    class_names, everything = folders.labelled_files(name.removeprefix("folder:"), class_names, "texts")
    parts, faults, total, left_out = {}, [], 0, 0
    for part, examples in everything.items():
        texts, labels, paths = [], [], []
        for path, label in examples:
            text, fault = read_file(path, encoding)
            if text is not None and not text.strip() and skip_empty:
                left_out += 1
            elif fault or not text.strip():
                faults.append(f"{path} ({fault or 'is empty'})")
            else:
                texts.append(text)
                labels.append(label)
                paths.append(str(path))
        total += len(examples)
        labels = np.array(labels, np.int64)
        parts["train" if part == "all" else part] = TextExamples(
            TextStore(texts), labels, np.arange(len(labels)), part, np.array(paths, object)
        )
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        skippable = " (--skip-empty leaves out empty ones)" if any(fault.endswith("(is empty)") for fault in faults) else ""
        raise UserError(
            f"{name}: {len(faults)} of {total} texts cannot be read: {', '.join(faults[:3])}{more}; repair or remove them{skippable}"
        )
    empty = next((part for part, examples in parts.items() if not len(examples)), None)
    # A model's classes need not all have a text here; those that have files must have one that is left.
    began = {label for _, label in everything.get("train", everything.get("all", ()))}
    lost = sorted(began - set(parts["train"].labels.tolist())) if "train" in parts else ()
    if empty or len(lost):
        raise UserError(f"{name}: no text with a word in it is left of {class_names[lost[0]] if len(lost) else f'the {empty} part'}")
    return TextDataset(name, class_names, (None,), **{"train": None, **parts}, left_out=left_out)


def read_file(path, encoding="auto"):
    """The text of a file, and None; or None, and what is wrong with it."""
    path = pathlib.Path(path)
    try:
        with open(path, "rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except OSError as error:
        return None, "is a folder" if path.is_dir() else "no such file" if not path.exists() else error.strerror
    if len(content) > _LARGEST_FILE:
        return None, f"is larger than {_LARGEST_FILE / 2**20:.0f} MiB"
    try:
        text, _ = tables.decoded(path, content, encoding)
    except UserError as error:
        if "is unknown" in str(error):
            raise
        return None, "is no text in that encoding" if encoding != "auto" else "is no text"
    return (None, "has NUL bytes, so it is no text") if "\0" in text else (text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), None)


def repeated(dataset, part):
    """How many texts of a part occur in training as well, capitals and blanks apart: what a network can know by heart.

    Counted by checksums of 32 bits, so among millions of texts a few too many.
    """
    known = np.unique(np.fromiter(map(_fingerprint, dataset.train.texts()), np.uint32, len(dataset.train)))
    other = dataset.part(part)
    return int(np.isin(np.fromiter(map(_fingerprint, other.texts()), np.uint32, len(other)), known).sum())


def _fingerprint(text):
    return zlib.crc32(" ".join(text.lower().split()).encode("utf-8", "surrogatepass"))


def blocks(values, size=_AT_A_TIME):
    """Lists of `size` values of an iterable, the last one shorter."""
    values = iter(values)
    while block := list(itertools.islice(values, size)):
        yield block
