"""The mean of an ensemble's members against its formula in NumPy, and what it is in training."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.layers.members import MEANS, mean_over_members

OUTPUTS = np.random.default_rng(0).normal(size=(5, 4, 3)).astype("float32") * 3


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def of_layer(outputs, activation, training=False, **options):
    inputs = keras.Input(outputs.shape[1:])
    model = keras.Model(inputs, models.mean_of_members(inputs, activation, **options))
    assert model.output_shape == (None, outputs.shape[-1])
    return keras.ops.convert_to_numpy(model(outputs, training=training))


@pytest.mark.parametrize(("activation", "turn"), [("softmax", softmax), ("sigmoid", sigmoid), ("linear", lambda values: values)])
def test_the_mean_is_of_what_the_activation_makes_of_the_outputs(activation, turn):
    found = of_layer(OUTPUTS, activation)
    np.testing.assert_allclose(turn(found), turn(OUTPUTS).mean(axis=1), rtol=1e-5)


@pytest.mark.parametrize("activation", MEANS)
def test_one_member_is_itself(activation):
    found, own = of_layer(OUTPUTS[:, :1], activation), OUTPUTS[:, 0]
    shift = (found - own).mean(axis=-1, keepdims=True) if activation == "softmax" else 0  # Logits of a softmax have no origin.
    np.testing.assert_allclose(found, own + shift, rtol=1e-4, atol=1e-5)


def test_tiny_probabilities_are_kept():
    far = np.array([[[300.0, -300.0], [200.0, -200.0]]], "float32")
    # Twice the probability exp(-400) / 2 of the surer one is next to nothing beside the other's.
    np.testing.assert_allclose(np.diff(of_layer(far, "softmax")), [[-400 - np.log(2)]], rtol=1e-5)
    np.testing.assert_allclose(of_layer(far[..., :1], "sigmoid"), [[200 + np.log(2)]], rtol=1e-5)


@pytest.mark.parametrize("independent", [False, True])
def test_training_sees_the_members(independent):
    np.testing.assert_array_equal(of_layer(OUTPUTS, "softmax", training=True, independent=independent), OUTPUTS)


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="gradients are written in one backend's words")
@pytest.mark.parametrize(("independent", "factor"), [(False, 1), (True, 4)])
def test_independent_members_learn_as_if_each_were_alone(independent, factor):
    import tensorflow as tf

    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, models.mean_of_members(inputs, independent=independent))
    outputs = tf.constant(OUTPUTS)
    with tf.GradientTape() as tape:
        tape.watch(outputs)
        loss = tf.reduce_sum(tf.square(tf.reduce_mean(model(outputs, training=True) ** 2, axis=1)))
    with tf.GradientTape() as plain:
        plain.watch(outputs)
        same = tf.reduce_sum(tf.square(tf.reduce_mean(outputs**2, axis=1)))
    assert float(loss) == float(same)
    np.testing.assert_allclose(tape.gradient(loss, outputs), factor * plain.gradient(same, outputs), rtol=1e-6)


def test_an_unknown_mean_is_refused():
    with pytest.raises(ValueError, match="activation must be one of softmax, sigmoid, linear, got 'relu'"):
        mean_over_members(OUTPUTS, "relu")
