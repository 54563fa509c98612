"""Scores of classifiers of any loss, of several labels, and of predicted numbers, against scikit-learn or by hand."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from hornbook.evaluation import scores as classifier_scores
from hornbook.training import diagnosis
from hornbook.evaluation import calibration
from hornbook.evaluation import classification
from hornbook.evaluation import multi_label
from hornbook.evaluation import regression
from hornbook.reports import report


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_one_logit_is_scored_as_two(generator):
    labels, logits = np.arange(50) % 2, generator.normal(size=(50, 1))
    one = classifier_scores.scores("binary", labels, logits, ("a", "b"))
    two = classifier_scores.scores("cross-entropy", labels, np.concatenate([np.zeros((50, 1)), logits], axis=1), ("a", "b"))
    assert one == two
    assert one["auc"] == pytest.approx(metrics.roc_auc_score(labels, logits[:, 0]))
    assert one["average_precision"] == pytest.approx(metrics.average_precision_score(labels, logits[:, 0]))
    assert one["loss"] == pytest.approx(metrics.log_loss(labels, 1 / (1 + np.exp(-logits[:, 0]))))


def test_ranking_tells_apart_what_rounds_to_one_probability():
    logits = np.array([[0.0, 50.0], [0.0, 60.0], [0.0, 40.0]])
    assert calibration.class_ranking(np.array([0, 1, 0]), logits) == (1.0, 1.0)


def test_ranking_of_several_classes_is_the_mean_of_one_against_the_rest(generator):
    labels, logits = np.arange(60) % 3, generator.normal(size=(60, 3))
    auc, _ = calibration.class_ranking(labels, logits)
    assert auc == pytest.approx(metrics.roc_auc_score(labels, classification.softmax(logits), multi_class="ovr", average="macro"))


def test_ranking_without_members_or_with_lost_outputs():
    assert all(math.isnan(value) for value in calibration.class_ranking(np.zeros(4, int), np.zeros((4, 2))))
    lost = np.array([[0.0, np.nan], [0.0, 1.0], [0.0, -1.0], [np.inf, np.inf]])
    assert calibration.class_ranking(np.array([0, 1, 0, 0]), lost) == (1.0, 1.0)
    with_infinite = classifier_scores.scores("cross-entropy", np.array([0, 1, 0, 0]), lost, ("a", "b"))
    assert with_infinite["not_finite"] == 2


def test_several_labels(generator):
    labels, logits = (generator.random((80, 3)) < 0.4).astype(float), generator.normal(size=(80, 3))
    scores = multi_label.multi_label(labels, logits, ("a", "b", "c"))
    assert scores["accuracy"] == pytest.approx(metrics.accuracy_score(labels, logits > 0))
    assert scores["macro_f1"] == pytest.approx(metrics.f1_score(labels, logits > 0, average="macro"))
    assert scores["auc"] == pytest.approx(metrics.roc_auc_score(labels, logits, average="macro"))
    assert scores["average_precision"] == pytest.approx(metrics.average_precision_score(labels, logits, average="macro"))
    p = 1 / (1 + np.exp(-logits))
    assert scores["loss"] == pytest.approx(-np.log(np.where(labels > 0, p, 1 - p)).mean())
    assert json.dumps(scores)
    logits[3] = np.nan
    assert multi_label.multi_label(labels, logits, ("a", "b", "c"))["not_finite"] == 1
    with pytest.raises(ValueError, match="do not fit together"):
        multi_label.multi_label(labels, logits, ("a",))


def test_numbers(generator):
    targets = generator.normal(size=(70, 2)) * [1, 100]
    predictions = targets + generator.normal(size=(70, 2))
    scores = regression.regression(targets, predictions, ("small", "large"))
    assert scores["mean_squared_error"] == pytest.approx(metrics.mean_squared_error(targets, predictions))
    assert scores["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(targets, predictions))
    assert scores["r2"] == pytest.approx(metrics.r2_score(targets, predictions))
    assert [one["name"] for one in scores["per_target"]] == ["small", "large"]
    assert json.dumps(scores)
    assert math.isnan(regression.regression(np.ones((3, 1)), np.ones((3, 1)), ("y",))["r2"])
    with pytest.raises(ValueError, match="do not fit together"):
        regression.regression(targets, predictions[:, :1], ("small", "large"))


def test_quantiles(generator):
    targets = generator.normal(size=(2000, 1))
    quantiles = [0.1, 0.5, 0.9]
    right = np.tile(np.quantile(targets, quantiles), (2000, 1))
    scores = regression.regression(targets, right, ("y",), quantiles)
    assert [one["coverage"] for one in scores["quantiles"]] == pytest.approx(quantiles, abs=1e-3)
    assert scores["interval_coverage"] == pytest.approx(0.8, abs=2e-3)
    assert scores["coverage_error"] < 1e-3
    expected = np.mean([metrics.mean_pinball_loss(targets[:, 0], right[:, k], alpha=q) for k, q in enumerate(quantiles)])
    assert scores["quantile_loss"] == pytest.approx(expected)
    assert scores["mean_absolute_error"] == pytest.approx(np.abs(targets - right[:, 1:2]).mean())


def test_findings_on_numbers():
    falling = [{"loss": 1 / k, "val_loss": 1 / k} for k in range(1, 21)]
    assert "still falling" in diagnosis.regression_findings(falling, None)[0]
    over = [{"loss": 1 / k, "val_loss": 0.5 + abs(k - 5) / 20} for k in range(1, 21)]
    assert "overfits" in diagnosis.regression_findings(over, None)[0]
    level = [{"loss": 1.0, "val_loss": 1.0}] * 20
    assert "R2 is 0.010" in diagnosis.regression_findings(level, {"r2": 0.01})[0]
    assert "do not cover" in diagnosis.regression_findings(level, {"r2": 0.5, "coverage_error": 0.2})[0]
    assert diagnosis.regression_findings(level, {"r2": 0.5, "coverage_error": 0.01}) == []
    assert diagnosis.regression_findings([{"loss": 1.0}], None) == []


def test_the_report_of_numbers(generator, tmp_path):
    targets = generator.normal(size=(300, 1))
    predictions = np.sort(targets + generator.normal(size=(300, 3)), axis=1)
    predictions[3] = np.nan
    scores = regression.regression(targets, predictions, ("<price>",), [0.1, 0.5, 0.9])
    result = {"metrics": {"r2": 0.5, "mean_absolute_error": 0.3}, "evaluated_on": "test"}
    report.write_report(tmp_path / "report.html", title="t", command="c", config={}, history=[], result=result, evaluation=scores)
    text = (tmp_path / "report.html").read_text()
    for heading in ("Predictions", "Residuals", "Quantiles"):
        assert f"<h2>{heading}</h2>" in text
    assert "<price>" not in text
    assert "nan" not in text.lower().replace("finance", "")
    assert "Confusions" not in text
    classified = classifier_scores.scores("multi-label", np.eye(3)[[0, 1, 2, 0]], generator.normal(size=(4, 3)), ("a", "b", "c"))
    example = {"text": "table.csv:5: x < 3", "true": "a", "predicted": "b", "confidence": 0.9}
    report.write_report(
        tmp_path / "two.html", title="t", command="c", config={}, history=[], result={}, evaluation=classified, examples=[example]
    )
    text = (tmp_path / "two.html").read_text()
    assert "table.csv:5: x &lt; 3" in text
    assert "Residuals" not in text
