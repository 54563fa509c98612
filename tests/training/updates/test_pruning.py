"""Pruning by magnitude: which weights become 0, and that they stay so."""

import keras
import numpy as np
import pytest

from hornbook import UserError, data, models
from hornbook.training import optimizer, sharpness_aware
from hornbook.training.updates import pruning

INPUTS = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
TARGETS = INPUTS[:, :2]


def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), keras.layers.Dense(16, activation="tanh"), keras.layers.Dense(2)])


def zeros(model):
    return [keras.ops.convert_to_numpy(one) == 0 for one in pruning.prunable(model)]


def test_the_smallest_of_all_become_zero_or_of_each_variable():
    small, large = keras.Variable(np.array([[1.0, -2.0], [3.0, 4.0]])), keras.Variable(np.array([[-10.0, 20.0], [30.0, 40.0]]))
    pruning.prune([small, large], 0.5)
    np.testing.assert_array_equal(small, np.zeros((2, 2)))
    np.testing.assert_array_equal(large, [[-10, 20], [30, 40]])
    pruning.prune([large], 0.25, "layer")
    np.testing.assert_array_equal(large, [[0, 20], [30, 40]])


def test_exactly_so_many_of_equals_become_zero_and_no_zero_becomes_a_number():
    equal = keras.Variable(np.ones((4, 5)))
    pruning.prune([equal], 0.3)
    assert (np.array(equal) == 0).sum() == 6
    pruning.prune([equal], 0.1)
    assert (np.array(equal) == 0).sum() == 6


def test_the_share_grows_by_its_formula():
    gradual = pruning.GradualPruning(0.8, epochs=10, begin=0.2, end=0.7)
    shares = [gradual.share(epoch) for epoch in range(10)]
    assert shares[:2] == [0, 0]
    np.testing.assert_allclose(shares[2:8], [0.8 * (1 - (1 - k / 6) ** 3) for k in range(1, 7)])
    assert shares[7:] == [0.8, 0.8, 0.8]
    assert pruning.GradualPruning(0.8, epochs=1).share(0) == 0.8
    assert pruning.GradualPruning(0.8, epochs=2).share(1) == 0.8


NAMES = ("sgd", "adam", "adamw", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "lion", "lamb", "adafactor", "muon")


@pytest.mark.parametrize("name", NAMES)
def test_zeros_stay_with_every_optimizer(name):
    model = network()
    pruning.prune(pruning.prunable(model), 0.6)
    before, values = zeros(model), [np.array(one) for one in pruning.prunable(model)]
    pruning.keep_zeros(model).compile(optimizer(name, 0.01, weight_decay=0.01), "mse")
    model.fit(INPUTS, TARGETS, epochs=3, verbose=0)
    for was, now, old, new in zip(before, zeros(model), values, pruning.prunable(model), strict=True):
        assert (now[was]).all()
        assert not np.array_equal(old, new)


@pytest.mark.parametrize("options", [{"momentum": 0.9}, {"lookahead": 3}, {"accumulate_steps": 2}, {"clip_norm": 0.1}])
def test_zeros_stay_with_what_is_around_an_optimizer(options):
    model = network()
    pruning.prune(pruning.prunable(model), 0.6)
    before = zeros(model)
    pruning.keep_zeros(model).compile(optimizer("sgd", 0.1, **options), "mse")
    model.fit(INPUTS, TARGETS, epochs=4, verbose=0)
    for was, now in zip(before, zeros(model), strict=True):
        np.testing.assert_array_equal(was, now)


def test_with_sharpness_aware_minimization_too():
    model = sharpness_aware(network(), 0.05)
    pruning.prune(pruning.prunable(model), 0.6)
    before = zeros(model)
    pruning.keep_zeros(model).compile("adam", "mse")
    model.fit(INPUTS, TARGETS, epochs=2, verbose=0)
    for was, now in zip(before, zeros(model), strict=True):
        np.testing.assert_array_equal(was, now)


def test_a_training_ends_with_the_share_and_a_saved_model_has_it(tmp_path):
    model = pruning.keep_zeros(network())
    model.compile(keras.optimizers.Adam(0.01), "mse")
    model.fit(INPUTS, TARGETS, epochs=8, callbacks=[pruning.GradualPruning(0.75, epochs=8)], verbose=0)
    assert pruning.share_of_zeros(pruning.prunable(model)) == pytest.approx(0.75, abs=0.005)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert type(again) is keras.Sequential
    assert pruning.share_of_zeros(pruning.prunable(again)) == pytest.approx(0.75, abs=0.005)


def test_a_network_of_the_zoo_learns_with_four_of_five_weights_at_zero():
    digits = data.images.load("digits")
    keras.utils.set_random_seed(0)
    model = pruning.keep_zeros(models.mlp((8, 8, 1), 10, width=64, depth=1, normalization="none"))
    model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    inputs, labels = digits.train.inputs / 16, digits.train.labels
    model.fit(inputs, labels, epochs=20, batch_size=64, callbacks=[pruning.GradualPruning(0.8, epochs=20)], verbose=0)
    assert pruning.share_of_zeros(pruning.prunable(model)) == pytest.approx(0.8, abs=0.001)
    assert model.evaluate(digits.test.inputs / 16, digits.test.labels, verbose=0)[1] > 0.85


def test_weights_that_begin_at_zero_are_trained():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2, kernel_initializer="zeros")])
    pruning.keep_zeros(model).compile("adam", "mse")
    model.fit(INPUTS, TARGETS, epochs=5, callbacks=[pruning.GradualPruning(0.5, epochs=5)], verbose=0)
    assert pruning.share_of_zeros(pruning.prunable(model)) == 0.5


def test_what_is_no_share_or_scope_is_refused():
    with pytest.raises(UserError, match="must be at least 0 and below 1, got 1"):
        pruning.GradualPruning(1.0, epochs=3)
    with pytest.raises(UserError, match="must be one of global, layer, got 'all'"):
        pruning.GradualPruning(0.5, epochs=3, scope="all")


def test_steps_of_several_kinds_are_each_there_once_in_any_order():
    model = pruning.keep_zeros(pruning.keep_zeros(network()))
    kinds = [sharpness_aware(model, 0.05), sharpness_aware(model, 0.1)]
    assert kinds[-1]._sharpness_radius == 0.1
    names = [kind.__name__ for kind in type(model).__mro__]
    assert names.count("_KeepsZeros") == names.count("_SharpnessAware") == 1
    sharpness_aware(model, 0)
    assert [kind.__name__ for kind in type(model).__mro__][1] == "_KeepsZeros"
    pruning.prune(pruning.prunable(model), 0.6)
    before = zeros(model)
    sharpness_aware(model, 0.05).compile("adam", "mse")
    model.fit(INPUTS, TARGETS, epochs=2, verbose=0)
    for was, now in zip(before, zeros(model), strict=True):
        np.testing.assert_array_equal(was, now)
