import itertools

import numpy as np
import pytest
from scipy import stats

from hornbook import UserError
from hornbook.training import augmentation, mixing, randomness


def images(batch=64, height=8, width=6, channels=3, dtype=np.uint8):
    """Images no two pixels of which are likely to agree, and none is black."""
    return np.random.default_rng(0).integers(1, 256, (batch, height, width, channels)).astype(dtype)


def drawing(indices, seed=0, epoch=0):
    return lambda stream: randomness.uniform(seed, epoch, indices, stream)


def augmented(name, batch, seed=0, epoch=0, indices=None):
    draw = drawing(np.arange(len(batch)) if indices is None else indices, seed, epoch)
    return augmentation.augmenter(name)(batch, np.zeros((len(batch), 2), np.float32), draw)[0]


SPATIAL = ("flip", "crop", "crop-flip")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("name", ["none", *SPATIAL])
def test_shape_and_type_stay_and_the_input_is_not_touched(name, dtype):
    batch = images(dtype=dtype)
    before = batch.copy()
    batch.flags.writeable = False
    result = augmented(name, batch)
    assert result.shape == batch.shape
    assert result.dtype == dtype
    assert np.array_equal(batch, before)


@pytest.mark.parametrize("name", SPATIAL)
def test_an_example_is_treated_alike_in_any_batch(name):
    batch = images()
    whole = augmented(name, batch)
    for size in (1, 7, 64):
        parts = [augmented(name, batch[start : start + size], indices=np.arange(64)[start : start + size]) for start in range(0, 64, size)]
        assert np.array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(1).permutation(64)
    assert np.array_equal(augmented(name, batch[order], indices=order), whole[order])


@pytest.mark.parametrize("name", SPATIAL)
def test_epochs_and_seeds_differ(name):
    batch = images()
    base = augmented(name, batch)
    assert np.array_equal(augmented(name, batch), base)
    for other in (augmented(name, batch, epoch=1), augmented(name, batch, seed=1)):
        different = (other != base).any(axis=(1, 2, 3)).mean()
        assert different > 0.3


def test_flip_mirrors_about_half_and_leaves_the_others():
    batch = images(batch=2000, height=2, width=3, channels=1)
    result = augmented("flip", batch)
    mirrored = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(result, batch, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(result, batch, strict=True)])
    assert (mirrored | same).all()
    assert abs(mirrored.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


@pytest.mark.parametrize("padding", [None, 1, 3])
def test_crop_cuts_the_windows_of_a_loop(padding):
    batch = images(batch=50)
    draw = drawing(np.arange(50))
    result = augmentation.crop(batch, draw, padding)
    pad = 1 if padding is None else padding  # An eighth of 6 pixels, rounded.
    for example in range(50):
        row = int(draw("crop row")[example] * (2 * pad + 1)) - pad
        column = int(draw("crop column")[example] * (2 * pad + 1)) - pad
        expected = np.zeros_like(batch[example])
        for y, x in itertools.product(range(8), range(6)):
            if 0 <= y + row < 8 and 0 <= x + column < 6:
                expected[y, x] = batch[example, y + row, x + column]
        assert np.array_equal(result[example], expected)


def test_crop_takes_every_place_equally_often_within_one_batch():
    batch = images(batch=4500, height=3, width=3, channels=1)
    marked = np.zeros_like(batch)
    marked[:, 1, 1] = 1  # The middle of a 3x3 image stays inside for all nine places.
    result = augmentation.crop(marked, drawing(np.arange(4500)))
    assert (result.sum(axis=(1, 2, 3)) == 1).all()
    places = result.reshape(4500, 9).argmax(axis=1)
    assert stats.chisquare(np.bincount(places, minlength=9)).pvalue > 1e-3


def test_crop_pads_an_eighth_of_the_shorter_side():
    for height, width, padding in ((32, 32, 4), (28, 28, 4), (8, 8, 1), (4, 40, 1), (40, 24, 3)):
        white = np.ones((400, height, width, 1), np.uint8)
        result = augmentation.crop(white, drawing(np.arange(400)))
        assert max((image.sum(axis=(1, 2)) == 0).sum() for image in result) == padding
        assert max((image.sum(axis=(0, 2)) == 0).sum() for image in result) == padding


def test_crop_flip_is_crop_then_flip():
    batch, draw = images(), drawing(np.arange(64))
    assert np.array_equal(augmented("crop-flip", batch), augmentation.flip(augmentation.crop(batch, draw), draw))


def blended(alpha, count=4000):
    """Mixup of one-hot labels: each example's weight of its own label."""
    labels = np.eye(count, dtype=np.float32)[:, : count + 1]
    _, mixed = mixing.mixup(np.zeros((count, 1, 1, 1), np.uint8), labels, drawing(np.arange(count)), alpha)
    return np.diag(mixed)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 3.0])
def test_mixup_weights_follow_the_beta_distribution(alpha):
    weights = blended(alpha).astype(np.float64)
    variance = 1 / (4 * (2 * alpha + 1))
    assert abs(weights.mean() - 0.5) < 4 * np.sqrt(variance / 4000)
    assert weights.var() == pytest.approx(variance, rel=0.1)
    assert stats.kstest(weights, stats.beta(alpha, alpha).cdf).pvalue > 1e-3


def test_mixup_blends_images_and_labels_with_one_weight():
    batch, labels = images(batch=5), np.eye(5, dtype=np.float32)
    mixed, mixed_labels = mixing.mixup(batch, labels, drawing(np.arange(5)), 1.0)
    assert mixed.dtype == np.float32
    assert mixed_labels.dtype == np.float32
    for example in range(5):
        weight = mixed_labels[example, example]
        partner = (example + 1) % 5
        assert mixed_labels[example, partner] == pytest.approx(1 - weight, abs=1e-6)
        expected = weight * batch[example].astype(np.float64) + (1 - weight) * batch[partner]
        np.testing.assert_allclose(mixed[example], expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("alpha", [1e-6, 1e-3, 0.2, 1.0, 50.0, 1e4])
def test_mixed_labels_stay_distributions(alpha):
    soft = np.random.default_rng(0).dirichlet(np.ones(4), 300).astype(np.float32)
    batch = images(batch=300)
    mixed, labels = mixing.mixup(batch, soft, drawing(np.arange(300)), alpha)
    assert (labels >= 0).all()
    np.testing.assert_allclose(labels.sum(axis=1), 1, atol=1e-6)
    assert mixed.min() >= batch.min()
    assert mixed.max() <= 255.001


def test_mixup_leaves_its_inputs():
    batch, labels = images(batch=8, dtype=np.float32), np.eye(8, dtype=np.float32)
    before = batch.copy(), labels.copy()
    mixing.mixup(batch, labels, drawing(np.arange(8)), 1.0)
    assert np.array_equal(batch, before[0])
    assert np.array_equal(labels, before[1])


def test_augmenter_with_mixup_transforms_first():
    batch, labels, draw = images(), np.eye(64, dtype=np.float32), drawing(np.arange(64))
    both = augmentation.augmenter("crop-flip", 0.4)(batch, labels, draw)
    apart = mixing.mixup(augmentation.crop_flip(batch, draw), labels, draw, 0.4)
    assert all(np.array_equal(a, b) for a, b in zip(both, apart, strict=True))


def test_no_augmentation_returns_what_came():
    batch, labels = images(), np.eye(64, dtype=np.float32)
    result = augmentation.augmenter("none")(batch, labels, drawing(np.arange(64)))
    assert result[0] is batch
    assert result[1] is labels


@pytest.mark.parametrize(
    ("name", "alpha", "words"),
    [
        ("cutout", 0.0, r"augmentation must be one of none, flip, crop, crop-flip, trivial, randaugment, augmix, got 'cutout'"),
        ("none", -0.1, r"mixup must be 0 .* got -0.1"),
        ("none", float("nan"), r"mixup must be 0 .* got nan"),
        ("none", float("inf"), r"mixup must be 0 .* got inf"),
    ],
)
def test_refusals(name, alpha, words):
    with pytest.raises(UserError, match=words):
        augmentation.augmenter(name, alpha)
