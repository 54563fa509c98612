"""Statistics of batch normalization computed anew, against NumPy. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.training.averages.statistics import renew_statistics

GENERATOR = np.random.default_rng(0)
SIZE, STEPS = 32, 3  # `predict` makes batches of 32.


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def of_batches(values):
    """Mean and variance of each batch's features, averaged over the batches."""
    batches = values.reshape(STEPS, SIZE, -1, values.shape[-1]).astype("float64")
    return batches.mean(axis=(1, 2)).mean(axis=0), batches.var(axis=(1, 2)).mean(axis=0)


def statistics(layer):
    return [keras.ops.convert_to_numpy(one) for one in (layer.moving_mean, layer.moving_variance)]


@pytest.mark.parametrize("kind", [models.BatchNormalization, keras.layers.BatchNormalization])
@pytest.mark.parametrize("shape", [(5,), (4, 4, 5)])
def test_statistics_are_the_means_over_batches(kind, shape):
    first, second = kind(momentum=0.9, name="first"), kind(momentum=0.5, name="second")
    model = keras.Sequential([keras.Input(shape), first, keras.layers.Dense(3), second, keras.layers.Dense(2)])
    inputs = GENERATOR.normal(40, 3, (SIZE * STEPS, *shape)).astype("float32")
    for layer in (first, second):  # What the weights before had: none of it is to be seen.
        layer.moving_mean.assign(np.full(layer.moving_mean.shape, 7.0))
        layer.moving_variance.assign(np.full(layer.moving_variance.shape, 9.0))
    kernels = [keras.ops.convert_to_numpy(one) for one in model.trainable_variables]

    assert renew_statistics(model, inputs, steps=STEPS)

    for got, expected in zip(statistics(first), of_batches(inputs), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4)
    # The second sees what the first makes of each batch by the batch's own statistics.
    batches = inputs.reshape(STEPS, SIZE, -1, 5).astype("float64")
    mean, variance = batches.mean(axis=(1, 2), keepdims=True), batches.var(axis=(1, 2), keepdims=True)
    kernel, bias = (keras.ops.convert_to_numpy(one) for one in model.layers[1].weights)
    within = (batches - mean) / np.sqrt(variance + first.epsilon) @ kernel + bias
    for got, expected in zip(statistics(second), of_batches(within.reshape(-1, *shape[:-1], 3)), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)
    assert all(np.array_equal(one, keras.ops.convert_to_numpy(two)) for one, two in zip(kernels, model.trainable_variables, strict=True))


def test_blocks_of_a_stack_have_the_statistics_of_single_ones():
    shape = (6, 6, 2)
    stacked = models.build("resnet", shape, 3, depth=14, width=4, stacking="always")
    single = models.unstacked(stacked)
    inputs = GENERATOR.normal(size=(SIZE * STEPS, *shape)).astype("float32")
    for model in (stacked, single):
        assert renew_statistics(model, inputs, steps=STEPS)
    np.testing.assert_allclose(stacked.predict(inputs, verbose=0), single.predict(inputs, verbose=0), rtol=1e-3, atol=1e-4)


def test_steps_of_a_recurrent_layer_that_no_batch_reaches_keep_theirs():
    layer = models.BatchNormLSTM(2, max_length=6)
    model = keras.Sequential([keras.Input((None, 3)), layer, keras.layers.Dense(1)])
    inputs = GENERATOR.normal(size=(SIZE * STEPS, 4, 3)).astype("float32")
    model(inputs[:2])
    cell = layer.cell
    before = statistics(cell)

    assert renew_statistics(model, inputs, steps=STEPS)

    size = 4 * 2  # What the inputs' products have of each step's statistics.
    kernel = keras.ops.convert_to_numpy(cell.kernel)
    for got, old, expected in zip(statistics(cell), before, (0, 1), strict=True):
        products = (inputs @ kernel).reshape(STEPS, SIZE, 4, size).astype("float64")
        found = products.mean(axis=1) if expected == 0 else products.var(axis=1)
        np.testing.assert_allclose(got[:4, :size], found.mean(axis=0), rtol=1e-3, atol=1e-5)
        np.testing.assert_array_equal(got[4:], old[4:])


def test_frozen_layers_and_networks_without_any_are_left_alone():
    layer = keras.layers.BatchNormalization()
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2), layer])
    layer.trainable = False
    assert not renew_statistics(model, None, steps=STEPS)
    np.testing.assert_array_equal(statistics(layer), [[0, 0], [1, 1]])


def test_the_vector_of_spectral_normalization_follows_its_kernel():
    model = models.build("cnn", (8, 8, 1), 2, depth=4, width=4, normalization="none", weight_normalization="spectral")
    vectors = [one for one in model.non_trainable_variables if one.name == "right_vector"]
    before = [keras.ops.convert_to_numpy(one) for one in vectors]
    assert renew_statistics(model, GENERATOR.normal(size=(SIZE * STEPS, 8, 8, 1)).astype("float32"), steps=STEPS)
    assert vectors
    assert all((keras.ops.convert_to_numpy(one) != old).any() for one, old in zip(vectors, before, strict=True))
