"""The operations that augmentation policies are made of, on batches in which each image has its own: `apply`.

Each is what Pillow does (`ImageOps`, `ImageEnhance`, `Image.transform` with the nearest pixel), from which the published policies take
them. Point operations are done here, as tables of 256 entries made for all images at once: on one thread, Pillow equalizes 11,000
images/s of 32x32x3, these tables 59,000. Geometric operations, saturation and sharpness are Pillow's own: a gather in NumPy gained a
quarter at 32x32x3, and took four times as long at 224x224x3.
"""

import math

import numpy as np

from hornbook import UserError

# An operation is a number, so that a batch of them is an array: the place in this tuple.
OPERATIONS = (
    "identity", "autocontrast", "equalize", "posterize", "solarize", "brightness", "contrast", "colour", "sharpness",
    "shear x", "shear y", "translate x", "translate y", "rotate", "hue",
)  # fmt: skip
_TABLES = ("posterize", "solarize", "brightness", "contrast")
_PER_CHANNEL = ("autocontrast", "equalize")
_OF_COLOUR = ("colour", "hue")
# Luminance of ITU-R 601-2 as Pillow has it, in 65536ths: float32 holds every sum exactly.
_LUMINANCE = np.array([19595, 38470, 7471], np.float32) / 65536
# From this many pixels on, Pillow finds the levels of a channel faster: at 224x224x3 it took 0.7 times as long for these two.
_LARGE = 10_000
# Pixels of which hue is turned at a time, so that all that is computed between stays in the processor's cache.
_AT_A_TIME = 16_384


def to_levels(images, pixel_maximum=255):
    """Pixels from 0 to `pixel_maximum` as the 256 grey levels that the operations are defined on.

    Args:
        images: array `(batch, height, width, channels)`, any number type.
        pixel_maximum: the number that stands for white; what is beyond is cut to it.

    Returns:
        uint8 array of the same shape; the images themselves where nothing has to change.

    Raises:
        UserError: pixels below 0 or not a number, for which brightness and the like have no meaning.
    """
    if images.dtype == np.uint8:
        if pixel_maximum == 255:
            return images
        table = np.minimum(np.rint(np.arange(256) * (255 / pixel_maximum)), 255).astype(np.uint8)
        return table[images]
    lowest = images.min(initial=0)
    if not lowest >= 0:
        raise UserError(f"these augmentations need pixels from 0 to {pixel_maximum:g}, got {lowest:g}; use none, flip, crop or crop-flip")
    return np.rint(np.minimum(images.astype(np.float32) * np.float32(255 / pixel_maximum), 255)).astype(np.uint8)


def from_levels(levels, pixel_maximum, dtype):
    """The inverse of `to_levels`: integers are rounded, so that integer images of up to 256 levels come back as they were."""
    if dtype == np.uint8 and pixel_maximum == 255:
        return levels
    table = np.arange(256) * (pixel_maximum / 255)
    return (np.rint(table) if np.issubdtype(dtype, np.integer) else table).astype(dtype)[levels]


def apply(images, operations, magnitudes):
    """Each image after its own operation.

    | operation | magnitude | Pillow |
    |---|---|---|
    | identity | unused | |
    | autocontrast, equalize | unused | `ImageOps.autocontrast`, `ImageOps.equalize` |
    | posterize | bits kept, 1 to 8 | `ImageOps.posterize` |
    | solarize | levels from this one on are inverted | `ImageOps.solarize` |
    | brightness, contrast, colour, sharpness | factor, 1 changes nothing | `ImageEnhance`; colour is saturation |
    | shear x, shear y | columns a row, rows a column | `Image.transform`, the upper left corner stays |
    | translate x, translate y | pixels to the left, upwards | `Image.transform` |
    | rotate | degrees, counter-clockwise | `Image.rotate`, about the middle |
    | hue | turns of the colour circle | `convert("HSV")` with H plus this, but not rounded between |

    What comes in from outside of an image is black, as in `crop`. Images that are not of 3 channels have no colour and no hue: those leave
    them alone; contrast is relative to the mean of all their channels.

    Args:
        images: uint8 array `(batch, height, width, channels)`.
        operations: integer array `(batch,)` of places in `OPERATIONS`.
        magnitudes: float array `(batch,)`.

    Returns:
        A new uint8 array of the same shape.
    """
    result = images.copy()
    operations, magnitudes = np.asarray(operations), np.asarray(magnitudes, np.float64)
    tables, places = [], []
    for number in np.unique(operations):
        name = OPERATIONS[number]
        where = np.flatnonzero(operations == number)
        if images.shape[-1] != 3 and name in _OF_COLOUR:
            continue
        if name == "hue":
            _turn_hue(result, where, magnitudes)
        elif name in _PER_CHANNEL and images.shape[1] * images.shape[2] < _LARGE:
            _through_planes(result, where, {"autocontrast": _autocontrast_tables, "equalize": _equalize_tables}[name])
        elif name in _TABLES:
            tables.append(_tables(name, images, where, magnitudes[where]))
            places.append(where)
        elif name != "identity":
            _through_pillow(result, where, _pillow_operation(name, images.shape), magnitudes)
    if tables:
        _look_up(result, np.concatenate(places), np.concatenate(tables))
    return result


def number(name):
    """The place of an operation in `OPERATIONS`."""
    return OPERATIONS.index(name)


# Point operations: tables uint8 (examples, 256), or (examples x channels, 256).


def _tables(name, images, where, magnitudes):
    level, magnitude = np.arange(256), magnitudes[:, None]
    if name == "posterize":
        dropped = 8 - np.rint(magnitude).astype(np.int64)
        return ((level >> dropped) << dropped).astype(np.uint8)
    if name == "solarize":
        return np.where(level < magnitude, level, 255 - level).astype(np.uint8)
    base = np.zeros_like(magnitude) if name == "brightness" else _mean_luminance(images[where])[:, None]
    # float32 and cut off towards zero, as Pillow blends.
    blended = base.astype(np.float32) + magnitude.astype(np.float32) * (level - base).astype(np.float32)
    return np.clip(blended, 0, 255).astype(np.uint8)


def _mean_luminance(images):
    """Float64 array `(examples,)` of whole numbers: the mean of Pillow's conversion to grey, itself rounded."""
    pixels = images.reshape(len(images), -1, images.shape[-1]).astype(np.float32)
    grey = np.floor(pixels @ _LUMINANCE + np.float32(0.5)) if pixels.shape[-1] == 3 else pixels.mean(axis=-1)
    return np.floor(grey.mean(axis=1, dtype=np.float64) + 0.5)


def _look_up(images, where, tables):
    """Replace the images at `where` by their tables' entries, in place. Of what NumPy and Pillow offer, `bytes.translate` is fastest."""
    for place, table in zip(where, tables, strict=True):
        image = images[place]
        image[...] = np.frombuffer(image.tobytes().translate(table.tobytes()), np.uint8).reshape(image.shape)


def _through_planes(images, where, make_tables):
    """Replace the images at `where` by what tables make of each of their channels, in place."""
    batch, height, width, channels = images[where].shape
    planes = np.ascontiguousarray(images[where].transpose(0, 3, 1, 2)).reshape(batch * channels, height * width)
    _look_up(planes, range(len(planes)), make_tables(planes))
    images[where] = planes.reshape(batch, channels, height, width).transpose(0, 2, 3, 1)


def _autocontrast_tables(planes):
    low = planes.min(axis=1, keepdims=True).astype(np.float64)
    high = planes.max(axis=1, keepdims=True).astype(np.float64)
    flat = high <= low  # A plane of one level stays as it is.
    scale = 255 / np.where(flat, 1, high - low)
    stretched = np.arange(256) * scale - low * scale
    return np.where(flat, np.arange(256), np.clip(stretched, 0, 255)).astype(np.uint8)


def _equalize_tables(planes):
    counts = _histograms(planes)
    last = 255 - np.argmax(counts[:, ::-1] > 0, axis=1)
    step = (planes.shape[1] - counts[np.arange(len(planes)), last])[:, None] // 255
    below = np.cumsum(counts, axis=1) - counts
    # A plane of so few pixels that not one would go to each level stays as it is, in Pillow as here.
    spread = (step // 2 + below) // np.maximum(step, 1)
    return np.where(step == 0, np.arange(256), np.minimum(spread, 255)).astype(np.uint8)


def _histograms(planes):
    """Counts of the 256 levels, int64 array `(planes, 256)`."""
    offsets = 256 * np.arange(len(planes))[:, None]
    return np.bincount((planes + offsets).ravel(), minlength=256 * len(planes)).reshape(-1, 256)


# Operations of Pillow: functions (image, magnitude) -> image.


def _through_pillow(images, where, operation, magnitudes):
    """Replace the images at `where` by what Pillow makes of them, in place; those that are not RGB a channel at a time."""
    from PIL import Image

    _, height, width, channels = images.shape

    def changed(pixels, mode, magnitude):
        # Through bytes: `fromarray` and `asarray` took 1.4 times as long at 32x32.
        image = operation(Image.frombytes(mode, (width, height), pixels.tobytes()), magnitude)
        return np.frombuffer(image.tobytes(), np.uint8).reshape(pixels.shape)

    for place in where:
        if channels == 3:
            images[place] = changed(images[place], "RGB", magnitudes[place])
            continue
        for channel in range(channels):
            images[place, ..., channel] = changed(images[place, ..., channel], "L", magnitudes[place])


def _pillow_operation(name, shape):
    from PIL import Image, ImageEnhance, ImageOps

    if name in _PER_CHANNEL:
        change = {"autocontrast": ImageOps.autocontrast, "equalize": ImageOps.equalize}[name]
        return lambda image, _: change(image)
    if name in ("colour", "sharpness"):
        enhancer = {"colour": ImageEnhance.Color, "sharpness": ImageEnhance.Sharpness}[name]
        return lambda image, factor: enhancer(image).enhance(factor)
    matrix = {
        "shear x": lambda slope: (1, slope, 0, 0, 1, 0),
        "shear y": lambda slope: (1, 0, 0, slope, 1, 0),
        "translate x": lambda pixels: (1, 0, pixels, 0, 1, 0),
        "translate y": lambda pixels: (1, 0, 0, 0, 1, pixels),
        "rotate": lambda degrees: _rotation(degrees, shape[1], shape[2]),
    }[name]
    return lambda image, magnitude: image.transform(
        image.size, Image.Transform.AFFINE, matrix(magnitude), Image.Resampling.NEAREST, fillcolor=0
    )


def _rotation(degrees, height, width):
    """The matrix from a place in the result to that in the image, about its middle."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y = width / 2, height / 2
    return (cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y)


def _turn_hue(images, where, turns):
    """Turn the hue of the images at `where`, in place: value and saturation, hence the largest and the smallest channel, stay.

    With conversions to uint8 between, as in Pillow, a hue can be one of 256 only; in float32 it was also 4 times as fast.
    """
    height, width = images.shape[1:3]
    for places in np.array_split(where, max(1, -(-len(where) * height * width // _AT_A_TIME))):
        red, green, blue = images[places].transpose(3, 0, 1, 2).astype(np.float32)
        largest = np.maximum(np.maximum(red, green), blue)
        difference = largest - np.minimum(np.minimum(red, green), blue)
        divisor = np.maximum(difference, 1)  # Grey, where the difference is 0, has no hue, and none is seen below.
        hue = np.where(largest == red, green - blue, np.where(largest == green, blue - red, red - green)) / divisor
        hue += np.where(largest == red, np.float32(0), np.where(largest == green, np.float32(2), np.float32(4)))
        hue += (6 * turns[places]).astype(np.float32)[:, None, None]
        hue -= 6 * np.floor(hue / 6)  # NumPy's remainder took ten times as long.
        # How far each channel lies below the largest, in differences: red by 0 around hue 0 and 6, by 1 between 2 and 4.
        for channel, below in enumerate((2 - np.abs(hue - 3), np.abs(hue - 2) - 1, np.abs(hue - 4) - 1)):
            images[places, ..., channel] = np.rint(largest - difference * np.clip(below, 0, 1))
