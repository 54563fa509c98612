"""Swaps of words: by hand on a few, and on a model that counts."""

import numpy as np

from hornbook.training.adversarial import words

# Ids: 0 padding, 1 unknown, 2 good, 3 fine, 4 bad, 5 poor, 6 a sign.
VECTORS = np.array([[0, 0], [0, 0], [1, 0.2], [1, 0.1], [-1, 0.2], [-1, 0.1], [1, 0]], float)
ALLOWED = np.array([False, False, True, True, True, True, False])
SCORES = np.array([0, 0, 2.0, -1.0, -2.0, -1.0, 0])


def answers(ids, places):
    """Misclassified is a text whose words add up to less than 0."""
    sums = SCORES[ids].sum(axis=1)
    return -sums, sums < 0


def test_the_nearest_are_words_by_cosine():
    found = words.nearest(VECTORS, ALLOWED, 2)
    assert found[2].tolist()[0] == 3
    assert found[4].tolist()[0] == 5
    assert (found[[0, 1, 6]] == -1).all()
    assert words.nearest(VECTORS, ALLOWED, 99).shape == (7, 3)


def test_the_words_that_matter_most_give_way_first_and_no_more_than_allowed():
    near = words.nearest(VECTORS, ALLOWED, 1)
    x = np.array([[3, 2, 2, 6, 0], [2, 2, 2, 2, 0]])
    once = words.swapped(answers, x, near, np.array([1, 1]))
    # Of the first text a "good" becomes "fine", which is not enough, nor is it of the second.
    assert (once != x).sum(axis=1).tolist() == [1, 1]
    assert once[0].tolist() in ([3, 3, 2, 6, 0], [3, 2, 3, 6, 0])
    twice = words.swapped(answers, x, near, np.array([2, 2]))
    assert twice[0].tolist() == [3, 3, 3, 6, 0]
    assert answers(twice, None)[1].tolist() == [True, False]


def test_what_is_misclassified_already_is_left_alone():
    near, x = words.nearest(VECTORS, ALLOWED, 1), np.array([[4, 4, 0], [6, 6, 0]])
    np.testing.assert_array_equal(words.swapped(answers, x, near, np.array([3, 3])), x)


def test_swaps_that_do_not_help_are_not_made():
    near = words.nearest(VECTORS, ALLOWED, 1)
    # "fine" and "good" are near each other: in place of the former the latter is no help to an attack.
    x = np.array([[3, 2, 0]])
    found = words.swapped(lambda ids, places: (answers(ids, places)[0], np.zeros(len(ids), bool)), x, near, np.array([5]))
    assert found.tolist() == [[3, 3, 0]]


def test_of_one_word_there_is_no_near_one():
    assert words.nearest(VECTORS, np.arange(7) == 2, 3).shape == (7, 0)
    x = np.array([[2, 2, 0]])
    np.testing.assert_array_equal(words.swapped(answers, x, np.full((7, 0), -1), np.array([2])), x)
