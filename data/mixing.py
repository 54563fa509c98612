"""Mixing each example with the next one of its batch: mixup and CutMix, alone or a batch of both.

The only augmentation that depends on more than (seed, epoch, example): which example is the next of the batch does too.
"""

import math

import numpy as np

_AT_A_TIME = 32_768  # Numbers of a temporary array.


def mixup(images, labels, draw, alpha):
    """Blend each example with the next one of the batch (Zhang et al. 2018, equation 1).

    Args:
        images: array `(batch, height, width, channels)`.
        labels: float array `(batch, classes)`, one-hot or already soft.
        draw: function from a name to uniform numbers `(batch,)`.
        alpha: of Beta(alpha, alpha), from which each pair's weight is drawn; 0.2 is the paper's for ImageNet, 1 for CIFAR.

    Returns:
        float32 images and labels of the same shapes.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data import mixing

    digits, augment = data.images.load("digits"), lambda images, labels, draw: mixing.mixup(images, labels, draw, 0.2)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    weight = beta(alpha, draw("mixup"))
    return blend(images, weight), blend(labels, weight)


def cutmix(images, labels, draw, alpha):
    """Paste a rectangle of the next example of the batch over each one (Yun et al. 2019, equations 1 and 2).

    The rectangle has the image's proportions and a share of its area drawn from Beta(alpha, alpha). Its middle is uniform in the image;
    what reaches out of it is cut off, and labels are weighted by what is left, as in the authors' code.

    Args:
        images: array `(batch, height, width, channels)`, any dtype.
        labels: float array `(batch, classes)`, one-hot or already soft.
        draw: function from a name to uniform numbers `(batch,)`.
        alpha: of Beta(alpha, alpha); 1, a uniform share, is the paper's.

    Returns:
        A new array of images of the same dtype, and float32 labels.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data import mixing

    digits, augment = data.images.load("digits"), lambda images, labels, draw: mixing.cutmix(images, labels, draw, 1.0)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    mixed, weight = _paste(images.copy(), images, draw, alpha, np.ones(len(images), bool))
    return mixed, blend(labels, weight)


def mixup_or_cutmix(images, labels, draw, mixup_alpha, cutmix_alpha):
    """Each example after mixup or CutMix, either with probability 1/2.

    Args:
        images, labels, draw: as for `mixup`.
        mixup_alpha, cutmix_alpha: of the two Beta distributions.

    Returns:
        float32 images and labels of the same shapes.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data import mixing

    digits, augment = data.images.load("digits"), lambda images, labels, draw: mixing.mixup_or_cutmix(images, labels, draw, 0.2, 1.0)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(10)])
    model.compile("sgd", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(digits.train, batch_size=64, num_classes=10, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    cut = draw("mixup or cutmix") < 0.5
    weight = np.where(cut, np.float32(1), beta(mixup_alpha, draw("mixup")))
    mixed, kept = _paste(blend(images, weight), images, draw, cutmix_alpha, cut)
    return mixed, blend(labels, np.where(cut, kept, weight))


def beta(alpha, uniform):
    """Numbers of Beta(alpha, alpha), float32 `(batch,)`, from uniform ones: the weights of a pair's first."""
    from scipy.special import betaincinv

    # The quantile function turns a uniform number into a Beta one; in float64, it underflows to 0 for tiny alpha, which is its limit.
    return betaincinv(alpha, alpha, uniform).astype(np.float32)


def blend(array, weight):
    """Each row by its weight plus the next row of the batch by what is missing to 1, float32."""
    weight = weight.reshape(-1, *[1] * (array.ndim - 1))
    mixed = np.empty(array.shape, np.float32)
    # A few rows at a time, always in the same memory: TensorFlow has every array of more than 128 kB mapped anew, which took as long as
    # the products. Made float32 once, not in each of the two.
    rows = max(1, _AT_A_TIME // max(1, math.prod(array.shape[1:])))
    several = np.empty((rows + 1, *array.shape[1:]), np.float32)
    for start in range(0, len(array), rows):
        stop = min(start + rows, len(array))
        own, following = several[: stop - start], several[1 : stop - start + 1]
        own[:], following[-1] = array[start:stop], array[stop % len(array)]
        np.multiply(own, weight[start:stop], out=mixed[start:stop])
        following *= 1 - weight[start:stop]
        mixed[start:stop] += following
    return mixed


def _paste(target, images, draw, alpha, chosen):
    """`target`, changed in place: rectangles of the next of `images` where `chosen`; and the share of each that was kept, float32."""
    batch, height, width = images.shape[:3]
    side = np.sqrt(1 - beta(alpha, draw("cutmix")).astype(np.float64)) * chosen
    top, bottom = _edges(draw("cutmix row"), side, height)
    left, right = _edges(draw("cutmix column"), side, width)
    for place, (first, last, start, end) in enumerate(zip(top, bottom, left, right, strict=True)):
        target[place, first:last, start:end] = images[(place + 1) % batch, first:last, start:end]
    return target, (1 - (bottom - top) * (right - left) / (height * width)).astype(np.float32)


def _edges(middle, share, length):
    """First pixel and the one after the last of a `share` of `length` around `middle`, both in [0, 1]; cut off at the ends."""
    middle = np.floor(middle * length).astype(np.intp)
    half = np.floor(share * length).astype(np.intp)
    first = np.maximum(middle - half // 2, 0)
    return first, np.minimum(middle - half // 2 + half, length)
