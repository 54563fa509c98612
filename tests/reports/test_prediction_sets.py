"""The report's sections on prediction sets and on answers that can be taken: what they show, and what they escape."""

import re

import numpy as np

from hornbook.evaluation import conformal, selective
from hornbook.evaluation.classification import softmax
from hornbook.reports import prediction_sets

EVIL = "<b>rare</b>"
FOUND = {"promised": 0.9, "calibration_examples": 1200, "quantiles": [0.5], "notes": [f"examples of {EVIL} are few"]}


def cells(html):
    return [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]


def test_classes():
    labels, probabilities = np.array([0, 0, 1, 1]), softmax(np.array([[2.0, 0.0], [0.1, 0.0], [0.0, 3.0], [3.0, 0.0]]))
    measured = {"examples": 4, "prediction_sets": conformal.reached("cross-entropy", labels, probabilities, [0.6], ["usual", EVIL])}
    html = prediction_sets.prediction_sets(FOUND, measured)
    assert "what is true for 90.0% of new examples" in html
    assert "the 1,200 validation examples" in html
    assert "75.0% have it in their set (95% interval" in html
    assert "a set has 1.25 classes on average, 75.0% have one." in html
    assert [row[0] for row in cells(html)] == ["True class", "<bdi>usual</bdi>", "<bdi>&lt;b&gt;rare&lt;/b&gt;</bdi>"]
    assert "Nothing is promised of a class by itself" in html
    assert "Examples of &lt;b&gt;rare&lt;/b&gt; are few.</p>" in html
    assert EVIL not in html


def test_numbers_and_labels_and_nothing():
    reached = conformal.reached("mae", np.array([[1.0], [9.0]]), np.array([[2.0], [2.0]]), [3.0], [EVIL])
    html = prediction_sets.prediction_sets(FOUND, {"examples": 2, "prediction_sets": reached})
    assert "an interval is 6 wide on average" in html
    assert [row[0] for row in cells(html)] == ["Target", "<bdi>&lt;b&gt;rare&lt;/b&gt;</bdi>"]
    reached = conformal.reached("multi-label", np.array([[1, 0]]), np.array([[0.9, 0.2]]), [0.3, 0.1], ["a", "b"])
    assert cells(prediction_sets.prediction_sets(FOUND, {"examples": 1, "prediction_sets": reached}))[0][0] == "Label"
    assert "<table>" not in prediction_sets.prediction_sets(FOUND, None)
    assert prediction_sets.prediction_sets(None, None) == prediction_sets.routing(None) == ""


def test_routing():
    labels, probabilities = np.array([0, 1, 1]), softmax(np.array([[2.0, 0.0], [0.0, 1.0], [3.0, 0.0]]))
    rows = selective.table((labels, probabilities), (labels, probabilities), precisions=(0.6, 0.99))
    html = prediction_sets.routing({"validation_examples": 3, "precisions": rows, "notes": [f"of {EVIL}"]}, "test")
    [_, first, second] = cells(html)
    assert first[:2] == ["60.0%", "0"]
    assert "100.0%" in first[2]
    assert (second[0], second[1], second[4]) == ("99.0%", "none", "\N{EN DASH}")
    assert "on 3 validation examples; what it does on the test examples" in html
    assert EVIL not in html
