"""CSV and TSV files: how one is laid out, its rows one at a time with their places, or all of them in memory as a `Table`.

A table larger than the memory is read row by row, and some of its rows again by their places. Both ways of reading share the rules for the
encoding, the separator and the column names, and the messages on what is wrong, each with its line.
"""

import codecs
import contextlib
import csv
import dataclasses
import functools
import io
import os
import pathlib
import re
import threading

from hornbook import UserError, files, memory
from hornbook.data import naming

STREAMED_FROM = 2**28  # Bytes of a file that is not read into memory, unless the user asks for it.
_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_SPLIT = {one: f"separated by {words}); put quotes around text with separators in it" for one, words in _SEPARATORS.items()}
_ACCEPTED = "a CSV or TSV file with a line of column names"
_NO_ROW = "has no row below its first line; accepted is a line of names, then a row each"
_HEAD = 2**20  # Bytes by which the separator and the column names are found.
_BUFFER = 2**20
_LINES_TRIED = 20  # Of the head, to tell what separates the fields.
# Characters of a field. A longer one lacks its closing quotation mark, and would take the whole file into memory as one text.
_LONGEST = 2**26
_LIMIT_LOCK = threading.RLock()


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a file is read.

    Attributes:
        path: the file.
        columns: the names in its first line, in their order; column1, column2, ... where it has none.
        encoding: Python's name.
        delimiter: the separator of its fields.
        header: whether the first line names the columns.
        by_line: whether lines end with byte 10, so that a row can be read again by its place.
        skip: how many bytes the byte order mark takes.
        asked_encoding, asked_header, quoted: the options as given to `layout`, for messages.
    """

    path: pathlib.Path
    columns: tuple
    encoding: str
    delimiter: str
    header: bool
    by_line: bool
    skip: int
    asked_encoding: str | None
    asked_header: str | None
    quoted: bool | None

    def choose(self, name, usual, flag):
        """The name of a column: `name`, or the first of the `usual` names that the file has, see `naming.choose`."""
        hint = ", and see that the first line names the columns"
        if self.asked_header == "auto":
            remedy = ", or --header no if the first line is a row"
            hint = remedy if self.header else "; the first line names none, as it has a number in it"
        return naming.choose(self.path, self.columns, name, usual, flag, hint)

    @property
    def notes(self):
        """What was assumed and may be wrong, sentences: the encoding, or that the first line is a row."""
        notes = []
        if self.encoding == "cp1252" and self.asked_encoding == "auto":
            notes.append(f"{self.path} is not UTF-8 and was read as Windows-1252; pass --encoding if it has another encoding")
        if not self.header and self.asked_header == "auto":
            notes.append(
                f"the first line of {self.path} has numbers in it and was read as a row; if it names the columns, pass --header yes"
            )
        return tuple(notes)


@dataclasses.dataclass(frozen=True)
class Table(Layout):
    """A file's layout, and its rows in memory.

    Attributes:
        rows: list of lists of text, each as long as `columns`; blank lines are left out.
        lines: the line of the file that each row begins on, from 1, for messages.
    """

    rows: list
    lines: list

    def column(self, name):
        """The values of a column, as they are."""
        place = self._places[name]
        return [row[place] for row in self.rows]

    @functools.cached_property
    def _places(self):
        return {column: place for place, column in enumerate(self.columns)}


def check(path):
    """Refuse a path where there is no file.

    Raises:
        UserError: with what is accepted.
    """
    if files.what_is(path) != "is a file":
        raise UserError(f"--dataset {f'csv:{path}'!r} {files.what_is(path)}; accepted is {_ACCEPTED}")


def stays_on_disk(path, in_memory, *, encoding=None, header=None, quoted=None):
    """Whether rows are read from a file when they are needed: `in_memory` is "never", or "auto" for a file of 256 MiB or more.

    Args:
        path: of the file.
        in_memory: "always", "never" or "auto".
        encoding, header, quoted: see `layout`.
    """
    if in_memory != "auto":
        return in_memory == "never"
    given = files.given(path)
    large = given.is_file() and given.stat().st_size >= STREAMED_FROM
    return large and layout(path, encoding=encoding, header=header, quoted=quoted).by_line


def layout(path, *, encoding=None, header=None, quoted=None):
    """The `Layout` of a CSV or TSV file, by its first megabyte: separated by commas, semicolons or tabs.

    The separator is the one that gives the first lines equally many fields, else the most frequent one in the first line.

    Args:
        path: of the file.
        encoding: "auto": UTF-8, what a byte order mark says, or else Windows-1252, the most common single-byte encoding. Or a name that
            Python knows, such as latin-1. None: UTF-8, for recipes without the flag `--encoding`.
        header: "yes": the first line names the columns; "no": they are called column1, column2, ...; "auto": it names them unless there is
            a number in it. None: it does, for recipes without the flag `--header`.
        quoted: whether double quotes enclose a field with separators or line ends in it, or stand for themselves. None: they enclose it,
            for recipes without the flag `--quoted`.

    Raises:
        UserError: the file cannot be read, is in another encoding, is empty, or has two columns of one name.
    """
    path = files.given(path)
    head = files.content(path, _ACCEPTED, _HEAD)
    whole = len(head) <= _HEAD
    text, encoding_found = files.decoded(path, head[:_HEAD], encoding, whole=whole)
    found = _unnamed(path, head, text, encoding_found, encoding, header, quoted)
    return _named(found, next(_parsed(found, _lines(found)), None))


def rows(found, *, refuse=True):
    """Every row below the names: (line it begins on, from 1; its first byte; bytes; fields). Blank lines are left out.

    Args:
        found: a `Layout`. First byte and bytes are None unless it is `by_line`.
        refuse: whether a row of more or fewer fields than the first is refused, or the `UserError` stands in the place of its fields.

    Raises:
        UserError: there is no row, a row cannot be read, or it has more or fewer fields than the first; with its line.
    """
    parsed = _parsed(found, _lines(found), refuse)
    if found.header:
        next(parsed, None)
    first = next(parsed, None)
    if first is None:
        raise UserError(f"{found.path} {_NO_ROW}")
    yield first
    yield from parsed


def rows_at(found, starts, sizes):
    """The fields of some rows, read again from the file.

    Args:
        found: a `Layout`, by line.
        starts, sizes: the first byte of each row and how many it has, as `rows` gave them.

    Raises:
        UserError: the file was changed since.
    """
    with _again(found, 0) as file:
        for start, size in zip(starts, sizes, strict=True):
            try:
                text = os.pread(file.fileno(), int(size), int(start)).decode(found.encoding)
                row = _next(_reader(found, io.StringIO(text, newline="")))
                if row is None or len(row) != len(found.columns):
                    raise ValueError(row)
            except (ValueError, csv.Error) as error:
                raise UserError(f"{found.path} was changed while it was read; begin again") from error
            yield row


def read(path, *, encoding=None, header=None):
    """A `Table`: all rows of a file, in memory.

    Args:
        path, encoding, header: see `layout`.

    Raises:
        UserError: see `layout` and `rows`.
    """
    path = files.given(path)
    with contextlib.suppress(OSError):
        # Every field becomes a text of its own, of some fifty bytes and more.
        memory.require(4 * os.stat(path).st_size, path, "split the file")
    content = files.content(path, _ACCEPTED)
    text, encoding_found = files.decoded(path, content, encoding)
    found = _unnamed(path, content, text, encoding_found, encoding, header, None)
    _refuse_nul(found, text)
    parsed = _parsed(found, io.StringIO(text.removeprefix(files.BYTE_ORDER_MARK), newline=""))
    first = next(parsed, None)
    found = _named(found, first)
    kept, places = ([], []) if found.header else ([first[3]], [first[0]])
    for line, _, _, row in parsed:
        kept.append(row)
        places.append(line)
    if not kept:
        raise UserError(f"{found.path} {_NO_ROW}")
    return Table(**vars(found), rows=kept, lines=places)


def in_its_encoding(found, scan):
    """What `scan(layout)` returns. A file whose beginning alone is UTF-8 is read again as Windows-1252 where the encoding is "auto".

    Args:
        found: a `Layout`.
        scan: function that reads the file's rows.

    Raises:
        UserError: see `scan`.
    """
    try:
        return scan(found)
    except files.EncodingError:
        if found.asked_encoding != "auto" or found.encoding != "utf-8":
            raise
        again = layout(found.path, encoding="cp1252", header=found.asked_header, quoted=found.quoted)
        return scan(dataclasses.replace(again, asked_encoding="auto"))


def _unnamed(path, content, text, encoding, asked_encoding, asked_header, quoted):
    """The `Layout` of a file by its beginning, but for the column names."""
    encoding = "utf-8" if codecs.lookup(encoding).name in ("utf-8", "utf-8-sig") else encoding
    skip = len(codecs.BOM_UTF8) if encoding == "utf-8" and content.startswith(codecs.BOM_UTF8) else 0
    by_line = "\n".encode(encoding) == b"\n" and ("\n" in text or "\r" not in text)
    delimiter = _delimiter(text[:_HEAD].removeprefix(files.BYTE_ORDER_MARK), path.suffix.lower() == ".tsv")
    return Layout(path, (), encoding, delimiter, True, by_line, skip, asked_encoding, asked_header, quoted)


def _delimiter(text, is_tsv):
    """The separator that gives the first lines of a text equally many fields, else the most frequent one in the first line."""
    first = re.split(r"[\r\n]", text.lstrip("\r\n "), maxsplit=1)[0]
    begin = "".join(text[:100_000].splitlines(keepends=True)[:_LINES_TRIED])
    for one in "\t;,":  # Commas last: where semicolons separate the fields, numbers have commas.
        if one in first:
            with contextlib.suppress(csv.Error):
                lines = csv.reader(io.StringIO(begin, newline=""), delimiter=one)
                widths = [len(row) for row in _each(lines) if any(map(str.strip, row))]
                if len(set(widths[:-1])) == 1 and len(widths) > 2:  # The last line may be cut off.
                    return one
    return max(_SEPARATORS, key=lambda one: (first.count(one), one == ("\t" if is_tsv else ",")))


def _named(found, first):
    """The layout with the names of its columns, by its first row (as `_parsed` gives it, None if there is none)."""
    asked = found.asked_header
    if first is None:
        accepted = "a row a line" if asked == "no" else "a line of names, then a row each"
        raise UserError(f"{found.path} has nothing in it; accepted is {accepted}")
    fields = first[3]
    header = asked in (None, "yes") or (asked == "auto" and not any(map(_is_number, fields)))
    columns = tuple(field.strip() for field in fields) if header else tuple(f"column{k + 1}" for k in range(len(fields)))
    seen = set()
    twice = [column for column in columns if column in seen or seen.add(column)]
    if twice:
        hint = ", or pass --header no if the first line is a row" if asked == "auto" else ""
        raise UserError(f"{found.path} has two columns called {twice[0]!r}; rename one{hint}")
    return dataclasses.replace(found, columns=columns, header=header)


def _is_number(field):
    """Whether a field is a number as people write it, with a point or a comma."""
    return re.fullmatch(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*", field) is not None


def _parsed(found, lines, refuse=True):
    """(line it begins on; its first byte and bytes, or Nones; fields) of every row that is not blank, the names among them."""
    with_places = isinstance(lines, _Lines)
    line, start, size, width = 1, found.skip, None, len(found.columns)
    reader = _reader(found, lines)
    try:
        for row in _each(reader):
            if with_places:
                size = lines.consumed - start
            if any(map(str.strip, row)):
                width = width or len(row)
                if len(row) != width:
                    row = UserError(f"{found.path} line {line} has {len(row)} fields, the first line {width} ({_SPLIT[found.delimiter]}")
                    if refuse:
                        raise row
                yield line, start if with_places else None, size, row
            if with_places:
                start = lines.consumed
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{found.path} line {line}: {_not_csv(error, found.quoted)}") from error
    finally:  # An error keeps this frame, and with it `reader`, which would keep the file open.
        lines.close()


def _reader(found, lines):
    # Strict: otherwise a quotation mark that is never closed takes the rows behind it into its field, and nobody notices.
    quoting = csv.QUOTE_NONE if found.quoted is False else csv.QUOTE_MINIMAL
    return csv.reader(lines, delimiter=found.delimiter, quoting=quoting, strict=True)


def _not_csv(error, quoted):
    """What a `csv.Error` of a strict reader means, in words."""
    remedy = "" if quoted is None else ", or pass --no-quoted to take quotation marks as they are"
    if "field larger" in str(error) or "unexpected end" in str(error):
        return f"a quotation mark opens and is never closed; close it{remedy}"
    if "expected after" in str(error):
        return f"text goes on behind a closing quotation mark; double those within a text{remedy}"
    return f"is no CSV ({error})"


def _refuse_nul(found, text, line=None):
    if "\0" in text:
        line = line or text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{found.path} line {line} has a NUL byte; remove it, or {files.encoding_remedy(found.asked_encoding)}")


def _lines(found):
    """The lines of a file, as `csv.reader` takes them."""
    if found.by_line:
        return _Lines(found)
    # Lines that end otherwise, or letters of several bytes: read at once.
    text, _ = files.decoded(found.path, files.content(found.path, _ACCEPTED), found.encoding)
    _refuse_nul(found, text)
    return io.StringIO(text.removeprefix(files.BYTE_ORDER_MARK), newline="")


def _again(found, buffering):
    """The file opened once more, after its beginning was read."""
    try:
        return files.opened(found.path, buffering)
    except OSError as error:
        raise UserError(f"{found.path} was changed while it was read: {error.strerror}; begin again") from error


class _Lines:
    """The lines of a file as text, read as they are asked for. `consumed` counts the bytes that were handed out."""

    def __init__(self, found):
        self.found, self.consumed, self._file = found, found.skip, None

    def close(self):
        if self._file is not None:
            self._file.close()

    def __iter__(self):
        found = self.found
        with _again(found, _BUFFER) as self._file:
            self._file.seek(found.skip)
            for number, raw in enumerate(self._file, start=1):
                try:
                    line = raw.decode(found.encoding)
                except UnicodeDecodeError as error:
                    words = files.other_encoding(found.path, number, found.encoding, raw[error.start], found.asked_encoding)
                    raise files.EncodingError(words) from error
                if "\0" in line:
                    _refuse_nul(found, line, number)
                if line.find("\r", 0, -2) >= 0:  # The line end of old machines, among others.
                    for piece in io.StringIO(line, newline=""):
                        self.consumed += len(piece.encode(found.encoding))
                        yield piece
                else:
                    self.consumed += len(raw)
                    yield line


def _each(reader):
    """The rows of a `csv.reader`, whose fields may have up to `_LONGEST` characters; the module's own limit holds for everybody."""
    return iter(functools.partial(_next, reader), None)


def _next(reader):
    # Not across a `yield`: what is left of a dropped generator may be closed by another thread, which cannot give the lock back.
    with _LIMIT_LOCK:
        before = csv.field_size_limit(_LONGEST)
        try:
            return next(reader, None)
        finally:
            csv.field_size_limit(before)
