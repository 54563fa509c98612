"""Thresholds against every threshold tried one by one with scikit-learn's metrics; spellings, ties and what cannot be had."""

import math

import numpy as np
import pytest
from sklearn import metrics

from hornbook import UserError
from hornbook.evaluation import thresholds

SCORES = {
    "f1": lambda members, predicted: metrics.f1_score(members, predicted, zero_division=0),
    "balanced-accuracy": metrics.balanced_accuracy_score,
    "mcc": metrics.matthews_corrcoef,
    "cost:1:20": lambda members, predicted: -np.mean(np.where(members, 20 * ~predicted, predicted)),
    "cost:2.5:1": lambda members, predicted: -np.mean(np.where(members, ~predicted, 2.5 * predicted)),
}


def sample(examples=120, share=0.15, seed=0, digits=None):
    """Members, some of them, and probabilities that are higher for them."""
    generator = np.random.default_rng(seed)
    members = generator.random(examples) < share
    probabilities = 1 / (1 + np.exp(-generator.normal(size=examples) - 2 * members + 2))
    return members, probabilities if digits is None else probabilities.round(digits)


def every(probabilities):
    """Thresholds that stand for all that there are."""
    values = np.unique(probabilities)
    return np.concatenate([[values[0] / 2], (values[1:] + values[:-1]) / 2, [(values[-1] + 1) / 2], [0.5]])


@pytest.mark.parametrize("aim", SCORES)
@pytest.mark.parametrize("digits", [None, 1], ids=["all-differ", "ties"])
@pytest.mark.parametrize("seed", range(4))
def test_no_threshold_is_better(aim, digits, seed):
    members, probabilities = sample(seed=seed, digits=digits)
    found = thresholds.choose(members, probabilities, aim)
    sign = -1 if aim.startswith("cost") else 1
    best = max(SCORES[aim](members, probabilities > one) for one in every(probabilities))
    assert SCORES[aim](members, probabilities > found.threshold) == pytest.approx(best)
    assert found.value == pytest.approx(sign * best)
    assert found.value_at_half == pytest.approx(sign * SCORES[aim](members, probabilities > 0.5))
    assert found.recall == pytest.approx(metrics.recall_score(members, probabilities > found.threshold))
    assert (found.members, found.note) == (members.sum(), None)


@pytest.mark.parametrize(("named", "other"), [("precision", metrics.recall_score), ("recall", metrics.precision_score)])
@pytest.mark.parametrize("least", ["0.5", "0.75", "0.9"])
@pytest.mark.parametrize("seed", range(3))
def test_the_most_of_one_where_the_other_is_at_least_so_much(named, other, least, seed):
    members, probabilities = sample(share=0.3, seed=seed)
    score = {"precision": metrics.precision_score, "recall": metrics.recall_score}[named]
    found = thresholds.choose(members, probabilities, f"{named}:{least}")
    tried = [probabilities > one for one in every(probabilities)]
    enough = [one for one in tried if score(members, one, zero_division=0) >= float(least)]
    assert found.value >= float(least)
    assert found.value == pytest.approx(score(members, probabilities > found.threshold)) == pytest.approx(getattr(found, named))
    best = max(other(members, one, zero_division=0) for one in enough)
    assert other(members, probabilities > found.threshold) == pytest.approx(best)


def test_what_is_equally_good_stays_near_one_half():
    members = np.array([0, 0, 1, 1])
    assert thresholds.choose(members, [0.1, 0.4, 0.6, 0.9]).threshold == 0.5
    # All between 0.1 and 0.3 are perfect, those between 0.7 and 0.9 in the other case: half of the way, not at an example.
    assert thresholds.choose(members, [0.05, 0.1, 0.3, 0.9]).threshold == pytest.approx(0.2)
    assert thresholds.choose(members, [0.05, 0.7, 0.9, 0.95]).threshold == pytest.approx(0.8)
    # One false alarm at 0.375, one miss at 0.61, both at 0.5.
    found = thresholds.choose([0, 1, 0, 1], [0.3, 0.45, 0.52, 0.7], "cost:1:1")
    assert (found.threshold, found.value, found.value_at_half) == (pytest.approx(0.61), 0.25, 0.5)


def test_probabilities_of_exactly_0_and_1_and_neighbouring_numbers():
    members, probabilities = np.array([0, 1, 0, 1]), np.array([0.0, 0.0, 1.0, 1.0])
    found = thresholds.choose(members, probabilities, "recall:1")
    assert found.threshold == 0.5
    assert found.note == "no threshold has recall 1 or more, the most is 0.5000"
    assert thresholds.choose([0, 1, 1, 0], probabilities, "cost:9:1").threshold == 1.0  # Nobody is.
    low = 0.7
    high = np.nextafter(low, 1)
    found = thresholds.choose([0, 1], [low, high])
    assert ([low, high] > np.float64(found.threshold)).tolist() == [False, True]


def test_all_or_none_can_be_the_best():
    members, probabilities = sample()
    assert (probabilities > thresholds.choose(members, probabilities, "cost:1:1000000").threshold).sum() >= np.sum(
        probabilities >= probabilities[members].min()
    )
    assert not (probabilities > thresholds.choose(members, probabilities, "cost:1000000:1").threshold)[~members].any()


def test_what_cannot_be_chosen_stays_at_one_half_and_says_why():
    assert thresholds.choose([0, 0], [0.1, 0.2]).note == "no example of it to choose by"
    assert thresholds.choose([1, 1], [0.1, 0.2]).note == "no example without it to choose by"
    assert thresholds.choose([0, 1], [math.nan, 0.2]).note == "no example without it to choose by"
    found = thresholds.choose([0, 1, 0], [0.9, 0.8, 0.1], "precision:0.95")
    assert (found.threshold, found.value, found.value_at_half) == (0.5, 0.5, 0.5)
    assert found.note == "no threshold has precision 0.95 or more, the most is 0.5000"
    found = thresholds.choose([0, 1, 0], [0.4, 0.3, 0.1], "precision:0.95")
    assert math.isnan(found.value_at_half)  # Nothing is predicted at 0.5.


@pytest.mark.parametrize(
    "wrong",
    ["F1", "", "precision", "precision:0", "precision:1.5", "recall:-0.1", "precision:nan", "cost:1", "cost:0:1", "cost:1:x", "0.3"],
)
def test_other_spellings_are_refused(wrong):
    with pytest.raises(UserError, match=r"--threshold must be none, f1, .* got "):
        thresholds.parse(wrong)


def test_what_no_threshold_is_for():
    thresholds.require_thresholds("f1", "classification", ("a", "b"))
    thresholds.require_thresholds("f1", "multi-label", ("a", "b", "c"))
    with pytest.raises(UserError, match=r"two classes, or for several labels an example, and there are 3 classes, .* --logit-adjustment"):
        thresholds.require_thresholds("f1", "classification", ("a", "b", "c"))
    for members, probabilities in (([[0, 1]], [[0.1, 0.2]]), ([0, 1], [0.1])):
        with pytest.raises(ValueError, match="do not fit together"):
            thresholds.choose(members, probabilities)
    with pytest.raises(ValueError, match="do not fit together"):
        thresholds.choose([0, 1], [0.1, 0.2], "none")
    with pytest.raises(ValueError, match="must lie in 0 to 1"):
        thresholds.choose([0, 1], [-3.0, 2.0])
