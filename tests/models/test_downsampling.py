"""Blurred down-sampling: its filter, where it is, and what it is for."""

import functools
import typing

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.recipes.image_classification import Args


def binomial(x, before, mode):
    """Every second position of x (batch, height, width, channels) filtered with (1, 2, 1) / 4 each way."""
    for axis in (1, 2):
        size = x.shape[axis]
        x = np.pad(x, [(before, 3) if place == axis else (0, 0) for place in range(4)], mode)
        at = [np.take(x, 2 * np.arange((size + 1) // 2) + step, axis) for step in range(3)]
        x = (at[0] + 2 * at[1] + at[2]) / 4
    return x


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (1, 2)])
@pytest.mark.parametrize(("padding", "before", "mode"), [("same", 0, "edge"), ("symmetric", 1, "constant")])
def test_the_filter_is_binomial(size, padding, before, mode):
    model = models.resnet((*size, 3), 2, depth=(1, 1), width=4, downsampling="blur", padding=padding)
    layer = model.get_layer("stage2_block1_blur")
    source = model.get_layer("stage2_block1_act1").output
    x = np.random.default_rng(0).normal(size=(2, *size, 3)).astype("float32")
    before_it, after = (keras.ops.convert_to_numpy(y) for y in keras.Model(model.input, [source, layer.output])(x))
    np.testing.assert_allclose(after, binomial(before_it, before, mode), rtol=1e-5, atol=1e-6)


@functools.cache
def strided(**options):
    """The shape of each sum of a network with strides, and its number of parameters."""
    with keras.StatelessScope():  # Shapes alone.
        model = models.resnet((19, 26, 3), 2, depth=(1, 2), width=4, **options)
    return {layer.name: layer.output.shape for layer in model.layers if layer.name.endswith("_add")}, model.count_params()


@pytest.mark.parametrize("padding", ["same", "symmetric"])
@pytest.mark.parametrize("shortcut", ["identity", "projection"])
@pytest.mark.parametrize("stem", ["small", "large"])
@pytest.mark.parametrize(
    ("block", "stride"),
    [("basic", "3x3"), ("preactivation", "3x3")]
    + [(block, stride) for block in ("bottleneck", "preactivation_bottleneck") for stride in ("3x3", "1x1")],
)
def test_no_block_keeps_a_stride_and_shapes_stay(block, stride, stem, shortcut, padding):
    options = {"block": block, "stem": stem, "shortcut": shortcut}
    with keras.StatelessScope():
        blurred = models.resnet(
            (19, 26, 3), 2, depth=(1, 2), width=4, downsampling="blur", bottleneck_stride=stride, padding=padding, **options
        )
    strides = {layer.name: layer.strides for layer in blurred.layers if isinstance(layer, (keras.layers.Conv2D, keras.layers.MaxPooling2D))}
    assert {name for name, stride in strides.items() if stride != (1, 1)} == ({"stem_conv"} if stem == "large" else set())
    assert [layer.name for layer in blurred.layers].count("stage2_block1_blur") == 1
    # Neither the place of the stride nor the padding changes a shape.
    shapes, parameters = strided(**options)
    assert len(shapes) == 3
    assert {name: blurred.get_layer(name).output.shape for name in shapes} == shapes
    assert blurred.count_params() == parameters


def test_a_pattern_of_single_positions_shifts_by_one_without_a_change():
    # Every second column is what a stride takes all of or nothing of.
    stripes = np.zeros((1, 8, 8, 1), "float32")
    stripes[:, :, ::2] = 1
    changes = {}
    for downsampling in ("blur", "stride"):
        model = models.resnet((8, 8, 1), 2, depth=(1, 1), width=4, downsampling=downsampling)
        name = "blur" if downsampling == "blur" else "pool"
        inputs = keras.Input((8, 8, 1))
        x = inputs
        for layer in model.layers:
            if layer.name.startswith(f"stage2_block1_shortcut_{name}"):
                x = layer(x)
        first, second = (keras.ops.convert_to_numpy(keras.Model(inputs, x)(image)) for image in (stripes, 1 - stripes))
        changes[downsampling] = np.abs(first - second)[:, :, :-1].max()
    assert changes == {"blur": 0, "stride": 1}


def test_the_flag_offers_what_the_models_accept():
    offered, _ = typing.get_args(typing.get_type_hints(Args)["downsampling"])
    assert set(typing.get_args(offered)) == {*models.choices("cnn", "downsampling"), *models.choices("resnet", "downsampling")}
