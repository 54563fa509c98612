"""Batches of like lengths: pure functions of seed, epoch and example, with few distinct lengths and little padding."""

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import batches
from hornbook.data.series import augmentation
from hornbook.data.series import batches as series_batches


@pytest.fixture(scope="module")
def unequal():
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, 200, 203)
    series = [np.full((length, 2), k, np.float32) for k, length in enumerate(lengths)]
    return data.series.from_arrays(series, np.arange(203) % 3, validation_fraction=0).train


def read(feed, count):
    feed = iter(feed) if keras.backend.backend() == "tensorflow" else (feed[k] for k in range(len(feed)))
    return [tuple(np.asarray(array) for array in batch) for batch, _ in zip(feed, range(count), strict=False)]


def training(part, **options):
    return series_batches.training_batches(part, **{"batch_size": 16, "num_classes": 3, "epochs": 3, "seed": 5, **options})


def test_every_epoch_has_nearly_all_examples_once_in_another_order(unequal):
    made = read(training(unequal), 36)
    epochs = [[int(series[0, 0]) for inputs, _ in made[k * 12 : k * 12 + 12] for series in inputs] for k in range(3)]
    for epoch in epochs:
        assert len(set(epoch)) == len(epoch) == 192
    assert epochs[0] != epochs[1]
    assert set(epochs[0]) != set(epochs[1])
    for inputs, labels in made:
        assert (labels.argmax(axis=1) == inputs[:, 0, 0].astype(int) % 3).all()
        for series, number in zip(inputs, inputs[:, 0, 0].astype(int), strict=True):
            length = len(unequal.series[list(unequal.indices).index(number)])
            assert (series[:length] == number).all()
            assert np.isnan(series[length:]).all()


def test_a_resumed_training_gets_the_same_batches(unequal):
    whole, resumed = read(training(unequal), 36), read(training(unequal, first_epoch=2), 12)
    for expected, made in zip(whole[24:], resumed, strict=True):
        np.testing.assert_array_equal(expected[0], made[0])
        np.testing.assert_array_equal(expected[1], made[1])


def test_lengths_are_few_and_padding_is_little(unequal):
    made = read(training(unequal), 36)
    assert len({inputs.shape[1] for inputs, _ in made}) <= series_batches.MOST_LENGTHS
    padding = sum(np.isnan(inputs[:, :, 0]).sum() for inputs, _ in made) / sum(inputs[:, :, 0].size for inputs, _ in made)
    assert padding < 0.2  # Without buckets about a half.
    order = [inputs.shape[1] for inputs, _ in made[:12]]
    assert order != sorted(order)


def test_a_model_of_fixed_length_is_given_that(unequal):
    made = read(training(unequal, length=210), 2)
    assert {inputs.shape[1] for inputs, _ in made} == {210}


def test_evaluation_is_in_order_and_of_all(unequal):
    made = read(series_batches.evaluation_batches(unequal, batch_size=50, num_classes=3), 10)
    assert [int(series[0, 0]) for inputs, _ in made for series in inputs] == unequal.indices.tolist()
    assert [len(inputs) for inputs, _ in made] == [50, 50, 50, 50, 3]


def test_weights_and_numbers(unequal):
    (inputs, labels, weights), *_ = read(training(unequal, class_weights=np.array([1, 2, 3], np.float32)), 1)
    np.testing.assert_array_equal(weights, 1 + labels.argmax(axis=1))
    adding = data.series.load("adding", numbers=True, length=10, examples=40).train
    ((inputs, targets),) = read(series_batches.training_batches(adding, batch_size=16, num_classes=None, epochs=1), 1)
    np.testing.assert_allclose(targets[:, 0], (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=1), rtol=1e-6)


def test_augmentation_does_not_depend_on_the_batch(unequal):
    mean, variance = unequal.moments()
    augment = augmentation.augmenter(mean=mean, deviation=variance**0.5, jitter_strength=0.1, time_warp_strength=0.2)
    found = {}
    for size in (16, 24):
        for inputs, _ in read(training(unequal, batch_size=size, augment=augment, epochs=1, length=200), 8):
            for series in inputs:
                found.setdefault((~np.isnan(series[:, 0])).sum(), {}).setdefault(round(float(np.nanmean(series))), []).append(series)
    pairs = [made for by_number in found.values() for made in by_number.values() if len(made) == 2]
    assert len(pairs) > 20
    assert sum(np.array_equal(*pair, equal_nan=True) for pair in pairs) > 0.9 * len(pairs)


def test_a_part_smaller_than_a_batch_is_one(unequal):
    small = unequal.subset(np.arange(5))
    assert batches.steps_per_epoch(small, 16) == 1
    ((inputs, _),) = read(training(small, epochs=1), 2)
    assert len(inputs) == 5
    with pytest.raises(UserError, match="batch_size must be at least 1"):
        training(small, batch_size=0)
