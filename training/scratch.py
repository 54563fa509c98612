"""Arrays too large for the memory, in a file that has no name."""

import os
import tempfile
import weakref

import numpy as np

from hornbook import UserError


class ScratchFile:
    """Items of one type in a file without a name, so that nothing is left of it however the run ends.

    Read by `pread`, from any thread: mapped, it would count as memory.

    Args:
        folder: on whose disk it is; None: where the system has its temporary files.
        dtype: of the items.
    """

    def __init__(self, folder, dtype):
        self.folder = folder or tempfile.gettempdir()
        self.file, path = tempfile.mkstemp(dir=folder)
        os.unlink(path)
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
            raise UserError(f"cannot write to {self.folder}: {error.strerror}; free space or pass another --output") from error

    def read(self, start, end):
        """The items from `start` to before `end`."""
        size = self.dtype.itemsize
        return np.frombuffer(os.pread(self.file, (end - start) * size, start * size), self.dtype)
