"""Gradients with respect to inputs and to what layers give, against NumPy and differences. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.training.gradients import Gradient, of_inputs, outputs_of


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def first(outputs):
    return outputs[:, 0]


def by_differences(model, x, step=1e-2):
    """The gradient of the first output, an input at a time."""
    found = np.zeros_like(x)
    for place in np.ndindex(*x.shape[1:]):
        up, down = x.copy(), x.copy()
        up[:, *place] += step
        down[:, *place] -= step
        outputs = [keras.ops.convert_to_numpy(model(one, training=False))[:, 0] for one in (up, down)]
        found[:, *place] = (outputs[0] - outputs[1]) / (2 * step)
    return found


def test_of_a_linear_model_it_is_its_kernel():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    found = of_inputs(model, lambda outputs: outputs[:, 1], np.ones((4, 3), np.float32))
    np.testing.assert_allclose(found, np.tile(model.layers[0].get_weights()[0][:, 1], (4, 1)), rtol=1e-6)


def test_a_convolutional_networks_by_differences():
    model = models.cnn((5, 5, 2), 3, depth=2, width=4, stages=1, activation="tanh", dropout=0.5)
    model.set_weights([weight + np.random.default_rng(0).normal(0, 0.1, weight.shape) ** 2 for weight in model.get_weights()])
    x = np.random.default_rng(1).normal(size=(3, 5, 5, 2)).astype(np.float32)
    np.testing.assert_allclose(of_inputs(model, first, x), by_differences(model, x), atol=1e-3)


def test_a_loss_of_labels_and_batches_of_other_sizes():
    def loss(outputs, labels):
        return keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True)

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    kernel, bias = model.get_weights()
    gradient = Gradient(model, loss)
    for count in (4, 2, 5):
        x, labels = np.random.default_rng(count).normal(size=(count, 3)).astype(np.float32), np.arange(count) % 2
        values, found = gradient(x, labels)
        logits = x @ kernel + bias
        shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(values, -np.log(shares[np.arange(count), labels]), rtol=1e-4)
        np.testing.assert_allclose(found, (shares - np.eye(2)[labels]) @ kernel.T, atol=1e-5)


def test_changed_weights_count_at_once():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    gradient, x = Gradient(model, first), np.ones((2, 3), np.float32)
    before = gradient(x)[1]
    model.set_weights([2 * weight for weight in model.get_weights()])
    np.testing.assert_allclose(gradient(x)[1], 2 * before, rtol=1e-6)


def test_of_an_embedding_and_what_stands_in_its_place():
    model = models.lstm((4,), 2, vocabulary_size=6, embedding_size=3, width=5)
    layer = model.get_layer("embedding")
    tokens = np.array([[1, 2, 5, 0], [3, 0, 0, 0]])
    vectors = outputs_of(model, layer, tokens)
    np.testing.assert_allclose(vectors, layer.get_weights()[0][tokens], rtol=1e-6)
    gradient = Gradient(model, first, layer)
    values, found = gradient(tokens)
    assert found.shape == (2, 4, 3)
    assert not found[1, 1:].any()  # Padding says nothing.
    assert found[0, :3].any()
    small = 1e-2 * np.sign(found)
    moved, _ = gradient(tokens, at=vectors + small)
    np.testing.assert_allclose(moved - values, (small * found).sum(axis=(1, 2)), rtol=0.1, atol=1e-5)
    with pytest.raises(ValueError, match="which has no gradient; name a layer"):
        of_inputs(model, first, tokens)


def test_a_layer_within_a_model_in_a_model():
    inner = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, activation="tanh"), keras.layers.Dense(2)])
    inputs = keras.Input((3,))
    model = keras.Model(inputs, inner(keras.layers.Rescaling(2.0)(inputs)))
    x = np.ones((2, 3), np.float32)
    _, found = Gradient(model, first, inner.layers[0])(x)
    np.testing.assert_allclose(found, np.tile(inner.layers[1].get_weights()[0][:, 0], (2, 1)), rtol=1e-6)
    with pytest.raises(ValueError, match="is not called by"):
        outputs_of(model, keras.layers.Dense(3), x)


def test_what_does_not_depend_on_the_inputs_has_a_gradient_of_zero():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    values, found = Gradient(model, lambda outputs: keras.ops.ones_like(keras.ops.stop_gradient(outputs[:, 0])))(np.ones((2, 3)))
    assert values.tolist() == [1, 1]
    assert found.tolist() == np.zeros((2, 3)).tolist()
