"""The recipes: one script a job. A file here that has a `RECIPE` is one, and the first line of its docstring says what it does."""

import ast
import difflib
import pathlib

from hornbook import UserError


def _recipes():
    """Name of each recipe, as on a command line, to its first line; without importing any."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        names = {target.id for node in module.body if isinstance(node, ast.Assign) for target in node.targets if hasattr(target, "id")}
        if "RECIPE" in names:
            found[path.stem.replace("_", "-")] = ast.get_docstring(module).splitlines()[0]
    return found


RECIPES = _recipes()


def named(arguments, command):
    """The recipe that the words of a command line begin with, and the words behind it.

    Args:
        arguments: list of words.
        command: what stands before them, such as "hornbook tune".

    Raises:
        UserError: no recipe is named, or one that there is not.
    """
    names = ", ".join(RECIPES)
    if not arguments or arguments[0].startswith("-"):
        raise UserError(f"name the recipe first: {command} RECIPE, one of {names}")
    name, *rest = arguments
    if name not in RECIPES:
        near = difflib.get_close_matches(name, RECIPES, n=1)
        raise UserError(f"there is no recipe {name!r}; {f'did you mean {near[0]}? ' if near else ''}there are {names}")
    return name, rest
