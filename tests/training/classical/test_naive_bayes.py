"""The linear model on log-count ratios follows its formula, and a mix is the weighted mean of the probabilities."""

import keras
import numpy as np
import pytest

from hornbook import data, models
from hornbook.data.texts import tokenizing
from hornbook.training.classical import mixing, naive_bayes

TEXTS = ["good film", "a good good day", "bad film", "a bad day", "so so", "so so film"] * 4
LABELS = [0, 0, 1, 1, 2, 2] * 4


@pytest.fixture(scope="module")
def parts():
    dataset = data.texts.from_texts(TEXTS, LABELS, validation_fraction=0)
    single = tokenizing.fit(dataset.train.texts())
    pairs = tokenizing.with_ngrams(single, dataset.train.texts(), 2)
    return single, pairs, data.texts.encode(dataset.train, pairs)


def test_texts_are_told_apart_by_their_words(parts):
    _, pairs, tokens = parts
    linear = naive_bayes.NaiveBayes(tokens, 3, pairs.vocabulary_size)
    logits = probabilities(linear, pairs.batch(["good", "bad", "so so"]))
    assert logits.argmax(axis=1).tolist() == [0, 1, 2]
    assert (linear.weights[:2] == 0).all()  # Padding and unknown.


def probabilities(linear, ids):
    """Of the linear model alone, in NumPy: each token of a text counts once."""
    scores = np.stack([linear.weights[np.unique(row)].sum(axis=0) for row in ids]) + linear.biases
    sigmoids = 1 / (1 + np.exp(-scores))
    return sigmoids / sigmoids.sum(axis=1, keepdims=True)


def test_a_mix_is_the_weighted_mean_of_the_probabilities(parts):
    single, pairs, tokens = parts
    linear = naive_bayes.NaiveBayes(tokens, 3, pairs.vocabulary_size)
    network = models.cnn1d((None,), 3, vocabulary_size=single.vocabulary_size, width=4, embedding_size=4)
    mix = mixing.mixed(network, linear, 0.3, seen=naive_bayes.known_only(single.vocabulary_size))
    texts = ["a good day", "so so so so film", "bad bad good"]
    of_network = keras.ops.convert_to_numpy(keras.ops.softmax(network(single.batch(texts))))
    expected = 0.7 * of_network + 0.3 * probabilities(linear, pairs.batch(texts))
    np.testing.assert_allclose(np.exp(keras.ops.convert_to_numpy(mix(pairs.batch(texts)))), expected, atol=1e-5)


def test_a_class_without_an_example_is_never_likely():
    dataset = data.texts.from_texts(TEXTS, LABELS, validation_fraction=0)
    tokenizer = tokenizing.fit(dataset.train.texts())
    linear = naive_bayes.NaiveBayes(data.texts.encode(dataset.train, tokenizer), 4, tokenizer.vocabulary_size)
    assert probabilities(linear, tokenizer.batch(["good film"]))[0, 3] < 1e-6


def test_of_many_texts_some_are_taken(parts, monkeypatch):
    _, pairs, tokens = parts
    monkeypatch.setattr(naive_bayes, "_MOST_TEXTS", 12)
    few, again, other = (naive_bayes.NaiveBayes(tokens, 3, pairs.vocabulary_size, seed=seed).weights for seed in (0, 0, 1))
    assert (few == again).all()
    assert (few != other).any()


def test_texts_count_as_much_as_their_weights(parts):
    _, pairs, tokens = parts
    weights = np.where(np.array(LABELS) == 2, 4.0, 0.01)
    plain, weighted = (naive_bayes.NaiveBayes(tokens, 3, pairs.vocabulary_size, weights=one) for one in (np.ones(len(LABELS)), weights))
    np.testing.assert_array_equal(plain.weights, naive_bayes.NaiveBayes(tokens, 3, pairs.vocabulary_size).weights)
    some = pairs.batch(["film", "day"])
    assert (probabilities(weighted, some)[:, 2] > probabilities(plain, some)[:, 2] + 0.2).all()
