"""Kernels that pass on their inputs. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.initializers import Dirac


def kernel(*shape, seed=0):
    return keras.ops.convert_to_numpy(Dirac(seed)(shape))


@pytest.mark.parametrize(("kernel_size", "channels", "filters"), [(3, 4, 6), (3, 6, 4), (1, 4, 4), (2, 3, 3)])
def test_a_convolution_passes_on_its_channels(kernel_size, channels, filters):
    images, same = np.random.default_rng(0).normal(size=(2, 8, 8, channels)).astype("float32"), min(channels, filters)
    layer = keras.layers.Conv2D(filters, kernel_size, padding="same", kernel_initializer=Dirac(), data_format="channels_last")
    outputs = keras.ops.convert_to_numpy(layer(images))
    # A kernel of an even size has no middle: it passes on the neighbour.
    shift = int(kernel_size == 2)
    np.testing.assert_allclose(outputs[:, : 8 - shift, : 8 - shift, :same], images[:, shift:, shift:, :same], rtol=1e-6)


def test_a_dense_layer_passes_on_its_features_and_a_convolution_in_time_its_channels():
    assert np.array_equal(kernel(3, 3), np.eye(3))
    assert np.array_equal(kernel(5, 2), np.eye(5)[:, :2])
    assert np.array_equal(kernel(3, 4, 4)[1], np.eye(4))
    assert not kernel(3, 4, 4)[[0, 2]].any()


def test_the_other_filters_are_random_with_a_variance_of_a_third_of_one_over_the_fan_in():
    first, second = kernel(3, 3, 8, 200)[..., 8:], kernel(3, 3, 8, 200, seed=1)[..., 8:]
    assert (first != second).all()
    assert first.var() == pytest.approx(1 / (3 * 72), rel=0.05)
    assert abs(first).max() <= 72**-0.5


@pytest.mark.parametrize("family", ["cnn", "resnet", "airbench", "mlp"])
def test_hidden_kernels_pass_on_and_the_output_is_random(family, tiny):
    model = tiny(family, initializer="dirac")
    kernels = {value.path: keras.ops.convert_to_numpy(value) for value in model.trainable_variables if value.name == "kernel"}
    for path, value in kernels.items():
        middle = value[tuple(size // 2 for size in value.shape[:-2])]
        same = min(middle.shape)
        assert np.array_equal(middle[:same, :same], np.eye(same)) == ("logits" not in path), path


def test_it_is_what_auto_means_in_airbench_alone(tiny):
    def second(name):
        return keras.ops.convert_to_numpy(tiny(name).get_layer("block1_conv2" if name == "airbench" else "stage2_conv1").kernel)

    assert np.array_equal(second("airbench")[1, 1], np.eye(4))
    assert (second("cnn") != 0).all()


def test_a_saved_model_names_keras_own_initializer():
    config = keras.saving.serialize_keras_object(Dirac(3))
    assert (config["module"], config["class_name"]) == ("keras.initializers", "VarianceScaling")
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is keras.initializers.VarianceScaling


@pytest.mark.parametrize("family", ["gru", "series_transformer"])
def test_recurrence_and_attention_refuse_it(family):
    with pytest.raises(ValueError, match="kernels of attention and of a recurrence cannot"):
        models.build(family, (5, 2), 2, initializer="dirac")
