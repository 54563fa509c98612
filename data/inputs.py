"""A finished run's model and other data: what the readers of all media share.

Each medium has a file `inputs` with a type and seven functions, so that `hornbook predict`, `evaluate` and `export` need no case by
medium:

- `read(given, trained, skip=0)`: what one argument of `hornbook predict` means, but for the first few: an iterator of (name, input) that
  holds little at a time, whatever the size of a file. In the place of an input that cannot be read stands the `UserError` on it; one that
  is raised is of all that follows;
- `suffixes(trained)`: how the names of the files end that are read of a folder; `THREADED`, which of them are one input each that threads
  read ahead: there is time to gain where a library reads while Python does something else;
- `examples(inputs, trained)`: inputs as `batches.predictions` takes them, and how many examples each input became (None: one);
- `Settings`: the options of a run that they read by;
- `taken(dataset, trained)`: the training part of a dataset, whatever it was read for, as the run's model takes it;
- `scored(name, part, trained, skip_unreadable)`: the part of a dataset to score, and how many examples of it were left out;
- `sample(trained, count)`: some examples of the run's own data, unseen ones if it has a test part, and `generated(trained, count)`, where
  these cannot be had, some that are made up, the same ones each time: lists of pairs, what somebody without Hornbook has of an example,
  and the input that `examples` takes.
"""

import dataclasses
import math
import os
import pathlib
from typing import Literal

import msgspec
import numpy as np

from hornbook import UserError, files, memory, records
from hornbook.data import csv_rows, naming, npz, splits
from hornbook.data.dataset import Labels
from hornbook.data.selection.arranging import Arrangement
from hornbook.data.selection.thinning import Thinning

_BLOCK = 2**24  # Bytes of an array that are read at a time.


class Settings(msgspec.Struct, kw_only=True):
    """The options of a run by which other data are read, in every medium: of `config.json`, and of `chosen.json` what that left open."""

    dataset: str
    validation_fraction: records.Share
    test_fraction: records.Share
    split_seed: records.Count
    fold: str | None
    test_fold: str | None
    train_fraction: float | None = None
    samples_per_class: int | None = None
    label_corrections: str | None = None
    imbalance_ratio: float | None = None
    group_pattern: str | None = None
    split_file: str | None = None
    min_class_count: records.Size = 1
    test_time_augmentation: Literal["none", "mirror", "mirror-shift"] = "none"


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a finished run's folder says of its data.

    Attributes:
        folder: the run's.
        about: its `labels.json`, JSON values as of `Dataset.labels_kind`.
        config: its options, JSON values as of the medium's `Settings`.
        labels: the same as `about`, a `data.dataset.Labels`.
    """

    folder: pathlib.Path
    about: dict
    config: dict
    labels: Labels | None = None

    def options(self, *names):
        """Some of the run's options by name."""
        return {name: self.config[name] for name in names}

    def is_own(self, name):
        """Whether a dataset is the one that the run was trained on."""
        return name == self.config["dataset"]

    def split(self, name):
        """The options of a `load` that say what is held out: as in training of the run's own data, nothing of others."""
        own = self.is_own(name)
        fraction = splits.validation_share(self.config["validation_fraction"], self.config["fold"]) if own else 0
        test = splits.share_for_test(self.config["test_fraction"], self.config["test_fold"]) if own else 0
        arranged, kept = self._arranged() if own else (Arrangement(), Thinning())
        found = {"validation_fraction": fraction, "test_fraction": test, "split_seed": self.config["split_seed"]}
        return {**found, "kept": kept, "arranged": arranged}

    def _arranged(self):
        """How the run's own data are arranged, and what is kept of their training examples."""
        arranged = Arrangement(**self.options(*(field.name for field in dataclasses.fields(Arrangement))))
        kept = Thinning(**self.options(*(field.name for field in dataclasses.fields(Thinning))))
        if arranged.split_file is None or not self._split.exists():
            return arranged, kept
        # The run has written down what the file said, which may lie elsewhere by now, and what was kept of that.
        return dataclasses.replace(arranged, split_file=str(self._split)), Thinning()

    @property
    def _split(self):
        return self.folder / "split.csv"

    def class_names(self, name):
        """The classes that a `load` is told: the run's. Of its own data, of which rare classes are left out, they are found again."""
        return None if self.is_own(name) and self.config["min_class_count"] > 1 else self.about["class_names"]

    def refuse_other_split(self, dataset, part=None):
        """Refuse the run's own data where they are no longer what it was trained on.

        Args:
            dataset: read as in training, if it is the run's own.
            part: the one part that matters, or None: all do.

        Raises:
            UserError: with the first example that differs.
        """
        if self.is_own(dataset.name) and self._split.exists():
            splits.refuse_other_split(self._split, dataset, remedy="pass other data as --dataset", part=part)


def scored_part(dataset, part, trained):
    """The part of a dataset that is scored: the one that is asked for, its test part, or, of other data without one, all of it.

    Args:
        dataset: `dataset.Dataset`, read as in training.
        part: as of `--part`, or None.
        trained: `Trained`.

    Raises:
        UserError: there is no such part, or other classes than in training.
    """
    classes = trained.about["class_names"]
    if list(dataset.class_names) != classes:
        raise UserError(f"{dataset.name} has the classes {naming.some(dataset.class_names)}; the run was trained on {naming.some(classes)}")
    if trained.is_own(dataset.name):
        trained.refuse_other_split(dataset, part or "test")
        return dataset.part(part or "test")
    return dataset.part(named_part(dataset.parts, dataset.name, part))


def unseen(load):
    """The test part of a run's own data, or its training part where it has no other.

    Args:
        load: function from a part's name to what is wanted of it.

    Raises:
        UserError: the data cannot be read.
    """
    try:
        return load("test")
    except UserError:
        return load("train")


def named_part(parts, name, part):
    """The name of the part of another dataset than the run's own that is scored.

    Args:
        parts: those that the source itself has, by name; nothing of it is held out.
        name: of the dataset, for messages.
        part: as of `--part`, or None.

    Raises:
        UserError: it has no such part.
    """
    if part is None:
        return "test" if "test" in parts else "train"
    alone = list(parts) == ["train"]
    if part not in parts or alone:
        has = ", ".join(parts) if not alone else "examples alone, all of which are scored without --part"
        raise UserError(f"{name} has no {part} part; it has {has}")
    return part


def whole(pairs):
    """The (name, input) of a medium's `read`, a list.

    Raises:
        UserError: one of them cannot be read.
    """
    pairs = list(pairs)
    for _, one in pairs:
        if isinstance(one, UserError):
            raise one
    return pairs


def files_below(folder, suffixes):
    """The paths of the files below a folder whose names end so, sorted, folder by folder; without hidden ones.

    Args:
        folder: as somebody wrote it.
        suffixes: in lower case.

    Raises:
        UserError: a folder cannot be read, or there is no such file.
    """

    def refuse(error):
        raise UserError(f"{error.filename} cannot be read: {error.strerror}; make it readable, or remove it") from error

    found = []
    for inside, folders, names in os.walk(files.given(folder), onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [os.path.join(inside, name) for name in sorted(names) if name.lower().endswith(suffixes) and not name.startswith(".")]
    if not found:
        raise UserError(f"{folder} is a folder without a file to predict; accepted are names that end with {', '.join(suffixes)}")
    return found


def layout(path, **reading):
    """As `csv_rows.layout`; where the encoding is "auto", the whole file tells it, as when it is read at once."""
    found = csv_rows.layout(path, **reading)
    if found.asked_encoding == "auto" and found.encoding == "utf-8" and files.encoding_of(found.path, "auto", "a CSV file") == "cp1252":
        found = dataclasses.replace(csv_rows.layout(path, **{**reading, "encoding": "cp1252"}), asked_encoding="auto")
    return found


@dataclasses.dataclass(frozen=True)
class Array:
    """The numbers in a `.npy` file, read when they are asked for: `array[2:5]`.

    Attributes:
        path: of the file.
        shape, dtype: of the array.
        start: the first byte of its numbers.
        by_column: whether the first axis changes fastest, so that the numbers of an example lie apart.
    """

    path: str
    shape: tuple
    dtype: np.dtype
    start: int
    by_column: bool

    def __getitem__(self, some):
        """The entries of a slice of the first axis; an array of no axis is one number."""
        if not self.shape:
            return self._read(0, 1).reshape(())
        first, last, _ = some.indices(self.shape[0])
        if self.by_column:
            memory.require(2 * math.prod(self.shape) * self.dtype.itemsize, self.path, "save it in C order, by numpy.ascontiguousarray")
            return self._read(0, math.prod(self.shape)).reshape(self.shape, order="F")[first:last]
        entry = math.prod(self.shape[1:])
        return self._read(first * entry, last * entry).reshape(-1, *self.shape[1:])

    def blocks(self, skip=0):
        """(position of the first entry, entries) from entry `skip` on: a few at a time, all at once where they lie apart."""
        size = max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)
        step = self.shape[0] if self.by_column else max(1, _BLOCK // size)
        for first in range(skip, self.shape[0], step):
            yield first, self[first : first + step]

    def _read(self, first, last):
        size = self.dtype.itemsize
        with files.opened(files.given(self.path), buffering=0) as file:
            file.seek(self.start + first * size)
            content = bytearray((last - first) * size)
            if file.readinto(content) != len(content):
                raise UserError(f"{self.path} was changed while it was read; begin again")
        return np.frombuffer(content, self.dtype)


def array(path):
    """The `Array` in a `.npy` file.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    try:
        with files.opened(files.given(path)) as file:
            # Asked first, since NumPy advises to load what it does not know unsafely.
            if file.read(6) != b"\x93NUMPY":
                raise UserError(f"{path} is no NumPy array; accepted are arrays that numpy.save wrote")
            file.seek(0)
            npz.size_in_bytes(file, os.fstat(file.fileno()).st_size)
            start = file.tell()
            file.seek(0)
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, by_column, dtype = read(file)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}; accepted are arrays that numpy.save wrote") from error
    except Exception as error:  # Whatever a broken header may lead NumPy's reader to.
        raise UserError(f"{path} cannot be read as a NumPy array: {npz.reason(error)}") from error
    if dtype.kind not in "uifb":
        raise UserError(f"{path} holds {dtype}; accepted are numbers")
    if 0 in shape:
        raise UserError(f"{path} has shape {shape}, so there is nothing in it; accepted are arrays of one example or more")
    return Array(path, shape, dtype, start, by_column and len(shape) > 1)
