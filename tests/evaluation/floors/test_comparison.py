"""The comparison of a network with classical models, and its interval, against what is known."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from hornbook.evaluation import intervals
from hornbook.evaluation.floors import comparison
from hornbook.evaluation.floors.tasks import Task

ABOUT = {"task": "classification", "loss": "cross-entropy", "class_names": ("a", "b"), "target_names": ()}


def logits(right, labels):
    """Logits that are right where `right` says so."""
    return np.where(right, 1, -1)[:, None] * (2 * np.eye(2)[labels] - 1)


@pytest.fixture
def labels():
    return np.random.default_rng(0).integers(0, 2, 400)


def test_the_best_model_is_the_floor_and_the_interval_that_of_a_paired_difference(labels):
    generator = np.random.default_rng(1)
    right = {"poor": generator.random(400) < 0.6, "good": generator.random(400) < 0.8}
    own = right["good"].copy()
    own[np.flatnonzero(own)[:12]] = False  # Wrong where the best is right, 12 times, and never the other way round.
    found = comparison.compare(ABOUT, labels, logits(own, labels), {name: logits(one, labels) for name, one in right.items()}, "accuracy")
    assert (found["model"], found["metric"], found["examples"]) == ("good", "accuracy", 400)
    assert found["difference"] == pytest.approx(-12 / 400)
    low, high = found["interval"]
    deviation = np.sqrt(0.03 * 0.97 / 400)
    assert low == pytest.approx(-0.03 - 1.96 * deviation, abs=0.004)
    assert high == pytest.approx(-0.03 + 1.96 * deviation, abs=0.004)
    assert found["all"]["poor"]["accuracy"] == pytest.approx(right["poor"].mean())
    assert "alone" not in found
    models = {"good": logits(right["good"], labels)}
    found = comparison.compare(ABOUT, labels, logits(right["good"], labels), models, "accuracy", alone=logits(own, labels))
    assert (found["difference"], found["interval"]) == (0.0, [0.0, 0.0])
    assert found["alone"]["difference"] == pytest.approx(-12 / 400)
    assert found["alone"]["interval"] == [low, high]


def test_thresholds_of_the_network_are_not_those_of_other_models(labels):
    own, models = logits(np.arange(400) % 3 > 0, labels), {"one": logits(np.arange(400) % 4 > 0, labels)}
    half = comparison.compare(ABOUT, labels, own, models, "accuracy")
    assert comparison.compare({**ABOUT, "thresholds": [0.01]}, labels, own, models, "accuracy") == half


def test_of_numbers_the_lower_error_is_the_floor():
    about = {"task": "regression", "loss": "mse", "class_names": (), "target_names": ("y",)}
    true = np.arange(50.0)[:, None]
    found = comparison.compare(about, true, true + 1, {"far": true + 9, "near": true - 2}, "mean_absolute_error")
    assert (found["model"], found["score"], found["network"], found["higher_is_better"]) == ("near", 2.0, 1.0, False)
    assert found["interval"] == pytest.approx([-1.0, -1.0])


def test_quantiles_several_labels_and_one_logit():
    about = {"task": "regression", "loss": "quantile", "class_names": (), "target_names": ("y",), "quantiles": [0.1, 0.9]}
    true = np.arange(50.0)[:, None]
    found = comparison.compare(about, true, np.hstack([true - 1, true + 1]), {"far": np.hstack([true - 5, true + 5])}, "quantile_loss")
    assert found["difference"] == pytest.approx(0.1 - 0.5)
    assert found["interval"] == pytest.approx([-0.4, -0.4])
    about = {"task": "multi-label", "loss": "multi-label", "class_names": ("a", "b"), "target_names": ("a", "b")}
    both = np.array([[1.0, 0], [0, 1], [1, 1], [0, 0]])
    found = comparison.compare(about, both, 2 * both - 1, {"none": -np.ones((4, 2))}, "accuracy")
    assert (found["network"], found["score"]) == (1.0, 0.25)
    one = {**ABOUT, "loss": "binary"}
    found = comparison.compare(one, np.array([0, 1]), np.array([[-1.0], [1.0]]), {"it": np.array([[0.0, 1.0], [0.0, 1.0]])}, "accuracy")
    assert (found["network"], found["score"]) == (1.0, 0.5)


def test_a_network_that_is_lost_has_no_interval_or_is_wrong(labels):
    lost = np.full((400, 2), np.nan)
    found = comparison.compare(ABOUT, labels, lost, {"it": logits(labels >= 0, labels)}, "accuracy")
    assert (found["network"], found["interval"]) == (0.0, [-1.0, -1.0])
    about = {"task": "regression", "loss": "mse", "class_names": (), "target_names": ("y",)}
    found = comparison.compare(about, np.ones((4, 1)), np.full((4, 1), np.nan), {"it": np.zeros((4, 1))}, "mean_absolute_error")
    assert found["interval"] is None


def test_auc_with_weights_is_that_of_repeated_examples(labels):
    ranks = np.round(np.random.default_rng(1).normal(labels, 1.5), 1)  # Some are equal.
    area = comparison.weighted_auc(labels, ranks)
    assert area(np.ones(400, int)) == pytest.approx(roc_auc_score(labels, ranks))
    times = np.random.default_rng(2).integers(0, 4, 400)
    assert area(times) == pytest.approx(roc_auc_score(np.repeat(labels, times), np.repeat(ranks, times)))
    assert np.isnan(area((labels == 0).astype(int)))


def test_a_rare_class_is_compared_by_auc_and_one_class_by_accuracy():
    rare = np.array([1] * 19 + [0] * 81)
    assert comparison.main_metric(Task("classification", 2), rare) == "auc"
    assert comparison.main_metric(Task("classification", 2), np.array([1] * 20 + [0] * 80)) == "accuracy"
    assert comparison.main_metric(Task("regression", 1, "mse"), rare[:, None]) == "mean_absolute_error"
    assert comparison.main_metric(Task("regression", 1, "quantile", (0.5,)), rare[:, None]) == "quantile_loss"
    guess = np.tile([0.1, -0.1], (100, 1))
    found = comparison.compare(ABOUT, rare, logits(rare >= 0, rare), {"it": guess}, "auc")
    assert (found["metric"], found["network"], found["score"]) == ("auc", 1.0, 0.5)
    found = comparison.compare(ABOUT, np.zeros(9, int), logits(np.arange(9) > 2, np.zeros(9, int)), {"it": guess[:9]}, "auc")
    assert (found["metric"], found["network"], found["score"]) == ("accuracy", pytest.approx(6 / 9), 1.0)


def test_examples_of_a_group_are_drawn_together():
    values = np.repeat(np.random.default_rng(0).normal(size=40), 25)
    groups = np.repeat([f"unit {k}" for k in range(40)], 25).astype(object)

    def mean(times):
        return (values * times).sum() / times.sum()

    (low, high), (near, far) = (intervals.bootstrap_interval(mean, 1000, groups=one) for one in (None, groups))
    assert 3.5 < (far - near) / (high - low) < 6.5  # Five, the root of 25.
    assert intervals.bootstrap_interval(mean, 1000) == intervals.bootstrap_interval(mean, 1000)
    assert intervals.bootstrap_interval(mean, 1000, seed=1) != intervals.bootstrap_interval(mean, 1000)


def test_the_lines():
    found = {"model": "ridge", "metric": "mean_absolute_error", "score": 2.0, "network": 2.5, "difference": 0.5, "interval": [0.25, 0.75]}
    assert comparison.in_words({**found, "notes": ["it is left out"]}) == [
        "note: floor: it is left out",
        "floor: mean absolute error of ridge 2.0000, network 2.5000, difference +0.5000 [+0.2500, +0.7500]",
    ]
    assert comparison.in_words({**found, "metric": "accuracy", "interval": None, "notes": []}) == [
        "floor: ridge 2.0000, network 2.5000, difference +0.5000"
    ]
    alone = {"network": 3.0, "difference": 1.0, "interval": None}
    assert comparison.in_words({**found, "metric": "accuracy", "notes": [], "alone": alone}) == [
        "floor: ridge 2.0000, network with its classical model 2.5000, difference +0.5000 [+0.2500, +0.7500]; network alone 3.0000, "
        "difference +1.0000"
    ]
    assert comparison.in_words({"model": None, "notes": []}) == comparison.in_words(None) == []
