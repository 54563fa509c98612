"""Findings: what stands out is said, with the flag that mends it, and what may be luck is not."""

import numpy as np
import pytest

from hornbook.training import diagnosis
from hornbook.evaluation import classification


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
    (found,) = diagnosis.findings(history(0.12, 0.10), None, 10)
    assert "has not learned: its accuracy is 12.0%, and guessing gives 10.0%. Try more --epochs, --learning-rate" in found
    (found,) = diagnosis.findings(history(0.12, 0.10, [1.0] * 9, [1.0] * 9), None, 10)
    assert "Try --learning-rate" in found


def test_training_made_hard_by_augmentation_is_no_failure():
    assert not diagnosis.findings(history(0.42, 0.62), None, 3)


@pytest.mark.parametrize(
    ("accuracy", "val_accuracy", "val_losses", "words"),
    [
        (0.99, 0.90, (1.0, 1.5), "ends at 99.0% in training and 90.0% in validation, where the loss is 1.5 times that of epoch 1"),
        (0.87, 0.45, (1.0, 1.1), "ends at 87.0% in training and 45.0% in validation. Try"),
    ],
)
def test_overfitting(accuracy, val_accuracy, val_losses, words):
    (found,) = diagnosis.findings(history(accuracy, val_accuracy, val_losses=val_losses), None, 10)
    assert words in found
    assert "--augmentation crop-flip" in found


@pytest.mark.parametrize(("accuracy", "val_accuracy", "val_losses"), [(0.99, 0.90, (1.0, 1.1)), (0.99, 0.96, (1.0, 1.5))])
def test_a_gap_that_costs_nothing_is_no_overfitting(accuracy, val_accuracy, val_losses):
    assert not diagnosis.findings(history(accuracy, val_accuracy, val_losses=val_losses), None, 10)


def test_a_loss_that_still_falls():
    falling = [1.0, 0.9, 0.8, 0.7]
    (found,) = diagnosis.findings(history(0.8, 0.8, falling, falling), None, 10)
    assert "still falling at the end (0.95 to 0.75 over the last epochs). Try more --epochs" in found


def test_a_network_too_sure_of_itself():
    (found,) = diagnosis.findings(history(0.8, 0.8), scores(1000, 700, 0.95), 2)
    assert "too sure: its mean confidence is 95.0%, its accuracy 70.0%. Try --label-smoothing 0.1" in found


def test_few_examples_say_little_about_confidence():
    assert not diagnosis.findings(history(0.8, 0.8), scores(20, 15, 0.88), 2)
    # Of a network that has not learned, nothing else is said.
    assert len(diagnosis.findings(history(0.5, 0.5), scores(1000, 500, 0.95), 2)) == 1
