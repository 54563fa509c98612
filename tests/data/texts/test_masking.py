"""Which tokens are hidden, and what is shown in their places."""

import numpy as np

from hornbook import data
from hornbook.data import randomness
from hornbook.data.texts import tokenizing
from hornbook.data.texts.pretraining import masking
from hornbook.evaluation.floors import masked_tokens

SIZE = 50


def texts(count=400, longest=30, seed=0):
    generator = np.random.default_rng(seed)
    ids = generator.integers(1, SIZE, (count, longest)).astype(np.int32)
    ids[np.arange(longest) >= generator.integers(1, longest + 1, count)[:, None]] = 0
    return ids


def hidden(ids, share=0.15, most=5, epoch=0):
    packed, labels = masking.Masking(share, most, SIZE)(ids, None, randomness.Draw(0, epoch, np.arange(len(ids))))
    return packed[:, : ids.shape[1]], packed[:, ids.shape[1] :], labels


def test_a_share_of_the_known_tokens_is_asked_for_and_stands_where_it_is_said():
    ids = texts()
    shown, places, labels = hidden(ids)
    asked, known = labels >= 0, (ids > 1).sum(axis=1)
    assert (asked.sum(axis=1) == np.minimum(np.maximum(np.round(0.15 * known), 1), known)).all()
    rows = np.broadcast_to(np.arange(len(ids))[:, None], places.shape)
    np.testing.assert_array_equal(labels[asked], ids[rows[asked], places[asked]])
    assert labels[asked].min() > 1  # Neither padding nor unknown.
    changed = np.argwhere(shown != ids).tolist()
    assert {tuple(one) for one in changed} <= set(zip(rows[asked].tolist(), places[asked].tolist(), strict=True))
    assert all(len(set(own[there])) == there.sum() for own, there in zip(places, asked, strict=True))  # No place twice.
    at = shown[rows[asked], places[asked]]
    unknown, same = (at == 1).mean(), (at == labels[asked]).mean()
    assert abs(unknown - 0.8) < 0.04
    assert abs(same - 0.1) < 0.03
    assert at.max() < SIZE


def test_another_epoch_hides_others_and_padding_changes_nothing():
    ids = texts()
    first, again, other = hidden(ids), hidden(np.pad(ids, ((0, 0), (0, 7)))), hidden(ids, epoch=1)
    np.testing.assert_array_equal(first[0], again[0][:, : ids.shape[1]])
    for one, two in zip(first[1:], again[1:], strict=True):
        np.testing.assert_array_equal(one, two)
    assert not np.array_equal(first[1], other[1])


def test_texts_of_few_tokens_ask_for_fewer_than_there_are_places():
    ids = np.array([[1, 1, 0, 0], [1, 7, 0, 0]], np.int32)
    shown, places, labels = hidden(ids, most=6)
    assert (labels >= 0).sum(axis=1).tolist() == [0, 1]
    assert places.shape == labels.shape == (2, 6)
    np.testing.assert_array_equal(shown[0], ids[0])
    assert labels[1, 0] == 7


def tokens(*sentences):
    found = data.texts.from_texts(list(sentences), [0, 1] * (len(sentences) // 2), validation_fraction=0)
    tokenizer = tokenizing.fit(found.train.texts())
    return data.texts.encode(found.train, tokenizer), tokenizer


def test_what_is_scored_is_hidden_alike_whenever_it_is_read():
    part, tokenizer = tokens(*("a good film of its time", "a bad one") * 20)
    made = masking.masking(0.3, [part], tokenizer.vocabulary_size)
    assert made.most == 2
    masked = masking.MaskedTokens(part, made, seed=0)
    assert masked.labels.shape == (40, 2)
    packed, again = masked.padded(np.arange(40), 8), masked.padded(np.array([7, 3]), 16)
    np.testing.assert_array_equal(again[:, :8], packed[[7, 3], :8])
    np.testing.assert_array_equal(again[:, 16:], packed[[7, 3], 8:])
    # The training's epochs hide by the same function, of their own seed.
    np.testing.assert_array_equal(made(part.padded(np.arange(40), 8), None, randomness.Draw(0, 0, part.keys))[1], masked.labels)


def test_guesses_know_what_follows_what():
    part, tokenizer = tokens(*("one two three four", "one two three four") * 20)
    masked = masking.MaskedTokens(part, masking.masking(0.2, [part], tokenizer.vocabulary_size), seed=0)
    guessed = masked_tokens.guesses(part, masked, tokenizer.vocabulary_size)
    frequent = np.mean([tokenizer.decode([label]) == tokenizer.decode([2]) for label in masked.labels[:, 0]])
    first = np.mean([tokenizer.decode([label]) == "one" for label in masked.labels[:, 0]])
    assert guessed[masked_tokens.FREQUENT] == frequent
    # Of the first word of a text no neighbour tells.
    assert 1 - first <= guessed[masked_tokens.BEHIND] <= 1
    found = masked_tokens.scores(0.9, 0.3, 40)
    compared = masked_tokens.compared(found, guessed)
    assert compared["model"] == masked_tokens.BEHIND
    np.testing.assert_allclose(compared["difference"], 0.9 - guessed[masked_tokens.BEHIND])
