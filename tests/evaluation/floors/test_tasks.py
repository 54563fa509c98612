"""The constant guess against what it must be, and the form of outputs."""

import numpy as np
import pytest

from hornbook.evaluation import scores
from hornbook.evaluation.floors import fitting, tasks
from hornbook.evaluation.floors.tasks import Task, constants


class Recorder:
    """A classifier that says what it was told: the decision is the first column."""

    def fit(self, inputs, labels):
        self.classes_ = np.unique(labels)
        return self

    def decision_function(self, inputs):
        return inputs[:, 0]


def test_the_most_frequent_class_with_its_frequencies():
    guessed = constants(Task("classification", 3), np.array([0, 2, 2, 2]), 2)["most frequent class"]
    assert guessed.shape == (2, 3)
    np.testing.assert_allclose(np.exp(guessed[0]), [0.25, 0, 0.75], atol=2e-6)
    assert np.isfinite(guessed).all()


def test_several_labels_are_guessed_by_their_frequencies():
    labels = np.array([[1, 0], [1, 0], [1, 1], [0, 0]], float)
    guessed = constants(Task("multi-label", 2), labels, 3)["most frequent labels"]
    np.testing.assert_allclose(1 / (1 + np.exp(-guessed[0])), [4 / 6, 2 / 6])


def test_numbers_are_guessed_by_mean_and_by_median():
    labels = np.array([[0.0], [1.0], [11.0]])
    guessed = constants(Task("regression", 1, "mse"), labels, 2)
    assert {name: one.tolist() for name, one in guessed.items()} == {"mean": [[4.0], [4.0]], "median": [[1.0], [1.0]]}
    quantiles = constants(Task("regression", 1, "quantile", (0.0, 0.5, 1.0)), labels, 1)
    assert quantiles["training quantiles"].tolist() == [[0.0, 1.0, 11.0]]


def test_outputs_are_scored_as_a_network_s():
    guessed = constants(Task("classification", 2), np.array([0, 0, 0, 1]), 4)["most frequent class"]
    found = scores.scores("cross-entropy", np.array([0, 0, 0, 1]), guessed, ("a", "b"))
    assert found["accuracy"] == 0.75
    assert found["loss"] == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)), abs=1e-4)


def test_a_decision_becomes_probabilities():
    inputs = np.array([[0.5], [-1.0]])
    found = fitting.outputs(Task("classification", 3), Recorder, None, inputs, np.array([0, 2]), inputs)
    np.testing.assert_allclose(np.exp(found), [[0.25, 0, 0.75], [1, 0, 0]], atol=5e-6)


def test_one_class_alone_is_left_out_and_one_label_that_never_changes_is_guessed():
    inputs = np.array([[0.5], [-0.5]])
    with pytest.raises(tasks.LeftOutError, match="one class alone"):
        fitting.outputs(Task("classification", 2), Recorder, None, inputs, np.array([1, 1]), inputs)
    found = fitting.outputs(Task("multi-label", 2), Recorder, None, inputs, np.array([[1, 0], [1, 1]]), inputs)
    np.testing.assert_allclose(found[:, 0], np.log(3))
    np.testing.assert_allclose(found[:, 1], [np.log(3), -np.log(3)])


def test_quantiles_lie_around_the_number_as_the_training_residuals_do():
    class Zero:
        def fit(self, inputs, labels):
            return self

        def predict(self, inputs):
            return np.full(len(inputs), 10.0)

    labels = np.array([[9.0], [10.0], [14.0]])
    found = fitting.outputs(Task("regression", 1, "quantile", (0.0, 0.5, 1.0)), None, Zero, np.zeros((3, 1)), labels, np.zeros((2, 1)))
    assert found.tolist() == [[9.0, 10.0, 14.0]] * 2
