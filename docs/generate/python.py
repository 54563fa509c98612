"""Write docs/python.md: every public name with the first line of its docstring, from the packages themselves.

python docs/generate/python.py
"""

import importlib
import inspect
import pathlib
import pkgutil
import types

PAGE = pathlib.Path(__file__).parents[1] / "python.md"
PACKAGES = ("models", "data", "training", "evaluation", "reports", "inference.explain", "tuning")
_BEGINNING = """# Every public name in Python

Look up what Hornbook has for your own Keras code. `help(NAME)` shows arguments, shapes, errors and an example that runs.
Names come from the packages below: `from hornbook.training import optimizer`, `from hornbook import data, models`.
This page is made from the docstrings by `python docs/generate/python.py`."""
_ENDING = """## Limits

Names that are not on this page are private to their file and may change without notice. The commands' options are on
[the page of flags](flags.md); a recipe is called from Python as `hornbook.recipes.NAME.main(Args(...))`, see
[a run and its folder](run-folder.md)."""


def page():
    """The text of docs/python.md."""
    sections = []
    for name in PACKAGES:
        package = importlib.import_module(f"hornbook.{name}")
        rows = [f"| `{place}` | {line} |" for place, line in sorted(_public(package), key=lambda row: row[0].lower())]
        about = _line(package).removesuffix(" Names are found on first use.")
        sections.append("\n".join([f"## hornbook.{name}", "", about, "", "| name | what it is |", "|---|---|", *rows]))
    return "\n\n".join([_BEGINNING, *sections, _ENDING]) + "\n"


def _public(package, prefix=""):
    """(name, one line) of everything public in a package; of a package without a list of names, in its files."""
    if not hasattr(package, "__all__"):
        for file in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{package.__name__}.{file.name}")
            yield from (_public if file.ispkg else _in_file)(module, f"{prefix}{file.name}.")
        return
    for name in package.__all__:
        thing = getattr(package, name)
        if isinstance(thing, types.ModuleType) and hasattr(thing, "__path__"):
            yield from _public(thing, f"{prefix}{name}.")
        elif isinstance(thing, types.ModuleType):
            yield from _in_file(thing, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _line(thing)


def _in_file(module, prefix):
    for name, thing in vars(module).items():
        if not name.startswith("_") and callable(thing) and getattr(thing, "__module__", None) == module.__name__:
            yield f"{prefix}{name}", _line(thing)


def _line(thing):
    """The first paragraph of the docstring, in one line; of a list of names, the names."""
    if isinstance(thing, dict | tuple):
        return "Accepted names: " + ", ".join(f"`{name}`" for name in thing)
    paragraph = " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
    return paragraph.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
