"""Losses that know how many examples a class has, against their formulas in NumPy."""

import keras
import numpy as np
import pytest
from scipy.special import expit, log_softmax

from hornbook import UserError
from hornbook.training import imbalance, losses

COUNTS = np.array([900, 90, 10])
LABELS = np.repeat([0, 1, 2], COUNTS)
LOGITS = np.random.default_rng(0).normal(0, 3, (30, 3)).astype("float32")
CLASSES = np.arange(30) % 3
ONE_HOT = np.eye(3, dtype="float32")[CLASSES]


def test_margins_are_the_largest_for_the_rarest_class():
    found = losses.margins(COUNTS)
    np.testing.assert_allclose(found, 0.5 * (10 / COUNTS) ** 0.25)
    np.testing.assert_allclose(losses.margins([900, 90, 10, 0], largest=1.0), [*(2 * found), 1.0])
    with pytest.raises(UserError, match="margins are for classes with examples"):
        losses.margins([0, 0])


def test_ldam_is_its_formula():
    # The paper's outputs are the logits by the scale.
    scale, z, own = 30.0, LOGITS.astype("float64") / 30, np.arange(30)
    margin = losses.margins(COUNTS)[CLASSES]
    ahead = np.exp(scale * (z[own, CLASSES] - margin))
    others = np.exp(scale * z).sum(axis=1) - np.exp(scale * z[own, CLASSES])
    expected = -np.log(ahead / (ahead + others)).mean()
    loss = losses.LDAM(losses.margins(COUNTS))
    assert float(loss(ONE_HOT, LOGITS)) == pytest.approx(expected, rel=1e-5)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(again(ONE_HOT, LOGITS)) == float(loss(ONE_HOT, LOGITS))


def test_adjusted_logits_in_the_loss_are_balanced_softmax():
    shift = imbalance.logit_shift(LABELS, 3)
    loss, _ = losses.classification("cross-entropy", shift=shift)
    exponentials = COUNTS * np.exp(LOGITS.astype("float64"))  # Ren et al. (2020): n_j e^z_j over their sum.
    expected = -np.log(exponentials[np.arange(30), CLASSES] / exponentials.sum(axis=1)).mean()
    assert float(loss(ONE_HOT, LOGITS)) == pytest.approx(expected, rel=1e-5)
    again = losses.OverMembers.from_config(loss.get_config())
    assert float(again(ONE_HOT, LOGITS)) == float(loss(ONE_HOT, LOGITS))
    # Of one logit it is the same as of two.
    shift = imbalance.logit_shift(LABELS[:990], 2, 1.5, num_outputs=1)
    np.testing.assert_allclose(shift, [1.5 * np.log(0.1)])
    loss, _ = losses.classification("binary", shift=shift)
    p = expit(LOGITS[:, :1] + shift)
    wanted = np.where(ONE_HOT[:, 1:2] > 0, np.log(p), np.log(1 - p))
    assert float(loss(ONE_HOT[:, 1:2], LOGITS[:, :1])) == pytest.approx(-wanted.mean(), rel=1e-5)


def test_a_focal_loss_can_be_adjusted_too():
    shift = imbalance.logit_shift(LABELS, 3)
    loss, _ = losses.classification("cross-entropy", focal_gamma=2.0, shift=shift)
    p = np.exp(log_softmax(LOGITS + shift, axis=-1))[np.arange(30), CLASSES]
    assert float(loss(ONE_HOT, LOGITS)) == pytest.approx((-((1 - p) ** 2) * np.log(p)).mean(), rel=1e-4)


@pytest.mark.parametrize("gamma", [None, 2.0])
def test_each_label_has_a_loss_of_its_own_whose_mean_is_the_usual_one(gamma):
    several, usual = (losses.classification("multi-label", 0.1, focal_gamma=gamma, each_label=each)[0] for each in (True, False))
    labels = (LOGITS[::-1] > 0).astype("float32")
    assert float(several(labels, LOGITS)) == pytest.approx(float(usual(labels, LOGITS)), rel=1e-5)
    alone = np.zeros((30, 3), "float32")
    alone[3, 1] = 90.0
    one = losses.classification("multi-label", 0.1, focal_gamma=gamma)[0](labels[3:4, 1:2], LOGITS[3:4, 1:2])
    assert float(several(labels, LOGITS, alone)) == pytest.approx(float(one), rel=1e-5)
    members = np.stack([LOGITS, LOGITS], axis=1)
    assert float(several(labels, members, alone)) == pytest.approx(float(one), rel=1e-5)
    again = losses.OverMembers.from_config(several.get_config())
    assert float(again(labels, LOGITS, alone)) == pytest.approx(float(one), rel=1e-5)


def test_the_names_of_losses_say_what_they_are_taken_on():
    assert losses.choose_classification("focal", "classification", 3) == "cross-entropy"
    assert losses.choose_classification("focal", "multi-label", 3) == "multi-label"
    assert losses.choose_classification("ldam", "classification", 2) == "cross-entropy"
    with pytest.raises(UserError, match="--loss ldam is for one class an example"):
        losses.choose_classification("ldam", "multi-label", 3)
    assert isinstance(losses.classification("cross-entropy", margins=losses.margins(COUNTS))[0].loss, losses.LDAM)
    assert isinstance(losses.classification("binary", focal_gamma=1.0)[0].loss, losses.BinaryFocal)
