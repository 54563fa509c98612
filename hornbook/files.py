"""Files that are there whole or not at all."""

import contextlib
import json
import math
import os
import pathlib

from hornbook import UserError


def given(path):
    """The `pathlib.Path` that somebody wrote: `~` is their home folder, and stays as it is where there is no such user."""
    return pathlib.Path(os.path.expanduser(path))


def what_is(path):
    """What there is at a path that somebody wrote, in the words of a message about it."""
    if not path:
        return "has no path behind its colon"
    path = given(path)
    if os.path.isdir(path):  # Unlike `pathlib`, it takes a path of any length.
        return "is a folder"
    if os.path.isfile(path):
        return "is a file"
    return "is neither a file nor a folder" if os.path.exists(path) else "is not there"


@contextlib.contextmanager
def atomic(path):
    """A temporary path to write to, which takes `path`'s place when the block ends well and vanishes when it does not.

    The name keeps the suffix, by which Keras knows the format. A reader, and a run that is killed, sees the old file or the new one.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.writing{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # Else a power cut could leave the new name on old or empty blocks.
        os.replace(temporary, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}; free space or pass another --output") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def read_json(path):
    """A JSON file, such as a run's.

    Raises:
        UserError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error


def write_text(path, text):
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path, value):
    """Write JSON atomically; numbers that are not finite, for which JSON has no word, become null."""
    write_text(path, json.dumps(_finite(value), indent=2, ensure_ascii=False) + "\n")


def _finite(value):
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
