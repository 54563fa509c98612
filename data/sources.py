"""Sources of data: how `--dataset` is spelt, which file reads it, and messages on examples that cannot be read.

A new source is a file `data/MEDIUM/KIND.py` with `check(rest)` and what the medium's `load` calls, and its name in `KINDS` of
`data/MEDIUM/dataset.py`.
"""

import difflib
import importlib
import os

from hornbook import UserError, files, spreadsheets

_FILES = {"folder": "folders", "npz": "arrays"}  # The files that are not called as the source is spelt.
_NAMED = 3  # Unreadable files in a message.


def home(medium, kind):
    """The module of the medium's package that reads `kind:...`.

    Args:
        medium: images, texts, series or tables.
        kind: such as folder, csv or tfds.
    """
    return importlib.import_module(f"hornbook.data.{medium}.{_FILES.get(kind, kind)}")


def check_name(name, medium, built_in, kinds):
    """Refuse a name that is no dataset's, or that of a dataset out of reach, before anything slow happens.

    Args:
        name: as given by `--dataset`.
        medium: images, texts, series or tables. Each of its readers has `check(rest)`.
        built_in: the built-in names that are accepted.
        kinds: those that may stand before a colon.

    Raises:
        UserError: there is no such source, or it is neither prepared nor within reach.
    """
    if name in built_in:
        return
    try:
        name.encode()
    except UnicodeEncodeError:  # The run's files, which name it, are UTF-8.
        raise UserError(f"--dataset {name!r}: a path must be UTF-8; rename the folder or file, or pass a link to it") from None
    kind, _, rest = name.partition(":")
    if kind in kinds:
        home(medium, kind).check(rest)
        return
    if kind == "arrays":
        raise UserError(f"{name} was passed as arrays from Python, which are not kept with a run; pass them again, or another --dataset")
    close = difflib.get_close_matches(name, built_in, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    path = os.path.expanduser(name)
    if not close and os.path.exists(path):
        hint = f"; did you mean '{_likely_kind(path, kinds)}:{name}'?"
    accepted = [*built_in, *(f"{kind}:{'NAME' if kind == 'tfds' else 'PATH'}" for kind in kinds)]
    raise UserError(f"--dataset must be {', '.join(accepted[:-1])} or {accepted[-1]}, got {name!r}{hint}")


def _likely_kind(path, kinds):
    """The kind of source that a file or folder is, by its name."""
    if os.path.isdir(path):
        return "folder" if "folder" in kinds else kinds[0]
    kind = os.path.splitext(path)[1].lower().removeprefix(".")
    return kind if kind in kinds else "csv" if kind in ("csv", "tsv") or "ts" not in kinds else "ts"


def short_name(name):
    """A dataset's name for a headline: of a path the last part, `photos` of `folder:/home/me/photos`."""
    kind, _, path = name.partition(":")
    return (os.path.basename(os.path.normpath(path)) if kind in ("folder", "csv", "npz") else "") or name


def within(name, file):
    """The path of a file of a dataset in the dataset's own folder, by which files of one name are told apart; of one elsewhere as it is.

    Args:
        name: of the dataset, as given by `--dataset`: of folder:PATH the folder is PATH, of a file's it is the one where that lies.
        file: path, text.
    """
    path = files.given(name.partition(":")[2])
    home = os.path.abspath(path if name.startswith("folder:") else path.parent)
    whole = os.path.abspath(file)
    return os.path.relpath(whole, home) if whole.startswith(home + os.sep) else file


def write_unreadable(path, unreadable):
    """Write a table of the images that cannot be read: columns file and reason, a row an image."""
    with files.atomic(path) as temporary, open(temporary, "w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        spreadsheets.write(file, [("file", "reason"), *unreadable])


def refuse_unreadable(name, unreadable, total, remedy="repair or remove them", *, accepted, can_skip=True, noun="images"):
    """Refuse images or other files that cannot be read, in one line that names the first few: nothing is written of a run that is refused.

    Raises:
        UserError: always.
    """
    shown = ", ".join(f"{file} ({reason})" for file, reason in unreadable[:_NAMED])
    if len(unreadable) > _NAMED:
        shown += f" and {len(unreadable) - _NAMED:,} more"
    skip = ", or pass --skip-unreadable to leave them out, with a list of all in the run's skipped.csv" if can_skip else ""
    raise UserError(f"{name}: {len(unreadable):,} of {total:,} {noun} cannot be read: {shown}; accepted are {accepted}; {remedy}{skip}")
