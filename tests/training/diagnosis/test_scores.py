"""Findings on scores and floors: what stands out is said, with the flag that mends it, and what may be luck is not."""

import dataclasses
import re

import numpy as np
import pytest

from hornbook.evaluation import classification
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification
from hornbook.training.diagnosis.rules.remedies import REMEDIES
from hornbook.training.diagnosis.rules.scores import of_floor, of_scores

IMAGES = dataclasses.asdict(image_classification.Args(model="cnn", dropout=0.0, epochs=20))
LEVEL = [{"loss": 1.0, "val_loss": 1.0}] * 20


def told(findings):
    return [str(finding) for finding in findings]


def scores(examples, right, confidence):
    """Of a network that is right so many times, and always as sure."""
    labels = np.zeros(examples, np.int64)
    logits = np.tile(np.log([confidence, 1 - confidence]), (examples, 1))
    logits[right:] = logits[right:, ::-1]
    return classification.classification(labels, logits, ("a", "b"))


def test_a_loss_that_still_falls():
    falling = [{"loss": loss, "val_loss": loss} for loss in (1.0, 0.9, 0.8, 0.7)]
    (found,) = of_scores(falling, None, IMAGES)
    assert (found.problem, found.severity) == ("unfinished", "note")
    assert "still falling at the end (0.95 to 0.75 over the last epochs). Try --epochs 100." in str(found)
    assert of_scores(LEVEL, None, IMAGES) == []
    assert of_scores([{"loss": 1.0}] * 9, None, IMAGES) == []


def test_a_network_too_sure_of_itself():
    (found,) = of_scores(LEVEL, scores(1000, 700, 0.95), IMAGES)
    assert found.problem == "too-sure"
    assert "too sure: its mean confidence is 95.0%, its accuracy 70.0%. Try --temperature-scaling" in str(found)
    (found,) = of_scores(LEVEL, scores(1000, 700, 0.95), {**IMAGES, "temperature_scaling": True})
    assert "Try --label-smoothing 0.1" in str(found)
    # A threshold that says the rarer class more often makes mistakes on purpose.
    sure = scores(1000, 940, 0.95) | {"accuracy": 0.7, "accuracy_interval": [0.67, 0.73], "calibration_error": 0.2}
    assert of_scores(LEVEL, sure | {"at_half": {"accuracy": 0.94}}, IMAGES) == []
    assert of_scores(LEVEL, sure, IMAGES) != []
    assert of_scores(LEVEL, scores(20, 15, 0.88), IMAGES) == []  # Few examples say little about confidence.


def test_a_neglected_class():
    labels = np.repeat([0, 1], [90, 10])
    logits = np.where(np.arange(100)[:, None] < 98, [2.0, 0.0], [0.0, 2.0])
    (found,) = of_scores(LEVEL, classification.classification(labels, logits, ("cat", "dog")), IMAGES)
    assert str(found).startswith(
        "The class dog is neglected: its recall is 20.0%, with 10 examples where the largest class has 90. "
        "Try --logit-adjustment after, --class-weights balanced or more examples of it."
    )
    assert found.to_json()["changes"] == {"logit_adjustment": "after"}
    again = classification.classification(labels, logits, ("cat", "dog"))
    (found,) = of_scores(LEVEL, again, {**IMAGES, "class_weights": "balanced"})
    assert str(found).endswith("Try --logit-adjustment after or more examples of it.")
    assert found.to_json()["changes"] == {"logit_adjustment": "after", "class_weights": "none"}
    (found,) = of_scores(LEVEL, again, {**IMAGES, "logit_adjustment": "after"})
    assert str(found).endswith("Try --class-weights balanced or more examples of it.")


def test_findings_on_numbers():
    options = dataclasses.asdict(regression.Args())
    assert "R2 is 0.010" in told(of_scores(LEVEL, {"r2": 0.01}, options))[0]
    assert "do not cover" in told(of_scores(LEVEL, {"r2": 0.5, "coverage_error": 0.2}, options))[0]
    assert of_scores(LEVEL, {"r2": 0.5, "coverage_error": 0.01}, options) == []


RECIPES = (image_classification, text_classification, sequence_classification, tabular_classification, regression)


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.RECIPE for recipe in RECIPES])
@pytest.mark.parametrize("problem", sorted(REMEDIES))
def test_no_finding_advises_a_flag_that_the_recipe_has_not(recipe, problem):
    options = dataclasses.asdict(recipe.Args())
    for remedy in REMEDIES[problem]:
        if not remedy.applies(options):
            continue
        advised = remedy.for_run(options)
        flags = [flag.replace("-", "_") for flag in re.findall(r"--([a-z0-9-]+)", advised.words)]
        assert set(flags) <= options.keys()
        assert advised.changes.keys() <= options.keys()
        assert not flags or set(flags) <= advised.changes.keys()
        dataclasses.replace(recipe.Args(), **advised.changes)


@pytest.mark.parametrize("options", [{"mixup": 0.2}, {"augmentation": "crop-flip"}, {"early_stopping": 5}, {"dropout": 0.7}])
def test_no_finding_advises_what_the_run_has(options):
    (name,) = options
    assert name in [next(iter(remedy.changes)) for remedy in REMEDIES["overfitting"] if remedy.applies(IMAGES)]
    assert name not in [next(iter(remedy.changes)) for remedy in REMEDIES["overfitting"] if remedy.applies({**IMAGES, **options})]


FLOOR = {
    "model": "gradient boosting", "metric": "accuracy", "score": 0.9, "network": 0.85, "difference": -0.05, "interval": [-0.07, -0.03],
    "higher_is_better": True, "examples": 500,
}  # fmt: skip


def test_below_the_floor_by_more_than_luck():
    tables = dataclasses.asdict(tabular_classification.Args())
    (found,) = of_floor(FLOOR, "tables", tables)
    assert str(found) == (
        "The network is worse than gradient boosting: accuracy 0.8500 against 0.9000 on 500 examples. Try gradient boosting itself, "
        "--number-embedding piecewise, --members 5 or --epochs auto."
    )
    error = {**FLOOR, "metric": "mean_absolute_error", "interval": [0.03, 0.07], "difference": 0.05, "higher_is_better": False}
    (found,) = of_floor(error, "tables", {**tables, "number_embedding": "piecewise"})
    assert "is worse than gradient boosting: mean absolute error 0.8500" in str(found)
    assert "--number-embedding" not in str(found)


def test_not_above_the_floor_by_more_than_luck():
    (found,) = of_floor({**FLOOR, "network": 0.91, "interval": [-0.01, 0.03]}, "images", IMAGES)
    assert "not clearly better than gradient boosting: accuracy 0.9100 against 0.9000 on 500 examples, which may be luck. Try" in str(found)
    series = dataclasses.asdict(sequence_classification.Args(model="gru"))
    (found,) = of_floor({**FLOOR, "interval": [-0.01, 0.0]}, "series", series)
    assert "Try --model h_inception1d" in str(found)


def test_what_the_classical_model_beside_the_network_did_decides_how_much_it_should_count():
    tables = dataclasses.asdict(tabular_classification.Args(classical_share=0.5))
    luck = {**FLOOR, "network": 0.91, "interval": [-0.01, 0.03]}
    (found,) = told(of_floor({**luck, "alone": {"network": 0.9, "difference": 0.0, "interval": [-0.1, 0.1]}}, "tables", tables))
    assert "The network with its classical model is not clearly better" in found
    assert "Try --classical-share 0.8, " in found
    (found,) = told(of_floor({**luck, "alone": {"network": 0.95, "difference": 0.05, "interval": [-0.1, 0.1]}}, "tables", tables))
    assert "Try --classical-share 0, without which it has 0.9500, " in found
    error = {**luck, "metric": "mean_absolute_error", "higher_is_better": False}
    (found,) = told(of_floor({**error, "alone": {"network": 0.95, "difference": 0.0, "interval": [-0.1, 0.1]}}, "tables", tables))
    assert "Try --classical-share 0.8, " in found


def test_a_network_that_is_worse_alone_is_named_though_the_classical_model_makes_up_for_it():
    series = dataclasses.asdict(sequence_classification.Args(model="gru"))
    for above in ({"network": 0.9, "interval": [0.0, 0.0]}, {"network": 0.95, "interval": [0.01, 0.09]}):
        floor = {**FLOOR, **above, "alone": {"network": 0.4, "difference": -0.5, "interval": [-0.6, -0.4]}}
        (found,) = told(of_floor(floor, "series", series))
        assert found.startswith(
            "The network alone is worse than gradient boosting: accuracy 0.4000 against 0.9000 on 500 examples, and 0.9"
        )
        assert "Try --model h_inception1d" in found
        assert "--classical-share" not in found


def test_above_the_floor_or_without_one_there_is_nothing_to_say():
    for floor in (None, {"model": None, "notes": []}, {**FLOOR, "interval": None}, {**FLOOR, "interval": [0.01, 0.03]}):
        assert of_floor(floor, "images", IMAGES) == []
    both_perfect = {**FLOOR, "score": 1.0, "network": 1.0, "interval": [0.0, 0.0]}
    assert of_floor(both_perfect, "images", IMAGES) == []
    assert of_floor({**FLOOR, "interval": [-0.03, -0.01], "higher_is_better": False}, "images", IMAGES) == []


@pytest.mark.parametrize("made_up", [{"logit_adjustment": "after"}, {"class_weights": "balanced"}, {"sampling": "oversample"}])
def test_outputs_for_even_classes_are_not_said_to_need_a_temperature(made_up):
    [flag] = [f"--{name.replace('_', '-')} {value}" for name, value in made_up.items()]
    (found,) = of_scores(LEVEL, scores(1000, 700, 0.95), {**IMAGES, **made_up})
    assert "Try --temperature-scaling" in str(found)  # All examples are of one class, so none is rarer.
    uneven = scores(1000, 700, 0.95)
    uneven["per_class"][1] |= {"support": 100, "recall": 1.0}
    (found,) = of_scores(LEVEL, uneven, {**IMAGES, **made_up})
    assert str(found).endswith(
        f"With {flag} it answers as if all classes were equally frequent, and here they are not. Try to leave {flag} out where the "
        "probabilities count."
    )
    assert found.to_json()["changes"] == {}
    (found,) = of_scores(LEVEL, uneven, IMAGES)
    assert "Try --temperature-scaling" in str(found)


def test_a_network_that_resists_one_step_alone_is_said_to_overfit_catastrophically():
    rows = [{"val_fgsm_accuracy": fgsm, "val_pgd_accuracy": pgd} for fgsm, pgd in ((0.6, 0.5), (0.65, 0.55), (0.9, 0.01))]
    [found] = of_scores(rows, None, {"adversarial": "fgsm", "attack_step_size": None})
    assert found.problem == "catastrophic-overfitting"
    assert "90.0%" in found.evidence
    assert "after epoch 2 it was 55.0%" in found.evidence
    assert "--adversarial pgd" in found.advice
    assert not of_scores(rows[:2], None, {"adversarial": "fgsm", "attack_step_size": None})
    assert not of_scores([{"loss": 1.0}], None, {"adversarial": "none"})
