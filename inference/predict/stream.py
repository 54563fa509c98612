"""Inputs of any number: sources opened one after the other, read a chunk at a time, with the place to go on from behind each."""

import collections
import concurrent.futures
import dataclasses
import functools
import hashlib
import os

from hornbook import UserError, files
from hornbook.data import inputs

# What is predicted is the same however many are read at a time: the model's batches are of 256, and a chunk ends with one.
_MOST, _BATCH = 4096, 256
_BYTES, _MOST_BYTES = 2**28, 2**30
# Read whole for a checksum, which takes little beside their rows. Of pictures, sounds and arrays size, beginning and end count.
_SUMMED = (".csv", ".tsv", ".txt", ".text", ".md", ".ts")
_READ, _END = 2**20, 2**16
_AHEAD = 4  # Sources for each thread.


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """An argument of the command, or a file of a folder that is one.

    Attributes:
        given: a path, or a text to predict.
        identity: a text that changes with what the file holds, or None where nobody asks for it.
        expected: about how many inputs there are.
    """

    given: str
    identity: str | None = None
    expected: int = 1


def sources(given, trained, medium, *, identified, without=()):
    """The sources of the command's arguments, a list.

    Args:
        given: the arguments; of a folder, all files below it that can hold inputs, sorted.
        trained, medium: as of `open_run`.
        identified: whether `identity` and `expected` are wanted, for which files are looked at, and tables and texts read once.
        without: paths of files, or of folders with all below them, that no folder stands for.

    Raises:
        UserError: a folder has no file to predict.
    """
    paths, left_out = [], tuple(os.path.join(os.path.realpath(one), "") for one in without)
    for one in given:
        if one and os.path.isdir(files.given(one)):
            below = inputs.files_below(one, medium.suffixes(trained))
            paths += [path for path in below if not os.path.join(os.path.realpath(path), "").startswith(left_out)] if left_out else below
        else:
            paths.append(one)
    return [_identified(path, len(trained.about["input_shape"])) if identified else Source(path) for path in paths]


def _identified(path, axes):
    try:
        status = os.stat(files.given(path))
        if not path.lower().endswith(_SUMMED):
            shape = inputs.array(path).shape if path.endswith(".npy") else ()
            return Source(path, f"{status.st_size} {_ends(path, status.st_size)}", shape[0] if len(shape) > axes else 1)
        found, lines = hashlib.sha256(), 0
        with files.opened(files.given(path), buffering=0) as file:
            while block := file.read(_READ):
                found.update(block)
                lines += block.count(b"\n")
        return Source(path, found.hexdigest(), max(1, lines - path.lower().endswith((".csv", ".tsv"))))
    except (OSError, ValueError, UserError):  # A text, or what its reader will have a line about.
        return Source(path, "")


def _ends(path, size):
    """A checksum of the beginning and the end of a file: most pictures are no longer than both."""
    with files.opened(files.given(path), buffering=0) as file:
        found = hashlib.sha256(file.read(_END))
        file.seek(max(_END, size - _END))
        found.update(file.read(_END))
    return found.hexdigest()


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where to go on.

    Attributes:
        source: number of the source, from 0.
        entries: how many inputs of it are behind.
        done: how many inputs of all sources are behind.
    """

    source: int = 0
    entries: int = 0
    done: int = 0


class Digests:
    """SHA-256s of the sources that were begun at a place, which rises: they must be the same for what is behind it to stay true.

    Args:
        all_sources: list of `Source`.
    """

    def __init__(self, all_sources):
        self._sources, self._begun, self._found = all_sources, 0, hashlib.sha256()

    def at(self, place):
        """The digest at a `Place`, hexadecimal."""
        begun = place.source + (place.entries > 0)
        for source in self._sources[self._begun : begun]:
            self._found.update(f"{source.given!r} {source.identity}\n".encode())
        self._begun = begun
        return self._found.hexdigest()


def chunks(all_sources, trained, medium, place=None):
    """All inputs from a place on: an iterator of lists of (name, input), or (name, `UserError`) of what cannot be read, each with the place
    behind it.

    A chunk has 4,096 inputs, fewer where they are large: whole batches of the model but at the end, so that no answer depends on chunks.
    """
    some, size = [], 0
    for name, one, place in _entries(all_sources, trained, medium, place or Place()):  # noqa: B020 - the place moves on.
        some.append((name, one))
        size += _size(one)
        if len(some) == _MOST or (size >= _BYTES and len(some) % _BATCH == 0) or size >= _MOST_BYTES:
            yield some, place
            some, size = [], 0
    if some:
        yield some, place


def _entries(all_sources, trained, medium, place):
    done = place.done
    for number, read in enumerate(_ahead(all_sources, trained, medium, place), start=place.source):
        entries = place.entries if number == place.source else 0
        try:
            for name, one in read():
                entries, done = entries + 1, done + 1
                yield name, one, Place(number, entries, done)
        except UserError as error:  # Of the whole file, or of its rest.
            done += 1
            yield all_sources[number].given, error, Place(number + 1, 0, done)


def _ahead(all_sources, trained, medium, place):
    """For each source from a place on a function to what `medium.read` gives of it, which threads read ahead of what is in `THREADED`."""
    threads = os.cpu_count() or 1
    pool, waiting = concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix="inputs"), collections.deque()
    try:
        for number in range(place.source, len(all_sources)):
            given, skip = all_sources[number].given, place.entries if number == place.source else 0
            if given.lower().endswith(medium.THREADED):
                waiting.append(pool.submit(_read, medium, given, trained, skip).result)
            else:
                waiting.append(functools.partial(medium.read, given, trained, skip))
            if len(waiting) > _AHEAD * threads:
                yield waiting.popleft()
        yield from waiting
    finally:  # After the last source, or when the caller stops.
        pool.shutdown(cancel_futures=True)


def _read(medium, given, trained, skip):
    return list(medium.read(given, trained, skip))


def _size(one):
    """Bytes of an input, as far as they matter."""
    if isinstance(one, list):
        return sum(part.nbytes for part in one)
    return len(one) if isinstance(one, str) else getattr(one, "nbytes", 0)
