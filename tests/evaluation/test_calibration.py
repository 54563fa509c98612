"""Calibration against a naive loop; intervals and spreads by hand."""

import math

import numpy as np
import pytest

from hornbook.evaluation import calibration, classification, intervals


def sample(examples=400, classes=5, seed=0, sharpness=1.5):
    """Labels and logits of a classifier that is right more often than not."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=examples)
    logits = generator.normal(size=(examples, classes)) + sharpness * np.eye(classes)[labels]
    return labels, logits.astype(np.float32)


def naive_calibration_error(labels, probabilities, num_bins):
    total = 0.0
    for m in range(num_bins):
        inside = [i for i, row in enumerate(probabilities) if m / num_bins < max(row) <= (m + 1) / num_bins]
        if inside:
            accuracy = sum(int(np.argmax(probabilities[i]) == labels[i]) for i in inside) / len(inside)
            confidence = sum(max(probabilities[i]) for i in inside) / len(inside)
            total += len(inside) / len(labels) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("num_bins", [1, 4, 15])
def test_calibration_error_against_a_naive_loop(num_bins):
    labels, logits = sample(sharpness=3.0)
    probabilities = classification.softmax(2 * logits)
    error, bins = calibration.calibration(labels, probabilities, num_bins)
    assert error == pytest.approx(naive_calibration_error(labels, probabilities, num_bins), abs=1e-12)
    assert sum(one["count"] for one in bins) == len(labels)
    assert [one["lower"] for one in bins[1:]] == [one["upper"] for one in bins[:-1]]


def test_calibration_of_the_sure_and_right_is_perfect():
    labels = np.array([0, 1, 2, 1])
    error, bins = calibration.calibration(labels, np.eye(3)[labels])
    assert error == 0.0
    assert bins[-1]["count"] == 4
    assert bins[0] == {"lower": 0.0, "upper": pytest.approx(1 / 15), "count": 0, "confidence": 0.0, "accuracy": 0.0}


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    _, bins = calibration.calibration(np.array([0]), np.array([[0.5, 0.3, 0.2]]), num_bins=2)
    assert [one["count"] for one in bins] == [1, 0]


def test_wilson_interval():
    # The ends are the shares whose distance from the one observed is 1.96 of their own standard errors.
    for end in intervals.wilson_interval(350, 360):
        assert abs(end - 350 / 360) == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / 360))
    assert intervals.wilson_interval(0, 10) == [0.0, pytest.approx(1.959964**2 / (10 + 1.959964**2))]
    assert intervals.wilson_interval(10, 10) == [pytest.approx(10 / (10 + 1.959964**2)), pytest.approx(1.0)]


def test_spread():
    assert intervals.spread([0.9, 0.8, 1.0]) == {
        "mean": pytest.approx(0.9),
        "standard_deviation": pytest.approx(0.1),
        "minimum": 0.8,
        "maximum": 1.0,
        "n": 3,
    }
    one = intervals.spread([0.5])
    assert (one["mean"], one["n"]) == (0.5, 1)
    assert math.isnan(one["standard_deviation"])
    with pytest.raises(ValueError, match="non-empty"):
        intervals.spread([])
