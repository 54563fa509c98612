"""A table that is being written: its part folder `FILE.part`, from which the same command goes on wherever it was killed.

The folder has the rows so far, a table of what could not be read, and `state.json`: which inputs are behind, and how much of the other
files counts. That file is replaced in one step after the others are on the disk, so it is true at every moment; what others have beyond it
was not finished and is done again.
"""

import contextlib
import os
import re
import shutil
import time

import msgspec

from hornbook import UserError, files, records
from hornbook.inference.predict import formats
from hornbook.inference.predict.stream import Digests, Place
from hornbook.training import runs

_STATE = "state.json"
_SECONDS, _ROWS = 5.0, 65_536  # Between two states: what is done again after a kill, at most.
_ERRORS = {"name": str, "error": str}
_OWN = re.compile(r"\.lock|state\.json|errors\.csv|whole\.parquet|rows(-\d+)?\.(csv|tsv|parquet)")


class State(msgspec.Struct, kw_only=True):
    """`state.json`."""

    run: str
    """Digest of the run."""
    columns: list[str]
    inputs: str
    """Digest of the sources that were begun."""
    source: records.Count
    entries: records.Count
    done: records.Count
    """See `stream.Place`."""
    rows: records.Count
    errors: records.Count
    """How much counts of each: bytes, or pieces."""
    unreadable: records.Count
    complete: bool = False


class Part:
    """The table and its part folder; a context, which keeps what is done however the block ends.

    Args:
        path: `pathlib.Path` of the table.
        columns: dict of name to `str` or `float`, the inputs' names among them.
        run: digest of the run.
        sources: list of `stream.Source`.
        clock: function to seconds.

    Attributes:
        place: `stream.Place` to go on from.
        unreadable: how many inputs could not be read.

    Raises:
        UserError: the table is there, another process writes it, or it was begun with other inputs, another run or other columns.
    """

    def __init__(self, path, columns, run, sources, clock=time.monotonic):
        self.path, (_, self.folder, self.errors_path) = path, own_files(path)
        refuse_existing(path)
        _refuse_foreign(self.folder)
        self._run, self._columns, self._clock = run, list(columns), clock
        self._sources, self._digests = sources, Digests(sources)
        self._lock = runs.lock(self.folder)
        try:
            self._rows = formats.of(path, self.folder, columns)
            self._errors = formats.Csv(self.folder / "errors.csv", _ERRORS)
            self._begin()
        except BaseException:
            if not (self.folder / _STATE).exists():
                shutil.rmtree(self.folder, ignore_errors=True)
            os.close(self._lock)
            raise

    def _begin(self):
        state = records.read(self.folder / _STATE, State) if (self.folder / _STATE).exists() else None
        self.place, self.unreadable, self.complete = Place(), 0, False
        if state is not None:
            self.place = Place(state.source, state.entries, state.done)
            self.unreadable, self.complete = state.unreadable, state.complete
            self._refuse_other(state)
        if not self.complete:
            refuse_existing(self.errors_path)
            self._rows.begin(None if state is None else state.rows)
            self._errors.begin(None if state is None else state.errors)
        self._saved, self._when = self.place.done, self._clock()

    def _refuse_other(self, state):
        again = f"remove {self.folder} to begin again, or pass another --output"
        if state.run != self._run:
            raise UserError(f"{self.folder} was begun with another run, or with this one before it was changed; {again}")
        if state.columns != self._columns:
            raise UserError(f"{self.folder} was begun with other columns, by another --top; pass the same, or {again}")
        if state.source > len(self._sources) or state.inputs != self._digests.at(self.place):
            raise UserError(
                f"{self.folder} was begun with other inputs: the {state.done:,} behind have other names, another order or other content "
                f"now; restore them, or {again}"
            )

    def add(self, columns, errors, place):
        """Add the answers of a chunk.

        Args:
            columns: cells, a list or array a column; empty lists of no rows.
            errors: list of (name, `UserError`).
            place: `stream.Place` behind the chunk.
        """
        with self._writing():
            if len(columns[0]):
                self._rows.write(columns)
            if errors:
                self._errors.write(list(zip(*((name, str(error)) for name, error in errors), strict=True)))
        self.place, self.unreadable = place, self.unreadable + len(errors)
        if place.done - self._saved >= _ROWS or self._clock() - self._when >= _SECONDS:
            self.save()

    def save(self):
        """Have on the disk all that was added, and that it counts."""
        with self._writing():
            found = {"rows": self._rows.save(), "errors": self._errors.save(), "complete": self.complete}
        found |= {"run": self._run, "columns": self._columns, "inputs": self._digests.at(self.place)}
        found |= {"source": self.place.source, "entries": self.place.entries, "done": self.place.done, "unreadable": self.unreadable}
        records.write(self.folder / _STATE, State, found)
        self._saved, self._when = self.place.done, self._clock()

    @contextlib.contextmanager
    def _writing(self):
        try:
            yield
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror or error}; make room, and the same command goes on") from error

    def finish(self):
        """Give the table its name, once all inputs are behind; what a kill leaves undone of this, the same command does the next time."""
        if not self.complete:
            with self._writing():
                self._rows.save()
                self._rows.end()
            self.complete = True
            self.save()
        if self.unreadable and (self.folder / "errors.csv").exists():
            refuse_existing(self.errors_path)
            os.replace(self.folder / "errors.csv", self.errors_path)
        refuse_existing(self.path)
        os.replace(self._rows.whole, self.path)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        """Keep what is done, as far as the disk lets it; of nothing, nothing."""
        with contextlib.suppress(Exception):
            if kind is not None and not self.complete and self.place.done > self._saved:
                self.save()
        with contextlib.suppress(OSError):
            self._rows.close()
            self._errors.close()
        if not self._saved and not self.complete:
            shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _refuse_foreign(folder):
    """Refuse a folder with other files in it than those of a table: it will be removed."""
    names = os.listdir(folder) if folder.is_dir() else []
    foreign = [name for name in sorted(names) if not _OWN.fullmatch(name) and not files.is_temporary(name)]
    if foreign:
        raise UserError(f"{folder} has {foreign[0]} in it, which is no part of a table; move it, or pass another --output")


def own_files(path):
    """The paths of a table, of its part folder, and of the table of what could not be read."""
    return path, path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.errors.csv")


def refuse_existing(path):
    """Refuse a table that is there: none is overwritten.

    What is left of the folder of its parts by a process that was killed at its very end goes.
    """
    files.refuse_file(path.parent)
    if path.exists() or path.is_symlink():
        _, folder, _ = own_files(path)
        if (folder / _STATE).is_file() and not folder.is_symlink() and records.read(folder / _STATE, State).complete:
            shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"{path} is there already, and nothing is overwritten; remove it, or pass another --output")
