"""Fewer training examples on purpose: how many of each class, the same and nested whatever the order, and nothing else is touched."""

import itertools

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.dataset import Dataset, Examples
from hornbook.data.selection import thinning
from hornbook.data.selection.thinning import Thinning

NAMES = tuple("abcdefghij")


def dataset(counts, seed=0):
    """Examples of so many of each class, in a random order, whose indices are not their places."""
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    part = Examples(np.arange(len(labels))[:, None], labels, np.arange(len(labels)) * 3 + 1, "train")
    held = part.subset(np.arange(10))
    return Dataset("some", NAMES[: len(counts)], (1,), part, validation=held, test=held)


def counts_of(found, num_classes=10):
    return np.bincount(found.train.labels, minlength=num_classes).tolist()


def test_a_long_tail_is_that_of_cui_et_al():
    found = thinning.thinned(dataset([5000] * 10), Thinning(imbalance_ratio=100), 0)
    # CIFAR-10-LT, 100:1, as everybody's tables have it.
    assert counts_of(found) == [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]
    assert found.thinned == 50_000 - len(found.train)
    assert found.notes == ("--imbalance-ratio 100 keeps 12,406 of 50,000 training examples, 5,000 of the class a to 50 of the class j",)


def test_a_long_tail_follows_the_classes_from_the_most_frequent_on():
    # Of two classes the rarer one is thinned, whatever they are called.
    assert counts_of(thinning.thinned(dataset([20, 200]), Thinning(imbalance_ratio=10), 0), 2) == [2, 200]
    assert counts_of(thinning.thinned(dataset([200, 20]), Thinning(imbalance_ratio=10), 0), 2) == [200, 2]
    assert counts_of(thinning.thinned(dataset([90, 300, 90, 200]), Thinning(imbalance_ratio=1000), 0), 4) == [1, 300, 1, 20]
    for counts in np.random.default_rng(0).integers(1, 400, (20, 6)):
        kept = Thinning(imbalance_ratio=50).counts(counts)
        assert all(kept[one] >= kept[other] for one in range(6) for other in range(6) if counts[one] > counts[other])


def test_so_many_of_each_class_and_a_share_of_each():
    uneven = dataset([40, 8, 1, 200])
    assert counts_of(thinning.thinned(uneven, Thinning(samples_per_class=10), 0), 4) == [10, 8, 1, 10]
    assert "; the class c has 1 in all" in thinning.thinned(uneven, Thinning(samples_per_class=10), 0).notes[0]
    assert counts_of(thinning.thinned(uneven, Thinning(train_fraction=0.1), 0), 4) == [4, 1, 1, 20]
    assert counts_of(thinning.thinned(uneven, Thinning(imbalance_ratio=10**6), 0), 4) == [1, 1, 1, 200]
    assert counts_of(thinning.thinned(dataset([40, 0, 20]), Thinning(imbalance_ratio=10), 0), 3) == [40, 0, 2]
    lacking = dataset([40, 0, 20])
    assert counts_of(thinning.thinned(lacking, Thinning(samples_per_class=5), 0), 3) == [5, 0, 5]


@pytest.mark.parametrize(
    "rising",
    [
        [Thinning(samples_per_class=count) for count in (1, 2, 7, 30)],
        [Thinning(train_fraction=share) for share in (0.05, 0.3, 0.31, 0.9)],
        [Thinning(imbalance_ratio=ratio) for ratio in (50, 10, 9, 2)],
    ],
)
def test_more_examples_contain_the_fewer(rising):
    whole = dataset([60, 50, 40])
    kept = [set(thinning.thinned(whole, one, 0).train.indices) for one in rising]
    assert all(fewer < more for fewer, more in itertools.pairwise(kept))
    assert set(thinning.thinned(whole, rising[1], 1).train.indices) != kept[1]


def test_what_is_kept_depends_on_the_seed_and_the_place_in_the_source_alone():
    whole = dataset([60, 50, 40])
    shuffled = Dataset("some", whole.class_names, (1,), whole.train.subset(np.random.default_rng(1).permutation(150)))
    one, other = (thinning.thinned(given, Thinning(samples_per_class=7), 0).train.indices for given in (whole, shuffled))
    assert set(one) == set(other)
    assert (np.diff(one) > 0).all()


def test_validation_and_test_stay_as_they_are():
    whole, thin = (data.images.load("digits", kept=kept) for kept in (thinning.ALL, Thinning(samples_per_class=3)))
    for part in ("validation", "test"):
        np.testing.assert_array_equal(whole.part(part).indices, thin.part(part).indices)
    assert set(thin.train.indices) < set(whole.train.indices)
    assert len(thin.train) == 30


@pytest.mark.parametrize("medium", ["tables", "series", "texts"])
def test_every_medium_thins_before_it_learns_anything(medium):
    name = {"tables": "wine", "series": "sequential_digits", "texts": "docstrings"}[medium]
    load = getattr(data, medium).load
    thin, whole = load(name, kept=Thinning(samples_per_class=4)), load(name)
    assert np.bincount(thin.train.labels).tolist() == [4] * thin.num_classes
    assert thin.thinned == len(whole.train) - len(thin.train)
    assert any("--samples-per-class 4 keeps" in note for note in thin.notes)
    np.testing.assert_array_equal(thin.test.indices, whole.test.indices)
    if medium == "tables":
        first = thin.encoding.columns[0]
        assert thin.encoding.numbers[first] == pytest.approx(np.median(thin.train.inputs[:, 0]))
        assert thin.encoding.numbers[first] != whole.encoding.numbers[first]


def test_numbers_and_several_labels_have_a_share_alone():
    numbers = Dataset("some", (), (1,), Examples(np.zeros((50, 1)), np.zeros((50, 2)), np.arange(50), "train"), task="regression")
    assert len(thinning.thinned(numbers, Thinning(train_fraction=0.3), 0).train) == 15
    with pytest.raises(UserError, match="--samples-per-class 3 is for one class an example, and some has none; pass --train-fraction"):
        thinning.thinned(numbers, Thinning(samples_per_class=3), 0)
    assert thinning.thinned(numbers, thinning.ALL, 0) is numbers


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"train_fraction": 0.5, "samples_per_class": 5}, "--train-fraction 0.5 and --samples-per-class 5 both say"),
        ({"train_fraction": 0.0}, "--train-fraction must be more than 0"),
        ({"samples_per_class": 0}, "--samples-per-class must be at least 1, got 0"),
        ({"imbalance_ratio": 0.5}, "--imbalance-ratio must be at least 1, got 0.5"),
        ({"imbalance_ratio": float("nan")}, "--imbalance-ratio must be at least 1, got nan"),
    ],
)
def test_refusals(wrong, words):
    with pytest.raises(UserError, match=words):
        Thinning(**wrong)
    with pytest.raises(UserError, match="--samples-per-class 5 is for a --dataset that the recipe reads, and arrays:1 is given"):
        Thinning(samples_per_class=5).refuse("arrays:1")
