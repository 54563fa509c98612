"""Augmentation of images: pure functions of seed, epoch and example, each against a loop or its formula."""

import itertools

import numpy as np
import pytest
from scipy import stats

from hornbook import UserError, data
from hornbook.data import batches, mixing, randomness
from hornbook.data.images import augmentation, policies


def images(batch=64, height=8, width=6, channels=3, dtype=np.uint8):
    """Images no two pixels of which are likely to agree, and none is black."""
    return np.random.default_rng(0).integers(1, 256, (batch, height, width, channels)).astype(dtype)


def drawing(indices, seed=0, epoch=0):
    return lambda stream: randomness.uniform(seed, epoch, indices, stream)


def augmented(name, batch, seed=0, epoch=0, indices=None):
    """The batch after the augmentation `name`, or after that alone which a flag of `ALONE` adds."""
    draw = drawing(np.arange(len(batch)) if indices is None else indices, seed, epoch)
    augment = augmentation.augmenter("none", **ALONE[name]) if name in ALONE else augmentation.augmenter(name)
    return augment(batch, np.zeros((len(batch), 2), np.float32), draw)[0]


ALONE = {"erasing": {"random_erasing_probability": 0.5}, "colour": {"colour_strength": 0.4}}
# Everything but what mixes examples: each is a pure function of its own seed, epoch and index.
PURE = (*augmentation.NAMES[1:], *ALONE)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["none", *PURE])
def test_shape_and_type_stay_and_the_input_is_not_touched(name, channels, dtype):
    batch = images(batch=16, height=9, channels=channels, dtype=dtype)
    before = batch.copy()
    batch.flags.writeable = False
    result = augmented(name, batch)
    assert result.shape == batch.shape
    assert result.dtype == dtype
    assert np.array_equal(batch, before)


@pytest.mark.parametrize("name", PURE)
def test_an_example_is_treated_alike_in_any_batch(name):
    batch = images()
    whole = augmented(name, batch)
    for size in (1, 7, 64):
        parts = [augmented(name, batch[start : start + size], indices=np.arange(64)[start : start + size]) for start in range(0, 64, size)]
        assert np.array_equal(np.concatenate(parts), whole)
    order = np.random.default_rng(1).permutation(64)
    assert np.array_equal(augmented(name, batch[order], indices=order), whole[order])


@pytest.mark.parametrize("name", PURE)
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


@pytest.mark.parametrize("name", ["flip", "crop-flip", "trivial"])
def test_alternating_flips_show_each_side_once_in_two_epochs(name):
    batch = images()
    augment = augmentation.augmenter(name, flipping="alternating")
    alone = augmentation.augmenter("flip", flipping="alternating")
    sides = []
    for epoch in range(3):
        draw = randomness.Draw(0, epoch, np.arange(64))
        sides.append(alone(batch, np.zeros((64, 2)), draw)[0])
        if name == "crop-flip":
            cropped = augmentation.crop(batch, draw)
            expected = np.where(draw.alternating("flip")[:, None, None, None], cropped[:, :, ::-1], cropped)
            assert np.array_equal(augment(batch, np.zeros((64, 2)), draw)[0], expected)
        elif name == "trivial":  # The policy comes after it.
            expected = policies.trivial(augmentation.crop_flip(batch, draw, how="alternating"), draw)
            assert np.array_equal(augment(batch, np.zeros((64, 2)), draw)[0], expected)
    assert np.array_equal(sides[0], sides[1][:, :, ::-1])
    assert np.array_equal(sides[0], sides[2])
    mirrored = (sides[0] != batch).any(axis=(1, 2, 3))
    assert 16 < mirrored.sum() < 48


def test_crop_can_fill_with_the_images_own_pixels():
    batch, draw = images(batch=50), drawing(np.arange(50))
    result = augmentation.augmenter("crop", crop_padding=2, crop_fill="reflect")(batch, np.zeros((50, 2)), draw)[0]
    assert result.all()  # No pixel of the images is black.
    for example in range(50):
        rows = np.abs(np.arange(8) + int(draw("crop row")[example] * 5) - 2)
        columns = np.abs(np.arange(6) + int(draw("crop column")[example] * 5) - 2)
        rows, columns = np.where(rows > 7, 14 - rows, rows), np.where(columns > 5, 10 - columns, columns)
        assert np.array_equal(result[example], batch[example][rows][:, columns])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flipping": "often"}, "flip must be one of random, alternating, got 'often'"),
        ({"crop_fill": "white"}, "crop_fill must be one of zeros, reflect, got 'white'"),
        ({"crop_padding": 0}, "crop_padding must be at least 1 pixel, got 0"),
        ({"crop_padding": 6}, "less than the images' sides, 8 and 6 pixels, got 6"),
    ],
)
def test_flips_and_crops_that_cannot_be_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        augmentation.augmenter("crop-flip", **options)(images(), np.zeros((64, 2)), drawing(np.arange(64)))


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


def test_everything_on_is_one_after_the_other():
    batch, labels, draw = images(height=12, width=12), np.eye(64, dtype=np.float32), drawing(np.arange(64))
    options = {"cutmix_alpha": 1.0, "random_erasing_probability": 0.7, "colour_strength": 0.3}
    both = augmentation.augmenter("randaugment", 0.4, **options, randaugment_operations=3, randaugment_magnitude=5)(batch, labels, draw)
    apart = policies.randaugment(augmentation.crop_flip(batch, draw), draw, 3, 5)
    apart = augmentation.random_erasing(policies.colour(apart, draw, 0.3), draw, 0.7)
    apart = mixing.mixup_or_cutmix(apart, labels, draw, 0.4, 1.0)
    assert all(np.array_equal(a, b) for a, b in zip(both, apart, strict=True))


@pytest.mark.parametrize("name", augmentation.NAMES)
def test_pixels_of_another_maximum_are_treated_like_those_of_255(name):
    white = images(batch=32)
    augment = {maximum: augmentation.augmenter(name, colour_strength=0.4, pixel_maximum=maximum) for maximum in (255, 1.0)}
    labels, draw = np.zeros((32, 2), np.float32), drawing(np.arange(32))
    expected = augment[255](white, labels, draw)[0]
    result = augment[1.0](white.astype(np.float32) / 255, labels, draw)[0]
    assert result.dtype == np.float32
    np.testing.assert_allclose(result * 255, expected, atol=1e-3)


@pytest.mark.parametrize("name", PURE)
def test_digits_stay_digits(name):
    digits = data.images.load("digits")
    augment = augmentation.augmenter(name, pixel_maximum=16) if name not in ALONE else None
    augment = augment or augmentation.augmenter("none", pixel_maximum=16, **ALONE[name])
    result, _ = augment(digits.train.inputs[:64], np.zeros((64, 10), np.float32), drawing(np.arange(64)))
    assert result.dtype == np.uint8
    assert result.max() <= 16
    assert result.std() > 2


def erased(batch, probability=1.0, maximum=255):
    result = augmentation.random_erasing(batch, drawing(np.arange(len(batch))), probability, maximum)
    return result, (result != batch).any(axis=-1)


def test_random_erasing_fills_one_rectangle_of_the_paper_s_size():
    _, changed = erased(np.full((500, 40, 30, 3), -1.0))
    for mask in changed:
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert mask.sum() == (np.ptp(rows) + 1) * (np.ptp(columns) + 1)  # It is full.
        assert 0.015 < mask.mean() < 0.42
    assert abs(changed.mean(axis=(1, 2)).mean() - 0.2) < 0.02  # Some of 0.02 to 0.4 is cut off at the sides.
    places = changed.mean(axis=0)
    assert places[20, 15] > places[0, 0] > 0  # Anywhere, and as always the middle most often.
    assert abs(places[:20].mean() - places[20:].mean()) < 0.05


def test_random_erasing_happens_as_often_as_asked_and_with_pixels_of_the_range():
    for probability in (0.0, 0.3, 1.0):
        _, changed = erased(np.full((1000, 8, 8, 1), -1.0), probability)
        assert abs(changed.any(axis=(1, 2)).mean() - probability) < 4 * np.sqrt(0.21 / 1000)
    for maximum, dtype in ((16, np.uint8), (1.0, np.float32)):
        result, changed = erased(np.full((300, 8, 8, 1), 100, dtype), 1.0, maximum)
        filled = result[changed]
        assert (filled.min(), filled.max()) == (0, maximum)
        assert abs(filled.mean() / maximum - 0.5) < 0.03


@pytest.mark.parametrize("name", augmentation.NAMES)
def test_evaluation_sees_no_augmentation(name):
    part = data.images.load("digits").test
    augment = augmentation.augmenter(name, 0.2, cutmix_alpha=1.0, random_erasing_probability=1.0, colour_strength=0.5, pixel_maximum=16)
    list(zip(batches.training_batches(part, batch_size=64, num_classes=10, epochs=1, augment=augment), range(2), strict=False))
    seen = [np.asarray(inputs) for inputs, _ in batches.evaluation_batches(part, batch_size=100, num_classes=10)]
    assert np.array_equal(np.concatenate(seen), part.inputs)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"cutmix_alpha": -1.0}, "cutmix must be 0"),
        ({"random_erasing_probability": 1.1}, "random_erasing must be from 0"),
        ({"colour_strength": float("nan")}, "colour must be from 0"),
        ({"randaugment_operations": 0}, "randaugment_operations must be at least 1, got 0"),
        ({"randaugment_magnitude": 11}, "randaugment_magnitude must be from 0 to 10, got 11"),
    ],
)
def test_refusals_of_numbers(options, words):
    with pytest.raises(UserError, match=words):
        augmentation.augmenter("none", **options)


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
