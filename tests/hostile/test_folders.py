"""Folders that cannot be locked, written or trusted to stay: what a run, a search and an evaluation do there."""

import errno
import fcntl
import os
import signal
import types

import numpy as np
import pytest

from hornbook import UserError, files
from hornbook.data import scratch
from hornbook.data.tables import inputs
from hornbook.inference.export import command as export
from hornbook.inference.predict import part
from hornbook.recipes.steps import checking
from hornbook.training import folders, runs
from hornbook.tuning.cross_validation import labels

CONFIG = {"recipe": "image_classification", "epochs": 2}


def refusing(number):
    def flock(file, operation):
        raise OSError(number, os.strerror(number))

    return flock


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_locks_a_run_begins_and_says_so(tmp_path, monkeypatch, capsys, number):
    monkeypatch.setattr(fcntl, "flock", refusing(number))
    with runs.Run(tmp_path / "run", CONFIG) as run:
        assert not run.resumed
    assert "run is on a file system without locks" in capsys.readouterr().out


def test_a_folder_that_another_process_holds_is_refused(tmp_path, capsys):
    with runs.Run(tmp_path / "run", CONFIG), pytest.raises(UserError, match="another process is at work in"):
        runs.Run(tmp_path / "run", CONFIG)
    assert not capsys.readouterr().out


def test_a_lock_is_never_written_into(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "run").mkdir()
    os.link(tmp_path / "precious", tmp_path / "run" / ".lock")
    os.close(runs.lock(tmp_path / "run"))
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch, number):
    def refuse(folder=None):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "unnamed", refuse)
    with pytest.raises(UserError, match=rf"--output .*run cannot be written: {os.strerror(number)}; pass a folder that can"):
        runs.Run(tmp_path / "run", CONFIG)
    with pytest.raises(UserError, match=rf"cannot write to {tmp_path}: {os.strerror(number)}"):
        scratch.ScratchFile(tmp_path, np.float32)


def test_a_file_without_a_name_is_in_no_folder(tmp_path):
    kept = scratch.ScratchFile(tmp_path, np.float32)
    kept.write(np.arange(4))
    assert not os.listdir(tmp_path)
    assert kept.read(1, 3).tolist() == [1, 2]


def test_an_evaluation_writes_nothing_into_a_run_for_reading_alone(tmp_path, monkeypatch):
    trained = types.SimpleNamespace(folder=tmp_path)
    assert inputs._scratch(trained) == tmp_path
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert inputs._scratch(trained) is None


def test_a_check_that_fails_leaves_nothing_in_the_system_s_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    args = types.SimpleNamespace(floor=True, tensorboard=False, output=None)
    monkeypatch.setattr(checking.dataclasses, "replace", lambda args, **changes: args)

    def once(args, folder):
        with runs.Run(folder, CONFIG):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        checking.checked(once, args)
    assert not os.listdir(tmp_path)


def test_a_scratch_folder_of_a_process_that_was_killed_goes_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    child = os.fork()
    if not child:
        with files.scratch_folder() as left:
            (left / "run").mkdir()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(os.listdir(tmp_path)) == 1
    (tmp_path / f"{files._SCRATCH}link").symlink_to(tmp_path.parent)
    with files.scratch_folder() as one, files.scratch_folder() as other:  # Another at the same time is left alone.
        assert sorted(os.listdir(tmp_path)) == sorted([one.name, other.name, f"{files._SCRATCH}link"])
    assert os.listdir(tmp_path) == [f"{files._SCRATCH}link"]


def test_a_folder_beside_a_path_that_a_killed_process_left_goes_with_the_next(tmp_path):
    child = os.fork()
    if not child:
        with files.folder_beside(tmp_path / "out (1)") as left:
            (left / "model").mkdir()
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert len(os.listdir(tmp_path)) == 1
    others = [tmp_path / name for name in (".out (2).0123456789abcdef.writing", ".out (1).0123.writing", "out (1)")]
    for other in others:
        other.mkdir()
    with files.folder_beside(tmp_path / "out (1)") as one, files.folder_beside(tmp_path / "out (1)") as two:
        assert sorted(tmp_path.iterdir()) == sorted([one, two, *others])
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_scratch_folder_without_locks(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / f"{files._SCRATCH}left").mkdir()
    monkeypatch.setattr(fcntl, "flock", refusing(errno.ENOLCK))
    with files.scratch_folder():
        pass
    assert os.listdir(tmp_path) == [f"{files._SCRATCH}left"]  # Its process may live.


def test_an_output_that_is_a_file_is_named_as_one(tmp_path):
    (tmp_path / "answers.csv").write_text("precious")
    with (
        pytest.raises(UserError, match=r"--output .*answers\.csv is a file; accepted is a folder"),
        folders.output(tmp_path / "answers.csv", "a", "b"),
    ):
        pass
    assert (tmp_path / "answers.csv").read_text() == "precious"


@pytest.mark.parametrize(
    "write",
    [
        lambda path: folders.output(path, "a", "b").__enter__(),
        lambda path: part.refuse_existing(path / "answers.csv"),
        lambda path: export._refuse_existing(path),
        lambda path: labels.main(labels.Args(run=str(path.parent), output=str(path))),
    ],
    ids=["run", "predict", "export", "labels"],
)
def test_a_file_on_the_way_to_an_output_is_named(write, tmp_path):
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(UserError, match=r"--output .*notes\.txt.* leads through .*notes\.txt, which is a file; accepted is a folder"):
        write(tmp_path / "notes.txt" / "of" / "mine")
