"""The ridge on fixed convolutions is the same in Keras as in NumPy, for series of one length and of several, and tells series apart."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.data.series.convolutions import KERNELS, Convolutions
from hornbook.training.classical import convolution_ridge, mixing

LENGTHS = {"equal": [40] * 12, "unequal": [5, 9, 12, 30, 31, 40, 7, 40, 22, 13, 16, 39]}


def made(lengths, features):
    generator = np.random.default_rng(0)
    return [generator.normal(size=(length, features)).astype(np.float32) for length in lengths]


def batch(series):
    """As a model takes them: NaN behind their ends."""
    padded = np.full((len(series), max(map(len, series)), series[0].shape[1]), np.nan, np.float32)
    for row, one in zip(padded, series, strict=True):
        row[: len(one)] = one
    return padded


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("features", [1, 3])
def test_keras_computes_what_numpy_does(lengths, features):
    series = made(LENGTHS[lengths], features)
    labels = np.arange(12) % 3
    ridge = convolution_ridge.ConvolutionRidge(series, labels, 3)
    inputs = batch(series)
    network = models.fcn((None if lengths == "unequal" else 40, features), 3, width=4, padded=lengths == "unequal")
    mix = mixing.mixed(network, ridge, 0.25)
    found = ridge.convolutions.features(series)
    decision = found @ ridge.weights + ridge.biases
    likely = np.exp(decision)
    of_network = keras.ops.convert_to_numpy(keras.ops.softmax(network(inputs)))
    expected = 0.75 * of_network + 0.25 * likely / likely.sum(axis=1, keepdims=True)
    # A step that equals a threshold up to rounding counts or not.
    np.testing.assert_allclose(np.exp(keras.ops.convert_to_numpy(mix(inputs))), expected, atol=2e-3)


def test_kernels_add_up_to_nothing_and_none_is_there_twice():
    assert KERNELS.shape == (84, 9)
    assert (KERNELS.sum(axis=1) == 0).all()
    assert len(np.unique(KERNELS, axis=0)) == 84


def test_a_feature_is_the_share_of_steps_above_a_threshold():
    series = made([64], 1)
    convolutions = Convolutions(series)
    standardized = np.pad((series[0][:, 0] - series[0].mean()) / series[0].std(), 4)
    convolved = np.correlate(standardized, KERNELS[0], "valid")
    shares = (convolved[:, None] > convolutions.thresholds[0, 0]).mean(axis=0)
    found = convolutions.features(series)[0].reshape(len(convolutions.dilations), -1, len(KERNELS))
    np.testing.assert_allclose(found[0, :, 0], shares, atol=1e-6)


def test_series_are_told_apart_and_an_absent_class_is_not_likely(tmp_path):
    steps = np.arange(60)
    series = [np.sin(steps * speed + place)[:, None].astype(np.float32) for place in range(10) for speed in (0.2, 0.9)]
    ridge = convolution_ridge.ConvolutionRidge(series, np.array([0, 2] * 10), 3)
    model = mixing.mixed(models.fcn((60, 1), 3, width=4), ridge, 0.99)
    new = np.stack([np.sin(steps * speed + 0.5)[:, None] for speed in (0.2, 0.9)]).astype(np.float32)
    probabilities = np.exp(keras.ops.convert_to_numpy(model(new)))
    assert probabilities.argmax(axis=1).tolist() == [0, 2]
    assert probabilities[:, 1].max() < 0.02
    model.save(tmp_path / "model.keras")
    assert "hornbook>" not in model.to_json()
    np.testing.assert_allclose(np.exp(keras.models.load_model(tmp_path / "model.keras").predict(new, verbose=0)), probabilities, atol=1e-5)


def test_of_many_series_some_are_taken(monkeypatch):
    monkeypatch.setattr(convolution_ridge, "_MOST_STEPS", 400)
    series = made([40] * 30, 1)
    ridge = convolution_ridge.ConvolutionRidge(series, np.arange(30) % 2, 2)
    few = convolution_ridge.ConvolutionRidge(series, np.arange(30) % 2, 2, seed=1)
    assert (ridge.weights != few.weights).any()


def test_decisions_of_series_left_out_tell_how_sure_it_is():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 3000)
    logits = np.where(labels[:, None] == np.arange(3), 1.0, 0.0) + generator.gumbel(size=(3000, 3))
    drawn = logits.argmax(axis=1)  # Labels that are as often another class as these logits say.
    decisions = np.where(labels[:, None] == np.arange(3), 1.0, 0.0) / 4
    assert convolution_ridge.sharpness(decisions, drawn) == pytest.approx(4, rel=0.1)


def test_it_is_never_certain_after_a_few_series_without_a_mistake():
    labels = np.arange(10) % 2
    decisions = np.where(labels[:, None] == np.arange(2), 1.0, -1.0)
    likely = 1 / (1 + np.exp(-2 * convolution_ridge.sharpness(decisions, labels)))
    assert likely == pytest.approx(11 / 12, abs=1e-3)  # (10 + 1) / (10 + 2), as Platt has it.


def test_a_penalty_is_chosen_and_decisions_are_made_as_scikit_learn_does():
    from sklearn.linear_model import RidgeClassifierCV

    series, labels = made([40] * 30, 1), np.arange(30) % 3
    ridge = convolution_ridge.ConvolutionRidge(series, labels, 3)
    found = ridge.convolutions.features(series)
    scaled = (found - found.mean(axis=0)) / np.where(found.std(axis=0) > 0, found.std(axis=0), 1)
    expected = RidgeClassifierCV(np.logspace(-3, 3, 10)).fit(scaled, labels).decision_function(scaled)
    logits = found @ ridge.weights + ridge.biases
    np.testing.assert_allclose(logits / np.abs(logits).max(), expected / np.abs(expected).max(), atol=1e-4)
