"""Scores by the loss: classes, one logit, several labels, numbers."""

import ast
import json
import math
import pathlib

import numpy as np
import pytest
from sklearn import metrics

import hornbook.evaluation
from hornbook.evaluation import classification, multi_label, scores


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_one_logit_is_scored_as_two(generator):
    labels, logits = np.arange(50) % 2, generator.normal(size=(50, 1))
    one = scores.scores("binary", labels, logits, ("a", "b"))
    two = scores.scores("cross-entropy", labels, np.concatenate([np.zeros((50, 1)), logits], axis=1), ("a", "b"))
    assert one == two
    assert one["auc"] == pytest.approx(metrics.roc_auc_score(labels, logits[:, 0]))
    assert one["average_precision"] == pytest.approx(metrics.average_precision_score(labels, logits[:, 0]))
    assert one["loss"] == pytest.approx(metrics.log_loss(labels, 1 / (1 + np.exp(-logits[:, 0]))))


def test_ranking_tells_apart_what_rounds_to_one_probability():
    logits = np.array([[0.0, 50.0], [0.0, 60.0], [0.0, 40.0]])
    assert classification.class_ranking(np.array([0, 1, 0]), logits) == (1.0, 1.0)


def test_ranking_of_several_classes_is_the_mean_of_one_against_the_rest(generator):
    labels, logits = np.arange(60) % 3, generator.normal(size=(60, 3))
    auc, _ = classification.class_ranking(labels, logits)
    assert auc == pytest.approx(metrics.roc_auc_score(labels, classification.softmax(logits), multi_class="ovr", average="macro"))


def test_ranking_without_members_or_with_lost_outputs():
    assert all(math.isnan(value) for value in classification.class_ranking(np.zeros(4, int), np.zeros((4, 2))))
    lost = np.array([[0.0, np.nan], [0.0, 1.0], [0.0, -1.0], [np.inf, np.inf]])
    assert classification.class_ranking(np.array([0, 1, 0, 0]), lost) == (1.0, 1.0)
    with_infinite = scores.scores("cross-entropy", np.array([0, 1, 0, 0]), lost, ("a", "b"))
    assert with_infinite["not_finite"] == 2


def test_several_labels(generator):
    labels, logits = (generator.random((80, 3)) < 0.4).astype(float), generator.normal(size=(80, 3))
    found = multi_label.multi_label(labels, logits, ("a", "b", "c"))
    assert found == scores.scores("multi-label", labels, logits, ("a", "b", "c"))
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, logits > 0))
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, logits > 0, average="macro"))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(labels, logits, average="macro"))
    assert found["average_precision"] == pytest.approx(metrics.average_precision_score(labels, logits, average="macro"))
    columns = [(labels[:, k], logits[:, k] > 0) for k in range(3)]
    assert found["balanced_accuracy"] == pytest.approx(np.mean([metrics.balanced_accuracy_score(*column) for column in columns]))
    assert found["matthews_correlation"] == pytest.approx(np.mean([metrics.matthews_corrcoef(*column) for column in columns]))
    p = 1 / (1 + np.exp(-logits))
    assert found["loss"] == pytest.approx(-np.log(np.where(labels > 0, p, 1 - p)).mean())
    assert json.dumps(found)
    logits[3] = np.nan
    assert multi_label.multi_label(labels, logits, ("a", "b", "c"))["not_finite"] == 1
    with pytest.raises(ValueError, match="do not fit together"):
        multi_label.multi_label(labels, logits, ("a",))


def test_labels_that_no_example_or_every_one_has_count_for_nothing_in_what_they_leave_undefined(generator):
    labels, logits = np.zeros((6, 3)), generator.normal(size=(6, 3))
    labels[:, 1], labels[:3, 2] = 1, 1
    found = multi_label.multi_label(labels, logits, ("never", "always", "sometimes"))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(labels[:, 2], logits[:, 2] > 0))
    found = multi_label.multi_label(labels[:, :2], logits[:, :2], ("never", "always"))
    assert math.isnan(found["balanced_accuracy"])
    assert math.isnan(found["matthews_correlation"])


def test_of_each_metric_it_is_known_which_end_is_better():
    assert {"balanced_accuracy", "matthews_correlation", "average_precision", "auc", "macro_f1", "r2"} <= scores.HIGHER_IS_BETTER
    assert not scores.HIGHER_IS_BETTER & {"loss", "calibration_error", "mean_squared_error", "quantile_loss", "coverage_error"}
    assert set(scores.METRICS) >= scores.HIGHER_IS_BETTER


def test_answers_are_probabilities_or_the_numbers_themselves(generator):
    outputs = generator.normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_allclose(scores.answers("cross-entropy", outputs), classification.softmax(outputs))
    np.testing.assert_allclose(scores.answers("multi-label", outputs), 1 / (1 + np.exp(-outputs.astype(np.float64))))
    np.testing.assert_allclose(scores.answers("binary", outputs[:, :1])[:, 1], scores.answers("multi-label", outputs[:, :1])[:, 0])
    assert np.array_equal(scores.answers("mse", outputs), outputs)


def test_mistakes_are_named_and_the_surest_come_first():
    labels, logits = np.array([0, 1, 1]), np.array([[0.0, 1.0], [5.0, 0.0], [0.0, 9.0]])
    about = {"loss": "cross-entropy", "class_names": ("cat", "dog")}
    first, second = scores.mistakes(about, labels, logits)
    assert first == {"position": 1, "true": "dog", "predicted": "cat", "confidence": pytest.approx(1 / (1 + math.exp(-5)))}
    assert (second["position"], second["predicted"]) == (0, "dog")
    assert len(scores.mistakes(about, labels, logits, count=1)) == 1
    assert scores.mistakes({**about, "loss": "multi-label"}, np.eye(2), logits[:2]) == []
    assert scores.mistakes({"loss": "mse", "class_names": ()}, np.ones((3, 1)), logits[:, :1]) == []


def test_scores_of_a_run_and_those_that_are_shown_first(generator):
    targets, predictions = generator.normal(size=(30, 1)), generator.normal(size=(30, 1))
    about = {"task": "regression", "loss": "mae", "target_names": ["size"], "class_names": []}
    found = scores.of_run(about, targets, predictions)
    assert found["mean_absolute_error"] == pytest.approx(np.abs(targets - predictions).mean())
    assert list(scores.headline(found)) == ["r2", "mean_squared_error", "mean_absolute_error"]


def test_needs_no_tensorflow():
    imported = set()
    for file in pathlib.Path(hornbook.evaluation.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            imported |= {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            imported |= {node.module} if isinstance(node, ast.ImportFrom) else set()
    own = {"dataclasses", "fractions", "hornbook", "importlib", "math", "re"}
    assert {name.split(".")[0] for name in imported} <= own | {"cleanlab", "numpy", "scipy", "sklearn"}
