"""Pipes, sockets and devices in the place of files: refused by kind, before anything waits for them."""

import os
import socket
import types

import numpy as np
import pytest

from hornbook import UserError, command_line, files, records
from hornbook.data import csv_rows, inputs, npz, tfds_names
from hornbook.data.images import dataset as images
from hornbook.data.images import decoding
from hornbook.data.selection import written
from hornbook.data.series import audio, ts
from hornbook.data.series import dataset as series
from hornbook.data.texts import dataset as texts
from hornbook.data.texts import docstrings
from hornbook.data.texts import folders as text_folders
from hornbook.data.texts import inputs as text_inputs
from hornbook.inference import runs_table, saved_model
from hornbook.recipes import image_classification
from hornbook.training import checkpoint
from hornbook.tuning.reports import results

pytestmark = pytest.mark.usefixtures("no_wait")


def pipe(path):
    os.mkfifo(path)


def bound(path):
    with socket.socket(socket.AF_UNIX) as one:
        before = os.open(".", os.O_RDONLY)
        os.chdir(path.parent)  # A socket's path is short.
        try:
            one.bind(path.name)
        finally:
            os.fchdir(before)
            os.close(before)


def device(path):
    path.symlink_to("/dev/zero")


KINDS = {"a pipe": pipe, "a socket": bound, "a device": device}


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


def classes(folder, suffix, write):
    """A folder of two classes with eight files each, and the path of a further one."""
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for place in range(8):
            write(folder / name / f"{place}{suffix}")
    return folder / "dog" / f"9{suffix}"


def picture(path):
    decoding._pillow().fromarray(np.zeros((4, 4), np.uint8)).save(path)


def tone(path):
    from scipy.io import wavfile

    wavfile.write(path, 8000, np.ones(400, np.int16))


MEDIA = {
    "images": (".png", picture, lambda name: images.load(name)),
    "texts": (".txt", lambda path: path.write_text("a word"), lambda name: texts.load(name)),
    "sounds": (".wav", tone, lambda name: series.load(name)),
    "tables of a series": (".csv", lambda path: path.write_text("a\n1\n2\n"), lambda name: series.load(name)),
}


@pytest.mark.parametrize("medium", MEDIA)
def test_in_a_folder_of_data(tmp_path, kind, medium):
    suffix, write, load = MEDIA[medium]
    KINDS[kind](classes(tmp_path / "data", suffix, write))
    with pytest.raises(UserError, match=rf"9{suffix}\W.*is {kind}, not a file"):
        load(f"folder:{tmp_path / 'data'}")


READERS = {
    "table.csv": lambda path: csv_rows.read(path),
    "layout.csv": lambda path: csv_rows.layout(path),
    "arrays.npz": lambda path: npz.read_parts(path, {"train": (("x", "y"),)}, "arrays"),
    "array.npy": lambda path: inputs.array(path),
    "series.ts": lambda path: ts.to_predict(path),
    "image.png": lambda path: decoding.from_file(path, (4, 4, 1), 255),
    "lines.txt": lambda path: (_ for _ in ()).throw(UserError(text_folders.read_file(path)[1])),
    "config.json": lambda path: records.raw(path),
    "sound.wav": lambda path: audio.read(path),
    "split.csv": lambda path: list(written.rows(path, path, "restore it")),
    "last.npz": lambda path: checkpoint._read(path),
    "options.json": lambda path: command_line.parse(image_classification.Args, ["--config", path], "hornbook job", ""),
}


@pytest.mark.parametrize("name", READERS)
def test_as_the_file_itself(tmp_path, kind, name):
    KINDS[kind](tmp_path / name)
    with pytest.raises((UserError, audio.UnreadableError), match=f"is {kind}, not a file"):
        READERS[name](str(tmp_path / name))


@pytest.mark.parametrize("name", ["csv:PATH", "npz:PATH", "ts:PATH", "folder:PATH"])
def test_as_a_dataset(tmp_path, kind, name):
    KINDS[kind](tmp_path / "data.ts")
    with pytest.raises(UserError, match=r"--dataset"):
        series.check_name(name.replace("PATH", str(tmp_path / "data.ts")))


def test_as_a_text_to_predict(tmp_path, kind):
    KINDS[kind](tmp_path / "texts")
    with pytest.raises(UserError, match="texts is neither a file nor a folder; pass a sentence"):
        list(text_inputs.read(str(tmp_path / "texts"), types.SimpleNamespace(config={})))


def test_as_a_saved_model(tmp_path, kind):
    KINDS[kind](tmp_path / "model.keras")
    with pytest.raises(UserError, match=r"model\.keras is not a file; accepted is the model that a run saves"):
        saved_model.check(tmp_path / "model.keras", None, tmp_path / "labels.json")


def test_among_prepared_records(tmp_path, kind, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    folder = tmp_path / "mine" / "1.0.0"
    folder.mkdir(parents=True)
    (folder / "dataset_info.json").write_text("{}")
    KINDS[kind](folder / "features.json")
    with pytest.raises(UserError, match=r"features\.json is a pipe or a device, not a file; prepare it again"):
        tfds_names.open_builder("mine")


def test_among_the_trials_of_an_earlier_search(tmp_path, kind):
    files.write_json(tmp_path / "search.json", {"recipe": "regression", "options": {}, "space": [], "objective": "val_accuracy"})
    (tmp_path / "trial_0").mkdir()
    KINDS[kind](tmp_path / "trial_0" / "trial.json")
    assert results.read_trials(tmp_path) == ("val_accuracy", [])


def test_as_sentences_that_an_earlier_run_kept(tmp_path, kind):
    KINDS[kind](tmp_path / "docstrings.json")
    assert docstrings._read_cache(tmp_path / "docstrings.json", "key") is None


@pytest.mark.parametrize("name", ["config.json", "chosen.json", "result.json", "seeds.json"])
def test_in_a_run_that_is_listed(tmp_path, kind, name):
    (tmp_path / "run").mkdir()
    files.write_json(tmp_path / "run" / "config.json", {})
    files.write_json(tmp_path / "run" / "result.json", {"metrics": {}, "seconds": 1})
    (tmp_path / "run" / name).unlink(missing_ok=True)
    KINDS[kind](tmp_path / "run" / name)
    found, unfinished, [said] = runs_table.find(tmp_path)
    assert (found, unfinished) == ([], 0)
    assert said.startswith(f"{tmp_path}/run/{name} cannot be read: is {kind}, not a file")


def test_a_device_is_never_replaced_by_a_file(tmp_path, kind):
    KINDS[kind](tmp_path / "runs.csv")
    before = os.lstat(tmp_path / "runs.csv")
    with pytest.raises(UserError, match=f"cannot write .*: is {kind}, not a file"):
        files.write_text(tmp_path / "runs.csv", "text")
    after = os.lstat(tmp_path / "runs.csv")
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
