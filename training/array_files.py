"""`npz:PATH`: images and labels as arrays in a NumPy file, as Keras' own datasets come."""

import zipfile
import zlib

import numpy as np

from hornbook import UserError
from hornbook.training import data, files, naming

# (images, labels) of each part. The first pair that is there counts.
_NAMES = {
    "train": (("x_train", "y_train"), ("train_images", "train_labels"), ("images", "labels"), ("x", "y")),
    "validation": (("x_val", "y_val"), ("x_validation", "y_validation"), ("val_images", "val_labels")),
    "test": (("x_test", "y_test"), ("test_images", "test_labels")),
}
_ACCEPTED = "accepted are x_train and y_train (with x_val, y_val, x_test, y_test), or images and labels"


def check(path):
    """Refuse a file that is none.

    Raises:
        UserError: with what is accepted.
    """
    if files.what_is(path) != "is a file":
        raise UserError(f"--dataset {f'npz:{path}'!r} {files.what_is(path)}; accepted is a file that numpy.savez wrote")


def load(name, *, class_names=None):
    """A `data.Dataset` of `npz:PATH`, in memory, with the file's own validation and test arrays where it has them.

    Args:
        name: `npz:PATH`. Labels `(examples,)` or `(examples, 1)` are text or any integers; those of training are the classes.
        class_names: the classes in their order, such as a trained model's; default: those of training.

    Raises:
        UserError: whatever is wrong with the file, with the array and the place in it.
    """
    path = files.given(name.removeprefix("npz:"))
    arrays = read(path, {key for pairs in _NAMES.values() for pair in pairs for key in pair}, _ACCEPTED)
    named = {}
    for part, pairs in _NAMES.items():
        pair = next((pair for pair in pairs if pair[0] in arrays or pair[1] in arrays), None)
        if pair is not None:
            missing = [key for key in pair if key not in arrays]
            if missing:
                raise UserError(f"{path} has {(set(pair) - set(missing)).pop()} but no {missing[0]}; {_ACCEPTED}")
            named[part] = pair
    if "train" not in named:
        raise UserError(f"{path} has the arrays {naming.some(arrays) or 'none'}; {_ACCEPTED}")
    named_labels = {part: labels(path, key, arrays[key]) for part, (_, key) in named.items()}
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
        parts[part] = data.array_examples(arrays[images], _numbers(path, key, named_labels[part], class_names), f"{path}: {images}", part)
    whole = "train" if len(parts) > 1 else "all"
    shape = parts["train"].inputs.shape[1:]
    for part, examples in parts.items():
        if examples.inputs.shape[1:] != shape or examples.inputs.dtype != parts["train"].inputs.dtype:
            raise UserError(
                f"{path}: {named[part][0]} has images {examples.inputs.shape[1:]} of {examples.inputs.dtype}, {named['train'][0]} "
                f"has {shape} of {parts['train'].inputs.dtype}; they must be alike"
            )
    parts["train"] = data.Examples(parts["train"].inputs, parts["train"].labels, parts["train"].indices, whole)
    return data.Dataset(name, class_names, shape, **parts, pixel_maximum=data.white(parts["train"].inputs))


def read(path, wanted, accepted):
    """The arrays of an .npz file by name; those that are not among `wanted` are None. Nothing pickled is loaded: it could run code.

    Raises:
        UserError: it cannot be read, or what is wanted holds Python objects; `accepted` says what would do.
    """
    try:
        with open(path, "rb") as opened:
            start = opened.read(6)
            if start == b"\x93NUMPY":
                raise UserError(f"{path} is one array (.npy), where an .npz file has several: {accepted}")
            if start[:2] != b"PK":  # Asked first, since NumPy advises to load what it does not know unsafely.
                raise UserError(f"{path} {'is no .npz file' if start else 'is empty'}; accepted is a file that numpy.savez wrote")
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as file:
                return {key: _array(path, key, file) if key in wanted else None for key in file.files}
    except UserError:
        raise
    except (OSError, ValueError, EOFError, KeyError, TypeError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} cannot be read as an .npz file ({reason[:120]}); write it again with numpy.savez") from error


def _array(path, key, file):
    try:
        array = file[key]
    except ValueError as error:
        raise UserError(f"{path}: {key} holds Python objects or is broken ({error}); accepted are numbers, for labels also text") from error
    except MemoryError as error:
        raise UserError(f"{path}: {key} takes more memory than there is ({error}); accepted are fewer or smaller images") from error
    if not isinstance(array, np.ndarray):  # Whatever else a ZIP file may hold comes as bytes.
        raise UserError(f"{path}: {key} is no NumPy array; write the file again with numpy.savez")
    return array


def labels(path, key, array):
    """Labels as text, an object array `(examples,)`.

    Raises:
        UserError: the array holds neither integers nor text, or one value an example is not what it has.
    """
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.ndim != 1 or array.dtype.kind not in "uiU":
        raise UserError(
            f"{path}: {key} must be integers or text of shape (examples,), got {array.dtype} of shape {array.shape}; "
            "of one-hot labels, save labels.argmax(axis=1)"
        )
    if array.dtype.kind != "U":
        return array.astype(str).astype(object)
    array = np.char.strip(array)
    if (array == "").any():
        raise UserError(f"{path}: {key} is empty at position {(array == '').argmax()}; accepted are names of classes")
    return array.astype(object)


def _numbers(path, key, labels, class_names):
    number = {label: place for place, label in enumerate(class_names)}
    unknown = [place for place, label in enumerate(labels) if label not in number]
    if unknown:
        raise UserError(
            f"{path}: {key} has the class {labels[unknown[0]]!r} at position {unknown[0]}, unknown in training; "
            f"accepted are {naming.some(class_names)}"
        )
    return np.array([number[label] for label in labels], np.int64)
