import csv
import dataclasses

import numpy as np
import pytest

from hornbook import UserError
from hornbook import data
from hornbook.data import sources
from hornbook.data.images import dataset as data
from hornbook.data import splits


def arrays(examples=60, classes=3, dtype=np.uint8):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (examples, 4, 5, 2)).astype(dtype), generator.permutation(np.arange(examples) % classes)


def parts_of(dataset):
    return {name: set(part.indices.tolist()) for name, part in dataset.parts.items()}


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


@pytest.mark.parametrize(("validation", "test"), [(0.1, 0.2), (0.3, 0.5), (0, 0.2), (0.1, 0), (0, 0)])
def test_parts_are_disjoint_and_cover_everything(validation, test):
    dataset = data.images.load("digits", validation_fraction=validation, test_fraction=test)
    parts = parts_of(dataset)
    assert sum(map(len, parts.values())) == 1797
    assert set.union(*parts.values()) == set(range(1797))
    assert ("test" in parts) == (test > 0)
    assert ("validation" in parts) == (validation > 0)
    assert len(parts.get("test", ())) == pytest.approx(test * 1797, abs=1)
    assert len(parts.get("validation", ())) == pytest.approx(validation * (1 - test) * 1797, abs=1)


def test_splits_are_stratified_and_in_the_source_s_order():
    dataset = data.images.load("digits", validation_fraction=0.2, test_fraction=0.3)
    shares = {name: np.bincount(part.labels, minlength=10) for name, part in dataset.parts.items()}
    whole = sum(shares.values())
    for name, share in (("train", 0.56), ("validation", 0.14), ("test", 0.3)):
        assert np.abs(shares[name] - share * whole).max() < 2
    for part in dataset.parts.values():
        assert (np.diff(part.indices) > 0).all()


def test_splits_are_seeded():
    assert parts_of(data.images.load("digits")) == parts_of(data.images.load("digits", split_seed=0))
    one, two = parts_of(data.images.load("digits")), parts_of(data.images.load("digits", split_seed=1))
    assert one["test"] != two["test"]
    assert one["validation"] != two["validation"]


def test_the_test_part_does_not_depend_on_the_validation_fraction():
    assert parts_of(data.images.load("digits"))["test"] == parts_of(data.images.load("digits", validation_fraction=0.5))["test"]


def test_from_arrays():
    inputs, labels = arrays()
    test_inputs, test_labels = arrays(12)
    dataset = data.images.from_arrays(inputs, labels, test_inputs, test_labels, class_names="abc", validation_fraction=0.25, name="mine")
    assert dataset.name.startswith("mine:")
    assert (dataset.class_names, dataset.input_shape) == (("a", "b", "c"), (4, 5, 2))
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 45, "validation": 15, "test": 12}
    assert [part.source for part in dataset.parts.values()] == ["train", "train", "test"]
    for part in (dataset.train, dataset.validation):
        assert np.array_equal(part.inputs, inputs[part.indices])
        assert np.array_equal(part.labels, labels[part.indices])
    assert np.array_equal(dataset.test.inputs, test_inputs)


def test_grey_images_get_a_channel_and_names_default_to_labels():
    dataset = data.images.from_arrays(np.zeros((8, 4, 5)), np.array([0, 2] * 4), validation_fraction=0)
    assert dataset.input_shape == (4, 5, 1)
    assert dataset.class_names == ("0", "1", "2")
    assert list(dataset.parts) == ["train"]


def test_a_class_of_the_test_arrays_alone_counts():
    inputs, labels = arrays(12, classes=2)
    assert data.images.from_arrays(inputs, labels, inputs[:3], np.array([0, 1, 4])).num_classes == 5


def test_what_stands_for_white():
    labels = np.array([0, 1] * 4)
    for inputs, maximum in (
        (np.ones((8, 4, 4), np.uint8), 255),
        (np.full((8, 4, 4), 4095, np.uint16), 4095),
        (np.full((8, 4, 4), 0.5, np.float32), 0.5),
        (np.zeros((8, 4, 4), np.float32), 1),
        (np.full((8, 4, 4), -2.0, np.float32), 2),
    ):
        assert data.images.from_arrays(inputs, labels, validation_fraction=0).pixel_maximum == maximum


def nothing_finite():
    inputs = np.zeros((6, 4, 5, 2), np.float32)
    inputs[3, 2, 1, 0] = np.nan
    inputs[5, 0, 0, 0] = np.inf
    return inputs


PIXELS, LABELS = arrays(6, classes=2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (((np.zeros((6, 4)), LABELS)), ["train images must be numbers (examples, height, width, channels)", "(6, 4)"]),
        ((PIXELS.astype(str), LABELS), ["train images must be numbers", "<U3"]),
        ((PIXELS > 3, LABELS), ["train images must be numbers", "bool"]),
        ((PIXELS.astype(object), LABELS), ["train images must be numbers", "object"]),
        ((PIXELS.astype(complex), LABELS), ["train images must be numbers", "complex"]),
        ((PIXELS, LABELS[:5]), ["train labels must be integers of shape (6,)", "(5,)"]),
        ((PIXELS, np.eye(2)[LABELS]), ["train labels must be integers of shape (6,)", "float64 of shape (6, 2)"]),
        ((PIXELS, LABELS.astype(float)), ["train labels must be integers", "float64"]),
        ((PIXELS, list("aababb")), ["train labels must be integers", "<U1"]),
        ((PIXELS[:0], LABELS[:0]), ["train has no examples"]),
        ((PIXELS, np.array([0, 1, -1, 1, 0, -2])), ["train labels must count from 0, got -2 at position 5"]),
        ((nothing_finite(), LABELS), ["train image 3 has a pixel that is not finite at (2, 1, 0)"]),
        ((PIXELS, LABELS, nothing_finite(), LABELS), ["test image 3"]),
        ((PIXELS, LABELS, PIXELS), ["test labels must be integers"]),
        ((PIXELS, LABELS, PIXELS[:, :3], LABELS), ["test images are (3, 5, 2), training images (4, 5, 2)"]),
    ],
)
def test_wrong_arrays_are_refused_in_one_line(given, words):
    with pytest.raises(UserError) as raised:
        data.images.from_arrays(*given)
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_a_share_that_is_too_small_for_its_classes_is_one_of_each():
    dataset = data.images.from_arrays(arrays(9)[0], np.arange(9) % 3, validation_fraction=0.1)
    assert sorted(dataset.validation.labels) == [0, 1, 2]
    assert len(dataset.train) == 6


def test_labels_without_a_name():
    with pytest.raises(UserError, match="mine: label 2 occurs, but only 2 class names are given"):
        data.images.from_arrays(*arrays(), class_names=("a", "b"), name="mine")
    assert data.images.from_arrays(*arrays(), class_names=("a", "b", "c", "none of these")).num_classes == 4


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_fractions_out_of_range(part, fraction):
    with pytest.raises(UserError, match=rf"--{part}-fraction must be in \[0, 1\), got {fraction}"):
        data.images.load("digits", **{f"{part}_fraction": fraction})


def test_a_class_too_small_to_split():
    inputs, _ = arrays(9)
    with pytest.raises(UserError, match=r"mine:\w+: class 2 has one example left for training, .* none out: --validation-fraction 0"):
        data.images.from_arrays(inputs, np.array([0, 0, 0, 0, 1, 1, 1, 1, 2]), name="mine")
    with pytest.raises(UserError, match=r"--validation-fraction 0\.8 takes 8 of 9 examples, .* one of each of 3 classes"):
        data.images.from_arrays(inputs, np.arange(9) % 3, validation_fraction=0.8)
    assert len(data.images.from_arrays(inputs, np.array([0] * 8 + [1]), validation_fraction=0).train) == 9


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digit", "--dataset must be digits, folder:PATH, csv:PATH, npz:PATH or tfds:NAME, got 'digit'; did you mean 'digits'?"),
        ("nonsense", "got 'nonsense'"),
        ("", "got ''"),
        ("TFDS:mnist", "got 'TFDS:mnist'"),
    ],
)
def test_unknown_sources(name, words):
    for ask in (data.images.check_name, data.images.load):
        with pytest.raises(UserError) as raised:
            ask(name)
        assert words in str(raised.value)


@pytest.mark.parametrize("name", ["validation", "training", "name", "parts"])
def test_a_part_that_is_not_there(name):
    dataset = data.images.load("digits", validation_fraction=0)
    with pytest.raises(UserError, match=f"digits has no {name} part; it has train, test"):
        dataset.part(name)
    assert dataset.part("test") is dataset.test


def test_split_csv_tells_where_every_example_went(tmp_path):
    dataset = data.images.from_arrays(*arrays(), *arrays(12), class_names=("plain", "with, comma", 'with "quotes" ä'))
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    with open(tmp_path / "split.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 72
    for name, part in dataset.parts.items():
        own = [row for row in rows if row["part"] == name]
        assert [int(row["index"]) for row in own] == part.indices.tolist()
        assert [dataset.class_names.index(row["label"]) for row in own] == part.labels.tolist()
        assert {row["source"] for row in own} == {part.source}


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


def test_in_memory_is_a_question_of_size(monkeypatch):
    class Streamed:
        size_in_bytes = 1000

        def checked(self, in_memory):
            return ("read" if in_memory else self), []

    dataset = dataclasses.replace(data.images.load("digits"), train=Streamed(), validation=Streamed(), test=Streamed())
    monkeypatch.setattr(data, "_digits", lambda: dataset)
    pages = {"SC_PAGE_SIZE": 100, "SC_PHYS_PAGES": 121}
    monkeypatch.setattr(data.os, "sysconf", pages.__getitem__)
    assert data.images.load("digits").train == "read"  # 3,000 of 12,100 bytes.
    pages["SC_PHYS_PAGES"] = 119
    assert isinstance(data.images.load("digits").train, Streamed)
    assert data.images.load("digits", in_memory="always").test == "read"
    pages["SC_PHYS_PAGES"] = 10**9
    assert isinstance(data.images.load("digits", in_memory="never").test, Streamed)


def test_a_subset_keeps_what_it_was():
    train = data.images.load("digits").train
    few = train.subset(np.array([5, 2]))
    assert len(few) == 2
    assert np.array_equal(few.indices, train.indices[[5, 2]])
    assert np.array_equal(few.inputs, train.inputs[[5, 2]])
    assert few.source == train.source
    assert few.size_in_bytes == 128
    assert few.in_memory() is few


def test_arrays_are_known_again_by_their_checksum():
    pixels, labels = np.arange(40 * 4, dtype=np.uint8).reshape(40, 2, 2, 1), np.arange(40) % 2
    name = data.images.from_arrays(pixels, labels).name
    changed = pixels.copy()
    changed[-1, -1, -1, -1] += 1
    assert name.startswith("arrays:")
    assert data.images.from_arrays(pixels.copy(), labels).name == name
    assert data.images.from_arrays(changed, labels).name != name
    assert data.images.from_arrays(pixels, 1 - labels).name != name
    with pytest.raises(UserError, match="from Python"):
        data.images.check_name(name)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("folder:/home/me/photos/", "photos"),
        ("csv:table.csv", "table.csv"),
        ("npz:~/a.npz", "a.npz"),
        ("folder:/", "folder:/"),
        ("tfds:mnist/a:1.0.0[:5]", "tfds:mnist/a:1.0.0[:5]"),
        ("digits", "digits"),
    ],
)
def test_a_name_for_a_headline(name, short):
    assert sources.short_name(name) == short
