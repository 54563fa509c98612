"""Images as arrays: from Python, and `npz:PATH`, a NumPy file of them, as Keras' own datasets come."""

import numpy as np

from hornbook import UserError, files, spelling
from hornbook.data import naming, npz, splits
from hornbook.data.dataset import Examples, checksum
from hornbook.data.images.dataset import ImageDataset

# Images and labels of each part, see `npz.read_parts`.
_NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels"), ("x", "y")),
    "validation": (("x_val", "y_val"), ("x_validation", "y_validation"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}

_ACCEPTED = "accepted are x_train and y_train (with x_val, y_val, x_test, y_test), or images and labels"
_LARGEST_PIXEL = 1e18  # Its square, from which the variance is computed, is about the largest that float32 holds.

check = npz.check


def load(name, *, weight_column=None, class_names=None):
    """An `ImageDataset` of `npz:PATH`, in memory, with the file's own validation and test arrays where it has them.

    Args:
        name: `npz:PATH`. Labels `(examples,)` or `(examples, 1)` are text or any integers; those of training are the classes.
        weight_column: name of an array of a weight for each training image, or None.
        class_names: the classes in their order, such as a trained model's; default: those of training.

    Raises:
        UserError: something is wrong with the file, with the array and the place in it.
    """
    path = files.given(name.removeprefix("npz:"))
    named, arrays = npz.read_parts(path, _NAMES, _ACCEPTED, weight_column)
    named_labels = {part: npz.labels(path, key, arrays[key]) for part, (_, key) in named.items()}
    if class_names is None:
        class_names = naming.in_order(set(named_labels["train"].tolist()))
        naming.refuse_one_class_spelt_twice(
            class_names, lambda label: f"{path}: {named['train'][1]}[{named_labels['train'].tolist().index(label)}]"
        )
    class_names = tuple(class_names)
    if len(class_names) < 2:
        raise UserError(f"{path}: {named['train'][1]} has {'one class' if class_names else 'no labels'}; at least two classes are needed")
    parts = {}
    for part, (images, key) in named.items():
        parts[part] = array_examples(arrays[images], _numbers(path, key, named_labels[part], class_names), f"{path}: {images}", part)
    whole = "train" if len(parts) > 1 else "all"
    shape = parts["train"].inputs.shape[1:]
    refuse_unlike(path, named, parts)
    parts["train"] = Examples(parts["train"].inputs, parts["train"].labels, parts["train"].indices, whole)
    weights = npz.weights(path, weight_column, arrays, len(parts["train"]))
    return ImageDataset(name, class_names, shape, **parts, pixel_maximum=white(parts["train"].inputs), weights=weights)


def refuse_unlike(path, named, parts):
    """Refuse parts of a file whose images have another shape or type than those of training.

    Args:
        path: of the file.
        named: dict of part to names of arrays, that of the images first.
        parts: dict of part to `Examples`.

    Raises:
        UserError: with both.
    """
    train = parts["train"].inputs
    for part, examples in parts.items():
        if examples.inputs.shape[1:] != train.shape[1:] or examples.inputs.dtype != train.dtype:
            raise UserError(
                f"{path}: {named[part][0]} has images {examples.inputs.shape[1:]} of {examples.inputs.dtype}, {named['train'][0]} "
                f"has {train.shape[1:]} of {train.dtype}; they must be alike"
            )


def _numbers(path, key, labels, class_names):
    number = {label: place for place, label in enumerate(class_names)}
    unknown = [place for place, label in enumerate(labels) if label not in number]
    if unknown:
        raise UserError(
            f"{path}: {key} has the class {labels[unknown[0]]!r} at position {unknown[0]}, unknown in training; "
            f"accepted are {naming.some(class_names)}"
        )
    return np.array([number[label] for label in labels], np.int64)


@spelling.as_arguments()
def from_arrays(train_inputs, train_labels, test_inputs=None, test_labels=None, *, class_names=None, validation_fraction=0.1,
                split_seed=0, name="arrays"):  # fmt: skip
    """An `ImageDataset` of the caller's arrays.

    Args:
        train_inputs, test_inputs: arrays `(examples, height, width, channels)` or `(examples, height, width)`, raw pixels, any number type.
        train_labels, test_labels: integer arrays `(examples,)` from 0. No test arrays: the dataset has no test part.
        class_names: a name a label; default: the labels as strings.
        validation_fraction: share of the training examples held out, in [0, 1).
        split_seed: seed of that split.
        name: of the dataset. A checksum of the arrays is added, by which a resumed run recognizes them.

    Raises:
        UserError: shapes, types or labels that do not fit, with the first place.

    Example:
    ```python
    import numpy
    from hornbook import data

    pixels, labels = numpy.random.randint(0, 256, (40, 8, 8, 1), "uint8"), numpy.arange(40) % 2
    dataset = data.images.from_arrays(pixels, labels, class_names=("even", "odd"))
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
    dataset = ImageDataset(name, class_names, train.inputs.shape[1:], train, test=test, pixel_maximum=white(train.inputs))
    return splits.complete(dataset, test_fraction=0, validation_fraction=validation_fraction, split_seed=split_seed).noted()


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
    """The number that stands for white in an array of images: 255 if they are bytes, else the largest that occurs."""
    return 255 if inputs.dtype == np.uint8 else float(np.abs(inputs).max()) or 1.0  # All black has no white.
