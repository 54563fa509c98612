"""Kernels are normalized by their formulas, written again in NumPy."""

import keras
import numpy as np
import pytest

from hornbook import models

X = np.random.default_rng(0).normal(size=(4, 6, 6, 3)).astype("float32")


def built(make):
    keras.utils.set_random_seed(0)
    layer = make()
    layer.build(X.shape)
    return layer


def stored(layer):
    return keras.ops.convert_to_numpy(layer._kernel)


def used(layer):
    return keras.ops.convert_to_numpy(layer.kernel)


@pytest.mark.parametrize("make", [lambda: models.StandardizedConv2D(5, 3), lambda: models.StandardizedDense(5)], ids=["conv", "dense"])
def test_standardized_kernels(make):
    layer = built(make)
    # Of a deviation beside which the 1e-5 under the root is nothing.
    layer._kernel.assign(np.random.default_rng(0).normal(size=layer._kernel.shape))
    kernel = stored(layer)
    matrix = kernel.reshape(-1, 5)
    mean, variance, fan_in = matrix.mean(0), matrix.var(0), len(matrix)
    np.testing.assert_allclose(used(layer).reshape(-1, 5), (matrix - mean) / np.sqrt(fan_in * variance + 1e-5), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose((used(layer) ** 2).reshape(-1, 5).sum(0), 1, rtol=1e-3)


@pytest.mark.parametrize("make", [lambda: models.SpectralConv2D(5, 3), lambda: models.SpectralDense(5)], ids=["conv", "dense"])
def test_spectral_norm_settles_at_1_and_the_stored_kernel_stays(make):
    layer = built(make)
    kernel = stored(layer)
    x = X[:1, :3, :3]
    for _ in range(60):
        layer(x, training=True)
    np.testing.assert_array_equal(stored(layer), kernel)
    largest = np.linalg.svd(kernel.reshape(-1, 5), compute_uv=False)[0]
    np.testing.assert_allclose(used(layer), kernel / largest, rtol=1e-3, atol=1e-5)


def test_one_power_iteration_a_training_step_and_none_at_inference():
    layer = built(lambda: models.SpectralDense(5))
    right = keras.ops.convert_to_numpy(layer.right_vector)
    layer(X, training=False)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(layer.right_vector), right)
    layer(X, training=True)
    left = stored(layer) @ right
    expected = stored(layer).T @ (left / np.linalg.norm(left))
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer.right_vector), expected / np.linalg.norm(expected), rtol=1e-4, atol=1e-6)


def test_the_kernel_and_the_singular_vector_are_saved(tmp_path):
    model = keras.Sequential([keras.Input((6,)), models.SpectralDense(4), models.StandardizedDense(3)])
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    for saved, loaded in zip(model.get_weights(), reloaded.get_weights(), strict=True):
        np.testing.assert_array_equal(saved, loaded)


def test_training_through_fit_agrees_with_inference():
    # Keras' SpectralNormalization loses its state here under JAX.
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6, 6, 3)), models.SpectralConv2D(4, 3), keras.layers.Flatten(), models.SpectralDense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    targets = np.ones((4, 1), "float32")
    model.fit(np.tile(X, (60, 1, 1, 1)), np.tile(targets, (60, 1)), batch_size=4, verbose=0)
    loss = model.fit(X, targets, verbose=0).history["loss"][0]
    assert model.evaluate(X, targets, verbose=0) == pytest.approx(loss, rel=1e-2)


def test_a_kernel_over_one_input_is_refused():
    with pytest.raises(ValueError, match="no deviation to standardize"):
        models.StandardizedDense(3).build((None, 1))


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match=r"none, spectral, standardized, got 'spectrum'; did you mean 'spectral'"):
        models.mlp((3,), 2, weight_normalization="spectrum")
