"""The linear model gives what scikit-learn's own does, for every task, on numbers and categories; a pair is the mean of two."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from hornbook import data
from hornbook.training.classical.boosting import GradientBoosting
from hornbook.training.classical.linear import Linear
from hornbook.training.classical.mixing import Pair
from hornbook.training.classical.tables import classical_model

GENERATOR = np.random.default_rng(0)
ROWS = np.hstack([GENERATOR.normal(3, 2, (200, 2)), GENERATOR.integers(0, 4, (200, 2))]).astype(np.float32)
CLASSES = (ROWS[:, 0] > 3).astype(int) + (ROWS[:, 2] > 1)
NUMBERS = ROWS[:, :2] @ np.array([[1.0, 0.5], [2.0, -1.0]]) + ROWS[:, 2:3]


def features():
    """As the model has them, by hand: standardized numbers, a column for each code of each category but 0."""
    scaled = (ROWS[:, :2].astype(np.float64) - ROWS[:, :2].mean(axis=0)) / ROWS[:, :2].std(axis=0)
    return np.hstack([scaled, *(ROWS[:, column : column + 1] == np.arange(1, 4) for column in (2, 3))])


def outputs(model, rows=ROWS):
    inputs = keras.Input((4,))
    return keras.ops.convert_to_numpy(keras.Model(inputs, model.outputs(inputs))(rows))


@pytest.mark.parametrize("count", [3, 4])
def test_classes_of_which_one_may_be_absent(count):
    got = outputs(Linear(ROWS, CLASSES, "classification", count, numbers=2))
    expected = LogisticRegression(max_iter=1000).fit(features(), CLASSES).predict_proba(features())
    probabilities = np.exp(got) / np.exp(got).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities[:, :3], expected, atol=1e-3)


@pytest.mark.parametrize("count", [1, 2])
def test_two_classes(count):
    labels = (CLASSES > 0).astype(int)
    got = outputs(Linear(ROWS, labels, "classification", count, numbers=2))
    expected = LogisticRegression(max_iter=1000).fit(features(), labels).decision_function(features())
    np.testing.assert_allclose(got[:, -1] - (got[:, 0] if count == 2 else 0), expected, atol=1e-3)


def test_labels_and_numbers_and_quantiles():
    labels = np.stack([CLASSES > 0, np.ones(200)], axis=1).astype(int)
    got = outputs(Linear(ROWS, labels, "multi-label", 2, numbers=2))
    np.testing.assert_allclose(
        got[:, 0], LogisticRegression(max_iter=1000).fit(features(), labels[:, 0]).decision_function(features()), atol=1e-3
    )
    assert (got[:, 1] == 15).all()
    got = outputs(Linear(ROWS, NUMBERS, "regression", 2, numbers=2))
    np.testing.assert_allclose(got, Ridge().fit(features(), NUMBERS).predict(features()), atol=1e-2)
    noisy = NUMBERS + np.random.default_rng(1).normal(size=NUMBERS.shape)
    got = outputs(Linear(ROWS, noisy, "regression", 2, numbers=2, quantiles=(0.1, 0.9)))
    assert ((got[:, 0] <= noisy[:, 0]) & (noisy[:, 0] <= got[:, 1])).mean() == pytest.approx(0.8, abs=0.03)


def test_a_pair_is_the_mean():
    one = Linear(ROWS, (CLASSES > 0).astype(int), "classification", 2, numbers=2)
    other = GradientBoosting(ROWS, (CLASSES > 1).astype(int), "classification", 2)
    softmax = lambda values: np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)  # noqa: E731
    expected = (softmax(outputs(one)) + softmax(outputs(other))) / 2
    np.testing.assert_allclose(softmax(outputs(Pair(one, other, "softmax"))), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("task", "count", "kind"),
    [
        ("classification", 60, Pair),
        ("classification", 5000, GradientBoosting),
        ("regression", 60, Linear),
        ("regression", 1000, GradientBoosting),
    ],
)
def test_which_one_a_table_has_goes_by_its_rows(task, count, kind):
    rows = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    targets = (rows[:, 0] > 0).astype(int) if task == "classification" else rows[:, 0]
    dataset = data.tables.from_arrays(rows, targets, task=task, validation_fraction=0)
    assert isinstance(classical_model(dataset, 2 if task == "classification" else 1, "softmax"), kind)


def test_rows_count_as_much_as_their_weights():
    rows, weights = ROWS[:, :2], GENERATOR.uniform(0, 2, 200)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    inputs = keras.Input((2,))
    linear = Linear(rows, NUMBERS, "regression", 2, numbers=2, weights=weights)
    found = keras.Model(inputs, linear.outputs(inputs)).predict(rows, verbose=0)
    np.testing.assert_allclose(found, Ridge().fit(scaled, NUMBERS, weights).predict(scaled), atol=1e-4)
    linear = Linear(rows, CLASSES > 0, "classification", 1, numbers=2, weights=weights)
    found = keras.Model(inputs, linear.outputs(inputs)).predict(rows, verbose=0)
    fitted = LogisticRegression(max_iter=1000).fit(scaled, CLASSES > 0, weights)
    np.testing.assert_allclose(found[:, 0], fitted.decision_function(scaled), atol=1e-2)
    quantiles = Linear(rows, NUMBERS[:, :1], "regression", 2, numbers=2, quantiles=(0.1, 0.9), weights=np.repeat([0.0, 1.0], 100))
    residuals = NUMBERS[100:, :1] - keras.Model(inputs, quantiles.outputs(inputs)).predict(rows[100:], verbose=0)
    np.testing.assert_allclose((residuals < 0).mean(axis=0), [0.1, 0.9], atol=0.02)
