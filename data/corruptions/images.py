"""Corrupted images: noise, blur, contrast, brightness, JPEG and elastic changes (Hendrycks & Dietterich 2019, ImageNet-C)."""

import io

import numpy as np

from hornbook.data import randomness

STRENGTHS = {
    "noise": (0.08, 0.12, 0.18, 0.26, 0.38),
    "blur": (1.0, 2.0, 3.0, 4.0, 6.0),
    "contrast": (0.4, 0.3, 0.2, 0.1, 0.05),
    "brightness": (0.1, 0.2, 0.3, 0.4, 0.5),
    "JPEG": (25, 18, 15, 10, 7),
    "elastic": (0.01, 0.02, 0.03, 0.045, 0.06),
}
"""Those of ImageNet-C, but for elastic changes, whose five there are of different kinds."""

COUNTS = {
    "noise": "standard deviation of the noise, white being 1",
    "blur": "deviation of the blur in pixels of an image of 224, by the square root of the size",
    "contrast": "share of the distance to the mean that is left",
    "brightness": "added to the lightness, white being 1",
    "JPEG": "quality",
    "elastic": "mean way of a pixel, the shorter side being 1",
}
_SIDE = 224  # Of the images that the published strengths of blur are for.
_SMOOTH = 0.08  # Of the shorter side: how far from each other pixels move the same way.


def corrupted(images, kind, strength, *, white, keys, seed=0):
    """Images, each corrupted.

    Blur and elastic changes depend on an image's size: what is half a picture of 8x8 is a speck of one of 224x224. A small picture has lost
    its finest detail before, so that a blur by the same share of its side would do nothing to it: the deviation goes with the square root
    of the shorter side, from 1 to 6 pixels at 224, 0.4 to 2.3 at 32, 0.2 to 1.1 at 8.

    Args:
        images: array `(batch, height, width, channels)` of numbers from 0, black, to `white`.
        kind: a key of `STRENGTHS`.
        strength: one of its five numbers, or one between them.
        white: the number that stands for white.
        keys: int array `(batch,)`, a number that is each image's own.
        seed: of the noise and of the elastic changes.

    Returns:
        float32 array `(batch, height, width, channels)`, from 0 to `white`.

    Example:
    ```python
    from hornbook import data
    from hornbook.data.corruptions import images

    digits = data.images.load("digits").test
    weak, strong = (images.corrupted(digits.inputs, "noise", one, white=16, keys=digits.indices) for one in (0.08, 0.38))
    assert abs(weak - digits.inputs).mean() < abs(strong - digits.inputs).mean()
    ```
    """
    x = np.asarray(images, np.float32) / np.float32(white)
    if kind in ("noise", "elastic"):
        change = {"noise": _noisy, "elastic": _bent}[kind]
        x = np.stack([change(one, strength, randomness.generator(seed, key, kind)) for one, key in zip(x, keys, strict=True)])
    else:
        x = {"blur": _blurred, "contrast": _faded, "brightness": _lightened, "JPEG": _compressed}[kind](x, strength)
    return np.clip(x, 0, 1).astype(np.float32) * np.float32(white)


def _noisy(image, deviation, draw):
    return image + np.float32(deviation) * draw.standard_normal(image.shape, np.float32)


def _blurred(images, deviation):
    from scipy.ndimage import gaussian_filter

    pixels = deviation * (min(images.shape[1:3]) / _SIDE) ** 0.5
    return gaussian_filter(images, (0, pixels, pixels, 0), mode="nearest")


def _faded(images, share):
    mean = images.mean(axis=(1, 2), keepdims=True)
    return (images - mean) * np.float32(share) + mean


def _lightened(images, added):
    """More of V in HSV, the largest channel, with hue and saturation as they were."""
    value = images.max(axis=-1, keepdims=True)
    lighter = np.minimum(value + np.float32(added), 1)
    return np.where(value > 0, images * (lighter / np.maximum(value, 1e-6)), lighter)


def _compressed(images, quality):
    from PIL import Image

    levels = np.rint(255 * np.clip(images, 0, 1)).astype(np.uint8)
    found = np.empty_like(levels)
    whole = levels.shape[-1] == 3
    for place, image in enumerate(levels):
        # Of other than three channels each is a grey picture.
        for channel in [slice(None)] if whole else range(levels.shape[-1]):
            file = io.BytesIO()
            Image.fromarray(image[..., channel]).save(file, format="JPEG", quality=int(quality))
            found[place][..., channel] = np.asarray(Image.open(file))
    return found.astype(np.float32) / 255


def _bent(image, share, draw):
    """Each pixel from elsewhere, neighbours from neighbouring places (Simard et al. 2003)."""
    from scipy.ndimage import gaussian_filter, map_coordinates

    height, width = image.shape[:2]
    side = min(height, width)
    ways = draw.standard_normal((2, height, width))
    ways = gaussian_filter(ways, (0, _SMOOTH * side, _SMOOTH * side), mode="wrap")
    # The mean over the picture, not that of chance: the strength is what it says.
    ways *= share * side / max(np.sqrt(np.square(ways).sum(axis=0).mean()), 1e-12)
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij")) + ways
    channels = [map_coordinates(image[..., k], places, order=1, mode="nearest") for k in range(image.shape[-1])]
    return np.stack(channels, axis=-1)
