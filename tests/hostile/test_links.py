"""Links in a folder that somebody else made: no file outside of it is written, whoever made it."""

import os
import pathlib
import socket

import pytest

from hornbook import UserError, files
from hornbook.recipes import repeats
from hornbook.training import runs
from hornbook.tuning import settings

CONFIG = {"recipe": "image_classification", "epochs": 2}
# Names that a run or a search writes, and folders of theirs.
FILES = (
    ".lock", "config.json", "chosen.json", "split.csv", "history.csv", "labels.json", "model.keras", "report.html", "result.json",
    ".report.writing.html", ".labels.writing.json", "checkpoint/last.npz", "checkpoint/.last.writing.npz", "trial_0/log.txt",
    "trial_0/trial.json",
)  # fmt: skip
FOLDERS = ("checkpoint", "tensorboard", "trial_0", "final")


@pytest.fixture
def outside(tmp_path):
    """A folder with a file that must stay as it is."""
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "precious").write_text("precious")
    yield folder
    assert [entry.name for entry in folder.iterdir()] == ["precious"]
    assert (folder / "precious").read_text() == "precious"


def unfinished(folder, name="config.json", value=CONFIG):
    folder.mkdir()
    files.write_json(folder / name, value)
    return folder


def link(path, to):
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(to)


@pytest.mark.parametrize("name", [name for name in FILES if name != "result.json"])
def test_a_run_is_not_taken_up_with_a_link_in_the_place_of_a_file(tmp_path, outside, name):
    folder = unfinished(tmp_path / "run")
    link(folder / name, outside / "precious")
    with pytest.raises(UserError, match=r"is a link, which no run has made; remove it, or pass another --output$"):
        runs.Run(folder, CONFIG)


@pytest.mark.parametrize("name", FOLDERS)
def test_nor_in_the_place_of_a_folder(tmp_path, outside, name):
    folder = unfinished(tmp_path / "run")
    link(folder / name, outside)
    with pytest.raises(UserError, match=f"{name} is a link, which no run has made"):
        runs.Run(folder, CONFIG)


@pytest.mark.parametrize("name", ["trial_0/log.txt", "trial_0", "final", "trials.csv", "seeds.json"])
def test_a_search_is_not_taken_up_with_a_link_either(tmp_path, outside, name):
    folder = unfinished(tmp_path / "search", "search.json", {"seed": 0})
    link(folder / name, outside if name in FOLDERS else outside / "precious")
    with pytest.raises(UserError, match="is a link, which no run has made"):
        settings.claim(folder, {"seed": 0}, settings.SEARCH)


@pytest.mark.parametrize("name", ["seed-0", "seeds.json"])
def test_nor_the_runs_of_several_seeds(tmp_path, outside, name):
    (tmp_path / "runs").mkdir()
    link(tmp_path / "runs" / name, outside if name == "seed-0" else outside / "precious")
    with pytest.raises(UserError, match="is a link, which no run has made"):
        repeats.over_seeds(lambda seed, folder: pytest.fail("trained"), [0], tmp_path / "runs", {})


def test_nor_a_second_run_beside_the_first(tmp_path, outside):
    link(tmp_path / "run-remedied", outside)
    with pytest.raises(UserError, match="run-remedied is a link"):
        repeats.refuse_link(tmp_path / "run-remedied")


def make(kind, path):
    if kind == "pipe":
        os.mkfifo(path)
    else:
        with socket.socket(socket.AF_UNIX) as one:
            before = pathlib.Path.cwd()
            os.chdir(path.parent)  # A socket's path is short.
            try:
                one.bind(path.name)
            finally:
                os.chdir(before)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
@pytest.mark.parametrize("name", [".lock", "history.csv", "checkpoint/last.npz"])
def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path, kind, name):
    folder = unfinished(tmp_path / "run")
    (folder / "checkpoint").mkdir()
    make(kind, folder / name)
    with pytest.raises(UserError, match=f"{name} is a {kind}, which no run has made"):
        runs.Run(folder, CONFIG)


def test_the_folder_that_its_user_names_may_be_a_link(tmp_path):
    (tmp_path / "large").mkdir()
    link(tmp_path / "run", tmp_path / "large")
    with runs.Run(tmp_path / "run", CONFIG) as run:
        assert not run.resumed
        assert (tmp_path / "large" / "config.json").is_file()


def test_a_link_in_the_place_of_a_written_file_is_replaced_and_not_followed(tmp_path, outside):
    link(tmp_path / "report.html", outside / "precious")
    files.write_text(tmp_path / "report.html", "report")
    assert not (tmp_path / "report.html").is_symlink()
    assert (tmp_path / "report.html").read_text() == "report"


def test_a_temporary_file_has_a_name_that_nobody_can_guess(tmp_path):
    names = set()
    for _ in range(20):
        with files.atomic(tmp_path / "report.html") as temporary:
            names.add(temporary.name)
            assert files.is_temporary(temporary.name)
    assert len(names) == 20


def test_a_temporary_file_that_became_a_link_does_not_take_its_place(tmp_path, outside):
    def swap(temporary):
        temporary.unlink()
        temporary.symlink_to(outside / "precious")

    with pytest.raises(UserError, match="cannot write"), files.atomic(tmp_path / "report.html") as temporary:
        swap(temporary)
    assert os.listdir(tmp_path) == ["home"]


def test_a_log_is_not_written_through_a_link(tmp_path, outside):
    link(tmp_path / "log.txt", outside / "precious")
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        files.appending(tmp_path / "log.txt")


def test_temporary_files_of_a_killed_run_are_gone_when_it_is_taken_up(tmp_path):
    folder = unfinished(tmp_path / "run")
    (folder / "checkpoint").mkdir()
    left = [folder / ".report.0123456789abcdef.writing.html", folder / "checkpoint" / ".last.0123456789abcdef.writing.npz"]
    others = [folder / ".notes.writing.html", folder / "checkpoint" / "last.npz"]
    for path in (*left, *others):
        path.write_text("half")
    with runs.Run(folder, CONFIG):
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in others)
