"""Trainings in which classes count differently from how frequent they are: what guessing gives is taken so, and no alarm is false."""

import keras
import numpy as np
import pytest

from hornbook.training import Diagnostics, class_weights, imbalance, losses
from hornbook.training.diagnosis.rules.symptoms import Symptoms

RANDOM = np.random.default_rng(0)
Y = (RANDOM.random(800) < 0.06).astype(int)
X = (RANDOM.normal(size=(800, 3)) + 2.0 * Y[:, None] * [1, 0.5, 0]).astype("float32")
WEIGHTS = class_weights(Y, 2)


def watched(loss, y, outputs=2, rate=0.01, epochs=12, **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(outputs)])
    model.compile(keras.optimizers.Adam(rate), loss)
    watching = Diagnostics((X, y), **({"class_weights": WEIGHTS} if options else {}))
    model.fit(X, y, epochs=epochs, batch_size=32, verbose=0, callbacks=[watching], **options)
    return model, watching


LOSSES = {
    "sparse": (keras.losses.SparseCategoricalCrossentropy(from_logits=True), Y, 2),
    "one-hot": (keras.losses.CategoricalCrossentropy(from_logits=True), np.eye(2, dtype="float32")[Y], 2),
    "binary": (keras.losses.BinaryCrossentropy(from_logits=True), Y[:, None].astype("float32"), 1),
}


@pytest.mark.parametrize("kind", LOSSES)
def test_a_network_that_has_learned_by_weights_is_not_said_to_have_learned_nothing(kind):
    counts = {"class_weight": WEIGHTS} if kind != "binary" else {"sample_weight": np.array([WEIGHTS[label] for label in Y])}
    loss, y, outputs = LOSSES[kind]
    _, watching = watched(loss, y, outputs, **counts)
    assert not [found for found in watching.findings() if found.severity == "error"]
    record = watching.record
    assert record.baseline == pytest.approx(np.log(2), rel=1e-3)  # Both classes count the same.
    targets, answers = record.training
    said = answers.argmax(axis=1) if outputs == 2 else (answers[:, 0] > 0).astype(int)
    right = np.average(said == targets, weights=np.array([WEIGHTS[label] for label in targets]))
    assert Symptoms(record).training_skill == pytest.approx(2 * right - 1, abs=1e-6)
    assert Symptoms(record).training_skill > 0.4


def test_one_that_has_not_is_said_to_have_learned_nothing():
    loss, y, _ = LOSSES["sparse"]
    _, watching = watched(loss, y, rate=1e-7, class_weight=WEIGHTS)
    assert "error" in [found.severity for found in watching.findings()]
    _, watching = watched(loss, Y[RANDOM.permutation(len(Y))], epochs=3, rate=1e-4, class_weight=WEIGHTS)
    assert Symptoms(watching.record).stuck


def test_the_loss_of_guessing_follows_its_formula():
    weights = {0: 0.5, 1: 3.0}
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("sgd", LOSSES["sparse"][0])
    watching = Diagnostics((X, Y), class_weights=weights)
    model.fit(X, Y, verbose=0, callbacks=[watching])
    own = np.array([0.5, 3.0])[Y] / np.array([0.5, 3.0])[Y].mean()
    share = own[Y == 1].sum() / own.sum()
    assert watching.record.baseline == pytest.approx(-np.mean(own * np.log(np.where(Y == 1, share, 1 - share))), rel=1e-5)
    plain = Diagnostics((X, Y))
    model.fit(X, Y, verbose=0, callbacks=[plain])
    assert plain.record.baseline == pytest.approx(-np.mean(np.log(np.where(Y == 1, Y.mean(), 1 - Y.mean()))), rel=1e-5)
    assert plain.record.task.balance is None


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_loss_that_shifts_logits_asks_for_other_answers(outputs):
    kind = "binary" if outputs == 1 else "one-hot"
    loss, y, _ = LOSSES[kind]
    shifted = losses.LogitAdjusted(loss, imbalance.logit_shift(Y, 2, num_outputs=outputs))
    _, watching = watched(shifted, y, outputs)
    task = watching.record.task
    assert task.weights is None
    np.testing.assert_allclose(task.balance[1] / task.balance[0], np.sum(Y == 0) / np.sum(Y == 1), rtol=1e-5)
    assert Symptoms(watching.record).training_skill > 0.3
    assert not [found for found in watching.findings() if found.problem in ("not-learned", "underfitting", "overfitting")]


def test_validation_examples_of_other_shares_are_counted_by_those_of_training():
    """As of a training part that was made uneven: what is rare there is learned worse, and the network does not overfit for that."""
    rare = np.flatnonzero(Y == 1)[:16]
    often = np.flatnonzero(Y == 0)[:600]
    x, y = X[[*often, *rare]], Y[[*often, *rare]]
    drawn = RANDOM.integers(0, 2, 400)
    others = (RANDOM.normal(size=(400, 3)) + 2.0 * drawn[:, None] * [1, 0.5, 0]).astype("float32")
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(16, "relu"), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.01), LOSSES["sparse"][0])
    watching = Diagnostics((x, y), (others, drawn))
    model.fit(x, y, epochs=8, batch_size=32, verbose=0, validation_data=(others, drawn), callbacks=[watching])
    targets, outputs = watching.record.validation
    right = outputs.argmax(axis=1) == targets
    share = 16 / 616
    most, reached = 1 - share, (1 - share) * right[targets == 0].mean() + share * right[targets == 1].mean()
    assert right[targets == 1].mean() < 0.8  # So the raw accuracy says something else.
    assert Symptoms(watching.record).validation_skill == pytest.approx((reached - most) / (1 - most), abs=1e-6)
    assert "overfitting" not in [found.problem for found in watching.findings()]
