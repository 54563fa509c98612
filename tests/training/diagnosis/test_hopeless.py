"""What is hopeless is ended after two looks; what learns, or may still, is not."""

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.training import Diagnostics, schedule
from hornbook.training.diagnosis import StopWhenHopeless

RANDOM = np.random.default_rng(0)
CENTRES = RANDOM.normal(size=(3, 8)) * 1.5
Y = np.arange(384) % 3
X = (CENTRES[Y] + RANDOM.normal(size=(384, 8))).astype("float32")


def fit(rate=3e-3, epochs=8, y=Y, optimizer="Adam", scale=1.0, bias=0.0, depth=2, batch_size=32, **options):
    """The callback and the epochs that a training had under it."""
    keras.utils.set_random_seed(0)
    kernels = {"kernel_initializer": keras.initializers.VarianceScaling(2.0 * scale**2, seed=1)}
    hidden = [keras.layers.Dense(24, "relu", bias_initializer=keras.initializers.Constant(bias), **kernels) for _ in range(depth)]
    model = keras.Sequential([keras.Input((8,)), *hidden, keras.layers.Dense(3, **kernels)])
    rule = getattr(keras.optimizers, optimizer)(rate)
    model.compile(rule, keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    watching = Diagnostics((X, y))
    asked = StopWhenHopeless(watching, **options)
    model.fit(X, y, epochs=epochs, batch_size=batch_size, verbose=0, callbacks=[watching, asked])
    return asked, len(watching.record.epochs)


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        ("learning-rate-too-low", {"rate": 1e-7}),
        ("dead-relus", {"bias": -50.0}),
        ("initialization-too-small", {"scale": 1e-3, "depth": 6, "optimizer": "SGD", "rate": 1e-2}),
    ],
)
def test_a_hopeless_training_is_ended_at_the_third_look(problem, options):
    # 12 updates an epoch: after epochs 1 and 2 it is hopeless, but 24 updates are too few to say so.
    asked, epochs = fit(**options)
    assert (asked.finding.problem, asked.finding.severity, epochs) == (problem, "error", 4)


def test_with_more_updates_an_epoch_it_is_ended_after_the_second():
    asked, epochs = fit(30.0, depth=4, batch_size=8)
    assert (asked.finding.problem, epochs) == ("learning-rate-too-high", 2)
    assert fit(30.0, depth=4, batch_size=8, epochs=2)[0].finding is None  # It is over anyway.


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rate": 3e-4},
        {"rate": 0.1},
        {"optimizer": "SGD", "rate": 1e-2},
        {"y": np.random.default_rng(3).permutation(Y)},  # The same for all trials of a search.
    ],
)
def test_a_training_that_learns_or_whose_data_are_to_blame_goes_on(options):
    asked, epochs = fit(**options)
    assert (asked.finding, epochs) == (None, 8)


def test_a_learning_rate_that_will_rise_is_waited_for():
    assert fit(1e-7, epochs=16)[1] == 4
    length = {"steps_per_epoch": 12, "epochs": 16, "warmup_epochs": 15}
    asked, epochs = fit(schedule("cosine", 3e-6, **length), epochs=16)  # Too low so far, and no more than 30 times as high.
    assert (asked.finding, epochs) == (None, 16)


def test_what_is_done_in_its_place():
    told = []
    asked, epochs = fit(1e-7, stop=lambda epoch, finding: told.append((epoch, finding.problem)), epochs=9)
    assert told == [(4, "learning-rate-too-low"), (8, "learning-rate-too-low")]
    assert (asked.finding, epochs) == (None, 9)


def test_it_needs_the_diagnosis():
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="StopWhenHopeless needs the Diagnostics of the same fit"):
        model.fit(X, X[:, :3], verbose=0, callbacks=[StopWhenHopeless()])


def test_it_takes_nothing_but_a_count_from_a_checkpoint():
    asked = StopWhenHopeless()
    assert asked.get_state() == ({"in_a_row": 0}, [])
    asked.set_state({"in_a_row": 2}, [])
    assert asked.get_state() == ({"in_a_row": 2}, [])
    for values in ({"in_a_row": -1}, {"in_a_row": "2"}, {}, None):
        with pytest.raises(UserError):
            asked.set_state(values, [])
