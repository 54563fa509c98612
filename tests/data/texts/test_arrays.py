"""Lists of texts from Python."""

import numpy as np
import pytest

from hornbook import UserError, data

TEXTS = [f"film number {k}, {('fine', 'dull')[k % 2]} they say" for k in range(40)]


def test_lists_from_python():
    texts, labels = TEXTS, ["good", "bad"] * 20
    dataset = data.texts.from_texts(texts, labels, texts[:4], labels[:4], validation_fraction=0.2)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 32, "validation": 8, "test": 4}
    assert dataset.class_names == ("bad", "good")
    assert dataset.name == data.texts.from_texts(np.array(texts), np.array(labels), texts[:4], labels[:4]).name
    assert dataset.name != data.texts.from_texts(texts, labels).name
    numbered = data.texts.from_texts(texts, [0, 1] * 20, class_names=("no", "yes"))
    assert numbered.class_names == ("no", "yes")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((["a", " "], [0, 1]), "train text 1 must be a string with a word in it, got ' '"),
        ((["a", 3], [0, 1]), "train text 1 must be a string"),
        ((["a"], [0, 1]), "equally many"),
        (([], []), "at least one"),
        ((["a", "b"], [0, 1], ["c"], [2]), "test label 0 is 2; accepted are 0, 1"),
        ((["a", "b"], ["x", "y"], ["c"], ["z"]), "test label 0 is 'z'; accepted are x, y"),
    ],
)
def test_lists_that_are_wrong(given, message):
    with pytest.raises(UserError, match=message):
        data.texts.from_texts(*given, validation_fraction=0)


def test_classes_are_those_of_training_or_those_that_are_named():
    dataset = data.texts.from_texts(TEXTS, ["10", "9"] * 20, validation_fraction=0)
    assert dataset.class_names == ("9", "10")
    assert dataset.train.labels.tolist() == [1, 0] * 20
    assert list(dataset.train.texts()) == TEXTS
    assert dataset.notes == ()


def test_a_class_without_examples_is_noted():
    dataset = data.texts.from_texts(TEXTS, ["a", "b"] * 20, TEXTS[:3], ["a", "b", "a"], class_names=("a", "b", "c"))
    assert dataset.notes == (
        "the class c has no example in the training part: the network cannot learn it",
        "the class c has no example in the validation part: its recall cannot be known",
        "the class c has no example in the test part: its recall cannot be known",
    )
