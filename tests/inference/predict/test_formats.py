"""Tables of answers: their columns and cells, what a spreadsheet would run, and progress."""

import csv
import importlib.util
import io

import numpy as np
import pytest

from hornbook import UserError
from hornbook.inference.predict import answers, formats
from hornbook.inference.predict.progress import Progress

CLASSES = {"task": "classification", "loss": "cross-entropy", "class_names": ["cat", "dog", "cow"]}
LABELS = {"task": "multi-label", "loss": "multi-label", "class_names": ["hot", "wet"]}
NUMBERS = {"task": "regression", "loss": "mse", "class_names": [], "target_names": ["price", "rooms"]}
QUANTILES = {**NUMBERS, "target_names": ["price"], "loss": "quantile", "quantiles": [0.1, 0.9]}
TWO = {**CLASSES, "class_names": ["no", "yes"], "thresholds": [0.2]}
ROWS = np.array([[0.2, 0.7, 0.1], [0.4, 0.25, 0.35]])


def promised(*quantiles):
    return {"conformal": {"coverage": 0.9, "quantiles": list(quantiles), "calibration_examples": 20}}


@pytest.mark.parametrize(
    ("about", "top", "rows", "columns", "cells"),
    [
        (CLASSES, None, ROWS, "prediction probability_cat probability_dog probability_cow", ["dog cat", "0.2 0.4", "0.7 0.25", "0.1 0.35"]),
        (CLASSES, 2, ROWS, "class_1 probability_1 class_2 probability_2", ["dog cat", "0.7 0.4", "cat cow", "0.2 0.35"]),
        (CLASSES, 9, ROWS[:1], "class_1 probability_1 class_2 probability_2 class_3 probability_3",
         ["dog", "0.7", "cat", "0.2", "cow", "0.1"]),
        (TWO, None, ROWS[:, :2], "prediction probability_no probability_yes", ["yes yes", "0.2 0.4", "0.7 0.25"]),
        (TWO, 1, [[0.9, 0.1], [0.75, 0.25]], "class_1 probability_1", ["no yes", "0.9 0.25"]),
        ({**CLASSES, **promised(0.7)}, 1, ROWS[:1], "class_1 probability_1 set", ["dog", "0.7", '["dog"]']),
        (LABELS, None, ROWS[:, :2], "probability_hot probability_wet", ["0.2 0.4", "0.7 0.25"]),
        ({**LABELS, "thresholds": [0.3, 0.5]}, None, ROWS[:, :2], "probability_hot predicted_hot probability_wet predicted_wet",
         ["0.2 0.4", "no yes", "0.7 0.25", "yes no"]),
        ({**LABELS, **promised(0.5, 0.8)}, None, ROWS[:1, :2], "probability_hot may_be_hot probability_wet may_be_wet",
         ["0.2", "no", "0.7", "no_or_yes"]),
        (NUMBERS, None, ROWS[:, :2], "prediction_price prediction_rooms", ["0.2 0.4", "0.7 0.25"]),
        ({**NUMBERS, **promised(1, None)}, None, ROWS[:1, :2],
         "prediction_price prediction_rooms low_price high_price low_rooms high_rooms",
         ["0.2", "0.7", "-0.8", "1.2", "-inf", "inf"]),
        (QUANTILES, None, ROWS[:, :2], "prediction_0.1 prediction_0.9", ["0.2 0.4", "0.7 0.25"]),
        ({**QUANTILES, **promised(0.5)}, None, ROWS[:1, :2], "prediction_0.1 prediction_0.9 low high", ["0.2", "0.7", "-0.3", "1.2"]),
        ({**NUMBERS, "target_names": ["price"]}, None, ROWS[:, :1], "prediction", ["0.2 0.4"]),
    ],
)  # fmt: skip
def test_columns_and_cells(about, top, rows, columns, cells):
    rows = np.asarray(rows)
    kinds = answers.columns(about, top)
    assert list(kinds) == columns.split()
    found = answers.cells(rows, about, top)
    for kind, column, expected in zip(kinds.values(), found, cells, strict=True):
        written = [f"{cell:.9g}" if kind is float else cell.replace(" or ", "_or_") for cell in column]
        assert " ".join(written) == expected
    said = [answers.in_words(row, about, top or 1) for row in rows]
    if top is not None:  # As in the lines.
        assert [[*row[::2][:top]] for row in said] == [list(row[::2][:top]) for row in zip(*found, strict=True)]


def write(path, columns, rows):
    path.with_name("part").mkdir(exist_ok=True)
    one = formats.of(path, path.with_name("part"), columns)
    one.begin(None)
    one.write(rows)
    one.save()
    one.end()
    one.close()
    return one.whole


COLUMNS = {"name": str, "=cmd|x": str, "number": float}
CELLS = (["=1+1", "-3", 'a"\n,\t', "\udcff", "'=x"], ["@a", "b", "+c", "", "é\x1b"], [0.1, 1e-9, np.float64(2) / 3, -np.inf, 1e17])


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_no_text_is_a_formula_and_numbers_are_whole(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", COLUMNS, CELLS)
    with open(path, newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file, delimiter="\t" if suffix == ".tsv" else ",")
    assert names == ["name", "'=cmd|x", "number"]
    assert [row[0] for row in rows] == ["'=1+1", "-3", 'a"\n,\t', "\\udcff", "''=x"]
    assert [row[1] for row in rows] == ["'@a", "b", "'+c", "", "é\x1b"]
    assert [row[2] for row in rows] == ["0.1", "1e-09", "0.666666667", "-inf", "1e+17"]
    assert all(np.float32(row[2]) == np.float32(value) for row, value in zip(rows, CELLS[2], strict=True))


def test_parquet(tmp_path, monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    path = write(tmp_path / "a.parquet", COLUMNS, CELLS)
    table = parquet.read_table(path)
    assert table.column_names == list(COLUMNS)
    assert table["name"].to_pylist() == ["=1+1", "-3", 'a"\n,\t', "\\udcff", "'=x"]
    assert table["number"].to_pylist() == list(CELLS[2])
    monkeypatch.setattr(formats, "_GROUP", 3)
    assert parquet.ParquetFile(write(tmp_path / "b.parquet", COLUMNS, CELLS)).num_row_groups == 2


def test_names_that_say_no_format(tmp_path, run, table, predicted, monkeypatch):
    with pytest.raises(UserError, match=r"a\.xlsx must end with \.csv, \.tsv, \.parquet, which says the format"):
        predicted(run("tables"), table, "--output", tmp_path / "a.xlsx")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs pyarrow, which is not installed: pip install 'hornbook\[parquet\]'; or pass a name in"):
        predicted(run("tables"), table, "--output", tmp_path / "a.parquet")


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_options_reach_the_table(run, table, predicted, tmp_path, capsys, suffix):
    pandas = pytest.importorskip("pandas")
    read = {".csv": pandas.read_csv, ".parquet": pandas.read_parquet}[suffix]
    predicted(run("tables"), table, "--output", tmp_path / f"all{suffix}")
    assert f"{tmp_path / f'all{suffix}'}: 30 rows" in capsys.readouterr().out
    found = read(tmp_path / f"all{suffix}")
    assert list(found.columns) == ["name", "prediction", "probability_cat", "probability_=dog", "probability_cow"]
    assert list(found["name"]) == [f"{table}:{line}" for line in range(2, 32)]
    np.testing.assert_allclose(found.iloc[:, 2:].sum(axis=1), 1, atol=1e-6)
    predicted(run("tables"), table, "--top", "2", "--output", tmp_path / f"two{suffix}")
    two = read(tmp_path / f"two{suffix}")
    assert list(two.columns) == ["name", "class_1", "probability_1", "class_2", "probability_2"]
    assert list(two["class_1"]) == list(found["prediction"])
    assert set(two["class_1"]) - {"cat", "cow"} == ({"'=dog"} if suffix == ".csv" else {"=dog"})
    capsys.readouterr()
    predicted(run("tables"), table)
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines] == [name.removeprefix("'") for name in found["prediction"]]
    assert [line[2] for line in lines] == [f"{value:.4f}" for value in two["probability_1"]]


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.isatty = lambda: terminal


def told(terminal, steps, **options):
    """What is said at some (seconds, inputs)."""
    stream, seconds = Stream(terminal), iter([0, *(second for second, _ in steps)])
    with Progress(stream=stream, clock=lambda: next(seconds), **options) as progress:
        for _, done in steps:
            progress.at(done)
    return stream.getvalue()


def test_a_short_prediction_says_nothing():
    assert told(True, [(0.5, 100), (1.5, 200)], total=300) == ""
    assert told(False, [(10, 100), (29, 200)], total=300) == ""
    assert told(True, [(99, 100)], total=300, quiet=True) == ""


def test_a_terminal_has_one_line_and_a_file_a_line_now_and_then():
    shown = told(True, [(2, 1000), (2.1, 1100), (4, 2000)], total=10_000)
    assert shown == (
        "\r\x1b[K1,000 of about 10,000 inputs, 500 a second, 18 s left\r\x1b[K2,000 of about 10,000 inputs, 500 a second, 16 s left\r\x1b[K"
    )
    assert told(False, [(31, 62), (40, 100), (92, 184)]) == "62 inputs, 2 a second\n184 inputs, 2 a second\n"
    assert "2 h 46 min left" in told(True, [(10, 1010)], total=1_000_000, done=10)[:80].replace("999,000", "")


def test_a_reader_that_has_left_ends_nothing():
    tried = []

    class Closed(Stream):
        def write(self, text):
            tried.append(text)
            raise BrokenPipeError

    with Progress(stream=Closed(False), clock=iter([0, 100, 900]).__next__) as progress:
        progress.at(5)
        progress.at(6)
    assert tried
