"""Answers that can be taken as they are: thresholds against every threshold tried, ties, what cannot be had, other examples."""

import json

import numpy as np
import pytest

from hornbook.evaluation import intervals, selective


def sample(count=200, seed=0, digits=None):
    generator = np.random.default_rng(seed)
    sure = generator.random(count)
    return generator.random(count) < 0.4 + 0.6 * sure, sure if digits is None else sure.round(digits)


@pytest.mark.parametrize("precision", [0.6, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("digits", [None, 1], ids=["all-differ", "ties"])
@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_lets_more_pass_with_that_precision(precision, digits, seed):
    right, sure = sample(seed=seed, digits=digits)
    threshold = selective.choose(right, sure, precision)
    every = [-1.0, *(np.unique(sure)[:-1] + np.unique(sure)[1:]) / 2]
    counts = [(sure > one).sum() for one in every if (sure > one).any() and right[sure > one].mean() >= precision]
    if not counts:
        assert threshold is None
        return
    found = selective.passed(right, sure, threshold)
    assert found["share"] * len(sure) == pytest.approx(max(counts))
    assert found["precision"] >= precision


def test_all_pass_where_all_together_are_right_often_enough():
    right, sure = np.array([1, 1, 1, 0]), np.array([0.5, 0.6, 0.0, 0.9])
    assert selective.choose(right, sure, 0.75) == 0.0
    assert selective.passed(right, sure, 0.0)["share"] == 1  # The answer of probability 0 among them.
    assert selective.choose(np.ones(4), sure, 0.99) == 0.0


def test_none_passes_where_the_surest_are_wrong():
    assert selective.choose([0, 1, 1], [0.9, 0.8, 0.7], 0.9) is None
    assert selective.choose([], [], 0.9) is None
    nothing = selective.passed([0, 1, 1], [0.9, 0.8, 0.7], None)
    assert nothing["share"] == 0
    assert nothing["precision"] is nothing["precision_interval"] is None


def test_what_is_no_number_never_passes():
    right, sure = np.array([1, 1, 1, 1]), np.array([0.5, 0.6, np.nan, 0.9])
    threshold = selective.choose(right, sure, 0.9)
    assert threshold == 0.25
    assert selective.passed(right, sure, threshold)["share"] == 0.75
    with pytest.raises(ValueError, match="do not fit together"):
        selective.choose(right, sure[:3], 0.9)


def test_neighbouring_numbers_are_told_apart():
    low = 0.75
    high = np.nextafter(low, 1)
    threshold = selective.choose([1, 0], [high, low], 1.0)
    assert selective.passed([1, 0], [high, low], threshold)["precision"] == 1


def test_the_table_of_a_run():
    labels = np.array([0, 1, 2, 1, 0, 2])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.7, 0.2], [0.5, 0.1, 0.4], [0.2, 0.6, 0.2], [0.9, 0.1, 0.0], [0.4, 0.25, 0.35]])
    found = selective.table((labels, probabilities), (labels[:3], probabilities[:3]), precisions=(0.6, 0.95))
    assert json.loads(json.dumps(found)) == found
    assert [row["precision"] for row in found] == [0.6, 0.95]
    assert found[0]["threshold"] == 0.0
    assert found[1]["threshold"] == pytest.approx(0.55)
    assert found[1]["chosen"]["share"] == pytest.approx(4 / 6)
    assert found[1]["reached"] == {
        "share": pytest.approx(2 / 3), "share_interval": intervals.wilson_interval(2, 3),
        "precision": 1.0, "precision_interval": intervals.wilson_interval(2, 2),
    }  # fmt: skip
    assert "reached" not in selective.table((labels, probabilities))[0]
    assert len(selective.table((labels, probabilities))) == len(selective.PRECISIONS) == 3
