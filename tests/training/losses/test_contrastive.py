"""NT-Xent against its formula in NumPy."""

import keras
import numpy as np
import pytest

from hornbook.evaluation.floors import contrastive
from hornbook.training import losses


def embeddings(pairs=7, size=5, seed=0):
    return np.random.default_rng(seed).normal(size=(pairs, 2, size)).astype(np.float32)


def by_hand(found, temperature):
    """Equation 1 of Chen et al. (2020), the mean over both directions of all pairs, and how many partners are the nearest."""
    views = [view / np.linalg.norm(view) for pair in found.astype(np.float64) for view in pair]
    total, right = 0.0, 0
    for i, view in enumerate(views):
        partner = i + 1 if i % 2 == 0 else i - 1
        others = {k: view @ other for k, other in enumerate(views) if k != i}
        total -= np.log(np.exp(others[partner] / temperature) / sum(np.exp(one / temperature) for one in others.values()))
        right += max(others, key=others.get) == partner
    return total / len(views), right / len(views)


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2.0])
def test_the_loss_and_the_accuracy_are_those_of_the_formula(temperature):
    found = embeddings()
    loss, accuracy = by_hand(found, temperature)
    labels = keras.ops.zeros((len(found), 1))
    assert float(losses.NTXent(temperature)(labels, found)) == pytest.approx(loss, rel=1e-5)
    metric = losses.partner_accuracy()
    metric.update_state(labels, found)
    assert float(metric.result()) == pytest.approx(accuracy)
    scored = contrastive.scores(found, temperature)
    assert (scored["loss"], scored["accuracy"]) == (pytest.approx(loss), pytest.approx(accuracy))


def test_each_pair_has_a_loss_of_its_own():
    found = embeddings()
    each = keras.ops.convert_to_numpy(losses.NTXent().call(None, found))
    assert each.shape == (7,)
    assert each.mean() == pytest.approx(by_hand(found, 0.5)[0], rel=1e-5)


def test_a_loss_is_saved_with_its_temperature():
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(losses.NTXent(0.2)))
    assert again.temperature == 0.2


def test_groups_are_scored_each_for_itself():
    found = embeddings(10)
    whole = contrastive.scores(found, 0.5, group=4)
    parts = [by_hand(found[start : start + 4], 0.5) for start in (0, 4)]
    assert whole["examples"] == 8
    assert whole["loss"] == pytest.approx(np.mean([loss for loss, _ in parts]))
    assert whole["accuracy"] == pytest.approx(np.mean([accuracy for _, accuracy in parts]))


def test_a_guess_is_the_floor():
    scored = contrastive.scores(embeddings(4096, 64), 0.5)
    floor = contrastive.floor(scored)
    assert floor["score"] == 1 / 511
    assert scored["accuracy"] == pytest.approx(1 / 511, abs=2e-3)
    assert floor["all"]["a guess"]["loss"] == pytest.approx(np.log(511))
    assert floor["interval"][0] < floor["difference"] < floor["interval"][1]


def test_outputs_that_are_no_numbers_are_counted():
    found = embeddings()
    found[2, 1] = np.nan
    assert contrastive.scores(found, 0.5)["not_finite"] == 1
