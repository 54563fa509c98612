"""Augmentation of series: what each does, that padding stays padding, and that nothing is changed without being asked for."""

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import randomness
from hornbook.data.series import augmentation

LENGTHS = (40, 25, 40, 3, 1)


@pytest.fixture
def series():
    batch = np.random.default_rng(0).normal(3, 2, (len(LENGTHS), 40, 6)).astype(np.float32)
    for values, length in zip(batch, LENGTHS, strict=True):
        values[length:] = np.nan
    return batch


def draw(stream, epoch=0):
    return randomness.uniform(1, epoch, np.arange(len(LENGTHS)), stream)


CHANGES = {
    "jitter": lambda series: augmentation.jitter(series, draw, np.full(6, 0.1)),
    "scaling": lambda series: augmentation.scaling(series, draw, 0.2, np.full(6, 3.0)),
    "time_warp": lambda series: augmentation.time_warp(series, draw, 0.4),
    "time_masking": lambda series: augmentation.time_masking(series, draw, 0.5, np.full(6, 3.0)),
    "feature_masking": lambda series: augmentation.feature_masking(series, draw, 0.5, np.full(6, 3.0)),
    "mixup": lambda series: augmentation.mixup(series, np.eye(5, dtype=np.float32), draw, 0.4, np.full(6, 3.0))[0],
}


@pytest.mark.parametrize("name", CHANGES)
def test_padding_stays_padding_and_the_input_is_left_alone(series, name):
    before = series.copy()
    changed = CHANGES[name](series)
    np.testing.assert_array_equal(series, before)
    assert changed.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(changed), np.isnan(series))
    assert not np.array_equal(changed, series, equal_nan=True)
    np.testing.assert_array_equal(CHANGES[name](series), changed)


def test_jitter_has_its_deviation():
    noise = augmentation.jitter(np.zeros((5, 500, 6), np.float32), draw, np.array([0, 1, 2, 3, 4, 5]))
    np.testing.assert_allclose(noise.std(axis=(0, 1)), [0, 1, 2, 3, 4, 5], rtol=0.05)
    assert abs(noise[:, :, 1].mean()) < 0.05


def test_scaling_leaves_the_mean_where_it_is():
    series = np.stack([np.full((4, 2), 3.0), np.full((4, 2), 5.0)]).astype(np.float32)
    scaled = augmentation.scaling(series, lambda stream: np.array([0.9, 0.9]), np.array([0.5, 0]), np.array([3.0, 3.0]))
    np.testing.assert_array_equal(scaled[0], 3)
    assert (np.abs(scaled[1, :, 0] - 5) > 0.1).all()
    np.testing.assert_array_equal(scaled[1, :, 1], 5)


def test_a_time_warp_keeps_ends_and_order():
    ramp = np.arange(50, dtype=np.float32)[None, :, None].repeat(5, axis=0)
    warped = augmentation.time_warp(ramp, draw, 0.5)
    np.testing.assert_allclose(warped[:, [0, -1], 0], [[0, 49]] * 5, atol=1e-3)
    assert (np.diff(warped[:, :, 0]) > 0).all()
    assert np.abs(warped - ramp).max() > 1


def test_masks_hide_no_more_than_their_share(series):
    fill = np.full(6, 99.0)
    hidden = (augmentation.time_masking(series, draw, 0.2, fill) == 99).all(axis=2).sum(axis=1)
    assert (hidden <= 0.4 * np.array(LENGTHS)).all()
    assert hidden.max() > 0
    masked = augmentation.feature_masking(series, draw, 0.34, fill) == 99
    bands = masked.any(axis=1).sum(axis=1)
    assert 0 < bands.max() <= 4
    for one, length in zip(masked, LENGTHS, strict=True):
        assert (one[:length].all(axis=0) == one.any(axis=0)).all()


def test_mixup_blends_labels_as_series(series):
    mixed, labels = augmentation.mixup(series, np.eye(5, dtype=np.float32), draw, 1.0, np.full(6, 3.0))
    weight = labels[0, 0]
    np.testing.assert_allclose(labels.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed[0, :25], weight * series[0, :25] + (1 - weight) * series[1, :25], rtol=1e-4)
    np.testing.assert_allclose(mixed[0, 25:], weight * series[0, 25:] + (1 - weight) * 3, rtol=1e-4)


def test_channels_that_mark_missing_values_get_no_noise(series):
    series[:, :, 4:] = np.where(np.isnan(series[:, :, 4:]), np.nan, 0)
    options = {"jitter_strength": 0.5, "scaling_strength": 0.5, "time_masking_share": 0.5}
    augment = augmentation.augmenter(mean=np.zeros(6), deviation=np.ones(6), measured=4, **options)
    changed, _ = augment(series, None, draw)
    assert set(np.unique(changed[:, :, 4:][~np.isnan(changed[:, :, 4:])])) == {0.0, 1.0}


def test_nothing_asked_for_changes_nothing(series):
    labels = np.eye(5, dtype=np.float32)
    same, same_labels = augmentation.augmenter(mean=np.zeros(6), deviation=np.ones(6))(series, labels, draw)
    assert same is series
    assert same_labels is labels


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"jitter_strength": -1}, "jitter must be 0"),
        ({"mixup_alpha": float("nan")}, "mixup must be 0"),
        ({"time_masking_share": 1.5}, "time_masking must be from 0"),
        ({"feature_masking_share": -0.5}, "feature_masking must be from 0"),
    ],
)
def test_numbers_out_of_range_are_refused(options, said):
    with pytest.raises(UserError, match=said):
        augmentation.augmenter(mean=np.zeros(1), deviation=np.ones(1), **options)
