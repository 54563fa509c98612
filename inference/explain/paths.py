"""Attributions by gradients: the gradient itself, its mean over noisy copies, and its integral on the way from a baseline.

All take a `training.gradients.Gradient` of `class_score`, arrays of one kind, and give an array like them.
"""

import keras
import numpy as np

_AT_A_TIME = 64  # Copies of an example that go through the network together.
_MOST_STEPS = 512
_LARGEST_GAP = 0.02  # Of the difference between input and baseline, that may be lost between the steps.


def class_score(outputs, target):
    """What a network's outputs `(batch, outputs)` say for a class each, `(batch,)`; one output is the second of two classes."""
    if outputs.shape[-1] == 1:
        return outputs[:, 0] * keras.ops.cast(2 * target - 1, outputs.dtype)
    return keras.ops.take_along_axis(outputs, keras.ops.expand_dims(target, 1), axis=1)[:, 0]


def plain(gradient, x, target, at=None):
    """The gradient of the class's score (Simonyan et al. 2014, section 3).

    Args:
        gradient: `training.gradients.Gradient` of `class_score`.
        x: array `(batch, ...)`, as the model takes it.
        target: int array `(batch,)`, of classes.
        at: what the gradient's layer gives for x, `(batch, ...)`; None: the gradient is with respect to x.

    Returns:
        float32 array like x, or like `at`.
    """
    return gradient(x, target, at=at)[1]


def smooth(gradient, x, target, at=None, *, samples=32, noise=0.15, seed=0):
    """The mean gradient over copies with noise (SmoothGrad, Smilkov et al. 2017, equation 1).

    Args:
        gradient, x, target, at: as of `plain`.
        samples: copies of each example.
        noise: standard deviation of the noise, as a share of what lies between an example's least and largest number (0.1 to 0.2 in the
            paper).
        seed: of the noise.
    """
    start, draw = np.asarray(x if at is None else at, np.float32), np.random.default_rng(seed)
    found = np.zeros_like(start)
    for place, one in enumerate(start):
        deviation = noise * (np.nanmax(one) - np.nanmin(one))
        for some in _pieces(samples):
            copies = one + draw.normal(0, deviation, (some, *one.shape)).astype(np.float32)
            found[place] += _along(gradient, x[place], target[place], copies, at is None)[1].sum(axis=0) / samples
    return found


def integrated(gradient, x, target, baseline, at=None, *, steps=32):
    """The way from a baseline times the mean gradient on it (integrated gradients, Sundararajan et al. 2017, equation 1).

    They add up to the difference between what the network says of the input and of the baseline. The mean is over the midpoints of equal
    steps; where more than 2% of the difference are lost between them, there are twice as many, up to 512.

    Args:
        gradient, x, target, at: as of `plain`.
        baseline: array like x, or like `at`: what stands for "nothing is there".
        steps: on the way.

    Returns:
        float32 array like x, or like `at`; and how much of the difference is lost, `(batch,)`, as a share of its size.
    """
    end = np.asarray(x if at is None else at, np.float32)
    found, gaps = np.zeros_like(end), np.zeros(len(end))
    for place, one in enumerate(end):
        way = one - baseline[place]
        way = np.where(np.isnan(way), 0, way)  # Padding of series.
        ends = _along(gradient, x[place], target[place], np.stack([one, one - way]), at is None)[0]
        count = steps
        while True:
            total = np.zeros_like(one)
            shares = (np.arange(count, dtype=np.float32) + 0.5) / count
            for start in range(0, count, _AT_A_TIME):
                some = shares[start : start + _AT_A_TIME].reshape(-1, *[1] * one.ndim)
                total += np.nan_to_num(_along(gradient, x[place], target[place], one - (1 - some) * way, at is None)[1]).sum(axis=0)
            found[place] = way * total / count
            gaps[place] = abs(found[place].sum() - (ends[0] - ends[1])) / max(abs(ends[0] - ends[1]), 1e-3)
            if gaps[place] <= _LARGEST_GAP or 2 * count > _MOST_STEPS:
                break
            count *= 2
    return found, gaps


def _along(gradient, one, target, copies, of_inputs):
    """The score and its gradient for copies of an example, or of what a layer gives for it."""
    targets = np.full(len(copies), target)
    if of_inputs:
        return gradient(copies.astype(np.float32), targets)
    return gradient(np.repeat(one[None], len(copies), axis=0), targets, at=copies)


def _pieces(count):
    return [min(_AT_A_TIME, count - start) for start in range(0, count, _AT_A_TIME)]
