"""The named spaces: every value that any of them can propose is one that the recipe and its model take."""

import dataclasses
import functools

import keras_tuner
import numpy as np
import pytest

from hornbook import models
from hornbook.recipes import (
    image_classification,
    options,
    regression,
    sequence_classification,
    tabular_classification,
    text_classification,
)
from hornbook.tuning import search_space, spaces
from hornbook.tuning.oracles.encoding import Encoding

SEQUENCES = ("cnn1d", "fcn", "inception1d", "lite", "resnet1d", "rnn")
# Of each recipe and the families that it takes, the input of its data and what its `build` adds: texts, and series of different lengths.
TAKEN = [
    (image_classification, ("airbench", "cnn", "resnet", "vision_transformer"), (16, 16, 1), {}),
    (image_classification, ("mlp",), (16, 16, 1), {}),
    (text_classification, (*SEQUENCES, "text_transformer"), (None,), {"vocabulary_size": 9}),
    (sequence_classification, (*SEQUENCES, "series_transformer"), (None, 2), {"padded": True}),
    (tabular_classification, ("mlp",), (5,), {}),
    (regression, ("mlp",), (5,), {}),
    (regression, (*SEQUENCES, "series_transformer"), (None, 2), {"padded": True}),
]


@functools.cache
def proposed(recipe, model):
    """The space of a recipe's command as it comes, its hyperparameters with the values that each can have (of a range both ends)."""
    function, found = search_space.build(recipe, recipe.Args(model=model), ["model", "training"], [])
    return function, {hp.name: list(hp.values) if hasattr(hp, "ordered") else [hp.min_value, hp.max_value] for hp in found.space}


def each_once(function, values):
    """Configurations in which each value of each hyperparameter is once at least: a list of options."""
    made = []
    for place in range(max(map(len, values.values()))):
        chosen = {name: own[place % len(own)] for name, own in values.items()}
        made.append(search_space.options_of(function, chosen))
    return made


@pytest.fixture(scope="module")
def built():
    """What was built already: output shapes by model and options."""
    return {}


@pytest.mark.parametrize(
    ("recipe", "model", "shape", "more"),
    [
        pytest.param(recipe, model, shape, more, id=f"{recipe.RECIPE}-{model}")
        for recipe, families, shape, more in TAKEN
        for model in models.names()
        if models.family(model) in families
    ],
)
def test_every_value_that_is_proposed_is_taken(recipe, model, shape, more, built):
    function, values = proposed(recipe, model)
    family = models.family(model)
    if family in ("airbench", "cnn", "resnet", "vision_transformer") and model != family:
        # A named variant is that family's in a size of its own, which takes long to build: it is proposed what is built for the family.
        assert {name: set(own) for name, own in values.items()}.items() <= {
            name: set(own) for name, own in proposed(recipe, family)[1].items()
        }.items()
        assert not {"depth", "width"} & values.keys()
        return
    assert {"normalization", "initializer", "learning_rate", "optimizer"} <= values.keys()
    for chosen in each_once(function, values):
        args = dataclasses.replace(recipe.Args(model=model), **chosen)
        recipe.check(args)
        given = {name: value for name, value in chosen.items() if name in options.of_network(args)[0]}
        assert given.keys() <= models.options(model).keys()
        key = (model, *sorted(given.items()))  # A model for texts is the one for series behind its embedding.
        if key not in built:
            built[key] = models.build(model, shape, 3, **given, **more).output_shape
        assert built[key] == (None, 3)


def test_values_that_padding_refuses_are_not_proposed():
    for recipe, model in ((text_classification, "cnn1d"), (sequence_classification, "fcn"), (regression, "resnet1d")):
        assert proposed(recipe, model)[1]["normalization"] == ["batch", "layer", "none"]
    assert "group" in proposed(image_classification, "cnn")[1]["normalization"]
    assert "recurrent_normalization" not in proposed(text_classification, "simple_rnn")[1]  # It takes none alone.


def sampled(function, number, seed):
    found = search_space.discover(function)
    encoding = Encoding(found.space)
    points = np.random.default_rng(seed).random((number, len(found.space)))
    return [search_space.options_of(function, encoding.values(point)) for point in points]


def test_every_family_of_the_zoo_has_a_space():
    assert {models.family(name) for name in models.names()} == set(spaces.FAMILIES)


def test_what_matters_with_another_alone_is_left_out():
    for chosen in sampled(spaces.training, 60, 0):
        assert ("randaugment_magnitude" in chosen) == (chosen["augmentation"] == "randaugment")
    assert "randaugment_magnitude" not in search_space.discover(lambda hp: spaces.training(hp, only={"randaugment_magnitude"}))


def test_orders_of_magnitude_are_on_a_log_scale():
    found = {hp.name: hp for hp in search_space.discover(spaces.training).space}
    assert {name for name, hp in found.items() if getattr(hp, "sampling", None) == "log"} == {"learning_rate", "weight_decay"}
    assert not spaces.training(keras_tuner.HyperParameters(), only=())


def test_of_an_option_with_less_than_two_values_nothing_is_varied():
    only = {"normalization": ("batch", "none", "rms"), "activation": ("relu",), "width": None}
    found = {hp.name: hp.values for hp in search_space.discover(lambda hp: spaces.mlp(hp, only)).space}
    assert found == {"normalization": ["batch", "none"], "width": [32, 64, 128, 256]}
    without = {"augmentation": ("none", "crop"), "randaugment_magnitude": None}
    assert "randaugment_magnitude" not in {hp.name for hp in search_space.discover(lambda hp: spaces.training(hp, without)).space}
