"""Labelled images from any source, checked, split and counted before the first step.

A source is spelt the same everywhere: a built-in name (`digits`), `folder:PATH` and `csv:PATH` (image files), `npz:PATH` (arrays),
`tfds:NAME` (TensorFlow Datasets), or arrays from Python (`from_arrays`). What comes out is a `Dataset`: three parts and the classes' names.

Keras and TensorFlow are not imported here, so that a wrong name is said within a second.
"""

import csv
import dataclasses
import difflib
import importlib
import os
import zlib

import numpy as np

from hornbook import UserError
from hornbook.training import files, splits

BUILT_IN = ("digits",)
# Which file reads what is spelt PREFIX:REST; each has `check(rest)` and `load(name, ...)`.
_HOMES = {"folder": "folders", "csv": "tables", "npz": "array_files", "tfds": "tfds_source"}
# Of what the machine has: beyond it, images stay on disk. The rest is for the model, a batch in flight and other programs.
MEMORY_FRACTION = 0.25
_LARGEST_PIXEL = 1e18  # Its square, of which the variance is made, is about the largest that float32 holds.


@dataclasses.dataclass(frozen=True)
class Examples:
    """One part of a dataset, in memory.

    Attributes:
        inputs: array `(examples, height, width, channels)`, raw pixels.
        labels: int64 array `(examples,)`, an index into the class names.
        indices: int64 array `(examples,)`, the position in the source: what order and augmentation depend on, and `split.csv` names.
        source: the source's own split that the indices count in ("train", "test", "all").
        files: object array `(examples,)` of the paths they were read from, or None.
    """

    inputs: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    source: str
    files: np.ndarray | None = None

    def __len__(self):
        return len(self.labels)

    def subset(self, positions):
        """The examples at `positions`, an int array into this part."""
        chosen = None if self.files is None else self.files[positions]
        return Examples(self.inputs[positions], self.labels[positions], self.indices[positions], self.source, chosen)

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
        train, validation, test: `Examples`, or what stays on disk: `training.image_files.FileExamples`,
            `training.tfds_source.StreamedExamples`; validation and test may be None, and train where a folder is only scored.
        pixel_maximum: the number that stands for white, to read other pictures by: 255 unless the source is unusual.
        unreadable: (file, reason) of every image that was left out.
    """

    name: str
    class_names: tuple
    input_shape: tuple
    train: object
    validation: object = None
    test: object = None
    pixel_maximum: float = 255
    unreadable: tuple = ()

    @property
    def num_classes(self):
        return len(self.class_names)

    @property
    def sizes(self):
        """How many examples each part has, in words."""
        return ", ".join(f"{len(part):,} {name}" for name, part in self.parts.items())

    def part(self, name):
        """The part called `name`: train, validation or test.

        Raises:
            UserError: the dataset has no such part.
        """
        part = self.parts.get(name)
        if part is None:
            raise UserError(f"{self.name} has no {name} part; it has {', '.join(self.parts)}")
        return part

    @property
    def parts(self):
        """The parts that there are, by name."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}


def check_name(name, built_in=BUILT_IN, kinds=tuple(_HOMES)):
    """Refuse a dataset that cannot be had, before anything slow happens.

    Args:
        name: as of `--dataset`.
        built_in: the built-in names that are accepted.
        kinds: what may stand before a colon.

    Raises:
        UserError: no such source, or one that is neither prepared nor within reach.
    """
    if name in built_in:
        return
    try:
        name.encode()
    except UnicodeEncodeError:  # The run's files, which name it, are UTF-8.
        raise UserError(f"--dataset {name!r}: a path must be UTF-8; rename the folder or file, or pass a link to it") from None
    kind, _, rest = name.partition(":")
    if kind in kinds:
        _home(kind).check(rest)
        return
    if kind == "arrays":
        raise UserError(f"{name} was passed as arrays from Python, which are not kept with a run; pass them again, or another --dataset")
    close = difflib.get_close_matches(name, built_in, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    if not close and os.path.exists(os.path.expanduser(name)):
        hint = f"; did you mean '{'folder' if os.path.isdir(os.path.expanduser(name)) else 'csv'}:{name}'?"
    accepted = [*built_in, *(f"{kind}:{'NAME' if kind == 'tfds' else 'PATH'}" for kind in kinds)]
    raise UserError(f"--dataset must be {', '.join(accepted[:-1])} or {accepted[-1]}, got {name!r}{hint}")


def short_name(name):
    """A dataset's name for a headline: of a path the last part, `photos` of `folder:/home/me/photos`."""
    kind, _, path = name.partition(":")
    return (os.path.basename(os.path.normpath(path)) if kind in ("folder", "csv", "npz") else "") or name


def _home(kind):
    return importlib.import_module(f"hornbook.training.{_HOMES[kind]}")


def load(name, *, validation_fraction=0.1, test_fraction=0.2, split_seed=0, in_memory="auto", image_size=None, path_column=None,
         label_column=None, skip_unreadable=False, channels=None, class_names=None):  # fmt: skip
    """A `Dataset` by name.

    Args:
        name: `digits`, `folder:PATH`, `csv:PATH`, `npz:PATH` or `tfds:NAME[/CONFIG][:VERSION]`.
        validation_fraction: share of the training examples held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits; apart from the run's seed, so that runs with several seeds compare on the same data.
        in_memory: "always", "never" (streamed from disk) or "auto": in memory if it takes less than a quarter of the machine's.
        image_size: text or integer that all images are resized to: a number, or HEIGHTxWIDTH. None: the size that they have in common.
        path_column, label_column: columns of a table; None: the first of the usual names that is there.
        skip_unreadable: whether to leave out images that cannot be read, which are in the dataset's `unreadable` then, or to refuse them.
        channels: 1 or 3, what files are converted to. None: grey if all images are, else RGB.
        class_names: the classes in their order, such as a trained model's, of which a folder or table may lack some. None: its own.

    Raises:
        UserError: whatever is wrong with the name or the data, with the file or example and what would be accepted.

    Example:
    ```python
    import keras
    from hornbook.training import data

    digits = data.load("digits")
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(digits.num_classes)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(digits.train.inputs, digits.train.labels, verbose=0)
    ```
    """
    check_name(name)
    kind = name.partition(":")[0]
    if kind != "csv" and (path_column or label_column):
        raise UserError(f"--{'path' if path_column else 'label'}-column is for csv:PATH; {name} has no columns")
    shape = {"image_size": image_size, "channels": channels}
    if kind == "folder":
        dataset = _home(kind).load(name, **shape, class_names=class_names)
    elif kind == "csv":
        dataset = _home(kind).load(name, **shape, class_names=class_names, path_column=path_column, label_column=label_column)
    elif kind == "tfds":
        dataset = _home(kind).load(name, **shape)
    else:
        dataset = _digits() if name == "digits" else _home(kind).load(name, class_names=class_names)
        _refuse_resizing(dataset, image_size)
    if dataset.test is None:
        dataset = hold_out(dataset, "test", test_fraction, split_seed)
    if dataset.validation is None:
        dataset = hold_out(dataset, "validation", validation_fraction, split_seed)
    return _checked(dataset, in_memory == "always" or (in_memory == "auto" and _fits_in_memory(dataset)), skip_unreadable)


def _refuse_resizing(dataset, image_size):
    from hornbook.training import pictures

    if image_size is not None and pictures.parse_size(image_size) != tuple(dataset.input_shape[:2]):
        size = "x".join(map(str, dataset.input_shape[:2]))
        raise UserError(f"--image-size resizes image files; {dataset.name} is arrays of {size}, so leave it out, or resize them beforehand")


def _checked(dataset, in_memory, skip_unreadable):
    """The dataset, in memory or not, once everything in it has been read; what cannot be is refused, all of it at once, or left out."""
    parts, unreadable = {}, []
    for name, part in dataset.parts.items():
        parts[name] = part
        if not isinstance(part, Examples):
            parts[name], broken = part.checked(in_memory)
            unreadable += broken
    if unreadable:
        from hornbook.training import image_files

        empty = next((name for name, part in parts.items() if not len(part)), None)
        lost = np.setdiff1d(dataset.train.labels, parts["train"].labels) if "train" in parts else ()
        if not skip_unreadable or empty or len(lost):
            remedy = "prepare the dataset again" if dataset.name.startswith("tfds:") else "repair or remove what is named"
            if empty or len(lost):
                what = f"class {dataset.class_names[lost[0]]}" if len(lost) else f"{empty} part"
                remedy += f" (--skip-unreadable cannot help: nothing would be left of the {what})"
            total = sum(map(len, dataset.parts.values()))
            image_files.refuse_unreadable(dataset.name, unreadable, total, remedy, can_skip=not (empty or len(lost)))
    return dataclasses.replace(dataset, **parts, unreadable=tuple(unreadable))


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
    train = array_examples(train_inputs, train_labels, "train")
    test = None if test_inputs is None else array_examples(test_inputs, test_labels, "test")
    num_classes = max(int(part.labels.max()) + 1 for part in (train, test) if part is not None)
    class_names = tuple(str(label) for label in range(num_classes)) if class_names is None else tuple(map(str, class_names))
    if len(class_names) < num_classes:
        raise UserError(f"{name}: label {num_classes - 1} occurs, but only {len(class_names)} class names are given")
    if test is not None and test.inputs.shape[1:] != train.inputs.shape[1:]:
        raise UserError(f"{name}: test images are {test.inputs.shape[1:]}, training images {train.inputs.shape[1:]}; they must be alike")
    name = f"{name}:{checksum(train, test)}"
    dataset = Dataset(name, class_names, train.inputs.shape[1:], train, test=test, pixel_maximum=white(train.inputs))
    return hold_out(dataset, "validation", validation_fraction, split_seed)


def checksum(*parts):
    """Eight hexadecimal digits (CRC-32) of all that the parts hold."""
    checksum = 0
    for array in (array for part in parts if part is not None for array in (part.inputs, part.labels)):
        checksum = zlib.crc32(repr((array.shape, array.dtype)).encode(), checksum)
        for rows in np.array_split(array, -(-array.nbytes // 2**24)):  # A contiguous copy of a part at a time, not of everything.
            checksum = zlib.crc32(np.ascontiguousarray(rows), checksum)
    return f"{checksum:08x}"


def array_examples(inputs, labels, name, source=None):
    """`Examples` of arrays as `from_arrays` takes them.

    Args:
        inputs, labels: the arrays.
        name: what a message calls them.
        source: the split that they are; default: the name.

    Raises:
        UserError: shapes, types or values that do not fit, with the first place.
    """
    inputs, labels = np.asarray(inputs), np.asarray(labels)
    if inputs.ndim == 3:
        inputs = inputs[..., None]
    if inputs.ndim != 4 or inputs.dtype.kind not in "uif":
        raise UserError(f"{name} images must be numbers (examples, height, width, channels), got {inputs.dtype} of shape {inputs.shape}")
    if labels.shape != inputs.shape[:1] or labels.dtype.kind not in "ui":
        raise UserError(f"{name} labels must be integers of shape {inputs.shape[:1]}, got {labels.dtype} of shape {labels.shape}")
    if len(labels) == 0:
        raise UserError(f"{name} has no examples")
    if 0 in inputs.shape:
        raise UserError(f"{name} images have no pixels: they are of shape {inputs.shape}; each side must be at least 1")
    if inputs.shape[1] in (1, 3) and min(inputs.shape[2:]) > 4:
        raise UserError(
            f"{name} images of shape {inputs.shape} have their channels first; accepted are (examples, height, width, channels), "
            "as numpy.moveaxis(images, 1, -1) makes them"
        )
    if labels.min() < 0:
        raise UserError(f"{name} labels must count from 0, got {labels.min()} at position {labels.argmin()}")
    if inputs.dtype.kind == "f" and not np.isfinite(inputs).all():
        place = np.argwhere(~np.isfinite(inputs))[0]
        raise UserError(f"{name} image {place[0]} has a pixel that is not finite at {tuple(map(int, place[1:]))}; remove or mend it")
    largest = max(float(inputs.max()), -float(inputs.min()))
    if largest > _LARGEST_PIXEL:
        raise UserError(
            f"{name} images have a pixel of {largest:.3g}, whose square float32 cannot hold; accepted are up to {_LARGEST_PIXEL:g}"
        )
    return Examples(inputs, labels.astype(np.int64), np.arange(len(labels)), source or name)


def white(inputs):
    """The number that stands for white in an array of images: 255 of bytes, else the largest that occurs."""
    return 255 if inputs.dtype == np.uint8 else float(np.abs(inputs).max()) or 1.0  # All black has no white.


def _digits():
    """Scikit-learn's 1,797 scanned digits of 8x8 pixels from 0 to 16 (Alpaydin and Kaynak 1998): real data that needs no network."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    whole = array_examples(digits.images.astype(np.uint8), digits.target, "all")
    return Dataset("digits", tuple(map(str, digits.target_names)), (8, 8, 1), whole, pixel_maximum=16)


def hold_out(dataset, part, fraction, split_seed):
    """The dataset with a share of its training part as its validation or test part; none with a fraction of 0 or no training part.

    Classes are stratified; labels of another kind (float arrays) are split at random.

    Raises:
        UserError: a fraction out of range, or a class that cannot stand in both parts.
    """
    flag = f"--{part}-fraction"
    if not 0 <= fraction < 1:
        raise UserError(f"{flag} must be in [0, 1), got {fraction}")
    if fraction == 0 or dataset.train is None:
        return dataset
    train, held_out = splits.stratified_split(dataset.train, fraction, split_seed, dataset.name, flag, dataset.class_names)
    return dataclasses.replace(dataset, **{"train": train, part: held_out})


def write_unreadable(path, unreadable):
    """Write the images that cannot be read: columns file, reason; a row an image."""
    with files.atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        csv.writer(file).writerows([("file", "reason"), *unreadable])


def _fits_in_memory(dataset):
    """Whether all parts together take less than a quarter of this machine's memory."""
    total = sum(part.size_in_bytes for part in dataset.parts.values())
    return total < MEMORY_FRACTION * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
