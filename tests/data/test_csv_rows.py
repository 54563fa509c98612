"""CSV and TSV files: one layout and one set of messages, whether rows are read into memory or one at a time."""

import concurrent.futures
import csv

import pytest

from hornbook import UserError
from hornbook.data import csv_rows


@pytest.fixture
def path(tmp_path):
    return tmp_path / "table.csv"


def in_memory(path, **options):
    """(line, fields) of every row, read into memory."""
    table = csv_rows.read(path, **options)
    return list(zip(table.lines, table.rows, strict=True))


def by_rows(path, **options):
    """(line, fields) of every row, one at a time; and again by their places, where the file has them."""

    def scan(found):
        scanned = list(csv_rows.rows(found))
        if found.by_line:
            starts, sizes = ([row[place] for row in scanned] for place in (1, 2))
            assert list(csv_rows.rows_at(found, starts, sizes)) == [row[3] for row in scanned]
        return [(line, row) for line, _, _, row in scanned]

    return csv_rows.in_its_encoding(csv_rows.layout(path, **options), scan)


def refusals(path, **options):
    """The message of both ways of reading, which is one."""
    messages = []
    for read in (in_memory, by_rows):
        with pytest.raises(UserError) as raised:
            read(path, **options)
        messages.append(str(raised.value))
        assert "\n" not in messages[-1]
    assert messages[0] == messages[1]
    return messages[0]


ROWS = [(2, ["one", "1"]), (3, ["two; ü☃", "2"]), (4, ["three\nlines\n\u2028here", "3"]), (8, ["", "4"])]
TEXT = 'text,label\none,1\n"two; ü☃",2\n"three\nlines\n\u2028here",3\n \n"",4\n'


@pytest.mark.parametrize("read", [in_memory, by_rows])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_are_the_same_however_they_are_read(path, read, encoding, end):
    path.write_bytes(TEXT.replace("\n", end).encode(encoding))
    expected = [(line, [text.replace("\n", end) for text in row]) for line, row in ROWS]
    assert read(path, encoding=encoding) == expected
    assert csv_rows.layout(path, encoding=encoding).columns == ("text", "label")
    if encoding != "utf-16-le":
        assert read(path, encoding="auto", header="auto") == expected


@pytest.mark.parametrize("read", [in_memory, by_rows])
def test_line_ends_of_several_systems_in_one_file(path, read):
    path.write_bytes(b"a,b\r1,2\n3,4\r\n5,6\r7,8\n")
    assert read(path) == [(2, ["1", "2"]), (3, ["3", "4"]), (4, ["5", "6"]), (5, ["7", "8"])]


@pytest.mark.parametrize("read", [in_memory, by_rows])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found(path, read, separator):
    path.write_text("".join(separator.join(row) + "\n" for row in (("a", "b b", "c"), ("1", "x y", "2"), ("3", "z", "4"))))
    assert read(path) == [(2, ["1", "x y", "2"]), (3, ["3", "z", "4"])]
    assert csv_rows.read(path).delimiter == separator


@pytest.mark.parametrize(
    ("header", "columns", "first"),
    [(None, ("a", "b"), "1"), ("yes", ("a", "b"), "1"), ("auto", ("a", "b"), "1"), ("no", ("column1", "column2"), "a")],
)
def test_the_first_line_names_the_columns_or_not(path, header, columns, first):
    path.write_text("a,b\n1,2\n")
    for read in (csv_rows.read, csv_rows.layout):
        assert read(path, header=header).columns == columns
    assert in_memory(path, header=header)[0][1][0] == by_rows(path, header=header)[0][1][0] == first


def test_a_first_line_with_numbers_is_a_row_unless_it_is_said_otherwise(path):
    path.write_text("2001,b\n1,2\n")
    table = csv_rows.read(path, header="auto")
    assert table.columns == ("column1", "column2")
    assert table.lines == [1, 2]
    assert "was read as a row; if it names the columns, pass --header yes" in table.notes[0]
    assert csv_rows.read(path, header="yes").columns == ("2001", "b")
    with pytest.raises(UserError, match="pass --label-column; the first line names none, as it has a number in it"):
        table.choose(None, ("label",), "--label-column")


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"", {}, "has nothing in it; accepted is a line of names, then a row each"),
        (b"\xef\xbb\xbf\r\n , \n", {"header": "no"}, "has nothing in it; accepted is a row a line"),
        (b"a,b\n\n", {}, "has no row below its first line"),
        (b"a,b\n1,2\n1,2,3\n", {}, "line 3 has 3 fields, the first line 2 (separated by commas)"),
        (b"a;b\n1;2\n1\n", {}, "line 3 has 1 fields, the first line 2 (separated by semicolons)"),
        (b'a,b\n"x\ny",2\n\n1\n', {}, "line 5 has 1 fields"),
        (b"a,a\n1,2\n", {}, "has two columns called 'a'; rename one"),
        (b"a,a\n1,2\n", {"header": "auto"}, "rename one, or pass --header no if the first line is a row"),
        (b"a,b\n1,2\n3,\x004\n", {}, "line 3 has a NUL byte; remove it, or save the file as UTF-8"),
        (b"a,b\n1,2\n3,\x004\n", {"encoding": "auto"}, "line 3 has a NUL byte; remove it, or pass the --encoding that it has"),
        (b'a,b\n1,2\n"3,4\n5,6\n', {}, "line 3: a quotation mark opens and is never closed; close it"),
        (b'a,b\n1,2\n"3"x,4\n', {}, "line 3: text goes on behind a closing quotation mark; double those within a text"),
        (b"a,b\n1,caf\xe9\n", {}, "line 2 is not UTF-8 (byte 0xe9); save the file as UTF-8"),
        (b"a,b\n1,caf\xe9\n", {"encoding": "utf-8"}, "line 2 is not UTF-8 (byte 0xe9); pass the --encoding that it has"),
        (b"a,b\n1,2\n", {"encoding": "klingon"}, "--encoding klingon is unknown; accepted are auto and Python's names"),
        (b"\x89PNG\r\n\x1a\n\0\0", {"encoding": "auto"}, "line 1 is not UTF-8 (byte 0x89)"),
    ],
)
def test_both_ways_refuse_alike(path, content, options, words):
    path.write_bytes(content)
    message = refusals(path, **options)
    assert words in message
    assert message.startswith((str(path), "--encoding"))


def test_an_encoding_that_shows_late(path, monkeypatch):
    monkeypatch.setattr(csv_rows, "_HEAD", 40)
    path.write_bytes(b"a,b\n" + b"1,2\n" * 20 + "3,café ü\n".encode("cp1252"))
    rows = in_memory(path, encoding="auto")
    assert rows == by_rows(path, encoding="auto")
    assert rows[-1] == (22, ["3", "café ü"])
    assert "line 22 is not UTF-8" in refusals(path, encoding="utf-8")
    assert "line 22 is not UTF-8" in refusals(path)
    assert "was read as Windows-1252" in csv_rows.read(path, encoding="auto").notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_letter_of_several_bytes_where_the_head_ends(path, monkeypatch, encoding):
    path.write_bytes(("a,b\n" + "ü☃,日本\n" * 30).encode(encoding))
    for head in range(60, 68):
        monkeypatch.setattr(csv_rows, "_HEAD", head)
        assert len(by_rows(path, encoding=encoding)) == len(in_memory(path, encoding=encoding)) == 30


def test_quotation_marks_may_stand_for_themselves(path):
    path.write_text('a,b\n"so" it begins,1\n"and never ends,2\n')
    assert by_rows(path, quoted=False) == [(2, ['"so" it begins', "1"]), (3, ['"and never ends', "2"])]
    for quoted, remedy in ((True, True), (None, False)):
        with pytest.raises(UserError, match="line 2: text goes on behind a closing") as raised:
            by_rows(path, quoted=quoted)
        assert ("or pass --no-quoted" in str(raised.value)) == remedy


def test_fields_of_any_length_and_the_module_s_own_limit(path):
    path.write_text('text,label\n"' + "word\u2028 " * 50_000 + '",1\n"two\nlines",0\n', encoding="utf-8")
    before = csv.field_size_limit()
    table = csv_rows.read(path)
    assert csv.field_size_limit() == before
    assert table.column("text") == ["word\u2028 " * 50_000, "two\nlines"]
    assert table.column("label") == ["1", "0"]
    assert table.lines == [2, 3]


def test_a_file_that_was_changed_is_noticed(path):
    path.write_text("a,b\n1,2\n3,4\n")
    found = csv_rows.layout(path)
    places = [(start, size) for _, start, size, _ in csv_rows.rows(found)]
    path.write_text("a,b\n1\n")
    with pytest.raises(UserError, match="was changed while it was read; begin again"):
        list(csv_rows.rows_at(found, *zip(*places, strict=True)))


@pytest.mark.parametrize(("how", "stays"), [("never", True), ("always", False), ("auto", False)])
def test_what_stays_on_disk(path, monkeypatch, how, stays):
    path.write_text("a,b\n1,2\n")
    assert csv_rows.stays_on_disk(path, how) == stays
    monkeypatch.setattr(csv_rows, "STREAMED_FROM", 8)
    assert csv_rows.stays_on_disk(path, how) == (how != "always")
    path.write_bytes("a,b\n1,2\n".encode("utf-16"))
    assert csv_rows.stays_on_disk(path, how, encoding="auto") == stays


@pytest.mark.parametrize("content", [b"a,b\n1,2\n1,2,3\n4,5\n", b'a,b\n1,2\n1,"3"4\n5,6\n', b"a,b\n1,2\n"])
def test_a_file_is_closed_though_somebody_keeps_the_error(path, monkeypatch, content):
    opened, began = csv_rows.files.opened, []
    monkeypatch.setattr(csv_rows.files, "opened", lambda *options: began.append(opened(*options)) or began[-1])
    path.write_bytes(content)
    kept = None
    try:
        list(csv_rows.rows(csv_rows.layout(path)))
    except UserError as error:
        kept = error  # As a test and a notebook do; with it the frames, and what these have open.
    assert (kept is None) == (len(content) < 10)
    assert [file.closed for file in began] == [True] * len(began)
    assert began


def test_rows_that_nobody_takes_may_be_closed_by_another_thread(path):
    path.write_text("a,b\n1,2\n3,4\n")
    before, found = csv.field_size_limit(), csv_rows.layout(path)
    left = csv_rows.rows(found)
    next(left)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        pool.submit(left.close).result()
        assert csv.field_size_limit() == before
        assert pool.submit(by_rows, path).result(timeout=60) == [(2, ["1", "2"]), (3, ["3", "4"])]
