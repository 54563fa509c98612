"""FGSM, PGD and Square beside adversarial-robustness-toolbox: the same success, within a point."""

import keras
import numpy as np
import pytest

from hornbook import data
from hornbook.training import Attacker
from hornbook.training.adversarial.box import Box

pytest.importorskip("art")
if keras.backend.backend() != "tensorflow":
    pytest.skip("the toolbox is asked by TensorFlow", allow_module_level=True)

EPSILON, POINT = 0.08, 0.01
COUNT = 240


@pytest.fixture(scope="module")
def attacked():
    """A small network of digits from 0 to 1, and test examples."""
    keras.utils.set_random_seed(0)
    digits = data.images.load("digits")
    convolution = keras.layers.Conv2D(8, 3, activation="relu")
    model = keras.Sequential([keras.Input((8, 8, 1)), convolution, keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(digits.train.inputs / np.float32(16), digits.train.labels, epochs=3, verbose=0)
    return model, digits.test.inputs[:COUNT] / np.float32(16), digits.test.labels[:COUNT]


@pytest.fixture(scope="module")
def classifier(attacked):
    import tensorflow as tf
    from art.estimators.classification import TensorFlowV2Classifier

    loss = tf.keras.losses.CategoricalCrossentropy(from_logits=True)
    return TensorFlowV2Classifier(attacked[0], nb_classes=10, input_shape=(8, 8, 1), loss_object=loss, clip_values=(0.0, 1.0))


def left(attacked, changed):
    model, _, labels = attacked
    return float(np.mean(model.predict(changed, verbose=0).argmax(axis=1) == labels))


def test_fgsm(attacked, classifier):
    from art.attacks.evasion import FastGradientMethod

    model, x, labels = attacked
    ours = Attacker(model).fgsm(x, labels, Box(np.float32(EPSILON), 0.0, 1.0))
    theirs = FastGradientMethod(classifier, eps=EPSILON).generate(x, np.eye(10)[labels])
    assert left(attacked, ours) < left(attacked, x) - 0.1
    assert left(attacked, ours) == pytest.approx(left(attacked, theirs), abs=POINT)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_pgd(attacked, classifier):
    from art.attacks.evasion import ProjectedGradientDescent

    model, x, labels = attacked
    ours = Attacker(model).pgd(x, labels, Box(np.float32(EPSILON), 0.0, 1.0), steps=20)
    options = {"eps": EPSILON, "eps_step": 2.5 * EPSILON / 20, "max_iter": 20, "num_random_init": 1, "batch_size": 256, "verbose": False}
    theirs = ProjectedGradientDescent(classifier, **options).generate(x, np.eye(10)[labels])
    assert left(attacked, ours) == pytest.approx(left(attacked, theirs), abs=POINT)


def test_square_succeeds_as_often_or_more(attacked, classifier):
    from art.attacks.evasion import SquareAttack

    model, x, labels = attacked
    some = slice(0, 100)
    ours = Attacker(model).square(x[some], labels[some], Box(np.float32(EPSILON), 0.0, 1.0), queries=200)
    theirs = SquareAttack(classifier, eps=EPSILON, max_iter=200, p_init=0.8, batch_size=256, verbose=False)
    theirs = theirs.generate(x[some], np.eye(10)[labels[some]])
    found, wanted = (float(np.mean(model.predict(one, verbose=0).argmax(axis=1) == labels[some])) for one in (ours, theirs))
    assert found <= wanted + POINT
    assert found < 0.95
