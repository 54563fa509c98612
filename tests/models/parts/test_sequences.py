"""Masks and pooling over time, and that padding changes no output of any family. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.network import Parts
from hornbook.models.parts.sequences import POOLINGS, local_max, pool, sequence_inputs, step

LENGTHS = np.array([3, 2, 0, 3, 1])
TIME, LONGER = 3, 5
NONE = {
    **{"groups": None, "weight_normalization": None, "activation": "relu", "initializer": "auto", "initial_scale": 1.0},
    **{"dropout": 0.0, "l1": 0.0, "l2": 0.0},
}


def series(time):
    """Return five series of the lengths above, padded with NaN to `time` steps."""
    values = np.random.default_rng(0).normal(size=(len(LENGTHS), TIME, 3)).astype("float32")
    values = np.concatenate([values, np.zeros((len(LENGTHS), time - TIME, 3), "float32")], axis=1)
    return np.where((np.arange(time) < LENGTHS[:, None])[:, :, None], values, np.float32(np.nan))


def tokens(time):
    """Return five texts of the lengths above, padded with 0 to `time` tokens."""
    values = np.zeros((len(LENGTHS), time), "int32")
    values[:, :TIME] = np.random.default_rng(0).integers(1, 11, (len(LENGTHS), TIME))
    return np.where(np.arange(time) < LENGTHS[:, None], values, 0)


def run(model, x, training=False):
    return keras.ops.convert_to_numpy(model(x, training=training))


def check_padding(model, data=series):
    """In inference, in training, and after training, longer padding changes nothing; and the example of padding alone is finite."""
    for training in (False, True):
        expected = run(model, data(TIME), training)
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(run(model, data(LONGER), training), expected, rtol=1e-5, atol=1e-5)


# Each cell and each pooling in one direction and in both, and each normalization between two layers.
RNNS = [
    {"cell": "lstm", "bidirectional": False, "pooling": "last", "normalization": "none"},
    {"cell": "lstm", "bidirectional": True, "pooling": "mean", "normalization": "batch"},
    {"cell": "gru", "bidirectional": False, "pooling": "max", "normalization": "rms"},
    {"cell": "gru", "bidirectional": True, "pooling": "last", "normalization": keras.layers.UnitNormalization},
    {"cell": "simple", "bidirectional": False, "pooling": "attention", "normalization": "layer"},
    {"cell": "simple", "bidirectional": True, "pooling": "max", "residual": True},
    {"cell": "gru", "bidirectional": False, "pooling": "mean", "depth": 1},
    {"cell": "simple", "bidirectional": True, "pooling": "attention", "depth": 1},
    {"cell": "lstm", "bidirectional": True, "pooling": "last", "residual": True},
    {"recurrent_normalization": "layer", "bidirectional": True},
    {"recurrent_normalization": "layer", "cell": "gru"},
    {"recurrent_normalization": "batch", "bidirectional": True},
    {"recurrent_normalization": "batch", "cell": "gru"},
]


@pytest.mark.parametrize("options", RNNS, ids=str)
def test_padding_changes_no_output_of_an_rnn(options):
    keras.utils.set_random_seed(0)
    check_padding(models.rnn((None, 3), 2, **{"depth": 2, "width": 4, "padded": True, **options}))


SMALL = {
    "cnn1d": {"kernel_sizes": (3, 4), "dropout": 0.0},
    "fcn": {},
    "resnet1d": {"kernel_sizes": (5, 2), "width_multipliers": (1, 2)},
    "h_inception1d": {"depth": 3, "kernel_sizes": (5, 2)},
    "lite": {"kernel_sizes": (5, 2)},
}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize(
    "options",
    [
        {"normalization": "batch", "pooling": "mean"},
        {"normalization": "layer", "pooling": "max"},
        {"normalization": "rms", "pooling": "attention"},
        {"normalization": "none", "pooling": "mean"},
        {"normalization": "batch", "weight_normalization": "standardized"},
    ],
    ids=str,
)
def test_padding_changes_no_output_of_convolutions(name, options):
    keras.utils.set_random_seed(0)
    check_padding(models.build(name, (None, 3), 2, **{"width": 4, "padded": True, **SMALL[name], **options}))


@pytest.mark.parametrize("builder", [models.rnn, models.cnn1d, models.fcn, models.resnet1d, models.h_inception1d, models.lite])
def test_padding_changes_no_output_for_tokens(builder):
    keras.utils.set_random_seed(0)
    check_padding(builder((None,), 2, width=4, vocabulary_size=11, embedding_size=5, dropout=0.0), tokens)


def pooled(pooling, padded):
    inputs, x, mask = sequence_inputs((None, 3), padded=padded)
    model = keras.Model(inputs, pool(x, mask, pooling, Parts(normalization=None, mask=mask, **NONE), name="pool"))
    return model


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_by_its_formula(pooling):
    model, x = pooled(pooling, padded=True), series(8)
    kernel = keras.ops.convert_to_numpy(model.get_layer("pool_score").kernel) if pooling == "attention" else None
    expected = []
    for example, length in zip(x, LENGTHS, strict=True):
        steps = example[:length]
        if not length:
            expected.append(np.zeros(3))
        elif pooling == "attention":
            weights = np.exp(steps @ kernel)
            expected.append((weights * steps).sum(0) / weights.sum())
        else:
            expected.append({"mean": steps.mean(0), "max": steps.max(0), "last": steps[-1]}[pooling])
    np.testing.assert_allclose(run(model, x), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_without_a_mask_is_that_of_sequences_without_padding(pooling):
    x = np.random.default_rng(0).normal(size=(4, 6, 3)).astype("float32")
    with_mask, without = pooled(pooling, padded=True), pooled(pooling, padded=False)
    without.set_weights(with_mask.get_weights())
    np.testing.assert_allclose(run(without, x), run(with_mask, x), rtol=1e-5, atol=1e-6)


def test_the_largest_neighbour_by_its_formula():
    inputs, x, mask = sequence_inputs((None, 3), padded=True)
    found = run(keras.Model(inputs, local_max(x, mask, 3, name="largest")), series(4))
    for example, values, length in zip(found, series(4), LENGTHS, strict=True):
        expected = [values[max(step - 1, 0) : min(step + 2, length)].max(axis=0) for step in range(length)]
        np.testing.assert_array_equal(example, [*expected, *np.zeros((4 - length, 3))])


def test_steps_are_found_wherever_the_padding_is():
    x = np.arange(12, dtype="float32").reshape(2, 6, 1)
    mask = np.array([[False, True, True, False, True, False], [False] * 6])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(step(x, mask, last=True)), [[4], [0]])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(step(x, mask, last=False)), [[1], [0]])


def test_tokens_of_0_count_where_there_is_no_padding():
    model = models.cnn1d((None,), 2, width=4, vocabulary_size=11, padded=False)
    assert not np.allclose(run(model, tokens(TIME)), run(model, tokens(LONGER)))


def test_a_step_is_padding_only_when_all_its_features_are_nan():
    inputs, x, mask = sequence_inputs((None, 2), padded=True)
    values = np.array([[[np.nan, 1], [np.nan, np.nan], [0, 0]]], "float32")
    features, counts = (keras.ops.convert_to_numpy(value) for value in keras.Model(inputs, [x, mask])(values))
    np.testing.assert_array_equal(counts, [[True, False, True]])
    np.testing.assert_array_equal(features, [[[np.nan, 1], [0, 0], [0, 0]]])


def test_fast_layers_of_keras_are_used_without_recurrent_normalization():
    for cell, kind in (("lstm", keras.layers.LSTM), ("gru", keras.layers.GRU), ("simple", keras.layers.SimpleRNN)):
        assert type(models.rnn((5, 3), 2, cell=cell, width=4).get_layer("recurrent1")) is kind


def test_moving_statistics_leave_padding_out():
    moved = []
    for time in (TIME, 20):
        keras.utils.set_random_seed(0)
        model = models.fcn((None, 3), 2, width=4, padded=True)
        run(model, series(time), training=True)
        moved.append([keras.ops.convert_to_numpy(variable) for variable in model.non_trainable_variables])
    for one, other in zip(*moved, strict=True):
        assert not np.array_equal(one, np.ones_like(one))
        np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("family", ["cnn1d", "fcn", "inception1d", "lite", "resnet1d", "rnn", "text_transformer"])
def test_a_network_can_give_outputs_of_each_step(family):
    options = {"vocabulary_size": 9, "width": 4, **({"heads": 2} if family == "text_transformer" else {"embedding_size": 4})}
    pooled, each = (models.build(family, (None,), 3, each_step=each, **options) for each in (False, True))
    assert each(np.array([[3, 4, 5, 6, 7, 0], [1, 2, 3, 4, 5, 6]])).shape == (2, 6, 3)
    assert [(one.path, one.shape) for one in each.weights] == [(one.path, one.shape) for one in pooled.weights]
    inputs = np.array([[3, 4, 5, 6]])
    outputs = keras.ops.convert_to_numpy(each(inputs))
    padded = keras.ops.convert_to_numpy(each(np.pad(inputs, ((0, 0), (0, 3)))))
    np.testing.assert_allclose(padded[:, :4], outputs, atol=1e-5)
    assert np.ptp(outputs, axis=1).max() > 0
