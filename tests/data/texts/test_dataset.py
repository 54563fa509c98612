"""Texts of any source: names, parts, texts that occur twice."""

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.texts.dataset import blocks


def test_columns_are_for_tables(refusal, folder_of_texts):
    assert "--label-column is for csv:PATH and tfds:NAME" in refusal(f"folder:{folder_of_texts}", label_column="label")
    assert "--dataset must be docstrings, csv:PATH, folder:PATH or tfds:NAME, got 'docstring'; did you mean 'docstrings'?" in refusal(
        "docstring"
    )


def test_texts_that_stand_in_training_too_are_counted():
    dataset = data.texts.from_texts(["One  text", "two", "three"], [0, 1, 0], ["one text", "four", "TWO"], [0, 1, 1], validation_fraction=0)
    assert dataset.repeated("test") == {"repeated": 2}


@pytest.fixture
def films():
    texts = [f"film number {k}" for k in range(12)]
    return data.texts.from_texts(
        texts, [0, 1, 2] * 4, texts[:4], [0, 1, 0, 1], class_names=("bad", "fair", "good"), validation_fraction=0.25
    )


def test_a_class_without_test_texts_is_noted(films):
    assert films.notes == ("the class good has no example in the test part: its recall cannot be known",)


def test_a_part_of_a_part(films):
    some = films.train.subset(np.array([4, 0]))
    assert list(some.texts()) == list(films.train.texts(np.array([4, 0])))
    assert some.labels.tolist() == films.train.labels[[4, 0]].tolist()
    assert some.indices.tolist() == films.train.indices[[4, 0]].tolist()
    assert some.source == films.train.source == "train"


def test_what_a_report_and_a_run_say_of_texts(films):
    assert films.in_words("test", 2) == "film number 2"
    assert films.summary.endswith(": 9 train, 3 validation, 4 test, 3 classes")
    assert films.about()["class_names"] == ("bad", "fair", "good")
    with pytest.raises(UserError, match="has no extra part; it has train, validation, test"):
        films.part("extra")


def test_texts_come_a_block_at_a_time():
    assert [len(block) for block in blocks(iter("abcdefg"), 3)] == [3, 3, 1]
    assert list(blocks([], 3)) == []
