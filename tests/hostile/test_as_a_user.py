"""As a user who may not read or write everything: each refusal is one line with the file, and what can be read is read.

Root may do everything, so that a test that runs as root asks another user: a process of its own that has given its rights away.
"""

import contextlib
import os
import pathlib
import pwd
import tempfile

import numpy as np
import pytest
from scipy.io import wavfile  # noqa: F401 - before rights are given away, as Python itself may lie in a folder of root's.

from hornbook import UserError, data, endings, files, libraries, records
from hornbook.data import csv_rows, folders, inputs, scratch, tfds_names
from hornbook.data.images import decoding
from hornbook.data.series import audio, ts
from hornbook.data.tables import inputs as table_inputs
from hornbook.data.texts import docstrings
from hornbook.inference import runs_table, saved_model
from hornbook.inference.predict import command as predict
from hornbook.recipes import tabular_classification
from hornbook.training import folders as outputs
from hornbook.training import manifest, runs

NOBODY = 65534
CONFIG = {"recipe": "image_classification", "epochs": 2}
DENIED = "Permission denied"


@pytest.fixture
def place():
    """A folder that another user can reach, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as made:
        os.chmod(made, 0o755)
        yield pathlib.Path(made)
        for inside, names, _ in os.walk(made):  # From above: what is closed is opened before it is walked into.
            for name in names:
                os.chmod(os.path.join(inside, name), 0o755)


def as_user(place, function):
    """The text of what a function returns, or of the `UserError` that it raises, for a user whose all in a folder is."""
    if os.getuid():
        return _told(function)
    for path in (place, *place.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writes, _told(function).encode())
        os._exit(0)
    os.close(writes)
    with open(reads, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said


def _told(function):
    try:
        return str(function())
    except (UserError, audio.UnreadableError, decoding.UnreadableError) as error:
        return str(error)
    except BaseException as error:
        return f"{type(error).__name__} got through: {error}"


def finished(folder):
    folder.mkdir(parents=True)
    for name, values in (("config.json", CONFIG), ("chosen.json", {}), ("result.json", {"metrics": {"accuracy": 0.5}, "seconds": 1})):
        files.write_json(folder / name, values)
    (folder / "model.keras").write_bytes(b"PK")
    manifest.write(folder)
    return folder


READ = {
    "table.csv": lambda path: csv_rows.read(path),
    "array.npy": lambda path: inputs.array(str(path)),
    "series.ts": lambda path: ts.to_predict(path),
    "image.png": lambda path: decoding.from_file(str(path), (4, 4, 1), 255),
    "sound.wav": lambda path: audio.read(str(path)),
    "labels.json": lambda path: records.read(path, dict),
    "model.keras": lambda path: saved_model.check(path, None, path),
}


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("mode", [0o000, 0o200, 0o111])
def test_a_file_that_is_not_to_be_read(place, name, mode):
    decoding._pillow()
    (place / name).write_bytes(b"content")
    os.chmod(place / name, mode)
    said = as_user(place, lambda: READ[name](place / name))
    assert DENIED in said
    assert said.count("\n") == 0
    assert "got through" not in said


@pytest.mark.parametrize("name", ["config.json", "chosen.json", "result.json"])
def test_runs_names_the_run_that_is_not_to_be_read_and_lists_the_others(place, name):
    finished(place / "runs/sound")
    finished(place / "runs/closed")
    os.chmod(place / "runs/closed" / name, 0)

    def listed():
        found, _, broken = runs_table.find(place / "runs")
        return [run["folder"] for run in found], broken

    said = as_user(place, listed)
    assert said.startswith(f"(['sound'], ['{place}/runs/closed/{name} cannot be read: {DENIED}")


@pytest.mark.parametrize("mode", [0o000, 0o200, 0o444, 0o600])
def test_nor_does_a_closed_folder_keep_it_from_listing(place, mode):
    finished(place / "runs/sound")
    finished(place / "runs/closed/run")
    os.chmod(place / "runs/closed", mode)

    def listed():
        found, _, broken = runs_table.find(place / "runs")
        return [run["folder"] for run in found], len(broken)

    assert as_user(place, listed) == "(['sound'], 1)"


def test_a_run_for_reading_alone_is_read(place):
    folder = finished(place / "run")
    for path in (*folder.iterdir(), folder):
        os.chmod(path, 0o555)
    assert as_user(place, lambda: (manifest.check(folder, ["config.json"]), runs.finished(folder)["seconds"])) == "(None, 1)"
    trained = inputs.Trained(folder, {}, {})
    assert as_user(place, lambda: table_inputs._scratch(trained)) == "None"


@pytest.mark.parametrize(
    ("modes", "output"),
    [
        ({"": 0o444}, "run"),
        ({"": 0o000}, "run"),
        ({"": 0o555}, "some/where/run"),
        ({"run": 0o555}, "run"),
        ({"run": 0o666}, "run"),
        ({"run": 0o000}, "run"),
        ({"run/checkpoint": 0o000}, "run"),
    ],
)
def test_a_folder_that_is_not_to_be_written_is_refused(place, modes, output):
    (place / "up/run/checkpoint").mkdir(parents=True)
    files.write_json(place / "up/run/config.json", CONFIG)
    for name, mode in modes.items():
        os.chmod(place / "up" / name, mode)

    def claimed():
        with outputs.output(str(place / "up" / output), "regression", "mlp") as folder, runs.Run(folder, CONFIG):
            return "claimed"

    said = as_user(place, claimed)
    assert DENIED in said
    assert "pass " in said
    assert "got through" not in said


@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_current_folder_for_reading_alone(place, monkeypatch, mode):
    (place / "here").mkdir()
    monkeypatch.chdir(place / "here")
    os.chmod(place / "here", mode)

    def claimed():
        with outputs.output(None, "regression", "mlp"):
            return "claimed"

    said = as_user(place, claimed)
    assert said.startswith("--output runs/regression/")
    assert said.endswith(f"-mlp cannot be written: {DENIED}; pass a folder that can")


@pytest.fixture
def no_home(tmp_path, monkeypatch):
    """Of a user whom the system does not know, as in a container: nothing is written to a folder called `~`."""

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    for name in ("HOME", "XDG_CACHE_HOME", "KERAS_HOME", "KERAS_BACKEND", "TFDS_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    yield tmp_path
    assert not os.listdir(tmp_path / "here")


@pytest.mark.parametrize("name", ["ts:~/a", "ts:~nobody-has-this-name/a", "csv:~/a.csv", "npz:~/a.npz", "folder:~/a", "tfds:nosuch"])
def test_without_a_home_a_path_in_it_is_none(no_home, monkeypatch, name):
    monkeypatch.setattr(tfds_names, "_network", lambda: False)
    with pytest.raises(UserError, match=r"is not there|is not prepared in ~/tensorflow_datasets"):
        data.series.load(name)


def test_without_a_home_sentences_are_not_kept_for_the_next_run(no_home, monkeypatch):
    monkeypatch.setattr(docstrings, "_collect", dict)
    monkeypatch.setattr(docstrings, "_balanced", lambda found: {"train": [("A sentence.", "keras")]})
    assert docstrings.load()[0]["train"][0] == ["A sentence."]
    assert docstrings._cache("key") is None


def test_without_a_home_a_run_trains_and_predicts(no_home, capsys):
    assert libraries.backend() == "tensorflow"
    args = tabular_classification.Args(dataset="wine", model="mlp", width=4, epochs=1, output=str(no_home / "run"))
    tabular_classification.main(args)
    np.save(no_home / "rows.npy", np.ones((1, 13)))
    capsys.readouterr()
    predict.predict([str(no_home / "run"), str(no_home / "rows.npy")])
    assert capsys.readouterr().out.startswith(f"{no_home}/rows.npy")


def test_a_current_folder_that_was_removed(place, monkeypatch):
    (place / "gone").mkdir()
    monkeypatch.chdir(place / "gone")
    (place / "gone").rmdir()
    assert as_user(place, endings._refuse_no_folder) == "the current folder is not there any more; go to one that is"


@pytest.mark.parametrize(("closed", "mode"), [("data", 0o000), ("data", 0o222), ("data/b", 0o000), ("data/b", 0o333)])
def test_a_folder_of_data_that_cannot_be_listed(place, closed, mode):
    for name in ("a", "b"):
        (place / "data" / name).mkdir(parents=True)
        (place / "data" / name / "0.png").write_bytes(b"")
    os.chmod(place / closed, mode)
    said = as_user(place, lambda: folders.labelled_files(str(place / "data")))
    assert said == f"{place / closed} cannot be read: {DENIED}; make it readable, or remove it"


def test_a_folder_of_data_that_can_be_listed_and_not_entered(place):
    for name in ("a", "b"):
        (place / "data" / name).mkdir(parents=True)
        (place / "data" / name / "0.png").write_bytes(b"")
    os.chmod(place / "data", 0o444)
    assert DENIED in as_user(place, lambda: folders.labelled_files(str(place / "data")))


def test_where_no_folder_takes_temporary_files(place, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: [str(place)])
    os.chmod(place, 0o555)
    said = as_user(place, lambda: scratch.ScratchFile(None, np.float32))
    assert said.startswith("cannot write to the system's folder for temporary files: No usable temporary directory found in ")
    assert said.endswith("; free space or set TMPDIR to another")
