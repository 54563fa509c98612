"""Labelled images from any source, checked and split before the first step.

A source is spelt the same everywhere: a built-in name (`digits`), `folder:PATH` and `csv:PATH` (image files), `npz:PATH` (arrays),
`tfds:NAME` (TensorFlow Datasets), or arrays from Python (`arrays.from_arrays`). Each becomes an `ImageDataset`.

This file imports neither Keras nor TensorFlow, so that a wrong name is refused within a second.
"""

import dataclasses
import typing
from typing import Annotated

import msgspec
import numpy as np

from hornbook import UserError, memory, records, spelling
from hornbook.data import sources, splits
from hornbook.data.dataset import Dataset, Examples, Labels
from hornbook.data.selection import arranging, thinning

# Of the machine's memory; more images stay on disk. The rest is for the model, the batches under way and other programs.
MEMORY_FRACTION = 0.25
BUILT_IN = ("digits",)
KINDS = ("folder", "csv", "npz", "tfds")  # That may stand before a colon, see `sources.home`.


class ImageLabels(Labels, kw_only=True):
    """`labels.json` of a run on images: `input_shape` is (height, width, channels)."""

    input_shape: Annotated[list[records.Size], msgspec.Meta(min_length=3, max_length=3)]
    pixel_maximum: Annotated[float, msgspec.Meta(gt=0, le=1e12)]


@dataclasses.dataclass(frozen=True)
class ImageDataset(Dataset):
    """A `Dataset` of images, `input_shape` `(height, width, channels)`.

    Its parts are `Examples`, or stay on disk: `files.FileExamples`, `tfds.StreamedExamples`.

    Attributes:
        pixel_maximum: the number that stands for white: 255 unless the source is unusual. Other pictures are scaled by it.
    """

    pixel_maximum: float = 255

    medium: typing.ClassVar[str] = "images"
    labels_kind: typing.ClassVar[type] = ImageLabels

    def about(self):
        """See `Dataset.about`; and the number that stands for white."""
        return {**super().about(), "pixel_maximum": self.pixel_maximum}


@spelling.as_arguments(dataset="name")
def check_name(name, *, path_column=None, label_column=None, group_column=None, time_column=None, weight_column=None):
    """Refuse a name that is no dataset's, see `sources.check_name`, and columns, as of `load`, of one that has none."""
    sources.check_name(name, "images", BUILT_IN, KINDS)
    kind = name.partition(":")[0]
    for flag, column in {"path": path_column, "label": label_column, "group": group_column, "time": time_column}.items():
        if kind != "csv" and column:
            raise UserError(f"--{flag}-column is for csv:PATH; {name} has no columns")
    if kind not in ("csv", "npz") and weight_column:
        raise UserError(f"--weight-column is for csv:PATH, and for npz:PATH as the name of an array; {name} has no weights")


@spelling.as_arguments(arranging.Arrangement, thinning.Thinning, dataset="name")
def load(name, *, validation_fraction=0.1, test_fraction=0.2, split_seed=0, kept=thinning.ALL, in_memory="auto", image_size=None,
         path_column=None, label_column=None, group_column=None, time_column=None, weight_column=None, skip_unreadable=False,
         channels=None, class_names=None, arranged=arranging.NONE):  # fmt: skip
    """An `ImageDataset` by name.

    Args:
        name: `digits`, `folder:PATH`, `csv:PATH`, `npz:PATH` or `tfds:NAME[/CONFIG][:VERSION]`.
        validation_fraction: share of the training examples held out, in [0, 1); 0 for none. Unused where the source has a validation split.
        test_fraction: share held out where the source has no test split.
        split_seed: seed of both splits; apart from the run's seed, so that runs with several seeds compare on the same data.
        kept: `selection.thinning.Thinning`, what is kept of the training examples after validation and test examples were held out.
        in_memory: "always", "never" (streamed from disk) or "auto": in memory if it takes less than a quarter of what is free.
        image_size: text or integer that all images are resized to: a number, or HEIGHTxWIDTH. None: the size that they have in common.
        path_column, label_column: columns of a table; None: the first of the usual names that is there.
        group_column: a column of a table: images of one group, such as a patient, stand in one part. None: no such column.
        time_column: a column of a table: the latest images are held out, see `selection.times`. None: no image comes before another.
        weight_column: a column of a table, or an array of a NumPy file, of what each training image counts in the loss. None: all the same.
        skip_unreadable: whether to leave out images that cannot be read, and list them in the dataset's `unreadable`, or to refuse them.
        channels: 1 or 3, to which image files are converted. None: 1 if all images are grey, else 3 (RGB).
        class_names: the classes in their order, such as a trained model's; a folder or table may lack some of them. None: its own.
        arranged: `selection.arranging.Arrangement`: groups by names of files, a split that is written down, rare classes.

    Raises:
        UserError: something is wrong with the name or the data, with the file or example and what is accepted.

    Example:
    ```python
    import keras
    from hornbook import data

    digits = data.images.load("digits")
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(digits.num_classes)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(digits.train.inputs, digits.train.labels, verbose=0)
    ```
    """
    columns = {"path_column": path_column, "label_column": label_column, "group_column": group_column}
    columns |= {"time_column": time_column, "weight_column": weight_column}
    check_name(name, **columns)
    kind = name.partition(":")[0]
    shape, classes = {"image_size": image_size, "channels": channels}, {"class_names": class_names}
    options = {
        "folder": shape | classes,
        "csv": shape | classes | columns,
        "npz": classes | {"weight_column": weight_column},
        "tfds": shape,
    }
    dataset = built_in() if name == "digits" else sources.home("images", kind).load(name, **options[kind])
    fractions = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    held_out = {**fractions, "split_seed": split_seed, "kept": kept, "arranged": arranged}
    return completed(dataset, **held_out, in_memory=in_memory, image_size=image_size, skip_unreadable=skip_unreadable)


def completed(dataset, *, test_fraction, validation_fraction, split_seed, kept, arranged, in_memory, image_size, skip_unreadable):
    """The dataset of a source split, thinned, checked and, where it fits, in memory; arguments as of `load`."""
    if dataset.name.partition(":")[0] in ("digits", "npz"):
        _refuse_resizing(dataset, image_size)
    fractions = {"test_fraction": test_fraction, "validation_fraction": validation_fraction}
    dataset = splits.complete(dataset, **fractions, split_seed=split_seed, arranged=arranged)
    dataset = thinning.thinned(dataset, kept, split_seed)
    in_memory = in_memory == "always" or (in_memory == "auto" and _fits_in_memory(dataset))
    return _checked(dataset, in_memory, skip_unreadable).noted()


def _refuse_resizing(dataset, image_size):
    from hornbook.data.images import decoding

    if image_size is not None and decoding.parse_size(image_size) != tuple(dataset.input_shape[:2]):
        size = "x".join(map(str, dataset.input_shape[:2]))
        raise UserError(f"--image-size resizes image files; {dataset.name} is arrays of {size}, so leave it out, or resize them beforehand")


def _checked(dataset, in_memory, skip_unreadable):
    """The dataset, in memory or not, after every image has been read once; those that cannot be read are refused together, or left out."""
    parts, unreadable = {}, []
    if in_memory:
        size = sum(part.size_in_bytes for part in dataset.parts.values() if not isinstance(part, Examples))
        memory.require(size, dataset.name, "pass --in-memory never, or a smaller --image-size")
    for name, part in dataset.parts.items():
        parts[name] = part
        if not isinstance(part, Examples):
            parts[name], broken = part.checked(in_memory)
            unreadable += broken
    if unreadable:
        from hornbook.data.images import decoding

        empty = next((name for name, part in parts.items() if not len(part)), None)
        lost = np.setdiff1d(dataset.train.labels, parts["train"].labels) if "train" in parts else ()
        if not skip_unreadable or empty or len(lost):
            remedy = "prepare the dataset again" if dataset.name.startswith("tfds:") else "repair or remove them"
            if empty or len(lost):
                what = f"class {dataset.class_names[lost[0]]}" if len(lost) else f"{empty} part"
                remedy += f" (--skip-unreadable cannot help: nothing would be left of the {what})"
            total = sum(map(len, dataset.parts.values()))
            can_skip = not (empty or len(lost))
            sources.refuse_unreadable(dataset.name, unreadable, total, remedy, accepted=decoding.ACCEPTED, can_skip=can_skip)
    return dataclasses.replace(dataset, **parts, unreadable=tuple(unreadable))


def built_in():
    """Scikit-learn's 1,797 scanned digits of 8x8 pixels from 0 to 16 (Alpaydin and Kaynak 1998): real data that needs no network."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., None]
    whole = Examples(images, digits.target.astype(np.int64), np.arange(len(images)), "all")
    return ImageDataset("digits", tuple(map(str, digits.target_names)), (8, 8, 1), whole, pixel_maximum=16)


def _fits_in_memory(dataset):
    """Whether all parts together take less than a quarter of the memory that is free."""
    return sum(part.size_in_bytes for part in dataset.parts.values()) < MEMORY_FRACTION * memory.available()
