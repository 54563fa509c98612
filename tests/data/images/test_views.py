"""Two views of an image: windows, blur and colours against formulas, and the same ones for the same numbers."""

import numpy as np
import pytest
from scipy import ndimage

from hornbook import UserError, data
from hornbook.data.images.pretraining import views
from hornbook.data.randomness import Draw


def images(count=16, side=12, channels=3):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels)).astype(np.uint8)


def test_the_whole_window_is_the_image():
    found = views.random_crop(images(), lambda name: np.full(16, 0.5), smallest=1.0)
    np.testing.assert_allclose(found, images(), atol=1e-3)


def test_a_window_is_what_lies_between_its_pixels():
    drawn = {"window area": 0.25, "window ratio": 0.5, "window row": 0.5, "window column": 0.0}
    ramp = np.tile(np.arange(8.0)[None, :, None, None], (1, 1, 8, 1)) * 10 + np.arange(8.0)[None, None, :, None]
    found = views.random_crop(ramp, lambda name: np.full(1, drawn[name]), smallest=0.0)
    # A quarter of the area: half of each side, from a quarter of the rows on, and from the first column on.
    rows = np.clip((0.25 + 0.5 * (np.arange(8) + 0.5) / 8) * 8 - 0.5, 0, 7)
    columns = np.clip((0.5 * (np.arange(8) + 0.5) / 8) * 8 - 0.5, 0, 7)
    np.testing.assert_allclose(found[0, :, :, 0], 10 * rows[:, None] + columns, atol=1e-4)


def test_a_blur_is_scipys():
    given = images(3, side=20).astype(np.float32)
    widths = np.array([0.2, 0.5, 0.9])
    found = views.blur(given, lambda name: np.array([0.1, 0.9, 0.3]) if name == "blur" else widths, probability=0.5)
    for image, width, blurred, chosen in zip(given, widths, found, (True, False, True), strict=True):
        deviation = 0.1 + 1.9 * width
        expected = ndimage.gaussian_filter(image, (deviation, deviation, 0), mode="nearest", radius=(1, 1, 0)) if chosen else image
        np.testing.assert_allclose(blurred, expected, atol=1e-2)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_views_are_of_the_images_kind_and_a_function_of_the_numbers(kind, channels):
    made = views.Views(blur=0.5, noise=0.05)
    given = images(channels=channels).astype(kind)
    found = made.pair(given, Draw(3, 1, np.arange(16)))
    assert found.shape == (16, 2, 12, 12, channels)
    assert found.dtype == kind
    assert found.min() >= 0
    assert found.max() <= 255
    np.testing.assert_array_equal(found[5:9], made.pair(given[5:9], Draw(3, 1, np.arange(5, 9))))
    assert not np.array_equal(found[:, 0], found[:, 1])
    assert not np.array_equal(found, made.pair(given, Draw(3, 2, np.arange(16))))


def test_some_views_in_colour_are_grey():
    found = views.Views().pair(images(200), Draw(0, 0, np.arange(200)))[:, 0]
    grey = (found == found[..., :1]).all(axis=(1, 2, 3))
    assert 0.1 < grey.mean() < 0.3


def test_noise_is_as_wide_as_was_asked_for():
    given = np.full((50, 12, 12, 1), 100.0)
    found = views.Views(colour=0.0, noise=0.1, pixel_maximum=200).one(given, Draw(0, 0, np.arange(50)))
    assert found.std() == pytest.approx(20, rel=0.05)
    assert found.mean() == pytest.approx(100, rel=0.05)


def test_pairs_that_are_scored_are_the_same_in_any_order():
    plain = data.images.from_arrays(images(20), np.zeros(20, int))
    found = views.PairedExamples(plain.train, views.Views(), seed=7)
    whole = found.in_memory().inputs
    order = np.array([3, 0, 11, 3])
    for places, inputs in found.stream(3, order=order):
        np.testing.assert_array_equal(inputs, whole[order[places]])
    np.testing.assert_array_equal(found.subset(order).in_memory().inputs, whole[order])


@pytest.mark.parametrize("wrong", [{"smallest_crop": 0.0}, {"colour": 1.5}, {"blur": -0.1}, {"noise": 2.0}])
def test_what_is_out_of_range_is_refused(wrong):
    with pytest.raises(UserError, match=f"{next(iter(wrong))} must be from 0 to 1"):
        views.Views(**wrong)
