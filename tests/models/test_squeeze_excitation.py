"""Squeeze and excitation: where it is, and its formula."""

import keras
import numpy as np
import pytest

from hornbook import models

GATE = "stage1_block1_excitation"


@pytest.mark.parametrize(
    ("block", "last"), [("basic", "norm2"), ("bottleneck", "norm3"), ("preactivation", "conv2"), ("preactivation_bottleneck", "conv3")]
)
def test_the_gate_is_the_last_of_a_branch(block, last):
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=8, block=block, squeeze_excitation=0.25, stochastic_depth=0.1)
    assert model.get_layer(GATE).input[0] is model.get_layer(f"stage1_block1_{last}").output
    assert model.get_layer("stage1_block1_stochastic_depth").input is model.get_layer(GATE).output


def test_the_formula_in_numpy():
    model = models.resnet((None, None, 3), 2, depth=(1,), width=8, squeeze_excitation=0.25)
    x = np.random.default_rng(0).normal(size=(3, 5, 7, 3)).astype("float32")
    gate = model.get_layer(GATE)
    before, after = (keras.ops.convert_to_numpy(y) for y in keras.Model(model.input, [gate.input[0], gate.output])(x))
    first, second = (model.get_layer(f"{GATE}_dense{index}").get_weights() for index in (1, 2))
    assert [values.shape for values in first + second] == [(8, 2), (2,), (2, 8), (8,)]
    hidden = np.maximum(before.mean((1, 2)) @ first[0] + first[1], 0)
    gates = 1 / (1 + np.exp(-(hidden @ second[0] + second[1])))
    np.testing.assert_allclose(after, before * gates[:, None, None, :], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("use_bias", "biases"), [("auto", 2), (True, 2), (False, 0)])
def test_biases_are_left_out_only_where_asked(use_bias, biases):
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=8, squeeze_excitation=0.25, use_bias=use_bias)
    assert sum("bias" in variable.path and GATE in variable.path for variable in model.trainable_variables) == biases


def test_the_kernels_follow_the_network_s_options():
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=8, squeeze_excitation=0.25, l2=0.1, activation="silu", initializer="orthogonal")
    assert len(model.losses) == sum(variable.name == "kernel" for variable in model.trainable_variables)
    dense1, dense2 = (model.get_layer(f"{GATE}_dense{index}") for index in (1, 2))
    assert {type(dense.kernel_initializer).__name__ for dense in (dense1, dense2)} == {"Orthogonal"}
    assert model.get_layer(f"{GATE}_act").activation is keras.activations.silu
    assert dense2.activation is keras.activations.sigmoid


def test_one_channel_is_the_least():
    model = models.resnet((8, 8, 3), 2, depth=(1,), width=8, squeeze_excitation=1 / 100, weight_normalization="standardized")
    assert model.get_layer(f"{GATE}_dense1").units == 1
