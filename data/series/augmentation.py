"""Augmentation of batches of series in NumPy: pure functions of what they are given, so the same seed gives the same series anywhere.

Every function takes a batch `(batch, steps, features)`, padded with NaN behind each series' end, and `draw`, a function from a name to
uniform numbers in [0, 1), one an example. Padding stays padding. `augmenter` puts together what options name.
"""

import math

import numpy as np

from hornbook import UserError
from hornbook.data import mixing, randomness

_KNOTS = 4  # Of a time warp, as in Um et al. (2017).


def jitter(series, draw, deviation):
    """Add Gaussian noise to every value (Um et al. 2017).

    Args:
        series: float32 array `(batch, steps, features)`.
        draw: function from a name to uniform numbers `(batch,)`.
        deviation: of the noise, float array `(features,)`, in the units of the values; 0 leaves a feature alone.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.series import augmentation

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(60, 12, 2)), numpy.arange(60) % 2)
    augment = lambda series, labels, draw: (augmentation.jitter(series, draw, 0.1), labels)
    model = keras.Sequential([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(walks.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    return series + _normal(draw("jitter"), series.shape[1:]) * np.asarray(deviation, np.float32)


def scaling(series, draw, strength, mean):
    """Stretch each series around the features' means by a factor of its own, from a normal distribution around 1 (Um et al. 2017).

    Args:
        series, draw: as for `jitter`.
        strength: deviation of the factor, float array `(features,)` or a number; 0 leaves a feature alone.
        mean: float array `(features,)`.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.series import augmentation

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(60, 12, 2)), numpy.arange(60) % 2)
    augment = lambda series, labels, draw: (augmentation.scaling(series, draw, 0.1, 0.0), labels)
    model = keras.Sequential([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(walks.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    mean = np.asarray(mean, np.float32)
    factor = 1 + _normal(draw("scaling"), (1, 1)) * np.asarray(strength, np.float32)
    return ((series - mean) * factor + mean).astype(np.float32)


def time_warp(series, draw, strength):
    """Let each series run faster here and slower there, its ends where they were (Um et al. 2017).

    The speed is log-normal at four points of time and linear between them.

    Args:
        series, draw: as for `jitter`.
        strength: deviation of the speed's logarithm, such as 0.2.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.series import augmentation

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(60, 12, 2)), numpy.arange(60) % 2)
    augment = lambda series, labels, draw: (augmentation.time_warp(series, draw, 0.2), labels)
    model = keras.Sequential([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(walks.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    result = series.copy()
    speeds = np.exp(strength * _normal(draw("time warp"), (_KNOTS,)))
    for values, speed, length in zip(result, speeds, _lengths(series), strict=True):
        if length < 3:
            continue
        passed = np.interp(np.linspace(0, _KNOTS - 1, length - 1), np.arange(_KNOTS), speed).cumsum()
        place = np.concatenate([[0], passed]) * ((length - 1) / passed[-1])
        before = np.minimum(place.astype(np.intp), length - 2)
        share = (place - before)[:, None].astype(np.float32)
        values[:length] = values[before] * (1 - share) + values[before + 1] * share
    return result


def time_masking(series, draw, share, fill, count=2):
    """Hide stretches of time in all features (Park et al. 2019, section 2).

    Args:
        series, draw: as for `jitter`.
        share: of a series' steps that one stretch hides at most; its length is uniform from 0 to that.
        fill: what hidden values become, float array `(features,)`: the means, to which networks with standardized inputs are indifferent.
        count: stretches.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.series import augmentation

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(60, 12, 2)), numpy.arange(60) % 2)
    augment = lambda series, labels, draw: (augmentation.time_masking(series, draw, 0.2, 0.0), labels)
    model = keras.Sequential([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(walks.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    result, lengths = series.copy(), _lengths(series)
    for number in range(count):
        width = (draw(f"time mask width {number}") * (np.floor(share * lengths) + 1)).astype(np.intp)
        first = (draw(f"time mask {number}") * (lengths - width + 1)).astype(np.intp)
        for values, start, stop in zip(result, first, first + width, strict=True):
            values[start:stop] = fill
    return result


def feature_masking(series, draw, share, fill, count=2):
    """Hide features that lie side by side, of audio bands of frequency, at all times (Park et al. 2019, section 2).

    Args:
        series, draw, fill: as for `time_masking`.
        share: of the features that are hidden at once at most.
        count: bands.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.series import augmentation

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(60, 12, 2)), numpy.arange(60) % 2)
    augment = lambda series, labels, draw: (augmentation.feature_masking(series, draw, 0.5, [0.0, 0.0]), labels)
    model = keras.Sequential([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(walks.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    result, features = series.copy(), series.shape[2]
    lengths, fill = _lengths(series), np.asarray(fill, np.float32)
    for number in range(count):
        width = (draw(f"feature mask width {number}") * (math.floor(share * features) + 1)).astype(np.intp)
        first = (draw(f"feature mask {number}") * (features - width + 1)).astype(np.intp)
        for values, start, stop, length in zip(result, first, first + width, lengths, strict=True):
            values[:length, start:stop] = fill[start:stop]
    return result


def mixup(series, labels, draw, alpha, fill):
    """Blend each series with the next of its batch, labels too (Zhang et al. 2018); each keeps its length.

    Where the other one has ended, it counts as `fill`.

    Args:
        series, draw, fill: as for `time_masking`.
        labels: float array `(batch, classes)`.
        alpha: of Beta(alpha, alpha).

    Returns:
        New series and labels.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.series import augmentation

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(60, 12, 2)), numpy.arange(60) % 2)
    augment = lambda series, labels, draw: augmentation.mixup(series, labels, draw, 0.2, 0.0)
    model = keras.Sequential([keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(walks.train, batch_size=16, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    padding = np.isnan(series).all(axis=2, keepdims=True)
    mixed, labels = mixing.mixup(np.where(padding, np.asarray(fill, np.float32), series), labels, draw, alpha)
    return np.where(padding, np.float32(np.nan), mixed), labels


def augmenter(*, mean, deviation, jitter_strength=0.0, scaling_strength=0.0, time_warp_strength=0.0, time_masking_share=0.0,
              feature_masking_share=0.0, mixup_alpha=0.0, measured=None):  # fmt: skip
    """The function `(series, labels, draw) -> (series, labels)` that options name: what is on, in the order of the functions above.

    Args:
        mean, deviation: float arrays `(features,)` of the training data.
        jitter_strength, scaling_strength: in deviations of each feature.
        time_warp_strength: see `time_warp`.
        time_masking_share, feature_masking_share: see there; hidden values become the means.
        mixup_alpha: see `mixup`.
        measured: how many of the features, from the first on, are measured. The rest are channels that say where a value is missing: no
            noise is added to them, and where values are hidden they are 1. Default: all.

    Raises:
        UserError: a number out of range.

    Example:
    ```python
    from hornbook import data

    digits = data.series.load("sequential_digits").train
    mean, variance = digits.moments()
    augment = data.series.augmenter(mean=mean, deviation=variance**0.5, jitter_strength=0.05, time_warp_strength=0.2)
    feed = data.training_batches(digits, batch_size=64, num_classes=10, epochs=1, augment=augment)
    ```
    """
    strengths = {"jitter": jitter_strength, "scaling": scaling_strength, "time_warp": time_warp_strength, "mixup": mixup_alpha}
    for flag, value in strengths.items():
        if not 0 <= value < math.inf:
            raise UserError(f"{flag} must be 0 (off) or a positive number, got {value}")
    for flag, value in {"time_masking": time_masking_share, "feature_masking": feature_masking_share}.items():
        if not 0 <= value <= 1:
            raise UserError(f"{flag} must be from 0 (off) to 1, got {value}")
    measured = len(mean) if measured is None else measured
    real = np.arange(len(mean)) < measured
    fill = np.where(real, mean, 1.0).astype(np.float32)

    def augment(series, labels, draw):
        if jitter_strength:
            series = jitter(series, draw, jitter_strength * np.asarray(deviation) * real)
        if scaling_strength:
            series = scaling(series, draw, scaling_strength * real, mean)
        if time_warp_strength:
            series = time_warp(series, draw, time_warp_strength)
        if time_masking_share:
            series = time_masking(series, draw, time_masking_share, fill)
        if feature_masking_share:
            series = feature_masking(series, draw, feature_masking_share, fill)
        if mixup_alpha:
            series, labels = mixup(series, labels, draw, mixup_alpha, fill)
        return series, labels

    return augment


def _lengths(series):
    """Steps of each series that are not padding: int64 array `(batch,)`."""
    return (~np.isnan(series).all(axis=2)).sum(axis=1)


def _normal(uniform, shape):
    """Normal numbers, float32 `(examples, *shape)`, a pure function of one uniform number each; none beyond 4.3 deviations."""
    from scipy.special import ndtri

    words = randomness.noise(uniform, 2 * math.prod(shape)).copy().view("<u2")
    return ndtri((words + 0.5) / 65536).astype(np.float32).reshape(-1, *shape)
