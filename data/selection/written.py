"""Splits that are written down: a CSV that says which example stands in which part, such as the `split.csv` of a run."""

import csv
import io
import os

import numpy as np

from hornbook import UserError, files, spreadsheets
from hornbook.data import naming

_PARTS = {"train": "train", "training": "train", "validation": "validation", "val": "validation", "valid": "validation", "test": "test"}
_ACCEPTED = "accepted is a column `part` (train, validation or test), and `index` (from 0, in the order of the source) or `file`"


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
    sources = {one.source: one for one in parts.values()}
    table = _Table(path, name)
    by_file = "index" not in table.columns or ("file" in table.columns and "source" not in table.columns)
    number = {source: _numbered(one, by_file, table) for source, one in sources.items()}
    only = next(iter(sources)) if len(sources) == 1 else None
    chosen = {}  # Source and first position of an example to its part and all of its positions.
    for line, row in table.rows:
        part = _PARTS.get(row["part"].strip().lower())
        if part is None:
            raise UserError(f"{path} line {line}: the part is {row['part']!r}; accepted are train, validation and test")
        key = row["file" if by_file else "index"].strip()
        source = _source(row, key, number, only, path, line, by_file)
        places = number[source].get(_as_key(key, by_file))
        if places is None:
            raise _changed(path, line, f"{'file' if by_file else 'example'} {key}", name)
        before, _ = chosen.setdefault((source, places[0]), (part, places))
        if before != part:
            raise UserError(f"{path} line {line}: {key} stands in {before} and in {part}; an example stands in one part")
        _refuse_other(row, key, sources[source], places[0], written, f"{path} line {line}")
    return _parts(chosen, sources, path, name)


def _refuse_other(row, key, examples, place, written, where):
    """Refuse an example that has another label than the file says, or, known by its index, another file's name."""
    now = {"label": _text(written(examples.labels[place].tolist()))}
    if getattr(examples, "files", None) is not None:
        now["file"] = os.path.basename(_text(examples.files[place]))
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


def _numbered(part, by_file, table):
    """The positions in a part of each index, or file: a dict. A unit that is cut into stretches has several."""
    if not by_file:
        found = {}
        for place, index in enumerate(part.indices.tolist()):
            found.setdefault(str(index), []).append(place)
        return found
    if getattr(part, "files", None) is None:
        raise UserError(f"{table.path} names examples by `file`, and those of {table.name} are no files; name them by `index`")
    found = {}
    for place, file in enumerate(part.files):
        path = os.path.normpath(str(file))
        found[path] = [place]
        # The last names alone do as well, where they tell files apart: a folder may have moved.
        for depth in (1, 2):
            short = os.sep.join(path.split(os.sep)[-depth:])
            if short != path:
                found[short] = None if short in found else [place]
    return {key: places for key, places in found.items() if places}


def _text(value):
    """A value as a file holds it: what UTF-8 lacks is spelt out."""
    return str(value).encode("utf-8", "backslashreplace").decode()


class _Table:
    """A file of a split: its columns, and its rows, (line, dict of column to text)."""

    def __init__(self, path, name):
        self.path, self.name = path, name
        lines = _read(path)
        self.columns = [column.strip().lower() for column in next(lines, [])]
        if "part" not in self.columns or not {"index", "file"} & set(self.columns):
            raise UserError(f"{path} has the columns {naming.some(self.columns) or 'none'}; {_ACCEPTED}")
        self.rows = self._rows(lines)

    def _rows(self, lines):
        for line, row in enumerate(lines, start=2):
            if len(row) != len(self.columns):
                raise UserError(f"{self.path} line {line} has {len(row)} fields, the first line {len(self.columns)}")
            yield line, dict(zip(self.columns, row, strict=True))


def _read(path):
    given = files.given(path)
    try:
        with io.TextIOWrapper(files.opened(given), newline="", encoding="utf-8-sig") as file:
            yield from spreadsheets.read(file)
    except OSError as error:
        raise UserError(f"--split-file {path} cannot be read: {error.strerror or error}; {_ACCEPTED}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"--split-file {path} is no CSV in UTF-8 ({error}); {_ACCEPTED}") from error
