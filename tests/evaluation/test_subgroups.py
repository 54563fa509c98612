"""Scores of groups of examples, and intervals of scores of a whole part."""

import math

import numpy as np
import pytest
from sklearn import metrics

from hornbook.evaluation import classification, intervals, regression, subgroups

CLASSES = {"task": "classification", "loss": "cross-entropy", "class_names": ["a", "b"]}


def test_examples_are_right_as_the_scores_say():
    generator = np.random.default_rng(0)
    labels, outputs = generator.integers(2, size=50), generator.normal(size=(50, 2))
    outputs[0] = np.nan
    for limits in (None, [0.2]):
        found = subgroups.per_example({**CLASSES, "thresholds": limits}, labels, outputs)
        expected = classification.classification(labels, outputs, "ab", None if limits is None else limits[0])
        assert found.mean() == expected["accuracy"]
        assert found[0] == 0
    single = subgroups.per_example({**CLASSES, "loss": "binary"}, labels, outputs[:, 1:] - outputs[:, :1])
    np.testing.assert_array_equal(single, subgroups.per_example(CLASSES, labels, outputs))


def test_labels_are_right_together_and_numbers_are_missed_by_so_much():
    about = {"task": "multi-label", "loss": "multi-label", "class_names": ["a", "b"]}
    labels, outputs = np.array([[1, 0], [1, 1], [0, 0]]), np.array([[1.0, -1.0], [1.0, -1.0], [-1.0, -0.5]])
    assert subgroups.per_example(about, labels, outputs).tolist() == [1, 0, 1]
    assert subgroups.per_example({**about, "thresholds": [0.5, 0.2]}, labels, outputs).tolist() == [0, 1, 0]
    about = {"task": "regression", "loss": "mse", "target_names": ["a", "b"]}
    assert subgroups.per_example(about, [[1.0, 2.0]], [[2.0, 5.0]]).tolist() == [2.0]
    about = {"task": "regression", "loss": "quantile", "quantiles": [0.1, 0.5, 0.9], "target_names": ["a"]}
    assert subgroups.per_example(about, [[1.0]], [[0.0, 4.0, 9.0]]).tolist() == [3.0]


def test_groups_are_the_largest_first():
    labels, outputs = np.array([0, 0, 0, 1, 1, 1]), np.array([[1.0, 0.0]] * 4 + [[0.0, 1.0]] * 2)
    found = subgroups.by_group(CLASSES, labels, outputs, np.array([7, 7, 8, 8, 8, 9], object))
    assert [(one["name"], one["examples"], one["accuracy"]) for one in found] == [("8", 3, 2 / 3), ("7", 2, 1.0), ("9", 1, 1.0)]
    assert found[0]["interval"] == intervals.wilson_interval(2, 3)
    about = {"task": "regression", "loss": "mae", "target_names": ["y"]}
    found = subgroups.by_group(about, np.zeros((3, 1)), np.array([[1.0], [2.0], [4.0]]), ["x", "x", "z"])
    assert [one["mean_absolute_error"] for one in found] == [1.5, 4.0]
    assert found[0]["interval"] == pytest.approx([1.5 - 1.959964 * 0.5, 1.5 + 1.959964 * 0.5])
    assert found[1]["interval"] is None


def test_the_interval_of_a_mean_covers_it():
    inside = 0
    for seed in range(400):
        low, high = intervals.mean_interval(np.random.default_rng(seed).exponential(size=60))
        inside += low < 1 < high
    assert 0.90 < inside / 400 < 0.98
    assert intervals.mean_interval([3.0]) is None


@pytest.mark.parametrize("classes", [2, 4])
def test_intervals_of_confusions_are_those_of_drawing_examples(classes):
    generator = np.random.default_rng(0)
    labels = generator.integers(classes, size=150)
    predicted = np.where(generator.random(150) < 0.7, labels, generator.integers(classes, size=150))
    found = intervals.of_confusions(metrics.confusion_matrix(labels, predicted), resamples=4000)
    drawn = [generator.integers(150, size=150) for _ in range(800)]
    scores = {
        "macro_f1": lambda true, said: metrics.f1_score(true, said, average="macro"),
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "matthews_correlation": metrics.matthews_corrcoef,
    }
    assert found.keys() == scores.keys()
    for name, score in scores.items():
        expected = np.quantile([score(labels[some], predicted[some]) for some in drawn], (0.025, 0.975))
        np.testing.assert_allclose(found[name], expected, atol=0.02)


def test_confusions_of_which_nothing_is_said():
    assert intervals.of_confusions([]) == intervals.of_confusions(np.zeros((2, 2))) == {}
    assert intervals.of_confusions(np.eye(101)) == {}
    assert intervals.of_confusions([[5, 0], [0, 0]])["matthews_correlation"] == [0, 0]


def test_errors_of_numbers_have_intervals():
    generator = np.random.default_rng(0)
    targets = generator.normal(size=(80, 2))
    found = regression.regression(targets, targets + generator.normal(size=(80, 2)), ["a", "b"])
    for name in ("mean_absolute_error", "mean_squared_error"):
        low, high = found[f"{name}_interval"]
        assert low < found[name] < high
    lost = regression.regression(targets, np.full((80, 2), np.inf), ["a", "b"])
    assert not math.isfinite(lost["mean_squared_error_interval"][1])
