"""Augmentation of batches of images in NumPy: pure functions of what they are given, so the same seed gives the same images anywhere.

Every function takes a batch and `draw`, a function from a name to uniform numbers in [0, 1), one an example
(`randomness.uniform` with seed, epoch and indices filled in). Vectorized over the batch: 0.3 ms for 128 images of 32x32x3, so that no
accelerator waits for it, and no library's random state has to be saved with a checkpoint.
"""

import math

import numpy as np

from hornbook import UserError

NAMES = ("none", "flip", "crop", "crop-flip")


def flip(images, draw):
    """Mirror each image left to right with probability 1/2.

    Args:
        images: array `(batch, height, width, channels)`, any dtype.
        draw: function from a name to uniform numbers `(batch,)`.

    Returns:
        A new array of the same shape and dtype.
    """
    _, height, width, channels = images.shape
    mirrored = np.repeat(draw("flip") < 0.5, height)
    backwards = (np.arange(width)[::-1, None] * channels + np.arange(channels)).ravel()
    rows = images.reshape(-1, width * channels).copy()
    # Whole rows through an index: `images[..., ::-1, :]` copies a pixel at a time, which took 2.3 times as long.
    rows[mirrored] = np.take(rows[mirrored], backwards, axis=1)
    return rows.reshape(images.shape)


def crop(images, draw, padding=None):
    """Pad each image with zeros and cut a window of the old size at a place of its own (He et al. 2015, section 4.2).

    Keras' `RandomCrop` takes one place for the whole batch; here every example has its own.

    Args:
        images: array `(batch, height, width, channels)`, any dtype.
        draw: function from a name to uniform numbers `(batch,)`.
        padding: pixels on each side. Default: an eighth of the shorter side, at least 1, which is the 4 of He et al. at 32x32.

    Returns:
        A new array of the same shape and dtype.
    """
    batch, height, width, channels = images.shape
    padding = max(1, round(min(height, width) / 8)) if padding is None else padding
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


def crop_flip(images, draw):
    """`crop`, then `flip`: the augmentation of He et al. (2015) for CIFAR."""
    return flip(crop(images, draw), draw)


def mixup(images, labels, draw, alpha):
    """Blend each example with the next one of the batch (Zhang et al. 2018, equation 1).

    Args:
        images: array `(batch, height, width, channels)`.
        labels: float array `(batch, classes)`, one-hot or already soft.
        draw: function from a name to uniform numbers `(batch,)`.
        alpha: of Beta(alpha, alpha), from which each pair's weight is drawn; 0.2 is the paper's for ImageNet, 1 for CIFAR.

    Returns:
        float32 images and labels of the same shapes.
    """
    from scipy.special import betaincinv

    # The quantile function turns a uniform number into a Beta one; in float64, it underflows to 0 for tiny alpha, which is its limit.
    weight = betaincinv(alpha, alpha, draw("mixup")).astype(np.float32)
    partner = np.roll(np.arange(len(images)), -1)
    image_weight = weight[:, None, None, None]
    images = images.astype(np.float32, copy=False)
    labels = labels.astype(np.float32, copy=False)
    mixed_images = images * image_weight + images[partner] * (1 - image_weight)
    mixed_labels = labels * weight[:, None] + labels[partner] * (1 - weight[:, None])
    return mixed_images, mixed_labels


def augmenter(name, mixup_alpha=0.0):
    """The function `(images, labels, draw) -> (images, labels)` that an option names.

    Args:
        name: one of `NAMES`.
        mixup_alpha: 0 for no mixup.

    Raises:
        UserError: an unknown name or an alpha that is negative or not finite.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import augmenter, data, steps_per_epoch, training_batches

    digits = data.load("digits").train
    augment = augmenter("crop", mixup_alpha=0.2)
    batches = training_batches(digits, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(batches, steps_per_epoch=steps_per_epoch(digits, 64), shuffle=False, verbose=0)
    ```
    """
    if name not in NAMES:
        raise UserError(f"augmentation must be one of {', '.join(NAMES)}, got {name!r}")
    if not 0 <= mixup_alpha < math.inf:
        raise UserError(f"mixup must be 0 (off) or a positive alpha of Beta(alpha, alpha) such as 0.2, got {mixup_alpha}")
    transform = {"none": None, "flip": flip, "crop": crop, "crop-flip": crop_flip}[name]

    def augment(images, labels, draw):
        if transform is not None:
            images = transform(images, draw)
        if mixup_alpha:
            images, labels = mixup(images, labels, draw, mixup_alpha)
        return images, labels

    return augment
