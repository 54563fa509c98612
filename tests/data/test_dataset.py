"""A dataset's parts, and what it says of itself."""

import dataclasses

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.dataset import Dataset, Examples, plain_inputs, sample, size_of


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


def test_places_are_drawn_alike_each_time_and_rise():
    places = sample(1000, 10)
    assert len(np.unique(places)) == 10
    assert (np.diff(places) > 0).all()
    assert sample(1000, 10).tolist() == places.tolist()
    assert sample(1000, 10, seed=1).tolist() != places.tolist()
    assert sample(3, 10).tolist() == [0, 1, 2]


def test_images_are_pixels():
    digits = data.images.load("digits")
    np.testing.assert_array_equal(plain_inputs(digits.train, [2, 9]), digits.train.inputs[[2, 9]])
    assert size_of(digits) == 64


def test_texts_are_strings():
    texts = data.texts.from_texts([f"text {k}" for k in range(20)], [0, 1] * 10)
    found = plain_inputs(texts.train, [1, 3])
    assert found == list(texts.train.texts(np.array([1, 3])))
    assert size_of(texts) == 1


def test_series_have_their_own_lengths():
    series = [np.ones((2 + k % 3, 2)) * k for k in range(20)]
    found = data.series.from_arrays(series, [0, 1] * 10)
    first, second = plain_inputs(found.train, [0, 1])
    np.testing.assert_array_equal(first, found.train.series[0])
    np.testing.assert_array_equal(second, found.train.series[1])
    assert size_of(found) == 4


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_rows_are_encoded(in_memory, tmp_path):
    lines = [f"{k},{('red', 'blue')[k % 2]},{('no', 'yes')[k // 2 % 2]}" for k in range(40)]
    (tmp_path / "table.csv").write_text("number,colour,label\n" + "\n".join(lines))
    table = data.tables.load(f"csv:{tmp_path / 'table.csv'}", in_memory=in_memory, folder=tmp_path)
    found = plain_inputs(table.train, [0, 3, 7])
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, np.asarray(table.train.inputs)[[0, 3, 7]])
    assert size_of(table) == 2


SHOWN = {
    "images": (
        lambda folder: data.images.load("digits"),
        "<ImageDataset digits: 1,293 train, 144 validation, 360 test, 10 classes (0, 1, 2, 3, 4, ... (10 in all)), inputs (8, 8, 1)>",
    ),
    "tables": (
        lambda folder: data.tables.load("diabetes", task="regression"),
        "<TableDataset diabetes: 317 train, 36 validation, 89 test, to predict target, inputs (10)>",
    ),
    "series": (
        lambda folder: data.series.from_arrays(list(np.zeros((20, 4, 2))), np.arange(20) % 2, name="waves"),
        "<SeriesDataset waves:a6cf4a17: 18 train, 2 validation, 2 classes (0, 1), inputs (4, 2)>",
    ),
    "texts": (
        lambda folder: data.texts.from_texts([f"text {place}" for place in range(20)], ["yn"[place % 2] for place in range(20)]),
        "<TextDataset arrays",
    ),
}


@pytest.mark.parametrize("medium", SHOWN)
def test_a_dataset_and_its_parts_are_shown_in_a_line(medium, tmp_path):
    load, wanted = SHOWN[medium]
    dataset = load(tmp_path)
    assert repr(dataset).startswith(wanted)
    assert "classes (n, y), inputs (any)>" in repr(dataset) or medium != "texts"
    for part in dataset.parts.values():
        assert f"labels=<{part.labels.dtype} {part.labels.shape}>" in repr(part)
        assert f"source={part.source!r}" in repr(part)
        assert len(repr(part)) < 400
    assert "\n" not in repr(dataset) + repr(dataset.parts)
    assert repr(dataclasses.replace(dataset)) == str(dataset)


@pytest.mark.parametrize("kind", ["rotation", "contrastive"])
def test_what_a_pretraining_makes_of_a_dataset_is_shown_in_a_line(kind):
    from hornbook.data.images.pretraining import rotation, views

    dataset = {"rotation": rotation, "contrastive": views}[kind].dataset(data.images.load("digits"))
    assert repr(dataset).startswith(f"<{type(dataset).__name__} digits: ")
    assert len(repr(dataset.train)) < 600
