"""Which examples an epoch is made of: counts of classes, every example or others each time, and the same whenever it is asked."""

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import bucketed_batches
from hornbook.data.selection import drawing

LABELS = np.random.default_rng(0).permutation(np.repeat([0, 1, 3], [60, 13, 7]))
DRAWN = ("oversample", "undersample", "balanced-batches")


def epoch(method, number=0, labels=LABELS, seed=0, batch_size=8):
    return drawing.order(labels, method, seed=seed, epoch=number, batch_size=batch_size)


@pytest.mark.parametrize(("method", "each"), [("oversample", 60), ("undersample", 7)])
def test_every_class_has_as_many(method, each):
    found = epoch(method)
    assert np.bincount(LABELS[found]).tolist() == [each, each, 0, each]
    assert len(found) == drawing.size(LABELS, method) == 3 * each


def test_oversampling_takes_every_example_and_each_about_as_often():
    times = np.bincount(epoch("oversample"), minlength=len(LABELS))
    assert (times[LABELS == 0] == 1).all()
    assert set(times[LABELS == 1]) == {4, 5}
    assert set(times[LABELS == 3]) == {8, 9}


def test_undersampling_takes_others_each_epoch_and_none_twice():
    epochs = [epoch("undersample", number) for number in range(30)]
    assert all(len(set(found)) == len(found) for found in epochs)
    assert set(np.concatenate(epochs)) == set(range(len(LABELS)))


@pytest.mark.parametrize("batch_size", [2, 3, 8, 9])
def test_balanced_batches_have_of_every_class_as_many_or_one_more(batch_size):
    found = epoch("balanced-batches", batch_size=batch_size)
    assert len(found) == len(LABELS)
    batches = [LABELS[found[start : start + batch_size]] for start in range(0, len(found) - batch_size + 1, batch_size)]
    for batch in batches:
        counts = np.bincount(batch, minlength=4)[[0, 1, 3]]
        assert counts.max() - counts.min() <= 1
    # The class with one more changes.
    assert batch_size in (3, 9) or len({tuple(np.bincount(batch, minlength=4)) for batch in batches}) > 1
    assert any((np.diff(batch) < 0).any() for batch in batches)  # Within a batch, classes stand in a random order.


@pytest.mark.parametrize("method", DRAWN)
def test_an_epoch_is_a_function_of_seed_and_number(method):
    np.testing.assert_array_equal(epoch(method, 3), epoch(method, 3))
    assert not np.array_equal(epoch(method, 3), epoch(method, 4))
    assert not np.array_equal(epoch(method, 3), epoch(method, 3, seed=1))


def test_copies_are_counted():
    np.testing.assert_array_equal(drawing.copies(np.array([5, 2, 5, 5, 2, 0])), [0, 0, 1, 2, 1, 0])
    oversampled = epoch("oversample")
    counted = drawing.copies(oversampled)
    assert len(set(zip(oversampled.tolist(), counted.tolist(), strict=True))) == len(oversampled)


class Sequences:
    """Sequences of unequal length."""

    def __init__(self, lengths, pool):
        self.labels, self.lengths, self.pool = LABELS, lengths, pool
        self.padded_lengths = np.unique(lengths)


@pytest.mark.parametrize("pool", [None, 2])
@pytest.mark.parametrize("method", DRAWN)
def test_batches_of_like_lengths_keep_to_what_is_drawn(method, pool):
    lengths = np.random.default_rng(1).integers(1, 50, len(LABELS))
    steps = drawing.size(LABELS, method) // 8
    found = bucketed_batches.epoch_order(Sequences(lengths, pool), 8, steps, 0, 0, method)
    assert sorted(found.reshape(-1)) == sorted(epoch(method)[: steps * 8])
    spread = np.mean(np.ptp(lengths[found], axis=1))
    assert spread < np.mean(np.ptp(lengths[epoch(method)[: steps * 8].reshape(steps, 8)], axis=1))
    if method == "balanced-batches":
        counts = np.array([np.bincount(batch, minlength=4)[[0, 1, 3]] for batch in LABELS[found]])
        assert (np.ptp(counts, axis=1) <= 1).all()


@pytest.mark.parametrize("method", DRAWN)
def test_refusals(method):
    with pytest.raises(UserError, match=f"--sampling {method} is for one class an example"):
        drawing.size(np.eye(3), method)
    with pytest.raises(UserError, match="sampling must be one of none, oversample"):
        drawing.size(LABELS, "more")
    assert drawing.size(np.eye(3), "none") == 3
