"""Sharpness-aware minimization, against NumPy. Runs on every Keras backend."""

import math

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training import Checkpoint, Diagnostics, optimizer, sharpness_aware

RADIUS = 0.3


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def values(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def same(first, second):
    return all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


def some(count=16):
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(count, 3)).astype("float32")
    return inputs, (inputs @ [[1.0], [-2.0], [0.5]] + 0.3).astype("float32")


def fit(model, inputs, targets, **options):
    keras.utils.set_random_seed(1)  # Of PyTorch's dropout, which knows no seed of the layer's.
    return model.fit(inputs, targets, **{"batch_size": 8, "shuffle": False, "verbose": 0, **options}).history


def by_hand(inputs, targets, radius, rate, epochs=1, size=8, weights_of_examples=None):
    """Algorithm 1 of Foret et al. (2021) for a linear model, its squared error, and gradient descent."""
    weights, bias, losses = np.array([[0.5], [0.1], [-0.4]]), np.array([0.2]), []

    def gradients(weights, bias, x, y):
        errors = x @ weights + bias - y
        return 2 * x.T @ errors / len(x), 2 * errors.mean(axis=0), np.square(errors).mean()

    for _ in range(epochs):
        for first in range(0, len(inputs), size):
            x, y = inputs[first : first + size].astype("float64"), targets[first : first + size]
            of_weights, of_bias, loss = gradients(weights, bias, x, y)
            losses.append(loss)
            norm = math.sqrt(np.square(of_weights).sum() + np.square(of_bias).sum())
            of_weights, of_bias, _ = gradients(weights + radius * of_weights / norm, bias + radius * of_bias / norm, x, y)
            weights, bias = weights - rate * of_weights, bias - rate * of_bias
    return weights, bias, np.mean(losses)


def linear(radius, made=None):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.set_weights([np.array([[0.5], [0.1], [-0.4]]), np.array([0.2])])
    sharpness_aware(model, radius)
    model.compile(made or keras.optimizers.SGD(0.1), "mse")
    return model


@pytest.mark.parametrize("radius", [0.0, 0.05, RADIUS])
def test_steps_are_those_of_the_algorithm(radius):
    inputs, targets = some()
    model = linear(radius)
    history = fit(model, inputs, targets)
    weights, bias, loss = by_hand(inputs, targets, radius, 0.1)
    np.testing.assert_allclose(model.get_weights()[0], weights, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias, atol=1e-5)
    assert history["loss"][0] == pytest.approx(loss, rel=1e-5)  # Of the weights as they are.


def deep(radius, made, *, dropout=0.5):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dense(8, "relu"), keras.layers.BatchNormalization(), keras.layers.Dropout(dropout), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((3,)), *layers])
    sharpness_aware(model, radius)
    model.compile(made, "mse", metrics=["mae"])
    return model


def test_statistics_random_numbers_and_metrics_are_those_of_the_first_pass():
    inputs, targets = some(8)
    plain, aware = deep(0.0, "sgd"), deep(RADIUS, "sgd")
    histories = [fit(model, inputs, targets) for model in (plain, aware)]
    assert same(values(plain.non_trainable_variables), values(aware.non_trainable_variables))
    for name in ("loss", "mae"):
        assert histories[0][name] == pytest.approx(histories[1][name], rel=1e-6)
    assert not same(plain.get_weights(), aware.get_weights())


def test_both_passes_drop_the_same():
    # So near the weights the gradient is theirs, if nothing else differs.
    inputs, targets = some(8)
    plain, aware = deep(0.0, keras.optimizers.SGD(0.1)), deep(1e-6, keras.optimizers.SGD(0.1))
    for model in (plain, aware):
        fit(model, inputs, targets, epochs=3)
    for first, second in zip(plain.get_weights(), aware.get_weights(), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-4)


def test_a_run_that_is_resumed_ends_with_the_same_weights(tmp_path):
    inputs, targets = some()

    def run(path, epochs):
        model = deep(RADIUS, optimizer("adamw", 0.01, weight_decay=0.1, ema=0.9, accumulate_steps=3))
        kept = Checkpoint(tmp_path / f"{path}.npz")
        fit(model, inputs, targets, initial_epoch=kept.restore(model), epochs=epochs, callbacks=[kept])
        return model

    if keras.backend.backend() == "torch":
        pytest.skip("under PyTorch, dropout draws of random numbers that a checkpoint does not hold")
    run("cut", 2)
    assert same(values(run("cut", 4).variables), values(run("whole", 4).variables))


def test_a_stack_of_blocks_and_an_embedding():
    model = models.resnet((6, 6, 1), 2, depth=(3,), width=2, stacking="always")
    text = models.build("text_transformer", (5,), 2, depth=1, width=4, heads=2, vocabulary_size=7, padded=False)
    generator = np.random.default_rng(0)
    for network, inputs in ((model, generator.normal(size=(8, 6, 6, 1))), (text, generator.integers(0, 7, (8, 5)))):
        sharpness_aware(network, 0.05)
        network.compile(optimizer("sgd", 0.05), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        before = network.get_weights()
        history = fit(network, inputs, generator.integers(0, 2, 8), epochs=8)
        assert history["loss"][-1] < history["loss"][0]
        assert not same(before, network.get_weights())


def test_the_diagnosis_sees_the_gradients_that_are_applied():
    inputs, targets = some()
    model = linear(RADIUS)
    watching = Diagnostics((inputs, targets), every=1)
    before = model.get_weights()
    fit(model, inputs, targets, batch_size=16, callbacks=[watching])
    moved = math.sqrt(sum(np.square(first - second).sum() for first, second in zip(before, model.get_weights(), strict=True)))
    assert watching.record.steps.totals[0] == pytest.approx(moved / 0.1, rel=1e-4)
    assert not {"apply", "stateless_apply", "train_step"} & (vars(model.optimizer).keys() | vars(model).keys())


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="under JAX, Keras scales a loss in `fit` alone, which the next test is of")
def test_a_scaled_loss_gives_the_same_steps():
    inputs, targets = some()
    found = [linear(RADIUS, made) for made in (keras.optimizers.SGD(0.1), keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)))]
    for model in found:
        fit(model, inputs, targets)
    np.testing.assert_allclose(found[0].get_weights()[0], found[1].get_weights()[0], rtol=1e-4)


def test_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1, dtype="float32")])
        sharpness_aware(model, 0.05)
        model.compile(optimizer("sgd", 0.05), "mse")
    finally:
        keras.config.set_dtype_policy("float32")
    assert type(model.optimizer).__name__ == "LossScaleOptimizer"
    history = fit(model, *some(), epochs=20)
    assert history["loss"][-1] < 0.3 * history["loss"][0]


def test_a_saved_model_is_keras_own(tmp_path):
    model = models.mlp((3,), 1, width=4)
    kind = type(model)
    assert sharpness_aware(model, RADIUS) is model
    model.compile("sgd", "mse")
    fit(model, *some())
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is kind
    np.testing.assert_allclose(model.predict(some()[0], verbose=0), again.predict(some()[0], verbose=0), rtol=1e-6)
    about = keras.saving.serialize_keras_object(model)
    assert (about["module"], about["class_name"], about["registered_name"]) == ("keras.src.models.functional", "Functional", "Functional")
    sharpness_aware(sharpness_aware(model, 0.1), 0)
    assert type(model) is kind


@pytest.mark.parametrize("radius", [-0.1, math.inf, math.nan])
def test_a_radius_out_of_range_is_refused(radius):
    with pytest.raises(UserError, match=r"must be 0 \(off\) or positive and finite"):
        sharpness_aware(keras.Sequential([keras.layers.Dense(1)]), radius)
