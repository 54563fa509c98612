"""What a search varies: named spaces, a function of the user's, or `--vary`; each value is checked against the recipe and the model."""

import copy
import dataclasses
import typing

import keras_tuner

from hornbook import UserError, models, terminal, user_code
from hornbook.recipes import options
from hornbook.tuning import spaces, vary


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
    inline = [vary.name_of(one) for one in varied]
    for name in inline:
        if inline.count(name) > 1:
            raise UserError(f"--vary has {name} more than once; list its values in one")
    # The first of two ranges of one name is the one that KerasTuner keeps.
    parts = [*(vary.parse(one, recipe) for one in varied), *(_named(name, recipe, args, {*inline, *given}) for name in names)]

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
    """A space by name, without the options in `without`."""
    if ":" in name:
        return user_code.load(name, "--space")
    taken = {option: values for option, values in _taken(recipe, args).items() if option not in without}
    if name == "training":
        return lambda hp: spaces.training(hp, _varied_in_training(taken, args))
    own_model = args.model not in models.names()
    if name == "model":
        if own_model and ":" not in args.model:
            zoo = terminal.accepted(models.names(), args.model)
            raise UserError(f"there is no --model {args.model}; there are {zoo}, and mymodule:builder of your own")
        if own_model:
            raise UserError(f"--space model: there is no space for --model {args.model}; name one, such as --space cnn, or mymodule:space")
        chosen = spaces.FAMILIES[models.family(args.model)]
    elif name in {function.__name__ for function in spaces.FAMILIES.values()}:
        chosen = getattr(spaces, name)
    else:
        known = ", ".join(dict.fromkeys(("model", "training", *(function.__name__ for function in spaces.FAMILIES.values()))))
        raise UserError(f"there is no space {name!r}; there are {known}, and mymodule:space of your own")
    if not own_model and models.family(args.model) in ({"airbench", "cnn", "resnet", "vision_transformer"} - {args.model}):
        taken = {option: values for option, values in taken.items() if option not in ("depth", "width")}  # What makes resnet50 resnet50.
    return lambda hp: chosen(hp, taken)


def _taken(recipe, args):
    """The options of a recipe that its model takes too: a dict of names to the values of those that have a list, else None.

    The lengths of series are not known before their files are read, so of the model only those values are taken that do for series of
    different lengths as well.
    """
    hints = typing.get_type_hints(recipe.Args)
    taken = {field.name: _words(hints[field.name]) for field in dataclasses.fields(recipe.Args) if field.name not in vary.RESERVED}
    if args.model not in models.names():
        return taken
    for option in options.of_network(args)[0]:
        if option not in models.options(args.model):
            del taken[option]
            continue
        values = _values_of_model(option, args, padded=True)
        if values is not None:
            taken[option] = values if taken[option] is None else tuple(value for value in taken[option] if value in values)
    return taken


def _values_of_model(option, args, *, padded):
    """The values that the model of `args` takes of an option, beside the others in `args`; None where there is no list of them."""
    own = models.options(args.model)
    # Initializers of Keras' that are not in the list are taken too.
    if option not in models.options_with_choices(args.model) or option == "initializer":
        return None
    given = {name: value for name, value in options.of_network(args)[0].items() if name in own and name != option and value is not None}
    return models.choices(args.model, option, padded=padded and "padded" in own, **given)


def _taken_of(args):
    """The recipe's options that are the model's, as flags."""
    return [f"--{name.replace('_', '-')}" for name in options.of_network(args)[0] if name in models.options(args.model)]


def _words(hint):
    """The words that an option of this type takes, or None where it takes any, or numbers beside them."""
    kinds = [kind for kind in vary.alternatives(hint) if kind is not type(None)]
    if any(typing.get_origin(kind) is not typing.Literal for kind in kinds):
        return None
    return tuple(word for kind in kinds for word in typing.get_args(kind))


def _name_of(kind):
    """A type in words: that of a list of words, the words."""
    return ", ".join(typing.get_args(kind)) if typing.get_origin(kind) is typing.Literal else kind.__name__


def _varied_in_training(taken, args):
    """The training options that make sense with the loss, and with what else makes up for rare classes."""
    left_out = {"label_smoothing", "mixup"} if getattr(args, "loss", "auto") in ("binary", "multi-label") else set()
    if any(getattr(args, name, "none") != "none" for name in ("sampling", "logit_adjustment")):
        left_out.add("class_weights")  # A run takes one of the three.
    return {option: values for option, values in taken.items() if option not in left_out}


def _check(space, found, recipe, args):
    """Refuse a space that yields what the recipe does not take: the defaults, and each hyperparameter's every value or both ends."""
    hints = typing.get_type_hints(recipe.Args)
    base = {hp.name: hp.default for hp in found.space}
    seen = set()
    for hp in found.space:
        numerical = isinstance(hp, keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float)
        for value in (hp.min_value, hp.max_value) if numerical else hp.values:
            tried = keras_tuner.HyperParameters()
            tried.merge(found.space)
            tried.values = {**base, hp.name: value, **{one.name: one.values[0] for one in hp.conditions}}
            yielded = space(tried)
            unknown = sorted(name for name in yielded if name not in hints or name in vary.RESERVED)
            if unknown:
                vary.refuse(unknown[0], recipe)
            new = {name: option for name, option in yielded.items() if (name, option) not in seen}
            seen.update(new.items())
            try:
                _check_options(yielded, new, hints, recipe, args)
            except UserError as error:
                raise UserError(f"the space has {hp.name} {value}: {error}") from error


def _check_options(yielded, new, hints, recipe, args):
    """Refuse options that the recipe's command line, its check or its model would refuse; `new` are those not looked at before."""
    for name, value in new.items():
        if not any(_is_of(kind, value) for kind in vary.alternatives(hints[name])):
            words = _words(hints[name])
            accepted = ", ".join(words) if words else " or ".join(_name_of(kind) for kind in vary.alternatives(hints[name]))
            raise UserError(f"--{name.replace('_', '-')} takes {accepted}")
    changed = dataclasses.replace(args, **yielded)
    recipe.check(changed)
    if args.model not in models.names():
        return
    # Texts are always padded. Series may be of one length, so what those alone take is not refused.
    padded = "tokenizer" in hints
    for name in options.of_network(args)[0].keys() & new.keys():
        if name not in models.options(args.model):
            raise UserError(f"--model {args.model} does not take --{name.replace('_', '-')}; it takes {', '.join(_taken_of(args))}")
        values = _values_of_model(name, changed, padded=padded)
        if values is not None and yielded[name] not in values:
            raise UserError(f"--model {args.model} takes --{name.replace('_', '-')} {', '.join(map(str, values))}")


def _is_of(kind, value):
    """Whether a value is of a type, as on a command line: a whole number is a number, and a truth value is none."""
    if typing.get_origin(kind) is typing.Literal:
        return value in typing.get_args(kind)
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, typing.get_origin(kind) or kind) and (kind is bool or not isinstance(value, bool))
