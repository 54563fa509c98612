"""Images of any source: the built-in digits, what is kept in memory."""

import dataclasses

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.images import dataset as images


def test_digits_are_scikit_learn_s():
    from sklearn.datasets import load_digits

    digits = load_digits()
    dataset = data.images.load("digits")
    assert dataset.class_names == tuple("0123456789")
    assert (dataset.input_shape, dataset.num_classes, dataset.pixel_maximum) == ((8, 8, 1), 10, 16)
    for part in dataset.parts.values():
        assert np.array_equal(part.inputs[..., 0], digits.images[part.indices])
        assert np.array_equal(part.labels, digits.target[part.indices])
        assert part.labels.dtype == np.int64
        assert part.inputs.dtype == np.uint8


def test_in_memory_is_a_question_of_size(monkeypatch):
    class Streamed:
        size_in_bytes = 1000
        labels = np.arange(10)

        def __init__(self, was_read=False):
            self.was_read = was_read

        def checked(self, in_memory):
            return Streamed(was_read=in_memory), []

    digits = dataclasses.replace(data.images.load("digits"), train=Streamed(), validation=Streamed(), test=Streamed())
    monkeypatch.setattr(images, "built_in", lambda: digits)
    free = [12_100]
    monkeypatch.setattr(images.memory, "available", lambda: free[0])
    assert data.images.load("digits").train.was_read  # 3,000 of 12,100 bytes.
    free[0] = 11_900
    assert not data.images.load("digits").train.was_read
    assert data.images.load("digits", in_memory="always").test.was_read
    free[0] = 10**11
    assert not data.images.load("digits", in_memory="never").test.was_read


def test_what_a_run_knows_of_images():
    digits = data.images.load("digits")
    assert digits.about() == {
        "medium": "images",
        "task": "classification",
        "class_names": tuple("0123456789"),
        "target_names": (),
        "pixel_maximum": 16,
    }
    assert digits.summary == "digits: 1,293 train, 144 validation, 360 test, 10 classes"
    assert digits.notes == ()


def test_columns_are_for_tables():
    with pytest.raises(UserError, match="--label-column is for csv:PATH; digits has no columns"):
        data.images.load("digits", label_column="label")
