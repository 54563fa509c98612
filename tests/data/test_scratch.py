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


def test_rows_are_indexed_as_an_array_is(tmp_path):
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    file = scratch.ScratchFile(tmp_path, np.float32)
    for block in np.array_split(values, 7):
        file.write(block)
    rows = scratch.FileRows(file, values.shape)
    assert (len(rows), rows.shape, rows.dtype) == (50, (50, 3), np.float32)
    for positions in (np.arange(10, 20), np.array([4, 4, 49, 0]), np.array([], np.int64), slice(5, 40, 3), slice(None)):
        assert np.array_equal(rows[positions], values[positions])
    assert np.array_equal(rows[:, 1], values[:, 1])
    assert np.array_equal(np.asarray(rows), values)
    assert np.asarray(rows, np.float64).dtype == np.float64


def test_the_system_s_folder_is_the_default(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    file = scratch.ScratchFile(None, np.int64)
    file.write([1, 2, 3])
    assert os.readlink(f"/proc/self/fd/{file.file}").startswith(f"{tmp_path}/") or not os.path.exists("/proc/self/fd")
    assert file.read(1, 3).tolist() == [2, 3]
