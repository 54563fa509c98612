import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import losses


@pytest.mark.parametrize(
    ("name", "task", "classes", "expected"),
    [
        ("auto", "classification", 2, "cross-entropy"),
        ("auto", "multi-label", 3, "multi-label"),
        ("binary", "classification", 2, "binary"),
        ("multi-label", "multi-label", 3, "multi-label"),
    ],
)
def test_the_loss_that_fits(name, task, classes, expected):
    assert losses.choose_classification(name, task, classes) == expected


@pytest.mark.parametrize(
    ("name", "task", "classes", "words"),
    [
        ("binary", "classification", 3, "--loss binary is for two classes, and there are 3; pass --loss cross-entropy"),
        ("multi-label", "classification", 3, "pass --loss cross-entropy"),
        ("cross-entropy", "multi-label", 3, "pass --loss multi-label"),
        ("hinge", "classification", 2, "loss must be one of auto, cross-entropy"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused_with_the_one_that_does(name, task, classes, words):
    with pytest.raises(UserError, match=words):
        losses.choose_classification(name, task, classes)


def test_regression_losses():
    assert losses.choose_regression("huber", (), 3) == 3
    assert losses.choose_regression("quantile", (0.1, 0.9), 1) == 2
    for name, quantiles, targets, words in (
        ("quantile", (0.1, 0.9), 2, "or --loss mae"),
        ("quantile", (), 1, "--quantiles must be rising"),
        ("quantile", (0.9, 0.1), 1, "--quantiles must be rising"),
        ("quantile", (0.5, 1.0), 1, "--quantiles must be rising"),
        ("rmse", (), 1, "loss must be one of mse"),
    ):
        with pytest.raises(UserError, match=words):
            losses.choose_regression(name, quantiles, targets)


@pytest.mark.parametrize(
    ("name", "labels"), [("cross-entropy", [[0, 1], [1, 0]]), ("binary", [[1], [0]]), ("multi-label", [[1, 1], [0, 1]])]
)
def test_losses_are_on_logits(name, labels):
    loss, accuracy = losses.classification(name)
    logits = np.array([[-0.2, 0.3], [0.4, 0.3]])[:, : len(labels[0])] if name != "binary" else np.array([[0.3], [0.2]])
    labels = np.array(labels, "float32")
    accuracy.update_state(labels, logits)
    if name == "cross-entropy":
        expected, right = -np.log((np.exp(logits) * labels).sum(1) / np.exp(logits).sum(1)).mean(), 1.0
    else:
        p = 1 / (1 + np.exp(-logits))
        expected, right = -np.log(np.where(labels > 0, p, 1 - p)).mean(), ((logits > 0) == labels).mean()
    assert float(loss(labels, logits)) == pytest.approx(expected, rel=1e-5)
    assert float(accuracy.result()) == pytest.approx(right)


def test_the_quantile_loss_is_its_formula_and_is_kept():
    loss = losses.QuantileLoss((0.1, 0.5))
    true, predicted = np.array([[1.0], [-2.0]]), np.array([[0.0, 3.0], [1.0, -2.5]])
    expected = np.mean([0.1 * 1, 0.5 * 2, 0.9 * 3, 0.5 * 0.5])
    assert float(loss(true, predicted)) == pytest.approx(expected)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.quantiles == (0.1, 0.5)
    # Its best constant is the quantile.
    values = np.random.default_rng(0).exponential(size=(4001, 1))
    tried = np.linspace(0, 3, 301)
    best = tried[np.argmin([float(losses.QuantileLoss((0.8,))(values, np.full_like(values, one))) for one in tried])]
    assert best == pytest.approx(np.quantile(values, 0.8), abs=0.02)


LABELS = np.eye(3, dtype="float32")[[0, 1, 2, 1]]
MEMBERS = np.random.default_rng(0).normal(size=(4, 5, 3)).astype("float32")


@pytest.mark.parametrize(
    ("loss", "labels"),
    [
        (losses.classification("cross-entropy", 0.1)[0], LABELS),
        (losses.classification("multi-label")[0], LABELS),
        (losses.regression("huber"), LABELS),
        (losses.regression("quantile", (0.1, 0.5, 0.9)), LABELS[:, :1]),
    ],
)
def test_the_loss_of_members_is_the_mean_of_theirs(loss, labels):
    weights = np.array([1.0, 2.0, 0.0, 4.0], "float32")
    each = [float(loss(labels, MEMBERS[:, k], weights)) for k in range(5)]
    assert float(loss(labels, MEMBERS, weights)) == pytest.approx(np.mean(each), rel=1e-5)
    # An ensemble of ensembles.
    assert float(loss(labels, np.stack([MEMBERS, MEMBERS], axis=1), weights)) == pytest.approx(np.mean(each), rel=1e-5)


@pytest.mark.parametrize("name", ["cross-entropy", "multi-label"])
def test_without_members_it_is_the_loss_itself(name):
    loss, accuracy = losses.classification(name, 0.1)
    assert float(loss(LABELS, MEMBERS[:, 0])) == float(loss.loss(LABELS, MEMBERS[:, 0]))
    again = losses.OverMembers.from_config(loss.get_config())
    assert float(again(LABELS, MEMBERS)) == float(loss(LABELS, MEMBERS))
    assert (loss.name, accuracy.name) == (again.name, "accuracy")


@pytest.mark.parametrize(
    ("name", "of"), [("cross-entropy", lambda p: p.argmax(1) == LABELS.argmax(1)), ("multi-label", lambda p: (p > 0.5) == LABELS)]
)
def test_the_accuracy_of_members_is_that_of_their_mean(name, of):
    exponentials = np.exp(MEMBERS)
    each = exponentials / exponentials.sum(-1, keepdims=True) if name == "cross-entropy" else 1 / (1 + np.exp(-MEMBERS))
    accuracy = losses.classification(name)[1]
    accuracy.update_state(LABELS, MEMBERS)
    assert float(accuracy.result()) == pytest.approx(of(each.mean(axis=1)).mean())
    accuracy.reset_state()
    accuracy.update_state(LABELS, 9 * LABELS - 4)
    assert float(accuracy.result()) == 1
