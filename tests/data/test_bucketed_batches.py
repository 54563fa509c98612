"""Batches of like lengths, of texts and of series: pure functions of seed, epoch and example, with few lengths and little padding."""

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import batches, bucketed_batches
from hornbook.data.texts import tokenizing
from hornbook.data.texts.tokens import encode

CLASSES = 3


def dataset(count=200, seed=0):
    generator = np.random.default_rng(seed)
    texts = [" ".join(f"w{number}" for number in generator.integers(0, 50, generator.integers(1, 40))) for _ in range(count)]
    return data.texts.from_texts(texts, (np.arange(count) % CLASSES).tolist(), validation_fraction=0)


@pytest.fixture(scope="module")
def tokens():
    examples = dataset().train
    return encode(examples, tokenizing.fit(examples.texts(), max_length=30))


def read(feed, count):
    """The first batches of a feed, as arrays."""
    feed = iter(feed) if keras.backend.backend() == "tensorflow" else (feed[k] for k in range(len(feed)))
    return [tuple(np.asarray(array) for array in batch) for batch, _ in zip(feed, range(count), strict=False)]


def training(part, **options):
    return data.training_batches(part, **{"batch_size": 16, "num_classes": CLASSES, "epochs": 3, "seed": 5, **options})


def padded(tokens, positions):
    return tokens.padded(positions, int(tokens.padded_lengths[-1]))


def test_an_epoch_has_every_text_at_most_once_and_leaves_out_others_each_time(tokens):
    left_out = []
    for epoch in range(3):
        order = bucketed_batches.epoch_order(tokens, 16, 12, 0, epoch)
        assert order.shape == (12, 16)
        assert len(np.unique(order)) == order.size
        left_out.append(tuple(np.setdiff1d(np.arange(200), order)))
    assert len(set(left_out)) == 3


def test_batches_are_of_like_lengths_and_their_order_is_not_by_length(tokens):
    order = bucketed_batches.epoch_order(tokens, 16, 12, 0, 0)
    spread = np.ptp(tokens.lengths[order], axis=1)
    assert spread.mean() < 5
    means = tokens.lengths[order].mean(axis=1)
    assert abs(np.corrcoef(means, np.arange(12))[0, 1]) < 0.8
    made = read(training(tokens, epochs=1), 12)
    assert sum(np.count_nonzero(ids) for ids, _ in made) / sum(ids.size for ids, _ in made) > 0.75


def test_a_resumed_feed_of_texts_goes_on_as_the_whole_one(tokens):
    whole, resumed = read(training(tokens), 36), read(training(tokens, first_epoch=2), 12)
    assert data.steps_per_epoch(tokens, 16) == 12
    assert len(whole) == 36
    for first, second in zip(whole[24:], resumed, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert whole[0][0].dtype == np.int32
    assert len({batch[0].shape[1] for batch in whole}) <= 5


def test_labels_go_with_their_texts_and_weights_with_labels(tokens):
    weights = {0: 1.0, 1: 2.0, 2: 4.0}
    feed = training(tokens, epochs=1, class_weights=weights)
    known = {tuple(row[row != 0]): label for row, label in zip(padded(tokens, np.arange(200)), tokens.labels, strict=True)}
    for ids, labels, weight in read(feed, 12):
        for row, label, own in zip(ids, labels, weight, strict=True):
            assert label.argmax() == known[tuple(row[row != 0])]
            assert own == weights[label.argmax()]


def test_evaluation_has_every_text_once_and_predictions_are_in_their_order(tokens):
    feed = data.evaluation_batches(tokens, batch_size=64, num_classes=CLASSES)
    assert sum(len(labels) for _, labels in read(feed, 9)) == 200
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, keras.ops.sum(keras.ops.cast(inputs, "float32"), axis=1, keepdims=True))
    outputs = data.predictions(model, tokens, batch_size=64)
    np.testing.assert_array_equal(batches.predictions_of_some(model, tokens, batch_size=64), outputs)
    np.testing.assert_array_equal(outputs[:, 0], padded(tokens, np.arange(200)).sum(axis=1))


def test_fewer_texts_than_a_batch_are_one_batch():
    examples = dataset(7).train
    few = encode(examples, tokenizing.fit(examples.texts()))
    feed = training(few, batch_size=64, epochs=2)
    assert [len(batch[0]) for batch in read(feed, 9)] == [7, 7]
    with pytest.raises(UserError, match="batch_size must be at least 1"):
        data.evaluation_batches(few, batch_size=0, num_classes=CLASSES)


@pytest.fixture(scope="module")
def unequal():
    generator = np.random.default_rng(0)
    lengths = generator.integers(3, 200, 203)
    series = [np.full((length, 2), k, np.float32) for k, length in enumerate(lengths)]
    return data.series.from_arrays(series, np.arange(203) % 3, validation_fraction=0).train


def test_every_epoch_has_nearly_all_series_once_in_another_order(unequal):
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


def test_a_resumed_training_on_series_gets_the_same_batches(unequal):
    whole, resumed = read(training(unequal), 36), read(training(unequal, first_epoch=2), 12)
    for expected, made in zip(whole[24:], resumed, strict=True):
        np.testing.assert_array_equal(expected[0], made[0])
        np.testing.assert_array_equal(expected[1], made[1])


def test_lengths_are_few_and_padding_is_little(unequal):
    made = read(training(unequal), 36)
    assert len({inputs.shape[1] for inputs, _ in made}) <= len(unequal.padded_lengths) <= 8
    padding = sum(np.isnan(inputs[:, :, 0]).sum() for inputs, _ in made) / sum(inputs[:, :, 0].size for inputs, _ in made)
    assert padding < 0.2  # Without buckets about a half.
    order = [inputs.shape[1] for inputs, _ in made[:12]]
    assert order != sorted(order)


def test_a_model_of_fixed_length_is_given_that(unequal):
    made = read(training(unequal, length=210), 2)
    assert {inputs.shape[1] for inputs, _ in made} == {210}


def test_evaluation_has_every_series_once_from_the_shortest_to_the_longest(unequal):
    made = read(data.evaluation_batches(unequal, batch_size=50, num_classes=3), 10)
    numbers = [int(series[0, 0]) for inputs, _ in made for series in inputs]
    assert numbers == unequal.indices[bucketed_batches.by_length(unequal)].tolist()
    assert sorted(numbers) == unequal.indices.tolist()
    assert [len(inputs) for inputs, _ in made] == [50, 50, 50, 50, 3]


def test_weights_and_numbers(unequal):
    (inputs, labels, weights), *_ = read(training(unequal, class_weights={0: 1.0, 1: 2.0, 2: 3.0}), 1)
    np.testing.assert_array_equal(weights, 1 + labels.argmax(axis=1))
    adding = data.series.load("adding", numbers=True, length=10, examples=40).train
    ((inputs, targets),) = read(data.training_batches(adding, batch_size=16, num_classes=None, epochs=1), 1)
    np.testing.assert_allclose(targets[:, 0], (inputs[:, :, 0] * inputs[:, :, 1]).sum(axis=1), rtol=1e-6)


def test_augmentation_does_not_depend_on_the_batch(unequal):
    mean, variance = unequal.moments()
    augment = data.series.augmenter(mean=mean, deviation=variance**0.5, jitter_strength=0.1, time_warp_strength=0.2)
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
    assert data.steps_per_epoch(small, 16) == 1
    ((inputs, _),) = read(training(small, epochs=1), 2)
    assert len(inputs) == 5
    with pytest.raises(UserError, match="batch_size must be at least 1"):
        training(small, batch_size=0)
