"""CSV files as tables: as people write them, each with one thing wrong or odd; in memory and in their file."""

import functools

import numpy as np
import pytest

from hornbook import data
from hornbook.data import csv_rows
from hornbook.data.tables import csv

pytestmark = pytest.mark.usefixtures("where_tables_are")
COLUMNS = ("height", "weight", "colour", "label")


def test_what_the_memory_should_not_hold_is_refused(monkeypatch, rows, write, refusal):
    monkeypatch.setattr(csv, "_BLOCK", 7)
    monkeypatch.setattr(csv, "_MOST_CATEGORIES", 30)
    name = write([[*row[:2], f"name {k}", row[2], row[3]] for k, row in enumerate(rows())], ("a", "b", "who", "colour", "label"))
    message = refusal(name, in_memory="never")
    assert "column 'who' has 35 different texts in its first 35 rows" in message
    assert "--id-column who" in message
    monkeypatch.setattr(csv, "_MOST_CLASSES", 10)
    assert "column 'who' has more than 10 different values" in refusal(name, in_memory="never", label_column="who")


@pytest.mark.parametrize(
    "options",
    [
        {"separator": ";"},
        {"separator": "\t"},
        {"end": "\r\n"},
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"separator": ";", "encoding": "utf-8-sig", "end": "\r\n"},
    ],
    ids=str,
)
def test_files_of_every_kind_read_the_same(options, rows, write, everything):
    expected = everything(data.tables.load(write(rows())))
    found = everything(data.tables.load(write(rows(), **options, name="other.csv")))
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_decimal_commas_are_found_or_said(rows, write, changed, refusal, everything):
    expected = everything(data.tables.load(write(rows())))[0]
    european = [[cell.replace(".", ",") for cell in row] for row in rows()]
    name = write(european, separator=";", name="european.csv")
    assert np.array_equal(everything(data.tables.load(name))[0], expected)
    quoted = write([[f'"{cell}"' for cell in row] for row in european], name="quoted.csv")
    assert np.array_equal(everything(data.tables.load(quoted, decimal="comma"))[0], expected)
    mixed = write(changed(rows(), 3, 1, '"70,5"'), name="mixed.csv")
    message = refusal(mixed)
    assert "line 5, column 'weight': '70,5' is no number" in message
    assert "--decimal comma" in message
    thousands = write(changed(european, 3, 1, "1.070,5"), separator=";", name="thousands.csv")
    assert "line 5, column 'weight': '1.070,5' is no number" in refusal(thousands, decimal="comma")


def test_other_encodings_are_found_or_said(tmp_path, rows, write, refusal):
    table = [[*row[:2], "rosé" if row[2] == "red" else row[2], row[3]] for row in rows()]
    name = write(table, encoding="cp1252")
    dataset = data.tables.load(name)
    assert "rosé" in dataset.encoding.categories["colour"]
    assert "was read as Windows-1252; pass --encoding" in dataset.notes[0]
    assert "rosé" in data.tables.load(name, encoding="latin-1").encoding.categories["colour"]
    assert "line 2 is not UTF-8" in refusal(name, encoding="utf-8")
    assert "--encoding klingon is unknown" in refusal(name, encoding="klingon")
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04\x00\x00\xff\xfe a,b\n")
    assert "sheet.csv line 1 is not UTF-8" in refusal(f"csv:{tmp_path / 'sheet.csv'}")


def test_a_file_without_a_header(rows, write, refusal, everything):
    name = write(rows(), header=None)
    dataset = data.tables.load(name, label_column="column4")
    assert sum(map(len, dataset.parts.values())) == 60
    assert dataset.encoding.inputs == ("column1", "column2", "column3")
    assert "was read as a row" in dataset.notes[0]
    message = refusal(name)
    assert "'column1', 'column2', 'column3', 'column4'" in message
    assert "--label-column" in message
    years = write(rows(), header=("2001", "2002", "colour", "label"), name="years.csv")
    assert data.tables.load(years, header="yes").encoding.inputs == ("2001", "2002", "colour")
    words = write([[row[2], row[3]] for row in rows()], header=None, name="words.csv")
    assert len(everything(data.tables.load(words, header="no", label_column="column2"))[1]) == 60


def test_further_words_for_missing(rows, write, changed, refusal, everything):
    name = write(changed(changed(rows(), 3, 1, "-inf"), 5, 1, "unknown"))
    assert "--missing-values 'unknown'" in refusal(name, missing_values="-inf")
    dataset = data.tables.load(name, missing_values="-inf, Unknown")
    assert np.isfinite(everything(dataset)[0]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([(3, 0, "inf")], "line 5, column 'height': inf is no number to compute with"),
        ([(3, 0, "-Infinity")], "line 5, column 'height': -Infinity is no number to compute with"),
        ([(3, 0, "1e300")], "line 5, column 'height': 1e300 is no number to compute with"),
        ([(3, 0, "abc")], "line 5, column 'height': 'abc' is no number; accepted are numbers such as 0.5"),
        ([(3, 0, "1_000")], "line 5, column 'height': '1_000' is no number"),
        ([(3, 0, "٣")], "line 5, column 'height': '٣' is no number"),
        ([(3, 3, "nan")], "line 5, column 'label': the label is missing ('nan')"),
        ([(3, 3, ""), (9, 3, "")], "line 5, column 'label' and 1 more: the label is missing ('')"),
        ([(3, 3, "Yes")], "has the classes 'Yes' (line 5) and 'yes' (line 3), which differ in capitals or blanks alone"),
        (lambda t: [[*row[:3], ("0", "1", "0.0")[k % 3]] for k, row in enumerate(t)], "'0.0' (line 4), which are one number"),
        ([(3, 2, "re\0d")], "line 5 has a NUL byte"),
        ([(3, 3, "maybe")], "line 5, column 'label': the class 'maybe' has 1 row, which cannot stand in 3 parts"),
        (lambda t: [row if k != 3 else row[:3] for k, row in enumerate(t)], "line 5 has 3 fields, the first line 4"),
        (lambda t: t[:3], "has 3 rows; at least 10 are needed"),
        (lambda t: [], "has no row below its first line"),
        (lambda t: [[*row[:3], "yes"] for row in t], "column 'label' has one class, 'yes'"),
        (lambda t: [["1", "2", "red", row[3]] for row in t], "has no column to learn from ('height': it is constant in training"),
        (
            lambda t: [[*row[:2], f"name {k}", row[3]] for k, row in enumerate(t)],
            "an identifier or free text; leave it out with --id-column",
        ),
        (
            lambda t: [[*row[:3], row[1]] for row in t],
            "different numbers in 60 rows, which are no classes; numbers are predicted by hornbook",
        ),
    ],
    ids=range(19),
)
def test_what_is_wrong_is_named_with_its_line_and_column(change, words, rows, write, changed, refusal):
    table = change(rows()) if callable(change) else functools.reduce(lambda table, cell: changed(table, *cell), change, rows())
    name = write(table)
    message = refusal(name)
    assert name.removeprefix("csv:") in message
    assert words in message


def test_a_test_table_of_its_own(rows, write, changed, refusal):
    train = write(rows())
    test = write([[row[2], row[3], "9", *row[:2]] for row in rows(14, seed=1)],
                 ("colour", "label", "more", "height", "weight"), name="test.csv")  # fmt: skip
    dataset = data.tables.load(train, test_dataset=test)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 54, "validation": 6, "test": 14}
    np.testing.assert_allclose(dataset.test.inputs[:, 1], [float(row[1]) for row in rows(14, seed=1)], rtol=1e-6)
    assert "columns that the training table does not have, and which are ignored: more" in dataset.notes[-1]
    fewer = write([row[1:] for row in rows(14)], COLUMNS[1:], name="fewer.csv")
    assert "fewer.csv has no column 'height', which the training table had" in refusal(train, test_dataset=fewer)
    unknown = write(changed(rows(14), 2, 3, "perhaps"), name="unknown.csv")
    message = refusal(train, test_dataset=unknown)
    assert "unknown.csv line 4, column 'label': the class 'perhaps' is unknown in training; accepted are no, yes" in message
    broken = write(changed(rows(14), 2, 1, "heavy"), name="broken.csv")
    assert "broken.csv line 4, column 'weight': 'heavy' is no number" in refusal(train, test_dataset=broken)


def test_a_test_table_may_lack_a_column_that_was_left_out(rows, write):
    train = write([[*row[:3], "7", row[3]] for row in rows()], (*COLUMNS[:3], "constant", "label"))
    dataset = data.tables.load(train, test_dataset=write(rows(14, seed=1), name="test.csv"))
    assert dataset.encoding.left_out.keys() == {"constant"}
    assert dataset.in_words("train", 0).count(", ") == 3
    assert dataset.in_words("test", 0).count(", ") == 2


def test_an_encoding_that_shows_late(monkeypatch, rows, write):
    monkeypatch.setattr(csv_rows, "_HEAD", 200)
    table = [[*row[:2], "rosé" if k > 40 else row[2], row[3]] for k, row in enumerate(rows())]
    for separator in ",;":
        dataset = data.tables.load(write(table, encoding="cp1252", separator=separator))
        assert "rosé" in dataset.encoding.categories["colour"]
        assert "was read as Windows-1252" in dataset.notes[0]


def test_a_class_without_test_rows_is_noted(rows, write):
    test = write([row for row in rows(14) if row[3] == "no"], name="test.csv")
    dataset = data.tables.load(write(rows()), test_dataset=test)
    assert dataset.notes == ("the class yes has no example in the test part: its recall cannot be known",)
