"""Texts: classes that words or pairs of words tell."""

import numpy as np
import pytest

from hornbook.evaluation.floors import tasks, texts
from hornbook.evaluation.floors.tasks import Task

GOOD, BAD = ["a good film", "good and fine"], ["a bad film", "dull and bad"]


@pytest.mark.parametrize("model", [texts.tfidf, texts.ratios])
def test_words_tell(model):
    found = model(Task("classification", 2), GOOD * 5 + BAD * 5, np.repeat([0, 1], 10), ["the film is good", "what a bad play", "unseen"])
    assert found[:2].argmax(axis=1).tolist() == [0, 1]
    assert found.shape == (3, 2)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("model", [texts.tfidf, texts.ratios])
def test_pairs_of_words_tell(model):
    inputs = ["not good but bad", "good but not bad"] * 10
    found = model(Task("classification", 2), inputs, np.array([0, 1] * 10), inputs[:2])
    assert found.argmax(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize("model", [texts.tfidf, texts.ratios])
def test_several_classes_of_which_one_is_absent_and_several_labels(model):
    inputs, labels = ["red wine", "blue sea", "green field"] * 6, np.array([0, 1, 3] * 6)
    found = model(Task("classification", 4), inputs, labels, ["red", "sea", "green"])
    assert found.argmax(axis=1).tolist() == [0, 1, 3]
    assert (found[:, 2] < -5).all()
    found = model(Task("multi-label", 2), inputs, np.stack([labels == 0, labels > 0], axis=1).astype(float), inputs[:2])
    assert (found > 0).tolist() == [[True, False], [False, True]]


def test_a_question_mark_is_a_word_of_its_own():
    found = texts.tfidf(Task("classification", 2), ["you come ?", "you come ."] * 10, np.array([0, 1] * 10), ["go?"])
    assert found.argmax() == 0


def test_a_word_counts_once_a_text():
    once = texts.ratios(Task("classification", 2), GOOD * 5 + BAD * 5, np.repeat([0, 1], 10), ["good"])
    often = texts.ratios(Task("classification", 2), GOOD * 5 + BAD * 5, np.repeat([0, 1], 10), ["good good good"])
    assert once.argmax() == often.argmax() == 0


def test_what_cannot_be_had():
    with pytest.raises(tasks.LeftOutError, match="one class alone"):
        texts.ratios(Task("classification", 2), GOOD, np.array([1, 1]), GOOD)
    with pytest.raises(tasks.LeftOutError, match="no text has a word"):
        texts.ratios(Task("classification", 2), ["..", "??"], np.array([0, 1]), GOOD)
