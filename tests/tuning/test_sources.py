"""Files that change between the runs of a search, comparison or cross-validation."""

import json
import os
import re

import pytest

from hornbook import UserError
from hornbook.recipes import tabular_classification
from hornbook.tuning import command as tune
from hornbook.tuning import driver, nested, settings, sources

CALLED = "a search"


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("size,label\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(20)))
    return path


def test_the_files_of_runs_are_those_that_their_options_name():
    runs = [{"dataset": "csv:a.csv", "split_file": "split.csv"}, {"dataset": "folder:photos", "embeddings": None}, {"dataset": "wine"}]
    assert sources.named(runs) == ["a.csv", "photos", "split.csv"]
    assert sources.named([{"dataset": "tfds:mnist", "label_corrections": "fixed.csv"}]) == ["fixed.csv"]


def test_a_file_that_is_as_it_was_is_let_pass(rows, tmp_path):
    sources.refuse_changed(tmp_path, [str(rows)], CALLED)
    noted = (tmp_path / sources.NAME).read_text()
    os.utime(rows, (0, 0))  # A copy that was restored.
    sources.refuse_changed(tmp_path, [str(rows), "nowhere.csv"], CALLED)
    assert (tmp_path / sources.NAME).read_text() == noted
    assert json.loads(noted)[str(rows)]["bytes"] == rows.stat().st_size


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text + "20,a\n", "101 bytes then, 106 now"),
        (lambda text: text.replace("5,b", "5,a"), "as long as then, with other content"),
    ],
)
def test_a_file_that_has_changed_is_named(rows, tmp_path, change, words):
    sources.refuse_changed(tmp_path, [str(rows)], CALLED)
    rows.write_text(change(rows.read_text()))
    with pytest.raises(UserError, match=re.escape(f"{rows} has changed since a search in {tmp_path} began ({words})")):
        sources.refuse_changed(tmp_path, [str(rows)], CALLED)


def test_a_folder_that_has_another_file_is_named(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_bytes(b"12")
    sources.refuse_changed(tmp_path, [str(photos)], CALLED)
    (photos / "b.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="1 file then, 2 now"):
        sources.refuse_changed(tmp_path, [str(photos)], CALLED)


def test_a_change_at_either_end_of_a_large_file_is_seen(tmp_path):
    path = tmp_path / "large.csv"
    with open(path, "wb") as file:
        file.truncate(50_000_001)
    before = sources.looked_at(path)
    for place in (0, 50_000_000):
        with open(path, "r+b") as file:
            file.seek(place)
            file.write(b"x")
        after = sources.looked_at(path)
        assert (after.bytes, after.sha256 == before.sha256) == (before.bytes, False)
        before = after


def test_a_folder_is_claimed_with_the_files_that_are_read(rows, tmp_path):
    values = {"recipe": "tabular_classification", "options": {}, "factors": []}
    lock, _ = settings.claim(tmp_path / "out", values, settings.COMPARISON, [str(rows)])
    os.close(lock)
    rows.write_text("size,label\n1,a\n")
    for _ in range(2):  # The lock is given back.
        with pytest.raises(UserError, match="has changed since a comparison in"):
            settings.claim(tmp_path / "out", values, settings.COMPARISON, [str(rows)])


@pytest.mark.parametrize("command", [driver.search, nested.search])
def test_a_search_says_which_files_it_reads(command, rows, tmp_path, monkeypatch):
    class Claimed(Exception):
        pass

    def claim(folder, values, kind, paths):
        raise Claimed(*paths)

    monkeypatch.setattr(settings, "claim", claim)
    args, base = tune.Args(vary=("learning_rate=log:1e-3..1e-1",), trials=1, workers=1), tabular_classification.Args(dataset=f"csv:{rows}")
    with pytest.raises(Claimed, match=re.escape(str(rows))):
        command("tabular_classification", tabular_classification, args, base, tmp_path / "out")
