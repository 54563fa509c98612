"""A table of answers as it is written in its part folder: CSV to whose end rows are added, Parquet in pieces that become one at the end."""

import csv
import importlib.util
import io
import os
import pathlib

from hornbook import UserError, files, spreadsheets

SUFFIXES = (".csv", ".tsv", ".parquet")
_GROUP = 65_536  # Rows of a row group of Parquet.
_DIGITS = ".9g"  # All that a float32 has.


def check(path):
    """Refuse a name that says no format, or one that cannot be written here.

    Args:
        path: `pathlib.Path` of the table.

    Raises:
        UserError: with the formats there are, or what to install.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(f"--output {path} must end with {', '.join(SUFFIXES)}, which says the format")
    if suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise UserError(f"--output {path} needs pyarrow, which is not installed: pip install 'hornbook[parquet]'; or pass a name in .csv")


def of(path, folder, columns):
    """The format that a file's name says, for its part folder.

    Args:
        path: of the table.
        folder: of its parts.
        columns: dict of name to `str` or `float`.
    """
    if path.suffix.lower() == ".parquet":
        return Parquet(folder, columns)
    return Csv(folder / f"rows{path.suffix.lower()}", columns)


class Csv:
    """Rows at the end of a text file, with commas, or tabs in a `.tsv`. Its length says what of it counts.

    Args:
        path: of the file in the part folder.
        columns: dict of name to `str` or `float`.
    """

    def __init__(self, path, columns):
        self.whole, self._file, self._floats = path, None, [kind is float for kind in columns.values()]
        self._columns, self._delimiter = list(columns), "\t" if path.suffix == ".tsv" else ","

    def begin(self, length):
        """Go on behind so many bytes; None: begin."""
        if length is not None:
            if not self.whole.is_file() or self.whole.stat().st_size < length:
                raise UserError(f"{self.whole} is not whole; remove {self.whole.parent} to begin again")
            os.truncate(self.whole, length)
        else:
            self.whole.unlink(missing_ok=True)
        self._file = files.appending(self.whole)
        if length is None:
            self._add([map(spreadsheets.guarded, self._columns)])

    def write(self, columns):
        """Add rows: a list or array of cells a column."""
        told = [
            [f"{value:{_DIGITS}}" for value in column] if is_float else map(spreadsheets.guarded, column)
            for column, is_float in zip(columns, self._floats, strict=True)
        ]
        self._add(zip(*told, strict=True))

    def _add(self, rows):
        text = io.StringIO()
        csv.writer(text, delimiter=self._delimiter, lineterminator="\n").writerows(rows)
        self._file.write(text.getvalue().encode("utf-8", "backslashreplace"))

    def save(self):
        """Have on the disk what was written; returns the length."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def end(self):
        """Nothing is left to be done for the whole table."""

    def close(self):
        """Close what is open."""
        if self._file is not None:
            self._file.close()


class Parquet:
    """Rows in pieces, a file each, that are put together at the end in row groups of one size, whatever the pieces were.

    Args:
        folder: of the pieces.
        columns: dict of name to `str` or `float`.
    """

    def __init__(self, folder, columns):
        import pyarrow

        self._folder, self._pieces, self._waiting = pathlib.Path(folder), 0, []
        self.whole = self._folder / "whole.parquet"
        kinds = {str: pyarrow.string(), float: pyarrow.float64()}
        self._schema = pyarrow.schema([(name, kinds[kind]) for name, kind in columns.items()])

    def begin(self, pieces):
        """Go on behind so many pieces; None: begin."""
        self._pieces = pieces or 0
        for piece in self._folder.glob("rows-*.parquet"):
            if int(piece.stem[5:]) >= self._pieces:
                piece.unlink()
        absent = [number for number in range(self._pieces) if not self._piece(number).is_file()]
        if absent:
            raise UserError(f"{self._piece(absent[0])} is not there; remove {self._folder} to begin again")

    def write(self, columns):
        """Add rows: a list or array of cells a column."""
        import pyarrow

        arrays = [
            pyarrow.array([one.encode("utf-8", "backslashreplace").decode() for one in column], kind.type)
            if kind.type == pyarrow.string()
            else pyarrow.array(column, kind.type)
            for column, kind in zip(columns, self._schema, strict=True)
        ]
        self._waiting.append(pyarrow.table(arrays, self._schema))

    def save(self):
        """Have on the disk what was written; returns the number of pieces."""
        import pyarrow
        from pyarrow import parquet

        if self._waiting:
            with files.atomic(self._piece(self._pieces)) as temporary:
                parquet.write_table(pyarrow.concat_tables(self._waiting), temporary)
            self._pieces, self._waiting = self._pieces + 1, []
        return self._pieces

    def end(self):
        """Put the whole table together, as a file in the part folder."""
        from pyarrow import parquet

        with files.atomic(self.whole) as temporary, parquet.ParquetWriter(temporary, self._schema) as writer:
            for group in self._groups():
                writer.write_table(group, _GROUP)

    def _groups(self):
        """The rows in tables of `_GROUP`, the last one smaller."""
        import pyarrow
        from pyarrow import parquet

        rest = self._schema.empty_table()
        for number in range(self._pieces):
            rest = pyarrow.concat_tables([rest, parquet.read_table(self._piece(number), schema=self._schema)])
            while rest.num_rows >= _GROUP:
                yield rest.slice(0, _GROUP).combine_chunks()
                rest = rest.slice(_GROUP)
            rest = rest.combine_chunks()
        if rest.num_rows:
            yield rest

    def close(self):
        """Nothing is open between two pieces."""

    def _piece(self, number):
        return self._folder / f"rows-{number:08}.parquet"
