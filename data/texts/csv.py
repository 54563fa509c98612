"""`csv:PATH` as texts with classes: one pass over the file checks every row and keeps its text, or its place in the file."""

import array
import dataclasses
import pathlib

import numpy as np

from hornbook import UserError, files
from hornbook.data import csv_rows, inputs, naming
from hornbook.data.selection import groups as of_groups
from hornbook.data.selection import times as of_times
from hornbook.data.selection import weights as of_weights
from hornbook.data.texts.dataset import TextDataset, TextExamples, TextStore
from hornbook.data.texts.folders import read_file

# What people call them, the most telling first; compared without regard to case.
TEXT_COLUMNS = ("text", "sentence", "review", "content", "body", "message", "comment", "tweet", "question", "document", "description",
                "title", "phrase", "subject")  # fmt: skip
LABEL_COLUMNS = (*naming.LABEL_COLUMNS, "sentiment", "topic", "intent")
_MOST_CLASSES = 1000
_NAMED = 5  # Lines of a message.


check = csv_rows.check


def load(name, *, text_columns=(), label_column=None, group_column=None, time_column=None, weight_column=None, apart=(), reading=None,
         skip_empty=False, keep=True, class_names=None, split=True):  # fmt: skip
    """A `TextDataset` of `csv:PATH`, its one part all rows.

    Args:
        name: `csv:PATH`.
        text_columns, label_column: names of columns; default: the usual ones.
        group_column, time_column, weight_column: names of columns of groups, times and weights, or None.
        apart: names of further columns that are no texts; the table need not have them.
        reading: dict of `encoding`, `header` and `quoted`, see `csv_rows.layout`.
        skip_empty: whether to leave out rows without text or label, or to refuse them.
        keep: whether to keep the texts in memory, or to read their rows again from the file.
        class_names: the classes in their order, such as a trained model's; default: the labels that occur.
        split: whether parts will be held out, for which a class needs two examples.

    Raises:
        UserError: something is wrong with the table, with the line and column.
    """
    path = name.removeprefix("csv:")
    further = {"group": group_column, "time": time_column, "weight": weight_column}
    scanned = scan(path, text_columns, label_column, reading or {}, skip_empty, keep, further=further, apart=apart)
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
    return TextDataset(name, class_names, (None,), part, left_out=scanned.left_out, notes=found.notes, **scanned.of_examples())


class Scanned:
    """The result of one pass over a table.

    Attributes:
        found: the `csv_rows.Layout`.
        places: which of its columns have the text.
        label_column: its name, or None.
        lines: dict of each label to the line that it stands on first; the labels are numbered in this order.
        labels: `array` of a label's number for each row.
        left_out: how many rows without text or label were left out.
    """

    def __init__(self, found, places, label_column, keep, further=None):
        self.found, self.places, self.label_column = found, places, label_column
        self._further = {kind: found.columns.index(column) for kind, column in (further or {}).items() if column is not None}
        self._groups, self._times, self._weights = [], [], array.array("d")
        self._time_lines = array.array("q")
        self.lines, self.labels, self.left_out = {}, array.array("i"), 0
        # Arrays and no lists: a table of 2 GB can have twenty million rows.
        self._texts, self._starts, self._sizes = [] if keep else None, array.array("q"), array.array("i")
        self._numbers = {}

    def add(self, line, start, size, text, label, row):
        if label not in self._numbers:
            self._numbers[label] = len(self._numbers)
            self.lines[label] = line
        self.labels.append(self._numbers[label])
        for kind, place in self._further.items():
            where = f"{self.found.path} line {line}, column {self.found.columns[place]!r}"
            if kind == "time":
                self._times.append(row[place])
                self._time_lines.append(line)
            elif kind == "group":
                self._groups.append(of_groups.checked([row[place]], lambda _, where=where: where)[0])
            else:
                self._weights.append(of_weights.parsed([row[place]], lambda _, where=where: where)[0])
        if self._texts is not None:
            self._texts.append(text)
        else:
            self._starts.append(start)
            self._sizes.append(size)

    def of_examples(self):
        """Groups, times and weights of the rows, those that were asked for: arguments of a dataset."""
        known = {}
        found = {
            "groups": lambda: np.array([known.setdefault(group, group) for group in self._groups], object),
            "times": lambda: of_times.parsed(self._times, self._time_place),
            "weights": lambda: np.array(self._weights),
        }
        return {f"{kind}s": found[f"{kind}s"]() for kind in self._further}

    def _time_place(self, position):
        return f"{self.found.path} line {self._time_lines[position]}, column {self.found.columns[self._further['time']]!r}"

    def store(self):
        """The texts, a `TextStore` or `RowStore`."""
        if self._texts is not None:
            return TextStore(self._texts)
        return RowStore(self.found, self.places, np.frombuffer(self._starts, np.int64), np.frombuffer(self._sizes, np.int32))


def scan(path, text_columns, label_column, reading, skip_empty=False, keep=True, further=None, apart=()):
    """Read every row of a table once.

    Args:
        path: of the file.
        text_columns, label_column, reading, skip_empty, keep: see `load`.
        further: dict of "group", "time" and "weight" to the column that has them, or None.
        apart: see `load`.

    Returns:
        `Scanned`.

    Raises:
        UserError: a row without text or label, or one that cannot be read, with its line.
    """
    found = csv_rows.layout(path, **reading)
    further = {kind: column for kind, column in (further or {}).items() if column is not None}
    return csv_rows.in_its_encoding(found, lambda found: _scan(found, text_columns, label_column, skip_empty, keep, further, apart))


def _scan(found, text_columns, label_column, skip_empty, keep, further, apart):
    if not keep and not found.by_line:
        raise UserError(f"{found.path} cannot be read by rows in {found.encoding}, or with its line ends; save it as UTF-8")
    label_column = found.choose(label_column, LABEL_COLUMNS, "--label-column")
    for kind, column in further.items():
        naming.require(found.path, found.columns, (column,), f"--{kind}-column")
        if column == label_column or column in text_columns:
            other = "--label-column" if column == label_column else "--text-columns"
            raise UserError(f"{found.path}: {column!r} cannot be both {other} and --{kind}-column; it has {naming.listed(found.columns)}")
    apart = {*apart, *further.values()}
    text_columns = _choose_texts(found, text_columns, label_column, apart)
    places = [found.columns.index(column) for column in text_columns]
    label_place = found.columns.index(label_column)
    scanned = Scanned(found, places, label_column, keep, further)
    empty = {}
    for line, start, size, row in csv_rows.rows(found):
        text, label = joined(row, places), row[label_place].strip()
        label = "" if label.lower() in naming.MISSING_LABELS else label
        if text and label:
            scanned.add(line, start, size, text, label, row)
        elif skip_empty:
            scanned.left_out += 1
        else:
            empty.setdefault(label_column if text else "', '".join(text_columns), []).append(line)
    for column, lines in empty.items():
        shown = ", ".join(map(str, lines[:_NAMED])) + (", ..." if len(lines) > _NAMED else "")
        where = f"line {shown}" if len(lines) == 1 else f"{len(lines):,} lines ({shown})"
        raise UserError(f"{found.path}: column '{column}' is empty in {where}; fill it in, or pass --skip-empty to leave such rows out")
    if not scanned.labels:
        raise UserError(f"{found.path} has no row with a text and a label, so --skip-empty leaves nothing")
    return scanned


def _choose_texts(found, names, label_column, apart=()):
    """The text columns: `names`, or the first of the usual names, or the only column beside the label and those that stand apart."""
    if names:
        naming.require(found.path, found.columns, names, "--text-columns")
        if label_column in names:
            listed = naming.listed(found.columns)
            raise UserError(f"{found.path}: {label_column!r} cannot be both --text-columns and --label-column; it has {listed}")
        return names
    others = [column for column in found.columns if column != label_column and column not in apart]
    if len(others) == 1:
        return others
    return [dataclasses.replace(found, columns=tuple(others)).choose(None, TEXT_COLUMNS, "--text-columns")]


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
            "add examples, leave such classes out with --min-class-count 2,"
            " or pass --test-fraction 0 --validation-fraction 0 --evaluate none"
        )


def to_predict(path, text_columns, label_column, reading, apart=()):
    """The texts of a table of any size, for predictions: an iterator of (line, text), or (line, `UserError`) where a row has none.

    Args:
        path, text_columns, label_column, reading, apart: see `load`; the table need not have a column of labels.

    Raises:
        UserError: the table cannot be read, or not from here on.
    """
    found = inputs.layout(path, **reading)
    text_columns = _choose_texts(found, text_columns, label_column or naming.usual(found.columns, LABEL_COLUMNS), apart)
    places = [found.columns.index(column) for column in text_columns]
    for line, _, _, row in csv_rows.rows(found, refuse=False):
        said = row if isinstance(row, UserError) else joined(row, places)
        listed = "', '".join(text_columns)
        yield line, said or UserError(f"{found.path}: column '{listed}' is empty in line {line}; fill it in, or remove the row")


def lines_to_predict(path, encoding="auto"):
    """The lines of a text file of any size that are not blank, each with its number, for predictions: an iterator of (line, text).

    Raises:
        UserError: the file cannot be read, or has none; or not from a line on.
    """
    accepted, empty = "text files, a text a line", True
    for number, line in enumerate(_lines(path, encoding, accepted), start=1):
        if "\0" in line:
            raise UserError(f"{path} line {number} has NUL bytes, so it is no text; accepted are {accepted}")
        text = (line.removeprefix(files.BYTE_ORDER_MARK) if number == 1 else line).strip()
        if text:
            empty = False
            yield number, text
    if empty:
        raise UserError(f"{path} has nothing in it; accepted are {accepted}")


def _lines(path, encoding, accepted):
    try:
        found = files.encoding_of(path, encoding, accepted)
    except files.EncodingError as error:
        raise UserError(f"{path} is no text{' in that encoding' if encoding != 'auto' else ''}; accepted are {accepted}") from error
    if "\n".encode(found) != b"\n" and found != "utf-8-sig":  # A letter takes several bytes, one of which may be that of a line's end.
        text, fault = read_file(pathlib.Path(path), encoding)
        if fault:
            raise UserError(f"{path} {fault}; accepted are {accepted}")
        yield from text.split("\n")
        return
    with files.opened(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                yield line.decode("utf-8" if found == "utf-8-sig" else found)
            except UnicodeDecodeError as error:
                raise files.EncodingError(files.other_encoding(path, number, found, line[error.start], encoding)) from error


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
        rows = csv_rows.rows_at(self.found, self.starts[indices], self.sizes[indices])
        return [joined(row, self.places) for row in rows]

    @property
    def size_in_bytes(self):
        """What the rows take on disk."""
        return int(np.sum(self.sizes, dtype=np.int64))


def joined(row, places):
    """The text of a row: its text columns, a line each."""
    return "\n".join([row[place].strip() for place in places if row[place].strip()])
