"""Scores of predicted numbers and quantiles, against scikit-learn."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics

from hornbook.evaluation import regression, scores


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_numbers(generator):
    targets = generator.normal(size=(70, 2)) * [1, 100]
    predictions = targets + generator.normal(size=(70, 2))
    found = regression.regression(targets, predictions, ("small", "large"))
    assert found == scores.scores("mse", targets, predictions, ("small", "large"))
    assert found["mean_squared_error"] == pytest.approx(metrics.mean_squared_error(targets, predictions))
    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(targets, predictions))
    assert found["r2"] == pytest.approx(metrics.r2_score(targets, predictions))
    assert [one["name"] for one in found["per_target"]] == ["small", "large"]
    assert json.dumps(found)
    assert math.isnan(regression.regression(np.ones((3, 1)), np.ones((3, 1)), ("y",))["r2"])
    with pytest.raises(ValueError, match="do not fit together"):
        regression.regression(targets, predictions[:, :1], ("small", "large"))


def test_quantiles(generator):
    targets = generator.normal(size=(2000, 1))
    quantiles = [0.1, 0.5, 0.9]
    right = np.tile(np.quantile(targets, quantiles), (2000, 1))
    found = regression.regression(targets, right, ("y",), quantiles)
    assert [one["coverage"] for one in found["quantiles"]] == pytest.approx(quantiles, abs=1e-3)
    assert found["interval_coverage"] == pytest.approx(0.8, abs=2e-3)
    assert found["coverage_error"] < 1e-3
    expected = np.mean([metrics.mean_pinball_loss(targets[:, 0], right[:, k], alpha=q) for k, q in enumerate(quantiles)])
    assert found["quantile_loss"] == pytest.approx(expected)
    assert found["mean_absolute_error"] == pytest.approx(np.abs(targets - right[:, 1:2]).mean())


def test_rows_without_finite_numbers_are_counted(generator):
    targets, predictions = generator.normal(size=(50, 1)), generator.normal(size=(50, 1))
    predictions[3] = np.nan
    predictions[7] = np.inf
    found = regression.regression(targets, predictions, ("size",))
    assert found["not_finite"] == 2
    assert found["examples"] == 50
