"""Group DRO, against NumPy. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import Checkpoint, losses, sharpness_aware
from hornbook.training.updates.group_robust import WorstGroupAccuracy, group_robust, group_weights

SIZES = np.array([12, 8, 3, 1])


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def some():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(24, 3)).astype("float32")
    groups = draw.permutation(np.repeat(np.arange(4), SIZES))
    return x, np.eye(2, dtype="float32")[groups % 2], np.eye(4, dtype="float32")[groups]


def linear(step=0.5, adjustment=0.0, radius=0.0, made=None):
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.set_weights([np.array([[0.5, -0.2], [0.1, 0.3], [-0.4, 0.6]]), np.array([0.2, 0.0])])
    sharpness_aware(model, radius)
    group_robust(model, SIZES, step=step, adjustment=adjustment)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True)
    model.compile(made or keras.optimizers.SGD(0.1), loss, metrics=["accuracy"])
    return model


def fit(model, x, labels, groups, **options):
    wide = np.concatenate([labels, groups], axis=1)
    return model.fit(x, wide, **{"batch_size": 8, "shuffle": False, "verbose": 0, **options}).history


def by_hand(x, labels, groups, step, adjustment, weights=None, epochs=1):
    """Algorithm 1 of Sagawa et al. (2020) for a linear model and gradient descent, a batch in place of an example."""
    kernel, bias = np.array([[0.5, -0.2], [0.1, 0.3], [-0.4, 0.6]]), np.array([0.2, 0.0])
    q, robust = np.full(4, 0.25), []
    weights = np.ones(len(x)) if weights is None else weights
    for _ in range(epochs):
        for first in range(0, len(x), 8):
            part = slice(first, first + 8)
            a, y, g, w = x[part].astype("float64"), labels[part], groups[part], weights[part]
            logits = a @ kernel + bias
            shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            losses = -np.log((shares * y).sum(axis=1)) * w
            counts = g.sum(axis=0)
            there = counts > 0
            of_group = (g * losses[:, None]).sum(axis=0)[there] / counts[there]
            q[there] = q[there] * np.exp(step * (of_group + adjustment / np.sqrt(SIZES[there])))
            q = q / q.sum()
            robust.append((q[there] * of_group).sum())
            each = w * (g[:, there] * (q[there] / counts[there])).sum(axis=1)
            gradient = (shares - y) * each[:, None]
            kernel, bias = kernel - 0.1 * a.T @ gradient, bias - 0.1 * gradient.sum(axis=0)
    return q, kernel, bias, np.mean(robust)


@pytest.mark.parametrize(("step", "adjustment"), [(0.01, 0.0), (0.5, 0.0), (0.5, 3.0)])
@pytest.mark.parametrize("weighted", [False, True])
def test_steps_are_those_of_the_algorithm(step, adjustment, weighted):
    x, labels, groups = some()
    weights = np.linspace(0.5, 1.5, 24).astype("float32") if weighted else None
    model = linear(step, adjustment)
    history = fit(model, x, labels, groups, epochs=2, **({"sample_weight": weights} if weighted else {}))
    q, kernel, bias, _ = by_hand(x, labels, groups, step, adjustment, weights, epochs=2)
    np.testing.assert_allclose(group_weights(model), q, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], kernel, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias, atol=1e-5)
    assert history["loss"][0] == pytest.approx(by_hand(x, labels, groups, step, adjustment, weights)[3], rel=1e-4)


def test_a_weight_that_has_become_tiny_comes_back():
    x, labels, groups = some()
    model = linear(step=0.5)
    state = model.group_state.state
    state.assign(np.array([-500.0, 0, 0, 0], "float32"))
    assert group_weights(model)[0] == 0
    fit(model, x, labels, groups)
    assert keras.ops.convert_to_numpy(state)[0] > -500
    assert np.isfinite(group_weights(model)).all()


def test_blended_examples_count_for_both_groups():
    x, labels, groups = some()
    mixed = 0.7 * groups + 0.3 * groups[::-1]
    model = linear()
    fit(model, x, labels, mixed)
    q, kernel, _, _ = by_hand(x, labels, mixed, 0.5, 0.0)
    np.testing.assert_allclose(group_weights(model), q, atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], kernel, atol=1e-5)


def test_validation_takes_labels_alone_and_metrics_are_of_examples():
    x, labels, groups = some()
    model = linear(made=keras.optimizers.SGD(0.0))
    history = fit(model, x, labels, groups, validation_data=(x, labels), epochs=1)
    assert history["accuracy"][0] == pytest.approx(history["val_accuracy"][0], abs=1e-6)
    assert history["val_loss"][0] == pytest.approx(model.evaluate(x, labels, verbose=0)[0], rel=1e-5)


def test_it_goes_together_with_sharpness_and_a_step_moves_the_weights_once():
    x, labels, groups = some()
    plain, aware = linear(), linear(radius=0.3)
    for model in (plain, aware):
        fit(model, x[:8], labels[:8], groups[:8])
    np.testing.assert_allclose(group_weights(plain), group_weights(aware), atol=1e-6)
    assert np.abs(plain.get_weights()[0] - aware.get_weights()[0]).max() > 1e-4


def test_the_weights_are_in_a_checkpoint_and_not_in_the_model(tmp_path):
    x, labels, groups = some()

    def run(path, epochs):
        model = linear(made=keras.optimizers.Adam(0.05))
        kept = Checkpoint(tmp_path / f"{path}.npz")
        fit(model, x, labels, groups, initial_epoch=kept.restore(model), epochs=epochs, callbacks=[kept])
        return model

    run("cut", 2)
    cut, whole = run("cut", 4), run("whole", 4)
    assert np.array_equal(group_weights(cut), group_weights(whole))
    assert not np.array_equal(group_weights(run("short", 2)), group_weights(whole))
    for first, second in zip(cut.variables, whole.variables, strict=True):
        assert np.array_equal(keras.ops.convert_to_numpy(first), keras.ops.convert_to_numpy(second))
    assert whole.count_params() == 8
    whole.save(tmp_path / "model.keras")
    assert len(keras.saving.load_model(tmp_path / "model.keras").variables) == 2


def test_members_of_an_ensemble_share_the_weights():
    x, labels, groups = some()
    inputs = keras.Input((3,))
    outputs = keras.layers.Reshape((2, 2))(keras.layers.Dense(4)(inputs))
    model = group_robust(keras.Model(inputs, outputs), SIZES, step=0.5)
    model.compile("sgd", losses.OverMembers(keras.losses.CategoricalCrossentropy(from_logits=True)))
    fit(model, x, labels, groups)
    assert np.ptp(group_weights(model)) > 0.01


def test_the_worst_group_is_in_the_logs():
    x, labels, groups = some()
    model = linear(made=keras.optimizers.SGD(0.0))
    numbers = groups.argmax(axis=1)
    history = fit(model, x, labels, groups, callbacks=[WorstGroupAccuracy(x, labels.argmax(axis=1), numbers)])
    right = (x @ model.get_weights()[0] + model.get_weights()[1]).argmax(axis=1) == labels.argmax(axis=1)
    assert history["val_worst_group_accuracy"] == [min(right[numbers == group].mean() for group in range(4))]


@pytest.mark.parametrize(
    ("options", "told"),
    [({"sizes": [5]}, "two groups"), ({"sizes": [5, 0]}, "two groups"), ({"step": -1}, "the step"), ({"adjustment": np.inf}, "adjustment")],
)
def test_what_cannot_be_is_refused(options, told):
    with pytest.raises(UserError, match=told):
        group_robust(linear(), **{"sizes": SIZES, **options})


def test_a_loss_by_its_name_is_refused():
    x, labels, groups = some()
    model = linear()
    model.compile("sgd", "mse")
    with pytest.raises(UserError, match=r"needs a loss that is a keras.losses.Loss"):
        fit(model, x, labels, groups)
