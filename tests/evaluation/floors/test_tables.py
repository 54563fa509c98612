"""Boosting and the linear model on rows that they must tell apart: numbers, categories, several labels, numbers to predict."""

import numpy as np
import pytest
import threadpoolctl

from hornbook.evaluation.floors import tables
from hornbook.evaluation.floors.tasks import Task

MODELS = (tables.linear, tables.boosting)


@pytest.fixture(autouse=True)
def one_thread():
    """Threads that wait for each other beside other tests take many times as long as one."""
    with threadpoolctl.threadpool_limits(1):
        yield


def rows(count=200, seed=0):
    """Two numbers and codes of three categories."""
    generator = np.random.default_rng(seed)
    return np.stack([*generator.normal(size=(2, count)), generator.integers(0, 3, count)], axis=1).astype(np.float32)


def of_category(rows):
    """A class that the codes say, though not by their order: the middle one is for itself."""
    return (rows[:, 2] == 1).astype(np.int64)


@pytest.mark.parametrize("model", MODELS)
def test_categories_are_no_numbers(model):
    first, second = rows(), rows(seed=1)
    found = model(Task("classification", 2), first, of_category(first), second, numbers=2)
    assert (found.argmax(axis=1) == of_category(second)).all()
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_several_labels(model):
    first, second = rows(), rows(seed=1)
    labels = [np.stack([of_category(one), one[:, 0] > 0], axis=1).astype(float) for one in (first, second)]
    found = model(Task("multi-label", 2), first, labels[0], second, numbers=2)
    assert ((found > 0) == labels[1]).mean() > 0.97


@pytest.mark.parametrize("model", MODELS)
def test_numbers_and_their_quantiles(model):
    first, second = rows(400), rows(400, seed=1)
    true = [(3 * one[:, 0] + 2 * of_category(one))[:, None] for one in (first, second)]
    found = model(Task("regression", 1, "mse"), first, true[0], second, numbers=2)
    assert np.abs(found - true[1]).mean() < 0.3
    noise = np.random.default_rng(2).normal(size=(400, 1))
    found = model(Task("regression", 1, "quantile", (0.1, 0.9)), first, true[0] + noise, second, numbers=2)
    assert 0.6 < ((true[1] + noise > found[:, :1]) & (true[1] + noise < found[:, 1:])).mean() < 0.95


def test_ridge_is_scikit_learn_s_formula():
    first = rows()[:, :2]
    target = first @ [[2.0], [1.0]] + 5
    found = tables.linear(Task("regression", 1, "mse"), first, target, first, numbers=2)
    scaled = (first - first.mean(axis=0)) / first.std(axis=0)
    weights = np.linalg.solve(scaled.T @ scaled + np.eye(2), scaled.T @ (target - target.mean()))
    np.testing.assert_allclose(found, scaled @ weights + target.mean(), rtol=1e-4)


def test_more_categories_than_boosting_has_bins():
    generator = np.random.default_rng(0)
    codes = generator.integers(0, 2, 4000) * generator.integers(1, 600, 4000)  # Half of them are 0.
    inputs = codes[:, None].astype(np.float32)
    first, second = tables._fewer_categories(inputs, np.array([[0.0], [700.0]], np.float32), 0)
    assert len(np.unique(first)) <= 254
    assert first[codes == 0].min() == first[codes == 0].max() == 1
    assert second.tolist() == [[1.0], [0.0]]
    found = tables.boosting(Task("classification", 2), inputs, (codes == 0).astype(int), inputs, numbers=0)
    assert (found.argmax(axis=1) == (codes == 0)).mean() > 0.99
