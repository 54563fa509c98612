"""Tables from Python."""

import numpy as np
import pytest

from hornbook import UserError, data

CLASSES = np.arange(40) % 2


@pytest.fixture
def features():
    features = np.random.default_rng(0).normal(size=(40, 3))
    features[3, 1] = np.nan
    return features


def test_parts_classes_and_name(features):
    dataset = data.tables.from_arrays(features, CLASSES, features[:10], CLASSES[:10], class_names=("a", "b"), validation_fraction=0.2)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 32, "validation": 8, "test": 10}
    assert dataset.class_names == ("a", "b")
    assert dataset.name.startswith("arrays:")
    again = data.tables.from_arrays(features, CLASSES, features[:10], CLASSES[:10], class_names=("a", "b"), validation_fraction=0.2)
    assert again.name == dataset.name
    assert again.notes == ()


def test_mixed_columns_and_numbers_to_predict(features):
    mixed = np.array([[k, "red" if k % 2 else None, k % 3] for k in range(40)], object)
    dataset = data.tables.from_arrays(
        mixed, features[:, 0], task="regression", column_names=("k", "colour", "code"), categorical_columns=("code",)
    )
    assert dataset.encoding.categories == {"colour": ("missing", "red"), "code": ("0", "1", "2")}
    assert dataset.notes == ()


def test_several_labels(features):
    both = np.stack([CLASSES, 1 - CLASSES], axis=1)
    dataset = data.tables.from_arrays(features, both, features[1:20:2], both[1:20:2], class_names=("left", "right"))
    assert (dataset.task, dataset.class_names) == ("multi-label", ("left", "right"))
    assert dataset.notes == ("the label right has no example in the test part: its recall cannot be known",)


def test_a_class_without_test_rows_is_noted(features):
    dataset = data.tables.from_arrays(features, np.arange(40) % 4, features[:2], [0, 2], class_names=("a", "b", "c", "d"))
    assert dataset.notes == ("the classes b, d have no example in the test part: their recall cannot be known",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda features: (features[:, 0], CLASSES), "must be numbers or text of shape (rows, columns)"),
        (lambda features: (features, CLASSES[:7]), "needs labels of shape (40,)"),
        (lambda features: (np.where(np.arange(120).reshape(40, 3) == 7, np.inf, features), CLASSES), "row 2, column 'column2': inf"),
    ],
)
def test_arrays_that_do_not_fit(features, change, words):
    with pytest.raises(UserError) as raised:
        data.tables.from_arrays(*change(features))
    assert words in str(raised.value)
