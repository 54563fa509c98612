"""Shortcuts of averages: ResNet-D."""

import typing

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.resnet import SHORTCUTS
from hornbook.recipes.image_classification import Args


@pytest.mark.parametrize("block", ["basic", "bottleneck", "preactivation", "preactivation_bottleneck"])
@pytest.mark.parametrize("options", [{}, {"padding": "symmetric"}], ids=str)
def test_a_shortcut_that_halves_the_map_convolves_averages(block, options):
    model = models.resnet((9, 8, 3), 2, depth=(1, 1), width=4, block=block, shortcut="pool-projection", **options)
    pool, conv = model.get_layer("stage2_block1_shortcut_average"), model.get_layer("stage2_block1_shortcut_conv")
    assert conv.input is pool.output
    assert (conv.kernel_size, conv.strides, pool.pool_size, pool.strides) == ((1, 1), (1, 1), (2, 2), (2, 2))
    assert model.get_layer("stage2_block1_add").output.shape[1:3] == (5, 4)
    # The first stage changes no more than the channels: there is nothing to average.
    assert not any(layer.name.startswith("stage1_block1_shortcut_average") for layer in model.layers)


def test_the_average_of_an_odd_map_leaves_padding_out():
    model = models.resnet((5, 4, 1), 2, depth=(1, 1), width=4, shortcut="pool-projection")
    inputs = keras.Input((5, 4, 1))
    averages = keras.Model(inputs, model.get_layer("stage2_block1_shortcut_average")(inputs))
    found = keras.ops.convert_to_numpy(averages(np.arange(20, dtype="float32").reshape(1, 5, 4, 1)))
    np.testing.assert_allclose(found[0, :, :, 0], [[2.5, 4.5], [10.5, 12.5], [16.5, 18.5]])


def test_the_flag_offers_what_the_model_accepts():
    offered, _ = typing.get_args(typing.get_type_hints(Args)["shortcut"])
    assert typing.get_args(offered) == SHORTCUTS
