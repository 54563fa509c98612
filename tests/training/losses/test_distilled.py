"""The loss of distillation against its formula in NumPy (Hinton et al. 2015, section 2)."""

import keras
import numpy as np
import pytest

from hornbook.training import losses
from hornbook.training.losses import Distilled

RANDOM = np.random.default_rng(0)
LOGITS, TEACHER = RANDOM.normal(size=(5, 3)), RANDOM.normal(size=(5, 3))
ONE_HOT = np.eye(3)[[0, 1, 2, 1, 0]]


def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def divergence(p, q):
    return (p * np.log(p / q)).sum(axis=-1)


@pytest.mark.parametrize(("temperature", "weight"), [(1.0, 0.5), (4.0, 0.9), (2.0, 0.0), (2.0, 1.0)])
def test_classes(temperature, weight):
    taught = softmax(TEACHER / temperature)
    loss, _ = losses.classification("cross-entropy", distillation=(temperature, weight))
    found = np.array(loss.call(np.concatenate([ONE_HOT, taught], axis=1), LOGITS))
    own = -(ONE_HOT * np.log(softmax(LOGITS))).sum(axis=1)
    expected = (1 - weight) * own + weight * temperature**2 * divergence(taught, softmax(LOGITS / temperature))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("each", [False, True])
def test_labels_of_their_own(each):
    labels, taught = (RANDOM.random((5, 3)) < 0.5).astype(float), sigmoid(TEACHER / 3)
    loss, _ = losses.classification("multi-label", each_label=each, distillation=(3.0, 0.7))
    found = np.array(loss.call(np.concatenate([labels, taught], axis=1), LOGITS))
    student, own = sigmoid(LOGITS / 3), -(labels * np.log(sigmoid(LOGITS)) + (1 - labels) * np.log(sigmoid(-LOGITS)))
    apart = taught * np.log(taught / student) + (1 - taught) * np.log((1 - taught) / (1 - student))
    expected = 0.3 * own + 0.7 * 9 * apart
    np.testing.assert_allclose(found, expected if each else expected.mean(axis=1), rtol=1e-5)


def test_its_least_value_is_where_student_and_teacher_agree():
    taught = softmax(TEACHER / 2)
    loss = Distilled(keras.losses.CategoricalCrossentropy(from_logits=True), 2.0, 1.0)
    assert float(loss(np.concatenate([ONE_HOT, taught], axis=1), TEACHER + 5)) == pytest.approx(0, abs=1e-6)
    sure = np.concatenate([ONE_HOT, ONE_HOT], axis=1)  # A teacher that is quite sure has probabilities of 0.
    assert np.isfinite(float(loss(sure, LOGITS)))


def test_without_a_teacher_s_word_it_is_the_loss_on_labels():
    loss, accuracy = losses.classification("cross-entropy", distillation=(4.0, 0.9))
    plain, _ = losses.classification("cross-entropy")
    assert float(loss(ONE_HOT, LOGITS)) == float(plain(ONE_HOT, LOGITS))
    accuracy.update_state(np.concatenate([ONE_HOT, 1 - ONE_HOT], axis=1), ONE_HOT)
    assert float(accuracy.result()) == 1


def test_members_learn_from_it_each_for_itself():
    taught = np.concatenate([ONE_HOT, softmax(TEACHER / 4)], axis=1)
    loss, _ = losses.classification("cross-entropy", distillation=(4.0, 0.9))
    alone = [float(loss(taught, logits)) for logits in (LOGITS, TEACHER)]
    assert float(loss(taught, np.stack([LOGITS, TEACHER], axis=1))) == pytest.approx(np.mean(alone), rel=1e-5)


def test_it_is_saved_and_read_again():
    loss, _ = losses.classification("multi-label", each_label=True, distillation=(3.0, 0.7))
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    labels = np.concatenate([ONE_HOT, ONE_HOT], axis=1)
    np.testing.assert_array_equal(np.array(again.call(labels, LOGITS)), np.array(loss.call(labels, LOGITS)))
