"""The focal loss against its formula in NumPy, and against Keras' where Keras does not clip."""

import keras
import numpy as np
import pytest
from scipy.special import expit, log_softmax

from hornbook.training import SparseCategoricalFocalCrossentropy, losses

GENERATOR = np.random.default_rng(0)
LOGITS = GENERATOR.normal(0, 3, (40, 4)).astype("float32")
CLASSES = GENERATOR.integers(0, 4, 40)
ONE_HOT = np.eye(4, dtype="float32")[CLASSES]
SOFT = GENERATOR.dirichlet(np.ones(4), 40).astype("float32")
LABELS = (GENERATOR.random((40, 4)) < 0.3).astype("float32")


def each(loss, labels, outputs):
    """The loss of each example."""
    return keras.ops.convert_to_numpy(loss.call(keras.ops.convert_to_tensor(labels), keras.ops.convert_to_tensor(outputs)))


def formula(labels, logits, gamma):
    p = np.exp(log_softmax(logits.astype("float64"), axis=-1))
    return (labels * -((1 - p) ** gamma) * np.log(p)).sum(axis=-1)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("labels", [ONE_HOT, SOFT], ids=["one-hot", "soft"])
def test_of_classes(gamma, labels):
    found = each(losses.CategoricalFocal(gamma), labels, LOGITS)
    np.testing.assert_allclose(found, formula(labels, LOGITS, gamma), rtol=1e-4, atol=1e-7)


def test_label_smoothing_spreads_the_label():
    smooth = 0.9 * ONE_HOT + 0.1 / 4
    np.testing.assert_allclose(each(losses.CategoricalFocal(2.0, 0.1), ONE_HOT, LOGITS), formula(smooth, LOGITS, 2), rtol=1e-4)
    binary = each(losses.BinaryFocal(2.0, 0.1), LABELS, LOGITS)
    np.testing.assert_allclose(binary, each(losses.BinaryFocal(2.0), 0.9 * LABELS + 0.05, LOGITS), rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_of_labels(gamma):
    p = expit(LOGITS.astype("float64"))
    expected = -(LABELS * (1 - p) ** gamma * np.log(p) + (1 - LABELS) * p**gamma * np.log(1 - p)).mean(axis=-1)
    np.testing.assert_allclose(each(losses.BinaryFocal(gamma), LABELS, LOGITS), expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(each(losses.BinaryFocal(gamma), LABELS[:, :1], LOGITS[:, :1]).shape, (40,))


@pytest.mark.parametrize("from_logits", [True, False])
@pytest.mark.parametrize("options", [{}, {"alpha": 1.0, "gamma": 0.5}, {"alpha": [0.1, 0.2, 0.3, 0.4], "label_smoothing": 0.1}])
def test_of_numbers_of_classes_it_is_keras_own_of_one_hot_rows(from_logits, options):
    mild = LOGITS / 3  # Keras clips what is nearly certain.
    outputs = mild if from_logits else np.exp(log_softmax(mild, axis=-1))
    sparse = SparseCategoricalFocalCrossentropy(from_logits=from_logits, **options)
    kept = {**options, "alpha": np.float32(options["alpha"])} if "alpha" in options else options
    own = keras.losses.CategoricalFocalCrossentropy(from_logits=from_logits, **kept)
    np.testing.assert_allclose(each(sparse, CLASSES, outputs), each(own, ONE_HOT, outputs), rtol=1e-4)
    np.testing.assert_array_equal(each(sparse, CLASSES[:, None], outputs), each(sparse, CLASSES, outputs))
    again = keras.losses.deserialize(keras.losses.serialize(sparse))
    assert float(again(CLASSES, outputs)) == float(sparse(CLASSES, outputs))


def test_of_every_step_of_a_sequence():
    sparse = SparseCategoricalFocalCrossentropy(alpha=1.0, from_logits=True)
    by_step = each(sparse, CLASSES.reshape(8, 5), LOGITS.reshape(8, 5, 4))
    np.testing.assert_array_equal(by_step.reshape(-1), each(sparse, CLASSES, LOGITS))
    with pytest.raises(ValueError, match="axis must be -1, got 1"):
        SparseCategoricalFocalCrossentropy(axis=1)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_what_is_certain_and_wrong_still_has_a_gradient_and_what_is_right_has_a_number(gamma):
    logits = np.array([[60.0, 0.0], [0.0, 60.0]], "float32")
    labels = np.array([[0.0, 1.0], [0.0, 1.0]], "float32")
    for loss in (losses.CategoricalFocal(gamma), losses.BinaryFocal(gamma)):
        variable = keras.Variable(logits)
        model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(2, use_bias=False)])
        model.layers[-1].kernel.assign(np.eye(2))
        model.compile(keras.optimizers.SGD(1.0), loss)
        model.fit(logits, labels, batch_size=2, verbose=0)
        moved = keras.ops.convert_to_numpy(model.layers[-1].kernel) - np.eye(2)
        assert np.isfinite(moved).all()
        assert abs(moved).max() > 10  # Its input is 60.
        assert np.isfinite(each(loss, labels, keras.ops.convert_to_numpy(variable))).all()
