"""Attention rollout: what each place of a transformer's last block has looked at, through all blocks."""

import numpy as np

from hornbook import UserError
from hornbook.inference.explain.grad_cam import stretched
from hornbook.inference.explain.layers import has_attention


def rolled_out(scores):
    """How much of each place of the input is in the last block's places (Abnar & Zuidema 2020, section 3).

    A block's attention, the mean over its heads, and what goes past it unchanged count half each.

    Args:
        scores: list of float arrays `(batch, heads, queries, keys)`, an array a block, queries as many as keys.

    Returns:
        float32 array `(batch, queries, keys)`, whose rows sum to 1.
    """
    found = None
    for one in scores:
        mean = np.asarray(one, np.float64).mean(axis=1)
        step = (mean + np.eye(mean.shape[-1])) / 2
        step /= step.sum(axis=-1, keepdims=True)
        found = step if found is None else step @ found
    return found.astype(np.float32)


def attention_rollout(model, x):
    """What the network's summary of each example has looked at, through all blocks; it is the same for every class.

    Where the network's head reads the mean of all places, as Hornbook's transformers do by default, that is the mean row of the rollout; a
    network with a place of its own for the summary has one place more than the input, and that place's row counts.

    Args:
        model: `keras.Model` with Keras' attention layers.
        x: array `(batch, ...)`, as the model takes it: int tokens, of which 0 is padding, series, of which NaN is, or images.

    Returns:
        float32 array `(batch, time)`, or `(batch, height, width)` of images, whose patches are stretched.

    Raises:
        UserError: the network has no attention, or attends between other places than those of the input.
    """
    from hornbook.models import attention_scores

    if not has_attention(model):
        raise UserError(f"attention_rollout reads attention, and {model.name!r} has none; pass --method integrated_gradients")
    scores = attention_scores(model, x)
    shapes = {one.shape[-2:] for one in scores}
    queries, keys = shapes.pop()
    grid = _patches(x.shape[1:3], keys) if x.ndim == 4 else None
    places = grid[0] * grid[1] if grid else x.shape[1]
    if shapes or queries != keys or keys not in (places, places + 1) or (x.ndim == 4 and grid is None):
        raise UserError(f"attention_rollout is for attention between the places of the input; that of {model.name!r} is another")
    rows = rolled_out(scores)
    counted = np.ones((len(x), places), bool) if grid else (x != 0 if x.ndim == 2 else ~np.isnan(x).all(axis=-1))
    if keys == places + 1:
        found = rows[:, 0, 1:]
    else:
        found = np.einsum("bq,bqk->bk", counted / np.maximum(1, counted.sum(axis=1, keepdims=True)), rows)
    found = (found * counted).astype(np.float32)
    return np.stack([stretched(one.reshape(grid), x.shape[1:3]) for one in found]) if grid else found


def _patches(size, keys):
    """Rows and columns of the square patches of a picture, of as many as there are keys or one fewer; None where there are no such."""
    height, width = size
    for side in range(1, min(size) + 1):
        if height % side == 0 and width % side == 0 and (height // side) * (width // side) in (keys, keys - 1):
            return height // side, width // side
    return None
