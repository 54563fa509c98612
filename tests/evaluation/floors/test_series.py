"""Series: the nearest neighbour by hand, the ridge on waves, unequal lengths and several features."""

import numpy as np
import pytest

from hornbook.evaluation.floors import neighbours, series
from hornbook.evaluation.floors.tasks import Task


def waves(count=40, seed=0, unequal=False, features=1):
    """Two classes of sines with noise, slow and fast, at any phase; only the last feature tells."""
    generator = np.random.default_rng(seed)
    found, labels = [], np.arange(count) % 2
    for label in labels:
        steps = generator.integers(30, 60) if unequal else 48
        one = generator.normal(0, 0.3, (steps, features))
        one[:, -1] += np.sin(np.arange(steps) * (0.3, 0.9)[label] + generator.uniform(0, 6))
        found.append(one.astype(np.float32))
    return found, labels


def columns(*values):
    return [np.array(one, np.float32)[:, None] for one in values]


def test_the_nearest_neighbour_by_hand():
    inputs, scored = columns([0, 0, 0], [1, 2, 3], [9, 9, 9]), columns([1, 2, 2], [7, 8, 9], [0, 1, 0])
    found = series.neighbour(Task("classification", 3), inputs, np.array([2, 0, 1]), scored)
    assert found.argmax(axis=1).tolist() == [0, 1, 2]
    found = series.neighbour(Task("regression", 1, "mse"), inputs, np.array([[0.5], [1.5], [2.5]]), scored)
    assert found.tolist() == [[1.5], [2.5], [0.5]]


def test_nearest_is_that_of_all_distances_and_the_first_of_equal_ones():
    generator = np.random.default_rng(0)
    inputs, scored = 1000 + generator.normal(size=(50, 7)), 1000 + generator.normal(size=(30, 7))
    expected = np.square(scored[:, None] - inputs).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(neighbours.nearest(inputs, scored), expected)
    assert neighbours.nearest(np.zeros((4, 2)), np.ones((1, 2))).tolist() == [0]


def test_a_feature_in_large_units_does_not_drown_the_others():
    inputs = [np.array([[k % 2, 1000.0 * k], [k % 2, -1000.0 * k]]) for k in range(4)]
    scored = [np.array([[1.0, 1400.0], [1.0, -1400.0]])]
    found = series.neighbour(Task("classification", 4), inputs, np.arange(4), scored)
    assert found.argmax() == 1


def test_unequal_series_are_brought_to_one_length():
    inputs, scored = columns([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]), columns([0, 2, 4], [4, 2, 0], np.linspace(4, 0, 9))
    found = series.neighbour(Task("classification", 2), inputs, np.array([0, 1]), scored)
    assert found.argmax(axis=1).tolist() == [0, 1, 1]


@pytest.mark.parametrize("shape", [{}, {"unequal": True}, {"features": 4, "unequal": True}], ids=str)
def test_the_ridge_tells_frequencies_at_any_phase(shape):
    (inputs, labels), (scored, true) = waves(**shape), waves(seed=1, **shape)
    found = series.convolutions(Task("classification", 2), inputs, labels, scored)
    assert (found.argmax(axis=1) == true).mean() > 0.9
    found = series.convolutions(Task("regression", 1, "mse"), inputs, labels[:, None].astype(float), scored)
    assert ((found[:, 0] > 0.5) == true).mean() > 0.9


def test_series_shorter_than_a_kernel_and_constant_ones():
    inputs = columns([0, 0, 1], [1, 0, 0], [0, 0, 0], [1, 1])
    found = series.convolutions(Task("classification", 2), inputs, np.array([0, 1, 0, 1]), inputs)
    assert np.isfinite(found).all()
