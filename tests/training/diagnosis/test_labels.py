"""What neighbours say of labels knows how few examples they are."""

import dataclasses
import math
import types

import numpy as np
import pytest
from scipy import stats

from hornbook.training.diagnosis import examples, labels
from hornbook.training.diagnosis.rules import generalisation


def blobs(count, apart, seed, classes=2, features=6, rare=None):
    """Classes whose means lie so far apart; the last has a share of `rare`."""
    random = np.random.default_rng(seed)
    y = np.arange(count) % classes if rare is None else (np.arange(count) < rare * count).astype(int)
    y = random.permutation(y)
    return apart * np.random.default_rng(99).normal(size=(classes, features))[y] + random.normal(size=(count, features)), y


def found(x, y, validation_skill=math.nan, classes=2, **changes):
    """The problems that the rule on labels names without a network's word, and the facts."""
    facts = dataclasses.replace(examples.facts(x[:, :, None], y, y, classes), **changes)
    skills = dict.fromkeys(("training_skill", "best_validation_skill"), math.nan)
    symptoms = types.SimpleNamespace(validation_skill=validation_skill, hardly_begun=False, **skills)
    task = types.SimpleNamespace(shares=np.bincount(y, minlength=classes) / len(y))
    record = types.SimpleNamespace(facts=facts, task=task, network=types.SimpleNamespace(embedded=False))
    return [finding.problem for finding in generalisation.labels(record, symptoms)], facts


def test_weak_labels_of_few_examples_are_not_called_shuffled():
    x, y = blobs(140, 0.3, 0)
    problems, facts = found(x, y)
    # The nearest neighbour alone, by a threshold of three standard errors, would not know.
    assert facts.agreement < facts.by_chance + labels.error_of(facts.by_chance, 140)
    assert facts.luck <= 0.01
    assert problems == []
    assert found(x, np.random.default_rng(1).permutation(y))[0] == ["shuffled-labels"]


def test_shuffled_labels_are_told_as_well_as_luck_has_it():
    lucks = []
    for seed in range(40):
        x, y = blobs(120, 1.0, seed)
        lucks.append(found(x, np.random.default_rng(seed).permutation(y))[1].luck)
    known = [luck for luck in lucks if luck is not None]
    # Two tests, of which the smaller counts: below 5% in at most 10% of the cases, and by luck in no more than the bound of a binomial.
    assert np.sum(np.array(known) <= 0.05) <= stats.binom.ppf(0.999, len(lucks), 0.1)
    assert min(known) > 0.001


def test_few_examples_of_a_rare_class_decide_nothing():
    x, y = blobs(200, 0.0, 2, rare=0.07)
    assert found(x, y)[0] == []
    x, y = blobs(1200, 0.0, 2, rare=0.07)
    assert found(x, y)[0] == ["shuffled-labels"]


def test_a_rare_class_that_is_known_is_not_hidden_by_the_frequent_one():
    x, y = blobs(600, 0.55, 3, rare=0.1)
    problems, facts = found(x, y)
    assert problems == []
    assert facts.luck is None or facts.luck <= 0.01


def test_numbers_that_follow_a_little():
    random = np.random.default_rng(2)
    x = random.normal(size=(150, 12))
    y = 0.3 * x[:, :1] + random.normal(size=(150, 1))
    facts = examples.facts(x[:, :, None], y, None, 0)
    assert facts.neighbours < 0.02
    assert facts.luck <= 0.01
    assert examples.facts(x[:, :, None], random.permutation(y), None, 0).luck > 0.01


@pytest.mark.parametrize(("share", "expected"), [(0.0, []), (0.3, ["label-noise"])])
def test_wrong_labels(share, expected):
    x, y = blobs(240, 2.0, 5, classes=4)
    wrong = np.random.default_rng(6).permutation(240)[: round(share * 240)]
    y[wrong] = (y[wrong] + 1 + np.arange(len(wrong)) % 3) % 4
    assert found(x, y, classes=4)[0] == expected


def test_hard_examples_are_not_wrong_labels():
    x, y = blobs(240, 2.0, 5, classes=4)
    # Neighbours were said to disagree with 30% of the labels: a classifier knows nearly all,
    suspected = {"noise": 0.3, "told": 0.85, "sure": 60, "sure_wrong": 12}
    assert found(x, y, classes=4, **suspected)[0] == []
    suspected["told"] = 0.72
    assert found(x, y, classes=4, **suspected)[0] == ["label-noise"]
    # or all where it is sure,
    assert found(x, y, classes=4, **suspected | {"sure_wrong": 5})[0] == []
    # or there are too few to tell.
    assert found(x, y, classes=4, **suspected | {"sure": 20, "sure_wrong": 4})[0] == ["label-noise"]
    assert found(x, y, classes=4, **suspected | {"sure": 10, "sure_wrong": 2})[0] == []


def test_the_interval_is_that_of_a_binomial():
    low, high = labels.interval(12, 60)
    assert stats.binom.sf(11, 60, low) == pytest.approx(0.05)
    assert stats.binom.cdf(12, 60, high) == pytest.approx(0.05)
    assert labels.interval(0, 10)[0] == 0
    assert labels.interval(10, 10)[1] == 1


def test_what_is_left_out_is_predicted_without_it():
    """The outputs of leaving one out, by their formula, are those of as many classifiers that were not given one."""
    x, y = blobs(40, 1.0, 7)
    squares = labels.squared_distances(x, x)
    kernel = np.exp(-0.5 * np.maximum(squares, 0) / np.median(squares[squares > 0]))
    centred = np.eye(2)[y] - np.eye(2)[y].mean(axis=0)
    others = np.arange(40) != 11
    weights = np.linalg.solve(kernel[np.ix_(others, others)] + 0.1 * np.eye(39), centred[others])
    found = labels.without_itself(kernel + 0.1 * np.eye(40), centred)
    np.testing.assert_allclose(found[11], kernel[11, others] @ weights, atol=1e-10)
