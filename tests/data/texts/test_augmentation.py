import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import randomness
from hornbook.data.texts import augmentation, tokenizing

IDS = np.zeros((400, 24), np.int32)
for row, length in enumerate(np.random.default_rng(0).integers(1, 25, 400)):
    IDS[row, :length] = np.arange(2, 2 + length)


def draw(seed=0, epoch=0, indices=None):
    indices = np.arange(len(IDS)) if indices is None else indices
    return lambda name: randomness.uniform(seed, epoch, indices, name)


def test_dropout_makes_a_share_of_tokens_unknown_and_no_padding():
    dropped = augmentation.word_dropout(IDS, draw(), 0.2)
    assert ((dropped == 0) == (IDS == 0)).all()
    changed = dropped != IDS
    assert set(dropped[changed]) == {tokenizing.UNKNOWN}
    assert changed.sum() / (IDS != 0).sum() == pytest.approx(0.2, abs=0.02)


def test_swaps_exchange_neighbours_and_keep_every_token():
    swapped = augmentation.word_swap(IDS, draw(), 0.3)
    np.testing.assert_array_equal(np.sort(swapped, axis=1), np.sort(IDS, axis=1))
    assert ((swapped == 0) == (IDS == 0)).all()
    places = np.where(swapped == 0, 0, swapped - np.arange(2, 26))
    assert set(np.unique(places)) == {-1, 0, 1}
    assert (places == 1).sum() / (IDS[:, 1:] != 0).sum() == pytest.approx(0.15, abs=0.02)


def test_augmentation_depends_on_seed_epoch_and_example_alone():
    augment = augmentation.augmenter(0.3, 0.3)
    labels = np.zeros((400, 2), np.float32)
    first, same = (augment(IDS, labels, draw(3, 1))[0] for _ in range(2))
    np.testing.assert_array_equal(first, same)
    assert (augment(IDS, labels, draw(3, 2))[0] != first).any()
    assert (augment(IDS, labels, draw(4, 1))[0] != first).any()
    # In another batch, padded to another length, an example is changed in the same way.
    some = np.array([7, 3, 11])
    padded = np.pad(IDS[some], ((0, 0), (0, 8)))
    np.testing.assert_array_equal(augment(padded, labels[:3], draw(3, 1, some))[0][:, :24], first[some])


def test_nothing_asked_is_nothing_done():
    assert augmentation.augmenter() is None
    for options, name in (((1.0, 0.0), "word_dropout"), ((0.0, -0.1), "word_swap")):
        with pytest.raises(UserError, match=f"{name} must be from 0"):
            augmentation.augmenter(*options)
