"""`npz:PATH`: the inputs and labels of each part in a NumPy file, for every medium. Nothing pickled is loaded."""

import math

import numpy as np

from hornbook import UserError, files, memory
from hornbook.data import naming
from hornbook.data.selection import weights as of_examples


def check(path):
    """Refuse a path where there is no file.

    Raises:
        UserError: with what is accepted.
    """
    if files.what_is(path) != "is a file":
        raise UserError(f"--dataset {f'npz:{path}'!r} {files.what_is(path)}; accepted is a file that numpy.savez wrote")


def read_parts(path, names, accepted, *further):
    """The inputs and labels of each part of an .npz file.

    Args:
        path: of the file.
        names: dict of part to pairs of names, of inputs and of labels; the first pair of which one is there counts. Of inputs without
            labels the names stand alone, tuples of one.
        accepted: what a message says is accepted.
        *further: names of other arrays that are read, None among them.

    Returns:
        A dict of part to (name of the inputs, name of the labels), or (name of the inputs,), "train" among them; and a dict of name to
        array.

    Raises:
        UserError: the file cannot be read, has no training part, or lacks one array of a pair or a further one.
    """
    path = files.given(path)
    further = set(further) - {None}
    arrays = _read(path, {name for pairs in names.values() for pair in pairs for name in pair} | further, accepted)
    absent = sorted(further - arrays.keys())
    if absent:
        raise UserError(f"{path} has no array {absent[0]!r}; it has {naming.some(arrays) or 'none'}")
    named = {}
    for part, pairs in names.items():
        pair = next((pair for pair in pairs if any(name in arrays for name in pair)), None)
        if pair is not None:
            missing = [name for name in pair if name not in arrays]
            if missing:
                raise UserError(f"{path} has {(set(pair) - set(missing)).pop()} but no {missing[0]}; {accepted}")
            single = [name for name in pair if arrays[name].ndim == 0]
            if single:
                raise UserError(f"{path}: {single[0]} is one value; accepted are arrays of an entry for each example")
            named[part] = pair
    if "train" not in named:
        raise UserError(f"{path} has the arrays {naming.some(arrays) or 'none'}; {accepted}")
    return named, arrays


def _read(path, wanted, accepted):
    """The arrays by name; those that are not among `wanted` are None. Nothing pickled is loaded: it could run code."""
    try:
        with files.opened(path) as opened:
            start = opened.read(6)
            if start == b"\x93NUMPY":
                raise UserError(f"{path} is one array (.npy), where an .npz file has several: {accepted}")
            if start[:2] != b"PK":  # Asked first, since NumPy advises to load what it does not know unsafely.
                raise UserError(f"{path} {'is no .npz file' if start else 'is empty'}; accepted is a file that numpy.savez wrote")
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as file:
                kept = [key for key in file.files if key in wanted]
                # All at once, since each of many may fit and their sum not; and twice, as a split copies its parts.
                memory.require(2 * sum(_claimed(path, key, file) for key in kept), path, "save fewer or smaller examples in it")
                return {key: file[key] if key in kept else None for key in file.files}
    except UserError:
        raise
    except Exception as error:  # Whatever a broken archive may lead its readers to.
        raise UserError(f"{path} cannot be read as an .npz file ({reason(error)}); write it again with numpy.savez") from error


def reason(error):
    """What an error of a reader says, in a few words."""
    return (getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__)[:120]


def _claimed(path, key, file):
    """The bytes that an array of an archive takes in memory, by its header."""
    names = file.zip.namelist()
    member = f"{key}.npy" if f"{key}.npy" in names else key
    try:
        with file.zip.open(member) as stream:
            return size_in_bytes(stream, file.zip.getinfo(member).file_size)
    except ValueError as error:
        raise UserError(
            f"{path}: {key} holds Python objects or is broken ({reason(error)}); accepted are numbers, for labels also text"
        ) from error


def size_in_bytes(stream, length):
    """The bytes that an array in NumPy's format takes in memory, by its header alone.

    Args:
        stream: binary file at the beginning of the array; at the header's end afterwards.
        length: bytes of the array in its file, header and all.

    Raises:
        ValueError: it is no array, or its header claims more than is there.
    """
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:  # The third is for named fields in other alphabets.
        raise ValueError(f"it is of version {version[0]}.{version[1]} of NumPy's format")
    shape, _, dtype = readers[version](stream)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    if not dtype.itemsize:  # Of which a header may claim any number.
        raise ValueError("its entries have no bytes")
    size = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or size > length - stream.tell():
        raise ValueError(f"its header claims {size:,} bytes, and it has {length - stream.tell():,}; it is cut off or broken")
    return size


def weights(path, key, arrays, count):
    """What each training example counts, float64 `(examples,)`; None without a key.

    Raises:
        UserError: the array does not hold one weight for each of `count` examples.
    """
    if key is None:
        return None
    array = arrays[key]
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    if array.shape != (count,) or array.dtype.kind not in "uif":
        raise UserError(f"{path}: {key} must be numbers of shape ({count},), a weight for each, got {array.dtype} of shape {array.shape}")
    return of_examples.checked(array, lambda position: f"{path}: {key}[{position}]")


def labels(path, key, array):
    """Labels as text, an object array `(examples,)`.

    Raises:
        UserError: the array holds neither integers nor text, or not one value for each example.
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
