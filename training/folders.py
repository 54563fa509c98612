"""The folder of a run or of a search: that which `--output` names, or a new one that no other process chooses."""

import contextlib
import datetime
import itertools
import os
import pathlib

from hornbook import UserError, files


@contextlib.contextmanager
def output(given, recipe, model):
    """The folder of a run or a search, for the time of it: that which `--output` names, or a new one of its own.

    The new one is `runs/RECIPE/TIME-MODEL`, below the current folder; `runs/RECIPE/TIME` where the model is chosen later, "auto". It is
    made here, so that no other process chooses it, and is gone afterwards if there is nothing in it.

    Args:
        given: what `--output` names, or None.
        recipe, model: of the new folder's name.

    Raises:
        UserError: there can be no such folder, or the way to it is closed.
    """
    if given:
        yield _given_folder(given)
        return
    name = "" if model == "auto" else f"-{model.rpartition(':')[2]}"
    folder = pathlib.Path("runs", recipe, f"{datetime.datetime.now():%Y%m%d-%H%M%S}{name}")
    made = []
    files.refuse_file(folder)
    try:
        try:
            made = [one for one in folder.parents if not one.exists()]
            folder.parent.mkdir(parents=True, exist_ok=True)
            made.insert(0, _new(folder))
        except OSError as error:
            raise UserError(f"--output {folder} cannot be written: {error.strerror}; pass a folder that can") from error
        yield made[0]
    finally:
        for one in made:
            with contextlib.suppress(OSError):  # Not empty, or not made.
                one.rmdir()


def _new(folder):
    """Make a folder of this name, or where there is one (a run may have begun in the same second), the first of those with a number."""
    for one in itertools.chain([folder], (folder.with_name(f"{folder.name}-{number}") for number in itertools.count(2))):
        with contextlib.suppress(FileExistsError):
            one.mkdir()
            return one


def _given_folder(path):
    """The folder that `--output` names.

    Raises:
        UserError: there can be none of that name, or the way to it is closed.
    """
    folder = pathlib.Path(path)
    files.refuse_file(folder)
    try:
        os.stat(folder / "result.json")
    except FileNotFoundError:
        pass
    except OSError as error:
        raise UserError(f"--output {folder} cannot be used: {error.strerror}; pass another folder") from error
    return folder
