"""Labelled images from any source, checked, split and counted before the first step.

A source is spelt the same everywhere: a built-in name (`digits`), `tfds:NAME` (TensorFlow Datasets), or arrays from Python
(`from_arrays`). What comes out is a `Dataset`: three parts and the names of the classes.

Keras and TensorFlow are not imported here, so that a wrong name is said within a second.
"""

import csv
import dataclasses
import difflib
import os
import zlib

import numpy as np

from hornbook import UserError
from hornbook.training import files

BUILT_IN = ("digits",)
# Of what the machine has: beyond it, images stay on disk. The rest is for the model, a batch in flight and other programs.
MEMORY_FRACTION = 0.25


@dataclasses.dataclass(frozen=True)
class Examples:
    """One part of a dataset, in memory.

    Attributes:
        inputs: array `(examples, height, width, channels)`, raw pixels.
        labels: int64 array `(examples,)`, an index into the class names.
        indices: int64 array `(examples,)`, the position in the source: what order and augmentation depend on, and `split.csv` names.
        source: the source's own split that the indices count in ("train", "test", "all").
    """

    inputs: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    source: str

    def __len__(self):
        return len(self.labels)

    def subset(self, positions):
        """The examples at `positions`, an int array into this part."""
        return Examples(self.inputs[positions], self.labels[positions], self.indices[positions], self.source)

    @property
    def size_in_bytes(self):
        """What the images take in memory."""
        return self.inputs.nbytes

    def in_memory(self):
        """These examples: they are in memory."""
        return self

    def moments(self):
        """Mean and variance of each channel: two float64 arrays `(channels,)`."""
        totals = np.zeros((2, self.inputs.shape[-1]))
        for start in range(0, len(self), 4096):  # A float64 copy of everything would be eight times the images' size.
            pixels = self.inputs[start : start + 4096].reshape(-1, self.inputs.shape[-1]).astype(np.float64)
            totals += [pixels.sum(axis=0), np.square(pixels).sum(axis=0)]
        mean, square = totals / (self.inputs.size / self.inputs.shape[-1])
        return mean, np.maximum(square - mean**2, 0.0)


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A source, split.

    Attributes:
        name: as spelt in `--dataset`.
        class_names: a name for every label, in the order of the labels.
        input_shape: `(height, width, channels)`.
        train, validation, test: `Examples` (or `training.tfds_source.StreamedExamples`); validation and test may be None.
        pixel_maximum: the number that stands for white, to read other pictures by: 255 unless the source is unusual.
    """

    name: str
    class_names: tuple
    input_shape: tuple
    train: object
    validation: object = None
    test: object = None
    pixel_maximum: float = 255

    @property
    def num_classes(self):
        return len(self.class_names)

    def part(self, name):
        """The part called `name`: train, validation or test.

        Raises:
            UserError: the dataset has no such part.
        """
        part = self.parts.get(name)
        if part is None:
            raise UserError(f"{self.name} has no {name} part; evaluate on one of {', '.join(self.parts)}")
        return part

    @property
    def parts(self):
        """The parts that there are, by name."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}


def check_name(name):
    """Refuse a dataset that cannot be had, before anything slow happens.

    Raises:
        UserError: no such source, or one that is neither prepared nor within reach.
    """
    if name in BUILT_IN:
        return
    if name.startswith("tfds:"):
        from hornbook.training import tfds_source

        tfds_source.check_available(name.removeprefix("tfds:"))
        return
    if name.startswith("arrays:"):
        raise UserError(f"{name} was passed as arrays from Python, which are not kept with a run; pass them again, or another --dataset")
    close = difflib.get_close_matches(name, BUILT_IN, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UserError(f"--dataset must be {', '.join(BUILT_IN)} or tfds:NAME, got {name!r}{hint}")


def load(name, *, validation_fraction=0.1, test_fraction=0.2, split_seed=0, in_memory="auto"):
    """A `Dataset` by name.

    Args:
        name: `digits` or `tfds:NAME[/CONFIG][:VERSION]`.
        validation_fraction: share of the training examples held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits; apart from the run's seed, so that runs with several seeds compare on the same data.
        in_memory: "always", "never" (streamed from disk) or "auto": in memory if it takes less than a quarter of the machine's.

    Raises:
        UserError: whatever is wrong with the name or the data, with the file or example and what would be accepted.
    """
    check_name(name)
    if name == "digits":
        dataset = _digits()
    else:
        from hornbook.training import tfds_source

        dataset = tfds_source.load(name)
    if dataset.test is None:
        dataset = _hold_out(dataset, "test", test_fraction, split_seed)
    if dataset.validation is None:
        dataset = _hold_out(dataset, "validation", validation_fraction, split_seed)
    if in_memory == "always" or (in_memory == "auto" and _fits_in_memory(dataset)):
        dataset = dataclasses.replace(dataset, **{part: examples.in_memory() for part, examples in dataset.parts.items()})
    return dataset


def from_arrays(train_inputs, train_labels, test_inputs=None, test_labels=None, *, class_names=None, validation_fraction=0.1,
                split_seed=0, name="arrays"):  # fmt: skip
    """A `Dataset` of the caller's arrays.

    Args:
        train_inputs, test_inputs: arrays `(examples, height, width, channels)` or `(examples, height, width)`, raw pixels, any number type.
        train_labels, test_labels: integer arrays `(examples,)` from 0. No test arrays: the dataset has no test part.
        class_names: a name a label; default: the labels as strings.
        validation_fraction: share of the training examples held out, in [0, 1).
        split_seed: seed of that split.
        name: what the run calls it, with a checksum of the arrays behind it, by which a resumed run knows them again.

    Raises:
        UserError: shapes, types or labels that do not fit, with the first place.

    Example:
    ```python
    import numpy
    from hornbook.training import data

    pixels, labels = numpy.random.randint(0, 256, (40, 8, 8, 1), "uint8"), numpy.arange(40) % 2
    dataset = data.from_arrays(pixels, labels, class_names=("even", "odd"))
    print(len(dataset.train), len(dataset.validation), dataset.num_classes)
    ```
    """
    train = _array_examples(train_inputs, train_labels, "train")
    test = None if test_inputs is None else _array_examples(test_inputs, test_labels, "test")
    num_classes = max(int(part.labels.max()) + 1 for part in (train, test) if part is not None)
    class_names = tuple(str(label) for label in range(num_classes)) if class_names is None else tuple(map(str, class_names))
    if len(class_names) < num_classes:
        raise UserError(f"{name}: label {num_classes - 1} occurs, but only {len(class_names)} class names are given")
    if test is not None and test.inputs.shape[1:] != train.inputs.shape[1:]:
        raise UserError(f"{name}: test images are {test.inputs.shape[1:]}, training images {train.inputs.shape[1:]}; they must be alike")
    maximum = 255 if train.inputs.dtype == np.uint8 else float(np.abs(train.inputs).max()) or 1.0  # All black has no white.
    name = f"{name}:{_checksum(train, test)}"
    dataset = Dataset(name, class_names, train.inputs.shape[1:], train, test=test, pixel_maximum=maximum)
    return _hold_out(dataset, "validation", validation_fraction, split_seed)


def _checksum(*parts):
    """Eight hexadecimal digits (CRC-32) of all that the parts hold."""
    checksum = 0
    for array in (array for part in parts if part is not None for array in (part.inputs, part.labels)):
        checksum = zlib.crc32(repr((array.shape, array.dtype)).encode(), checksum)
        for rows in np.array_split(array, -(-array.nbytes // 2**24)):  # A contiguous copy of a part at a time, not of everything.
            checksum = zlib.crc32(np.ascontiguousarray(rows), checksum)
    return f"{checksum:08x}"


def _array_examples(inputs, labels, source):
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    if inputs.ndim == 3:
        inputs = inputs[..., None]
    if inputs.ndim != 4 or inputs.dtype.kind not in "uif":
        raise UserError(f"{source} images must be numbers (examples, height, width, channels), got {inputs.dtype} of shape {inputs.shape}")
    if labels.shape != inputs.shape[:1] or labels.dtype.kind not in "ui":
        raise UserError(f"{source} labels must be integers of shape {inputs.shape[:1]}, got {labels.dtype} of shape {labels.shape}")
    if len(labels) == 0:
        raise UserError(f"{source} has no examples")
    if labels.min() < 0:
        raise UserError(f"{source} labels must count from 0, got {labels.min()} at position {labels.argmin()}")
    if inputs.dtype.kind == "f" and not np.isfinite(inputs).all():
        place = np.argwhere(~np.isfinite(inputs))[0]
        raise UserError(f"{source} image {place[0]} has a pixel that is not finite at {tuple(map(int, place[1:]))}")
    return Examples(inputs, labels.astype(np.int64), np.arange(len(labels)), source)


def _digits():
    """Scikit-learn's 1,797 scanned digits of 8x8 pixels from 0 to 16 (Alpaydin and Kaynak 1998): real data that needs no network."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    whole = _array_examples(digits.images.astype(np.uint8), digits.target, "all")
    return Dataset("digits", tuple(map(str, digits.target_names)), (8, 8, 1), whole, pixel_maximum=16)


def _hold_out(dataset, part, fraction, split_seed):
    """The dataset with a share of its training part as its validation or test part; none with a fraction of 0."""
    flag = f"--{part}-fraction"
    if not 0 <= fraction < 1:
        raise UserError(f"{flag} must be in [0, 1), got {fraction}")
    if fraction == 0:
        return dataset
    train, held_out = stratified_split(dataset.train, fraction, split_seed, dataset.name, flag)
    return dataclasses.replace(dataset, **{"train": train, part: held_out})


def stratified_split(examples, fraction, seed, name, flag):
    """Two parts of `examples`, the second with `fraction` of them and of every class.

    Raises:
        UserError: a class has too few examples to stand in both parts.
    """
    from sklearn.model_selection import train_test_split

    counts = np.bincount(examples.labels)
    rare = np.flatnonzero(counts == 1)
    if len(rare):
        raise UserError(f"{name}: class {rare[0]} has one example, which cannot stand in two parts; add examples, or pass {flag} 0")
    try:
        first, second = train_test_split(np.arange(len(examples)), test_size=fraction, random_state=seed, stratify=examples.labels)
    except ValueError as error:
        classes = int((counts > 0).sum())
        raise UserError(
            f"{name}: {flag} {fraction} of {len(examples)} examples cannot hold one of each of {classes} classes; pass another share, or 0"
        ) from error
    # In the source's order, so that a streamed part reads the same as one in memory.
    return examples.subset(np.sort(first)), examples.subset(np.sort(second))


def write_split(path, dataset):
    """Write which example went where: columns part, source, index, label; a row an example."""
    with files.atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("part", "source", "index", "label"))
        for name, part in dataset.parts.items():
            for index, label in zip(part.indices.tolist(), part.labels.tolist(), strict=True):
                writer.writerow((name, part.source, index, dataset.class_names[label]))


def _fits_in_memory(dataset):
    """Whether all parts together take less than a quarter of this machine's memory."""
    total = sum(part.size_in_bytes for part in dataset.parts.values())
    return total < MEMORY_FRACTION * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
