"""What the files that a search or a comparison reads were when it began: runs on other data do not belong beside its runs."""

import hashlib
import json
import os
import pathlib

import msgspec

from hornbook import UserError, files, records

NAME = "sources.json"
_PREFIXES = ("csv", "folder", "npz", "ts")
_OPTIONS = ("split_file", "label_corrections", "embeddings")  # Files beside the data that change what a run trains on.
_BLOCKS, _BLOCK = 256, 2**16  # Read of a file: all of it up to 16 MiB, and beyond that as much, spread over it.


class Source(msgspec.Struct, forbid_unknown_fields=True):
    """A file or folder as it was.

    Attributes:
        files: how many.
        bytes: of all of them.
        sha256: of what was read: of a file its beginning, its end and blocks in between, of a folder its files' names and sizes.
    """

    files: int
    bytes: int
    sha256: str


def named(options):
    """The files and folders that runs read, a sorted list of paths as they were given.

    Args:
        options: iterable of runs' options, a mapping each.
    """
    found = set()
    for own in options:
        kind, _, path = own["dataset"].partition(":")
        found |= {path} if kind in _PREFIXES else set()
        found |= {own[name] for name in _OPTIONS if own.get(name)}
    return sorted(found)


def refuse_changed(folder, paths, called):
    """Note what files are, or refuse those that are no longer what was noted.

    Args:
        folder: of the search, which the caller has claimed.
        paths: as of `named`; what there is not is left to the recipe, whose message knows more.
        called: what a message calls the search.

    Raises:
        UserError: one of them has changed.
    """
    place = pathlib.Path(folder) / NAME
    kept = records.values(place, dict[str, Source]) if place.exists() else {}
    now = {path: looked_at(path) for path in paths if os.path.exists(files.given(path))}
    for path, source in now.items():
        was = kept.get(path)
        if was is not None and was != msgspec.to_builtins(source):
            raise UserError(
                f"{path} has changed since {called} in {folder} began ({_difference(was, source)}): runs on both cannot be compared; "
                "restore it, or pass another --output"
            )
    if now.keys() - kept.keys():
        files.write_json(place, kept | {path: msgspec.to_builtins(source) for path, source in now.items()})


def _difference(was, now):
    if was["files"] != now.files:
        return f"{was['files']:,} {'file' if was['files'] == 1 else 'files'} then, {now.files:,} now"
    if was["bytes"] != now.bytes:
        return f"{was['bytes']:,} bytes then, {now.bytes:,} now"
    return "as long as then, with other content"


def looked_at(path):
    """The `Source` that there is at a path."""
    path = files.given(path)
    if os.path.isdir(path):
        found = sorted(
            (os.path.relpath(os.path.join(place, name), path), os.stat(os.path.join(place, name), follow_symlinks=False).st_size)
            for place, _, names in os.walk(path)
            for name in names
        )
        listed = json.dumps(found).encode("utf-8", "surrogatepass")
        return Source(len(found), sum(size for _, size in found), hashlib.sha256(listed).hexdigest())
    digest, size = hashlib.sha256(), os.stat(path).st_size
    with files.opened(path) as file:
        step = max(_BLOCK, (size - _BLOCK) // (_BLOCKS - 1))
        for start in [*range(0, max(1, size - _BLOCK), step), max(0, size - _BLOCK)]:
            file.seek(start)
            digest.update(file.read(_BLOCK))
    return Source(1, size, digest.hexdigest())
