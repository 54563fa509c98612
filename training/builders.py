"""A model by what `--model` says: one of the zoo, or a builder of the user's."""

import importlib
import os
import sys

import keras

from hornbook import UserError, models


def build_model(name, input_shape, num_outputs, options):
    """The model that `name` names: of `models.names()`, or `mymodule:builder`, found from the current folder or installed.

    Args:
        name: of the builder, which is called as `builder(input_shape, num_outputs, **options)`.
        input_shape: sizes without the batch axis.
        num_outputs: classes, or values to predict.
        options: dict of the builder's options; of a user's builder, those that differ from the zoo's defaults.

    Raises:
        UserError: there is no such builder, or it refuses an option.
    """
    builder = _user_builder(name) if ":" in name else None
    known = models.options(name) if builder is None and name in models.names() else options
    lacking = sorted(options.keys() - known.keys())
    try:
        if builder is None:
            return models.build(name, input_shape, num_outputs, **options)
        model = builder(input_shape, num_outputs, **options)
    except (ValueError, TypeError) as error:
        # A recipe has the flags of every model: the one that this model lacks is named as it was written.
        if builder is None and lacking:
            raise UserError(f"--model {name} does not take --{lacking[0].replace('_', '-')}; {str(error).partition('; ')[2]}") from error
        raise UserError(f"--model {name}: {error}") from error
    if not isinstance(model, keras.Model):
        raise UserError(f"--model {name} must return a keras.Model, got {type(model).__name__}")
    if model.output_shape != (None, num_outputs):
        raise UserError(f"--model {name} must have outputs (batch, {num_outputs}), got {model.output_shape}")
    return model


def asked_for(model, args, names):
    """The options among `names` that a builder is to be given.

    Args:
        model: the builder's name. One of the user's need not know the zoo's options: it is given those that are not the default.
        args: a recipe's options, a dataclass instance.
        names: of its fields that are options of builders.

    Returns:
        A dict for `build_model`, without those that are None, which leave the builder its own default.
    """
    options = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if ":" in model:
        options = {name: value for name, value in options.items() if value != getattr(type(args), name)}
    return options


def _user_builder(name):
    module, _, builder = name.partition(":")
    if not module or not builder:
        raise UserError(f"--model {name}: a builder of your own is named as mymodule:builder")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # As `python -m` does, and a console script does not.
    try:
        return getattr(importlib.import_module(module), builder)
    except ModuleNotFoundError as error:
        raise UserError(f"--model {name}: there is no module {error.name!r} in {os.getcwd()} or installed") from error
    except AttributeError as error:
        raise UserError(f"--model {name}: module {module!r} has no {builder!r}") from error
