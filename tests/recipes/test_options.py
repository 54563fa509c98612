"""Options stand once: groups that recipes inherit, their ranges and their help."""

import dataclasses
import importlib
import inspect
import math
import re
import typing

import pytest

from hornbook import UserError, command_line
from hornbook.recipes import (
    RECIPES,
    image_classification,
    options,
    ranges,
    regression,
    sequence_classification,
    tabular_classification,
    text_classification,
)

MODULES = [importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}") for name in RECIPES]
GROUPS = [
    value for value in vars(options).values() if isinstance(value, type) and dataclasses.is_dataclass(value) and value is not options.Range
]
every_recipe = pytest.mark.parametrize("recipe", MODULES, ids=list(RECIPES))


@every_recipe
def test_an_option_of_a_group_is_declared_nowhere_else(recipe):
    own = [base for base in recipe.Args.__mro__ if base.__module__ == recipe.__name__]
    declared = {name for base in own for name in inspect.get_annotations(base) if name in command_line.helps(base)}
    source = inspect.getsource(recipe)
    for group in GROUPS:
        if issubclass(recipe.Args, group):
            repeated = [name for name in inspect.get_annotations(group) if name in declared and f"\n    {name}: " in source]
            assert not repeated, f"{recipe.__name__} declares {repeated} again, which it inherits"


@every_recipe
def test_every_option_has_its_help_and_a_valid_default(recipe):
    helps = command_line.helps(recipe.Args)
    for field in dataclasses.fields(recipe.Args):
        assert helps[field.name].endswith("."), field.name
        assert "\n" not in helps[field.name]
    recipe.check(recipe.Args())
    assert dataclasses.fields(recipe.Args)[0].name == "dataset"


@every_recipe
def test_numbers_out_of_range_are_refused_by_their_flag(recipe):
    hints = typing.get_type_hints(recipe.Args, include_extras=True)
    ranged = {name: ranges.of(hint) for name, hint in hints.items() if ranges.of(hint)}
    assert {"epochs", "learning_rate", "seed", "l2", "validation_fraction"} <= ranged.keys()
    for name, (accepted,) in ranged.items():
        above = accepted.high + accepted.through
        for wrong in (accepted.low if accepted.above else accepted.low - 1, above, math.nan):
            with pytest.raises(UserError, match=re.escape(f"--{name.replace('_', '-')} must be {accepted}, got {wrong}")):
                options.check(recipe.Args(**{name: wrong}))


def test_a_range_says_what_it_takes():
    assert str(options.Range(0, 1)) == "at least 0 and less than 1"
    assert str(options.Range(1)) == "at least 1"
    assert str(options.Range(0, above=True)) == "more than 0 and finite"
    assert str(options.Range(0, 1, above=True, through=True)) == "more than 0 and at most 1"
    assert options.Range(0, 1, through=True).accepts(1)
    assert not options.Range(0, 1).accepts(1)
    assert options.Range(0).accepts(0)
    assert not options.Range(0, above=True).accepts(0)


def test_a_recipe_changes_defaults_and_choices_and_nothing_else():
    args = sequence_classification.Args()
    assert (args.learning_rate, args.clip_norm) == ("auto", 1.0)
    assert options.Optimization.clip_norm == 0.0
    assert image_classification.Args().clip_norm == 0.0
    hints = typing.get_type_hints(text_classification.Args)
    assert "group" not in str(hints["normalization"])
    assert "group" in str(typing.get_type_hints(tabular_classification.Args)["normalization"])
    with pytest.raises(TypeError, match="inherits no option 'nosuch'"):

        @options.recipe(nosuch=1)
        class Args(options.Run):
            pass


def test_a_builder_is_given_the_options_of_networks_alone():
    values, defaults = options.of_network(image_classification.Args(stem="large", epochs=3))
    assert values["stem"] == "large"
    assert defaults["stem"] is None
    assert values.keys() == defaults.keys()
    assert not values.keys() & {"epochs", "dataset", "augmentation", "seed"}
    assert {"depth", "normalization_placement", "heads", "groups", "initial_scale"} <= values.keys()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"momentum": 0.5}, "--momentum and --no-nesterov are for --optimizer sgd, got --optimizer auto"),
        ({"nesterov": False}, "are for --optimizer sgd"),
        ({"randaugment_magnitude": 5.0}, "--randaugment-magnitude is for --augmentation randaugment, got auto"),
        ({"groups": 4}, "--groups 4 is for --normalization group, got the default"),
        ({"groups": 4, "normalization": "batch"}, "got batch; pass that too"),
        ({"layer_decay": 0.5, "members": 2, "model": "mine:net"}, "--layer-decay tells layers by names .* got --model mine:net"),
        ({"clip_adaptive": 0.1, "members": 2, "model": "mine:net"}, "--clip-adaptive tells layers by names .* got --model mine:net"),
        ({"ema": 0.9, "swa": 0.75}, "--ema 0.9 and --swa 0.75 each average over the training; pass one of them"),
        ({"swa": 0.5, "snapshots": 3}, "--swa 0.5 and --snapshots 3 each average"),
        ({"cycles": 3}, "--cycles 3 is for --schedule restarts, got auto"),
        ({"swa": 0.75, "early_stopping": 5}, "--early-stopping 5 keeps the weights of one epoch, .* got --swa 0.75 too"),
        ({"swa": 0.75, "minutes": 5.0}, "--swa 0.75 counts epochs, which --minutes 5 may cut off"),
        ({"swa": 0.75, "schedule": "plateau"}, "--swa 0.75 wants a learning rate that is known beforehand, got --schedule plateau"),
        ({"swa": 0.75, "schedule": "restarts"}, "no ends of epochs; pass --cycles too"),
        ({"snapshots": 3}, "--snapshots 3 are of the ends of as many cycles, got --schedule auto; pass --schedule restarts --cycles 3"),
        ({"snapshots": 3, "schedule": "restarts", "cycles": 2}, "got --cycles 2; pass --schedule restarts --cycles 3, or more cycles"),
        ({"snapshots": 1, "schedule": "restarts", "cycles": 2}, "--snapshots 1 is the network as it is"),
    ],
)
def test_options_that_do_not_go_together(wrong, words):
    with pytest.raises(UserError, match=words):
        image_classification.check(image_classification.Args(**wrong))


def test_quantiles_are_for_their_loss():
    with pytest.raises(UserError, match="--quantiles are for --loss quantile, got mse"):
        regression.check(regression.Args(quantiles=(0.1, 0.9)))
    regression.check(regression.Args(quantiles=(0.1, 0.9), loss="quantile"))


# The builders that each recipe's data go to, and whether its sequences may differ in length.
KINDS = {
    "image_classification": (("airbench", "cnn", "mlp", "resnet", "vision_transformer"), False),
    "image_pretraining": (("airbench", "cnn", "mlp", "resnet", "vision_transformer"), False),
    "text_classification": (("cnn1d", "rnn", "text_transformer"), True),
    "text_pretraining": (("cnn1d", "rnn", "text_transformer"), True),
    "sequence_classification": (("cnn1d", "fcn", "inception1d", "lite", "resnet1d", "rnn", "series_transformer"), False),
    "sequence_pretraining": (("cnn1d", "fcn", "inception1d", "lite", "resnet1d", "rnn", "series_transformer"), False),
    "tabular_classification": (("mlp",), False),
    "regression": (("mlp", "cnn1d", "fcn", "inception1d", "lite", "resnet1d", "rnn", "series_transformer"), False),
}


@every_recipe
def test_the_words_of_a_flag_are_those_that_some_model_takes(recipe):
    from hornbook import models

    names, padded = KINDS[recipe.RECIPE]
    hints = typing.get_type_hints(recipe.Args)
    for option in ("normalization", "weight_normalization", "recurrent_normalization", "pooling", "downsampling", "stem", "positions",
                   "shortcut", "stacking", "normalization_placement"):  # fmt: skip
        taken = set()
        for name in names:
            if option in hints and option in models.options(name):
                taken |= set(models.choices(name, option, **({"padded": True} if padded else {})))
        if taken:
            words = {word for part in typing.get_args(hints[option]) for word in typing.get_args(part)} or set(
                typing.get_args(hints[option])
            )
            assert words - {None} == taken, option
