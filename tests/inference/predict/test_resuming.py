"""A table of predictions that is killed: the same command goes on, and ends with the same bytes, whatever the moment."""

import contextlib
import json
import os
import shutil

import pytest

from hornbook import UserError
from hornbook.inference.predict import command, part, stream


@pytest.fixture(autouse=True)
def one_model(monkeypatch):
    """A model is loaded once for all commands of a test."""
    found, load = {}, command.load_model
    monkeypatch.setattr(command, "load_model", lambda trained: found.setdefault(trained.folder, load(trained)))


@contextlib.contextmanager
def moments(folder):
    """What a folder has before and after each step that changes what a name stands for or is kept: a list of copies of it."""
    taken = []

    def copied():
        taken.append(folder.with_name(f"moment-{len(taken)}"))
        shutil.copytree(folder, taken[-1])

    def watched(real):
        def step(*args, **options):
            copied()
            found = real(*args, **options)
            copied()
            return found

        return step

    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((os, "replace"), (os, "fsync"), (shutil, "rmtree")):
            patch.setattr(module, name, watched(getattr(module, name)))
        yield taken


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_kill_at_any_moment_changes_nothing(suffix, run, table, predicted, tmp_path):
    broken = table.read_text().splitlines()
    broken[12] = "1,2"
    table.write_text("\n".join([*broken, ""]))
    words = (run("tables"), table, table, "--skip-unreadable", "--output")
    whole, errors = tmp_path / "out" / f"a{suffix}", tmp_path / "out" / f"a{suffix}.errors.csv"
    whole.parent.mkdir()
    with moments(whole.parent) as taken:
        predicted(*words, whole)
    assert sorted(path.name for path in whole.parent.iterdir()) == sorted([whole.name, errors.name])
    expected, of_errors = whole.read_bytes(), errors.read_bytes()
    assert len(taken) > 40
    went_on = 0
    for moment in taken:
        shutil.rmtree(whole.parent)
        shutil.copytree(moment, whole.parent)
        if whole.exists():
            with pytest.raises(UserError, match="is there already"):
                predicted(*words, whole)
        else:
            went_on += (whole.parent / f"{whole.name}.part" / "state.json").exists()
            predicted(*words, whole)
        assert whole.read_bytes() == expected
        assert errors.read_bytes() == of_errors
        assert sorted(path.name for path in whole.parent.iterdir()) == sorted([whole.name, errors.name])
    assert went_on > 20


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("at", [1, 2, 3])
def test_what_was_interrupted_is_kept_and_not_computed_again(at, run, table, predicted, tmp_path, monkeypatch, capsys):
    predicted(run("tables"), table, "--output", tmp_path / "whole.csv")
    computed, real = [], command.answers.computed

    def counted(model, inputs, trained, medium):
        if len(computed) == at:
            raise KeyboardInterrupt
        computed.append(len(inputs))
        return real(model, inputs, trained, medium)

    monkeypatch.setattr(command.answers, "computed", counted)
    with pytest.raises(KeyboardInterrupt) as raised:
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    assert raised.value.how_to_go_on == f"; the same command goes on behind {8 * at} inputs"
    monkeypatch.setattr(command.answers, "computed", lambda *given: computed.append(len(given[1])) or real(*given))
    capsys.readouterr()
    predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    assert f"a.csv.part has {8 * at} inputs; going on behind them" in capsys.readouterr().out
    assert computed == [8, 8, 8, 6]
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def interrupted(monkeypatch, predicted, *words):
    """The command with an end after its first chunk."""
    monkeypatch.setattr(stream, "_MOST", 8)
    chunks = stream.chunks
    monkeypatch.setattr(stream, "chunks", lambda *given: (one for place, one in enumerate(chunks(*given)) if not place or end()))
    with pytest.raises(KeyboardInterrupt):
        predicted(*words)
    monkeypatch.setattr(stream, "chunks", chunks)


def end():
    raise KeyboardInterrupt


def test_other_inputs_are_no_continuation(run, table, predicted, tmp_path, monkeypatch, with_labels):
    words = ("--output", tmp_path / "a.csv")
    interrupted(monkeypatch, predicted, run("tables"), table, *words)
    content = table.read_bytes()
    table.write_bytes(content.replace(b"red", b"tan", 1))
    with pytest.raises(UserError, match=r"a\.csv\.part was begun with other inputs: the 8 behind have other names, another order or other"):
        predicted(run("tables"), table, *words)
    table.write_bytes(content)
    with pytest.raises(UserError, match="begun with other columns, by another --top"):
        predicted(run("tables"), table, *words, "--top", "1")
    with pytest.raises(UserError, match="begun with another run"):
        predicted(with_labels("tables", class_names=["a", "b", "c"]), table, *words)
    (tmp_path / "more.csv").write_bytes(content)
    predicted(run("tables"), table, tmp_path / "more.csv", *words)  # What is still to come may be other.
    assert (tmp_path / "a.csv").read_text().count("\n") == 61


def test_what_is_written_below_the_folder_of_inputs_is_none_of_them(run, table, predicted, tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    table.rename(tmp_path / "in/rows.csv")
    words = (run("tables"), tmp_path / "in", "--skip-unreadable", "--output", tmp_path / "in/a.csv")
    interrupted(monkeypatch, predicted, *words)
    assert (tmp_path / "in/a.csv.part/rows.csv").exists()
    predicted(*words)
    assert (tmp_path / "in/a.csv").read_text().count("\n") == 31
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["a.csv", "rows.csv"]


def test_a_table_that_is_whole_is_never_overwritten(run, table, predicted, tmp_path):
    (tmp_path / "a.csv").write_text("mine")
    with pytest.raises(UserError, match=r"a\.csv is there already, and nothing is overwritten"):
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    (tmp_path / "b.csv.errors.csv").write_text("mine")
    with pytest.raises(UserError, match=r"b\.csv\.errors\.csv is there already"):
        predicted(run("tables"), table, "--output", tmp_path / "b.csv")
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv.errors.csv").read_text() == "mine"
    assert not (tmp_path / "b.csv.part").exists()


def test_nothing_is_left_of_what_ended_before_its_first_rows(run, table, predicted, tmp_path):
    table.write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"has no column 'height'"):
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", "is not JSON"),
        ("[]", "expected an object, got a list"),
        ({"rows": 10**9}, "is not whole; remove"),
        ({"rows": -1}, "rows: expected int >= 0"),
        ({"source": 99}, "was begun with other inputs"),
        ({"inputs": "x"}, "was begun with other inputs"),
        ({"columns": ["name"]}, "was begun with other columns"),
    ],
)
def test_a_state_that_is_not_as_it_was_written(written, said, run, table, predicted, tmp_path, monkeypatch):
    words = (run("tables"), table, "--output", tmp_path / "a.csv")
    interrupted(monkeypatch, predicted, *words)
    path = tmp_path / "a.csv.part/state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **written}) if isinstance(written, dict) else written)
    before = (tmp_path / "a.csv.part/rows.csv").read_bytes()
    with pytest.raises(UserError, match=said):
        predicted(*words)
    assert (tmp_path / "a.csv.part/rows.csv").read_bytes() == before


def test_links_in_the_folder_of_parts_are_not_followed(run, table, predicted, tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a.csv.part").mkdir()
    (tmp_path / "a.csv.part/rows.csv").symlink_to(tmp_path / "precious")
    with pytest.raises(UserError, match=r"rows\.csv is a link, which no run has made; remove it"):
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_folder_of_somebody_else_is_left_alone(run, table, predicted, tmp_path):
    (tmp_path / "a.csv.part").mkdir()
    (tmp_path / "a.csv.part/thesis.txt").write_text("precious")
    with pytest.raises(UserError, match=r"a\.csv\.part has thesis\.txt in it, which is no part of a table"):
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    assert os.listdir(tmp_path / "a.csv.part") == ["thesis.txt"]


def test_two_processes_do_not_write_one_table(run, table, predicted, tmp_path):
    held = part.runs.lock(tmp_path / "a.csv.part")
    with pytest.raises(UserError, match="another process is at work in"):
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    os.close(held)


@pytest.mark.usefixtures("small_chunks")
def test_a_full_disk_is_a_line_and_the_rest_follows_when_there_is_room(run, table, predicted, tmp_path, monkeypatch):
    predicted(run("tables"), table, "--output", tmp_path / "whole.csv")
    fsync, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) >= 6:
            raise OSError(28, "No space left on device")
        return fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*: No space left on device; "):
        predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    monkeypatch.setattr(os, "fsync", fsync)
    predicted(run("tables"), table, "--output", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
