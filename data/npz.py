"""`npz:PATH`: the arrays in a NumPy file, and labels among them, for every medium. Nothing pickled is loaded."""

import zipfile
import zlib

import numpy as np

from hornbook import UserError, files


def check(path):
    """Refuse a file that is none.

    Raises:
        UserError: with what is accepted.
    """
    if files.what_is(path) != "is a file":
        raise UserError(f"--dataset {f'npz:{path}'!r} {files.what_is(path)}; accepted is a file that numpy.savez wrote")


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
