"""FGSM, PGD and Square against NumPy. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training.adversarial import box as boxes
from hornbook.training.adversarial import gradient_attacks, objectives, within
from hornbook.training.adversarial.attacks import Attacker
from hornbook.training.adversarial.box import Box
from hornbook.training.adversarial.square import share_at, square

WEIGHTS = np.array([[1.0, -0.5, 0.2], [0.3, 0.8, -1.0], [-0.7, 0.1, 0.4], [0.0, 0.0, 0.0]], np.float32)


def linear():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.set_weights([WEIGHTS, np.array([0.1, 0.0, -0.1], np.float32)])
    return model


def some(count=16):
    generator = np.random.default_rng(0)
    return generator.uniform(size=(count, 4)).astype("float32"), generator.integers(0, 3, count)


def cross_entropy_gradient(x, labels):
    """Of a linear model, by hand: (p - y) W."""
    logits = x.astype("float64") @ WEIGHTS + [0.1, 0.0, -0.1]
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (shares - np.eye(3)[labels]) @ WEIGHTS.T


def test_fgsm_is_a_step_along_the_sign_of_the_cross_entropy_s_gradient():
    x, labels = some()
    found = Attacker(linear()).fgsm(x, labels, Box(np.float32(0.1), 0.0, 1.0))
    np.testing.assert_allclose(found, np.clip(x + 0.1 * np.sign(cross_entropy_gradient(x, labels)), 0, 1), atol=1e-6)


def test_pgd_is_projected_steps_from_a_random_place():
    x, labels = some()
    radius, steps = 0.1, 5
    attacker = Attacker(linear(), seed=3)
    found = attacker.pgd(x, labels, Box(np.float32(radius), 0.0, 1.0), steps=steps, share=0.3)
    offsets = np.random.default_rng([3, 0]).uniform(-1, 1, x.shape).astype("float32")
    at = np.clip(x + radius * offsets, 0, 1)
    for _ in range(steps):
        at = at + 0.3 * radius * np.sign(cross_entropy_gradient(at, labels))
        at = np.clip(np.clip(at, x - radius, x + radius), 0, 1)
    np.testing.assert_allclose(found, at, atol=1e-5)


def test_restarts_leave_what_is_misclassified():
    x, labels = some(64)
    attacker, box = Attacker(linear()), Box(np.float32(0.05), 0.0, 1.0)
    once = attacker.pgd(x, labels, box, steps=2)
    wrong = ~attacker.is_right(once, labels)
    more = attacker.pgd(x, labels, box, steps=2, restarts=4)
    assert wrong.any()
    np.testing.assert_array_equal(more[wrong], once[wrong])
    assert attacker.is_right(more, labels).sum() <= attacker.is_right(once, labels).sum()


def test_a_radius_of_0_leaves_a_number_alone():
    x, labels = some()
    radius = np.array([0.1, 0.0, 0.1, 0.0], np.float32)
    for change in (Attacker(linear()).fgsm, Attacker(linear()).pgd, Attacker(linear()).square):
        found = change(x, labels, Box(radius))
        np.testing.assert_array_equal(found[:, [1, 3]], x[:, [1, 3]])
        assert (found[:, 0] != x[:, 0]).all()


def test_what_is_missing_stays_and_the_rest_is_moved():
    series = keras.Input((6, 1))
    there = keras.ops.logical_not(keras.ops.isnan(series))
    filled = keras.ops.where(there, series, keras.ops.zeros_like(series))
    model = keras.Model(series, keras.layers.Dense(2)(keras.layers.Flatten()(filled)))
    x = np.random.default_rng(0).normal(size=(5, 6, 1)).astype("float32")
    x[:2, 4:] = np.nan
    attacker, labels = Attacker(model), np.zeros(5, int)
    for change in (attacker.fgsm, attacker.pgd, attacker.square):
        found = change(x, labels, Box(np.float32(0.2)))
        np.testing.assert_array_equal(np.isnan(found), np.isnan(x))
        assert np.nanmax(np.abs(found - x)) == pytest.approx(0.2, abs=1e-5)
        assert (np.abs(found - x)[:2, :4] > 0).any()


def test_the_margin_has_the_cross_entropy_s_direction_and_does_not_vanish():
    outputs, labels = np.array([[60.0, 0.0, -3.0], [1.0, 2.0, 0.5]], np.float32), np.eye(3, dtype="float32")[[0, 2]]

    def gradient(objective):
        return np.array(keras.ops.convert_to_numpy(within.of_tensor(lambda x: keras.ops.sum(objective(x, labels)), outputs)))

    margin, entropy = gradient(objectives.margin), gradient(objectives.cross_entropy)
    np.testing.assert_allclose(margin[1] / np.abs(margin[1]).sum(), entropy[1] / np.abs(entropy[1]).sum(), atol=1e-5)
    assert entropy[0, 0] == 0
    assert margin[0, 0] == -1


def test_objectives_of_one_output_are_those_of_two():
    one, labels = np.array([[0.7], [-1.2]], np.float32), np.array([[1.0], [1.0]], np.float32)
    two, of_two = np.concatenate([np.zeros_like(one), one], axis=1), np.concatenate([1 - labels, labels], axis=1)
    for objective, second in ((objectives.margin, None), (objectives.cross_entropy, None), (objectives.divergence, 0.3)):
        first = (one, labels) if second is None else (one, one + second)
        other = (two, of_two) if second is None else (two, two + np.array([0, second], np.float32))
        found, wanted = (keras.ops.convert_to_numpy(objective(*arguments)) for arguments in (first, other))
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_the_divergence_is_that_of_the_distributions():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 5, 4)).astype("float32")
    p, q = (np.exp(one) / np.exp(one).sum(axis=1, keepdims=True) for one in (first, second))
    found = keras.ops.convert_to_numpy(objectives.divergence(first, second))
    np.testing.assert_allclose(found, (p * np.log(p / q)).sum(axis=1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(5, 6, 1), (7, 3), (9,)])
def test_square_stays_in_the_box_and_finds_what_the_gradient_finds(shape):
    generator = np.random.default_rng(0)
    weights = generator.normal(size=(int(np.prod(shape)), 2))
    x, labels = generator.uniform(size=(20, *shape)).astype("float32"), np.zeros(20, int)
    box = Box(np.float32(0.3), 0.0, 1.0)

    def answers(inputs, places):
        outputs = inputs.reshape(len(inputs), -1) @ weights
        margins = outputs[:, 1] - outputs[:, 0]
        return margins, margins > 1e9  # Never enough.

    found = square(answers, x, box, queries=600)
    best = box.clipped(x + 0.3 * np.sign(weights[:, 1] - weights[:, 0]).reshape(shape), x)
    assert np.abs(found - x).max() <= 0.3 + 1e-6
    assert found.min() >= 0
    assert found.max() <= 1
    reached, possible, before = (answers(one, labels)[0] for one in (found, best.astype("float32"), x))
    assert ((reached - before) > 0.8 * (possible - before)).all()


def test_the_guesses_of_square_become_smaller_as_in_the_paper():
    assert [share_at(query, 10_000, 0.8) for query in (0, 11, 51, 201, 501, 9_999)] == [0.8, 0.4, 0.2, 0.1, 0.05, 0.8 / 2**9]


def test_a_threshold_moves_the_line_between_two_classes():
    x = np.array([[0.2], [1.0]], np.float32)
    for model, weight in ((keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)]), [[1.0]]),
                          (keras.Sequential([keras.Input((1,)), keras.layers.Dense(2)]), [[0.0, 1.0]])):  # fmt: skip
        model.layers[0].set_weights([np.array(weight), np.zeros(len(weight[0]))])
        assert Attacker(model).predicted(x).tolist() == [1, 1]
        assert Attacker(model, threshold=0.6).predicted(x).tolist() == [0, 1]


def test_weights_that_change_are_seen():
    model, (x, labels) = linear(), some()
    attacker, box = Attacker(model), Box(np.float32(0.1))
    before = attacker.fgsm(x, labels, box)
    model.set_weights([-WEIGHTS, np.zeros(3)])
    assert not np.array_equal(attacker.fgsm(x, labels, box), before)


def test_steps_have_the_reach_of_the_papers():
    assert [gradient_attacks.step_share(steps) for steps in (1, 10, 100)] == [1.0, 0.25, 0.025]


@pytest.mark.parametrize(("text", "value"), [("8/255", 8 / 255), ("0.1", 0.1), ("1e-2", 0.01)])
def test_an_epsilon_may_be_a_fraction(text, value):
    assert boxes.epsilon(text) == value


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "8/", "8/0", "a", "1/2/3", ""])
def test_an_epsilon_that_is_no_radius_is_refused(text):
    with pytest.raises(UserError, match="8/255"):
        boxes.epsilon(text)


@pytest.mark.parametrize(("text", "value", "white", "meant"), [("8", 8, 255, "8/255"), ("1", 1, 16, "1/255"), ("300", 300, 255, "below 1")])
def test_an_epsilon_in_the_scale_of_the_pixels_is_refused_with_both_scales(text, value, white, meant):
    with pytest.raises(UserError, match=f"from 0, black, to 1, white.*from 0 to {white}.*{meant}"):
        boxes.refuse_scale(text, value, white)
