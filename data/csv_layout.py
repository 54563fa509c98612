"""The rows of a CSV or TSV file one at a time, each with its place, so that a table larger than the memory can be read again by rows."""

import csv
import dataclasses
import io
import pathlib

from hornbook import UserError
from hornbook.data import csv_rows

_HEAD = 2**20  # Bytes by which the separator and the column names are told.
_BUFFER = 2**20
STREAMED_FROM = 2**28  # Bytes of a file that is not read into memory, unless asked for.
LONGEST = 2**26  # Characters of a field: of more, a quotation mark is missing, and the file would be read into memory as one text.


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a file is read.

    Attributes:
        path: the file.
        columns: names, or column1, column2, ... where the first line names none.
        encoding: Python's name.
        delimiter: what separates fields.
        header: whether the first line names the columns.
        quoted: whether a field with separators or line ends in it stands in double quotes; None: it does, and no flag says otherwise.
        by_line: whether a line ends at byte 10 and nowhere else, so that a row can be read again by its place.
        skip: bytes of the byte order mark.
    """

    path: pathlib.Path
    columns: tuple
    encoding: str
    delimiter: str
    header: bool
    quoted: bool | None
    by_line: bool
    skip: int


def layout(path, *, encoding="auto", header="auto", quoted=True):
    """The `Layout` of a file, by its beginning.

    Args:
        path: of the file.
        encoding, header: see `csv_rows.read`.
        quoted: see `Layout`.

    Raises:
        UserError: no such file, an encoding that is unknown or does not fit, or nothing in it.
    """
    path = pathlib.Path(path).expanduser()
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD)
            rest = file.read(1)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; accepted is a CSV or TSV file") from error
    if rest and b"\n" in head:
        head = head[: head.rindex(b"\n") + 1]  # Not through a letter of several bytes.
    if b"\0" in head and encoding in (None, "auto") and not head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        line = head[: head.index(b"\0")].count(b"\n") + 1
        raise UserError(f"{path} line {line} has a NUL byte, so it is no text in UTF-8; accepted is a CSV or TSV file, or its --encoding")
    text, encoding = csv_rows.decoded(path, head, encoding)
    encoding = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    skip = 3 if head.startswith(b"\xef\xbb\xbf") and encoding == "utf-8" else 0
    by_line = "\n".encode(encoding) == b"\n" and ("\n" in text or "\r" not in text)
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    delimiter = csv_rows.find_delimiter(text, path.suffix.lower() == ".tsv")
    found = Layout(path, (), encoding, delimiter, False, quoted, by_line, skip)
    first = next(((line, row) for line, _, _, row in _parsed(found) if any(map(str.strip, row))), None)
    if first is None:
        raise UserError(f"{path} has nothing in it; accepted is a line of names, then a row each")
    named = header == "yes" or (header == "auto" and not any(map(csv_rows.is_number, first[1])))
    columns = tuple(column.strip() for column in first[1]) if named else tuple(f"column{k + 1}" for k in range(len(first[1])))
    twice = [column for place, column in enumerate(columns) if column in columns[:place]]
    if twice:
        hint = "" if header == "yes" else ", or pass --header no if the first line is a row"
        raise UserError(f"{path} has two columns called {twice[0]!r}; rename one{hint}")
    return dataclasses.replace(found, columns=columns, header=named)


def rows(found):
    """Every row below the names: (line it begins on, from 1; its first byte; bytes; fields). Blank lines are left out.

    Args:
        found: a `Layout`. First byte and bytes are None unless it is `by_line`.

    Raises:
        UserError: a row that cannot be read, or has more or fewer fields than the first, with its line.
    """
    header = found.header
    for line, start, size, row in _parsed(found):
        if not any(map(str.strip, row)):
            continue
        if header:
            header = False
            continue
        if len(row) != len(found.columns):
            raise UserError(
                f"{found.path} line {line} has {len(row)} fields, the first line {len(found.columns)} (separated by "
                f"{csv_rows.DELIMITERS[found.delimiter]}); put quotes around text with separators in it"
            )
        yield line, start, size, row


def _parsed(found):
    lines = _Lines(found)
    quoting = csv.QUOTE_NONE if found.quoted is False else csv.QUOTE_MINIMAL
    with csv_rows.no_field_limit(LONGEST):
        # Strict: without, a quotation mark that is never closed takes rows into a text, which nobody would notice.
        reader = csv.reader(lines, delimiter=found.delimiter, quoting=quoting, strict=True)
        while True:
            start, line = lines.consumed, lines.count + 1
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                hint = "" if found.quoted is None else ", or pass --no-quoted to take them as they are"
                raise UserError(f"{found.path} line {line}: {csv_rows.not_csv(error, hint)}") from error
            yield line, start if found.by_line else None, lines.consumed - start, row


class _Lines:
    """The lines of a file as text, counting lines and bytes that were handed out."""

    def __init__(self, found):
        self.found, self.count, self.consumed = found, 0, found.skip

    def __iter__(self):
        found = self.found
        if not found.by_line:
            # Of UTF-16, or of line ends by byte 13 alone: read at once.
            text, _ = csv_rows.decoded(found.path, found.path.read_bytes(), found.encoding)
            for line in io.StringIO(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}"), newline=""):
                self.count += 1
                yield line
            return
        with open(found.path, "rb", buffering=_BUFFER) as file:
            file.seek(found.skip)
            for raw in file:
                self.count += 1
                self.consumed += len(raw)
                try:
                    line = raw.decode(found.encoding)
                except UnicodeDecodeError as error:
                    raise EncodingError(
                        f"{found.path} line {self.count} is not {found.encoding.upper()} (byte 0x{raw[error.start]:02x}); pass the "
                        "--encoding that it has, such as cp1252, or save it as UTF-8"
                    ) from error
                if "\0" in line:
                    raise UserError(f"{found.path} line {self.count} has a NUL byte; remove it, or pass the --encoding that the file has")
                yield line


class EncodingError(UserError):
    """A line is not in the encoding that the file was taken to have."""
