"""Splits that are written down: a CSV that says which example stands in which part, such as the `split.csv` of a run."""

import csv
import io
import os

import numpy as np

from hornbook import UserError, files, spreadsheets
from hornbook.data import naming

_COLUMN = "part"
_PARTS = {"train": "train", "training": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
_ACCEPTED = "accepted is a column `part` (train, validation or test), and `index` (from 0, in the order of the source) or `file`"


def check(path):
    """Refuse a file that cannot be read, or is none of a split by its first line; its rows are left alone.

    Raises:
        UserError: with what is accepted.
    """
    columns_and_rows(path, f"--split-file {path}", _COLUMN, _ACCEPTED)


def placed(parts, path, name, written):
    """The parts that a file says, and a note on the examples that it does not name, which are left out.

    Nothing is held out further: the file says all.

    Args:
        parts: dict of a part's name to its examples, as the source has them.
        path: of the file. Its columns are `part`; `index` (the position in the source) or `file`; where the source has parts of its own
            `source`, which of them the index counts in; and, where there is one, `label`, which must be the example's.
        name: of the dataset, for messages.
        written: function of a label to its text.

    Returns:
        The dict of the new parts, and a list of sentences.

    Raises:
        UserError: the file cannot be read or is none of a split, names an example that is not there, or twice, or with another label.
    """
    named, chosen = Examples(parts, path, name, f"--split-file {path}", _COLUMN, _ACCEPTED, written), {}
    for line, row in named.rows:
        part = _PARTS.get(row["part"].strip().lower())
        if part is None:
            raise UserError(f"{path} line {line}: the part is {row['part']!r}; accepted are train, validation and test")
        source, places, key = named.places(line, row)
        # Source and first position of an example to its part and all of its positions.
        before, _ = chosen.setdefault((source, places[0]), (part, places))
        if before != part:
            raise UserError(f"{path} line {line}: {key} stands in {before} and in {part}; an example stands in one part")
    return _parts(chosen, named.sources, path, name)


def _refuse_other(row, key, examples, place, written, where):
    """Refuse an example that has another label than the file says, or, known by its index, another file's name."""
    now = {"label": as_held(written(examples.labels[place].tolist()))}
    if getattr(examples, "files", None) is not None:
        now["file"] = os.path.basename(as_held(examples.files[place]))
    for column, value in now.items():
        was = os.path.basename(row.get(column, value)) if column == "file" else row.get(column, value)
        if was != value:
            told = f"{key} has the {column} {value!r} now, and {was!r} in the file"
            raise UserError(f"{where}: {told}: the data have changed since; restore them, or write another split")


def _parts(chosen, sources, path, name):
    positions, of_source = {}, {}
    for (source, _), (part, places) in chosen.items():
        if of_source.setdefault(part, source) != source:
            told = f"its {part} examples are of the {of_source[part]} part of {name} and of its {source} part"
            raise UserError(f"{path}: {told}; accepted is one source a part")
        positions.setdefault(part, []).extend(places)
    if "train" not in positions:
        raise UserError(f"{path} names no training example; {_ACCEPTED}")
    found = {
        part: sources[of_source[part]].subset(np.sort(np.array(positions[part], np.int64)))
        for part in ("train", "validation", "test")
        if part in positions
    }
    left_out = sum(map(len, sources.values())) - sum(map(len, positions.values()))
    notes = [f"--split-file {path} does not name {left_out:,} examples, which are left out"] if left_out else []
    return found, notes


def _source(row, key, number, only, path, line, by_file):
    if only is not None:
        return only
    if row.get("source") in number:
        return row["source"]
    if by_file:
        return next((source for source, known in number.items() if _as_key(key, True) in known), next(iter(number)))
    told = f"the source is {row['source']!r}" if "source" in row else "there is no column `source`"
    raise UserError(f"{path} line {line}: {told}; accepted are {naming.some(number)}, the parts that the data have themselves")


def _changed(path, line, what, name):
    told = f"{path} line {line}: {name} has no {what}: the data have changed since, or the split is of others"
    return UserError(f"{told}; restore the data, or write another split")


def _as_key(key, by_file):
    return os.path.normpath(key) if by_file else key


def _numbered(part, by_file, path, name):
    """The positions in a part of each index, or file: a dict. A unit that is cut into stretches has several."""
    if not by_file:
        found = {}
        for place, index in enumerate(part.indices.tolist()):
            found.setdefault(str(index), []).append(place)
        return found
    if getattr(part, "files", None) is None:
        raise UserError(f"{path} names examples by `file`, and those of {name} are no files; name them by `index`")
    found = {}
    for place, file in enumerate(part.files):
        whole = os.path.normpath(str(file))
        found[whole] = [place]
        # The last names alone do as well, where they tell files apart: a folder may have moved.
        for depth in (1, 2):
            short = os.sep.join(whole.split(os.sep)[-depth:])
            if short != whole:
                found[short] = None if short in found else [place]
    return {key: places for key, places in found.items() if places}


def as_held(value):
    """A value as a file holds it: what UTF-8 lacks is spelt out."""
    return str(value).encode("utf-8", "backslashreplace").decode()


class Examples:
    """The examples that the rows of a file name.

    Args:
        parts: dict of a part's name to its examples, as the source has them.
        path: of the file.
        name: of the dataset, for messages.
        flag: by which the file was given, with it.
        column: that the file must have beside `index` or `file`.
        accepted: what a message says is accepted.
        written: function of a label to its text.

    Attributes:
        sources: dict of the name of a source's part to its examples.
        rows: pairs of a line and a dict of column to text.
    """

    def __init__(self, parts, path, name, flag, column, accepted, written):
        self.sources = {one.source: one for one in parts.values()}
        self._path, self._name, self._written = path, name, written
        columns, lines = columns_and_rows(path, flag, column, accepted)
        self._by_file = "index" not in columns or ("file" in columns and "source" not in columns)
        self._number = {source: _numbered(one, self._by_file, path, name) for source, one in self.sources.items()}
        self.rows = self._rows(lines, columns)

    def _rows(self, lines, columns):
        for line, row in enumerate(lines, start=2):
            if len(row) != len(columns):
                raise UserError(f"{self._path} line {line} has {len(row)} fields, the first line {len(columns)}")
            yield line, dict(zip(columns, row, strict=True))

    def places(self, line, row):
        """The source of the example that a row names, its positions there, and how the row names it.

        Raises:
            UserError: there is no such example, or it has another label or file than the row says.
        """
        key = row["file" if self._by_file else "index"].strip()
        only = next(iter(self.sources)) if len(self.sources) == 1 else None
        source = _source(row, key, self._number, only, self._path, line, self._by_file)
        places = self._number[source].get(_as_key(key, self._by_file))
        if places is None:
            raise _changed(self._path, line, f"{'file' if self._by_file else 'example'} {key}", self._name)
        _refuse_other(row, key, self.sources[source], places[0], self._written, f"{self._path} line {line}")
        return source, places, key


def columns_and_rows(path, flag, column, accepted):
    """The columns of a file that names examples, and an iterator over its rows, which are read as they are asked for.

    Args:
        path, flag, column, accepted: as of `Examples`.

    Raises:
        UserError: the file cannot be read, or lacks a column.
    """
    lines = rows(path, flag, accepted)
    columns = [one.strip().lower() for one in next(lines, [])]
    if column not in columns or not {"index", "file"} & set(columns):
        raise UserError(f"{path} has the columns {naming.some(columns) or 'none'}; {accepted}")
    return columns, lines


def rows(path, told, remedy):
    """The rows of a `split.csv`, or of another file that names examples: lists of texts, the first of them the names of the columns.

    Args:
        path: of the file.
        told: how a message names it.
        remedy: what a message ends with.

    Raises:
        UserError: the file cannot be read, or is no CSV.
    """
    given = files.given(path)
    try:
        with io.TextIOWrapper(files.opened(given), newline="", encoding="utf-8-sig") as file:
            yield from spreadsheets.read(file)
    except OSError as error:
        raise UserError(f"{told} cannot be read: {error.strerror or error}; {remedy}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{told} is no CSV in UTF-8 ({error}); {remedy}") from error
