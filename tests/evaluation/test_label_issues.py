"""Labels that are probably wrong."""

import numpy as np
import pytest

pytest.importorskip("cleanlab")

from hornbook import UserError
from hornbook.evaluation import label_issues


def test_flipped_labels_are_the_most_suspect():
    generator = np.random.default_rng(0)
    true = generator.integers(0, 3, 300)
    logits = generator.normal(size=(300, 3)) + 3 * np.eye(3)[true]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    flipped = np.arange(0, 300, 20)
    labels = true.copy()
    labels[flipped] = (true[flipped] + 1) % 3
    order, quality, wrong = label_issues.suspects(labels, probabilities)
    assert np.isin(order[: len(flipped)], flipped).mean() > 0.7
    assert wrong[flipped].mean() > 0.7
    assert wrong.mean() < 0.15
    np.testing.assert_allclose(quality[order], np.sort(quality))
    assert ((quality >= 0) & (quality <= 1)).all()


def test_a_class_without_an_example_does_no_harm():
    labels = np.array([0, 2, 0, 2, 0, 2])
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.1, 0.8]] * 3)
    _, quality, wrong = label_issues.suspects(labels, probabilities)
    np.testing.assert_allclose(quality, [0.6 / 0.7, 0.8 / 0.9] * 3)
    assert not wrong.any()


def test_one_class_alone_has_no_wrong_label():
    _, quality, wrong = label_issues.suspects(np.zeros(4, int), np.full((4, 2), 0.5))
    assert quality.tolist() == [1.0] * 4
    assert not wrong.any()


def test_without_cleanlab_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setattr(label_issues.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"hornbook labels needs cleanlab; pip install 'hornbook\[labels\]'"):
        label_issues.suspects(np.array([0, 1]), np.eye(2))


def test_equally_suspect_labels_stay_in_their_order():
    labels = np.array([0, 1, 0, 1])
    order, quality, _ = label_issues.suspects(labels, np.full((4, 2), 0.5))
    assert order.tolist() == [0, 1, 2, 3]
    assert quality.tolist() == [0.5] * 4
