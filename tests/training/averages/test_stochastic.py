"""Stochastic weight averaging, against NumPy. Runs on every Keras backend."""

import json

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import StochasticWeightAverage

GENERATOR = np.random.default_rng(0)
INPUTS, TARGETS = GENERATOR.normal(2, 3, (64, 3)).astype("float32"), GENERATOR.normal(size=(64, 1)).astype("float32")


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def network(constraint=None):
    layers = [keras.layers.Dense(4, kernel_constraint=constraint), keras.layers.BatchNormalization(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    return model


def fit(model, callbacks, epochs=5, **options):
    model.fit(INPUTS, TARGETS, **{"epochs": epochs, "batch_size": 16, "shuffle": False, "verbose": 0, "callbacks": callbacks, **options})
    return model


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(one)) for one in variables]


class Seen(keras.callbacks.Callback):
    """The trainable weights at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(values(self.model.trainable_variables))


def average(epochs=(3, 5)):
    return StochasticWeightAverage(epochs, lambda: INPUTS, steps=2)


def test_the_average_is_the_mean_of_the_weights_at_the_ends_of_the_epochs(capsys):
    seen = Seen()
    model = fit(network(), [seen, average((2, 3, 5))])
    expected = [np.mean([seen.weights[place][number] for place in (1, 2, 4)], axis=0) for number in range(len(seen.weights[0]))]
    for got, wanted in zip(values(model.trainable_variables), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-7)
    hidden = (INPUTS @ expected[0] + expected[1]).reshape(2, 32, 4)
    np.testing.assert_allclose(model.layers[1].get_weights()[2], hidden.mean(axis=1).mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.layers[1].get_weights()[3], hidden.var(axis=1).mean(axis=0), rtol=1e-4)
    assert capsys.readouterr().out == "weights averaged over the ends of 3 epochs\n"


def test_the_training_goes_on_with_the_weights_as_they_are():
    with_average, without = Seen(), Seen()
    for seen, further in ((with_average, [average((1, 2))]), (without, [])):
        keras.utils.set_random_seed(0)
        fit(network(), [seen, *further])
    for one, other in zip(with_average.weights, without.weights, strict=True):
        assert all(np.array_equal(*pair) for pair in zip(one, other, strict=True))


def test_an_average_is_put_back_under_its_constraint():
    model = fit(network(keras.constraints.UnitNorm(axis=0)), [average((1, 5))])
    np.testing.assert_allclose(np.linalg.norm(model.layers[0].get_weights()[0], axis=0), 1, rtol=1e-5)


def test_a_training_that_ended_before_has_no_average(capsys):
    seen = Seen()
    model = fit(network(), [seen, average((7, 8))])
    assert all(np.array_equal(*pair) for pair in zip(values(model.trainable_variables), seen.weights[-1], strict=True))
    assert not capsys.readouterr().out


def test_its_state_goes_through_json():
    whole = fit(network(), [average((2, 3, 5))])
    keras.utils.set_random_seed(0)
    first, model = average((2, 3, 5)), network()
    weights = Kept(3)
    fit(model, [first, weights], epochs=3)
    told, arrays = first.get_state()
    model.set_weights(weights.weights)  # What a checkpoint has: not the average.
    second = average((2, 3, 5))
    second.set_state(json.loads(json.dumps(told)), arrays)
    fit(model, [second], initial_epoch=3)
    assert second.count == 3
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), whole.get_weights(), strict=True))


class Kept(keras.callbacks.Callback):
    """All weights at the end of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.epoch, self.weights = epoch, None

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 == self.epoch:
            self.weights = self.model.get_weights()


@pytest.mark.parametrize(
    ("told", "arrays", "words"),
    [
        ({"count": 3}, [np.zeros(1, "float32")], "3 epochs of 2"),
        ({"count": 1}, [], "1 epochs of 2 with 0 arrays"),
        ({"count": 0}, [np.zeros(1, "float32")], "0 epochs of 2 with 1 arrays"),
        ({"count": 1}, [np.full(1, np.nan, "float32")], "finite numbers"),
        ({"count": 1}, [np.zeros(1)], "float32"),
        ({"count": -1}, [], "the average of weights"),
    ],
)
def test_states_that_cannot_be(told, arrays, words):
    with pytest.raises(UserError, match=words):
        average().set_state(told, arrays)


def test_a_state_of_another_network():
    one = average()
    one.set_state({"count": 1}, [np.zeros(3, "float32")])
    with pytest.raises(UserError, match="of other weights"):
        fit(network(), [one])
