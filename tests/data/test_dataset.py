"""A dataset's parts, and what it says of itself."""

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.dataset import Dataset, Examples


def arrays(examples=60, classes=3, dtype=np.uint8):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (examples, 4, 5, 2)).astype(dtype), generator.permutation(np.arange(examples) % classes)


@pytest.mark.parametrize("name", ["validation", "training", "name", "parts"])
def test_a_part_that_is_not_there(name):
    dataset = data.images.load("digits", validation_fraction=0)
    with pytest.raises(UserError, match=f"digits has no {name} part; it has train, test"):
        dataset.part(name)
    assert dataset.part("test") is dataset.test


def test_moments_are_those_of_the_whole():
    inputs, labels = arrays(9000, dtype=np.float32)  # More than are summed at once.
    inputs[..., 1] *= 1e-3
    part = data.images.from_arrays(inputs, labels, validation_fraction=0).train
    mean, variance = part.moments()
    np.testing.assert_allclose(mean, inputs.astype(np.float64).mean(axis=(0, 1, 2)), rtol=1e-9)
    np.testing.assert_allclose(variance, inputs.astype(np.float64).var(axis=(0, 1, 2)), rtol=1e-9)


def test_the_variance_of_equal_pixels_is_not_negative():
    part = data.images.from_arrays(np.full((64, 4, 4), 0.1, np.float32), np.arange(64) % 2).train
    assert (part.moments()[1] >= 0).all()
    assert (part.moments()[1] < 1e-12).all()


def test_a_subset_keeps_what_it_was():
    train = data.images.load("digits").train
    few = train.subset(np.array([5, 2]))
    assert len(few) == 2
    assert np.array_equal(few.indices, train.indices[[5, 2]])
    assert np.array_equal(few.inputs, train.inputs[[5, 2]])
    assert few.source == train.source
    assert few.size_in_bytes == 128
    assert few.in_memory() is few


def part(labels, source="train"):
    labels = np.array(labels)
    return Examples(np.zeros((len(labels), 2)), labels, np.arange(len(labels)), source)


def test_classes_that_a_part_lacks_are_noted():
    names = ("bird", "cat", "dog", "fish")
    whole = Dataset("letters", names, (2,), part([0, 1, 2, 3]), part([0, 1, 2, 3]), part([3, 2, 1, 0], "test"))
    assert whole.noted().notes == ()
    lacking = Dataset("letters", names, (2,), part([0, 1, 2, 3]), part([0, 1, 2]), part([1, 1], "test"), notes=("first",))
    assert lacking.noted("second").notes == (
        "first",
        "second",
        "the class fish has no example in the validation part: its recall cannot be known",
        "the classes bird, dog, fish have no example in the test part: their recall cannot be known",
    )
    untaught = Dataset("letters", names[:2], (2,), part([0, 0]))
    assert untaught.noted().notes == ("the class cat has no example in the training part: the network cannot learn it",)


def test_labels_that_a_part_lacks_are_noted_and_numbers_are_not():
    several = np.array([[1.0, 0.0], [1.0, 1.0]])
    dataset = Dataset("letters", ("left", "right"), (2,), part(several), test=part(several[:1]), task="multi-label")
    assert dataset.noted().notes == ("the label right has no example in the test part: its recall cannot be known",)
    numbers = Dataset("letters", (), (2,), part([[0.0], [1.0]]), task="regression", target_names=("size",))
    assert numbers.noted().notes == ()


def test_a_dataset_of_another_task_is_refused():
    dataset = Dataset("letters", ("a", "b"), (2,), part([0, 1]))
    dataset.require_task("classification", "multi-label")
    with pytest.raises(UserError, match="letters is a dataset of classification; accepted here is regression"):
        dataset.require_task("regression")
