"""The order of layers in `inception1d` and `lite`, and what they are made of. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.network import Parts

PARTS = {
    **{"normalization": "batch", "groups": None, "weight_normalization": None, "activation": "relu", "initializer": "auto"},
    **{"initial_scale": 1.0, "dropout": 0.0, "l1": 0.0, "l2": 0.0},
}


def names_of(model):
    return [layer.name for layer in model.layers]


def test_a_shortcut_leads_around_every_third_module():
    names = names_of(models.inception1d((9, 1), 2, depth=7, width=2, bottleneck_width=2, stochastic_depth=0.4))
    assert [name for name in names if name.endswith("_add")] == ["shortcut1_add", "shortcut2_add"]
    assert names.index("module3_act") < names.index("shortcut1_add") < names.index("module4_bottleneck")
    assert names.index("module6_act") < names.index("shortcut2_act") < names.index("module7_bottleneck")
    # A single feature needs no bottleneck.
    assert "module1_bottleneck" not in names


def test_stochastic_depth_drops_three_modules_of_single_examples():
    model = models.inception1d((9, 1), 2, width=2, bottleneck_width=2, stochastic_depth=0.4)
    layers = [model.get_layer(f"shortcut{number}_stochastic_depth") for number in (1, 2)]
    assert [layer.rate for layer in layers] == pytest.approx([0.2, 0.4])
    assert {layer.noise_shape for layer in layers} == {(None, 1, 1)}


def test_without_a_bottleneck_kernels_see_all_features():
    sizes = {"depth": 2, "width": 2, "kernel_sizes": (5, 3)}
    with_it = models.inception1d((9, 4), 2, bottleneck_width=3, **sizes)
    without = models.inception1d((9, 4), 2, bottleneck_width=None, **sizes)
    assert with_it.get_layer("module2_conv1").kernel.shape == (5, 3, 2)
    assert without.get_layer("module2_conv1").kernel.shape == (5, 6, 2)
    assert not [name for name in names_of(without) if name.endswith("bottleneck")]


def test_separable_convolutions_reach_as_far_as_the_longest_kernel():
    model = models.lite((9, 1), 2, depth=3)
    layers = [model.get_layer(f"separable{number}_depthwise") for number in (1, 2, 3)]
    assert [(layer.kernel_size, layer.dilation_rate) for layer in layers] == [((20,), (2,)), ((10,), (4,)), ((5,), (8,))]
    assert models.lite((9, 1), 2, kernel_sizes=(3,)).get_layer("separable2_depthwise").kernel_size == (2,)


def test_a_separable_convolution_by_its_formula():
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
    inputs = keras.Input((7, 3))
    model = keras.Model(inputs, Parts(**PARTS).separable_conv(inputs, 4, 3, 2, name="separable"))
    depthwise, mixing = (keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables)
    padded = np.pad(x, ((0, 0), (2, 2), (0, 0)))
    expected = sum(padded[:, 2 * tap : 2 * tap + 7] * depthwise[tap, :, 0] for tap in range(3)) @ mixing[0]
    np.testing.assert_allclose(keras.ops.convert_to_numpy(model(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["inception1d", "h_inception1d", "lite", "resnet1d"])
@pytest.mark.parametrize("weight_normalization", ["spectral", "standardized"])
def test_series_of_one_feature_and_of_one_step_with_normalized_kernels(name, weight_normalization):
    model = models.build(name, (None, 1), 2, weight_normalization=weight_normalization, width=2)
    for time in (1, 24):
        found = keras.ops.convert_to_numpy(model(keras.random.normal((3, time, 1), seed=0)))
        assert np.isfinite(found).all()
