import numpy as np
import pytest

from hornbook.tuning.oracles.surrogate import GaussianProcess

GENERATOR = np.random.default_rng(0)
POINTS = GENERATOR.random((12, 4))
VALUES = np.sin(5 * POINTS[:, 0]) + POINTS[:, 1] + 0.01 * GENERATOR.standard_normal(12)
GROUPS = [0, 1, 2, 2]


def test_the_gradient_is_that_of_finite_differences():
    process = GaussianProcess(GROUPS)
    distances = process._distances(POINTS, POINTS)
    standardized = (VALUES - VALUES.mean()) / VALUES.std()
    for theta in (process._means, process._means + np.array([0.5, -0.7, 1.0, 0.3, 1.5])):
        _, gradient = process._loss(theta, distances, standardized)
        for place in range(len(theta)):
            step = np.zeros_like(theta)
            step[place] = 1e-5
            above, below = (process._loss(theta + sign * step, distances, standardized)[0] for sign in (1, -1))
            assert gradient[place] == pytest.approx((above - below) / 2e-5, rel=1e-4, abs=1e-5)


def test_it_goes_through_what_it_was_told():
    process = GaussianProcess([0]).fit(np.linspace(0, 1, 9)[:, None], np.sin(6 * np.linspace(0, 1, 9)))
    mean, deviation = process.predict(np.linspace(0, 1, 9)[:, None])
    np.testing.assert_allclose(mean, np.sin(6 * np.linspace(0, 1, 9)), atol=0.05)
    assert deviation.max() < 0.1
    between = np.linspace(0.05, 0.95, 20)[:, None]
    np.testing.assert_allclose(process.predict(between)[0], np.sin(6 * between[:, 0]), atol=0.1)


def test_far_away_it_knows_nothing():
    process = GaussianProcess([0]).fit(np.array([[0.0], [0.05], [0.1], [0.15]]), np.array([3.0, 5.0, 3.5, 4.5]))
    mean, deviation = process.predict(np.array([[0.05], [100.0]]))
    assert mean[1] == pytest.approx(4.0, abs=0.01)
    assert deviation[1] > 2 * deviation[0]


def test_an_axis_that_does_not_matter_gets_a_long_scale():
    points = np.random.default_rng(1).random((30, 3))
    process = GaussianProcess([0, 1, 2]).fit(points, np.sin(6 * points[:, 1]))
    lengths = np.exp(process._theta[:3])
    assert lengths[1] < 0.5 * min(lengths[0], lengths[2])


def test_points_that_are_waited_for():
    process = GaussianProcess(GROUPS).fit(POINTS, VALUES)
    waiting = np.array([[0.9, 0.9, 0.1, 0.1], [0.1, 0.9, 0.9, 0.9]])
    elsewhere = np.array([[0.3, 0.2, 0.5, 0.5]])
    other = process.with_points(waiting)
    mean, deviation = process.predict(waiting)
    new_mean, new_deviation = other.predict(waiting)
    assert (new_deviation < 0.7 * deviation).all()
    np.testing.assert_allclose(new_mean, mean, atol=0.05)
    np.testing.assert_allclose(other.predict(elsewhere)[0], process.predict(elsewhere)[0], atol=0.05)
    np.testing.assert_allclose(process.predict(waiting)[1], deviation)  # The first is as it was.


def test_scores_that_are_all_the_same():
    process = GaussianProcess([0]).fit(np.array([[0.1], [0.5], [0.9]]), np.full(3, 2.0))
    np.testing.assert_allclose(process.predict(np.array([[0.3], [7.0]]))[0], 2.0)


def test_points_that_are_given_twice():
    points = np.array([[0.2], [0.2], [0.8]])
    mean, _ = GaussianProcess([0]).fit(points, np.array([1.0, 2.0, 5.0])).predict(points)
    assert 1.0 < mean[0] < 2.5
    assert np.isfinite(mean).all()
