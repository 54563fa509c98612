import keras
import numpy as np
import pytest
from keras import ops

from hornbook import models

BATCH, TIME, WIDTH = 3, 7, 8
# The last steps of the first two examples are padding.
MASK = np.arange(TIME) < np.array([[4], [6], [7]])


def values(seed=0):
    return np.random.default_rng(seed).normal(size=(BATCH, TIME, WIDTH)).astype("float32")


def with_random_weights(layer, x):
    layer(x, x)
    generator = np.random.default_rng(1)
    layer.set_weights([generator.normal(size=weight.shape) for weight in layer.weights])
    return layer


def formula(weights, x, mask, turn=lambda heads: heads, repeats=1):
    """Vaswani et al. 2017, equation 1, by einsum: the scores and the layer's output."""
    kernels, biases = weights[::2], weights[1::2]
    query, key, value = (np.einsum("btf,fhd->bthd", x, kernel) + bias for kernel, bias in zip(kernels[:3], biases[:3], strict=True))
    key, value = np.repeat(turn(key), repeats, axis=2), np.repeat(value, repeats, axis=2)
    logits = np.einsum("bthd,bshd->bhts", turn(query), key) / np.sqrt(query.shape[-1])
    if mask is not None:
        logits = np.where(mask[:, None, None], logits, -np.inf)
    scores = np.exp(logits - logits.max(-1, keepdims=True))
    scores /= scores.sum(-1, keepdims=True)
    return scores, np.einsum("bhts,bshd,hdf->btf", scores, value, kernels[3]) + biases[3]


def turned(heads):
    """Su et al. 2021, equation 12: each pair of features as a complex number times exp(i * place * frequency)."""
    half = heads.shape[-1] // 2
    angles = np.arange(TIME)[:, None] * 10000.0 ** (-np.arange(half) / half)
    pairs = (heads[..., :half] + 1j * heads[..., half:]) * np.exp(1j * angles)[:, None]
    return np.concatenate([pairs.real, pairs.imag], axis=-1)


def call(layer, x, mask=None, **options):
    return layer(x, x, attention_mask=None if mask is None else mask[:, None], **options)


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "padded"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_multi_head_attention_is_the_formula(mask, dropout):
    layer = with_random_weights(models.MultiHeadAttention(2, 4, dropout=dropout), values())
    scores, outputs = formula(layer.get_weights(), values(), mask)
    np.testing.assert_allclose(ops.convert_to_numpy(call(layer, values(), mask)), outputs, rtol=1e-4, atol=1e-4)
    _, found = call(layer, values(), mask, return_attention_scores=True)
    np.testing.assert_allclose(ops.convert_to_numpy(found), scores, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mask", [None, MASK], ids=["whole", "padded"])
@pytest.mark.parametrize("shared", [2, 1])
def test_rotary_attention_is_the_formula(mask, shared):
    layer = with_random_weights(models.RotaryAttention(4, 2, shared), values())
    scores, outputs = formula(layer.get_weights(), values(), mask, turned, repeats=2 // shared)
    np.testing.assert_allclose(ops.convert_to_numpy(call(layer, values(), mask)), outputs, rtol=1e-4, atol=1e-4)
    _, found = call(layer, values(), mask, return_attention_scores=True)
    np.testing.assert_allclose(ops.convert_to_numpy(found), scores, rtol=1e-4, atol=1e-5)


def test_rotary_attention_sees_only_distances():
    layer = with_random_weights(models.RotaryAttention(4, 2, 2), values())
    places = np.arange(TIME, dtype="int32")[None]
    near, far = (ops.convert_to_numpy(layer(values(), values(), places=ops.convert_to_tensor(places + shift))) for shift in (0, 100))
    np.testing.assert_allclose(near, far, rtol=1e-3, atol=1e-3)
    with pytest.raises(ValueError, match=r"head_dim must be even .* got 3"):
        models.RotaryAttention(3, 2, 2)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="elsewhere it is Keras' own")
@pytest.mark.parametrize("shape", [(TIME, TIME), (BATCH, TIME, TIME), (BATCH, 2, TIME, TIME)], ids=["all", "example", "head"])
@pytest.mark.parametrize("policy", ["float64", "mixed_bfloat16"])
def test_masks_and_precisions_give_keras_results(shape, policy):
    mask = np.random.default_rng(0).random(shape) < 0.7
    mask |= np.eye(TIME, dtype=bool)
    ours = models.MultiHeadAttention(2, 4, dtype=policy)
    ours(values(), values())
    theirs = keras.layers.MultiHeadAttention(2, 4, dtype=policy)
    theirs(values(), values())
    theirs.set_weights(ours.get_weights())
    found = [layer(values(), values(), attention_mask=mask) for layer in (ours, theirs)]
    assert found[0].dtype == found[1].dtype
    tolerance = 1e-6 if policy == "float64" else 2e-2
    np.testing.assert_allclose(*(ops.convert_to_numpy(ops.cast(outputs, "float64")) for outputs in found), atol=tolerance)


def test_dropout_keeps_the_mean():
    layer = models.MultiHeadAttention(1, WIDTH, dropout=0.5)
    x = ops.ones((1, 400, WIDTH))
    whole, dropped = ops.convert_to_numpy(layer(x, x)), ops.convert_to_numpy(layer(x, x, training=True))
    assert not np.allclose(whole, dropped)
    np.testing.assert_allclose(dropped.mean(1), whole.mean(1), atol=0.1 * np.abs(whole).max())


def test_an_example_of_padding_alone_stays_finite():
    layer = with_random_weights(models.MultiHeadAttention(2, 4), values())
    assert np.isfinite(ops.convert_to_numpy(call(layer, values(), np.zeros_like(MASK)))).all()


def tokens():
    return np.where(MASK, np.random.default_rng(0).integers(1, 9, MASK.shape), 0).astype("int32")


@pytest.mark.parametrize("options", [{}, {"key_value_heads": 2}, {"positions": "rotary"}], ids=["multi-head", "grouped", "rotary"])
def test_scores_are_read_from_a_model_that_was_saved_inside_another(options, tmp_path):
    network = models.text_transformer((TIME,), 2, vocabulary_size=9, width=8, attention_dropout=0.5, **options)
    inputs = keras.Input((TIME,), dtype="int32")
    model = keras.Model(inputs, network(inputs))
    before = ops.convert_to_numpy(model(tokens()))
    scores = models.attention_scores(model, tokens())
    assert [layer.shape for layer in scores] == [(BATCH, 4, TIME, TIME)] * 2
    for layer in scores:
        np.testing.assert_allclose(layer.sum(-1), 1, rtol=1e-5)
        assert (layer[np.broadcast_to(~MASK[:, None, None], layer.shape)] == 0).all()
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras")
    for one, other in zip(scores, models.attention_scores(reloaded, tokens()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    # Reading leaves nothing behind.
    np.testing.assert_array_equal(ops.convert_to_numpy(model(tokens())), before)


def test_a_model_without_attention_has_no_scores():
    with pytest.raises(ValueError, match="'mlp' has no attention layer to read"):
        models.attention_scores(models.mlp((4,), 2), np.zeros((1, 4), "float32"))
