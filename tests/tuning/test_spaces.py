import keras_tuner
import numpy as np
import pytest

from hornbook import models
from hornbook.tuning import search_space as space
from hornbook.tuning import spaces
from hornbook.tuning.oracles.encoding import Encoding

# The smallest inputs that every configuration of a family takes.
SHAPES = {
    "cnn": (32, 32, 1), "cnn1d": (64, 2), "fcn": (64, 2), "resnet": (16, 16, 1), "resnet1d": (64, 2), "rnn": (6, 2), "mlp": (5,),
    "text_transformer": (8,), "series_transformer": (16, 2), "vision_transformer": (16, 16, 1),
}  # fmt: skip


def sampled(function, number, seed):
    found = space.discover(function)
    encoding = Encoding(found.space)
    return [space.options_of(function, encoding.values(point)) for point in np.random.default_rng(seed).random((number, len(found.space)))]


@pytest.mark.parametrize("family", spaces.FAMILIES)
def test_a_familys_space_yields_what_its_builder_takes(family):
    taken = set(models.options(family))

    def function(hp):
        return spaces.FAMILIES[family](hp, taken)

    for options in sampled(function, 100, 0):
        assert options.keys() <= taken
        assert {"normalization", "initializer"} <= options.keys()
    extra = {"vocabulary_size": 20} if family == "text_transformer" else {}
    sizes = [hp for hp in space.discover(function).space if hp.name in ("depth", "heads", "positions", "pooling", "downsampling")]
    one_by_one = [{**sampled(function, 1, 1)[0], "width": 16, "heads": 2, hp.name: value} for hp in sizes for value in hp.values]
    one_by_one = [{name: value for name, value in options.items() if name in taken} for options in one_by_one]
    for options in [*sampled(function, 2, 1), *one_by_one]:
        small = {**options, "width": min(options.get("width", 16), 16)} if options.get("heads", 1) <= 4 else options
        model = models.build(family, SHAPES[family], 3, **small, **{name: value for name, value in extra.items() if name in taken})
        assert model.output_shape == (None, 3)


def test_every_family_of_the_zoo_has_a_space():
    assert {models.family(name) for name in models.names()} == set(spaces.FAMILIES)


def test_what_matters_with_another_alone_is_left_out():
    for options in sampled(spaces.training, 60, 0):
        assert ("randaugment_magnitude" in options) == (options["augmentation"] == "randaugment")
    assert "randaugment_magnitude" not in space.discover(lambda hp: spaces.training(hp, only={"randaugment_magnitude"}))


def test_orders_of_magnitude_are_on_a_log_scale():
    found = {hp.name: hp for hp in space.discover(spaces.training).space}
    assert {name for name, hp in found.items() if getattr(hp, "sampling", None) == "log"} == {"learning_rate", "weight_decay"}
    assert not spaces.training(keras_tuner.HyperParameters(), only=())
