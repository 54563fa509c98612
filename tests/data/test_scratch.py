"""Arrays in a file without a name."""

import errno
import os

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import scratch


def test_what_is_written_is_read_again_and_nothing_is_left(tmp_path):
    file = scratch.ScratchFile(tmp_path, np.float32)
    file.write(np.arange(6).reshape(2, 3))
    file.write(np.zeros((0, 3)))
    file.write(np.arange(6, 8))
    assert list(tmp_path.iterdir()) == []
    assert file.read(2, 8).tolist() == [2, 3, 4, 5, 6, 7]
    assert file.read(2, 8).dtype == np.float32


def test_a_full_disk_is_one_line(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    file = scratch.ScratchFile(tmp_path, np.float32)
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(UserError, match=r"cannot write to .*: No space left on device; free space or pass another --output"):
        file.write(np.arange(3))
