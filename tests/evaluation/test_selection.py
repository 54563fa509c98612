"""Greedy selection on predictions whose best mixture is known."""

import numpy as np
import pytest

from hornbook.evaluation import selection

LABELS = np.array([0, 1, 0, 1])


def of_classes(second):
    """Probabilities `(examples, 2)` from those of the second class."""
    second = np.asarray(second, float)
    return np.stack([1 - second, second], axis=1)


GOOD, BAD = of_classes([0.2, 0.8, 0.3, 0.7]), of_classes([0.9, 0.1, 0.6, 0.3])
# Each is sure of two examples and does not know the others: their mean is better than either.
FIRST, SECOND = of_classes([0.05, 0.95, 0.5, 0.5]), of_classes([0.5, 0.5, 0.05, 0.95])


def test_the_best_alone_where_nothing_helps_it():
    counts, losses = selection.greedy([BAD, GOOD, BAD], LABELS, "cross-entropy", steps=5)
    assert counts.tolist() == [0, 1, 0]
    assert losses[0] == pytest.approx(-np.log([0.8, 0.8, 0.7, 0.7]).mean())


def test_models_that_know_different_things_are_taken_both():
    counts, losses = selection.greedy([FIRST, BAD, SECOND], LABELS, "cross-entropy", steps=4)
    assert counts.tolist() == [1, 0, 1]
    assert losses[1] == pytest.approx(-np.log(0.725), abs=1e-9)
    assert losses[1] < losses[0]


def test_a_model_may_count_more_than_once():
    # 3/4 of the first and 1/4 of the second is the best mixture that four picks can make.
    truth = np.array([[1.0], [2.0]])
    models = [np.add(truth, [[0.25], [-0.25]]), np.add(truth, [[-0.75], [0.75]])]
    counts, losses = selection.greedy(models, truth, "mse", steps=4)
    assert counts.tolist() == [3, 1]
    assert losses[-1] == pytest.approx(0)


def test_several_labels_numbers_and_quantiles_have_losses_of_their_own():
    labels = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert selection.greedy([1 - labels * 0.9, labels * 0.9], labels, "multi-label", steps=1)[0].tolist() == [0, 1]
    numbers = np.array([[1.0], [2.0]])
    for loss in ("mae", "huber"):
        assert selection.greedy([numbers + 1, numbers + 0.5], numbers, loss, steps=1)[1] == [0.5]
    quantiles = [0.1, 0.9]
    outputs = [np.array([[0.0, 3.0], [1.0, 4.0]]), np.array([[9.0, 9.0], [9.0, 9.0]])]
    counts, [loss] = selection.greedy(outputs, numbers, "quantile", steps=1, quantiles=quantiles)
    assert counts.tolist() == [1, 0]
    assert loss == pytest.approx(np.mean([[0.1 * 1, 0.1 * 2], [0.1 * 1, 0.1 * 2]]))


def test_a_probability_of_zero_has_a_loss():
    counts, _ = selection.greedy([of_classes([1.0, 0.0, 1.0, 0.0]), BAD], LABELS, "cross-entropy", steps=1)
    assert counts.tolist() == [0, 1]


@pytest.mark.parametrize(("answers", "steps"), [([GOOD[:2]], 1), ([], 1), ([GOOD], 0), (GOOD, 1)])
def test_what_does_not_fit_together(answers, steps):
    with pytest.raises(ValueError, match="do not fit together"):
        selection.greedy(answers, LABELS, "cross-entropy", steps=steps)
