"""Temperatures against a grid of them, networks whose temperature is known, and what none can be fitted of."""

import math

import numpy as np
import pytest
from sklearn import metrics

from hornbook.evaluation import calibration, classification, temperature


def drawn(factor, examples=20_000, classes=4, seed=0):
    """Labels that are drawn by the softmax of some logits, and those logits times a factor: the temperature is the factor."""
    generator = np.random.default_rng(seed)
    logits = 2 * generator.normal(size=(examples, classes))
    labels = (logits + generator.gumbel(size=logits.shape)).argmax(axis=1)
    return labels, factor * logits


@pytest.mark.parametrize("factor", [0.3, 1.0, 3.0])
def test_what_was_multiplied_is_divided_again(factor):
    labels, logits = drawn(factor)
    found = temperature.fit(labels, logits.astype(np.float32))
    assert found.temperature == pytest.approx(factor, rel=0.03)
    assert found.note is None
    assert found.loss_before == pytest.approx(classification.cross_entropy(labels, logits), rel=1e-6)
    assert found.loss_after == pytest.approx(classification.cross_entropy(labels, logits / found.temperature), rel=1e-6)
    before, after = (calibration.calibration(labels, classification.softmax(logits / one))[0] for one in (1, found.temperature))
    assert after < 0.02
    assert after < before / 2 or factor == 1.0


@pytest.mark.parametrize("examples", [5, 40, 2000])
def test_no_temperature_of_a_grid_is_more_likely(examples):
    labels, logits = drawn(2.0, examples=examples)
    found = temperature.fit(labels, logits)

    def unlikely(one):
        loss = metrics.log_loss(labels, classification.softmax(logits / one), labels=range(4))
        return examples * loss + 0.5 * (math.log(one) / temperature.PRIOR) ** 2

    assert unlikely(found.temperature) <= min(map(unlikely, np.exp(np.linspace(math.log(0.05), math.log(20), 500)))) + 1e-6


def test_few_examples_that_are_all_right_make_nobody_certain():
    few, many = (temperature.fit(np.tile([0, 1], count), np.tile([[3.0, 0.0], [0.0, 1.0]], (count, 1))) for count in (10, 1000))
    assert 0.3 < few.temperature < 0.8
    assert many.temperature < few.temperature / 2
    assert few.loss_after < few.loss_before


def test_several_labels_have_one_temperature():
    generator = np.random.default_rng(1)
    logits = generator.normal(size=(8000, 3)) * [1.0, 2.0, 0.5]
    labels = (generator.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    found = temperature.fit(labels, 4 * logits)
    assert found.temperature == pytest.approx(4, rel=0.05)
    probabilities = 1 / (1 + np.exp(-4 * logits / found.temperature))
    assert found.loss_after == pytest.approx(metrics.log_loss(labels.ravel(), probabilities.ravel()), rel=1e-6)


def test_two_classes_are_the_same_as_one_label():
    labels, logits = drawn(2.5, examples=500, classes=2)
    one, two = temperature.fit(labels[:, None], logits[:, 1:] - logits[:, :1]), temperature.fit(labels, logits)
    assert one.temperature == pytest.approx(two.temperature, rel=1e-4)


def test_what_has_no_best_temperature_keeps_its_own():
    wrong = temperature.fit(np.array([1, 0] * 500), np.array([[90.0, 0.0], [0.0, 90.0]] * 500))
    assert (wrong.temperature, wrong.loss_after) == (1.0, wrong.loss_before)
    assert "would be beyond 0.05 to 20, as where outputs tell hardly anything" in wrong.note
    constant = temperature.fit(np.array([1, 0]), np.zeros((2, 2)))
    assert (constant.temperature, constant.loss_after) == (1.0, pytest.approx(math.log(2)))


def test_rows_that_are_not_finite_are_left_out():
    labels, logits = drawn(2.0, examples=300)
    lost = np.concatenate([logits, [[math.nan, 0, 0, 0], [math.inf, 0, 0, 0]]])
    assert temperature.fit(np.append(labels, [0, 1]), lost) == temperature.fit(labels, logits)
    found = temperature.fit(np.array([0, 1]), np.full((2, 2), math.nan))
    assert (found.temperature, found.examples, found.note) == (1.0, 0, "no example has finite outputs")
    with pytest.raises(ValueError, match="do not fit together"):
        temperature.fit(np.array([0, 1, 1]), np.zeros((2, 2)))
    with pytest.raises(ValueError, match="do not fit together"):
        temperature.fit(np.zeros(0, int), np.zeros((0, 2)))
