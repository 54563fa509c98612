"""Write docs/flags.md: a table of every flag, from the dataclasses that the command line is made of.

python docs/generate/flags.py
"""

import ast
import dataclasses
import importlib
import inspect
import itertools
import pathlib
import typing

from hornbook.__main__ import COMMANDS, RECIPES, SEARCHES
from hornbook.inference import commands
from hornbook.inference import runs_table
from hornbook.tuning import command

PAGE = pathlib.Path(__file__).parents[1] / "flags.md"
_COMMAND_OPTIONS = {
    "tune": command.Args,
    "predict": commands.PredictArgs,
    "evaluate": commands.EvaluateArgs,
    "runs": runs_table.RunsArgs,
}
_BEGINNING = """# Every flag

Made by `python docs/generate/flags.py` from the code; `hornbook NAME --help` says the same. A switch `--name` is turned off by `--no-name`.
A recipe takes `--config FILE` as well: the options of a former run's `config.json`, which flags override."""


def page():
    """The text of docs/flags.md."""
    sections = [(name, importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}").Args) for name in RECIPES]
    sections += [(name, _COMMAND_OPTIONS[name]) for name in (*SEARCHES, *COMMANDS)]
    texts = {**RECIPES, **SEARCHES, **COMMANDS}
    return "\n\n".join([_BEGINNING, *(f"## hornbook {name}\n\n{texts[name]}\n\n{table(options)}" for name, options in sections)]) + "\n"


def table(options):
    """The fields of a dataclass as a table in Markdown."""
    hints, helps = typing.get_type_hints(options, include_extras=True), _helps(options)
    rows = ["| flag | values | default | what it does |", "|---|---|---|---|"]
    for field in dataclasses.fields(options):
        positional = typing.get_origin(hints[field.name]) is typing.Annotated
        name = field.name.upper() if positional else "--" + field.name.replace("_", "-")
        default = "" if field.default in (dataclasses.MISSING, None, ()) else f"`{str(field.default).lower()}`"
        values = _values(typing.get_args(hints[field.name])[0] if positional else hints[field.name])
        rows.append(f"| `{name}` | {values} | {default or 'none'} | {helps[field.name]} |")
    return "\n".join(rows)


def _values(hint):
    """What a type takes, in words."""
    words = {str: "text", int: "integer", float: "number", bool: "switch"}
    if hint in words:
        return words[hint]
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"{_values(typing.get_args(hint)[0])} ..."
    return " or ".join(_values(part) for part in typing.get_args(hint) if part is not type(None))


def _helps(options):
    """The string below each field, in one line."""
    body = ast.parse(inspect.getsource(options)).body[0].body
    return {
        field.target.id: " ".join(text.value.value.split()).replace("|", "\\|")
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
