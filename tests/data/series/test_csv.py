"""Series in tables of long form, and folders with a table a series."""

import numpy as np
import pytest

from hornbook import data


def test_a_long_table_is_put_in_order_of_time(write_csv, long_rows):
    rows = long_rows()
    expected = data.series.load(write_csv("a.csv", rows), time_column="t", test_fraction=0, validation_fraction=0)
    shuffled = [rows[k] for k in np.random.default_rng(1).permutation(len(rows))]
    dataset = data.series.load(write_csv("b.csv", shuffled), time_column="t", test_fraction=0, validation_fraction=0)
    assert dataset.feature_names == ("x", "y")
    assert dataset.input_shape == (8, 2)
    there = dict(zip(dataset.train.units, dataset.train.series, strict=True))
    for unit, values in zip(expected.train.units, expected.train.series, strict=True):
        np.testing.assert_array_equal(there[unit], values)


def test_times_may_be_dates(write_csv):
    rows = [[unit, f"2024-01-{9 - step:02}", step, step, "ab"[k % 2]] for k, unit in enumerate("pqrs") for step in range(3)]
    dataset = data.series.load(write_csv("a.csv", rows), time_column="t", test_fraction=0, validation_fraction=0)
    assert dataset.train.series[0][:, 0].tolist() == [2, 1, 0]


def number_units(rows, tenth):
    """Call the series by numbers, and that of the tenth row by another one."""
    for row in rows:
        row[0] = row[0].removeprefix("u")
    rows[9][0] = tenth


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda rows: rows[9].__setitem__(2, "abc"), {}, "line 11, column 'x' is 'abc', no number"),
        (lambda rows: rows[9].__setitem__(2, ""), {}, "line 11, column 'x' is missing"),
        (lambda rows: rows[9].__setitem__(2, "-inf"), {}, "line 11, column 'x' is infinite"),
        (lambda rows: rows[9].__setitem__(2, "1e30"), {}, "line 11, column 'x' is infinite or beyond 1e+18"),
        (lambda rows: rows[9].__setitem__(0, "u1\u200b"), {"time_column": "t"}, "look alike and differ in characters that are not seen"),
        (lambda rows: number_units(rows, "1.0"), {"time_column": "t"}, "line 11, column 'unit': '1.0' and '1' (line 10) are one number"),
        (lambda rows: rows[9].__setitem__(1, "soon"), {"time_column": "t"}, "line 11, column 't' is 'soon', no time"),
        (lambda rows: rows[9].__setitem__(1, "0"), {"time_column": "t"}, "has the time '0' on line 10 and on line 11; remove one"),
        (lambda rows: rows[9].__setitem__(4, ""), {}, "line 11: column 'label' is empty"),
        (lambda rows: rows[9].__setitem__(4, "a"), {}, "line 11: the label of 'u1' changes from 'b' to 'a'; pass --window"),
        (lambda rows: rows.append(rows.pop(0)), {}, "'u0' goes on here after rows of another series; pass --time-column"),
        (lambda rows: None, {"feature_columns": ("z",)}, "has no column 'z' (--feature-columns)"),
        (lambda rows: None, {"feature_columns": ("x", "x")}, "--feature-columns names 'x' twice"),
        (lambda rows: None, {"time_column": "when"}, "has no column 'when' (--time-column)"),
        (lambda rows: None, {"id_column": "subject"}, "has no column 'subject' (--id-column)"),
        (lambda rows: None, {"feature_columns": ("x", "label")}, "'label' cannot be among --feature-columns"),
        (lambda rows: rows.clear(), {}, "has no row below its first line"),
    ],
)
def test_a_faulty_table_is_refused_with_line_and_column(change, options, said, refusal, write_csv, long_rows):
    rows = long_rows()
    change(rows)
    assert said in refusal(write_csv("a.csv", rows), **options)


def test_a_folder_of_tables_is_a_series_a_file(tmp_path, refusal):
    for k in range(12):
        folder = tmp_path / "ab"[k % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{k}.csv").write_text("t,x\n" + "\n".join(f"{5 - step},{k + step}" for step in range(5)))
    dataset = data.series.load(f"folder:{tmp_path}", time_column="t")
    assert dataset.feature_names == ("x",)
    assert dataset.input_shape == (5, 1)
    assert dataset.train.series[0][:, 0].tolist() == sorted(dataset.train.series[0][:, 0], reverse=True)
    (tmp_path / "a" / "12.csv").write_text("t,z\n1,2\n")
    assert "12.csv has the columns z, other files x" in refusal(f"folder:{tmp_path}", time_column="t")
    (tmp_path / "a" / "12.csv").write_text("t,x\n1,oops\n")
    assert "12.csv line 2, column 'x' is 'oops', no number" in refusal(f"folder:{tmp_path}", time_column="t")
    (tmp_path / "a" / "12.csv").write_text("")
    assert "12.csv has nothing in it" in refusal(f"folder:{tmp_path}", time_column="t")
    (tmp_path / "a" / "12.csv").rename(tmp_path / "a" / "12.doc")
    assert "12.doc is neither audio nor a table" in refusal(f"folder:{tmp_path}", time_column="t")


@pytest.mark.parametrize("missing", ["", "NaN", "?", "N/A", "null", "None", "-", "#N/A"])
def test_texts_that_stand_for_a_missing_number(write_csv, long_rows, missing):
    rows = long_rows()
    rows[3][2] = missing
    dataset = data.series.load(write_csv("a.csv", rows), time_column="t", missing="mask", test_fraction=0, validation_fraction=0)
    assert dataset.train.series[0][3].tolist()[2:] == [1, 0]
    assert sum(values[:, 2:].sum() for values in dataset.train.series) == 1
