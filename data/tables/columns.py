"""The columns of a table as they are read, text or numbers, with the place of each row; nothing is learned from them here."""

import collections
import dataclasses
import re

import numpy as np

from hornbook import UserError
from hornbook.data import naming

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_COMMA_NUMBER = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_ODD = re.compile(r"[^0-9eE+\-.\n]")
# The model computes in float32, which ends at 3.4e38, and squares the distance to the mean.
_LARGEST = 1e18


class Named:
    """A table with `cells`, a dict by column name, and a `name` for messages."""

    def listed(self):
        """The names of the columns, see `naming.listed`."""
        return naming.listed(self.cells)

    def require(self, names, flag):
        """Refuse names of columns that the table does not have, see `naming.require`."""
        naming.require(self.name, self.cells, names, flag)


@dataclasses.dataclass(frozen=True)
class Columns(Named):
    """A table's columns, in memory. Those that stay in their file, `csv.FileColumns`, have the same methods.

    Attributes:
        name: of the table, for messages.
        cells: dict of column name to an array `(rows,)`: float64, NaN where a number is missing, or object with text.
        places: integer array `(rows,)`, the line or record that each row is.
        unit: how a place is written: "line {}", "row {}", "record {} of split train".
        decimal_comma: whether numbers in text have a comma where others have a point.
        missing: texts that stand for a missing value, in lower case.
        source: the split that the rows are: "all", "train", "test".
        times: int array `(rows,)`, how many rows of a larger table each row stands for; None: one.
        notes: sentences on what was assumed when the table was read.
    """

    name: str
    cells: dict
    places: np.ndarray
    unit: str = "line {}"
    decimal_comma: bool = False
    missing: tuple = naming.MISSING
    source: str = "all"
    times: np.ndarray | None = None
    notes: tuple = ()

    def __len__(self):
        return len(self.places)

    def rows_at(self, positions):
        """How many rows stand at these positions, see `times`."""
        return len(positions) if self.times is None else int(self.times[positions].sum())

    def where(self, row, column):
        """The place of a cell, for the beginning of a message."""
        return f"{self.name} {self.unit.format(self.places[row])}, column {column!r}"

    def place(self, row):
        """The place of a row, such as table.csv:5."""
        return f"{self.name}:{self.places[row]}"

    def encoded(self, encoding):
        """The network's input, see `encoding.Encoding.encode`."""
        return encoding.encode(self)

    def row(self, position):
        """The table of one row."""
        return self.select(np.array([position]))

    def select(self, rows):
        """The table of the rows at these positions alone."""
        return dataclasses.replace(self, cells={name: cells[rows] for name, cells in self.cells.items()}, places=self.places[rows])

    def is_missing(self, column):
        """Bool array `(rows,)`."""
        cells = self.cells[column]
        if cells.dtype.kind == "f":
            return np.isnan(cells)
        missing = set(self.missing)
        return np.array([cell.strip().lower() in missing for cell in cells], bool)

    def texts(self, column):
        """Object array `(rows,)` of text without blanks around it, None where it is missing. Whole numbers are written without a point."""
        cells = self.cells[column]
        if cells.dtype.kind == "f":
            written = [str(int(cell)) if np.isfinite(cell) and cell == int(cell) else repr(float(cell)) for cell in cells]
        else:
            written = [cell.strip() for cell in cells]
        texts = np.array(written, object)
        texts[self.is_missing(column)] = None
        return texts

    def counts(self, column):
        """How many rows have each text, None (missing) among them: a dict."""
        return dict(collections.Counter(self.texts(column).tolist()))

    def is_number(self, column):
        """Whether each cell reads as a number, infinity among them: bool array `(rows,)`; False where it is missing."""
        cells = self.cells[column]
        if cells.dtype.kind == "f":
            return ~np.isnan(cells)
        if self._plain_without_missing(cells) is not None:
            return np.ones(len(cells), bool)
        missing = self.is_missing(column)
        if self._plain(cells[~missing]) is not None:
            return ~missing
        return np.array([self._number(cell) is not None for cell in cells], bool) & ~missing

    def tally(self, column):
        """How many cells are numbers, and how many are other text; missing ones do not count."""
        numbers = int(self.is_number(column).sum())
        return numbers, len(self) - numbers - (int(self.is_missing(column).sum()) if numbers < len(self) else 0)

    def joined(self, read):
        """What a function gives for these rows, an array `(rows,)`; of a table that stays in its file, for block after block."""
        return read(self)

    def read_as(self, numbers, categories):
        """Refuse a cell that is no number in the columns of `numbers`; those of `categories` may have any text."""
        for name in numbers:
            self.numbers(name)

    def numbers(self, column):
        """Float64 array `(rows,)`, NaN where a value is missing.

        Raises:
            UserError: a cell is no number, or too large to compute with, with its place and what is accepted.
        """
        cells = self.cells[column]
        values = cells if cells.dtype.kind == "f" else self._parsed(column)
        wrong = np.flatnonzero(np.abs(values) > _LARGEST)
        if len(wrong):
            value = cells[wrong[0]] if cells.dtype.kind != "f" else float(cells[wrong[0]])
            raise UserError(
                f"{self.where(wrong[0], column)}: {value} is no number to compute with; accepted are those up to {_LARGEST:g} in size; "
                f"if it stands for a missing value, pass --missing-values {str(value).strip()}"
            )
        return values

    def _parsed(self, column):
        cells = self.cells[column]
        plain = self._plain_without_missing(cells)
        if plain is not None:
            return plain
        missing = self.is_missing(column)
        values = np.full(len(cells), np.nan)
        plain = self._plain(cells[~missing])
        if plain is not None:
            values[~missing] = plain
            return values
        for row in np.flatnonzero(~missing):
            number = self._number(cells[row])
            if number is None:
                raise UserError(f"{self.where(row, column)}: {self._not_a_number(cells[row].strip())}")
            values[row] = number
        return values

    def _plain_without_missing(self, cells):
        """As `_plain`, where what stands for a missing value is no number itself: then none of the cells is missing."""
        return None if any(self._number(text) is not None for text in self.missing) else self._plain(cells)

    def _plain(self, cells):
        """All of a column at once where nothing in it is odd, which takes a tenth of the time of cell by cell; else None."""
        joined = "\n".join(cells)
        if self.decimal_comma:
            if "." in joined:
                return None
            joined = joined.replace(",", ".")
        if _ODD.search(joined):
            return None
        try:
            values = np.array([float(cell) for cell in joined.split("\n")], np.float64) if len(cells) else np.zeros(0)
        except ValueError:
            return None
        return values if len(values) == len(cells) else None  # A cell may hold a line's end.

    def _number(self, cell):
        cell = cell.strip()
        if (_COMMA_NUMBER if self.decimal_comma else _NUMBER).fullmatch(cell):
            return float(cell.replace(",", "."))
        return float(cell) if re.fullmatch(r"[+-]?inf(inity)?", cell, re.IGNORECASE) else None

    def _not_a_number(self, cell):
        shown = cell if len(cell) <= 40 else cell[:39] + "…"
        accepted = "accepted are numbers such as 0,5" if self.decimal_comma else "accepted are numbers such as 0.5 or 1e-3"
        if not self.decimal_comma and _COMMA_NUMBER.fullmatch(cell):
            hint = "if numbers have decimal commas, pass --decimal comma"
        elif self.decimal_comma and _NUMBER.fullmatch(cell):
            hint = (
                "the table's other numbers have decimal commas; if these commas separate thousands, take them out, and pass --decimal point"
            )
        else:
            hint = (
                f"if it stands for a missing value, pass --missing-values {shown!r}; if the column is of categories, --categorical-columns"
            )
        return f"{shown!r} is no number; {accepted}; {hint}"


def from_table(table, *, decimal="auto", missing=()):
    """`Columns` of a `csv_rows.Table`.

    Args:
        table: as read.
        decimal: "point", "comma", or "auto": commas if they do not separate the fields and all numbers of a column can be read with them.
        missing: further texts that stand for a missing value.
    """
    cells = {column: np.array(values, object) for column, values in zip(table.columns, zip(*table.rows, strict=True), strict=True)}
    columns = Columns(str(table.path), cells, np.array(table.lines), missing=with_missing(missing), notes=table.notes)
    comma = decimal == "comma"
    if decimal == "auto" and table.delimiter != ",":
        comma = any(has_decimal_commas(columns, column) for column in cells)
    return dataclasses.replace(columns, decimal_comma=comma)


def with_missing(missing):
    """The texts that stand for a missing value, with further ones."""
    return (*naming.MISSING, *(text.strip().lower() for text in missing))


def has_decimal_commas(columns, column):
    """Whether all cells of a column are numbers with decimal commas, or without decimals, and at least one has a comma.

    None, where some cell is no such number.
    """
    present = columns.cells[column][~columns.is_missing(column)]
    found = [cell.strip() for cell in present]
    return any("," in cell for cell in found) if all(_COMMA_NUMBER.fullmatch(cell) for cell in found) else None


def from_array(array, names, name, *, source="all", missing=()):
    """`Columns` of a Python array `(rows, columns)`, a list of rows or a pandas frame; objects that are None count as missing.

    Raises:
        UserError: a shape or type that does not fit.
    """
    names = getattr(array, "columns", ()) if names is None else names
    names = [str(one) for one in names]
    array = np.asarray(array)
    if array.ndim != 2 or array.dtype.kind not in "uifbOUS" or not array.size:
        raise UserError(f"{name} must be numbers or text of shape (rows, columns), got {array.dtype} of shape {array.shape}")
    names = names or [f"column{place + 1}" for place in range(array.shape[1])]
    if len(names) != array.shape[1] or len(set(names)) != len(names):
        raise UserError(f"{name} has {array.shape[1]} columns, which need as many different names; got {len(names)}: {', '.join(names)}")
    cells = {column: from_values(array[:, place]) for place, column in enumerate(names)}
    return Columns(name, cells, np.arange(len(array)), "row {}", missing=with_missing(missing), source=source)


def from_values(values):
    """Cells of a one-dimensional array of any type: float64 if all are numbers, None among them, else text."""
    values = np.asarray(values)
    if values.dtype.kind in "uifb":
        return values.astype(np.float64)
    plain = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in values.tolist()]
    if all(value is None or isinstance(value, (int, float)) for value in plain):
        return np.array([np.nan if value is None else value for value in plain], np.float64)
    return np.array(["" if value is None or value != value else str(value) for value in plain], object)


def renamed(columns, names):
    """The same columns under other names, in their order."""
    return dataclasses.replace(columns, cells=dict(zip(names, columns.cells.values(), strict=True)))
