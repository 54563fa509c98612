"""The sections of a report on predicted numbers."""

import numpy as np
import pytest

from hornbook.evaluation import regression, scores
from hornbook.reports import report


@pytest.fixture
def generator():
    return np.random.default_rng(0)


def test_the_report_of_numbers(generator, tmp_path):
    targets = generator.normal(size=(300, 1))
    predictions = np.sort(targets + generator.normal(size=(300, 3)), axis=1)
    predictions[3] = np.nan
    found = regression.regression(targets, predictions, ("<price>",), [0.1, 0.5, 0.9])
    result = {"metrics": {"r2": 0.5, "mean_absolute_error": 0.3}, "evaluated_on": "test"}
    report.write_report(tmp_path / "report.html", title="t", command="c", config={}, history=[], result=result, evaluation=found)
    text = (tmp_path / "report.html").read_text()
    for heading in ("Predictions", "Residuals", "Quantiles"):
        assert f"<h2>{heading}</h2>" in text
    assert "<price>" not in text
    assert "nan" not in text.lower().replace("finance", "")
    assert "Confusions" not in text
    classified = scores.scores("multi-label", np.eye(3)[[0, 1, 2, 0]], generator.normal(size=(4, 3)), ("a", "b", "c"))
    example = {"text": "table.csv:5: x < 3", "true": "a", "predicted": "b", "confidence": 0.9}
    report.write_report(
        tmp_path / "two.html", title="t", command="c", config={}, history=[], result={}, evaluation=classified, examples=[example]
    )
    text = (tmp_path / "two.html").read_text()
    assert "table.csv:5: x &lt; 3" in text
    assert "Residuals" not in text


def test_several_targets_are_listed_by_name(generator, tmp_path):
    targets = generator.normal(size=(40, 2)) * [1, 100]
    found = regression.regression(targets, targets + 0.1, ("length", "<width>"))
    result = {"metrics": {"r2": 0.9}, "evaluated_on": "test"}
    report.write_report(tmp_path / "report.html", title="t", command="c", config={}, history=[], result=result, evaluation=found)
    text = (tmp_path / "report.html").read_text()
    assert "length" in text
    assert "&lt;width&gt;" in text
    assert "<h2>Quantiles</h2>" not in text


def test_residuals_that_are_all_equal_are_drawn(tmp_path):
    targets = np.linspace(0.0, 1.0, 20)[:, None]
    report.write_report(
        tmp_path / "report.html", title="t", command="c", config={}, history=[], result={},
        evaluation=regression.regression(targets, targets + 0.1, ("size",)),
    )  # fmt: skip
    assert "<h2>Residuals</h2>" in (tmp_path / "report.html").read_text()
