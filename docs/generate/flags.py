"""Write docs/flags.md: the options that recipes share once, by group, then each command's own, from the dataclasses of the command line.

python docs/generate/flags.py
"""

import ast
import dataclasses
import importlib
import inspect
import itertools
import pathlib
import re
import typing

import tyro

from hornbook import models
from hornbook.__main__ import COMMANDS, SEARCHES
from hornbook.inference import ensemble, evaluate, runs_table
from hornbook.inference.attack import command as attack
from hornbook.inference.explain import command as explain
from hornbook.inference.export import command as export
from hornbook.inference.predict import command as predict
from hornbook.inference.serve import command as serve_command
from hornbook.recipes import RECIPES, options
from hornbook.tuning import command
from hornbook.tuning.comparison import command as comparisons
from hornbook.tuning.cross_validation import command as cross_validations
from hornbook.tuning.cross_validation import labels
from hornbook.tuning.shrinking import command as shrinking

PAGE = pathlib.Path(__file__).parents[1] / "flags.md"
_CLASSES = [cls for cls in vars(options).values() if isinstance(cls, type) and dataclasses.is_dataclass(cls)]
# Networks first, then in the order of their file, those of other files last.
_OTHERS = [cls for cls in _CLASSES if cls.__module__ != options.__name__ and not issubclass(cls, options.Network)]
GROUPS = tuple(sorted((cls for cls in _CLASSES if cls is not options.Range), key=lambda cls: cls in _OTHERS))
_BEGINNING = """# Every flag

Look up a flag: what it takes, its default, what it does. `hornbook NAME --help` says the same in the terminal.

A switch is turned off by `no-` before its name: `--no-nesterov`. Every recipe also takes `--config FILE`: the options of a former run's
`config.json`, which flags override; `--trust-code` with it lets that file name a builder of your own. Flags that recipes share stand in the
first section, once; each recipe's section has its own flags and the defaults that differ. `hornbook check RECIPE` takes the recipe's. This
page is made from the code by `python docs/generate/flags.py`."""
_ENDING = """## Limits

A flag that a command does not know, a value of another type and a value out of range are refused before training, in one line that names
the flag and what is accepted. A flag that the chosen model does not take is refused too; [models](models.md) shows which family takes what,
and [rare classes](imbalance.md) which flags for them go together.

These keywords of builders have no flag; use them in a builder of your own, `--model mymodule:builder`:

{keywords}"""


def command_options():
    """The dataclass of every command, by its name."""
    recipes = {name: importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}").Args for name in RECIPES}
    afterwards = {
        "predict": predict.PredictArgs,
        "evaluate": evaluate.EvaluateArgs,
        "attack": attack.AttackArgs,
        "explain": explain.ExplainArgs,
        "shrink": shrinking.ShrinkArgs,
        "export": export.ExportArgs,
        "ensemble": ensemble.EnsembleArgs,
        "serve": serve_command.ServeArgs,
        "labels": labels.Args,
        "runs": runs_table.RunsArgs,
    }
    return {
        **recipes,
        "compare": comparisons.Args,
        "cross-validate": cross_validations.Args,
        "tune": command.Args,
        **{name: afterwards[name] for name in COMMANDS},
    }


def page():
    """The text of docs/flags.md."""
    found = command_options()
    texts = {**RECIPES, **SEARCHES, **COMMANDS}
    sections = ["## Options that recipes share", *(_shared(group, found) for group in GROUPS)]
    for name, cls in found.items():
        sections += [f"## hornbook {name}", texts[name], table(cls, own_names(cls))]
        differing = differences(cls)
        if differing:
            sections.append("Shared options with another default or other values here:\n\n" + differing)
    return "\n\n".join([_BEGINNING, *sections, _ENDING.format(keywords=_keywords(found))]) + "\n"


def _keywords(found):
    """By family, what a builder takes and no recipe has a flag for."""
    flags = {field.name for cls in found.values() for field in dataclasses.fields(cls)} | {"name"}
    lacking = {family: [f"`{one}`" for one in models.options(family) if one not in flags] for family in models.names()}
    families = [family for family in lacking if models.family(family) == family and lacking[family]]
    return "\n".join(f"- `{family}`: {', '.join(lacking[family])}" for family in families)


def groups(cls):
    """The option groups that a recipe's `Args` inherits, those they inherit themselves among them."""
    return [base for base in cls.__mro__ if base in GROUPS]


def own_names(cls):
    """The names of the options that no group has, in their order."""
    shared = {name for group in groups(cls) for name in group.__annotations__}
    return [field.name for field in dataclasses.fields(cls) if field.name not in shared]


def table(cls, names):
    """Some options of a dataclass as a table in Markdown."""
    hints, helps = typing.get_type_hints(cls, include_extras=True), _helps(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}
    rows = ["| flag | values | default | what it does |", "|---|---|---|---|"]
    for name in names:
        flag = name.upper() if tyro.conf.Positional in getattr(hints[name], "__metadata__", ()) else _flag(name)
        rows.append(f"| `{flag}` | {_values(hints[name])} | {_default(fields[name])} | {helps[name]} |")
    return "\n".join(rows)


def differences(cls):
    """The shared options that have another default or other values in a recipe, as a table; empty if none have."""
    hints, fields = typing.get_type_hints(cls, include_extras=True), {field.name: field for field in dataclasses.fields(cls)}
    rows = []
    for group in sorted(groups(cls), key=GROUPS.index):
        shared_hints = typing.get_type_hints(group, include_extras=True)
        shared_fields = {field.name: field for field in dataclasses.fields(group)}
        for name in group.__annotations__:
            before = (_values(shared_hints[name]), _default(shared_fields[name]))
            here = (_values(hints[name]), _default(fields[name]))
            if here != before:
                rows.append(f"| `{_flag(name)}` | {here[0] if here[0] != before[0] else 'as above'} | {here[1]} | {before[1]} |")
    return "\n".join(["| flag | values | default here | default above |", "|---|---|---|---|", *rows]) if rows else ""


def _shared(group, found):
    recipes = [name for name, cls in found.items() if group in cls.__mro__]
    where = "every recipe" if len(recipes) == len(RECIPES) else ", ".join(recipes)
    title = re.sub(r"(?<=[a-z])([A-Z])", lambda capital: f" {capital[0].lower()}", group.__name__)
    return f"### {title}\n\n{inspect.getdoc(group).splitlines()[0]} In {where}.\n\n{table(group, list(group.__annotations__))}"


def _flag(name):
    return "--" + name.replace("_", "-")


def _default(field):
    missing = field.default in (dataclasses.MISSING, None, ())
    return "none" if missing else f"`{_joined(field.default)}`"


def _joined(value):
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()


def _values(hint):
    """What a type takes, in words."""
    words = {str: "text", int: "integer", float: "number", bool: "switch"}
    if hint in words:
        return words[hint]
    if hasattr(hint, "__metadata__"):
        ranges = [str(part) for part in hint.__metadata__ if isinstance(part, options.Range)]
        return ", ".join([_values(hint.__origin__), *ranges])
    if typing.get_origin(hint) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(hint))
    if typing.get_origin(hint) is tuple:
        return f"{_values(typing.get_args(hint)[0])} ..."
    return " or ".join(_values(part) for part in typing.get_args(hint) if part is not type(None))


def _helps(cls):
    """The string below each option, in one line; an option's class is the last of those it is inherited through."""
    helps = {}
    for base in reversed([base for base in cls.__mro__ if dataclasses.is_dataclass(base)]):
        body = ast.parse(inspect.getsource(base)).body[0].body
        helps |= {
            field.target.id: " ".join(text.value.value.split()).replace("|", "\\|")
            for field, text in itertools.pairwise(body)
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
        }
    return helps


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
