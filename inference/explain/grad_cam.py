"""Grad-CAM: where in the last map of a convolutional network what speaks for a class lies."""

import numpy as np

from hornbook import UserError
from hornbook.inference.explain.layers import ATTENTION, calls
from hornbook.training.gradients import outputs_of


def weighted(maps, gradients):
    """The mean of the channels of a map, weighted by their mean gradients, where it is positive (Selvaraju et al. 2017, equations 1 and 2).

    Args:
        maps, gradients: float arrays `(batch, ..., channels)`: what a layer gives, and the gradient of the class's score by it.

    Returns:
        float32 array `(batch, ...)`, 0 or more.
    """
    axes = tuple(range(1, maps.ndim - 1))
    weights = gradients.mean(axis=axes, keepdims=True)
    return np.maximum((weights * maps).sum(axis=-1), 0).astype(np.float32)


def grad_cam(gradient, x, target, size):
    """Grad-CAM, stretched linearly to the size of the input.

    Args:
        gradient: `training.gradients.Gradient` of a class's score with respect to the outputs of a layer.
        x: array `(batch, ...)`, as the model takes it.
        target: int array `(batch,)`, of classes.
        size: (height, width) of images, or (steps,) of series.

    Returns:
        float32 array `(batch, *size)`, 0 or more.
    """
    maps = outputs_of(gradient.model, gradient.layer, x).astype(np.float32)
    return np.stack([stretched(one, size) for one in weighted(maps, gradient(x, target, at=maps)[1])])


def stretched(small, size):
    """A map `(height, width)` or `(steps,)` interpolated linearly to another size, float32; each number is the middle of its part."""
    found = np.asarray(small, np.float32)
    for axis, (before, after) in enumerate(zip(np.shape(small), size, strict=True)):
        middles = (np.arange(after) + 0.5) * before / after - 0.5
        low = np.clip(np.floor(middles).astype(int), 0, before - 1)
        high = np.minimum(low + 1, before - 1)
        share = np.clip(middles - low, 0, 1).astype(np.float32).reshape([-1 if one == axis else 1 for one in range(found.ndim)])
        found = np.take(found, low, axis) * (1 - share) + np.take(found, high, axis) * share
    return found


def last_map(model, x):
    """The layer whose output is the last map of a convolutional network, before it is pooled: for Grad-CAM.

    That is the last layer called, at or after the last convolution, whose output has the size of that convolution's: with its
    normalization, its activation, and the sum of a residual block.

    Args:
        model, x: as of `calls`.

    Raises:
        UserError: there is no convolution, attention follows it, or its map is a single place.
    """
    made = calls(model, x)
    places = [place for place, one in enumerate(made) if _is_convolution(one.layer) and one.shape is not None and len(one.shape) in (2, 3)]
    if not places:
        raise UserError(f"Grad-CAM looks at the last convolution, and {model.name!r} has none; pass --method integrated_gradients")
    if any(isinstance(one.layer, ATTENTION) for one in made[places[-1] :]):
        raise UserError(
            f"Grad-CAM looks at the last convolution, and in {model.name!r} attention follows it; pass --method attention_rollout"
        )
    # Convolutions of 1x1 behind the pooling are dense layers by another name.
    sizes = {place: made[place].shape[:-1] for place in places}
    places = [place for place in places if np.prod(sizes[place]) > 1]
    if not places:
        raise UserError(f"Grad-CAM shows where, and the convolutions of {model.name!r} end at a single place")
    size = sizes[places[-1]]
    alike = [one for one in made[places[-1] :] if one.shape is not None and one.shape[:-1] == size and len(one.shape) == len(size) + 1]
    return alike[-1].layer


def _is_convolution(layer):
    kind = type(layer).__name__
    return "Conv" in kind and "LSTM" not in kind
