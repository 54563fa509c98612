"""`files.json`: size and SHA-256 of each file of a finished run, which tell a file that is broken or was changed from one that is only old.

Written at a run's end, before `result.json`, and looked at before a file is used. Needs no Keras.
"""

import hashlib
import pathlib
from typing import Annotated

import msgspec

from hornbook import UserError, files, records

NAME = "files.json"
# Written later, or for other purposes than the run's use.
_NOT_LISTED = ("result.json", "remedy.json", NAME)


class Entry(msgspec.Struct):
    """What a file was when the run ended."""

    bytes: records.Count
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


Files = dict[str, Entry]


def write(folder):
    """Write the `files.json` of a run's folder, from the files in it; those in folders below it are not listed."""
    folder = pathlib.Path(folder)
    names = sorted(path.name for path in folder.iterdir() if path.name not in _NOT_LISTED and path.name[0] != "." and path.is_file())
    found = {name: {"bytes": (folder / name).stat().st_size, "sha256": digest(folder / name)} for name in names}
    records.write(folder / NAME, Files, found)


def check(folder, names):
    """Refuse files of a finished run that are not what they were when it ended.

    A person who changes a file on purpose removes `files.json`: nothing is compared then.

    Args:
        folder: of the run.
        names: of the files that will be used; those that the run does not have need not be there.

    Raises:
        UserError: with the first that was changed, removed or added.
    """
    folder = pathlib.Path(folder)
    if not (folder / NAME).exists():
        return
    listed = records.read(folder / NAME, Files)
    for name in names:
        path, was = folder / name, listed.get(name)
        changed = None
        if was is None:
            changed = "was not there when the run ended" if path.exists() else None
        elif not path.is_file():
            changed = "was there when the run ended, and is no file now"
        elif path.stat().st_size != was.bytes:
            changed = f"has {path.stat().st_size:,} bytes, and had {was.bytes:,} when the run ended"
        elif digest(path) != was.sha256:
            changed = "was changed or broken since the run ended (another SHA-256)"
        if changed:
            raise UserError(f"{path} {changed}; restore it, or, if that was meant, remove {folder / NAME} to use the files as they are")


def digest(path):
    """The SHA-256 of a file's bytes, hexadecimal."""
    with files.opened(path, buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
