"""The recipes: one script a job. A file here that has a `RECIPE` is one, and the first line of its docstring says what it does."""

import ast
import pathlib


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
