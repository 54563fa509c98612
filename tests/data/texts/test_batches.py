import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import batches, scratch
from hornbook.data.texts import batches as text_batches
from hornbook.data.texts import tokenizing
from hornbook.data.texts import tokens as text_tokens

CLASSES = 3


def dataset(count=200, seed=0):
    generator = np.random.default_rng(seed)
    texts = [" ".join(f"w{number}" for number in generator.integers(0, 50, generator.integers(1, 40))) for _ in range(count)]
    return data.texts.from_texts(texts, (np.arange(count) % CLASSES).tolist(), validation_fraction=0)


@pytest.fixture(scope="module")
def tokens():
    examples = dataset().train
    return text_tokens.encode(examples, tokenizing.fit(examples.texts(), max_length=30))


def fed(feed, count):
    return [tuple(np.asarray(array) for array in batch) for batch, _ in zip(feed, range(count), strict=False)]


def test_what_is_encoded_is_cut_and_counted():
    examples = data.texts.from_texts(["a b c d e f", "a b", "z z a a"], [0, 1, 2], validation_fraction=0).train
    tokenizer = tokenizing.fit(["a b c d e f a b"], max_length=4)
    encoded = text_tokens.encode(examples, tokenizer)
    assert encoded.lengths.tolist() == [4, 2, 4]
    expected = {"texts": 3, "tokens": 12, "cut": 1, "longest": 6, "median_length": 4, "long_length": 4, "unknown": 2 / 12}
    assert encoded.statistics == pytest.approx(expected)
    assert encoded.padded(np.array([2, 0])).tolist() == [[1, 1, 2, 2, 0, 0, 0, 0], [2, 3, 4, 5, 0, 0, 0, 0]]


def test_ids_in_a_file_are_those_in_memory(tokens, tmp_path, monkeypatch):
    monkeypatch.setattr(text_tokens, "_IN_MEMORY", 100)
    monkeypatch.setattr(text_data, "_AT_A_TIME", 32)
    examples = dataset().train
    tokenizer = tokenizing.fit(examples.texts(), max_length=30)
    stored = text_tokens.encode(examples, tokenizer, tmp_path)
    assert isinstance(stored._ids, scratch.ScratchFile)
    assert list(tmp_path.iterdir()) == []  # Without a name, it goes with the process, however that ends.
    positions = np.array([7, 199, 0, 3])
    np.testing.assert_array_equal(stored.padded(positions), tokens.padded(positions))
    assert stored.statistics == tokens.statistics


def test_an_epoch_has_every_example_at_most_once_and_leaves_out_others_each_time(tokens):
    left_out = []
    for epoch in range(3):
        order = text_batches.epoch_order(tokens.lengths, 16, 12, 0, epoch)
        assert order.shape == (12, 16)
        assert len(np.unique(order)) == order.size
        left_out.append(tuple(np.setdiff1d(np.arange(200), order)))
    assert len(set(left_out)) == 3


def test_batches_are_of_like_lengths_and_their_order_is_not_by_length(tokens):
    order = text_batches.epoch_order(tokens.lengths, 16, 12, 0, 0)
    spread = np.ptp(tokens.lengths[order], axis=1)
    assert spread.mean() < 5
    means = tokens.lengths[order].mean(axis=1)
    assert abs(np.corrcoef(means, np.arange(12))[0, 1]) < 0.8
    share = sum(int((tokens.padded(batch) != 0).sum()) for batch in order) / sum(tokens.padded(batch).size for batch in order)
    assert share > 0.75


def test_a_resumed_feed_goes_on_as_the_whole_one(tokens):
    options = {"batch_size": 16, "num_classes": CLASSES, "epochs": 3, "seed": 5}
    whole = fed(text_batches.training_batches(tokens, **options), 36)
    resumed = fed(text_batches.training_batches(tokens, **options, first_epoch=2), 12)
    assert batches.steps_per_epoch(tokens, 16) == 12
    assert len(whole) == 36
    for first, second in zip(whole[24:], resumed, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
    assert whole[0][0].dtype == np.int32
    assert len({batch[0].shape[1] for batch in whole}) <= 5


def test_labels_go_with_their_texts_and_weights_with_labels(tokens):
    weights = np.array([1.0, 2.0, 4.0], np.float32)
    feed = text_batches.training_batches(tokens, batch_size=16, num_classes=CLASSES, epochs=1, class_weights=weights)
    known = {tuple(row[row != 0]): label for row, label in zip(tokens.padded(np.arange(200)), tokens.labels, strict=True)}
    for ids, labels, weight in fed(feed, 12):
        for row, label, own in zip(ids, labels, weight, strict=True):
            assert label.argmax() == known[tuple(row[row != 0])]
            assert own == weights[label.argmax()]


def test_evaluation_has_every_example_once_and_logits_are_in_their_order(tokens):
    import keras

    feed = text_batches.evaluation_batches(tokens, batch_size=64, num_classes=CLASSES)
    assert sum(len(labels) for _, labels in fed(feed, 9)) == 200
    inputs = keras.Input((None,), dtype="int32")
    model = keras.Model(inputs, keras.ops.sum(keras.ops.cast(inputs, "float32"), axis=1, keepdims=True))
    outputs = text_batches.logits(model, tokens, batch_size=64)
    np.testing.assert_array_equal(outputs[:, 0], tokens.padded(np.arange(200)).sum(axis=1))


def test_less_than_a_batch_is_one_batch(tokens):
    examples = dataset(7).train
    few = text_tokens.encode(examples, tokenizing.fit(examples.texts()))
    feed = text_batches.training_batches(few, batch_size=64, num_classes=CLASSES, epochs=2)
    assert [len(batch[0]) for batch in fed(feed, 9)] == [7, 7]
    with pytest.raises(UserError, match="batch_size must be at least 1"):
        text_batches.evaluation_batches(few, batch_size=0, num_classes=CLASSES)


@pytest.mark.parametrize(
    ("statistics", "words"),
    [
        ({"cut": 11}, "11 of 100 test texts were cut at 5 tokens; the longest has 9. Try a larger --max-length"),
        ({"unknown": 0.2}, "20.0% of the test tokens are unknown. Try --tokenizer bpe"),
        ({"repeated": 3}, "3 of 100 test texts stand in training too"),
    ],
)
def test_findings(statistics, words):
    tokenizer = tokenizing.fit(["a b"], max_length=5)
    usual = {"texts": 100, "tokens": 500, "unknown": 0.01, "cut": 1, "longest": 9, "median_length": 4, "long_length": 5, "repeated": 0}
    assert text_tokens.findings({"train": usual, "test": usual}, tokenizer) == []
    (found,) = text_tokens.findings({"train": usual, "test": {**usual, **statistics}}, tokenizer)
    assert words in found
    assert "cut at 5: 1 of 100 train" in text_tokens.in_words(tokenizer, {"train": usual})
