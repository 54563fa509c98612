"""Text from outside in a terminal and in a spreadsheet: class names, file names, metrics and options that somebody else has chosen."""

import ast
import csv
import io
import json
import pathlib

import keras_tuner
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hornbook
from hornbook import UserError, data, spreadsheets, terminal
from hornbook.data import sources, splits
from hornbook.inference import runs_table
from hornbook.tuning.oracles import oracles
from hornbook.tuning.reports import results

ROOT = pathlib.Path(hornbook.__file__).resolve().parents[1]
PACKAGES = ("hornbook", "data", "models", "training", "evaluation", "reports", "inference", "recipes", "tuning")
HARMFUL = {
    "a\x1b[31mred": r"a\u001b[31mred",
    "\x1b]0;title\x07": r"\u001b]0;title\u0007",
    "two\nlines\r\tand": r"two\nlines\r\tand",
    "\x9b2J and \x85": r"\u009b2J and \u0085",
    "exe\u202etxt.\u2066": r"exe\u202etxt.\u2066",
    "a\u2028b\u2029": r"a\u2028b\u2029",
    "\udcff.png": r"\udcff.png",
    "\U000e0041\x7f\x00": r"\udb40\udc41\u007f\u0000",
}
HARMLESS = ("digits", "café ± 0.1", "日本　語", "العربية", "می\u200cخواهم", "👨\u200d👩\u200d👧", "a\xa0b", r"C:\new")  # noqa: RUF001


@pytest.mark.parametrize(("text", "shown"), HARMFUL.items(), ids=repr)
def test_what_could_harm_a_terminal_is_spelt_out(text, shown, capsys):
    assert terminal.shown(text) == shown
    terminal.say(text)
    terminal.say_fields(text, text)
    terminal.complain(text)
    assert capsys.readouterr() == (f"{shown}\n{shown}\t{shown}\n", f"{shown}\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_letters_of_all_scripts_stay(text):
    assert terminal.shown(text) == text
    assert terminal.shown_of_libraries(text) == text


@given(st.text())
@settings(max_examples=200, derandomize=True, deadline=None)
def test_a_line_stays_a_line(text):
    shown = terminal.shown(text)
    assert shown.splitlines() in ([shown], [])
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
    # In JSON, too, what is spelt out means what it was.
    assert json.loads(terminal.shown(json.dumps(text, ensure_ascii=False))) == text


def test_bars_and_colours_of_libraries_stay_and_nothing_else():
    text = "\r 10%|█ |\x1b[32m ok\x1b[0m\x1b[A\n\tdone"
    assert terminal.shown_of_libraries(text) == text
    assert terminal.shown_of_libraries("\x1b]0;title\x07 \x1b[2J \x1b[10;10H") == r"\u001b]0;title\u0007 \u001b[2J \u001b[10;10H"


def test_a_line_is_printed_by_one_place_alone():
    # So that no line can be forgotten: what others write to a stream is not theirs to escape.
    # `format_lines` becomes a script of its own, which stands beside an export.
    allowed = ("/terminal.py", "/streams.py", "/tuning/reports/progress.py", "/inference/export/format_lines.py")
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
                if called in ("print", "tqdm.write", "tqdm.tqdm.write", "sys.stdout.write", "sys.stderr.write"):
                    assert path.as_posix().endswith(allowed), f"{path}:{node.lineno} prints by itself; use hornbook.terminal"


def test_messages_are_short(capsys):
    terminal.complain(f"--dataset must be digits, got {'x' * 100_000!r}; pass another")
    terminal.complain(" ".join(["word"] * 100_000))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("--dataset must be digits, got 'xxx")
    assert first.endswith("xxx'; pass another")
    assert "...(99," in first
    assert len(first) < 500
    assert len(second) < 2100


def test_of_many_accepted_words_the_nearest_are_named():
    words = [f"option{number}" for number in range(60)]
    assert terminal.accepted(words, "option17x") == "option17, option7, option1 (the nearest of 60)"
    assert terminal.accepted(words[:3], "no") == "option0, option1, option2"
    assert terminal.accepted(words, "x" * 10**6).endswith(" (the nearest of 60)")


def test_a_table_of_runs_from_strangers(tmp_path, capsys):
    folder = tmp_path / "runs" / "=cmd()\n\x1b[2J"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"model": "@m\x1b]0;\x07", "dataset": "-1"}))
    (folder / "result.json").write_text(json.dumps({"metrics": {"+accuracy\x1b[31m": -0.5}, "seconds": 3}))
    runs_table.runs([str(tmp_path)])
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert shown.count("\n") == 2
    assert r"runs/=cmd()\n\u001b[2J" in shown
    runs_table.runs([str(tmp_path / "runs"), "--csv"])
    heading, row = capsys.readouterr().out.splitlines()
    assert heading == r"folder,model,dataset,'+accuracy\u001b[31m,seconds"
    assert row == r"'=cmd()\n\u001b[2J,'@m\u001b]0;\u0007,-1,-0.5,3.0"


FORMULAS = ("=1+1", "+cmd", "-cmd|' /C calc'!A0", "@SUM(A1)", "\tx", "\r=x", "\n=x", "\uff1dx", "'=x", "''+x")
PLAIN = ("", "cat", "-1", "+5.5", "-1e-7", "-.5", "'quoted'", "a=b", "3-4", -1, 0.5, None)


@pytest.mark.parametrize("cell", FORMULAS, ids=repr)
def test_a_formula_is_guarded_and_comes_back(cell):
    assert spreadsheets.guarded(cell) == f"'{cell}"
    assert spreadsheets.unguarded(f"'{cell}") == cell


@pytest.mark.parametrize("cell", PLAIN, ids=repr)
def test_what_is_no_formula_stays(cell):
    assert spreadsheets.guarded(cell) == cell
    assert spreadsheets.unguarded(str(cell)) == str(cell)


CELLS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(FORMULAS)


@given(st.lists(st.lists(CELLS, min_size=2, max_size=3), max_size=3))
@settings(max_examples=200, derandomize=True, deadline=None)
def test_a_file_for_spreadsheets_is_read_as_it_was_written(rows):
    file = io.StringIO(newline="")
    spreadsheets.write(file, rows)
    file.seek(0)
    assert list(spreadsheets.read(file)) == rows


def cells(path):
    """What a spreadsheet takes for cells; none of them is a formula."""
    with open(path, newline="", encoding="utf-8") as file:
        found = [cell for row in csv.reader(file) for cell in row]
    assert all(spreadsheets.guarded(spreadsheets.unguarded(cell)) == cell for cell in found)
    return found


def digits(names):
    return data.images.from_arrays(np.zeros((40, 4, 4, 1), np.uint8), np.arange(40) % len(names), class_names=names)


def test_classes_in_split_csv_are_guarded_and_a_run_that_goes_on_knows_it(tmp_path):
    names = ("=cmd()", "@SUM(A1)", "+x", "-x", "'=x")
    dataset = digits(names)
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    assert {f"'{name}" for name in names} < set(cells(tmp_path / "split.csv"))
    splits.record_split(tmp_path / "split.csv", dataset, resumed=True)
    with pytest.raises(UserError, match="has changed since the run began"):
        splits.record_split(tmp_path / "split.csv", digits(("cmd()", *names[1:])), resumed=True)


def test_files_and_reasons_in_skipped_csv_are_guarded(tmp_path):
    sources.write_unreadable(tmp_path / "skipped.csv", [("=1+1.png", "@reason"), ("a.png", "-cmd|' /C calc'!A0")])
    assert cells(tmp_path / "skipped.csv") == ["file", "reason", "'=1+1.png", "'@reason", "a.png", "'-cmd|' /C calc'!A0"]


def test_options_values_and_reasons_in_trials_csv_are_guarded(tmp_path):
    space = keras_tuner.HyperParameters()
    space.Choice("@option", ["=HYPERLINK(1)"])
    space.Choice("model", ["-own:builder"])
    oracle = oracles.RandomOracle(objective=keras_tuner.Objective("+score", "max"), hyperparameters=space)
    oracle._set_project_dir(str(tmp_path), "search")
    trial = oracle.create_trial("a")
    trial.status, trial.message = results.Status.FAILED, "=1+1 is what a stranger's data said"
    results.write_trials(tmp_path, oracle, results.Log(tmp_path))
    heading = ["trial", "state", "'+score", "'@option", "model", "seconds", "reason"]
    row = [trial.trial_id, "failed", "", "'=HYPERLINK(1)", "'-own:builder", "", "'=1+1 is what a stranger's data said"]
    assert cells(tmp_path / "trials.csv") == heading + row
