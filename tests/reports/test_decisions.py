"""The report's section on thresholds and its words on a temperature: what they show, and what they escape."""

import re

import numpy as np

from hornbook.evaluation import scores
from hornbook.reports import decisions

EVIL = "<b>rare</b>"


def found(aim="f1", **changes):
    one = {"threshold": 0.25, "value": 0.8, "value_at_half": None, "precision": 0.75, "recall": 0.85, "members": 12, "note": None}
    return {"chosen_for": aim, "validation_examples": 1200, "classes": [{"name": EVIL, **one}], "notes": [], **changes}


def evaluation(threshold=0.25):
    labels = np.arange(40) % 4 == 0
    logits = np.stack([np.zeros(40), np.where(labels, -0.5, -2.0) - np.arange(40) / 40], axis=1)
    return scores.scores("cross-entropy", labels.astype(int), logits, ("usual", EVIL), thresholds=[threshold])


def headings(html):
    return re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html)


def test_what_was_chosen_and_what_it_changes():
    measured = evaluation()
    html = decisions.threshold(found(), measured)
    assert "chosen for f1 on 1,200 validation examples" in html
    assert headings(html) == ["Class", "Threshold", "Of the class", "Precision", "Recall", "f1", "f1 at 0.5",
                              "Score", "With the threshold", "With 0.5"]  # fmt: skip
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]
    assert cells[1] == ["<bdi>&lt;b&gt;rare&lt;/b&gt;</bdi>", "0.25", "12", "0.75", "0.85", "0.8", "\N{EN DASH}"]
    assert measured["at_half"]["per_class"][1]["recall"] == 0
    assert cells[-2] == ["Recall of <bdi>&lt;b&gt;rare&lt;/b&gt;</bdi>", f"{measured['per_class'][1]['recall']:.4g}", "0"]
    assert EVIL not in html


def test_a_precision_that_was_asked_for_is_not_shown_twice():
    assert headings(decisions.threshold(found("precision:0.9"), None)) == [
        "Class", "Threshold", "Of the class", "Precision", "Recall", "precision at 0.5"]  # fmt: skip


def test_notes_are_sentences_and_escaped():
    html = decisions.threshold(found(notes=[f"that of {EVIL} stays 0.5: no example of it to choose by"]), None)
    assert "That of &lt;b&gt;rare&lt;/b&gt; stays 0.5: no example of it to choose by.</p>" in html


def test_several_labels_have_a_row_each_and_no_class_of_their_own():
    labels = np.array([[0, 1], [1, 0], [1, 1], [0, 0]])
    measured = scores.scores("multi-label", labels, labels - 0.6, ("a", "b"), thresholds=[0.2, 0.3])
    html = decisions.threshold(found(classes=[{**found()["classes"][0], "name": name} for name in "ab"]), measured)
    assert html.count("<tr>") == 1 + 2 + 1 + 4
    assert "Recall of" not in html


def test_a_temperature_in_words():
    told = {"temperature": 2.5, "validation_examples": 300, "loss": [0.9, 0.5], "calibration_error": [0.12, 0.02], "notes": []}
    html = decisions.temperature(told)
    assert "divided by a temperature of 2.5, fitted on 300 validation examples" in html
    assert "the calibration error from 12.0% to 2.0%, and the loss from 0.9 to 0.5" in html
    without = decisions.temperature({"temperature": 1.0, "validation_examples": 9, "notes": ["it stays 1: no example has finite outputs"]})
    assert "calibration error" not in without
    assert "It stays 1: no example has finite outputs.</p>" in without


def test_nothing_was_decided():
    assert decisions.threshold(None, evaluation()) == ""
    assert decisions.temperature(None) == ""
