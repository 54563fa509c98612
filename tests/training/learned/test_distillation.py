"""What a teacher says of examples, and where it stands in a batch."""

import keras
import numpy as np
import pytest

from hornbook import data
from hornbook.data.feeds import Finish
from hornbook.training import losses
from hornbook.training.learned.distillation import Teacher, probabilities, translation

INPUTS = np.arange(12, dtype=np.float32).reshape(6, 2)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def teacher(**options):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, kernel_initializer=keras.initializers.RandomNormal(seed=0))])
    return Teacher(model, lambda: model.predict(INPUTS, verbose=0), temperature=2.0, **options)


def finished(taught, augment=None, **options):
    finish = Finish(3, 0, augment, options.pop("class_weights", None), teacher=taught, **options)
    return finish(INPUTS, LABELS, LABELS, 0, np.arange(6))


def test_probabilities_stand_behind_labels():
    taught = teacher()
    inputs, labels = finished(taught)
    np.testing.assert_array_equal(labels[:, :3], np.eye(3)[LABELS])
    np.testing.assert_allclose(labels[:, 3:], probabilities(taught.model.predict(INPUTS, verbose=0) / 2, "softmax"), rtol=1e-6)
    np.testing.assert_array_equal(inputs, INPUTS)


def test_a_teacher_sees_what_its_student_is_fed():
    def augment(inputs, labels, draw):
        return -inputs, labels

    seen = finished(teacher(), augment)[1][:, 3:]
    once = finished(teacher(sees_batches=False), augment)[1][:, 3:]
    np.testing.assert_allclose(seen, probabilities(teacher().model.predict(-INPUTS, verbose=0) / 2, "softmax"), rtol=1e-5)
    np.testing.assert_allclose(once, finished(teacher())[1][:, 3:])
    assert abs(seen - once).max() > 0.1


def test_of_what_is_mixed_it_says_what_it_says_of_either():
    def augment(inputs, labels, draw):
        return inputs, (labels + labels[::-1]) / 2

    labels, alone = finished(teacher(sees_batches=False), augment)[1], finished(teacher())[1]
    np.testing.assert_allclose(labels, (alone + alone[::-1]) / 2)


def test_weights_are_those_of_the_labels():
    by_class, own = np.array([1.0, 2.0, 3.0], np.float32), np.arange(6, dtype=np.float32)
    for augment in (None, lambda inputs, labels, draw: (inputs, labels)):
        _, labels, counts = finished(teacher(), augment, class_weights=by_class, example_weights=own)
        np.testing.assert_array_equal(counts, own * by_class[LABELS])
        assert labels.shape == (6, 6)


def test_a_training_moves_towards_the_teacher():
    digits = data.images.load("digits").train
    digits = digits.subset(np.arange(256))
    logits = digits.inputs.reshape(256, -1) @ np.random.default_rng(0).normal(0, 0.1, (64, 10))
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    loss, accuracy = losses.classification("cross-entropy", distillation=(1.0, 1.0))
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=[accuracy])
    feed = data.training_batches(digits, batch_size=64, num_classes=10, epochs=30, teacher=Teacher(model, lambda: logits, temperature=1.0))
    model.fit(feed, steps_per_epoch=4, epochs=30, shuffle=False, verbose=0)
    agree = (model.predict(digits.inputs, verbose=0).argmax(axis=1) == logits.argmax(axis=1)).mean()
    assert agree > 0.7  # Of ten classes; the labels themselves have nothing to do with what the teacher says.


@pytest.mark.parametrize(
    ("outputs", "wanted", "places", "logits", "expected"),
    [
        (3, 3, [2, 0, 1], [[1.0, 2.0, 3.0]], [[3.0, 1.0, 2.0]]),
        (1, 2, [1, 0], [[3.0]], [[3.0, 0.0]]),
        (1, 1, [0, 1], [[3.0]], [[3.0]]),
        (1, 1, [1, 0], [[3.0]], [[-3.0]]),
        (2, 1, [0, 1], [[1.0, 4.0]], [[3.0]]),
    ],
)
def test_logits_of_other_places(outputs, wanted, places, logits, expected):
    np.testing.assert_array_equal(translation(outputs, wanted, places)(np.array(logits)), expected)


def test_probabilities_of_large_logits_are_numbers():
    np.testing.assert_allclose(probabilities([[1e4, 0.0]], "softmax"), [[1.0, 0.0]])
    np.testing.assert_allclose(probabilities([[-1e4, 1e4]], "sigmoid"), [[0.0, 1.0]])
