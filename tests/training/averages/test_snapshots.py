"""Snapshots as one model: the mean of their probabilities. Runs on every Keras backend."""

import json

import keras
import numpy as np
import pytest
from scipy import special

from hornbook import UserError
from hornbook.training import Snapshots, checkpoint

GENERATOR = np.random.default_rng(0)
INPUTS, LABELS = GENERATOR.normal(size=(64, 3)).astype("float32"), GENERATOR.integers(0, 3, 64)


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def network():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization(momentum=0.5), keras.layers.Dense(3)]
    )
    model.compile(keras.optimizers.SGD(0.5), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def fit(model, callbacks, epochs=4, **options):
    model.fit(INPUTS, LABELS, epochs=epochs, batch_size=16, shuffle=False, verbose=0, callbacks=callbacks, **options)
    return model


class Outputs(keras.callbacks.Callback):
    """What the network gives at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.of = []

    def on_epoch_end(self, epoch, logs=None):
        self.of.append(keras.ops.convert_to_numpy(self.model(INPUTS, training=False)))


@pytest.mark.parametrize("activation", ["softmax", "linear"])
def test_the_mean_of_the_snapshots(activation, tmp_path):
    seen, taken = Outputs(), Snapshots([2, 4])
    model = fit(network(), [seen, taken])
    before = model.get_weights()
    one = taken.model_of(model, activation)
    one.save(tmp_path / "model.keras")
    got = keras.saving.load_model(tmp_path / "model.keras").predict(INPUTS, verbose=0)
    if activation == "linear":
        expected = (seen.of[1] + seen.of[3]) / 2
    else:
        got, expected = special.softmax(got, axis=1), (special.softmax(seen.of[1], axis=1) + special.softmax(seen.of[3], axis=1)) / 2
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6)
    assert np.abs(seen.of[1] - seen.of[3]).max() > 0.01
    assert taken.told == {"snapshots": [2, 4]}
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


def test_room_for_them_is_asked_of_the_disk():
    # Each twice in checkpoints, one of which replaces the other, and once in the saved model.
    model = network()
    assert checkpoint.size_in_bytes(model, 2) - checkpoint.size_in_bytes(model) == 2 * 3 * 4 * model.count_params()


def test_one_alone_is_the_network():
    taken = Snapshots([3, 7])
    model = fit(network(), [taken], epochs=3)
    assert taken.model_of(model) is model


def test_their_state_goes_through_json():
    whole, model = Snapshots([2, 4]), network()
    fit(model, [whole])
    keras.utils.set_random_seed(0)
    first, model = Snapshots([2, 4]), network()
    fit(model, [first], epochs=2)
    told, arrays = first.get_state()
    second = Snapshots([2, 4])
    second.set_state(json.loads(json.dumps(told)), arrays)
    fit(model, [second], initial_epoch=2)
    assert second.taken.keys() == whole.taken.keys() == {2, 4}
    for epoch, arrays in whole.taken.items():
        assert all(np.array_equal(*pair) for pair in zip(arrays, second.taken[epoch], strict=True))


@pytest.mark.parametrize(
    ("told", "arrays", "words"),
    [
        ({"epochs": [3]}, [np.zeros(1)], r"snapshots of the epochs \[3\] with 1 arrays cannot be; they are of \[2, 4\]"),
        ({"epochs": [4, 2]}, [np.zeros(1)] * 2, "cannot be"),
        ({"epochs": [2, 4]}, [np.zeros(1)] * 3, "cannot be"),
        ({"epochs": [2]}, [], "cannot be"),
        ({"epochs": []}, [np.zeros(1)], "cannot be"),
        ({"epochs": [2]}, [np.full(1, np.inf)], "finite numbers"),
        ({"epochs": [0]}, [], "the snapshots"),
    ],
)
def test_states_that_cannot_be(told, arrays, words):
    with pytest.raises(UserError, match=words):
        Snapshots([2, 4]).set_state(told, arrays)


def test_a_state_of_another_network():
    taken = Snapshots([2, 4])
    taken.set_state({"epochs": [2]}, [np.zeros(3)])
    with pytest.raises(UserError, match="of another model"):
        fit(network(), [taken])
