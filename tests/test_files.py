import errno
import json
import os
import subprocess
import sys

import pytest

from hornbook import UserError, files


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def fail_half_way(path, error):
    with files.atomic(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_file_takes_its_place_when_it_is_whole(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with files.atomic(path) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".keras"
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert names(tmp_path) == ["model.keras"]


def test_who_reads_meanwhile_reads_the_old_file_to_its_end(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("old")
    with open(path) as reader:
        files.write_text(path, "new and longer")
        assert reader.read() == "old"


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt()])
def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "history.csv"
    path.write_text("old")
    with pytest.raises(type(error)):
        fail_half_way(path, error)
    assert path.read_text() == "old"
    assert names(tmp_path) == ["history.csv"]


@pytest.mark.parametrize("before", ["old", None])
def test_an_error_of_the_disk_is_one_line(tmp_path, before):
    path = tmp_path / "result.json"
    if before:
        path.write_text(before)
    with pytest.raises(UserError, match=r"cannot write .*result\.json: No space left on device; free space or pass another --output"):
        fail_half_way(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert names(tmp_path) == (["result.json"] if before else [])


def test_a_folder_that_is_none(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "result.json", tmp_path / "nowhere" / "result.json"):
        with pytest.raises(UserError, match="cannot write"):
            files.write_text(path, "text")


def test_a_writer_that_removes_its_file_is_an_error(tmp_path):
    with pytest.raises(UserError, match="cannot write"), files.atomic(tmp_path / "file") as temporary:
        temporary.unlink()


FULL_DISK = """
import pathlib, resource, sys
import numpy
from hornbook import UserError
from hornbook import files

path = pathlib.Path(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    with files.atomic(path) as temporary:
        if path.suffix == ".npz":
            numpy.savez(temporary, array=numpy.ones(10000))
        else:
            temporary.write_bytes(bytes(80000))
except UserError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["last.npz", "report.html"])
def test_a_full_disk_leaves_the_last_file_whole(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"whole")
    done = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"cannot write {path}" in done.stdout
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == [name]


def test_text_is_utf_8(tmp_path):
    files.write_text(tmp_path / "text", "é\n")
    assert (tmp_path / "text").read_bytes() == b"\xc3\xa9\n"


def test_json_has_no_word_for_what_is_not_finite(tmp_path):
    files.write_json(tmp_path / "a.json", {"a": [float("nan"), (float("inf"), 1.5)], "b": {"c": -float("inf")}, "ä": "ü"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == {"a": [None, [None, 1.5]], "b": {"c": None}, "ä": "ü"}
    assert "ä" in text


def test_what_is_no_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, 1)
    with pytest.raises(TypeError):
        files.write_json(path, {"a": object()})
    assert path.read_text() == "1\n"
