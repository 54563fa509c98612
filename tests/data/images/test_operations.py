import colorsys

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from hornbook import UserError
from hornbook.data.images import operations


def photographs(batch=12, height=32, width=24, channels=3):
    """Images as photographs are: smooth, with an edge, some dark, some of few levels, the last of one level alone."""
    generator = np.random.default_rng(0)
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    images = np.zeros((batch, height, width, channels))
    for image in images:
        for channel in range(channels):
            a, b, c = generator.normal(size=3)
            image[..., channel] = (
                120 + 80 * np.sin(4 * (a * rows + b * columns) + c) + 30 * (rows > 0.5) + generator.normal(0, 8, rows.shape)
            )
        image *= generator.uniform(0.3, 1)
    images[-2] = 50 * (images[-2] // 50)
    images[-1] = 77
    return np.clip(images, 0, 255).astype(np.uint8)


def through_pillow(image, operation):
    """A function of Pillow on one image; on a single channel as an image of mode L."""
    grey = image.shape[-1] == 1
    changed = np.asarray(operation(Image.fromarray(image[..., 0] if grey else image)))
    return changed[..., None] if grey else changed


def affine(matrix):
    return lambda image: image.transform(image.size, Image.Transform.AFFINE, matrix, Image.Resampling.NEAREST)


# What Pillow calls each operation, as functions of the magnitude.
PILLOW = {
    "identity": lambda _: lambda image: image,
    "autocontrast": lambda _: ImageOps.autocontrast,
    "equalize": lambda _: ImageOps.equalize,
    "posterize": lambda bits: lambda image: ImageOps.posterize(image, int(bits)),
    "solarize": lambda threshold: lambda image: ImageOps.solarize(image, threshold),
    "brightness": lambda factor: lambda image: ImageEnhance.Brightness(image).enhance(factor),
    "contrast": lambda factor: lambda image: ImageEnhance.Contrast(image).enhance(factor),
    "colour": lambda factor: lambda image: ImageEnhance.Color(image).enhance(factor),
    "sharpness": lambda factor: lambda image: ImageEnhance.Sharpness(image).enhance(factor),
    "shear x": lambda slope: affine((1, slope, 0, 0, 1, 0)),
    "shear y": lambda slope: affine((1, 0, 0, slope, 1, 0)),
    "translate x": lambda pixels: affine((1, 0, pixels, 0, 1, 0)),
    "translate y": lambda pixels: affine((1, 0, 0, 0, 1, pixels)),
    "rotate": lambda degrees: lambda image: image.rotate(degrees),
}
FACTORS = (0.01, 0.1, 0.73, 1.0, 1.4, 1.99)
MAGNITUDES = {
    "posterize": (1, 2, 4, 8),
    "solarize": (0, 1, 100, 255, 256),
    **dict.fromkeys(("brightness", "contrast", "colour", "sharpness"), FACTORS),
    **dict.fromkeys(("shear x", "shear y"), (-0.99, -0.1, 0, 0.3)),
    **dict.fromkeys(("translate x", "translate y"), (-40, -3, 0, 5.4)),
    "rotate": (-135, -30, 0, 9.7, 90),
}


def applied(name, images, magnitude):
    count = len(images)
    return operations.apply(images, np.full(count, operations.number(name)), np.full(count, float(magnitude)))


@pytest.mark.parametrize("shape", [(32, 24, 3), (8, 8, 1), (100, 101, 3)], ids=str)
@pytest.mark.parametrize("name", PILLOW)
def test_every_operation_is_pillow_s(name, shape):
    images = photographs(4 if shape[0] == 100 else 12, *shape)
    for magnitude in MAGNITUDES.get(name, (0,)):
        result = applied(name, images, magnitude)
        assert result.dtype == np.uint8
        if name == "colour" and shape[-1] == 1:
            assert np.array_equal(result, images)
            continue
        expected = np.stack([through_pillow(image, PILLOW[name](magnitude)) for image in images]).astype(int)
        if name == "rotate":  # Of nearest pixels, those at the same distance may be the other one by a rounding error.
            assert (np.abs(result - expected) > 1).mean() < 0.005
        else:
            assert np.abs(result - expected).max() <= 1


def test_hue_turns_the_circle_of_colours():
    images = photographs()
    hue = np.stack([np.asarray(Image.fromarray(image).convert("HSV")) for image in images]).astype(int)
    turned = np.stack([np.asarray(Image.fromarray(image).convert("HSV")) for image in applied("hue", images, 0.25)]).astype(int)
    colourful = (hue[..., 1] > 60) & (hue[..., 2] > 60)
    assert colourful.any()
    assert np.abs((turned - hue)[colourful][:, 0] % 256 - 64).max() <= 3  # Of 256: to the pixels' levels, and to Pillow's hues.
    assert np.abs(turned - hue)[..., 2].max() <= 1
    red = np.full((1, 8, 8, 3), (255, 0, 0), np.uint8)
    assert applied("hue", red, 1 / 3)[0, 0, 0].tolist() == [0, 255, 0]
    for turns in (-0.9, 0.0, 0.13, 1.0):
        for pixel, changed in zip(images[:, 5, 5], applied("hue", images, turns)[:, 5, 5], strict=True):
            hue, saturation, value = colorsys.rgb_to_hsv(*pixel / 255)
            expected = 255 * np.array(colorsys.hsv_to_rgb((hue + turns) % 1, saturation, value))
            np.testing.assert_allclose(changed, expected, atol=0.501)
    assert np.array_equal(applied("hue", images[..., :1], 0.25), images[..., :1])


def test_a_batch_of_all_operations_is_each_alone():
    images = photographs(45)
    numbers = np.random.default_rng(0).permutation(np.arange(45) % 15)
    chosen = [MAGNITUDES.get(operations.OPERATIONS[number], (0,))[0] for number in numbers]
    before = images.copy()
    images.flags.writeable = False
    together = operations.apply(images, numbers, np.array(chosen))
    assert np.array_equal(images, before)
    for place in range(45):
        alone = operations.apply(images[place : place + 1], numbers[place : place + 1], chosen[place : place + 1])
        assert np.array_equal(alone[0], together[place])


@pytest.mark.parametrize("name", operations.OPERATIONS)
def test_any_number_of_channels_and_any_size_will_do(name):
    for shape in ((8, 8, 2), (8, 9, 4), (1, 1, 3), (300, 2, 1)):
        images = photographs(2, *shape)
        assert applied(name, images, MAGNITUDES.get(name, (0.5,))[-1]).shape == images.shape
    assert applied(name, np.zeros((0, 8, 8, 3), np.uint8), 1).shape == (0, 8, 8, 3)


@pytest.mark.parametrize(
    ("dtype", "maximum"),
    [(np.uint8, 255), (np.uint8, 16), (np.uint8, 1), (np.int32, 100), (np.float32, 16), (np.float64, 1), (np.float16, 255)],
)
def test_levels_and_back_is_where_it_began(dtype, maximum):
    whole = np.arange(min(maximum, 255) + 1).astype(dtype).reshape(1, -1, 1, 1)
    levels = operations.to_levels(whole, maximum)
    assert levels.dtype == np.uint8
    assert (levels.min(), levels.max()) == (0, 255)
    back = operations.from_levels(levels, maximum, np.dtype(dtype))
    assert back.dtype == dtype
    np.testing.assert_allclose(back, whole, atol=0 if np.issubdtype(dtype, np.integer) else maximum / 510 + 1e-6)


def test_levels_are_cut_to_white_and_refused_below_black():
    assert operations.to_levels(np.array([[0.5, 2.0]], np.float32), 1.0).tolist() == [[128, 255]]
    assert operations.to_levels(np.array([17], np.uint8), 16).tolist() == [255]
    for dark in (-0.1, float("nan")):
        with pytest.raises(UserError, match="need pixels from 0 to 1, got"):
            operations.to_levels(np.array([dark, 1.0], np.float32), 1.0)
