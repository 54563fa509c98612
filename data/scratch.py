"""Arrays too large for the memory, in files without a name."""

import os
import weakref

import numpy as np

from hornbook import UserError, files

_AT_A_TIME = 16_384  # Rows.


class ScratchFile:
    """Items of one type in a file without a name: nothing is left of it however the run ends.

    Any thread may read it. It is read by `pread`, because a mapped file would count as memory.

    Args:
        folder: the folder of the file; None: the system's folder for temporary files.
        dtype: of the items.
    """

    def __init__(self, folder, dtype):
        self.folder = folder
        try:
            self.file = files.unnamed(folder)
        except OSError as error:
            raise self._full(error) from error
        weakref.finalize(self, os.close, self.file)
        self.dtype = np.dtype(dtype)

    def write(self, items):
        """Append an array.

        Raises:
            UserError: the disk is full.
        """
        rest = np.ascontiguousarray(items, self.dtype).reshape(-1).view(np.uint8).data
        try:
            while len(rest):
                rest = rest[os.write(self.file, rest) :]
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error):
        where = self.folder or "the system's folder for temporary files"
        another = "pass another --output" if self.folder else "set TMPDIR to another"
        return UserError(f"cannot write to {where}: {error.strerror}; free space or {another}")

    def read(self, start, end):
        """The items from `start` to before `end`."""
        size = self.dtype.itemsize
        return np.frombuffer(os.pread(self.file, (end - start) * size, start * size), self.dtype)


class FileRows:
    """Rows of float32 in a file without a name, indexed like an array `(rows, inputs)`: `rows[positions]`, `rows[:, input]`.

    Args:
        file: `scratch.ScratchFile` of the rows, one after the other.
        shape: (rows, inputs).
    """

    dtype = np.dtype(np.float32)

    def __init__(self, file, shape):
        self.file, self.shape = file, shape

    def __len__(self):
        return self.shape[0]

    def __getitem__(self, key):
        width = self.shape[1]
        if isinstance(key, tuple):
            return np.concatenate([self._between(start, start + _AT_A_TIME)[:, key[1]] for start in range(0, len(self), _AT_A_TIME)])
        if isinstance(key, slice):
            key = np.arange(*key.indices(len(self)))
        key = np.asarray(key)
        if len(key) and key[-1] - key[0] == len(key) - 1 and (np.diff(key) == 1).all():
            return self._between(int(key[0]), int(key[-1]) + 1)
        rows = np.empty((len(key), width), np.float32)
        for place, row in enumerate(key.tolist()):
            rows[place] = self.file.read(row * width, (row + 1) * width)
        return rows

    def __array__(self, dtype=None, copy=None):
        return self[:].astype(dtype or self.dtype)

    def _between(self, start, end):
        width = self.shape[1]
        return self.file.read(start * width, min(end, len(self)) * width).reshape(-1, width)
