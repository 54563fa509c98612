"""Corrupted images against their formulas, of any size, scale and number of channels."""

import io

import numpy as np
import PIL.Image
import pytest
from scipy.ndimage import gaussian_filter

from hornbook.data.corruptions import images


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).uniform(20, 230, (6, 16, 12, 3)).astype("float32")


def corrupted(x, kind, strength, keys=None, **options):
    return images.corrupted(x, kind, strength, white=255, keys=np.arange(len(x)) if keys is None else keys, **options)


@pytest.mark.parametrize("kind", images.STRENGTHS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_stronger_one_changes_more_and_stays_within_black_and_white(kind, channels):
    smooth = gaussian_filter(np.random.default_rng(1).uniform(0, 1, (4, 20, 20, channels)), (0, 1.5, 1.5, 0))
    x = (255 * (smooth - smooth.min()) / (smooth.max() - smooth.min())).astype("float32")
    before = x.copy()
    found = [corrupted(x, kind, strength) for strength in images.STRENGTHS[kind]]
    changes = [np.abs(one - x).mean() for one in found]
    assert changes == sorted(changes)
    assert 0 < changes[0] < changes[-1]
    assert all(one.dtype == np.float32 and one.shape == x.shape and one.min() >= 0 and one.max() <= 255 for one in found)
    np.testing.assert_array_equal(x, before)
    assert len(images.STRENGTHS[kind]) == 5
    assert images.COUNTS.keys() == images.STRENGTHS.keys()


@pytest.mark.parametrize("kind", images.STRENGTHS)
def test_an_image_is_corrupted_alike_whatever_its_batch(kind, photos):
    strength = images.STRENGTHS[kind][2]
    whole = corrupted(photos, kind, strength, keys=np.arange(6) + 70)
    np.testing.assert_array_equal(whole[3:5], corrupted(photos[3:5], kind, strength, keys=np.array([73, 74])))
    if kind in ("noise", "elastic"):
        assert np.abs(corrupted(photos, kind, strength) - corrupted(photos, kind, strength, seed=1)).max() > 0
        same = corrupted(photos[[0, 0]], kind, strength)
        assert np.abs(same[0] - same[1]).max() > 0


@pytest.mark.parametrize("kind", images.STRENGTHS)
def test_the_scale_of_pixels_does_not_matter(kind, photos):
    small = images.corrupted(photos / 255, kind, images.STRENGTHS[kind][1], white=1, keys=np.arange(6))
    np.testing.assert_allclose(255 * small, corrupted(photos, kind, images.STRENGTHS[kind][1]), atol=1e-3)


def test_noise_has_its_deviation():
    grey = np.full((4, 40, 40, 1), 127.5, np.float32)
    added = corrupted(grey, "noise", 0.1) - grey
    assert abs(added.std() / 25.5 - 1) < 0.03
    assert abs(added.mean()) < 1.5


def test_contrast_and_brightness(photos):
    mean = photos.mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(corrupted(photos, "contrast", 0.4), mean + 0.4 * (photos - mean), atol=1e-3)
    grey = photos[..., :1]
    np.testing.assert_allclose(corrupted(grey, "brightness", 0.2), np.minimum(grey + 51, 255), atol=1e-3)
    red = np.full((1, 2, 2, 3), [200.0, 100.0, 0.0], np.float32)
    np.testing.assert_allclose(corrupted(red, "brightness", 0.1)[0, 0, 0], np.array([200, 100, 0]) * 225.5 / 200, atol=1e-3)
    np.testing.assert_allclose(corrupted(0 * red, "brightness", 0.1), 25.5, atol=1e-3)


@pytest.mark.parametrize(("side", "pixels"), [(224, 3.0), (56, 1.5), (8, 3 * (8 / 224) ** 0.5)])
def test_blur_goes_with_the_root_of_the_size(side, pixels):
    x = np.random.default_rng(0).uniform(0, 255, (1, side, side + 4, 1)).astype("float32")
    np.testing.assert_allclose(corrupted(x, "blur", 3.0), gaussian_filter(x, (0, pixels, pixels, 0), mode="nearest"), atol=0.01)


def test_jpeg_is_pillows(photos):
    levels = np.rint(photos[0]).astype(np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(levels).save(file, format="JPEG", quality=10)
    np.testing.assert_array_equal(corrupted(levels[None], "JPEG", 10)[0], np.asarray(PIL.Image.open(file)))


def test_elastic_changes_move_pixels_as_far_as_they_say():
    side = 48
    rows, columns = np.meshgrid(np.arange(side), np.arange(side), indexing="ij")
    x = np.stack([rows, columns], axis=-1)[None].astype("float32")  # What a pixel shows is where it was.
    moved = images.corrupted(x, "elastic", 0.06, white=side, keys=[5])[0] - x[0]
    inside = moved[8:-8, 8:-8]
    assert 0.6 < np.sqrt(np.square(inside).sum(axis=-1).mean()) / (0.06 * side) < 1.3
    assert np.abs(np.diff(inside, axis=0)).max() < 2  # Neighbours go together.
