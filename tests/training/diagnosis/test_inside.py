"""What a record has of a network's inside, as a file and a report take it."""

import json

import keras
import numpy as np
import pytest

from hornbook.training.diagnosis import Diagnostics, Record, inside

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(96, 6, 2)).astype("float32"), np.arange(96) % 3


def seen_in(layers, epochs=3, clip=None, rate=1e-2):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([*layers, keras.layers.Dense(3, name="logits")])
    optimizer = keras.optimizers.Adam(rate, global_clipnorm=clip)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watching = Diagnostics((X, Y))
    model.fit(X, Y, epochs=epochs, verbose=0, callbacks=[watching])
    return inside(watching.record), watching.record


def test_every_layer_has_a_number_a_look():
    seen, record = seen_in([keras.layers.Flatten(), keras.layers.Dense(8, "relu", name="first")], clip=0.5)
    assert seen["epochs"] == [0, 1, 2, 3]
    assert seen["layers"] == ["first", "logits"]
    for name in ("gradients", "spreads", "dead", "saturated"):
        assert [len(row) for row in seen[name]] == [4, 4]
    assert None not in seen["dead"][0]
    assert seen["dead"][1] == [None] * 4
    assert seen["kernels"] == ["first", "logits"]
    assert seen["steps"] == [1, 2, 3, 5, 9]
    assert [len(row) for row in seen["updates"]] == [5, 5]
    _, weights, updates = record.steps.samples[0]
    place = record.network.kernels[1].place
    assert seen["updates"][1][0] == float(f"{updates[place] / weights[place]:.4g}")
    # Adam's first update changes each weight by the learning rate, or less where its gradient is near 0.
    assert updates[place] == pytest.approx(1e-2 * 24**0.5, rel=0.05)
    assert [step for step, _ in seen["norms"]] == list(range(1, 10))
    assert seen["clip_norm"] == 0.5
    assert seen["by_time"] == []
    assert json.loads(json.dumps(seen)) == seen


def test_a_recurrent_network_has_its_gradient_by_time_step():
    seen, record = seen_in([keras.layers.SimpleRNN(5, name="recurrent")], epochs=1)
    assert seen["times"] == [1, 2, 3, 4, 5, 6]
    assert [len(row) for row in seen["by_time"]] == [6, 6]
    np.testing.assert_allclose(seen["by_time"][0], record.looks[0].by_time, rtol=1e-3)


def test_what_is_not_finite_is_none_and_what_was_not_seen_is_nothing():
    seen, _ = seen_in([keras.layers.Flatten(), keras.layers.Dense(8, lambda x: 1e38 * x * 1e38, name="first")], epochs=1)
    assert seen["spreads"][0][-1] is None
    assert inside(Record()) == {}
