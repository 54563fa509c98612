"""What the search, comparison or cross-validation of a folder was asked: who goes on with it must ask the same."""

import dataclasses
import importlib
import json
import os
import pathlib

from hornbook import UserError, command_line, files, records
from hornbook.training import runs
from hornbook.tuning import kept, sources


@dataclasses.dataclass(frozen=True)
class Kind:
    """What a folder may hold.

    Attributes:
        name: of the file with what was asked.
        type: `msgspec.Struct` that describes it.
        called: what a message calls it.
        other: what a message advises in place of going on.
    """

    name: str
    type: type
    called: str
    other: str = "pass another --output"


SEARCH = Kind("search.json", kept.Asked, "a search", "begin another that learns from it: --output NEW --warm-start {folder}")
NESTED = Kind("nested.json", kept.CrossValidation, "a nested search")
COMPARISON = Kind("comparison.json", kept.Comparison, "a comparison")
SHRINKING = Kind("shrink.json", kept.Shrinking, "candidates of hornbook shrink")
CROSS_VALIDATION = Kind("cross_validation.json", kept.CrossValidation, "a cross-validation")


def claim(folder, values, kind, paths=()):
    """Claim the folder of a search or a comparison and write what was asked, or find that the same was asked before.

    An option that the recipe had not yet when it began is no difference where it is left as it is.

    Args:
        folder: of the search.
        values: JSON values that whatever is in the folder must have begun with, among them the `recipe` and its `options`.
        kind: `Kind` of the folder.
        paths: of files that are read, as of `sources.named`; they must be what they were.

    Returns:
        (lock, whether it is taken up again); the lock is held until the process ends.

    Raises:
        UserError: the folder cannot be written, another process is at work in it, it holds what was asked otherwise, or a file has changed.
    """
    folder = pathlib.Path(folder)
    path = folder / kind.name
    if folder.is_dir() and not path.exists():  # Before a lock is left in a folder of something else.
        strange = [entry.name for entry in folder.iterdir() if entry.name != ".lock" and not files.is_temporary(entry.name)]
        if strange:
            raise UserError(f"{folder} is not empty and not the folder of {kind.called} (it has {strange[0]}); pass another --output")
    lock = runs.lock(folder)
    values = json.loads(json.dumps(values))
    if not path.exists():
        files.write_json(path, values)
        sources.refuse_changed(folder, paths, kind.called)
        return lock, False
    try:
        began = records.values(path, kind.type)
        values["options"] = _known_then(values, began["options"])
        for key in sorted(began.keys() | values.keys()):
            if began.get(key) != values.get(key):
                differs, other = _described(key, began.get(key), values.get(key)), kind.other.format(folder=folder)
                raise UserError(f"{folder} holds {kind.called} with {differs}; go on with what it began with, or {other}")
        sources.refuse_changed(folder, paths, kind.called)
    except UserError:
        os.close(lock)
        raise
    return lock, True


def _known_then(values, began):
    """The options without those that were not there yet and are left as they are."""
    if values["options"].keys() <= began.keys():
        return values["options"]
    usual = command_line.to_config("", importlib.import_module(f"hornbook.recipes.{values['recipe']}").Args())
    return {name: value for name, value in values["options"].items() if name in began or value != usual.get(name)}


def _described(name, began, now):
    """The difference between two values, in words."""
    if isinstance(began, dict) and isinstance(now, dict):
        key = next(key for key in sorted(began.keys() | now.keys()) if began.get(key) != now.get(key))
        return f"{name} {key} {began.get(key)}, and this one has {now.get(key)}"
    if isinstance(began, list) and isinstance(now, list) and name == "space":
        first = {one["config"]["name"]: one for one in began}
        second = {one["config"]["name"]: one for one in now}
        key = next(key for key in sorted(first.keys() | second.keys()) if first.get(key) != second.get(key))
        return f"another space: {key} is not the same"
    began, now = ("its default" if one is None else one for one in (began, now))
    return f"{name} {began}, and this one has {now}"
