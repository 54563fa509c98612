"""Augmentation of batches of images in NumPy: pure functions of what they are given, so the same seed gives the same images anywhere.

Every function takes a batch and `draw`, a function from a name to uniform numbers in [0, 1), one an example
(`randomness.Draw`, which knows seed, epoch and indices), so that no library's random state has to be saved with a checkpoint. Flip and
crop stand here, policies in `policies`, mixup and CutMix in `mixing`. `augmenter` puts together what options name.
"""

import functools
import math

import numpy as np

from hornbook import UserError
from hornbook.data import mixing, randomness
from hornbook.data.images import operations, policies

_POLICIES = ("trivial", "randaugment", "augmix")
NAMES = ("none", "flip", "crop", "crop-flip", *_POLICIES)
FLIPS = ("random", "alternating")
FILLS = ("zeros", "reflect")


def flip(images, draw, how="random"):
    """Mirror each image left to right with probability 1/2, or in every other epoch.

    Args:
        images: array `(batch, height, width, channels)`, any dtype.
        draw: function from a name to uniform numbers `(batch,)`; with "alternating" a `randomness.Draw`, which knows the epoch.
        how: "random"; or "alternating", each image in even epochs or in odd ones, so that two epochs have seen both of its sides
            (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3.6).

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.images import augmentation

    digits, augment = data.images.load("digits"), lambda images, labels, draw: (augmentation.flip(images, draw), labels)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    _, height, width, channels = images.shape
    mirrored = np.repeat(draw.alternating("flip") if how == "alternating" else draw("flip") < 0.5, height)
    backwards = (np.arange(width)[::-1, None] * channels + np.arange(channels)).ravel()
    rows = images.reshape(-1, width * channels).copy()
    # Whole rows through an index: `images[..., ::-1, :]` copies a pixel at a time, which took 2.3 times as long.
    rows[mirrored] = np.take(rows[mirrored], backwards, axis=1)
    return rows.reshape(images.shape)


def crop(images, draw, padding=None, fill="zeros"):
    """Pad each image and cut a window of the old size at a place of its own (He et al. 2015, section 4.2).

    Keras' `RandomCrop` takes one place for the whole batch; here every example has its own.

    Args:
        images: array `(batch, height, width, channels)`, any dtype.
        draw: function from a name to uniform numbers `(batch,)`.
        padding: pixels on each side. Default: an eighth of the shorter side, at least 1, which is the 4 of He et al. at 32x32.
        fill: what the pixels outside of an image are: "zeros", or "reflect", its own pixels mirrored at its edge (Jordan 2024, who takes
            a padding of 2); the padding is then smaller than the sides.

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.images import augmentation

    digits, augment = data.images.load("digits"), lambda images, labels, draw: (augmentation.crop(images, draw), labels)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    batch, height, width, channels = images.shape
    if padding is not None and padding >= min(height, width):
        raise UserError(f"crop_padding must be less than the images' sides, {height} and {width} pixels, got {padding}")
    padding = max(1, round(min(height, width) / 8)) if padding is None else padding
    if fill == "reflect":
        padded = np.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)), "reflect")
    else:  # Faster than `np.pad`.
        padded = np.zeros((batch, height + 2 * padding, width + 2 * padding, channels), images.dtype)
        padded[:, padding : padding + height, padding : padding + width] = images
    rows = (draw("crop row") * (2 * padding + 1)).astype(np.intp)
    columns = (draw("crop column") * (2 * padding + 1)).astype(np.intp)
    example, row, column, channel = padded.strides
    # A view of every window there is: (batch, first row, first column, height, width, channels). Indexing copies one an example.
    windows = np.lib.stride_tricks.as_strided(
        padded,
        (batch, 2 * padding + 1, 2 * padding + 1, height, width, channels),
        (example, row, column, row, column, channel),
        writeable=False,
    )
    return windows[np.arange(batch), rows, columns]


def crop_flip(images, draw, padding=None, fill="zeros", how="random"):
    """`crop`, then `flip`, which have the arguments: the augmentation of He et al. (2015) for CIFAR.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.images import augmentation

    digits, augment = data.images.load("digits"), lambda images, labels, draw: (augmentation.crop_flip(images, draw), labels)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    return flip(crop(images, draw, padding, fill), draw, how)


def random_erasing(images, draw, probability, pixel_maximum=255):
    """Fill a rectangle of some images with random pixels (Zhong et al. 2020, algorithm 1).

    Its area is uniform from 0.02 to 0.4 of the image's; the ratio of its sides is between 0.3 and 1/0.3, uniform in its logarithm, so that
    lying and standing ones are as frequent. A side that is longer than the image's is cut to it, where the paper draws again.

    Args:
        images: array `(batch, height, width, channels)`, any dtype.
        draw: function from a name to uniform numbers `(batch,)`.
        probability: of an image to have a rectangle, in [0, 1]; 0.5 is the paper's for CIFAR.
        pixel_maximum: the number that stands for white: random pixels are from 0 to it.

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.images import augmentation

    digits, augment = data.images.load("digits"), lambda images, labels, draw: (augmentation.random_erasing(images, draw, 0.5, 16), labels)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    _, height, width, channels = images.shape
    area = (0.02 + 0.38 * draw("erasing area")) * height * width
    ratio = 0.3 ** (2 * draw("erasing ratio") - 1)
    rows = np.clip(np.rint(np.sqrt(area * ratio)), 1, height).astype(np.intp)
    columns = np.clip(np.rint(np.sqrt(area / ratio)), 1, width).astype(np.intp)
    top = (draw("erasing row") * (height - rows + 1)).astype(np.intp)
    left = (draw("erasing column") * (width - columns + 1)).astype(np.intp)
    pixels = draw("erasing pixels")
    result = images.copy()
    for place in np.flatnonzero(draw("erasing") < probability):
        shape = (rows[place], columns[place], channels)
        noise = randomness.noise(pixels[place : place + 1], math.prod(shape)).reshape(shape)
        window = result[place, top[place] : top[place] + rows[place], left[place] : left[place] + columns[place]]
        window[...] = operations.from_levels(noise, pixel_maximum, images.dtype)
    return result


def augmenter(
    name,
    mixup_alpha=0.0,
    *,
    flipping="random",
    crop_padding=None,
    crop_fill="zeros",
    cutmix_alpha=0.0,
    random_erasing_probability=0.0,
    colour_strength=0.0,
    randaugment_operations=2,
    randaugment_magnitude=9.0,
    pixel_maximum=255,
):
    """The function `(images, labels, draw) -> (images, labels)` that options name: what is on, in the order of the arguments below.

    With a policy or colour, pixels are taken to 256 levels and back: exactly, for integers of up to 256 levels. With mixup they come out
    as float32, else in the dtype they have.

    Args:
        name: one of `NAMES`. Policies (trivial, randaugment, augmix) come after a crop and a flip, as in their papers.
        flipping: "random" or "alternating", see `flip`.
        crop_padding, crop_fill: see `crop`.
        colour_strength: 0 for none, see `policies.colour`.
        random_erasing_probability: 0 for none.
        mixup_alpha, cutmix_alpha: 0 for none. With both, each example has one of them.
        randaugment_operations, randaugment_magnitude: of randaugment alone, see `policies.randaugment`.
        pixel_maximum: the number that stands for white, see `Dataset`.

    Raises:
        UserError: an unknown name or a number out of range.

    Example:
    ```python
    import keras
    from hornbook import data

    digits = data.images.load("digits")
    augment = data.images.augmenter("randaugment", cutmix_alpha=1.0, pixel_maximum=digits.pixel_maximum)
    batches = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(batches, steps_per_epoch=data.steps_per_epoch(digits.train, 64), shuffle=False, verbose=0)
    ```
    """
    if name not in NAMES:
        raise UserError(f"augmentation must be one of {', '.join(NAMES)}, got {name!r}")
    if flipping not in FLIPS:
        raise UserError(f"flip must be one of {', '.join(FLIPS)}, got {flipping!r}")
    if crop_fill not in FILLS:
        raise UserError(f"crop_fill must be one of {', '.join(FILLS)}, got {crop_fill!r}")
    if crop_padding is not None and crop_padding < 1:
        raise UserError(f"crop_padding must be at least 1 pixel, got {crop_padding}; --augmentation flip does not crop")
    for flag, alpha in (("mixup", mixup_alpha), ("cutmix", cutmix_alpha)):
        if not 0 <= alpha < math.inf:
            raise UserError(f"{flag} must be 0 (off) or a positive alpha of Beta(alpha, alpha) such as 0.2, got {alpha}")
    for flag, share in (("random_erasing", random_erasing_probability), ("colour", colour_strength)):
        if not 0 <= share <= 1:
            raise UserError(f"{flag} must be from 0 (off) to 1, got {share}")
    if randaugment_operations < 1:
        raise UserError(f"randaugment_operations must be at least 1, got {randaugment_operations}; --augmentation crop-flip has none")
    if not 0 <= randaugment_magnitude <= 10:
        raise UserError(f"randaugment_magnitude must be from 0 to 10, got {randaugment_magnitude}")
    cropped = {"padding": crop_padding, "fill": crop_fill}
    moved = {
        "none": None,
        "flip": functools.partial(flip, how=flipping),
        "crop": functools.partial(crop, **cropped),
    }.get(name, functools.partial(crop_flip, **cropped, how=flipping))
    policy = {
        "trivial": policies.trivial,
        "randaugment": lambda levels, draw: policies.randaugment(levels, draw, randaugment_operations, randaugment_magnitude),
        "augmix": policies.augmix,
    }.get(name)

    def augment(images, labels, draw):
        dtype = images.dtype
        if moved is not None:
            images = moved(images, draw)
        if policy or colour_strength:
            levels = operations.to_levels(images, pixel_maximum)
            levels = policy(levels, draw) if policy else levels
            levels = policies.colour(levels, draw, colour_strength) if colour_strength else levels
            images = operations.from_levels(levels, pixel_maximum, dtype)
        if random_erasing_probability:
            images = random_erasing(images, draw, random_erasing_probability, pixel_maximum)
        if mixup_alpha and cutmix_alpha:
            images, labels = mixing.mixup_or_cutmix(images, labels, draw, mixup_alpha, cutmix_alpha)
        elif mixup_alpha:
            images, labels = mixing.mixup(images, labels, draw, mixup_alpha)
        elif cutmix_alpha:
            images, labels = mixing.cutmix(images, labels, draw, cutmix_alpha)
        return images, labels

    return augment
