"""Augmentation policies: TrivialAugment, RandAugment and AugMix, as functions of batches, and the jitter of colours.

Each takes uint8 images of 256 levels `(batch, height, width, channels)` and `draw`, a function from a name to uniform numbers in
[0, 1), one an example; `augmentation.augmenter` brings other images to levels and back.
"""

import numpy as np

from hornbook.data.images import operations as image_operations

_SIGNED = ("shear x", "shear y", "translate x", "translate y", "rotate", "brightness", "contrast", "colour", "sharpness")
_LEAVES_ALONE = {"identity": (0, 0), "autocontrast": (0, 0), "equalize": (0, 0)}


def trivial(images, draw):
    """TrivialAugment (Müller and Hutter 2021, algorithm 1): one operation an image, at a strength of its own.

    Operation, strength (0 to 30, of 30) and direction are uniform. The ranges are those of their "wide" space: shear 0.99, translation by
    32 pixels but no more than the side, rotation by 135 degrees, 2 bits, factors 0.01 to 1.99. Grey images have no saturation: theirs
    are 13 operations in place of 14.

    Args:
        images: uint8 array `(batch, height, width, channels)`.
        draw: function from a name to uniform numbers `(batch,)`.

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.images import policies

    pictures = numpy.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype("uint8")
    photos, augment = data.images.from_arrays(pictures, numpy.arange(64) % 2), lambda x, y, draw: (policies.trivial(x, draw), y)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    feed = data.training_batches(photos.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    _, height, width, channels = images.shape
    space = _Space(
        {
            **_LEAVES_ALONE,
            "shear x": (0, 0.99),
            "shear y": (0, 0.99),
            "translate x": (0, min(32, width)),
            "translate y": (0, min(32, height)),
            "rotate": (0, 135),
            "posterize": (8, 2),
            "solarize": (256, 0),
            **dict.fromkeys(("brightness", "contrast", "colour", "sharpness"), (1, 1.99)),
        },
        channels,
    )
    strength = np.floor(draw("trivial strength") * 31) / 30
    return space.apply(images, draw("trivial operation"), strength, draw("trivial direction"))


def randaugment(images, draw, operations=2, magnitude=9.0):
    """RandAugment (Cubuk et al. 2020, figure 2): a few operations an image, one after the other, all at one strength.

    The ranges are those of AutoAugment (Cubuk et al. 2019, appendix), each run through from what changes nothing to the strongest:
    shear 0.3, translation 150/331 of the side, rotation 30 degrees, 4 bits, factors 0.1 to 1.9. Direction is drawn where there is one.

    Args:
        images: uint8 array `(batch, height, width, channels)`.
        draw: function from a name to uniform numbers `(batch,)`.
        operations: how many, the paper's N; 2 is theirs for ImageNet and a ResNet-50.
        magnitude: from 0 to 10 (the strongest), the paper's M and scale; 9 is theirs for the same. TorchVision's scale goes to 30, so that
            its 9 is 3 here.

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.images import policies

    pictures = numpy.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype("uint8")
    photos, augment = data.images.from_arrays(pictures, numpy.arange(64) % 2), lambda x, y, draw: (policies.randaugment(x, draw), y)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    feed = data.training_batches(photos.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    _, height, width, channels = images.shape
    space = _Space(
        {
            **_LEAVES_ALONE,
            "shear x": (0, 0.3),
            "shear y": (0, 0.3),
            "translate x": (0, 150 / 331 * width),
            "translate y": (0, 150 / 331 * height),
            "rotate": (0, 30),
            "posterize": (8, 4),
            "solarize": (256, 0),
            **dict.fromkeys(("brightness", "contrast", "colour", "sharpness"), (1, 1.9)),
        },
        channels,
    )
    strength = np.full(len(images), magnitude / 10)
    for step in range(operations):
        images = space.apply(images, draw(f"randaugment operation {step}"), strength, draw(f"randaugment direction {step}"))
    return images


def augmix(images, draw, severity=3.0, chains=3, depth=3):
    """AugMix (Hendrycks et al. 2020, algorithm 1), its mixing alone: the image blended with a blend of chains of operations.

    The paper also adds a loss that makes the network answer alike for the image and two augmentations of it (equation 2). That needs three
    passes a step and is not part of this.

    The operations are the nine that no corruption of ImageNet-C resembles: autocontrast, equalize, posterize, rotate, solarize, shear
    and translate. A chain has 1 to `depth` of them. Strengths are uniform from 0.1 to `severity`, on the scale of 10 of the authors' code,
    with its ranges: shear 0.3, translation a third of the side, rotation 30 degrees, posterize to 4 bits and fewer; angles and pixels are
    not cut to whole ones, which at 8x8 would leave no translation. The weights of the chains are Dirichlet(1, 1, 1), that of the image
    Beta(1, 1).

    Args:
        images: uint8 array `(batch, height, width, channels)`.
        draw: function from a name to uniform numbers `(batch,)`.
        severity: up to 10; 3 is the paper's for CIFAR.
        chains, depth: as in the paper.

    Returns:
        A new array of the same shape and dtype, rounded.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.images import policies

    pictures = numpy.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype("uint8")
    photos, augment = data.images.from_arrays(pictures, numpy.arange(64) % 2), lambda x, y, draw: (policies.augmix(x, draw), y)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    feed = data.training_batches(photos.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    batch, height, width, channels = images.shape
    space = _Space(
        {
            "autocontrast": (0, 0),
            "equalize": (0, 0),
            "shear x": (0, 0.3),
            "shear y": (0, 0.3),
            "translate x": (0, width / 3),
            "translate y": (0, height / 3),
            "rotate": (0, 30),
            # The authors drop whole bits, starting at 4: 4 are kept below a strength of 2.5, 3 below 5.
            "posterize": (4.5, 0.5),
            "solarize": (256, 0),
        },
        channels,
    )

    def drawn(name):
        """One number for each chain of each image: all first chains, then all second ones."""
        return np.concatenate([draw(f"augmix {name} {chain}") for chain in range(chains)])

    chained = np.tile(images, (chains, 1, 1, 1))
    length = 1 + np.floor(drawn("length") * depth)
    for step in range(depth):
        going = np.flatnonzero(length > step)
        strength = (0.1 + (severity - 0.1) * drawn(f"strength {step}")) / 10
        operation, direction = drawn(f"operation {step}"), drawn(f"direction {step}")
        chained[going] = space.apply(chained[going], operation[going], strength[going], direction[going])
    # Exponential numbers over their sum are Dirichlet(1, ...).
    weights = -np.log1p(-drawn("weight")).reshape(chains, batch)
    weights = weights / np.maximum(weights.sum(axis=0), np.finfo(np.float64).tiny)
    kept = draw("augmix kept")
    weights = ((1 - kept) * weights).astype(np.float32)
    result = np.empty_like(images)
    for place, parts in enumerate(chained.reshape(chains, *images.shape).swapaxes(0, 1)):  # One at a time: no large array in float32.
        mixed = np.multiply(images[place], np.float32(kept[place]), dtype=np.float32)
        for chain, part in enumerate(parts):
            mixed += np.multiply(part, weights[chain, place], dtype=np.float32)
        mixed += np.float32(0.5)  # Cut off, that is rounded; sums in float32 may reach beyond 255 by some last digits.
        result[place] = np.minimum(mixed, 255, out=mixed)
    return result


def colour(images, draw, strength=0.4):
    """Brightness, contrast, saturation and hue, each by chance a little higher or lower, in this order.

    The first three are multiplied by a factor that is uniform in 1 ± strength. Hue is turned by up to a quarter of the strength, in
    turns of the circle: the proportions of Chen et al. (2020, appendix A). Grey images have brightness and contrast only.

    Args:
        images: uint8 array `(batch, height, width, channels)`.
        draw: function from a name to uniform numbers `(batch,)`.
        strength: from 0 to 1; 0.4 is a common one.

    Returns:
        A new array of the same shape and dtype.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.images import policies

    pictures = numpy.random.default_rng(0).integers(0, 256, (64, 8, 8, 3)).astype("uint8")
    photos, augment = data.images.from_arrays(pictures, numpy.arange(64) % 2), lambda x, y, draw: (policies.colour(x, draw, 0.4), y)
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    feed = data.training_batches(photos.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    for name in ("brightness", "contrast", "colour", "hue") if images.shape[-1] == 3 else ("brightness", "contrast"):
        change = strength * (2 * draw(f"colour {name}") - 1)
        magnitudes = change / 4 if name == "hue" else 1 + change
        images = image_operations.apply(images, np.full(len(images), image_operations.number(name)), magnitudes)
    return images


class _Space:
    """The operations of a policy, each with its magnitude at strength 0 and at strength 1."""

    def __init__(self, ranges, channels):
        if channels != 3:
            ranges = {name: ends for name, ends in ranges.items() if name != "colour"}
        self.numbers = np.array([image_operations.number(name) for name in ranges])
        self.weakest, self.strongest = np.array(list(ranges.values()), np.float64).T
        self.signed = np.array([name in _SIGNED for name in ranges])

    def apply(self, images, operation, strength, direction):
        """Each image after one operation; `operation`, `strength` and `direction` are numbers in [0, 1) or [0, 1], one an example."""
        chosen = (operation * len(self.numbers)).astype(np.intp)
        change = strength * (self.strongest - self.weakest)[chosen]
        sign = np.where(self.signed[chosen] & (direction < 0.5), -1, 1)
        return image_operations.apply(images, self.numbers[chosen], self.weakest[chosen] + sign * change)
