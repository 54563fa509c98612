"""Structured pruning: which channels go, when, and that nothing else changes."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training import optimizer
from hornbook.training.smaller import channels
from hornbook.training.smaller.coupling import Coupling
from hornbook.training.updates import pruning

ROWS = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)


def network(width=8):
    keras.utils.set_random_seed(0)
    return models.mlp((6,), 3, depth=3, width=width)


def outputs(model):
    return keras.ops.convert_to_numpy(model(ROWS, training=False))


def test_those_go_that_are_small_and_of_which_little_is_read():
    model = network(4)
    first, scale, second = (model.get_layer(name) for name in ("dense1", "norm1", "dense2"))
    first.kernel.assign(np.ones((6, 4)) * [9, 3, 2, 1])
    scale.gamma.assign([1, 3, 2, 1])
    second.kernel.assign(np.ones((4, 4)) * 1e-3 * np.array([[1], [1], [2], [6]]))
    [labels, _] = (coupling := Coupling(model)).sets
    # What is normalized is as large as its scale, whatever the kernel.
    wanted = np.array([1, 9, 4, 1]) / 3.75 * np.array([1, 1, 4, 36]) / 10.5
    np.testing.assert_allclose(channels._importance(coupling, labels), wanted, rtol=1e-6)
    small = channels.smaller(model, 0.5)
    np.testing.assert_array_equal(np.array(small.get_layer("norm1").gamma), [2, 1])
    np.testing.assert_array_equal(np.array(small.get_layer("dense1").kernel), np.ones((6, 2)) * [2, 1])
    np.testing.assert_array_equal(np.array(small.get_layer("dense2").kernel)[:, 0], np.float32(1e-3) * np.array([2, 6], np.float32))


def test_without_normalization_what_makes_a_channel_says_how_large_it_is():
    model = models.lstm((12, 3), 2, width=4)
    [labels] = (coupling := Coupling(model)).sets
    layer, last = model.get_layer("recurrent1"), model.get_layer("logits")
    makes = np.zeros((3, 16)) + np.tile([1, 2, 3, 4], 4)
    layer.cell.kernel.assign(makes)
    layer.cell.recurrent_kernel.assign(np.zeros((4, 16)))
    last.kernel.assign(np.ones((4, 2)) * np.array([[8], [1], [1], [1]]))
    wanted = np.array([1, 4, 9, 16]) / 7.5 * np.array([64, 1, 1, 1]) / 16.75
    np.testing.assert_allclose(channels._importance(coupling, labels), wanted, rtol=1e-6)


def test_of_each_set_so_many_go_and_one_stays():
    for share, left in ((0, 8), (0.3, 6), (0.5, 4), (0.99, 1)):
        small = channels.smaller(network(), share)
        assert (small.get_layer("dense1").units, small.get_layer("dense2").units) == (left, left)
        assert small.get_layer("norm1").gamma.shape == (left,)
    with pytest.raises(UserError, match="share of channels to prune must be at least 0 and below 1, got 1"):
        channels.smaller(network(), 1)


def test_without_anything_gone_it_is_a_copy():
    model = network()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    copy = channels.smaller(model, 0)
    assert not copy.compiled
    np.testing.assert_array_equal(outputs(copy), outputs(model))
    copy.get_layer("dense1").kernel.assign(np.zeros((6, 8)))
    assert np.array(model.get_layer("dense1").kernel).any()


@pytest.mark.parametrize("name", ["sgd", "adamw", "muon"])
def test_channels_go_while_a_network_trains_and_it_computes_the_same_without_them(name):
    model = pruning.keep_zeros(network(16))
    model.compile(optimizer(name, 0.01, weight_decay=0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    gradual = channels.GradualChannels(0.75, epochs=6)
    shares = []
    looking = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: shares.append((np.array(model.get_layer("dense2").kernel) == 0).all(axis=0).mean())
    )
    model.fit(ROWS, np.arange(64) % 3, epochs=6, callbacks=[gradual, looking], verbose=0)
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] == 0.75
    small = gradual.finished(model)
    assert (small.get_layer("dense1").units, small.get_layer("dense2").units) == (4, 4)
    np.testing.assert_allclose(outputs(small), outputs(model), atol=1e-5)
    assert gradual.told == {"pruned": {"channels": 32, "share": 0.75, "parameters": model.count_params()}}
    assert not any((np.array(one) == 0).any() for one in pruning.prunable(small))


def test_zeros_that_a_network_begins_with_are_no_channels_that_went():
    model = models.resnet((8, 8, 1), 3, depth=8, width=4, block="fixup", normalization="none")
    pruning.keep_zeros(model).compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images, labels = np.random.default_rng(0).normal(size=(32, 8, 8, 1)).astype("float32"), np.arange(32) % 3
    gradual = channels.GradualChannels(0.5, epochs=5)
    model.fit(images, labels, epochs=5, callbacks=[gradual], verbose=0)
    small = gradual.finished(model)
    assert [small.get_layer(f"stage{stage}_block1_conv1").filters for stage in (1, 2, 3)] == [2, 4, 8]


@pytest.mark.parametrize(
    "build",
    [
        lambda outputs: models.resnet((8, 8, 1), outputs, depth=8, width=4),
        lambda outputs: models.text_transformer((12,), outputs, vocabulary_size=30, width=16, heads=4, depth=1),
        lambda outputs: models.lstm((12, 3), outputs, width=8, bidirectional=True, pooling="mean"),
    ],
)
def test_a_network_of_the_same_options_has_as_many_channels_as_one_that_lost_some(build):
    other = channels.smaller(channels.smaller(build(3), 0.3), 0.3)
    made = channels.sized_as(build(5), other)
    assert [one.shape for one in made.weights[:-2]] == [one.shape for one in other.weights[:-2]]
    assert made.output_shape == (None, 5)


def test_another_network_is_not_made_as_small():
    wide = models.mlp((6,), 3, depth=3, width=8)
    assert channels.sized_as(wide, models.mlp((6,), 3, depth=3, width=8)) is wide
    assert channels.sized_as(wide, models.mlp((6,), 3, depth=3, width=9)) is wide
    assert channels.sized_as(wide, models.mlp((6,), 3, depth=2, width=4)) is wide


def test_what_is_drawn_at_random_goes_on_where_it_was():
    model = models.mlp((6,), 3, depth=2, width=8, dropout=0.5)
    model(ROWS, training=True)
    (state,) = _states(model)
    model(ROWS, training=True)
    (went_on,) = _states(model)
    (copied,) = _states(channels.smaller(model, 0.5))
    np.testing.assert_array_equal(copied, went_on)
    # PyTorch's dropout draws elsewhere.
    assert keras.backend.backend() == "torch" or (went_on != state).any()


def _states(model):
    return [np.array(one) for one in model.variables if "seed" in one.path]
