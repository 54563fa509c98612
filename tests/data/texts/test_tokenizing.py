import json

import numpy as np
import pytest
import tokenizers

from hornbook import UserError
from hornbook.data.texts import tokenizing

TEXTS = ["The cat sat.", "the dog sat down", "Don't move, 12.5 cats!", "naïve café"] * 3


def one(tokenizer, text):
    return next(tokenizer.encode([text])).tolist()


def pieces(tokenizer, text):
    return [tokenizer.fast.id_to_token(token) for token in one(tokenizer, text)]


def test_words_numbers_and_signs_are_tokens():
    tokenizer = tokenizing.fit(TEXTS)
    assert pieces(tokenizer, "Don't move, 12.5 cats!") == ["don't", "move", ",", "12", ".", "5", "cats", "!"]
    assert tokenizer.decode(one(tokenizer, "THE dog")) == "the dog"
    assert pieces(tokenizer, "cat zebra") == ["cat", tokenizing.SPECIAL[tokenizing.UNKNOWN]]


def test_scripts_without_blanks_are_cut_into_characters():
    tokenizer = tokenizing.fit(["日本語 ok mp3", "สวัสดี"])
    assert pieces(tokenizer, "日本ok mp3") == ["日", "本", "ok", "mp3"]


def test_an_accent_is_one_letter_however_it_is_composed():
    tokenizer = tokenizing.fit(TEXTS)
    assert one(tokenizer, "cafe\u0301") == one(tokenizer, "caf\u00e9") != [tokenizing.UNKNOWN]


def test_capitals_count_where_that_is_asked():
    tokenizer = tokenizing.fit(TEXTS, lowercase=False)
    assert one(tokenizer, "The") != one(tokenizer, "the")
    assert tokenizing.UNKNOWN in one(tokenizer, "THE")


@pytest.mark.parametrize("kind", tokenizing.NAMES)
def test_every_kind_numbers_from_two_and_saves(kind, tmp_path):
    tokenizer = tokenizing.fit(iter(TEXTS), kind, vocabulary_size=300, max_length=7)
    ids = [one(tokenizer, text) for text in (*TEXTS, "entirely neuer Text ☃")]
    assert all(tokenizing.PADDING not in row and max(row) < tokenizer.vocabulary_size for row in ids)
    assert (tokenizing.UNKNOWN in ids[-1]) == (kind in ("word", "character"))
    tokenizer.save(tmp_path / "tokenizer.json")
    again = tokenizing.load(tmp_path / "tokenizer.json")
    assert [one(again, text) for text in (*TEXTS, "entirely neuer Text ☃")] == ids
    assert (again.max_length, again.vocabulary_size) == (7, tokenizer.vocabulary_size)
    # The library alone gives the same, cut and padded.
    plain = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode_batch(["cat", TEXTS[2]])
    assert plain[1].ids == one(tokenizer, TEXTS[2])[:7]
    assert plain[0].ids == (one(tokenizer, "cat") + [0] * 7)[:7]


@pytest.mark.parametrize("kind", tokenizing.NAMES)
def test_the_same_texts_give_the_same_vocabulary(kind):
    texts = [" ".join(f"w{(7 * k + j) % 50}" for j in range(5)) for k in range(3000)]
    first, second = (tokenizing.fit(iter(texts), kind, vocabulary_size=300).fast.to_str() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("kind", tokenizing.NAMES)
def test_no_text_can_spell_the_special_tokens(kind):
    spelt = " ".join(tokenizing.SPECIAL)
    tokenizer = tokenizing.fit([spelt] * 5, kind, vocabulary_size=400)
    assert tokenizing.PADDING not in one(tokenizer, spelt)
    assert tokenizing.UNKNOWN not in one(tokenizer, spelt)
    assert json.loads(tokenizer.fast.to_str())["added_tokens"] == []


def test_bytes_and_pieces_give_the_text_back():
    for kind in ("byte", "bpe"):
        tokenizer = tokenizing.fit(TEXTS, kind, vocabulary_size=300, lowercase=False)
        assert tokenizer.decode(one(tokenizer, "Ünïcode ☃ here")) == "Ünïcode ☃ here"


def test_runs_of_tokens_that_occur_twice_have_ids_behind_the_others(tmp_path):
    texts = ["not good", "not good at all", "good at it", "good"]
    plain = tokenizing.fit(texts)
    tokenizer = tokenizing.with_ngrams(plain, texts, 3)
    words = {word: one(plain, word)[0] for word in ("not", "good", "at", "all")}
    pairs = [(words["not"], words["good"]), (words["good"], words["at"])]
    first = plain.vocabulary_size
    assert tokenizer.ngrams == {pair: first + place for place, pair in enumerate(sorted(pairs))}
    assert tokenizer.vocabulary_size == first + 2
    ids = [*one(plain, "NOT good at all"), *(tokenizer.ngrams[pair] for pair in pairs)]
    assert one(tokenizer, "NOT good at all") == ids
    assert one(tokenizer, "good") == one(plain, "good")
    assert tokenizer.decode(ids) == "not good at all"
    assert len(tokenizing.with_ngrams(plain, texts, 2, most=1).ngrams) == 1
    tokenizer.save(tmp_path / "tokenizer.json")
    assert one(tokenizing.load(tmp_path / "tokenizer.json"), "NOT good at all") == ids


def test_runs_met_once_are_forgotten_where_there_are_too_many(monkeypatch):
    monkeypatch.setattr(tokenizing, "_NGRAMS_COUNTED", 3)
    texts = ["a b", "a b", "c d e f g"]
    assert len(tokenizing.with_ngrams(tokenizing.fit(texts), texts, 2).ngrams) == 1


def test_threes_stand_behind_pairs():
    texts = ["a b c", "a b c"]
    tokenizer = tokenizing.with_ngrams(tokenizing.fit(texts), texts, 3)
    assert [len(ngram) for ngram in tokenizer.ngrams] == [2, 3, 2]
    ids = one(tokenizer, "a b c")
    assert [len(next(ngram for ngram, number in tokenizer.ngrams.items() if number == token)) for token in ids[3:]] == [2, 2, 3]


def test_size_and_count_bound_the_vocabulary():
    texts = ["common common common rare middle middle"]
    assert tokenizing.fit(texts, minimum_count=2).vocabulary_size == 4
    assert pieces(tokenizing.fit(texts, vocabulary_size=3), "common middle") == ["common", tokenizing.SPECIAL[1]]


def test_a_text_without_a_token_is_one_unknown_token():
    assert one(tokenizing.fit(TEXTS), " \n ") == [tokenizing.UNKNOWN]


def test_a_batch_is_cut_and_padded():
    tokenizer = tokenizing.fit(TEXTS, max_length=3)
    batch = tokenizer.batch(["cat", "the dog sat down"])
    assert (batch.shape, batch.dtype) == ((2, 8), np.int32)
    assert batch[1].tolist() == [*one(tokenizer, "the dog sat"), 0, 0, 0, 0, 0]


def test_batches_have_two_lengths_an_octave():
    lengths = [tokenizing.padded_length(longest) for longest in range(1, 300)]
    assert sorted(set(lengths)) == [8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384]
    assert all(padded >= longest for longest, padded in enumerate(lengths, start=1))
    assert all(padded < 1.5 * longest for longest, padded in enumerate(lengths, start=1) if longest > 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "sentence"}, "tokenizer must be one of word, character, byte, bpe, got 'sentence'"),
        ({"vocabulary_size": 2}, "vocabulary_size must be at least 3 for word, got 2"),
        ({"kind": "bpe", "vocabulary_size": 100}, "vocabulary_size must be at least 258 for bpe"),
        ({"minimum_count": 0}, "minimum_count must be at least 1"),
        ({"max_length": 0}, "max_length must be at least 1"),
        ({"minimum_count": 99}, "no token occurs 99 times"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said(options, message):
    with pytest.raises(UserError, match=message):
        tokenizing.fit(TEXTS, **options)


def test_a_broken_file_is_said(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match="is not as Hornbook writes it"):
        tokenizing.load(tmp_path / "tokenizer.json")
