"""Training with the rounding of int8: its formulas, which layers it reaches, and that nothing of it is left in the model."""

import keras
import numpy as np
import pytest

from hornbook import UserError, models
from hornbook.training.diagnosis.diagnostics import Diagnostics
from hornbook.training.smaller import rounding

INPUTS = np.random.default_rng(0).normal(size=(64, 6, 4)).astype(np.float32)
LABELS = (INPUTS.sum(axis=(1, 2)) > 0).astype(np.int32)


def array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def small(*layers, shape=(6, 4)):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input(shape), *layers])
    model.compile(keras.optimizers.SGD(0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_a_kernel_by_its_formula():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 2, 5)).astype(np.float32)
    scale = np.abs(kernel).max(axis=(0, 1, 2), keepdims=True) / 127
    found = array(rounding.rounded(keras.ops.array(kernel), (0, 1, 2)))
    np.testing.assert_allclose(found, np.round(kernel / scale) * scale, atol=1e-6)
    assert np.abs(np.round(found / scale) - found / scale).max() < 1e-3
    assert [len(np.unique(found[..., k])) <= 255 for k in range(5)]


@pytest.mark.parametrize("shift", [-10.0, 0.0, 0.5, 10.0])
def test_what_it_multiplies_by_its_formula(shift):
    values = np.random.default_rng(0).normal(size=400).astype(np.float32) + np.float32(shift)
    low, high = min(values.min(), 0), max(values.max(), 0)
    scale = (high - low) / 255
    found = array(rounding.in_range(keras.ops.array(values)))
    assert np.abs(found - values).max() <= scale * 1.001
    steps = found / scale
    assert np.abs(steps - np.round(steps)).max() < 1e-3  # 0 is one of the steps, as padding needs.
    assert len(np.unique(np.round(steps))) <= 256


def test_zeros_stay_zeros():
    assert array(rounding.rounded(keras.ops.zeros((2, 3)), 0)).tolist() == [[0.0] * 3] * 2
    assert array(rounding.in_range(keras.ops.zeros((2, 3)))).tolist() == [[0.0] * 3] * 2


def test_batch_normalization_folded_into_a_kernel_is_rounded_alike():
    draw = np.random.default_rng(0)
    kernel, factor = draw.normal(size=(8, 5)).astype(np.float32), draw.uniform(0.01, 10, 5).astype(np.float32)
    before, after = (
        array(rounding.rounded(keras.ops.array(kernel), 0)) * factor,
        array(rounding.rounded(keras.ops.array(kernel * factor), 0)),
    )
    np.testing.assert_allclose(before, after, rtol=1e-4, atol=1e-6)


def test_the_gradient_is_as_if_it_were_not():
    """Of a product of two rounded ones, by one step of gradient descent: the weight moves by the rounded inputs' gradient."""
    model = small(keras.layers.Flatten(), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones"), shape=(3,))
    rounding.may_round(model).compile(keras.optimizers.SGD(1.0), "mse")
    x = np.array([[0.101, 0.2, 2.55]], np.float32)
    model.fit(x, np.zeros((1, 1)), epochs=1, callbacks=[rounding.QuantizationAware(1.0, 1)], verbose=0)
    rounded = array(rounding.in_range(keras.ops.array(x)))
    np.testing.assert_allclose(array(model.layers[-1].kernel)[:, 0], 1 - 2 * rounded.sum() * rounded[0], rtol=1e-4)


LAYERS = {
    "dense": [keras.layers.Dense(2)],
    "convolutions": [keras.layers.Conv1D(3, 3), keras.layers.DepthwiseConv1D(2), keras.layers.Dense(2)],
    "lstm": [keras.layers.Bidirectional(keras.layers.LSTM(3, dropout=0.2, recurrent_dropout=0.2)), keras.layers.Dense(2)],
    "gru": [keras.layers.GRU(3), keras.layers.Dense(2)],
}


@pytest.mark.parametrize(("name", "count"), [("dense", 1), ("convolutions", 3), ("lstm", 3), ("gru", 2)])
def test_it_reaches_layers_and_leaves_them(name, count):
    model = small(*[keras.layers.deserialize(keras.layers.serialize(layer)) for layer in LAYERS[name]])
    assert len(rounding.layers_rounded(model)) == count
    assert rounding.layers_left(model) == []
    before = array(model(INPUTS))
    with rounding.rounding(model):
        within = array(model(INPUTS))
    assert 1e-5 < np.abs(within - before).max() < 0.2
    np.testing.assert_array_equal(array(model(INPUTS)), before)
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


def test_a_dense_layer_computes_what_int8_would():
    model = small(keras.layers.Dense(5))
    with rounding.rounding(model):
        found = array(model(INPUTS))
    x, kernel = (
        array(rounding.in_range(keras.ops.array(INPUTS))),
        array(rounding.rounded(keras.ops.array(array(model.layers[0].kernel)), 0)),
    )
    np.testing.assert_allclose(found, x @ kernel, atol=1e-5)


def test_the_projections_of_attention_have_a_scale_for_each_channel_that_they_give():
    attention = keras.layers.MultiHeadAttention(2, 3)
    inputs = keras.Input((6, 4))
    model = keras.Model(inputs, attention(inputs, inputs))
    axes = {layer.name: axes for layer in rounding.layers_rounded(model) for _, axes in rounding.kernels(layer)}
    assert axes == {"query": (0,), "key": (0,), "value": (0,), "attention_output": (0, 1)}


def test_tables_of_embeddings():
    model = small(keras.layers.Embedding(9, 3), keras.layers.Flatten(), keras.layers.Dense(2), shape=(4,))
    table = np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32)
    model.layers[0].embeddings.assign(table)
    first = keras.Model(model.inputs[0], model.layers[0].output)
    with rounding.rounding(first):
        found = array(first(np.array([[1, 2, 3, 8]])))[0]
    np.testing.assert_allclose(found, array(rounding.rounded(keras.ops.array(table)))[[1, 2, 3, 8]], atol=1e-6)


def test_others_are_named():
    model = models.mlp((4,), 2, width=4, weight_normalization="spectral")
    assert rounding.layers_left(model) == ["dense1", "dense2"]
    assert [layer.name for layer in rounding.layers_rounded(model)] == ["logits"]


class _Weights(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.after = []

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(np.concatenate([array(one).ravel() for one in self.model.trainable_variables]))


@pytest.mark.parametrize("watched", [False, True])
def test_it_begins_after_a_share_of_the_epochs(watched):
    found = []
    for aware in (False, True):
        model, seen = small(keras.layers.Conv1D(3, 3), keras.layers.Flatten(), keras.layers.Dense(2)), _Weights()
        rounding.may_round(model)
        callbacks = [Diagnostics((INPUTS, LABELS))] if watched else []
        callbacks += [rounding.QuantizationAware(0.5, 4)] if aware else []
        model.fit(INPUTS, LABELS, epochs=4, callbacks=[*callbacks, seen], verbose=0, shuffle=False)
        found.append(seen.after)
    for epoch, (plain, aware) in enumerate(zip(*found, strict=True)):
        difference = np.abs(plain - aware).max()
        assert difference < 1e-6 if epoch < 2 else 1e-6 < difference < 0.05, (epoch, difference)


def test_what_is_saved_is_plain(tmp_path):
    model = small(keras.layers.Conv1D(3, 3), keras.layers.Flatten(), keras.layers.Dense(2))
    rounding.may_round(model)
    callback = rounding.QuantizationAware(0.4, 5)
    model.fit(INPUTS, LABELS, epochs=5, callbacks=[callback], verbose=0)
    assert callback.told == {"quantization_aware": {"from_epoch": 4, "layers": 2, "left": []}}
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert type(loaded) is keras.Sequential
    assert len(loaded.weights) == 4
    np.testing.assert_allclose(array(loaded(INPUTS)), array(model(INPUTS)), atol=1e-6)


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_no_share(share):
    with pytest.raises(UserError, match="the share of epochs that are rounded must be above 0 and at most 1"):
        rounding.QuantizationAware(share, 4)
