"""`--vary NAME=VALUES`: the values of one option, written on the command line."""

import dataclasses
import difflib
import math
import re
import types
import typing

from hornbook import UserError, terminal
from hornbook.recipes import ranges

# The search sets these itself, run by run.
RESERVED = ("output", "seed", "seeds", "split_seed", "evaluate", "fold", "test_fold", "tensorboard", "check_only", "remedy")

_MOST_STEPS = 10_000  # Of a range, whose values KerasTuner makes a list of; no search tries more.
_ACCEPTED = "--vary takes NAME=A,B,C, NAME=LOW..HIGH, NAME=LOW..HIGH:STEP or NAME=log:LOW..HIGH"
_RANGE = re.compile(r"(log:)?(-?[\d.eE+-]*?\d\.?)\.\.(-?[\d.eE+-]*?[\d.])(?::([\d.eE+-]+))?")


def name_of(written):
    """The option that `NAME=VALUES` is about."""
    return written.partition("=")[0].replace("-", "_")


def parse(written, recipe):
    """The space of one option: a function `hp -> dict`.

    Args:
        written: `NAME=A,B,C`, `NAME=LOW..HIGH[:STEP]` or `NAME=log:LOW..HIGH`.
        recipe: the recipe's module.

    Raises:
        UserError: the recipe has no such option, or it cannot have such values.
    """
    name, values = name_of(written), written.partition("=")[2]
    if not values:
        raise UserError(f"--vary {written}: {_ACCEPTED}")
    kinds = _kinds(recipe, name)
    accepts = _accepts(recipe, name)
    found = _RANGE.fullmatch(values)
    if (found is None and ".." in values) or "..." in values:  # 0...5 could mean two ranges.
        raise UserError(f"--vary {written}: {_ACCEPTED}")
    return _range(written, name, kinds, found, accepts) if found else _list(written, name, kinds, values, accepts)


def _accepts(recipe, name):
    """A function that refuses a value out of the range of a recipe's option, before a search is begun and not trial by trial."""
    accepted = ranges.of(typing.get_type_hints(recipe.Args, include_extras=True)[name])

    def check(written, value):
        for one in accepted:
            if isinstance(value, int | float) and not one.accepts(value):
                raise UserError(f"--vary {written}: {name} must be {one}, got {value}")

    return check


def _range(written, name, kinds, found, accepts):
    if not kinds & {int, float}:
        raise UserError(f"--vary {written}: {name} is not a number; list its values, NAME=A,B,C")
    number = float if float in kinds else int
    try:
        low, high = number(found[2]), number(found[3])
        step = None if found[4] is None else number(found[4])
    except ValueError:
        raise UserError(f"--vary {written}: {name} takes {'whole numbers' if number is int else 'numbers'}") from None
    least = 1 if found[1] else 0  # On a log scale a step is a factor.
    if not low < high < math.inf or (found[1] and low <= 0) or (step is not None and not least < step < math.inf):
        raise UserError(
            f"--vary {written}: a range goes from a lower to a higher number, on a log scale both above 0; steps are above {least}"
        )
    for value in (low, high):
        accepts(written, value)
    if step is not None:
        steps = math.log(high / low) / math.log(step) if found[1] else (high - low) / step
        if steps > _MOST_STEPS:
            most = f"at most {_MOST_STEPS:,} are accepted"
            raise UserError(f"--vary {written} has {steps:.3g} values, {most}; pass a larger step, or none")
    method = "Float" if number is float else "Int"
    ways = {"sampling": "log" if found[1] else "linear", "step": step}
    return lambda hp: {name: getattr(hp, method)(name, low, high, **ways)}


def _list(written, name, kinds, values, accepts):
    words = [word.strip() for word in values.split(",")]
    listed = _typed(words, kinds, written, name)
    if len(set(listed)) < len(listed) or len(listed) < 2:
        raise UserError(f"--vary {written}: two or more different values are needed, got {', '.join(words)}")
    for value in listed:
        accepts(written, value)
    return lambda hp: {name: hp.Choice(name, listed)}


def _typed(words, kinds, written, name):
    """Values of the type that the recipe's option has; KerasTuner asks for one type."""
    for kind in (bool, int, float):
        if kind in kinds:
            try:
                return [_boolean(word) if kind is bool else kind(word) for word in words]
            except ValueError:
                continue
    if str in kinds:
        return words
    raise UserError(f"--vary {written}: {name} takes {' or '.join(sorted(kind.__name__ for kind in kinds))}, got {', '.join(words)}")


def _boolean(word):
    if word.lower() not in ("true", "false", "yes", "no"):
        raise ValueError
    return word.lower() in ("true", "yes")


def alternatives(hint):
    """The types that a type hint allows: `int | None` has two."""
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _kinds(recipe, name):
    """The types of a recipe's option, with str for one of several words."""
    if name not in {field.name for field in dataclasses.fields(recipe.Args)} or name in RESERVED:
        refuse(name, recipe)
    kinds = alternatives(typing.get_type_hints(recipe.Args)[name])
    return {str if typing.get_origin(kind) is typing.Literal else kind for kind in kinds} - {type(None)}


def refuse(name, recipe):
    """Refuse to vary an option that the recipe does not have, or that is set run by run.

    Raises:
        UserError: always.
    """
    if name in RESERVED:
        raise UserError(f"--{name.replace('_', '-')} is set run by run, so it cannot be varied")
    fields = [field.name for field in dataclasses.fields(recipe.Args) if field.name not in RESERVED]
    near = difflib.get_close_matches(name, fields, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {terminal.accepted(fields, name)}"
    raise UserError(f"{name!r} cannot be varied: it is no option of {recipe.RECIPE.replace('_', '-')}; {hint}")
