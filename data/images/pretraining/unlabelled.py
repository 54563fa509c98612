"""Images from any source, whose labels are not read: a folder of any files, a table of files, arrays, TensorFlow Datasets."""

import dataclasses

import numpy as np

from hornbook import files as paths
from hornbook import spelling
from hornbook.data import folders, npz
from hornbook.data.images import arrays, csv, files, tfds
from hornbook.data.images import folders as class_folders
from hornbook.data.images.dataset import ImageDataset, built_in, completed
from hornbook.data.selection import arranging, thinning
from hornbook.data.sources import check_name as check_source

CLASS_NAMES = ("unlabelled",)
_PARTS = {
    "train": (("x_train",), ("train_images",), ("images",), ("x",)),
    "validation": (("x_val",), ("x_validation",), ("val_images",)),
    "test": (("x_test",), ("test_images",)),
}
_ACCEPTED = "accepted are x_train (with x_val, x_test), or images"


@spelling.as_arguments(dataset="name")
def check_name(name):
    """Refuse a name that is no dataset's of images; folders need no class folders here.

    Raises:
        UserError: with what is accepted.
    """
    kind, _, rest = name.partition(":")
    if kind == "folder":
        folders.check_any(rest)
    else:
        check_source(name, "images", ("digits",), ("folder", "csv", "npz", "tfds"))


@spelling.as_arguments(arranging.Arrangement, thinning.Thinning, dataset="name")
def load(name, *, validation_fraction=0.1, test_fraction=0.2, split_seed=0, kept=thinning.ALL, in_memory="auto", image_size=None,
         path_column=None, skip_unreadable=False, arranged=arranging.NONE):  # fmt: skip
    """An `ImageDataset` by name, all of whose images are of one class, `CLASS_NAMES`.

    Args:
        name: `digits`, `folder:PATH` (images at any depth below it; train/, validation/ and test/ are parts where no other folder is beside
            them), `csv:PATH` (a column of files), `npz:PATH` (x_train or images), `tfds:NAME` (of any features, with an image among them).
        validation_fraction, test_fraction, split_seed, kept, in_memory, image_size, path_column, skip_unreadable, arranged: as of
            `images.load`.

    Raises:
        UserError: something is wrong with the name or the data, with the file or example and what is accepted.

    Example:
    ```python
    from hornbook.data.images.pretraining import unlabelled

    digits = unlabelled.load("digits")
    print(digits.class_names, digits.sizes)
    ```
    """
    check_name(name)
    shape, own = {"image_size": image_size}, {"class_names": CLASS_NAMES}
    kind = name.partition(":")[0]
    read = {
        "digits": lambda: without_labels(built_in()),
        "folder": lambda: _folder(name, image_size),
        "csv": lambda: csv.load(name, path_column=path_column, **shape, **own, labelled=False),
        "npz": lambda: _npz(name),
        "tfds": lambda: tfds.load(name, **shape, **own),
    }
    how = {"in_memory": in_memory, "image_size": image_size, "skip_unreadable": skip_unreadable, "arranged": arranged, "kept": kept}
    fractions = {"validation_fraction": validation_fraction, "test_fraction": test_fraction, "split_seed": split_seed}
    return completed(read[kind](), **fractions, **how)


def without_labels(dataset):
    """An `ImageDataset` whose images are all of one class, `CLASS_NAMES`."""
    parts = {name: dataclasses.replace(part, labels=np.zeros(len(part), np.int64)) for name, part in dataset.parts.items()}
    return dataclasses.replace(dataset, **parts, class_names=CLASS_NAMES)


def _folder(name, image_size):
    found, others = folders.unlabelled_files(name.removeprefix("folder:"), class_folders.SUFFIXES)
    shape = files.choose_shape([one for part in found.values() for one in part], name, image_size)
    parts = {}
    for part, listed in found.items():
        numbers = np.arange(len(listed))
        parts["train" if part == "all" else part] = files.FileExamples(np.array(listed, object), 0 * numbers, numbers, part, shape)
    left_out = f"{len(others):,} files that are no images by their names are left out, such as {others[0]}" if others else None
    return ImageDataset(name, CLASS_NAMES, shape, **parts, notes=(left_out,) if left_out else ())


def _npz(name):
    path = paths.given(name.removeprefix("npz:"))
    named, found = npz.read_parts(path, _PARTS, _ACCEPTED)
    source = {"train": "train" if len(named) > 1 else "all"}
    parts = {}
    for part, (key,) in named.items():
        images = found[key]
        parts[part] = arrays.array_examples(images, np.zeros(len(images), np.int64), f"{path}: {key}", source.get(part, part))
    arrays.refuse_unlike(path, named, parts)
    train = parts["train"].inputs
    return ImageDataset(name, CLASS_NAMES, train.shape[1:], **parts, pixel_maximum=arrays.white(train))
