"""`csv:PATH`: a table that names image files and their classes; and any table of text columns, for other sources."""

import contextlib
import csv
import dataclasses
import io
import os
import pathlib
import re
import threading

import numpy as np

from hornbook import UserError
from hornbook.training import data, files, image_files

# What people call them, the most telling first; compared without regard to case.
_PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image_path", "image", "image_id")
_LABEL_COLUMNS = ("label", "class", "class_name", "category", "target")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_LIMIT_LOCK = threading.Lock()


@dataclasses.dataclass(frozen=True)
class Table:
    """The rows of a CSV or TSV file.

    Attributes:
        path: the file.
        columns: the names in its first line, in their order.
        rows: list of lists of text, each as long as `columns`; blank lines are left out.
        lines: the line in the file that each row ends on, from 1, for messages.
    """

    path: pathlib.Path
    columns: tuple
    rows: list
    lines: list

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
            raise UserError(
                f"{self.path}: none of its columns {', '.join(map(repr, self.columns))} is called {', '.join(usual)}; "
                f"pass {flag}, and see that the first line names the columns"
            )
        return found[0]


def read(path):
    """A `Table` from a CSV or TSV file in UTF-8, with or without a byte order mark, by commas, semicolons or tabs.

    The separator is that of the first line, which names the columns.

    Raises:
        UserError: no such file, another encoding, no row, two columns of one name, or a row that is too long or too short, with its line.
    """
    path = files.given(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}; accepted is a CSV or TSV file") from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(
            f"{path} line {line} is not UTF-8 (byte 0x{content[error.start]:02x}); accepted is a CSV or TSV file saved as UTF-8"
        ) from error
    first = re.split(r"[\r\n]", text.lstrip(), maxsplit=1)[0]
    delimiter = max(_DELIMITERS, key=lambda one: (first.count(one), one == ("\t" if path.suffix.lower() == ".tsv" else ",")))
    rows, lines = [], []
    with _no_field_limit():
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            for row in reader:
                if any(field.strip() for field in row):
                    rows.append(row)
                    lines.append(reader.line_num)
        except csv.Error as error:
            raise UserError(f"{path} line {reader.line_num} is no CSV: {error}") from error
    if len(rows) < 2:
        raise UserError(
            f"{path} has {'no row below its first line' if rows else 'nothing in it'}; accepted is a line of names, then a row each"
        )
    columns = tuple(column.strip() for column in rows[0])
    twice = [column for place, column in enumerate(columns) if column in columns[:place]]
    if twice:
        raise UserError(f"{path} has two columns called {twice[0]!r}; rename one")
    for row, line in zip(rows, lines, strict=True):
        if len(row) != len(columns):
            raise UserError(
                f"{path} line {line} has {len(row)} fields, the first line {len(columns)} (separated by {_DELIMITERS[delimiter]}); "
                "put quotes around text with separators in it"
            )
    return Table(path, columns, rows[1:], lines[1:])


@contextlib.contextmanager
def _no_field_limit():
    """Fields of any length; the module's own limit is one for all, so it is given back."""
    with _LIMIT_LOCK:
        before = csv.field_size_limit(2**31 - 1)
        try:
            yield
        finally:
            csv.field_size_limit(before)


def check(path):
    """Refuse a file that is none.

    Raises:
        UserError: with what is accepted.
    """
    if files.what_is(path) != "is a file":
        raise UserError(f"--dataset {f'csv:{path}'!r} {files.what_is(path)}; accepted is a CSV or TSV file with a line of column names")


def load(name, *, path_column=None, label_column=None, image_size=None, channels=None, class_names=None):
    """A `data.Dataset` of `csv:PATH`, its one part `image_files.FileExamples`.

    Args:
        name: `csv:PATH`. Paths in the table are relative to the table's folder.
        path_column, label_column: names of columns; default: the first of the usual names that is there.
        image_size, channels: what to bring all images to, or None, see `image_files.choose_shape`.
        class_names: the classes in their order, such as a trained model's; default: the labels that occur.

    Raises:
        UserError: whatever is wrong with the table, with the line.
    """
    table = read(name.removeprefix("csv:"))
    path_column = table.choose(path_column, _PATH_COLUMNS, "--path-column")
    label_column = table.choose(label_column, _LABEL_COLUMNS, "--label-column")
    if path_column == label_column:
        raise UserError(f"{table.path}: {path_column!r} cannot be both --path-column and --label-column; it has {', '.join(table.columns)}")
    paths = [path.strip() for path in table.column(path_column)]
    labels = [label.strip() for label in table.column(label_column)]
    for column, values in ((path_column, paths), (label_column, labels)):
        empty = [line for value, line in zip(values, table.lines, strict=True) if not value]
        if empty:
            raise UserError(f"{table.path}: column {column!r} is empty in {_lines(empty)}; fill it in, or remove the row")
    paths = [str(table.path.parent / path) for path in paths]
    _refuse_twice(table, paths)
    if class_names is None:
        class_names = data.in_order(set(labels))
        data.refuse_one_class_spelt_twice(class_names, lambda label: f"{table.path} line {table.lines[labels.index(label)]}")
    class_names = tuple(class_names)
    if len(class_names) < 2:
        raise UserError(f"{table.path}: column {label_column!r} has one class, {class_names[0]!r}; at least two are needed")
    number = {label: place for place, label in enumerate(class_names)}
    unknown = [place for place, label in enumerate(labels) if label not in number]
    if unknown:
        raise UserError(
            f"{table.path} line {table.lines[unknown[0]]}: the class {labels[unknown[0]]!r} is unknown in training; "
            f"accepted are {data.some(class_names)}"
        )
    shape = image_files.choose_shape(paths, name, image_size, channels)
    labels = np.array([number[label] for label in labels], np.int64)
    part = image_files.FileExamples(np.array(paths, object), labels, np.arange(len(labels)), "all", shape)
    return data.Dataset(name, class_names, shape, part)


def _refuse_twice(table, paths):
    first = {}
    for file, line in zip(paths, table.lines, strict=True):
        other = first.setdefault(os.path.normpath(file), line)
        if other != line:
            raise UserError(f"{table.path}: {file} is on line {other} and on line {line}, so training and test could share it; remove one")


def _lines(lines):
    shown = ", ".join(map(str, lines[:5]))
    return f"line {shown}" if len(lines) == 1 else f"{len(lines)} lines ({shown}{', ...' if len(lines) > 5 else ''})"
