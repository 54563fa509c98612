"""Paired differences against their formula and SciPy, Holm's correction against its definition, ranks by hand."""

import math

import numpy as np
import pytest
from scipy import stats

from hornbook.evaluation import paired

FIRST, SECOND = [0.91, 0.93, 0.92, 0.94, 0.92], [0.90, 0.90, 0.91, 0.91, 0.90]


def test_the_difference_is_scipys_paired_t_test():
    found, known = paired.difference(FIRST, SECOND), stats.ttest_rel(FIRST, SECOND)
    assert found["p"] == pytest.approx(known.pvalue)
    assert found["interval"] == pytest.approx(list(known.confidence_interval(0.95)))
    assert found["mean"] == pytest.approx(np.mean(np.subtract(FIRST, SECOND)))
    assert found["n"] == 5


def test_a_pair_with_a_lost_run_does_not_count():
    lost = [*FIRST[:2], math.nan, *FIRST[3:]]
    without = [*FIRST[:2], *FIRST[3:]]
    assert paired.difference(lost, SECOND) == paired.difference(without, [*SECOND[:2], *SECOND[3:]])
    assert paired.difference([math.nan] * 2, [1.0, 2.0])["n"] == 0


def test_one_pair_says_nothing_about_spread():
    found = paired.difference([0.9], [0.8])
    assert found["n"] == 1
    assert found["mean"] == pytest.approx(0.1)
    assert math.isnan(found["p"])


@pytest.mark.parametrize(("gain", "p"), [(0.0, 1.0), (0.25, math.nan)])
def test_differences_without_a_spread(gain, p):
    found = paired.difference(np.add(SECOND, gain), SECOND)
    assert found["p"] == pytest.approx(p, nan_ok=True)
    assert found["interval"] == pytest.approx([gain, gain])


def test_lists_of_two_lengths_are_refused():
    with pytest.raises(ValueError, match="two lists of one length"):
        paired.difference([1.0], [1.0, 2.0])


def test_holm_multiplies_by_how_many_are_left_and_never_falls():
    assert paired.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert paired.holm([0.9, 0.8]) == [1.0, 1.0]
    assert paired.holm([]) == []


def test_holm_leaves_out_what_was_not_tested():
    found = paired.holm([math.nan, 0.01, 0.04])
    assert math.isnan(found[0])
    assert found[1:] == pytest.approx([0.02, 0.04])


def test_ranks_are_friedmans():
    scores = np.random.default_rng(0).random((6, 4))
    found = paired.ranks(scores)
    assert found["p"] == pytest.approx(stats.friedmanchisquare(*scores.T).pvalue)
    assert found["mean_ranks"] == pytest.approx(stats.rankdata(-scores, axis=1).mean(axis=0))
    lower = paired.ranks(scores, higher_is_better=False)["mean_ranks"]
    assert np.add(lower, found["mean_ranks"]) == pytest.approx(5)


def test_ranks_without_a_test():
    assert paired.ranks([[0.9, 0.8], [0.7, 0.7]]) == {"n": 2, "mean_ranks": [1.25, 1.75], "p": pytest.approx(math.nan, nan_ok=True)}
    assert paired.ranks([[0.9, math.nan, 0.1]])["n"] == 0
    assert math.isnan(paired.ranks([[0.5, 0.5, 0.5]] * 3)["p"])
