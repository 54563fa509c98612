"""The fixed filters of networks for series. Runs on every Keras backend."""

import keras
import numpy as np
import pytest

from hornbook import models
from hornbook.models.parts.hand_made import LENGTHS, hand_made_kernel, increase_filter, peak_filter

FILTERS = [
    *(increase_filter(length) for length in LENGTHS),
    *(-increase_filter(length) for length in LENGTHS),
    *(peak_filter(length) for length in LENGTHS[1:]),
]


def responses(x, **options):
    """What the fixed filters of a network answer to series (batch, time, features), rectified."""
    model = models.lite((None, x.shape[-1]), 2, kernel_sizes=(2,), width=1, **options)
    found = keras.Model(model.input, model.get_layer("hand_made_relu").output)
    return keras.ops.convert_to_numpy(found(x.astype("float32")))


def test_filters_by_their_formulas():
    np.testing.assert_array_equal(increase_filter(4), [-1, 1, -1, 1])
    np.testing.assert_array_equal(peak_filter(4), [-1, -1, 2, 2, -1, -1])
    quarters = np.array([1, 4, 9, 16, 16, 9, 4, 1]) / 16
    np.testing.assert_array_equal(peak_filter(16), [*-quarters, *2 * quarters, *-quarters])
    # 2 * (2 + 4 + ... + 64) + 6 + 12 + ... + 96 values, as counted from the authors' formulas.
    kernel = hand_made_kernel()
    assert kernel.shape == (96, 1, 17)
    assert np.count_nonzero(kernel) == 252 + 186
    # A constant is neither a trend nor a peak.
    np.testing.assert_allclose(kernel.sum(axis=0), 0, atol=1e-5)


@pytest.mark.parametrize("time", [24, 150])
def test_one_convolution_gives_what_each_filter_would_alone(time):
    x = np.random.default_rng(0).normal(size=(1, time, 1))
    found = responses(x)[0]
    for column, one in enumerate(FILTERS):
        before = (len(one) - 1) // 2
        padded = np.pad(x[0, :, 0], (before, len(one) - 1 - before))
        np.testing.assert_allclose(found[:, column], np.maximum(np.correlate(padded, one, "valid"), 0), rtol=1e-4, atol=1e-4)


def test_filters_detect_what_they_are_for():
    time = np.arange(300)
    found = responses(np.stack([time / 300, -time / 300, np.exp(-(((time - 150) / 8) ** 2))])[:, :, None])
    inside = found[:, 60:240]
    assert (inside[0, :, :6] > 0).all()
    assert (inside[0, :, 6:12] == 0).all()
    assert (inside[1, :, :6] == 0).all()
    assert (inside[1, :, 6:12] > 0).all()
    # The widest arch, of 32 steps, is about as wide as the peak; "same" puts its middle half a step before.
    assert inside[2, :, 16].argmax() + 60 in (149, 150)


def test_features_are_summed_and_padding_counts_as_0():
    x = np.random.default_rng(0).normal(size=(2, 9, 3))
    expected = responses(x.sum(axis=-1, keepdims=True))
    np.testing.assert_allclose(responses(x), expected, rtol=1e-4, atol=1e-5)
    padded = np.concatenate([x, np.full((2, 4, 3), np.nan)], axis=1)
    np.testing.assert_allclose(responses(padded, padded=True)[:, :9], expected, rtol=1e-4, atol=1e-5)


def test_training_leaves_them_alone_and_a_copy_from_the_configuration_has_them():
    model = models.h_inception1d((20, 1), 2, depth=1, kernel_sizes=(3,), width=2, l2=0.1, initial_scale=0.5)
    model.compile(keras.optimizers.SGD(0.1, weight_decay=0.1), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    before = keras.ops.convert_to_numpy(model.get_layer("module1_conv1").kernel)
    model.fit(np.random.default_rng(0).normal(size=(8, 20, 1)), np.arange(8) % 2, verbose=0)
    assert not np.array_equal(before, keras.ops.convert_to_numpy(model.get_layer("module1_conv1").kernel))
    for one in (model, keras.models.clone_model(model)):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one.get_layer("module1_hand_made_conv").kernel), hand_made_kernel())


def test_normalized_apart_they_are_one_group():
    model = models.h_inception1d((20, 1), 2, depth=1, width=8, normalization="group", groups=4)
    assert model.get_layer("module1_norm").groups == 4
    assert model.get_layer("module1_hand_made_norm").groups == 1
    model = models.h_inception1d((20, 1), 2, depth=1, width=8)
    assert model.get_layer("module1_hand_made_norm").momentum == model.get_layer("module1_norm").momentum
