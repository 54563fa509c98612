"""Log-count ratios follow the paper's formula, and which text has which token is looked up in the texts."""

import numpy as np
import pytest
from scipy import sparse

from hornbook import data
from hornbook.data.texts import tokenizing
from hornbook.data.texts.log_count_ratios import log_count_ratios, presence


@pytest.mark.parametrize("kind", [np.array, sparse.csr_array, sparse.csr_matrix])
def test_ratios_are_wang_and_manning_s_formula(kind):
    found = log_count_ratios(kind([[1, 0, 2], [0, 1, 1], [1, 1, 0]]), np.array([1, 0, 0]))
    p, q = np.array([1.0, 0, 2]) + 1, np.array([1.0, 2, 1]) + 1
    np.testing.assert_allclose(found, np.log((p / 6) / (q / 7)))


def test_presence_is_of_known_tokens_once_a_text():
    texts = data.texts.from_texts(["good good film", "bad film", "a bad day"], [0, 1, 1], validation_fraction=0).train
    tokenizer = tokenizing.fit(["good film", "bad film"])
    tokens, known = data.texts.encode(texts, tokenizer), list(texts.texts())
    positions = np.array([known.index("a bad day"), known.index("good good film")])
    found = presence(tokens, positions, tokenizer.vocabulary_size).toarray()
    expected = np.zeros_like(found)
    for row, words in enumerate((["bad"], ["good", "film"])):
        expected[row, tokenizer.batch(words)[:, 0]] = 1
    np.testing.assert_array_equal(found, expected)


def test_the_ratios_of_the_others_are_the_same_with_their_signs_turned():
    found = sparse.csr_array(np.random.default_rng(0).poisson(1, (20, 6)))
    members = np.arange(20) % 3 == 0
    np.testing.assert_allclose(log_count_ratios(found, ~members), -log_count_ratios(found, members))


def test_a_feature_that_stands_in_one_class_alone_has_a_finite_ratio():
    ratios = log_count_ratios(np.array([[5, 1], [0, 1]]), [1, 0])
    assert np.isfinite(ratios).all()
    assert ratios[0] > 0 > ratios[1]


def test_many_texts_are_read_in_blocks(monkeypatch):
    texts = data.texts.from_texts([f"word{number} film" for number in range(10)], [0, 1] * 5, validation_fraction=0).train
    tokenizer = tokenizing.fit([f"word{number} film" for number in range(10)] * 2)
    tokens = data.texts.encode(texts, tokenizer)
    whole = presence(tokens, np.arange(10), tokenizer.vocabulary_size).toarray()
    monkeypatch.setattr("hornbook.data.texts.log_count_ratios._AT_A_TIME", 3)
    np.testing.assert_array_equal(presence(tokens, np.arange(10), tokenizer.vocabulary_size).toarray(), whole)
    assert whole.sum() == 20
