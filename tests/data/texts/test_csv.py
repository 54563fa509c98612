"""Texts in tables as people have them, most with one thing wrong or odd; in memory and in their file."""

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import csv_rows
from hornbook.data.texts import csv

ROWS = [(f'film number {k}, "{("fine", "dull")[k % 2]}" they say', ("good", "bad")[k % 2]) for k in range(40)]


def quote(field):
    field = str(field)
    return '"' + field.replace('"', '""') + '"' if any(sign in field for sign in ',;\t"\n\r') else field


def write(folder, rows, header=("text", "label"), *, separator=",", end="\n", encoding="utf-8", name="table.csv", quoted=True):
    lines = [separator.join(map(quote if quoted else str, row)) for row in ([header, *rows] if header else rows)]
    (folder / name).write_bytes((end.join(lines) + end).encode(encoding))
    return f"csv:{folder / name}"


def changed(place, text=None, label=None):
    rows = list(ROWS)
    rows[place] = (rows[place][0] if text is None else text, rows[place][1] if label is None else label)
    return rows


@pytest.mark.parametrize("in_memory", ["always", "never"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"separator": ";"},
        {"separator": "\t", "name": "table.tsv"},
        {"end": "\r\n"},
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-8-sig", "end": "\r\n", "separator": ";"},
        {"header": ("Sentence", "TARGET")},
        {"header": ("words", "category")},
    ],
    ids=str,
)
def test_tables_as_people_have_them(tmp_path, options, in_memory, load, pairs):
    dataset = load(write(tmp_path, ROWS, **options), in_memory=in_memory)
    assert dataset.class_names == ("bad", "good")
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 30, "test": 10}
    assert pairs(dataset) == ROWS


def test_texts_in_memory_and_in_the_file_are_the_same(tmp_path, load, pairs):
    rows = [(f"line one {k}\nline  two, ü☃ {'x' * (k * 997 % 5000)}.", str(k % 3)) for k in range(500)]
    name = write(tmp_path, [*rows[:7], ("", ""), *rows[7:]])
    kept, streamed = (load(name, in_memory=in_memory, skip_empty=True) for in_memory in ("always", "never"))
    assert isinstance(streamed.train.store, csv.RowStore)
    assert kept.left_out == streamed.left_out == 0  # A line of separators alone is blank, as in other tables.
    assert pairs(kept) == pairs(streamed) == rows
    assert kept.train.indices.tolist() == streamed.train.indices.tolist()
    picked = np.array([5, 1, 1])
    assert list(kept.train.texts(picked)) == list(streamed.train.texts(picked))


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "shift_jis"])
def test_encodings(tmp_path, encoding, load, refusal, pairs):
    word = "日本" if encoding == "shift_jis" else "café"
    rows = [(f"{word} {text}", label) for text, label in ROWS]
    name = write(tmp_path, rows, encoding=encoding)
    assert pairs(load(name, encoding=encoding)) == rows
    if encoding in ("cp1252", "utf-16"):
        dataset = load(name)
        assert pairs(dataset) == rows
        assert ("Windows-1252" in "".join(dataset.notes)) == (encoding == "cp1252")
    if encoding == "utf-16":
        assert "cannot be read by rows in utf-16" in refusal(name, in_memory="never")


def test_an_encoding_that_shows_late(tmp_path, monkeypatch, load, refusal, pairs):
    monkeypatch.setattr(csv_rows, "_HEAD", 500)
    name = write(tmp_path, changed(35, "à la carte"), encoding="cp1252")
    dataset = load(name)
    assert pairs(dataset)[35][0] == "à la carte"
    assert "Windows-1252" in dataset.notes[0]
    assert "line 37 is not UTF-8 (byte 0xe0); pass the --encoding" in refusal(name, encoding="utf-8")


def test_line_ends_of_old_machines(tmp_path, load, refusal, pairs):
    name = write(tmp_path, ROWS, end="\r")
    assert pairs(load(name)) == ROWS
    assert "save it as UTF-8" in refusal(name, in_memory="never")


def test_several_text_columns_make_one_text(tmp_path, load, refusal, pairs):
    rows = [(f"subject {k}", "" if k == 3 else f"body {k}", k, ("a", "b")[k % 2]) for k in range(20)]
    name = write(tmp_path, rows, ("subject", "body", "number", "queue"))
    dataset = load(name, text_columns="subject, body", label_column="queue")
    assert [text for text, _ in pairs(dataset)][2:4] == ["subject 2\nbody 2", "subject 3"]
    assert "is called label, class" in refusal(name)
    assert "has no column 'queu' (--label-column); it has 'subject', 'body', 'number', 'queue'" in refusal(name, label_column="queu")
    assert "has no column 'head' (--text-columns)" in refusal(name, text_columns="head", label_column="queue")
    assert "cannot be both" in refusal(name, text_columns="subject,queue", label_column="queue")


def test_a_table_without_names(tmp_path, load, refusal, pairs):
    rows = [(text, str(k % 2)) for k, (text, _) in enumerate(ROWS)]
    name = write(tmp_path, rows, None)
    assert "pass --label-column; the first line names none, as it has a number in it" in refusal(name)
    dataset = load(name, text_columns="column1", label_column="column2")
    assert pairs(dataset) == rows
    assert "was read as a row" in dataset.notes[0]
    words = write(tmp_path, ROWS, None)
    assert "pass --label-column, or --header no if the first line is a row" in refusal(words)
    assert pairs(load(words, header="no", text_columns="column1", label_column="column2")) == ROWS


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (changed(9, label=""), "column 'label' is empty in line 11; fill it in, or pass --skip-empty"),
        (changed(9, text="  "), "column 'text' is empty in line 11"),
        ([*ROWS, ("", "good"), ("\t ", "bad")], "column 'text' is empty in 2 lines (42, 43)"),
        (changed(9, label="Bad"), "column 'label': the classes 'bad' (line 3), 'Bad' (line 11) differ in capitals or blanks alone"),
        (changed(9, label="ba d"), "line 11, column 'label': the class 'ba d' has one example"),
        ([(text, f"very{' ' * (1 + k // 2 % 2)}{label}") for k, (text, label) in enumerate(ROWS)], "in capitals or blanks alone"),
        (changed(9, label="good\u200b"), "'good\\u200b' (line 11) look alike and differ in characters that are not seen"),
        ([(text, ("0", "1", "1.0")[k % 3]) for k, (text, _) in enumerate(ROWS)], "'1' (line 3), '1.0' (line 4) are one number"),
        (changed(9, label="NaN"), "column 'label' is empty in line 11"),
        (changed(9, label="neutral"), "line 11, column 'label': the class 'neutral' has one example, which cannot stand in two parts"),
        ([(text, "good") for text, _ in ROWS], "has one class, 'good'; at least two are needed"),
        ([(text, str(k)) for k, (text, _) in enumerate(ROWS)], "has 40 different values in 40 rows"),
        ([], "has no row below its first line"),
        ([*ROWS[:4], ("one", "field", "more"), *ROWS[4:]], "line 6 has 3 fields, the first line 2 (separated by commas)"),
        ([*ROWS[:4], ("nul\0byte", "good"), *ROWS[4:]], "line 6 has a NUL byte"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rows_that_are_wrong_are_named(tmp_path, rows, words, refusal):
    name = write(tmp_path, rows)
    for in_memory in ("always", "never"):
        message = refusal(name, in_memory=in_memory)
        assert message.startswith(name.removeprefix("csv:"))
        assert words in message


def test_blanks_around_labels_do_not_count(tmp_path, load, pairs):
    assert pairs(load(write(tmp_path, changed(9, label=" bad\t")))) == ROWS


def test_empty_rows_are_left_out_where_that_is_asked(tmp_path, load, pairs):
    name = write(tmp_path, [*changed(9, label=""), ("", "good")])
    dataset = load(name, skip_empty=True)
    assert dataset.left_out == 2
    assert pairs(dataset) == ROWS[:9] + ROWS[10:]


def test_quotes_that_are_never_closed_are_named(tmp_path, load, refusal, pairs):
    rows = [(text.replace('"', "").replace(",", ""), label) for text, label in ROWS]
    rows[5] = ('"and so it begins', "bad")
    name = write(tmp_path, rows, quoted=False)
    assert "line 7: a quotation mark opens and is never closed" in refusal(name)
    assert pairs(load(name, quoted=False)) == rows
    rows[5] = ('"so" it begins', "bad")
    assert "line 7: text goes on behind a closing quotation mark" in refusal(write(tmp_path, rows, quoted=False))


def test_texts_of_any_length(tmp_path, load, pairs):
    name = write(tmp_path, changed(3, "word " * 200_000))
    for in_memory in ("always", "never"):
        assert len(pairs(load(name, in_memory=in_memory))[3][0]) == 999_999


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"PK\x03\x04\x14\0\x06\0", bytes(range(256))])
def test_files_that_are_no_text(tmp_path, content, refusal):
    (tmp_path / "table.csv").write_bytes(content)
    assert "table.csv line " in refusal(f"csv:{tmp_path / 'table.csv'}")


def test_files_that_are_none(tmp_path, refusal):
    (tmp_path / "empty.csv").write_bytes(b"")
    assert "has nothing in it" in refusal(f"csv:{tmp_path / 'empty.csv'}")
    (tmp_path / "blank.csv").write_bytes(b"\xef\xbb\xbf\r\n \r\n")
    assert "has nothing in it" in refusal(f"csv:{tmp_path / 'blank.csv'}")
    assert "is not there" in refusal(f"csv:{tmp_path / 'nowhere.csv'}")
    assert "is a folder" in refusal(f"csv:{tmp_path}")
    assert "--encoding klingon is unknown" in refusal(write(tmp_path, ROWS), encoding="klingon")
    assert "two columns called 'text'" in refusal(write(tmp_path, [(1, 2, 3)] * 3, ("text", "text", "label")), header="yes")


def test_a_trained_model_s_classes(tmp_path, load, refusal):
    name = write(tmp_path, ROWS)
    assert set(load(name, class_names=("good", "odd", "bad")).train.labels) == {0, 2}
    message = refusal(name, class_names=("good", "odd"))
    assert "line 3, column 'label': the class 'bad' is unknown in training; accepted are good, odd" in message


def test_a_file_that_is_changed_while_it_is_read_is_noticed(tmp_path, load):
    dataset = load(write(tmp_path, ROWS), in_memory="never")
    (tmp_path / "table.csv").write_bytes(b"text,label\n")
    with pytest.raises(UserError, match="was changed while it was read"):
        list(dataset.train.texts())


def test_lines_of_a_file(tmp_path):
    (tmp_path / "lines.txt").write_bytes("\ufefffirst\r\n\r\n  third\n".encode())
    assert list(csv.lines_to_predict(tmp_path / "lines.txt")) == [(1, "first"), (3, "third")]
    (tmp_path / "lines.txt").write_text("\n")
    with pytest.raises(UserError, match="has nothing in it"):
        list(csv.lines_to_predict(tmp_path / "lines.txt"))
