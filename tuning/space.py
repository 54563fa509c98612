"""What a search varies: named spaces, a function of the user's, or ranges of the command line, checked against the recipe's options."""

import copy
import dataclasses
import importlib
import math
import os
import re
import sys
import types
import typing

import keras_tuner

from hornbook import UserError, command_line, models
from hornbook.tuning import spaces

# What a search sets itself, run by run.
RESERVED = ("output", "seed", "seeds", "split_seed", "evaluate", "fold", "tensorboard")


def build(recipe, args, names, varied, given=()):
    """The space of a search: one function `hp -> dict` of a recipe's options, checked.

    Args:
        recipe: the recipe's module, with `Args` and `check`.
        args: its options as they are given for every trial.
        names: of spaces: "model" (of the family of `args.model`), "training", another family, or "mymodule:space" of the user's.
        varied: inline ranges, such as "learning_rate=log:1e-4..1e-1" or "normalization=batch,none"; they win over the same in a space.
        given: names of options that somebody gave a value for every trial: our own spaces leave them out, others may not have them.

    Returns:
        (function, `keras_tuner.HyperParameters` with every hyperparameter, those of conditions that do not hold at first among them).

    Raises:
        UserError: there is no such space or option, or a value that the recipe does not take.
    """
    inline = [one.partition("=")[0].replace("-", "_") for one in varied]
    for name in inline:
        if inline.count(name) > 1:
            raise UserError(f"--vary has {name} more than once; list its values in one")
    # The first of two ranges of one name is the one that KerasTuner keeps.
    parts = [*(_inline(one, recipe) for one in varied), *(_named(name, recipe, args, {*inline, *given}) for name in names)]

    def space(hp):
        options = {}
        for part in parts:
            own = part(hp)
            if not isinstance(own, dict):
                raise UserError(f"a space must return a dict of options, got {type(own).__name__}")
            options |= own
        return options

    found = discover(space)
    if not found.space:
        raise UserError("there is nothing to vary; pass --vary learning_rate=log:1e-4..1e-1 or --space model,training")
    for hp in found.space:
        if hp.name in given:
            raise UserError(f"--{hp.name.replace('_', '-')} is given and varied as well; leave one out")
    _check(space, found, recipe, args)
    return space, found


def discover(space):
    """A space's hyperparameters, in the order in which they are asked for; a function is called until every condition has held once.

    Args:
        space: function `hp -> dict`.

    Returns:
        `keras_tuner.HyperParameters`.
    """
    found = keras_tuner.HyperParameters()
    tried, waiting = [], [[]]
    while waiting:
        conditions = waiting.pop(0)
        hp = found.copy()
        for condition in conditions:
            hp.values[condition.name] = condition.values[0]
        hp.ensure_active_values()
        space(hp)
        # Without the last argument it would hold what it has twice.
        found.merge(hp.space, overwrite=False)
        for scope in hp.inactive_scopes:
            if scope not in tried:
                tried.append(copy.deepcopy(scope))
                waiting.append(copy.deepcopy(scope))
    return found


def options_of(space, values):
    """The recipe's options of a configuration, `values` by hyperparameter."""
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    return space(hp)


def defaults(found, args):
    """The configuration nearest to the options as they are given: values by name, for the first trial."""
    own = models.options(args.model) if args.model in models.names() else {}
    values = {}
    for hp in found.space:
        value = getattr(args, hp.name, None)
        value = own.get(hp.name) if value is None else value
        values[hp.name] = _nearest(hp, value)
    return values


def _nearest(hp, value):
    """Of a hyperparameter's values the nearest to one that it may not have: of a range its end, of words the first."""
    if _has(hp, value):
        return value
    words = isinstance(hp, keras_tuner.engine.hyperparameters.Choice) and not hp.ordered
    if words or not isinstance(value, int | float) or isinstance(value, bool):
        return hp.default
    numerical = isinstance(hp, keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float)
    if numerical and hp.step is None:
        return hp.min_value if value < hp.min_value else hp.max_value
    return min(hp.values, key=lambda one: abs(one - value))


def has_values(found, values):
    """Whether a configuration, values by name, lies in a space: all that is active in it is there, and nothing else."""
    for hp in found.space:
        active = all(condition.is_active(values) for condition in hp.conditions)
        if active != (hp.name in values) or (active and not _has(hp, values[hp.name])):
            return False
    return values.keys() <= {hp.name for hp in found.space}


def _has(hp, value):
    numerical = isinstance(hp, keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float)
    if not numerical or hp.step is not None:
        return value in list(hp.values)
    return isinstance(value, int | float) and not isinstance(value, bool) and hp.min_value <= value <= hp.max_value


def _named(name, recipe, args, without):
    fields = {field.name for field in dataclasses.fields(recipe.Args)} - without
    if ":" in name:
        return _of_user(name)
    if name == "training":
        return lambda hp: spaces.training(hp, _varied_in_training(fields, args))
    if name == "model":
        if ":" not in args.model and args.model not in models.names():
            raise UserError(f"there is no --model {args.model}; there are {', '.join(models.names())}, and mymodule:builder of your own")
        if args.model not in models.names():
            raise UserError(f"--space model: there is no space for --model {args.model}; name one, such as --space cnn, or mymodule:space")
        chosen = spaces.FAMILIES[models.family(args.model)]
    elif name in {function.__name__ for function in spaces.FAMILIES.values()}:
        chosen = getattr(spaces, name)
    else:
        known = ", ".join(dict.fromkeys(("model", "training", *(function.__name__ for function in spaces.FAMILIES.values()))))
        raise UserError(f"there is no space {name!r}; there are {known}, and mymodule:space of your own")
    taken = fields & set(models.options(args.model)) if args.model in models.names() else fields
    if args.model in models.names() and models.family(args.model) in ({"cnn", "resnet", "vision_transformer"} - {args.model}):
        taken -= {"depth", "width"}  # What makes resnet50 resnet50.
    return lambda hp: chosen(hp, (taken | {"bins"}) & fields)


def _varied_in_training(fields, args):
    """The training options that this recipe has and that make sense with its model and task."""
    kept = set(fields)
    loss = getattr(args, "loss", "auto")
    if loss in ("binary", "multi-label"):
        kept -= {"label_smoothing", "mixup"}
    return kept


def _of_user(name):
    module, _, function = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # As `python -m` does, and a console script does not.
    try:
        return getattr(importlib.import_module(module), function)
    except ModuleNotFoundError as error:
        raise UserError(f"--space {name}: there is no module {error.name!r} in {os.getcwd()} or installed") from error
    except AttributeError as error:
        raise UserError(f"--space {name}: module {module!r} has no {function!r}") from error


_RANGE = re.compile(r"(log:)?(-?[\d.eE+-]*?\d\.?)\.\.(-?[\d.eE+-]*?[\d.])(?::([\d.eE+-]+))?")


def _inline(written, recipe):
    """A space of one option, from `NAME=A,B,C`, `NAME=LOW..HIGH[:STEP]` or `NAME=log:LOW..HIGH`."""
    name, equals, values = written.partition("=")
    name = name.replace("-", "_")
    accepted = "--vary takes NAME=A,B,C, NAME=LOW..HIGH, NAME=LOW..HIGH:STEP or NAME=log:LOW..HIGH"
    if not equals or not values:
        raise UserError(f"--vary {written}: {accepted}")
    kinds = _kinds(recipe, name)
    found = _RANGE.fullmatch(values)
    if (found is None and ".." in values) or "..." in values:  # 0...5 could mean two ranges.
        raise UserError(f"--vary {written}: {accepted}")
    if found:
        if not kinds & {int, float}:
            raise UserError(f"--vary {written}: {name} is no number; list its values, NAME=A,B,C")
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
        method = "Float" if number is float else "Int"
        ways = {"sampling": "log" if found[1] else "linear", "step": step}
        return lambda hp: {name: getattr(hp, method)(name, low, high, **ways)}
    words = [word.strip() for word in values.split(",")]
    listed = _typed(words, kinds, written, name)
    if len(set(listed)) < len(listed) or len(listed) < 2:
        raise UserError(f"--vary {written}: two or more different values are needed, got {', '.join(words)}")
    return lambda hp: {name: hp.Choice(name, listed)}


def _typed(words, kinds, written, name):
    """Values as the recipe's option has them, all of one type, as KerasTuner asks for."""
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


def _kinds(recipe, name):
    """The types of a recipe's option, with str for one of several words."""
    fields = {field.name: field for field in dataclasses.fields(recipe.Args)}
    if name not in fields or name in RESERVED:
        _refuse(name, recipe)
    annotation = typing.get_type_hints(recipe.Args)[name]
    kinds = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return {str if typing.get_origin(kind) is typing.Literal else kind for kind in kinds} - {type(None)}


def _refuse(name, recipe):
    import difflib

    fields = [field.name for field in dataclasses.fields(recipe.Args) if field.name not in RESERVED]
    if name in RESERVED:
        raise UserError(f"--{name.replace('_', '-')} is the search's own to set and cannot be varied")
    near = difflib.get_close_matches(name, fields, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(fields)}"
    raise UserError(f"the space varies {name!r}, which is no option of {recipe.__name__.rpartition('.')[2].replace('_', '-')}; {hint}")


def _check(space, found, recipe, args):
    """Refuse a space that yields what the recipe does not take: the defaults, and each hyperparameter's every value or both ends."""
    fields = {field.name for field in dataclasses.fields(recipe.Args)}
    base = {hp.name: hp.default for hp in found.space}
    for hp in found.space:
        numerical = isinstance(hp, keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float)
        for value in (hp.min_value, hp.max_value) if numerical else hp.values:
            tried = keras_tuner.HyperParameters()
            tried.merge(found.space)
            tried.values = {**base, hp.name: value, **{one.name: one.values[0] for one in hp.conditions}}
            options = space(tried)
            unknown = sorted(name for name in options if name not in fields or name in RESERVED)
            if unknown:
                _refuse(unknown[0], recipe)
            try:
                recipe.check(command_line.with_options(args, options))
            except UserError as error:
                raise UserError(f"the space has {hp.name} {value}: {error}") from error
