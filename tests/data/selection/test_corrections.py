"""Labels that somebody has corrected, read from a file."""

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data.dataset import Examples
from hornbook.data.selection import corrections

CLASSES = ("cat", "dog", "owl")


@pytest.fixture
def parts():
    inputs = np.zeros((4, 2))
    files = np.array([f"photos/{name}.jpg" for name in "abcd"], object)
    train = Examples(inputs, np.array([0, 1, 2, 0]), np.arange(4), "train", files)
    test = Examples(inputs[:2], np.array([1, 1]), np.arange(2), "test", np.array(["other/e.jpg", "other/f.jpg"], object))
    return {"train": train, "test": test}


def applied(parts, tmp_path, text):
    (tmp_path / "labels.csv").write_text(text)
    return corrections.applied(parts, CLASSES, str(tmp_path / "labels.csv"), "photos")


def test_corrected_labels_are_those_of_the_file(parts, tmp_path):
    found, notes = applied(parts, tmp_path, "source,index,label,correct_label\ntrain,0,cat,dog\ntrain,1,dog,\ntest,1,dog,owl\n")
    assert found["train"].labels.tolist() == [1, 1, 2, 0]
    assert found["test"].labels.tolist() == [1, 2]
    assert parts["train"].labels.tolist() == [0, 1, 2, 0]  # The source's own stay.
    assert "changes the labels of 2 examples" in notes[0]


def test_examples_are_known_by_their_files(parts, tmp_path):
    found, _ = applied(parts, tmp_path, "file,correct_label\nc.jpg,cat\nother/e.jpg,owl\n")
    assert found["train"].labels.tolist() == [0, 1, 0, 0]
    assert found["test"].labels.tolist() == [2, 1]


def test_without_a_file_nothing_is_changed(parts):
    assert corrections.applied(parts, CLASSES, None, "photos") == (parts, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("index,label\n0,cat\n", "has the columns index, label; accepted is a column `correct_label`"),
        ("source,index,correct_label\ntrain,9,dog\n", "line 2: photos has no example 9"),
        ("source,index,correct_label\ntrain,0,bat\n", "line 2: there is no class 'bat'; accepted are cat, dog"),
        ("source,index,label,correct_label\ntrain,0,dog,cat\n", "line 2: 0 has the label 'cat' now, and 'dog' in the file"),
        ("source,index,correct_label\ntrain,0,dog\ntrain,0,owl\n", "line 3: 0 is dog in another line, and owl here"),
        ("index,correct_label\n0,dog\n", "there is no column `source`; accepted are train, test"),
        ("source,index,correct_label\ntrain,0\n", "line 2 has 2 fields, the first line 3"),
    ],
)
def test_a_file_of_other_data_is_refused(parts, tmp_path, text, message):
    with pytest.raises(UserError, match=message):
        applied(parts, tmp_path, text)


def test_what_is_no_class_cannot_be_corrected(parts, tmp_path):
    numbers = Examples(np.zeros((2, 1)), np.array([[0.5], [1.5]]), np.arange(2), "all")
    with pytest.raises(UserError, match="is for one class an example"):
        applied({"train": numbers}, tmp_path, "index,correct_label\n0,1\n")
