"""Features of series by fixed convolutions, after MiniRocket (Dempster, Schmidt and Webb, 2021). NumPy alone.

A feature is the share of steps at which a convolution exceeds a threshold. Kernels have nine weights, three of 2 and six of -1, and see
the series at several dilations; thresholds are quantiles of what the convolutions give on training series. Nothing is learned.
"""

import itertools
import math

import numpy as np

_TAPS = 9
KERNELS = np.array([[2.0 if tap in high else -1.0 for tap in range(_TAPS)] for high in itertools.combinations(range(_TAPS), 3)], np.float32)
"""The 84 kernels: float32 array `(kernels, taps)`, each adding up to 0."""

_FEATURES = 5000  # About as many; twice as many gain little and make the ridge four times as slow.
_QUANTILE_SERIES = 32  # Training series that thresholds are taken from.
_GROUPS = 7  # Of kernels, which see their own choice of features where a series has several.
_AT_A_TIME = 2**15  # Steps: their convolutions with all kernels fit a processor's cache in part, and memory easily.


class Convolutions:
    """Features of series, of equal or unequal length.

    Args:
        series: list of float arrays `(steps, features)`, of training.
        seed: of the choice of features and of the series that thresholds are taken from.

    Attributes:
        mean, scale: float64 arrays `(features,)`, by which series are standardized.
        dilations: steps between the taps of a kernel, rising.
        mixing: float32 array `(dilations, groups, features)` of 0 and 1: the features whose sum each group of kernels sees.
        thresholds: float32 array `(dilations, kernels, thresholds)`.

    Example:
    ```python
    import numpy
    from hornbook.data.series.convolutions import Convolutions

    series = [numpy.sin(numpy.arange(40) * speed)[:, None] for speed in (0.1, 0.2, 0.4)]
    found = Convolutions(series).features(series)
    assert found.min() >= 0 and found.max() <= 1
    ```
    """

    def __init__(self, series, seed=0):
        generator = np.random.default_rng(seed)
        steps = max(_TAPS, int(np.median([len(one) for one in series])))
        self.dilations = [2**power for power in range(int(math.log2((steps - 1) / (_TAPS - 1))) + 1)]
        self.thresholds_each = max(1, round(_FEATURES / (len(KERNELS) * len(self.dilations))))
        together = np.concatenate(series).astype(np.float64)
        self.mean, deviation = together.mean(axis=0), together.std(axis=0)
        self.scale = np.where(deviation > 0, deviation, 1)
        # Each group of kernels sees the sum of some features: a convolution of the sum is the sum of convolutions.
        count = together.shape[1]
        groups = 1 if count == 1 else _GROUPS
        self.mixing = np.zeros((len(self.dilations), groups, count), np.float32)
        for chosen in self.mixing.reshape(-1, count):
            number = int(2 ** generator.uniform(0, math.log2(min(count, _TAPS) + 1)))
            chosen[generator.choice(count, number, replace=False)] = 1
        # Golden-ratio multiples lie evenly, however many of them are taken.
        total = len(self.dilations) * len(KERNELS) * self.thresholds_each
        quantiles = (np.arange(1, total + 1) * (math.sqrt(5) - 1) / 2 % 1).reshape(len(self.dilations), len(KERNELS), -1)
        some = generator.permutation(len(series))[:_QUANTILE_SERIES]
        self.thresholds = self._quantiles([series[place] for place in some], quantiles)

    def features(self, series):
        """Float32 array `(series, features)`, each from 0 to 1."""
        lengths = np.array([len(one) for one in series])
        order = np.argsort(lengths, kind="stable")  # Of about equal length, few steps are padding.
        found = np.empty((len(series), self.thresholds.size), np.float32)
        for block in _blocks(lengths[order]):
            places = order[block]
            padded, own = self._padded([series[place] for place in places])
            columns = 0
            for number in range(len(self.dilations)):
                convolved, valid = self._convolved(padded, own, number)
                for threshold in range(self.thresholds_each):
                    above = convolved > self.thresholds[number, :, threshold, None, None]
                    counts = np.bitwise_count(np.packbits(above, axis=-1)).sum(axis=-1, dtype=np.int32)
                    found[places, columns : columns + len(KERNELS)] = (counts / valid).T
                    columns += len(KERNELS)
        return found

    def kernel(self, number):
        """The kernels of a dilation, by its number, as those of one convolution of all features: float32 `(taps, features, kernels)`."""
        mixing = self.mixing[number]
        kernel = np.zeros((_TAPS, mixing.shape[1], len(KERNELS)), np.float32)
        for features, own in zip(mixing, _groups_of_kernels(len(mixing)), strict=True):
            kernel[:, :, own] = KERNELS[own].T[:, None, :] * features[None, :, None]
        return kernel

    def _padded(self, series):
        """Standardized series as float32 `(series, steps, features)`, 0 behind their ends, and their lengths, at least a kernel's."""
        own = np.array([max(len(one), _TAPS) for one in series])
        padded = np.zeros((len(series), own.max(), len(self.mean)), np.float32)
        for row, one in zip(padded, series, strict=True):
            row[: len(one)] = (one - self.mean) / self.scale
        return padded, own

    def _convolved(self, padded, own, number):
        """Convolutions `(kernels, series, steps)` at a dilation, -infinity where there is none, and how many there are of each.

        Every second kernel stays within a series, whose features are 0 where it is too short for that; the others see zeros beyond its
        ends.
        """
        dilation, (count, steps, _) = self.dilations[number], padded.shape
        reach = dilation * (_TAPS // 2)
        mixed = padded @ self.mixing[number].T  # (series, steps, groups)
        wide = np.pad(mixed, ((0, 0), (reach, reach), (0, 0)))
        shifted = np.stack([wide[:, tap * dilation : tap * dilation + steps] for tap in range(_TAPS)])
        groups = _groups_of_kernels(mixed.shape[2])
        convolved = np.concatenate([KERNELS[own] @ shifted[..., k].reshape(_TAPS, -1) for k, own in enumerate(groups)])
        convolved = convolved.reshape(len(KERNELS), count, steps)
        at, inside = np.arange(steps), np.maximum(own - 2 * reach, 0)
        convolved[:, at >= own[:, None]] = -np.inf
        narrow = np.arange(len(KERNELS)) % 2 == 1
        outside = (at < reach) | (at >= (own - reach)[:, None])
        convolved[1::2, outside] = -np.inf
        return convolved, np.where(narrow[:, None], np.maximum(inside, 1), own)

    def _quantiles(self, series, quantiles):
        """Thresholds `(dilations, kernels, thresholds)`."""
        padded, own = self._padded(series)
        found = np.empty(quantiles.shape, np.float32)
        for number in range(len(self.dilations)):
            convolved, _ = self._convolved(padded, own, number)
            for kernel, values in enumerate(convolved):
                values = values[values > -np.inf]
                found[number, kernel] = np.quantile(values, quantiles[number, kernel]) if len(values) else 0
        return found


def _groups_of_kernels(count):
    return np.array_split(np.arange(len(KERNELS)), count)


def _blocks(lengths):
    """Slices of rising lengths, each of at most `_AT_A_TIME` steps, padding among them, or of one series."""
    start = 0
    for end in range(1, len(lengths) + 1):
        if end == len(lengths) or (end + 1 - start) * lengths[end] > _AT_A_TIME:
            yield slice(start, end)
            start = end
