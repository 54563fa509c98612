"""The test of learning rates, against NumPy, and that it leaves nothing behind. Runs on every Keras backend."""

import itertools

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import find_learning_rate, optimizer
from hornbook.training.schedules import schedule


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def line(count=8, size=16):
    """Batches of a problem that a linear model solves."""
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(count, size, 3)).astype("float32")
    return [(one, (one @ [[1.0], [-2.0], [0.5]]).astype("float32")) for one in inputs]


def linear(made):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(made, "mse")
    return model


def test_losses_are_those_of_gradient_descent_with_rising_rates():
    batches = line()
    found = find_learning_rate(linear(keras.optimizers.SGD(0.1)), batches, lowest=1e-3, highest=10.0, steps=41)
    rates, weights = np.geomspace(1e-3, 10.0, 41), np.zeros((3, 1))
    for rate, (inputs, targets), loss in zip(rates, itertools.cycle(batches), found.losses, strict=False):
        errors = inputs @ weights - targets
        np.testing.assert_allclose(loss, np.square(errors).mean(), rtol=1e-2, atol=1e-6)
        weights -= rate * 2 * inputs.T @ errors / len(inputs)
    assert len(found.losses) < 41  # Lost before the highest rate.
    np.testing.assert_allclose(found.rates, rates[: len(found.losses)])
    assert found.suggestion == pytest.approx(rates[found.smoothed.argmin()] / 10)
    # Gradient descent diverges at twice the reciprocal of the largest curvature, which is about 2.
    assert 0.01 < found.suggestion < 0.5


def test_smoothed_losses_are_a_corrected_moving_average():
    found = find_learning_rate(linear(keras.optimizers.SGD(0.1)), line(), steps=20)
    for place in range(len(found.losses)):
        weights = 0.9 ** np.arange(place + 1)[::-1]
        assert found.smoothed[place] == pytest.approx(np.average(found.losses[: place + 1], weights=weights))


def network(made):
    layers = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    model.compile(made, "mse", metrics=["mae"])
    return model


def state(model):
    return [np.array(keras.ops.convert_to_numpy(one)) for one in (*model.variables, *model.optimizer.variables, *model.metrics_variables)]


# At the end of a `fit` under JAX, Keras has weights and averages share their memory, with which a second one fails.
@pytest.mark.parametrize("how", ["adamw", "schedule"] + ["ema"] * (keras.backend.backend() != "jax"))
def test_everything_is_put_back_and_training_goes_on_as_without_it(how):
    inputs, targets = (np.concatenate(part) for part in zip(*line(), strict=True))
    results = []
    for tested in (False, True):
        keras.utils.set_random_seed(0)
        rate = schedule("cosine", 0.01, steps_per_epoch=8, epochs=2) if how == "schedule" else 0.01
        made = optimizer("sgd" if how == "schedule" else "adamw", rate, weight_decay=0.1, ema=0.9 if how == "ema" else 0.0)
        model = network(made)
        # Under PyTorch the first `fit` of a model draws random numbers for building it, and not where that is done.
        if tested and keras.backend.backend() != "torch":
            assert find_learning_rate(model, line(), steps=20).losses.any()
        model.fit(inputs, targets, batch_size=16, shuffle=False, verbose=0)
        before = state(model)
        if tested:
            find_learning_rate(model, line(), steps=20)
            assert all(np.array_equal(*pair) for pair in zip(before, state(model), strict=True))
            assert model.optimizer is made
        model.fit(inputs, targets, batch_size=16, shuffle=False, verbose=0)
        results.append(state(model))
    assert all(np.array_equal(*pair) for pair in zip(*results, strict=True))


def test_an_interruption_leaves_nothing_behind_either():
    model = network(optimizer("adam", 0.01))
    model.train_on_batch(*line()[0])
    before = state(model)

    def broken():
        yield from line()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        find_learning_rate(model, broken())
    assert all(np.array_equal(*pair) for pair in zip(before, state(model), strict=True))


def test_a_suggestion_trains_and_nothing_is_suggested_where_the_loss_does_not_fall():
    batches = line()
    found = find_learning_rate(linear(optimizer("adam", 1.0)), batches)
    model = linear(optimizer("adam", found.suggestion))
    first = model.train_on_batch(*batches[0])
    for batch in batches * 20:
        last = model.train_on_batch(*batch)
    assert last < 0.05 * first
    constant = [(inputs, np.zeros_like(targets)) for inputs, targets in batches]  # The weights are 0 already.
    assert find_learning_rate(linear(optimizer("adam", 1.0)), constant).suggestion is None


def test_a_model_that_its_first_batch_builds_and_weighted_examples():
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("adam", "mse")
    found = find_learning_rate(model, [(*batch, np.full(16, 2.0, "float32")) for batch in line()], steps=20)
    assert len(found.losses) == 20
    assert model.built


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="under JAX, Keras scales a loss in `fit` alone")
def test_a_scaled_loss():
    made = keras.optimizers.LossScaleOptimizer(optimizer("sgd", schedule("cosine", 0.1, steps_per_epoch=8, epochs=2)))
    model = linear(made)
    plain = find_learning_rate(linear(optimizer("sgd", 0.1)), line(), steps=20)
    found = find_learning_rate(model, line(), steps=20)
    np.testing.assert_allclose(found.losses[:10], plain.losses[:10], rtol=1e-4)
    assert model.optimizer is made


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lowest": 0.0}, "learning rates rise from lowest to highest, both positive, got 0.0 and 10.0"),
        ({"lowest": 1.0, "highest": 0.1}, "got 1.0 and 0.1"),
        ({"steps": 3}, "steps must be at least 10, got 3"),
        ({"batches": []}, "has no batches"),
        ({"model": keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])}, "takes a compiled model"),
    ],
)
def test_what_cannot_be_tested_is_refused(options, words):
    with pytest.raises(UserError, match=words):
        find_learning_rate(**{"model": linear(optimizer("sgd", 0.1)), "batches": line(), **options})
