"""Splits and folds: stratified, seeded, refused where a class cannot stand in every part, and written down."""

import csv

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import splits
from hornbook.data.texts.dataset import TextExamples


def arrays(examples=60, classes=3, dtype=np.uint8):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (examples, 4, 5, 2)).astype(dtype), generator.permutation(np.arange(examples) % classes)


def parts_of(dataset):
    return {name: set(part.indices.tolist()) for name, part in dataset.parts.items()}


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


@pytest.mark.parametrize("fraction", [-0.1, 1, 1.5, float("nan")])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_fractions_out_of_range(part, fraction):
    with pytest.raises(UserError, match=rf"--{part}-fraction must be in \[0, 1\), got {fraction}"):
        data.images.load("digits", **{f"{part}_fraction": fraction})


def test_a_large_part_is_split_without_lists_of_it(monkeypatch):
    labels = np.repeat([0, 1, 2], [700, 250, 50])
    examples = TextExamples(None, labels, np.arange(1000), "all")
    monkeypatch.setattr(splits, "_LARGE", 1000)
    train, held_out = splits.stratified_split(examples, 0.1, 3, "name", "--test-fraction", "abc")
    assert np.bincount(held_out.labels).tolist() == [70, 25, 5]
    assert sorted([*train.indices, *held_out.indices]) == list(range(1000))
    again = splits.stratified_split(examples, 0.1, 3, "name", "--test-fraction", "abc")[1]
    other = splits.stratified_split(examples, 0.1, 4, "name", "--test-fraction", "abc")[1]
    assert held_out.indices.tolist() == again.indices.tolist() != other.indices.tolist()


@pytest.mark.parametrize("written", ["0/5", "6/5", "1/1", "2", "2/", "a/b", "-1/5", "1/5/2", "1.5/5", ""])
def test_a_fold_that_is_none(written):
    with pytest.raises(UserError, match="--fold must be a number of how many, such as 2/5, got "):
        splits.validation_share(0.1, written)


def test_a_share_or_a_fold():
    assert splits.validation_share(0.1, None) == 0.1
    fold = splits.validation_share(0.1, "2/5")
    assert (fold, fold.number, fold.of) == (0.2, 2, 5)


def folds(load, number):
    return [load(validation_fraction=splits.validation_share(0.1, f"{place}/{number}")) for place in range(1, number + 1)]


@pytest.mark.parametrize("seed", [0, 3])
def test_folds_cover_the_training_part_and_are_stratified(seed):
    def load(**options):
        return data.tables.load("wine", split_seed=seed, **options)

    whole = load(validation_fraction=0)
    found = folds(load, 4)
    held = [set(one.parts["validation"].indices.tolist()) for one in found]
    assert sum(map(len, held)) == len(set.union(*held)) == len(whole.train)
    assert set.union(*held) == set(whole.train.indices.tolist())
    for one, own in zip(found, held, strict=True):
        assert set(one.train.indices.tolist()) == set.union(*held) - own
        # The test part is the same for every fold, and for none.
        assert one.parts["test"].indices.tolist() == whole.parts["test"].indices.tolist()
        counts = np.bincount(one.parts["validation"].labels, minlength=3)
        expected = np.bincount(whole.train.labels, minlength=3) / 4
        assert np.abs(counts - expected).max() <= 1
    again = folds(load, 4)
    assert [one.parts["validation"].indices.tolist() for one in again] == [one.parts["validation"].indices.tolist() for one in found]


def test_folds_of_images_and_of_numbers():
    found = folds(lambda **options: data.images.load("digits", **options), 3)
    held = np.concatenate([one.parts["validation"].indices for one in found])
    assert len(held) == len(set(held.tolist()))
    found = folds(lambda **options: data.tables.load("diabetes", task="regression", **options), 3)
    held = np.concatenate([one.parts["validation"].indices for one in found])
    assert len(held) == len(set(held.tolist())) == len(found[0].train) + len(found[0].parts["validation"])


def examples(labels):
    features = np.arange(len(labels), dtype="float32")[:, None]
    return features, np.array(labels)


def test_a_class_that_cannot_stand_in_every_fold():
    features, labels = examples([0] * 30 + [1] * 4)
    fold = splits.validation_share(0.1, "1/5")
    with pytest.raises(
        UserError, match=r"class b has \d examples left for training and validation, which cannot stand in 5 folds; pass fewer"
    ):
        data.tables.from_arrays(features, labels, class_names=("a", "b"), validation_fraction=fold)


def test_units_of_series_stay_together():
    groups = np.repeat([f"unit{place}" for place in range(12)], 5)
    labels = np.repeat(np.arange(12) % 2, 5)
    series = np.random.default_rng(0).random((60, 8, 1)).astype("float32")

    def load(**options):
        return data.series.from_arrays(series, labels, groups=groups, class_names=("a", "b"), **options)

    found = folds(load, 3)
    held = [one.parts["validation"] for one in found]
    for one, own in zip(found, held, strict=True):
        assert not set(one.train.groups.tolist()) & set(own.groups.tolist())
        assert set(one.train.labels.tolist()) == {0, 1}
    together = np.concatenate([own.indices for own in held])
    assert len(together) == len(set(together.tolist())) == len(found[0].train) + len(held[0])
    with pytest.raises(UserError, match="units cannot stand in 20 folds; pass fewer"):
        load(validation_fraction=splits.Fold(1, 20))


class Part:
    def __init__(self, source):
        self.source = source


class Source:
    name = "letters"

    def __init__(self, **parts):
        self.parts = {name: Part(source) for name, source in parts.items()}


def test_a_source_with_a_validation_part_of_its_own_has_no_folds():
    with pytest.raises(UserError, match="letters has a validation part of its own, which --fold 1/5 cannot replace; leave --fold out"):
        splits.evaluated_part(Source(train="train", validation="validation"), "validation", fold="1/5")
    cut = Source(train="train", validation="train")
    assert splits.evaluated_part(cut, "validation", fold="1/5") is cut.parts["validation"]


def test_a_share_that_is_too_small_for_its_classes_is_one_of_each():
    dataset = data.images.from_arrays(arrays(9)[0], np.arange(9) % 3, validation_fraction=0.1)
    assert sorted(dataset.validation.labels) == [0, 1, 2]
    assert len(dataset.train) == 6


def test_a_class_too_small_to_split():
    inputs, _ = arrays(9)
    with pytest.raises(UserError, match=r"mine:\w+: class 2 has one example left .* none out: --validation-fraction 0") as raised:
        data.images.from_arrays(inputs, np.array([0, 0, 0, 0, 1, 1, 1, 1, 2]), name="mine")
    assert "leave out such classes with --min-class-count 2" in str(raised.value)
    with pytest.raises(UserError, match=r"add examples of it, or hold none out"):  # One class alone would be left.
        data.images.from_arrays(inputs, np.array([0] * 8 + [1]))
    with pytest.raises(UserError, match=r"--validation-fraction 0\.8 takes 8 of 9 examples, .* one of each of 3 classes"):
        data.images.from_arrays(inputs, np.arange(9) % 3, validation_fraction=0.8)
    assert len(data.images.from_arrays(inputs, np.array([0] * 8 + [1]), validation_fraction=0).train) == 9


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


def test_arrays_without_a_part_are_told_what_python_takes():
    pixels, labels = np.zeros((20, 4, 4, 1), np.uint8), np.arange(20) % 2
    dataset = data.images.from_arrays(pixels, labels, validation_fraction=0)
    message = "has no test part, which --evaluate test needs; pass test arrays with them, or pass --evaluate none"
    with pytest.raises(UserError, match=message):
        splits.evaluated_part(dataset, "test")
    with pytest.raises(UserError, match="which --early-stopping 5 needs; make them with a validation_fraction above 0"):
        splits.evaluated_part(dataset, "none", {"--early-stopping 5": "validation"})


def test_a_fold_for_the_test_replaces_the_sources_own_test_part():
    parts = [
        data.texts.load("docstrings", test_fraction=splits.share_for_test(0.2, f"{number}/3"), validation_fraction=0)
        for number in (1, 2, 3)
    ]
    own = data.texts.load("docstrings", validation_fraction=0)
    tested = [one.test.indices.tolist() for one in parts]
    assert sorted(index for one in tested for index in one) == own.train.indices.tolist()
    assert {one.test.source for one in parts} == {own.train.source}
    assert not set(tested[0]) & set(parts[0].train.indices.tolist())


@pytest.mark.parametrize("fold", ["0/3", "4/3", "1/1", "1", "a/b"])
def test_what_is_no_fold_for_the_test(fold):
    with pytest.raises(UserError, match="--test-fold must be a number of how many"):
        splits.share_for_test(0.2, fold)
