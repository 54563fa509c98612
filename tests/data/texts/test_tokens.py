"""Token ids of texts: encoded, cut, counted, kept in memory or in a file; and what they say about the texts."""

import numpy as np
import pytest

from hornbook import data
from hornbook.data import scratch
from hornbook.data.texts import tokenizing, tokens


def dataset(count=200, seed=0):
    generator = np.random.default_rng(seed)
    texts = [" ".join(f"w{number}" for number in generator.integers(0, 50, generator.integers(1, 40))) for _ in range(count)]
    return data.texts.from_texts(texts, (np.arange(count) % 3).tolist(), validation_fraction=0)


@pytest.fixture(scope="module")
def encoded():
    examples = dataset().train
    return tokens.encode(examples, tokenizing.fit(examples.texts(), max_length=30))


def test_what_is_encoded_is_cut_and_counted():
    examples = data.texts.from_texts(["a b c d e f", "a b", "z z a a"], [0, 1, 2], validation_fraction=0).train
    tokenizer = tokenizing.fit(["a b c d e f a b"], max_length=4)
    encoded = tokens.encode(examples, tokenizer)
    assert encoded.lengths.tolist() == [4, 2, 4]
    expected = {"texts": 3, "tokens": 12, "cut": 1, "longest": 6, "median_length": 4, "long_length": 4, "unknown": 2 / 12}
    assert encoded.statistics == pytest.approx(expected)
    assert encoded.padded(np.array([2, 0]), 8).tolist() == [[1, 1, 2, 2, 0, 0, 0, 0], [2, 3, 4, 5, 0, 0, 0, 0]]


def test_ids_in_a_file_are_those_in_memory(encoded, tmp_path, monkeypatch):
    monkeypatch.setattr(tokens, "_IN_MEMORY", 100)
    monkeypatch.setattr("hornbook.data.texts.dataset._AT_A_TIME", 32)
    examples = dataset().train
    tokenizer = tokenizing.fit(examples.texts(), max_length=30)
    stored = tokens.encode(examples, tokenizer, tmp_path)
    assert isinstance(stored._ids, scratch.ScratchFile)
    assert list(tmp_path.iterdir()) == []  # Without a name, it goes with the process, however that ends.
    positions = np.array([7, 199, 0, 3])
    np.testing.assert_array_equal(stored.padded(positions, 32), encoded.padded(positions, 32))
    assert stored.statistics == encoded.statistics


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
    assert tokens.findings({"train": usual, "test": usual}, tokenizer) == []
    ((problem, told, advice),) = tokens.findings({"train": usual, "test": {**usual, **statistics}}, tokenizer)
    assert words in f"{told} Try {advice}"
    assert problem in ("texts-cut", "unknown-tokens", "repeated-texts")
    assert "cut at 5: 1 of 100 train" in tokens.in_words(tokenizer, {"train": usual})


def test_batches_are_padded_to_few_lengths(encoded):
    assert set(encoded.padded_lengths.tolist()) == {tokenizing.padded_length(length) for length in encoded.lengths}
    assert (np.diff(encoded.padded_lengths) > 0).all()
    assert encoded.padded_lengths[-1] >= encoded.lengths.max()
    assert encoded.keys.tolist() == encoded.indices.tolist()
