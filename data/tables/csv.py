"""`csv:PATH` as columns of a table: in memory, or in the file if the table is larger than the memory.

The rows of a larger table are read in blocks, and its columns are kept in files without a name. A first pass over the file reads the labels
and tells which columns are of numbers, a second one writes the columns. The encoding is learned from one column at a time; the network's
inputs are written row by row.
"""

import array
import contextlib
import copy
import dataclasses
import itertools

import numpy as np

from hornbook import UserError, files
from hornbook.data import csv_rows, scratch
from hornbook.data.tables import columns
from hornbook.data.tables.targets import read_targets

_BLOCK = 16_384  # Rows.
_MOST_CLASSES = 2**16
_MOST_CATEGORIES = 2**20  # Of all columns; their texts are in memory.


check = csv_rows.check


def read(path, *, encoding="auto", header="auto", decimal="auto", missing=(), in_memory="always", folder=None):
    """A table as `columns.Columns`, or as `FileColumns` where it stays in its file.

    Args:
        path: of a CSV or TSV file.
        encoding, header: see `csv_rows.read`.
        decimal, missing: see `columns.from_table`.
        in_memory: "always", "never" or "auto": in memory up to 256 MiB.
        folder: where the columns of a table that stays in its file are kept, see `FileColumns`.

    Raises:
        UserError: something is wrong with the file, with the line.
    """
    given = files.given(path)
    if csv_rows.stays_on_disk(given, in_memory, encoding=encoding, header=header):
        return FileColumns(given, encoding=encoding, header=header, decimal=decimal, missing=missing, folder=folder)
    return columns.from_table(csv_rows.read(given, encoding=encoding, header=header), decimal=decimal, missing=missing)


def block(found, rows, lines, decimal_comma, missing):
    """Some rows of a file as `columns.Columns`.

    Args:
        found: `csv_rows.Layout`.
        rows, lines: of each row its fields and the line that it begins on.
        decimal_comma: whether numbers have a comma where others have a point.
        missing: further texts that stand for a missing value.
    """
    values = zip(*rows, strict=True) if rows else [()] * len(found.columns)
    cells = {name: np.array(column, object) for name, column in zip(found.columns, values, strict=True)}
    missing = columns.with_missing(missing)
    return columns.Columns(str(found.path), cells, np.array(lines, np.int64), decimal_comma=decimal_comma, missing=missing)


def has_decimal_commas(found, missing):
    """Whether numbers have decimal commas, as `columns.from_table` tells it: all rows of the file are read for it, a block at a time.

    Args:
        found: `csv_rows.Layout`.
        missing: further texts that stand for a missing value.
    """
    seen = dict.fromkeys(found.columns, False)
    with contextlib.suppress(UserError):  # The rows behind it are not read either.
        for some in rows_in_blocks(found, _BLOCK):
            part = block(found, [row for *_, row in some if not isinstance(row, UserError)], (), False, missing)
            told = {name: columns.has_decimal_commas(part, name) for name in seen}
            seen = {name: seen[name] or told[name] for name in seen if told[name] is not None}
            if not seen:
                return False
    return any(seen.values())


def rows_in_blocks(found, most, skip=0):
    """The `csv_rows.rows` of a file in lists of `most`, but for the first few; those before one that ends the file are among them.

    Args:
        found: `csv_rows.Layout`.
        most: rows of a list.
        skip: how many rows are left out.

    Raises:
        UserError: the rows behind cannot be read; one that has more or fewer fields than the first has its error in their place.
    """
    rows, error, some = itertools.islice(csv_rows.rows(found, refuse=False), skip, None), None, [None]
    while some and error is None:
        some = []
        try:
            for row in itertools.islice(rows, most):
                some.append(row)
        except UserError as raised:
            error = raised
        if some:
            yield some
    if error is not None:
        raise error


class FileColumns(columns.Named):
    """The columns of a table that stays in its file, with those methods of `columns.Columns` that a dataset needs.

    Call `read_labels` first, then `tally` and `read_as`: only columns that were read as numbers or categories are kept.

    Args:
        path: of the file.
        encoding, header: see `csv_rows.read`.
        decimal, missing: see `columns.from_table`; "auto" goes by the first 16,384 rows.
        folder: where the columns are kept, in files without a name; None: the system's folder for temporary files.

    Attributes:
        found: `csv_rows.Layout`.
        cells: dict of column name to None.

    Raises:
        UserError: the file cannot be read, or not by rows.
    """

    def __init__(self, path, *, encoding="auto", header="auto", decimal="auto", missing=(), folder=None):
        self.folder, self.source, self.rows, self._kept = folder, "all", None, None
        self._further = missing
        self._open(csv_rows.layout(path, encoding=encoding, header=header))
        self.decimal_comma = decimal == "comma"
        if decimal == "auto" and self.found.delimiter != ",":
            first = csv_rows.in_its_encoding(self.found, self._first_block)
            self.decimal_comma = any(columns.has_decimal_commas(first, column) for column in first.cells)

    def _first_block(self, found):
        self._open(found)
        return next(self._blocks())

    def _open(self, found):
        if not found.by_line:
            raise UserError(
                f"{found.path} is in {found.encoding} or has lines that end otherwise than by byte 10, so its rows cannot be read one by "
                "one; save it as UTF-8, or leave out --in-memory never"
            )
        self.found, self.name, self.cells = found, str(found.path), dict.fromkeys(found.columns)

    @property
    def notes(self):
        """Sentences on what was assumed when the table was read."""
        return self.found.notes

    def __len__(self):
        return self._total if self.rows is None else len(self.rows)

    def select(self, rows):
        """The table of the rows at these positions alone, which rise."""
        chosen = copy.copy(self)
        chosen.rows = rows if self.rows is None else self.rows[rows]
        return chosen

    def row(self, position):
        """`columns.Columns` of one row, read from the file."""
        number = int(position if self.rows is None else self.rows[position])
        start, line = self._begins[number // _BLOCK]
        found = dataclasses.replace(self.found, skip=start, header=False)
        offset, _, _, row = next(itertools.islice(csv_rows.rows(found), number % _BLOCK, None))
        return self._columns([row], [line + offset - 1])

    def where(self, row, column):
        """The place of a cell, for the beginning of a message."""
        return self.row(row).where(0, column)

    # Passes over the file.

    def read_labels(self, names, task, class_names, features):
        """The labels of all rows and the names of their classes, see `targets.read_targets`; tallies the cells of `features` on the way.

        Raises:
            UserError: a row that cannot be read, or a label that is missing or does not fit, with its line.
        """
        labels = csv_rows.in_its_encoding(self.found, lambda found: self._first_pass(found, names, task, features))
        if task == "regression":
            return np.concatenate(labels), ()
        found = [self._labels(name, coded, task, class_names) for name, coded in zip(names, labels, strict=True)]
        if task == "multi-label":
            return np.concatenate([values for values, _ in found], axis=1), tuple(names)
        return found[0]

    def _first_pass(self, found, names, task, features):
        self._open(found)
        self.require(names, "--label-column")
        self._begins, self._total, self._tallies = [], 0, {name: np.zeros(2, np.int64) for name in features}
        labels = [] if task == "regression" else [_Codes() for _ in names]
        for block in self._blocks(self._begins):
            if task == "regression":
                labels.append(read_targets(block, names, task)[0])
            else:
                for name, coded in zip(names, labels, strict=True):
                    coded.add([cell.strip() for cell in block.cells[name]], block.places)
                    self._refuse_many_classes(name, coded)
            for name, tally in self._tallies.items():
                tally += block.tally(name)
            self._total += len(block)
        return labels

    def _labels(self, name, coded, task, class_names):
        # The few different labels are a table of their own, in which each stands for many rows.
        cells = {name: np.array(coded.texts, object)}
        distinct = dataclasses.replace(self._columns([], []), cells=cells, places=np.array(coded.lines), times=coded.counts())
        labels, names = read_targets(distinct, (name,), task, class_names)
        return labels[coded.codes()], names

    def _refuse_many_classes(self, name, coded):
        if len(coded.texts) > _MOST_CLASSES:
            raise UserError(
                f"{self.name}: column {name!r} has more than {_MOST_CLASSES:,} different values, which are no classes; "
                "numbers are predicted by hornbook regression"
            )

    def joined(self, read):
        """What a function gives for each block of rows, `columns.Columns`, as one array `(rows,)`. It reads the file once."""
        return csv_rows.in_its_encoding(self.found, lambda found: self._joined(found, read))

    def _joined(self, found, read):
        self._open(found)
        return np.concatenate([read(block) for block in self._blocks()])

    def tally(self, column):
        """How many cells are numbers, and how many are other text; missing ones do not count."""
        return tuple(self._tallies[column].tolist())

    def read_as(self, numbers, categories):
        """Read the file once more, and keep these columns, as numbers and as categories.

        Raises:
            UserError: a cell in a column of numbers is no number, with its line; or there are too many categories for the memory.
        """
        self._places = {name: place for place, name in enumerate((*numbers, *categories))}
        self._codes = {name: _Codes() for name in categories}
        self._kept, rows = scratch.ScratchFile(self.folder, np.float64), 0
        for block in self._blocks():
            rows += len(block)
            for name in numbers:
                self._kept.write(block.numbers(name))
            for name, coded in self._codes.items():
                self._kept.write(coded.add(["" if text is None else text for text in block.texts(name)]))
            self._refuse_many_categories(rows)
        if rows != self._total:
            raise UserError(f"{self.name} was changed while it was read; begin again")

    def _refuse_many_categories(self, rows):
        counts = {name: len(coded.texts) for name, coded in self._codes.items()}
        if sum(counts.values()) > _MOST_CATEGORIES:
            name = max(counts, key=counts.get)
            raise UserError(
                f"{self.name}: column {name!r} has {counts[name]:,} different texts in its first {rows:,} rows: an identifier or free "
                f"text; leave it out with --id-column {name}"
            )

    # What was kept.

    def numbers(self, column):
        """Float64 array `(rows,)`, NaN where a value is missing."""
        values = self._column(column)
        return values if self.rows is None else values[self.rows]

    def counts(self, column):
        """How many rows have each text, None (missing) among them: a dict."""
        texts = self._codes[column].texts
        counts = np.bincount(self.numbers(column).astype(np.int32), minlength=len(texts)).tolist()
        return {text or None: rows for text, rows in zip(texts, counts, strict=True) if rows}

    def encoded(self, encoding):
        """The network's input, as `encoding.Encoding.encode` makes it: `FileRows`."""
        encoding.require(self)
        if self._kept is None:
            self.read_as(list(encoding.numbers), list(encoding.categories))
        wanted = np.ones(self._total, bool)
        if self.rows is not None:
            wanted[:] = False
            wanted[self.rows] = True
        file = scratch.ScratchFile(self.folder, np.float32)
        texts = {name: np.array(coded.texts, object) for name, coded in self._codes.items()}
        for start, size in self._kept_blocks():
            cells = {name: self._segment(start, size, place) for name, place in self._places.items()}
            cells |= {name: texts[name][cells[name].astype(np.int32)] for name in texts}
            block = columns.Columns(self.name, cells, np.arange(start, start + size))
            file.write(encoding.encode(block.select(np.flatnonzero(wanted[start : start + size]))))
        return scratch.FileRows(file, (len(self), len(encoding.inputs)))

    def _column(self, name):
        values = np.empty(self._total)
        for start, size in self._kept_blocks():
            values[start : start + size] = self._segment(start, size, self._places[name])
        return values

    def _kept_blocks(self):
        for start in range(0, self._total, _BLOCK):
            yield start, min(_BLOCK, self._total - start)

    def _segment(self, start, size, place):
        begin = start * len(self._places) + place * size
        return self._kept.read(begin, begin + size)

    def _blocks(self, begins=None):
        """The rows as `columns.Columns`, a block at a time; first byte and line of each block are appended to `begins`."""
        rows = csv_rows.rows(self.found)
        while some := list(itertools.islice(rows, _BLOCK)):
            if begins is not None:
                begins.append((some[0][1], some[0][0]))
            yield self._columns([row for *_, row in some], [line for line, *_ in some])

    def _columns(self, rows, lines):
        return block(self.found, rows, lines, self.decimal_comma, self._further)


class _Codes:
    """The different texts of a column, numbered in the order in which they come.

    Attributes:
        texts: list of them.
        lines: the line that each stands on first.
    """

    def __init__(self):
        self.texts, self.lines = [], []
        self._numbers, self._all = {}, array.array("i")

    def add(self, texts, lines=None):
        """The numbers of some texts. Keeps the numbers, and the lines of new texts, if `lines` are given."""
        for place, text in enumerate(texts):
            if text not in self._numbers:
                self._numbers[text] = len(self.texts)
                self.texts.append(text)
                if lines is not None:
                    self.lines.append(int(lines[place]))
        found = [self._numbers[text] for text in texts]
        if lines is not None:
            self._all.extend(found)
        return found

    def codes(self):
        """The numbers that were kept: int32 array."""
        return np.frombuffer(self._all, np.int32)

    def counts(self):
        """How often each text was there, of those whose numbers were kept."""
        return np.bincount(self.codes(), minlength=len(self.texts))
