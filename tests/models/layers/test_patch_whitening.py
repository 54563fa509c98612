"""Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models


def pictures(count=300, side=9, channels=3):
    """Smooth centred images, whose neighbouring pixels and whose channels are correlated."""
    noise = np.random.default_rng(0).normal(size=(count, side + 2, side + 2, channels))
    smooth = sum(noise[:, row : row + side, column : column + side] for row in range(3) for column in range(3))
    return (smooth + smooth.sum(axis=-1, keepdims=True)).astype("float32")


def network(channels=3, **options):
    return models.airbench((9, 9, channels), 2, width=4, width_multipliers=(1,), **options)


def whitened(model, images):
    """What the layer makes of the images, without its bias, (positions, filters)."""
    layer = model.get_layer("whitening")
    outputs = keras.ops.convert_to_numpy(layer(images)) - keras.ops.convert_to_numpy(layer.bias)
    return outputs.reshape(-1, outputs.shape[-1])


@pytest.mark.parametrize(("channels", "size"), [(3, 2), (1, 3)])
def test_filters_are_uncorrelated_and_come_with_their_negatives(channels, size):
    model, images = network(channels, patch_whitening=size), pictures(channels=channels)
    before = np.cov(whitened(model, images).T)
    models.adapt_patch_whitening(model, images, epsilon=1e-9)
    outputs, half = whitened(model, images), size**2 * channels
    assert outputs.shape[1] == 2 * half
    np.testing.assert_allclose(outputs[:, :half], -outputs[:, half:], atol=1e-4)
    moments = outputs[:, :half].T @ outputs[:, :half] / len(outputs)
    np.testing.assert_allclose(moments, np.eye(half), atol=0.01)
    assert np.abs(before[:half, :half] - np.eye(half)).max() > 0.5


def test_epsilon_keeps_directions_of_small_variance_small():
    model, images = network(), pictures()
    images[..., 1] = images[..., 0]  # A third of the directions have no variance.
    models.adapt_patch_whitening(model, images, epsilon=1.0)
    kernel = keras.ops.convert_to_numpy(model.get_layer("whitening").kernel).reshape(12, 24)
    norms = np.linalg.norm(kernel, axis=0)
    np.testing.assert_allclose(norms[8:12], 1, rtol=1e-4)  # 1 / sqrt(0 + 1), the smallest variance last.
    assert (np.diff(norms[:12]) > -1e-5).all()
    moments = (whitened(model, images) ** 2).mean(axis=0)
    variances = 1 / norms**2 - 1
    np.testing.assert_allclose(moments, variances / (variances + 1), atol=1e-3)


def test_training_moves_the_bias_and_not_the_kernel():
    model, images = network(), pictures(32)
    models.adapt_patch_whitening(model, images)
    layer = model.get_layer("whitening")
    before = [np.array(keras.ops.convert_to_numpy(value)) for value in (layer.kernel, layer.bias)]
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(images, np.arange(32) % 2, verbose=0)
    after = [keras.ops.convert_to_numpy(value) for value in (layer.kernel, layer.bias)]
    assert np.array_equal(before[0], after[0])
    assert (before[1] != after[1]).any()
    assert [value.path for value in model.trainable_variables if "whitening" in value.path] == [layer.bias.path]


def test_a_network_without_the_layer_is_refused():
    with pytest.raises(ValueError, match="'airbench' has no layer 'whitening' to adapt"):
        models.adapt_patch_whitening(network(patch_whitening=0), pictures(2))
