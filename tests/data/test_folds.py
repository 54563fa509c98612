"""`--fold 2/5`: one of several folds of the training examples in place of a share of them."""

import numpy as np
import pytest

from hornbook import UserError
from hornbook import data
from hornbook.data import splits


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
