"""Training on attacked examples, against NumPy. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import Checkpoint, adversarial_training, optimizer, sharpness_aware
from hornbook.training.adversarial.box import Box
from hornbook.training.adversarial.training import STEPS
from hornbook.training.adversarial.watching import RobustAccuracy

RADIUS = 0.2


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def some(count=32):
    generator = np.random.default_rng(0)
    return generator.uniform(size=(count, 3)).astype("float32"), np.eye(2, dtype="float32")[generator.integers(0, 2, count)]


def linear(method=None, rate=0.5, **options):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([np.array([[0.5, -0.2], [0.1, 0.3], [-0.4, 0.8]]), np.array([0.2, -0.1])])
    if method:
        adversarial_training(model, method, Box(np.float32(RADIUS)), **options)
    model.compile(keras.optimizers.SGD(rate), keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
    return model


def values(model):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.trainable_variables]


def shares(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def attacked(x, y, weights, bias):
    """The worst inputs within the box: of a linear model of two classes, one step from anywhere reaches them."""
    return x + RADIUS * np.sign((shares(x @ weights + bias) - y) @ weights.T)


def test_a_step_is_taken_on_attacked_examples():
    # Steps of twice the radius reach the box's edge from every random place, so that nothing depends on it.
    for method, options in (("fgsm", {"share": 2.0}), ("pgd", {"steps": 3, "share": 1.0})):
        (x, y), model = some(), linear(method, **options)
        model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
        weights, bias = np.array([[0.5, -0.2], [0.1, 0.3], [-0.4, 0.8]]), np.array([0.2, -0.1])
        for first in (0, 16):
            batch, labels = x[first : first + 16].astype("float64"), y[first : first + 16]
            moved = attacked(batch, labels, weights, bias)
            errors = (shares(moved @ weights + bias) - labels) / 16
            weights, bias = weights - 0.5 * moved.T @ errors, bias - 0.5 * errors.sum(axis=0)
        for found, wanted in zip(values(model), (weights, bias), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_trades_adds_the_divergence_of_attacked_examples():
    (x, y), model = some(16), linear("trades", rate=1.0, beta=3.0, steps=4, share=1.0)
    before = values(model)
    history = model.fit(x, y, batch_size=16, shuffle=False, verbose=0).history

    def loss(weights, bias, moved):
        p, q = shares(x @ weights + bias), shares(moved @ weights + bias)
        return -(y * np.log(p)).sum(axis=1).mean() + 3.0 * (p * np.log(p / q)).sum(axis=1).mean()

    # Of two classes the divergence is largest at one of the two ends of the line along which the logits differ.
    step = RADIUS * np.sign(before[0][:, 1] - before[0][:, 0])
    p = shares(x @ before[0] + before[1])
    ends = [(p * np.log(p / shares((x + sign * step) @ before[0] + before[1]))).sum(axis=1) for sign in (1, -1)]
    # The noise that it begins with says to which of the two it goes: the loss is between both.
    low, high = (loss(*before, x + np.where(choose(*ends), 1, -1)[:, None] * step) for choose in (np.less, np.greater))
    assert low - 1e-5 <= history["loss"][0] <= high + 1e-5
    assert history["loss"][0] > loss(*before, x) + 0.01


def test_trades_goes_down_the_gradient_of_its_loss():
    (x, y), model = some(16), linear("trades", rate=1e-2, beta=2.0, steps=3, share=1.0)
    losses = model.fit(x, y, batch_size=16, shuffle=False, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_validation_and_evaluation_are_of_examples_as_they_are():
    x, y = some()
    for method in ("fgsm", "pgd", "trades"):
        model, plain = linear(method, rate=1e-9), linear(rate=1e-9)
        history = model.fit(x, y, batch_size=16, validation_data=(x, y), shuffle=False, verbose=0).history
        wanted = plain.evaluate(x, y, verbose=0)
        np.testing.assert_allclose(history["val_loss"][0], wanted, rtol=1e-5)
        assert history["loss"][0] > wanted + 0.01
        np.testing.assert_allclose(model.evaluate(x, y, verbose=0), wanted, rtol=1e-5)


def test_the_mean_of_weighted_examples_counts_in_both_terms():
    x, y = some(16)
    weights = np.where(np.arange(16) < 8, 2.0, 0.0).astype("float32")
    half, whole = linear("trades", steps=2, share=1.0), linear("trades", steps=2, share=1.0)
    half.fit(x, y, sample_weight=weights, batch_size=16, shuffle=False, verbose=0)
    whole.fit(np.concatenate([x[:8], x[:8]]), np.concatenate([y[:8], y[:8]]), batch_size=16, shuffle=False, verbose=0)
    for first, second in zip(values(half), values(whole), strict=True):
        np.testing.assert_allclose(first, second, atol=0.02)  # Other noise of the eight at the end, which counts 0 here.


def network(method):
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Conv2D(4, 3, activation="relu")(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.2, seed=3)(keras.layers.Flatten()(x))
    model = keras.Model(inputs, keras.layers.Dense(3)(x))
    adversarial_training(model, method, Box(np.float32(20), 0.0, 255.0), steps=None if method == "fgsm" else 2, seed=5)
    model.compile(optimizer("adam", 1e-2), keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
    return model


@pytest.mark.parametrize("method", ["fgsm", "pgd", "trades"])
def test_a_training_that_was_cut_off_ends_with_the_same_weights(method, tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.integers(0, 256, (32, 6, 6, 1)).astype("uint8"), np.eye(3, dtype="float32")[generator.integers(0, 3, 32)]

    def fit(model, first, last, folder):
        kept = Checkpoint(folder / "last.npz", [], every=1, options={})
        kept.restore(model, 4)
        model.fit(x, y, batch_size=8, shuffle=False, initial_epoch=first, epochs=last, callbacks=[kept], verbose=0)
        return values(model)

    def begun():
        keras.utils.set_random_seed(1)
        return network(method)

    folders = [tmp_path / name for name in ("whole", "cut")]
    for folder in folders:
        folder.mkdir()
    whole = fit(begun(), 0, 4, folders[0])
    fit(begun(), 0, 2, folders[1])
    resumed = fit(begun(), 2, 4, folders[1])
    if keras.backend.backend() != "torch":  # Whose dropout draws of PyTorch's own numbers.
        assert all(np.array_equal(*pair) for pair in zip(whole, resumed, strict=True))
    assert all(np.isfinite(one).all() for one in whole)


def test_random_starts_differ_by_step_and_seed():
    (x, y), seen = some(16), []
    for seed in (0, 1):
        model = linear("pgd", rate=1e-12, steps=1, share=1e-9, seed=seed)
        seen += model.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert len({round(loss, 6) for loss in seen}) == 4


def test_flat_minima_are_sought_of_attacked_examples():
    (x, y), first, second = some(), linear("pgd"), linear()
    sharpness_aware(second, 0.1)
    adversarial_training(second, "pgd", Box(np.float32(RADIUS)))
    for model in (first, second):
        model.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    assert not np.allclose(values(first)[0], values(second)[0], atol=1e-6)


def test_a_model_that_is_attacked_is_saved_as_it_was(tmp_path):
    model = linear("fgsm")
    model.fit(*some(), verbose=0)
    keras.Model(model.inputs, model.outputs).save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize(
    ("method", "options", "told"),
    [("cw", {}, "one of fgsm, pgd, trades"), ("pgd", {"steps": 0}, "at least 1"), ("pgd", {"share": 0.0}, "size of a step"),
     ("trades", {"beta": -1.0}, "beta must be positive")],
)  # fmt: skip
def test_what_cannot_be_is_refused(method, options, told):
    with pytest.raises(UserError, match=told):
        adversarial_training(linear(), method, Box(np.float32(0.1)), **options)


def test_steps_are_those_of_the_papers():
    assert STEPS == {"fgsm": 1, "pgd": 7, "trades": 10}


def test_the_history_has_the_accuracy_under_one_step_and_under_ten():
    x, y = some(64)
    model = linear()
    watched = RobustAccuracy(x, y.argmax(axis=1), Box(np.float32(RADIUS)))
    rows = model.fit(x, y, epochs=2, callbacks=[watched], verbose=0).history
    assert len(rows["val_fgsm_accuracy"]) == len(rows["val_pgd_accuracy"]) == 2
    moved = attacked(x, y, *values(model))
    wanted = np.mean((moved @ values(model)[0] + values(model)[1]).argmax(axis=1) == y.argmax(axis=1))
    assert rows["val_fgsm_accuracy"][-1] == pytest.approx(wanted)
    assert rows["val_pgd_accuracy"][-1] == pytest.approx(wanted)
