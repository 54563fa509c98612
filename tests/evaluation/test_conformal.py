"""Prediction sets against their formulas, against the promise itself, and against crepes."""

import json
import math

import numpy as np
import pytest

from hornbook import UserError
from hornbook.evaluation import conformal, scores
from hornbook.evaluation.classification import softmax

CLASSES = "cross-entropy"


def classified(count, classes=4, seed=0):
    """Labels, and probabilities that are right more often than not."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(classes, size=count)
    return labels, softmax(generator.normal(size=(count, classes)) + 1.5 * np.eye(classes)[labels])


def numbers(count, seed=0):
    generator = np.random.default_rng(seed)
    predictions = generator.normal(size=(count, 2))
    return predictions + generator.normal(size=(count, 2)) * [1, 10], predictions


@pytest.mark.parametrize("coverage", [0.5, 0.55, 0.7, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("count", [9, 10, 19, 99, 100, 137])
def test_the_quantile_is_the_rank_of_the_formula(coverage, count):
    found = conformal.quantile(np.random.default_rng(0).permutation(count) + 1.0, coverage)
    hundredths = round(100 * coverage)
    rank = -(-(count + 1) * hundredths // 100)  # ceil((n + 1) * coverage), in whole numbers.
    assert found == (rank if rank <= count else math.inf)
    assert (rank > count) == (count < conformal.least_examples(coverage))


def test_decimals_are_taken_as_they_are_written():
    # In binary (9 + 1) * 0.7 and (n + 1) * 0.55 are a little more than the whole numbers that they are.
    assert [conformal.least_examples(one) for one in (0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)] == [1, 3, 4, 9, 19, 99, 999]
    assert conformal.quantile(np.arange(1.0, 20), 0.55) == 11


def test_columns_have_a_quantile_each_and_what_is_no_number_is_the_worst():
    scores_of = np.stack([np.arange(19.0), np.r_[np.arange(17.0), np.nan, np.nan]], axis=1)
    assert conformal.quantile(scores_of, 0.85).tolist() == [16, 16]
    assert conformal.quantile(scores_of, 0.9).tolist() == [17, math.inf]
    with pytest.raises(ValueError, match="must have shape"):
        conformal.quantile(np.zeros((2, 2, 2)), 0.9)


def test_too_few_examples_are_one_line():
    conformal.require_enough(0.95, 19)
    with pytest.raises(UserError) as raised:
        conformal.require_enough(0.95, 18)
    assert str(raised.value) == (
        "--coverage 0.95 takes 19 validation examples or more, and there are 18; hold more out, such as --validation-fraction 0.3, or pass "
        "a lower coverage, 0.9474 or less"
    )
    conformal.require_enough(0.9473, 18)


def test_a_class_is_in_the_set_where_its_score_is_not_above_the_quantile():
    labels, probabilities = classified(200)
    [limit] = conformal.fit(CLASSES, labels, probabilities, 0.9)
    own = np.sort([1 - probabilities[k, label] for k, label in enumerate(labels)])
    assert limit == own[math.ceil(201 * 0.9) - 1]
    found = conformal.sets(CLASSES, probabilities, [limit])
    expected = [[1 - one <= limit for one in row] for row in probabilities.tolist()]
    assert found.tolist() == expected
    assert found[np.arange(200), labels].sum() == 181  # The quantile's own example counts.


def test_probabilities_that_are_no_numbers_leave_every_class_possible():
    labels, probabilities = classified(50)
    probabilities[:10] = np.nan
    assert conformal.fit(CLASSES, labels, probabilities, 0.9).tolist() == [1.0]
    assert conformal.sets(CLASSES, probabilities, [0.5])[:10].all()


def test_each_label_has_sets_of_its_own():
    generator = np.random.default_rng(0)
    labels = (generator.random((300, 2)) < [0.5, 0.1]).astype(int)
    probabilities = 1 / (1 + np.exp(-generator.normal(size=(300, 2)) - [1, 3] * (2 * labels - 1)))
    limits = conformal.fit("multi-label", labels, probabilities, 0.8)
    for k in range(2):
        of_truth = np.where(labels[:, k] == 1, probabilities[:, k], 1 - probabilities[:, k])
        assert limits[k] == pytest.approx(np.sort(1 - of_truth)[math.ceil(301 * 0.8) - 1])
    found = conformal.sets("multi-label", probabilities, limits)
    assert found.shape == (300, 2, 2)
    np.testing.assert_array_equal(found[..., 1], 1 - probabilities <= limits)
    np.testing.assert_array_equal(found[..., 0], probabilities <= limits)
    told = conformal.reached("multi-label", labels, probabilities, limits, ["often", "seldom"])
    inside = np.take_along_axis(found, labels[..., None], axis=-1)[..., 0]
    assert [one["coverage"] for one in told["each"]] == inside.mean(axis=0).tolist()
    assert told["coverage"] == pytest.approx(inside.mean())
    assert told["mean_size"] == pytest.approx(found.sum(axis=-1).mean())
    assert told["coverage_interval"] is None


def test_intervals_of_numbers_are_as_wide_as_residuals_were():
    targets, predictions = numbers(99)
    limits = conformal.fit("mse", targets, predictions, 0.9)
    np.testing.assert_array_equal(limits, np.sort(np.abs(targets - predictions), axis=0)[89])
    found = conformal.sets("mse", predictions, limits)
    np.testing.assert_array_equal(found, np.stack([predictions - limits, predictions + limits], axis=-1))
    told = conformal.reached("mse", targets, predictions, limits, ["a", "b"])
    assert "mean_width" not in told  # Of two targets, in units of their own.
    assert [one["mean_width"] for one in told["each"]] == pytest.approx((2 * limits).tolist())
    assert [one["name"] for one in told["each"]] == ["a", "b"]


def test_quantiles_are_moved_by_what_they_missed():
    generator = np.random.default_rng(0)
    targets = generator.normal(size=(199, 1))
    for half, sign in ((0.5, 1), (5.0, -1)):  # Too narrow, too wide.
        outputs = np.tile([-half, 0.0, half], (199, 1))
        [limit] = conformal.fit("quantile", targets, outputs, 0.8)
        assert limit == np.sort(np.maximum(-half - targets, targets - half)[:, 0])[159]
        assert np.sign(limit) == sign
        found = conformal.sets("quantile", outputs, [limit])
        np.testing.assert_allclose(found[:, 0], np.tile([-half - limit, half + limit], (199, 1)))
        assert conformal.reached("quantile", targets, outputs, [limit], ["y"])["coverage"] == pytest.approx(160 / 199, abs=1 / 199)
    # Of an interval that is to shrink by more than it has, the middle is left.
    assert conformal.number_intervals([[1.0, 3.0]], [-4.0], of_quantiles=True).tolist() == [[[2.0, 2.0]]]
    # One quantile alone has residuals.
    assert conformal.number_scores([[5.0]], [[3.0]], of_quantiles=True).tolist() == [[2.0]]


def test_what_nothing_bounds_is_everything():
    for limits in ([None], [math.inf]):
        assert conformal.sets("mae", [[3.0], [math.nan]], limits).tolist() == [[[-math.inf, math.inf]]] * 2


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_the_promise_is_held_on_average_over_calibration_sets(coverage):
    """The mean coverage lies between the promise and the promise + 1 / (n + 1): here within what 400 draws leave to luck."""
    reached = {"classes": [], "numbers": [], "quantiles": []}
    for seed in range(400):
        labels, probabilities = classified(140, seed=seed)
        limits = conformal.fit(CLASSES, labels[:40], probabilities[:40], coverage)
        reached["classes"].append(conformal.reached(CLASSES, labels[40:], probabilities[40:], limits, "abcd")["coverage"])
        targets, predictions = numbers(140, seed=seed)
        for kind, loss, outputs in (("numbers", "mae", predictions), ("quantiles", "quantile", predictions[:, :1] + [-0.3, 0, 0.3])):
            own = targets if loss == "mae" else targets[:, :1]
            limits = conformal.fit(loss, own[:40], outputs[:40], coverage)
            reached[kind].append(conformal.reached(loss, own[40:], outputs[40:], limits, ["a", "b"][: own.shape[1]])["coverage"])
    for kind, values in reached.items():
        error = np.std(values) / math.sqrt(len(values))
        assert coverage - 3 * error < np.mean(values) < coverage + 1 / 41 + 3 * error, kind


def test_what_is_reached_is_ready_for_json_and_says_each_class():
    labels, probabilities = classified(400)
    limits = conformal.fit(CLASSES, labels[:200], probabilities[:200], 0.9)
    told = conformal.reached(CLASSES, labels[200:], probabilities[200:], limits, ["a", "b", "c", "d"])
    assert json.loads(json.dumps(told)) == told
    found = conformal.sets(CLASSES, probabilities[200:], limits)
    inside, sizes = found[np.arange(200), labels[200:]], found.sum(axis=1)
    assert told["coverage"] == inside.mean()
    assert told["coverage_interval"][0] < told["coverage"] < told["coverage_interval"][1]
    assert (told["mean_size"], told["empty"], told["single"]) == (sizes.mean(), np.mean(sizes == 0), np.mean(sizes == 1))
    assert [one["coverage"] for one in told["each"]] == [inside[labels[200:] == k].mean() for k in range(4)]
    absent = conformal.reached(CLASSES, np.zeros(3, int), probabilities[:3], limits, ["a", "b", "c", "d"])["each"][3]
    assert absent == {"name": "d", "examples": 0, "coverage": None, "coverage_interval": None, "mean_size": None}


def test_what_is_promised_of_one_example_in_names():
    classes = {"task": "classification", "loss": CLASSES, "class_names": ["a", "b", "c"]}
    assert conformal.named(classes, [0.2, 0.5, 0.3]) == conformal.named({**classes, "conformal": None}, [0.2, 0.5, 0.3]) == {}
    for limit, expected in ((0.75, ["b", "c"]), (0.4, []), (1.0, ["b", "c", "a"])):
        assert conformal.named({**classes, "conformal": {"quantiles": [limit]}}, [0.2, 0.5, 0.3]) == {"set": expected}
    labels = {"task": "multi-label", "loss": "multi-label", "class_names": ["a", "b", "c"], "conformal": {"quantiles": [0.5, 0.9, 0.1]}}
    assert conformal.named(labels, [0.8, 0.8, 0.5]) == {"sets": {"a": ["yes"], "b": ["no", "yes"], "c": []}}
    numbers_of = {"task": "regression", "loss": "mse", "target_names": ["x", "y"], "conformal": {"quantiles": [2.0, None]}}
    assert conformal.named(numbers_of, [10.0, 5.0]) == {"intervals": {"x": [8.0, 12.0], "y": [None, None]}}


@pytest.mark.parametrize("loss", ["cross-entropy", "binary"])
def test_scores_of_a_run_have_them(loss):
    labels = np.array([0, 1, 1, 0])
    outputs = np.array([[0.0, -2.0], [0.0, 1.0], [0.0, -1.0], [0.0, -3.0]])
    outputs = outputs if loss == CLASSES else outputs[:, 1:]
    about = {"task": "classification", "loss": loss, "class_names": ["no", "yes"]}
    assert "prediction_sets" not in scores.of_run(about, labels, outputs)
    told = {"coverage": 0.7, "quantiles": [0.5], "calibration_examples": 9}
    found = scores.of_run({**about, "conformal": told}, labels, outputs)["prediction_sets"]
    assert (found["promised"], found["coverage"], found["single"]) == (0.7, 0.75, 1.0)


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
@pytest.mark.parametrize("count", [19, 50, 99, 137])
def test_the_same_sets_as_crepes(coverage, count):
    crepes = pytest.importorskip("crepes")
    labels, probabilities = classified(count + 60, seed=count)
    limits = conformal.fit(CLASSES, labels[:count], probabilities[:count], coverage)
    reference = crepes.ConformalClassifier()
    reference.fit(1 - probabilities[np.arange(count), labels[:count]])
    # crepes keeps a class with a p-value of exactly 1 - coverage, which is one rank more than the promise takes where (n + 1) * coverage
    # is a whole number; Vovk et al. (2005, equation 2.19) leave it out.
    p_values = reference.predict_p(1 - probabilities[count:], smoothing=False)
    np.testing.assert_array_equal(conformal.sets(CLASSES, probabilities[count:], limits), p_values > 1 - coverage + 1e-12)
    if (count + 1) * round(100 * coverage) % 100:
        theirs = reference.predict_set(1 - probabilities[count:], confidence=coverage, smoothing=False)
        np.testing.assert_array_equal(conformal.sets(CLASSES, probabilities[count:], limits), theirs.astype(bool))


@pytest.mark.parametrize("coverage", [0.75, 0.9, 0.95])
@pytest.mark.parametrize("count", [19, 50, 137])
def test_the_same_intervals_as_crepes(coverage, count):
    crepes = pytest.importorskip("crepes")
    targets, predictions = numbers(count + 30, seed=count)
    limits = conformal.fit("mse", targets[:count], predictions[:count], coverage)
    for k in range(2):
        reference = crepes.ConformalRegressor()
        reference.fit(targets[:count, k] - predictions[:count, k])
        # crepes takes (1 - 0.9) * 20 for a little less than 2.
        theirs = reference.predict_int(predictions[count:, k], confidence=coverage - 1e-12)
        np.testing.assert_array_equal(conformal.sets("mse", predictions[count:], limits)[:, k], theirs)
