"""Findings: what stands out is said, with the flag that mends it, and what may be luck is not."""

import dataclasses
import re

import numpy as np
import pytest

from hornbook.evaluation import classification
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification
from hornbook.training import diagnosis

IMAGES = dataclasses.asdict(image_classification.Args())


def history(accuracy, val_accuracy, losses=(1.0, 1.0), val_losses=(1.0, 1.0)):
    pairs = enumerate(zip(losses, val_losses, strict=True), start=1)
    return [
        {"epoch": epoch, "loss": loss, "accuracy": accuracy, "val_loss": val_loss, "val_accuracy": val_accuracy}
        for epoch, (loss, val_loss) in pairs
    ]


def scores(examples, right, confidence):
    """Of a network that is right so many times, and always as sure."""
    labels = np.zeros(examples, np.int64)
    logits = np.tile(np.log([confidence, 1 - confidence]), (examples, 1))
    logits[right:] = logits[right:, ::-1]
    return classification.classification(labels, logits, ("a", "b"))


def test_a_network_that_guesses_has_not_learned():
    (found,) = diagnosis.findings(history(0.12, 0.10), None, 10, IMAGES)
    assert "has not learned: its accuracy in training and validation is at most 12.0%, and guessing gives 10.0%. Train for" in found
    assert "more --epochs first. Try --learning-rate" in found
    (found,) = diagnosis.findings(history(0.12, 0.10, [1.0] * 9, [1.0] * 9), None, 10, IMAGES)
    assert "Try --learning-rate" in found


def test_training_made_hard_by_augmentation_is_no_failure():
    assert not diagnosis.findings(history(0.42, 0.62), None, 3, IMAGES)


@pytest.mark.parametrize(
    ("accuracy", "val_accuracy", "val_losses", "words"),
    [
        (0.99, 0.90, (1.0, 1.5), "ends at 99.0% in training and 90.0% in validation, where the loss is 1.5 times that of epoch 1"),
        (0.87, 0.45, (1.0, 1.1), "ends at 87.0% in training and 45.0% in validation. Try"),
    ],
)
def test_overfitting(accuracy, val_accuracy, val_losses, words):
    (found,) = diagnosis.findings(history(accuracy, val_accuracy, val_losses=val_losses), None, 10, IMAGES)
    assert words in found
    assert "--augmentation crop-flip" in found


@pytest.mark.parametrize(("accuracy", "val_accuracy", "val_losses"), [(0.99, 0.90, (1.0, 1.1)), (0.99, 0.96, (1.0, 1.5))])
def test_a_gap_that_costs_nothing_is_no_overfitting(accuracy, val_accuracy, val_losses):
    assert not diagnosis.findings(history(accuracy, val_accuracy, val_losses=val_losses), None, 10, IMAGES)


def test_a_loss_that_still_falls():
    falling = [1.0, 0.9, 0.8, 0.7]
    (found,) = diagnosis.findings(history(0.8, 0.8, falling, falling), None, 10, IMAGES)
    assert "still falling at the end (0.95 to 0.75 over the last epochs). Try more --epochs" in found


def test_a_network_too_sure_of_itself():
    (found,) = diagnosis.findings(history(0.8, 0.8), scores(1000, 700, 0.95), 2, IMAGES)
    assert "too sure: its mean confidence is 95.0%, its accuracy 70.0%. Try --label-smoothing 0.1" in found


def test_few_examples_say_little_about_confidence():
    assert not diagnosis.findings(history(0.8, 0.8), scores(20, 15, 0.88), 2, IMAGES)
    # Of a network that has not learned, nothing else is said.
    assert len(diagnosis.findings(history(0.5, 0.5), scores(1000, 500, 0.95), 2, IMAGES)) == 1


RECIPES = (image_classification, text_classification, sequence_classification, tabular_classification, regression)


@pytest.mark.parametrize("recipe", RECIPES, ids=[recipe.RECIPE for recipe in RECIPES])
def test_no_finding_advises_a_flag_that_the_recipe_has_not(recipe):
    options = dataclasses.asdict(recipe.Args())
    for remedies in (diagnosis._UNTRAINED, diagnosis._OVERFITTED, diagnosis._TOO_SURE, diagnosis._NEGLECTED_CLASS):
        words = " ".join(remedy.words for remedy in remedies if remedy.applies(options))
        flags = [flag.replace("-", "_") for flag in re.findall(r"--([a-z0-9-]+)", words)]
        assert set(flags) <= options.keys()
        assert flags or recipe is regression  # Which has no classes.


@pytest.mark.parametrize(
    ("options", "advised"),
    [
        ({"mixup": 0.2}, "--mixup 0.2"),
        ({"augmentation": "crop-flip"}, "--augmentation crop-flip"),
        ({"early_stopping": 5}, "--early-stopping 5"),
        ({"dropout": 0.7}, "a higher --dropout"),
    ],
)
def test_no_finding_advises_what_the_run_has(options, advised):
    without = diagnosis._advice([one for one in diagnosis._OVERFITTED if one.words == advised], IMAGES)
    assert advised in without
    (found,) = diagnosis.findings(history(0.99, 0.90, val_losses=(1.0, 1.5)), None, 10, {**IMAGES, **options})
    assert advised not in found


def test_another_model_is_advised_only_to_those_that_are_not_it():
    texts = dataclasses.asdict(text_classification.Args(model="cnn1d"))
    lost = history(0.12, 0.10)
    assert "--model" not in diagnosis.findings(lost, None, 10, texts)[0]  # It is a cnn1d.
    assert "--model cnn1d" in diagnosis.findings(lost, None, 10, {**texts, "model": "lstm"})[0]
    series = dataclasses.asdict(sequence_classification.Args(model="gru"))
    assert "--model fcn" in diagnosis.findings(lost, None, 10, series)[0]
    assert "--model" not in diagnosis.findings(lost, None, 10, {**series, "model": "fcn"})[0]


def test_findings_on_numbers():
    options = dataclasses.asdict(regression.Args())
    falling = [{"loss": 1 / k, "val_loss": 1 / k} for k in range(1, 21)]
    assert "still falling" in diagnosis.regression_findings(falling, None, options)[0]
    over = [{"loss": 1 / k, "val_loss": 0.5 + abs(k - 5) / 20} for k in range(1, 21)]
    assert "overfits" in diagnosis.regression_findings(over, None, options)[0]
    level = [{"loss": 1.0, "val_loss": 1.0}] * 20
    assert "R2 is 0.010" in diagnosis.regression_findings(level, {"r2": 0.01}, options)[0]
    assert "do not cover" in diagnosis.regression_findings(level, {"r2": 0.5, "coverage_error": 0.2}, options)[0]
    assert diagnosis.regression_findings(level, {"r2": 0.5, "coverage_error": 0.01}, options) == []
    assert diagnosis.regression_findings([{"loss": 1.0}], None, options) == []


FLOOR = {
    "model": "gradient boosting", "metric": "accuracy", "score": 0.9, "network": 0.85, "difference": -0.05, "interval": [-0.07, -0.03],
    "higher_is_better": True, "examples": 500,
}  # fmt: skip


def test_below_the_floor_by_more_than_luck():
    tables = dataclasses.asdict(tabular_classification.Args())
    (found,) = diagnosis.floor_findings(FLOOR, "tables", tables)
    assert found.startswith(
        "The network is worse than gradient boosting: accuracy 0.8500 against 0.9000 on 500 examples. Try --number-embedding piecewise, "
    )
    assert found.endswith("Or use gradient boosting itself.")
    error = {**FLOOR, "metric": "mean_absolute_error", "interval": [0.03, 0.07], "difference": 0.05, "higher_is_better": False}
    (found,) = diagnosis.floor_findings(error, "tables", {**tables, "number_embedding": "piecewise"})
    assert "is worse than gradient boosting: mean absolute error 0.8500" in found
    assert "--number-embedding" not in found


def test_not_above_the_floor_by_more_than_luck():
    (found,) = diagnosis.floor_findings({**FLOOR, "network": 0.91, "interval": [-0.01, 0.03]}, "images", IMAGES)
    assert "not clearly better than gradient boosting: accuracy 0.9100 against 0.9000 on 500 examples, which may be luck. Try" in found
    series = dataclasses.asdict(sequence_classification.Args(model="gru"))
    (found,) = diagnosis.floor_findings({**FLOOR, "interval": [-0.01, 0.0]}, "series", series)
    assert "Try --model h_inception1d" in found


def test_what_the_classical_model_beside_the_network_did_decides_how_much_it_should_count():
    tables = dataclasses.asdict(tabular_classification.Args(classical_share=0.5))
    luck = {**FLOOR, "network": 0.91, "interval": [-0.01, 0.03]}
    (found,) = diagnosis.floor_findings({**luck, "alone": {"network": 0.9, "difference": 0.0, "interval": [-0.1, 0.1]}}, "tables", tables)
    assert "The network with its classical model is not clearly better" in found
    assert "Try --classical-share 0.8, " in found
    (found,) = diagnosis.floor_findings({**luck, "alone": {"network": 0.95, "difference": 0.05, "interval": [-0.1, 0.1]}}, "tables", tables)
    assert "Try --classical-share 0, without which it has 0.9500, " in found
    error = {**luck, "metric": "mean_absolute_error", "higher_is_better": False}
    (found,) = diagnosis.floor_findings({**error, "alone": {"network": 0.95, "difference": 0.0, "interval": [-0.1, 0.1]}}, "tables", tables)
    assert "Try --classical-share 0.8, " in found


def test_a_network_that_is_worse_alone_is_named_though_the_classical_model_makes_up_for_it():
    series = dataclasses.asdict(sequence_classification.Args(model="gru"))
    for above in ({"network": 0.9, "interval": [0.0, 0.0]}, {"network": 0.95, "interval": [0.01, 0.09]}):
        floor = {**FLOOR, **above, "alone": {"network": 0.4, "difference": -0.5, "interval": [-0.6, -0.4]}}
        (found,) = diagnosis.floor_findings(floor, "series", series)
        assert found.startswith(
            "The network alone is worse than gradient boosting: accuracy 0.4000 against 0.9000 on 500 examples, and 0.9"
        )
        assert "Try --model h_inception1d" in found
        assert "--classical-share" not in found


def test_above_the_floor_or_without_one_there_is_nothing_to_say():
    for floor in (None, {"model": None, "notes": []}, {**FLOOR, "interval": None}, {**FLOOR, "interval": [0.01, 0.03]}):
        assert diagnosis.floor_findings(floor, "images", IMAGES) == []
    both_perfect = {**FLOOR, "score": 1.0, "network": 1.0, "interval": [0.0, 0.0]}
    assert diagnosis.floor_findings(both_perfect, "images", IMAGES) == []
    assert diagnosis.floor_findings({**FLOOR, "interval": [-0.03, -0.01], "higher_is_better": False}, "images", IMAGES) == []
