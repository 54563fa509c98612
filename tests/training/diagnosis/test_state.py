"""A training that was cut off is diagnosed as a whole."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import Checkpoint, Diagnostics
from hornbook.training.diagnosis import inside

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(96, 6)).astype("float32"), np.arange(96) % 3


def fit(path, first, last, build):
    """Train from an epoch to another, in a model of its own, as a process that was started anew does."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((6,)), *build(), keras.layers.Dense(3, name="logits")], name="network")
    model.compile(keras.optimizers.Adam(1e-2), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    watching = Diagnostics((X, Y), (X[:32], Y[:32]), every=5)
    checkpoint = Checkpoint(path, [watching])
    assert checkpoint.restore(model) == first
    callbacks = [watching, checkpoint]
    model.fit(X, Y, batch_size=16, initial_epoch=first, epochs=last, shuffle=False, verbose=0, callbacks=callbacks)
    return watching


def rectified():
    # Weights that are too large when they begin.
    large = keras.initializers.RandomNormal(stddev=10.0, seed=1)
    return [keras.layers.Dense(16, "relu", kernel_initializer=large, name="hidden")]


def recurrent():
    return [keras.layers.Reshape((6, 1), name="series"), keras.layers.SimpleRNN(4, name="recurrent")]


@pytest.mark.parametrize("build", [rectified, recurrent])
def test_a_record_goes_on(build, tmp_path):
    whole = fit(tmp_path / "whole.npz", 0, 4, build)
    fit(tmp_path / "cut.npz", 0, 2, build)
    resumed = fit(tmp_path / "cut.npz", 2, 4, build)
    first, second = whole.record, resumed.record
    assert second.network == first.network
    assert second.epochs == first.epochs
    assert second.rates == first.rates
    assert [look.epoch for look in second.looks] == [look.epoch for look in first.looks]
    for name in ("norms", "totals", "losses"):
        np.testing.assert_array_equal(getattr(second.steps, name), getattr(first.steps, name))
    for one, other in zip(second.looks, first.looks, strict=True):
        np.testing.assert_array_equal(one.by_time, other.by_time)
        np.testing.assert_array_equal(one.outputs, other.outputs)
    assert inside(second) == inside(first)
    # The way before and the way since: about as long as the way from the beginning. Biases begin at 0.
    kernels = [kernel.place for kernel in first.network.kernels]
    np.testing.assert_allclose(second.travelled[kernels], first.travelled[kernels], rtol=0.3)
    assert np.all(second.travelled[kernels] > 0.99 * first.travelled[kernels])
    told = [[(finding.problem, finding.severity) for finding in one.findings()] for one in (whole, resumed)]
    assert told[0] == told[1]
    assert ("initialization-too-large" in [problem for problem, _ in told[1]]) == (build is rectified)


def test_a_checkpoint_of_a_training_that_was_not_watched_is_refused(tmp_path):
    fit(tmp_path / "watched.npz", 0, 1, rectified)
    model = keras.Sequential([keras.Input((6,)), *rectified(), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    with pytest.raises(UserError, match="of another model, optimizer or callbacks"):
        Checkpoint(tmp_path / "watched.npz").restore(model)


def test_a_finished_training_has_nothing_to_add(tmp_path):
    whole = fit(tmp_path / "whole.npz", 0, 2, rectified)
    again = fit(tmp_path / "whole.npz", 2, 2, rectified)
    assert inside(again.record) == inside(whole.record)
    assert again.record.training is not None
