"""Scores of a classifier of several classes, against their formulas and scikit-learn."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from hornbook.evaluation import classification


def sample(examples=400, classes=5, seed=0, sharpness=1.5):
    """Labels and logits of a classifier that is right more often than not."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=examples)
    logits = generator.normal(size=(examples, classes)) + sharpness * np.eye(classes)[labels]
    return labels, logits.astype(np.float32)


def names(classes):
    return [f"class {k}" for k in range(classes)]


def test_accuracy_loss_and_counts_follow_their_formulas():
    labels, logits = sample()
    scores = classification.classification(labels, logits, names(5))
    probabilities = np.exp(logits.astype(np.float64))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    assert scores["examples"] == 400
    assert scores["not_finite"] == 0
    assert scores["accuracy"] == np.mean(probabilities.argmax(axis=1) == labels)
    assert scores["loss"] == pytest.approx(-np.mean(np.log(probabilities[np.arange(400), labels])), rel=1e-12)


def test_per_class_scores_by_hand():
    # Class 0: 2 of 3 found, 1 wrong claim. Class 1: 1 of 2 found, 1 wrong claim. Class 2: none found, none claimed.
    labels = np.array([0, 0, 0, 1, 1, 2])
    predicted = np.array([0, 0, 1, 1, 0, 0])
    scores = classification.classification(labels, np.eye(3)[predicted] * 9.0, ["a", "b", "c"])
    assert scores["confusion_matrix"] == [[2, 1, 0], [1, 1, 0], [1, 0, 0]]
    first, second, third = scores["per_class"]
    assert first == {"name": "a", "support": 3, "precision": 2 / 4, "recall": 2 / 3, "f1": pytest.approx(2 * 2 / (2 * 2 + 2 + 1))}
    assert second == {"name": "b", "support": 2, "precision": 1 / 2, "recall": 1 / 2, "f1": 1 / 2}
    assert third == {"name": "c", "support": 1, "precision": 0.0, "recall": 0.0, "f1": 0.0}


def test_agrees_with_scikit_learn():
    labels, logits = sample()
    scores = classification.classification(labels, logits, names(5))
    predicted = logits.argmax(axis=1)
    assert scores["loss"] == pytest.approx(metrics.log_loss(labels, classification.softmax(logits), labels=range(5)), rel=1e-9)
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert scores["macro_precision"] == pytest.approx(metrics.precision_score(labels, predicted, average="macro"))
    assert scores["macro_recall"] == pytest.approx(metrics.recall_score(labels, predicted, average="macro"))
    assert scores["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels, predicted))
    assert scores["matthews_correlation"] == pytest.approx(metrics.matthews_corrcoef(labels, predicted))
    assert np.array_equal(scores["confusion_matrix"], metrics.confusion_matrix(labels, predicted))


def test_a_class_without_examples_is_left_out_of_the_means():
    labels, logits = sample(classes=4)
    logits = np.concatenate([logits, np.full((len(labels), 1), -50.0)], axis=1)
    with_absent = classification.classification(labels, logits, names(5))
    without = classification.classification(labels, logits[:, :4], names(4))
    assert with_absent["per_class"][4] == {"name": "class 4", "support": 0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert len(with_absent["confusion_matrix"]) == 5
    for key in ("macro_precision", "macro_recall", "macro_f1", "balanced_accuracy", "matthews_correlation"):
        assert with_absent[key] == pytest.approx(without[key])


def test_a_classifier_that_ignores_the_rare_class_is_accurate_and_no_better_than_a_guess():
    labels = np.repeat([0, 1], [95, 5])
    scores = classification.classification(labels, np.tile([1.0, 0.0], (100, 1)), ["usual", "rare"])
    assert scores["accuracy"] == 0.95
    assert (scores["balanced_accuracy"], scores["matthews_correlation"]) == (0.5, 0.0)
    one = classification.classification(labels[:1], np.eye(2)[:1], ["usual", "rare"])
    assert (one["balanced_accuracy"], one["matthews_correlation"]) == (1.0, 0.0)


def test_rows_without_a_softmax_are_mistakes():
    labels, logits = sample(examples=10)
    logits[labels.argmin()] = np.nan
    logits[labels.argmax(), 0] = np.inf
    scores = classification.classification(labels, logits, names(5))
    assert scores["not_finite"] == 2
    assert math.isnan(scores["loss"])
    assert np.sum(scores["confusion_matrix"]) == 8
    assert sum(one["support"] for one in scores["per_class"]) == 10
    assert sum(one["count"] for one in scores["calibration_bins"]) == 8
    all_lost = classification.classification(labels, np.full_like(logits, np.nan), names(5))
    assert (all_lost["accuracy"], all_lost["balanced_accuracy"], all_lost["matthews_correlation"]) == (0.0, 0.0, 0.0)
    assert math.isnan(all_lost["calibration_error"])


def test_minus_infinity_masks_a_class():
    scores = classification.classification(np.array([1, 1]), np.array([[-np.inf, 0.0], [-np.inf, 3.0]]), ["a", "b"])
    assert scores["not_finite"] == 0
    assert scores["loss"] == 0.0


def test_large_logits_do_not_overflow():
    labels, logits = np.array([0, 1]), np.array([[1e4, -1e4], [1e4, -1e4]], dtype=np.float32)
    assert classification.classification(labels, logits, ["a", "b"])["loss"] == 1e4
    assert np.array_equal(classification.softmax(logits), [[1.0, 0.0], [1.0, 0.0]])


def test_result_is_plain_json():
    labels, logits = sample()
    scores = classification.classification(labels.astype(np.uint8), logits.astype(np.float16), np.array(names(5)))
    assert json.loads(json.dumps(scores, allow_nan=False)) == scores


def test_worst_gives_the_most_confident_mistakes_first():
    labels = np.array([0, 0, 1, 1, 0, 1])
    logits = np.array([[3.0, 0.0], [0.0, 1.0], [5.0, 0.0], [2.0, 0.0], [np.nan, 0.0], [2.0, 0.0]])
    assert classification.worst(labels, logits, 10).tolist() == [2, 3, 5, 1]
    assert classification.worst(labels, logits, 2).tolist() == [2, 3]
    assert classification.worst(labels, logits, 0).tolist() == []
    assert classification.worst(labels[:1], logits[:1], 5).tolist() == []
    with pytest.raises(ValueError, match="count must be 0 or more, got -1"):
        classification.worst(labels, logits, -1)


@pytest.mark.parametrize(
    ("labels", "logits", "class_names", "message"),
    [
        ([0, 1], [[1.0, 2.0]], ["a", "b"], "same number of examples, got 2 and 1"),
        ([0], [[1.0, 2.0]], ["a"], "got 1 names for 2 columns"),
        ([2], [[1.0, 2.0]], ["a", "b"], "0 to 1 for 2 classes, got 2 to 2"),
        ([-1], [[1.0, 2.0]], ["a", "b"], "got -1 to -1"),
        ([0.0], [[1.0, 2.0]], ["a", "b"], "must be integers"),
        ([[0]], [[1.0, 2.0]], ["a", "b"], r"got int64 of shape \(1, 1\)"),
        ([0], [1.0], ["a"], r"shape \(examples, classes\)"),
        ([0], [[1.0]], ["a"], "2 classes or more"),
        (np.zeros(0, int), np.zeros((0, 2)), ["a", "b"], "empty"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(labels, logits, class_names, message):
    with pytest.raises(ValueError, match=message) as caught:
        classification.classification(np.array(labels), np.array(logits), class_names)
    assert "\n" not in str(caught.value)
