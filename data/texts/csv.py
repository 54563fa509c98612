"""`csv:PATH` as texts with classes: one pass over the file checks every row and notes where it stands."""

import array
import csv
import io
import os
import pathlib

import numpy as np

from hornbook import UserError
from hornbook.data import csv_layout, csv_rows, naming
from hornbook.data.texts.dataset import TextDataset, TextExamples, TextStore
from hornbook.data.texts.folders import read_file

# What people call them, the most telling first; compared without regard to case.
TEXT_COLUMNS = ("text", "sentence", "review", "content", "body", "message", "comment", "tweet", "question", "document", "description",
                "title", "phrase", "subject")  # fmt: skip
LABEL_COLUMNS = (*naming.LABEL_COLUMNS, "sentiment", "topic", "intent")
_NO_LABEL = ("", "nan")  # A class may well be called none.
_MOST_CLASSES = 1000
_NAMED = 5  # Lines of a message.


check = csv_rows.check


def load(name, *, text_columns=(), label_column=None, reading=None, skip_empty=False, keep=True, class_names=None, split=True):
    """A `TextDataset` of `csv:PATH`, its one part all rows.

    Args:
        name: `csv:PATH`.
        text_columns, label_column: names of columns; default: the usual ones.
        reading: options of `csv_layout.layout`.
        skip_empty: whether to leave out rows without text or label.
        keep: whether the texts are kept in memory, or read again from the file by their rows.
        class_names: the classes in their order, such as a trained model's; default: the labels that occur.
        split: whether parts will be held out, for which a class needs two examples.

    Raises:
        UserError: whatever is wrong with the table, with the line and column.
    """
    path = name.removeprefix("csv:")
    scanned = scan(path, text_columns, label_column, reading or {}, skip_empty, keep)
    found, label_column = scanned.found, scanned.label_column
    names = list(scanned.lines)
    if class_names is None:
        _refuse_odd_labels(scanned, split)
        class_names = naming.in_order(names)
    class_names = tuple(class_names)
    number = {label: place for place, label in enumerate(class_names)}
    unknown = [label for label in names if label not in number]
    if unknown:
        raise UserError(
            f"{found.path} line {scanned.lines[unknown[0]]}, column {label_column!r}: the class {unknown[0]!r} is unknown in training; "
            f"accepted are {naming.some(class_names)}"
        )
    labels = np.array([number[label] for label in names], np.int64)[np.frombuffer(scanned.labels, np.int32)]
    part = TextExamples(scanned.store(), labels, np.arange(len(labels)), "all")
    return TextDataset(name, class_names, (None,), part, left_out=scanned.left_out)


class Scanned:
    """What one pass over a table found.

    Attributes:
        found: the `csv_layout.Layout`.
        places, label_column: of the text columns, and the label's name (None where there is none).
        lines: first line of each label, in the order of their numbers.
        labels, row_lines: number of the label and line of each row, `array`s; lines only where texts are kept.
        left_out: rows without text or label.
    """

    def __init__(self, found, places, label_column, keep):
        self.found, self.places, self.label_column = found, places, label_column
        self.lines, self.labels, self.row_lines, self.left_out = {}, array.array("i"), array.array("q"), 0
        # Arrays and no lists: a table of 2 GB can have twenty million rows.
        self._texts, self._starts, self._sizes = [] if keep else None, array.array("q"), array.array("i")
        self._numbers = {}

    def add(self, line, start, size, text, label):
        if label not in self._numbers:
            self._numbers[label] = len(self._numbers)
            self.lines[label] = line
        self.labels.append(self._numbers[label])
        if self._texts is not None:
            self._texts.append(text)
            self.row_lines.append(line)
        else:
            self._starts.append(start)
            self._sizes.append(size)

    def store(self):
        """What has the texts."""
        if self._texts is not None:
            return TextStore(self._texts)
        return RowStore(self.found, self.places, np.frombuffer(self._starts, np.int64), np.frombuffer(self._sizes, np.int32))


def scan(path, text_columns, label_column, reading, skip_empty=False, keep=True, labelled=True):
    """Read every row once: `Scanned`.

    Args:
        path: of the file.
        text_columns, label_column, reading, skip_empty, keep: as of `load`.
        labelled: whether there must be a label's column.

    Raises:
        UserError: a row without text or label, or one that cannot be read, with its line.
    """
    found = csv_layout.layout(path, **reading)
    try:
        scanned = _scan(found, text_columns, label_column, skip_empty, keep, labelled)
    except csv_layout.EncodingError:
        if reading.get("encoding") not in (None, "auto"):
            raise
        # The beginning was UTF-8, a later line is not: as of a small file.
        found = csv_layout.layout(path, **{**reading, "encoding": "cp1252"})
        scanned = _scan(found, text_columns, label_column, skip_empty, keep, labelled)
    asked = {"encoding": reading.get("encoding"), "header": reading.get("header", "auto")}
    csv_rows.note_how_it_was_read(found.path, read_as=found.encoding, has_header=found.header, **asked)
    return scanned


def _scan(found, text_columns, label_column, skip_empty, keep, labelled):
    if not keep and not found.by_line:
        raise UserError(f"{found.path} cannot be read by rows in {found.encoding}, or with its line ends; save it as UTF-8")
    if labelled:
        label_column = choose_label(found, label_column)
    text_columns = choose_texts(found, text_columns, label_column or _usual(found.columns, LABEL_COLUMNS))
    places = [found.columns.index(column) for column in text_columns]
    label_place = found.columns.index(label_column) if labelled else None
    scanned = Scanned(found, places, label_column, keep)
    empty = {}
    for line, start, size, row in csv_layout.rows(found):
        text, label = joined(row, places), row[label_place].strip() if labelled else ""
        label = "" if label.lower() in _NO_LABEL else label
        if text and (label or not labelled):
            scanned.add(line, start, size, text, label)
        elif skip_empty:
            scanned.left_out += 1
        else:
            empty.setdefault(label_column if text else "', '".join(text_columns), []).append(line)
    for column, lines in empty.items():
        shown = ", ".join(map(str, lines[:_NAMED])) + (", ..." if len(lines) > _NAMED else "")
        where = f"line {shown}" if len(lines) == 1 else f"{len(lines):,} lines ({shown})"
        raise UserError(f"{found.path}: column '{column}' is empty in {where}; fill it in, or pass --skip-empty to leave such rows out")
    if not scanned.labels:
        raise UserError(f"{found.path} has no row below its first line; accepted is a line of names, then a row each")
    return scanned


def choose_label(found, name):
    """The label's column: `name`, or the first of the usual names."""
    if name is not None:
        return _known(found, name, "--label-column")
    usual = _usual(found.columns, LABEL_COLUMNS)
    if usual is not None:
        return usual
    hint = "or --header no if the first line is a row" if found.header else "as the first line names none (it has a number in it)"
    raise UserError(
        f"{found.path}: none of its columns {', '.join(map(repr, found.columns))} is called {', '.join(LABEL_COLUMNS)}; pass "
        f"--label-column and --text-columns, {hint}"
    )


def choose_texts(found, names, label_column):
    """The text columns: `names`, or the first of the usual names, or the one beside the label."""
    if names:
        chosen = [_known(found, name, "--text-columns") for name in names]
        if label_column in chosen:
            raise UserError(f"{found.path}: {label_column!r} cannot be both --text-columns and --label-column; it has {_listed(found)}")
        return chosen
    others = [column for column in found.columns if column != label_column]
    usual = _usual(others, TEXT_COLUMNS)
    if usual is None and len(others) != 1:
        raise UserError(f"{found.path}: none of its columns {_listed(found)} is called {', '.join(TEXT_COLUMNS)}; pass --text-columns")
    return [others[0] if usual is None else usual]


def _usual(columns, names):
    """The first of some usual names that is a column's, capitals apart; None if none is."""
    lower = {column.lower(): column for column in reversed(columns)}
    return next((lower[name] for name in names if name in lower), None)


def _known(found, name, flag):
    if name not in found.columns:
        raise UserError(f"{found.path} has no column {name!r} ({flag}); it has {_listed(found)}")
    return name


def _listed(found):
    return ", ".join(map(repr, found.columns))


def _refuse_odd_labels(scanned, split):
    """Refuse labels that are one class, one class spelt twice, or no classes."""
    path, column, lines = scanned.found.path, scanned.label_column, scanned.lines
    found = naming.spelt_twice(lines)
    if found:
        alike, how = found
        shown = ", ".join(f"{label!r} (line {lines[label]})" for label in alike[:_NAMED])
        raise UserError(f"{path}, column {column!r}: the classes {shown} {how}; spell them alike")
    if len(lines) < 2:
        raise UserError(f"{path}: column {column!r} has one class, {next(iter(lines))!r}; at least two are needed")
    counts = np.bincount(np.frombuffer(scanned.labels, np.int32))
    if len(lines) > _MOST_CLASSES or (len(lines) > 20 and len(lines) > len(scanned.labels) / 2):
        raise UserError(
            f"{path}: column {column!r} has {len(lines):,} different values in {len(scanned.labels):,} rows, such as {naming.some(lines)}; "
            "classes must recur: is another column the --label-column?"
        )
    single = [label for label, count in zip(lines, counts, strict=True) if count == 1]
    if single and split:
        raise UserError(
            f"{path} line {lines[single[0]]}, column {column!r}: the class {single[0]!r} has one example, which cannot stand in two parts; "
            "add examples, remove the row, or pass --validation-fraction 0 --test-fraction 0"
        )


def read_lines(path, encoding="auto"):
    """The lines of a text file that are not blank, each with its number, for predictions: a list of (line, text).

    Raises:
        UserError: the file cannot be read, or has none.
    """
    text, fault = read_file(pathlib.Path(path), encoding)
    if fault:
        raise UserError(f"{path} {fault}; accepted are text files, a text a line")
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), start=1) if line.strip()]
    if not lines:
        raise UserError(f"{path} has nothing in it; accepted are text files, a text a line")
    return lines


class RowStore:
    """Texts that stay in their file, read by their rows' places.

    Args:
        found: the file's `Layout`, by line.
        places: of the text columns among its columns.
        starts, sizes: int arrays `(rows,)`, the first byte of each row and how many there are.
    """

    def __init__(self, found, places, starts, sizes):
        self.found, self.places, self.starts, self.sizes = found, places, starts, sizes

    def read(self, indices):
        """The texts of some rows, a list of strings.

        Raises:
            UserError: the file is no longer what it was.
        """
        texts = []
        quoting = csv.QUOTE_NONE if self.found.quoted is False else csv.QUOTE_MINIMAL
        with open(self.found.path, "rb", buffering=0) as file, csv_rows.no_field_limit(csv_layout.LONGEST):
            for index in indices:
                raw = os.pread(file.fileno(), int(self.sizes[index]), int(self.starts[index]))
                try:
                    text = io.StringIO(raw.decode(self.found.encoding), newline="")
                    row = next(csv.reader(text, delimiter=self.found.delimiter, quoting=quoting, strict=True))
                    texts.append(joined(row, self.places))
                except (ValueError, StopIteration, IndexError, csv.Error) as error:
                    raise UserError(f"{self.found.path} was changed while it was read; begin again") from error
        return texts

    @property
    def size_in_bytes(self):
        """What the rows take on disk."""
        return int(np.sum(self.sizes, dtype=np.int64))


def joined(row, places):
    """The text of a row: its text columns, a line each."""
    return "\n".join([row[place].strip() for place in places if row[place].strip()])
