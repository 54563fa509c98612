"""Batch normalization inside the recurrence, on sequences whose length is not known before."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models import BatchNormGRU, BatchNormLSTM

LAYERS = {"lstm": BatchNormLSTM, "gru": BatchNormGRU}


def series(count=12, steps=9, features=3):
    generator = np.random.default_rng(0)
    return generator.normal(size=(count, steps, features)).astype("float32"), generator.normal(size=(count, 2)).astype("float32")


@pytest.mark.parametrize("cell", LAYERS)
def test_it_is_trained_and_predicts_on_any_length(cell):
    inputs, targets = series()
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.Masking(), LAYERS[cell](4), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    before = model.get_weights()
    for steps in (9, 5):
        padded = inputs[:, :steps].copy()
        padded[::2, -2:] = 0  # Masked.
        losses = model.fit(padded, targets, batch_size=4, verbose=0).history["loss"]
        assert np.isfinite(losses).all()
        assert np.isfinite(model.predict(padded, verbose=0)).all()
    assert all(not np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("cell", LAYERS)
def test_a_model_of_padded_tokens_is_trained(cell):
    model = models.rnn((None,), 2, cell=cell, width=4, recurrent_normalization="batch", vocabulary_size=20, embedding_size=3)
    tokens = np.random.default_rng(0).integers(1, 20, (8, 6))
    tokens[:4, 4:] = 0
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(tokens, np.arange(8) % 2, batch_size=4, verbose=0).history["loss"]
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("cell", LAYERS)
def test_padding_changes_nothing(cell):
    inputs, _ = series()
    layer = LAYERS[cell](4)
    short = keras.ops.convert_to_numpy(layer(inputs[:, :6]))
    padded = np.concatenate([inputs[:, :6], np.full((12, 3, 3), 7.0, "float32")], axis=1)
    mask = np.arange(9)[None] < np.full((12, 1), 6)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(padded, mask=keras.ops.convert_to_tensor(mask))), short, atol=1e-6)
