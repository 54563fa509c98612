"""Trees computed by Keras give what scikit-learn's own do, for every task; and outputs that nothing tells apart have a bias alone."""

import keras
import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from hornbook.training.classical.boosting import GradientBoosting
from hornbook.training.classical.mixing import mixed

ROWS = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
ROWS[:, 3] = np.random.default_rng(1).integers(0, 4, 300)  # Codes of categories, and values that come again.
CLASSES = (ROWS[:, 0] + ROWS[:, 3] > 1).astype(int) + (ROWS[:, 1] > 0.5)
NUMBERS = ROWS[:, :2] @ np.array([[1.0, 0.5], [2.0, -1.0]]) * 3 + 5


def outputs(boosting, rows=ROWS):
    inputs = keras.Input((4,))
    return keras.ops.convert_to_numpy(keras.Model(inputs, boosting.outputs(inputs))(rows))


def test_several_classes_of_which_one_is_absent():
    got = outputs(GradientBoosting(ROWS, CLASSES, "classification", 4))
    expected = HistGradientBoostingClassifier(random_state=0).fit(ROWS, CLASSES).predict_proba(ROWS)
    probabilities = np.exp(got) / np.exp(got).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities[:, :3], expected, atol=1e-4)
    assert probabilities[:, 3].max() < 1e-4


@pytest.mark.parametrize("outputs_of", [1, 2])
def test_two_classes(outputs_of):
    labels = (CLASSES > 0).astype(int)
    got = outputs(GradientBoosting(ROWS, labels, "classification", outputs_of))
    expected = HistGradientBoostingClassifier(random_state=0).fit(ROWS, labels).decision_function(ROWS)
    np.testing.assert_allclose(got[:, -1] - (got[:, 0] if outputs_of == 2 else 0), expected, atol=1e-4)


def test_several_labels_of_which_one_never_changes():
    labels = np.stack([CLASSES > 0, np.zeros(300), CLASSES > 1], axis=1).astype(int)
    got = outputs(GradientBoosting(ROWS, labels, "multi-label", 3))
    assert (got[:, 1] == -15).all()
    for place in (0, 2):
        expected = HistGradientBoostingClassifier(random_state=0).fit(ROWS, labels[:, place]).decision_function(ROWS)
        np.testing.assert_allclose(got[:, place], expected, atol=1e-4)


@pytest.mark.parametrize("loss", ["mse", "mae"])
def test_numbers(loss):
    got = outputs(GradientBoosting(ROWS, NUMBERS, "regression", 2, loss=loss))
    name = {"mse": "squared_error", "mae": "absolute_error"}[loss]
    for place in range(2):
        expected = HistGradientBoostingRegressor(random_state=0, loss=name).fit(ROWS, NUMBERS[:, place]).predict(ROWS)
        np.testing.assert_allclose(got[:, place], expected, atol=1e-3)


def test_quantiles():
    got = outputs(GradientBoosting(ROWS, NUMBERS, "regression", 2, loss="quantile", quantiles=(0.1, 0.9)))
    assert ((got[:, 0] <= NUMBERS[:, 0]) & (NUMBERS[:, 0] <= got[:, 1])).mean() == pytest.approx(0.8, abs=0.1)


def test_a_threshold_parts_the_numbers_of_float32_as_it_did(monkeypatch):
    # Thresholds lie between neighbouring numbers: rounded up, the upper one would go left.
    rows = np.repeat(np.float32([[1.0], [np.nextafter(np.float32(1), np.float32(2))]]), 100, axis=0)
    labels = np.repeat([0, 1], 100)
    boosting = GradientBoosting(rows, labels, "classification", 2)
    inputs = keras.Input((1,))
    got = keras.ops.convert_to_numpy(keras.Model(inputs, boosting.outputs(inputs))(rows))
    assert (got.argmax(axis=1) == labels).all()


def test_a_mix_is_the_weighted_mean_and_needs_keras_alone(tmp_path):
    for task, labels, activation, count in (
        ("classification", CLASSES, "softmax", 3),
        ("multi-label", np.stack([CLASSES > 0, CLASSES > 1], axis=1).astype(int), "sigmoid", 2),
        ("regression", NUMBERS, "linear", 2),
    ):
        network = keras.Sequential([keras.Input((4,)), keras.layers.Dense(count)])
        boosting = GradientBoosting(ROWS, labels, task, count)
        mix = mixed(network, boosting, 0.3, activation=activation)
        function = {"softmax": keras.ops.softmax, "sigmoid": keras.ops.sigmoid, "linear": lambda values: values}[activation]
        expected = 0.7 * function(network(ROWS)) + 0.3 * function(keras.ops.convert_to_tensor(outputs(boosting)))
        np.testing.assert_allclose(function(mix(ROWS)), expected, atol=1e-4)
    mix.save(tmp_path / "model.keras")
    assert "hornbook>" not in mix.to_json()
    np.testing.assert_allclose(keras.models.load_model(tmp_path / "model.keras").predict(ROWS, verbose=0), mix(ROWS), rtol=1e-4)


def test_other_options_are_those_of_scikit_learn():
    options = {"max_iter": 30, "max_leaf_nodes": 4, "learning_rate": 0.2}
    got = outputs(GradientBoosting(ROWS, NUMBERS, "regression", 2, **options))
    expected = HistGradientBoostingRegressor(random_state=0, **options).fit(ROWS, NUMBERS[:, 1]).predict(ROWS)
    np.testing.assert_allclose(got[:, 1], expected, atol=1e-3)


def test_rows_count_as_much_as_their_weights():
    weights = np.random.default_rng(2).uniform(0, 2, 300)
    got = outputs(GradientBoosting(ROWS, CLASSES > 1, "classification", 1, weights=weights))
    expected = HistGradientBoostingClassifier(random_state=0).fit(ROWS, CLASSES > 1, weights)
    np.testing.assert_allclose(got[:, 0], expected.decision_function(ROWS), atol=1e-3)
    got = outputs(GradientBoosting(ROWS, NUMBERS, "regression", 2, weights=weights))
    for place in (0, 1):
        fitted = HistGradientBoostingRegressor(random_state=0).fit(ROWS, NUMBERS[:, place], weights)
        np.testing.assert_allclose(got[:, place], fitted.predict(ROWS), rtol=1e-4)
