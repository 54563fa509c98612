"""Deletion, insertion, shuffled weights, columns over many rows and nearest examples against what is known. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook.inference.explain import deletion_and_insertion, explain, randomised
from hornbook.inference.explain.columns import grid, partial_dependence, permutation_importance
from hornbook.inference.explain.neighbours import nearest
from hornbook.inference.explain.randomisation import shuffled


def test_areas_of_a_linear_probability():
    weights = np.array([0.1, 0.6, 0.2, 0.1])
    everywhere = np.ones((1, 4), bool)
    found = deletion_and_insertion(lambda place, kept: kept @ weights, weights[None], everywhere)
    # What is left after none, one, two, ... are gone: 1, 0.4, 0.2, 0.1, 0; the mean of neighbours, over four parts.
    assert found.deletion[0] == pytest.approx((0.5 + 0.4 + 0.2 + 0.1 + 0) / 4)
    assert found.insertion[0] == pytest.approx((0 + 0.6 + 0.8 + 0.9 + 0.5) / 4)
    worst = deletion_and_insertion(lambda place, kept: kept @ weights, -weights[None], everywhere)
    assert worst.gain[0] < 0 < found.gain[0]


def test_an_explanation_that_says_nothing_is_no_better_than_random_orders():
    draw = np.random.default_rng(0)
    weights = draw.dirichlet(np.ones(64), 40)
    found = deletion_and_insertion(lambda place, kept: kept @ weights[place], draw.random((40, 64)), np.ones((40, 64), bool))
    assert not found.summary()["better_than_random"]
    right = deletion_and_insertion(lambda place, kept: kept @ weights[place], weights, np.ones((40, 64), bool)).summary()
    assert right["better_than_random"]
    assert right["interval"][0] > 0.2
    assert right["examples"] == 40


def test_padding_is_not_taken_away():
    seen = []

    def probability(place, kept):
        seen.append(kept)
        return kept.mean(axis=1)

    counted = np.array([[True, True, False, False]])
    deletion_and_insertion(probability, np.array([[0.0, 1.0, 5.0, 5.0]]), counted)
    [kept] = seen
    assert kept.shape == (9 * 6, 4)
    assert kept[0].tolist() == [True, True, True, True]
    assert kept[1].tolist() == [True, False, True, True]


def test_shuffled_weights_come_back():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, activation="relu"), keras.layers.BatchNormalization(),
                              keras.layers.Dense(2)])  # fmt: skip
    before = [np.array(weight) for weight in model.get_weights()]
    with shuffled(model, 1):
        within = [np.array(weight) for weight in model.get_weights()]
    for one, two, three in zip(before, within, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, three)
        np.testing.assert_array_equal(np.sort(one.ravel()), np.sort(two.ravel()))
        assert np.array_equal(one, two) == (one.ndim < 2)


def test_a_map_of_the_weights_is_destroyed_and_one_of_the_input_is_not():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x, everywhere = np.random.default_rng(0).random((3, 8, 8, 1)).astype(np.float32), np.ones((3, 8, 8), bool)

    def of_weights():
        return explain(model, x, "gradients", target=1).heat

    assert abs(randomised(model, of_weights, of_weights(), everywhere).mean()) < 0.2
    of_input = x[..., 0]
    np.testing.assert_allclose(randomised(model, lambda: of_input, of_input, everywhere), 1)
    assert randomised(model, lambda: np.zeros_like(of_input), of_input, everywhere).tolist() == [0, 0, 0]


def test_a_column_that_tells_all_and_columns_that_move_together():
    rows = np.random.default_rng(0).normal(size=(400, 4))
    labels = rows[:, 1] + rows[:, 2] > 0

    def right(rows):
        return ((rows[:, 1] + rows[:, 2] > 0) == labels).mean()

    falls, spread = permutation_importance(right, rows, [[0], [1, 2], [3]])
    assert falls[0] == falls[2] == spread[0] == 0
    assert 0.4 < falls[1] < 0.6  # By half, as if it were guessed.
    alone, _ = permutation_importance(right, rows, [[1]])
    assert 0.2 < alone[0] < falls[1]


def test_partial_dependence_of_a_linear_model_is_a_line():
    rows = np.random.default_rng(0).normal(size=(50, 3))
    weights = np.array([[1.0, -1.0], [0.5, 2.0], [0.0, 0.0]])
    found = partial_dependence(lambda rows: rows @ weights, rows, 1, [-1.0, 0.0, 1.0])
    np.testing.assert_allclose(np.diff(found, axis=0), [weights[1]] * 2)
    assert rows.std() > 0.5  # Nothing was changed in place.


def test_values_along_a_column_rise_and_come_once():
    found = grid(np.array([0.0] * 90 + [1.0] * 10))
    assert found.tolist() == [0, 1]


def test_the_nearest_are_those_that_the_last_layer_cannot_tell_apart():
    # The last layer sees the first column alone.
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False), keras.layers.Dense(2)])
    model.layers[0].set_weights([np.array([[1.0], [0.0]])])
    rows = np.array([[0.0, 5.0], [1.0, -3.0], [2.0, 0.0], [3.0, 9.0]], np.float32)
    places, distances = nearest(model, np.array([[1.1, 100.0]], np.float32), rows, count=2)
    assert places.tolist() == [[1, 2]]
    np.testing.assert_allclose(distances, [[0.1, 0.9]] / rows[:, 0].std(), rtol=1e-4)
