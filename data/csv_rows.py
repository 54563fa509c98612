"""`csv:PATH`: a table that names image files and their classes; and any table of text columns, for other sources."""

import codecs
import contextlib
import csv
import dataclasses
import io
import pathlib
import re
import threading

from hornbook import UserError, files

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LINES_TRIED = 20  # Of a file, to tell what separates its fields.
_LIMIT_LOCK = threading.RLock()


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a CSV or TSV file.

    Attributes:
        path: the file.
        columns: the names in its first line, in their order; column1, column2, ... where it names none.
        rows: list of lists of text, each as long as `columns`; blank lines are left out.
        lines: the line in the file that each row ends on, from 1, for messages.
        encoding, delimiter: how the file was read.
        header: whether its first line names the columns.
    """

    path: pathlib.Path
    columns: tuple
    rows: list
    lines: list
    encoding: str = "utf-8-sig"
    delimiter: str = ","
    header: bool = True

    def column(self, name):
        """The values of a column, as they are."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def choose(self, name, usual, flag):
        """The name of a column: `name` if it is given, else the first of the `usual` ones that is there.

        Raises:
            UserError: there is none, with the columns that there are.
        """
        if name is not None:
            if name not in self.columns:
                raise UserError(f"{self.path} has no column {name!r} ({flag}); it has {', '.join(map(repr, self.columns))}")
            return name
        known = {column.lower(): column for column in reversed(self.columns)}
        found = [known[one] for one in usual if one in known]
        if not found:
            hint = (
                ", and see that the first line names the columns"
                if self.header
                else "; the first line names none, as it has a number in it"
            )
            raise UserError(
                f"{self.path}: none of its columns {', '.join(map(repr, self.columns))} is called {', '.join(usual)}; pass {flag}{hint}"
            )
        return found[0]


def check(path):
    """Refuse a file that is none.

    Raises:
        UserError: with what is accepted.
    """
    if files.what_is(path) != "is a file":
        raise UserError(f"--dataset {f'csv:{path}'!r} {files.what_is(path)}; accepted is a CSV or TSV file with a line of column names")


def read(path, *, encoding=None, header="yes"):
    """A `Table` from a CSV or TSV file, with or without a byte order mark, by commas, semicolons or tabs.

    The separator is the one by which the first lines have equally many fields, else the most frequent of the first line.

    Args:
        path: of the file.
        encoding: None: UTF-8. "auto": what a byte order mark says, else UTF-8, else Windows-1252, which other single-byte files mostly are.
            Or a name that Python knows, such as latin-1.
        header: "yes": the first line names the columns; "no": they are called column1, column2, ...; "auto": it does unless it has a
            number in it.

    Raises:
        UserError: no such file, another encoding, no row, two columns of one name, or a row that is too long or too short, with its line.
    """
    path = files.given(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; accepted is a CSV or TSV file") from error
    text, encoding = decoded(path, content, encoding)
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise UserError(f"{path} line {line} has a NUL byte; pass the --encoding that the file has, such as utf-16-le, or remove it")
    delimiter = find_delimiter(text, path.suffix.lower() == ".tsv")
    rows, lines = [], []
    with no_field_limit():
        # Strict: without, a quotation mark that is never closed takes rows into a field, and a line further on is blamed or none.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        begin = 1
        try:
            for row in reader:
                if any(field.strip() for field in row):
                    rows.append(row)
                    lines.append(reader.line_num)
                begin = reader.line_num + 1
        except csv.Error as error:
            raise UserError(f"{path} line {begin}: {not_csv(error)}") from error
    with_header = bool(rows) and (header == "yes" or (header == "auto" and not any(map(is_number, rows[0]))))
    if len(rows) < 1 + with_header:
        accepted = "a line of names, then a row each" if header == "yes" else "a row a line"
        raise UserError(f"{path} has {'no row below its first line' if rows else 'nothing in it'}; accepted is {accepted}")
    columns = tuple(column.strip() for column in rows[0]) if with_header else tuple(f"column{k + 1}" for k in range(len(rows[0])))
    twice = [column for place, column in enumerate(columns) if column in columns[:place]]
    if twice:
        raise UserError(f"{path} has two columns called {twice[0]!r}; rename one")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(columns):
            raise UserError(
                f"{path} line {line} has {len(row)} fields, the first line {len(columns)} (separated by {DELIMITERS[delimiter]}); "
                "put quotes around text with separators in it"
            )
    return Table(path, columns, rows[with_header:], lines[with_header:], encoding, delimiter, with_header)


def not_csv(error, hint=""):
    """What a `csv.Error` of a strict reader means, in words, with a further remedy behind."""
    if "field larger" in str(error) or "unexpected end" in str(error):
        return f"a quotation mark opens and is never closed; close it{hint}"
    if "expected after" in str(error):
        return f"text goes on behind a closing quotation mark; double those within a text{hint}"
    return f"is no CSV ({error})"


def note_how_it_was_read(path, *, encoding, read_as, header, has_header):
    """Say what was found out by itself and may be wrong: the encoding, or that the first line is a row.

    Args:
        path: of the file.
        encoding, header: as asked for, see `read`.
        read_as: the encoding it was read in.
        has_header: whether the first line named the columns.
    """
    if read_as == "cp1252" and encoding in (None, "auto"):
        print(f"note: {path} is not UTF-8 and was read as Windows-1252; pass --encoding if it is another")
    if not has_header and header == "auto":
        print(f"note: the first line of {path} has numbers in it and was read as a row; if it names the columns, pass --header yes")


def names(text):
    """The column names in a flag's value: separated by commas, in quotes where they have one themselves. None: an empty tuple."""
    return tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), [])) if text else ()


def decoded(path, content, encoding):
    """The text, and the name of the encoding it was in."""
    tried = encoding or "utf-8-sig"
    if encoding == "auto":
        marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
        tried = next((name for mark, name in marks.items() if content.startswith(mark)), "utf-8-sig")
    try:
        return content.decode(tried), tried
    except LookupError as error:
        raise UserError(
            f"--encoding {encoding} is unknown; accepted are auto and Python's names, such as utf-8, latin-1, cp1252"
        ) from error
    except UnicodeDecodeError as error:
        # Bytes that no text has are a picture, an archive or a spreadsheet, which Windows-1252 would turn into rubbish.
        if encoding == "auto" and tried == "utf-8-sig" and not re.search(rb"[\x00-\x08\x0e-\x1f]", content):
            with contextlib.suppress(UnicodeDecodeError):
                return content.decode("cp1252"), "cp1252"
        line = content[: error.start].count(b"\n") + 1
        name = {"utf-8-sig": "UTF-8"}.get(tried, tried)
        remedy = "save the file as UTF-8" if encoding is None else "pass the --encoding that it has, or save it as UTF-8"
        raise UserError(f"{path} line {line} is not {name} (byte 0x{content[error.start]:02x}); {remedy}") from error


def find_delimiter(text, is_tsv):
    """The separator by which the first lines of a text have equally many fields, else the most frequent of the first line."""
    first = re.split(r"[\r\n]", text.lstrip("\r\n "), maxsplit=1)[0]
    begin = "".join(text[:100_000].splitlines(keepends=True)[:_LINES_TRIED])
    for one in "\t;,":  # Commas last: with semicolons between the fields, they are in the numbers.
        if one in first:
            with no_field_limit(), contextlib.suppress(csv.Error):
                widths = [len(row) for row in csv.reader(io.StringIO(begin, newline=""), delimiter=one) if any(map(str.strip, row))]
                if len(set(widths[:-1])) == 1 and len(widths) > 2:  # The last may be cut off.
                    return one
    return max(DELIMITERS, key=lambda one: (first.count(one), one == ("\t" if is_tsv else ",")))


def is_number(field):
    """Whether a field is a number as people write it, with a point or a comma."""
    return re.fullmatch(r"\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*", field) is not None


@contextlib.contextmanager
def no_field_limit(limit=2**31 - 1):
    """Fields of any length, or of so many characters; the module's own limit is one for all, so it is given back."""
    with _LIMIT_LOCK:
        before = csv.field_size_limit(limit)
        try:
            yield
        finally:
            csv.field_size_limit(before)
