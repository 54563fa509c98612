"""Adaptive gradient clipping: gradients cut by the size of the weights that they are about to change."""

from keras import ops

_SMALLEST_WEIGHTS = 1e-3  # Weights of 0, as of biases at first, may still leave 0 (Brock et al. 2021, section 4.1).
_SMALLEST_GRADIENT = 1e-6  # Below it nothing is divided.


def adaptive(gradient, variable, factor):
    """Return a gradient, cut in each unit to a share of the norm of the unit's weights (Brock et al. 2021, equation 3).

    A unit is what computes one output: of a kernel all weights but those along its last axis, so that of a convolution a filter. Of a
    bias, a scale or an offset it is the whole of it, as in the authors' code; of an embedding the row of a token. Of a variable of a
    `models.BlockStack` each block has units of its own.

    Args:
        gradient: tensor of the variable's shape, float32; or under TensorFlow, of an embedding, the rows that were looked up.
        variable: `keras.Variable`.
        factor: share of the weights' norm that a gradient's may have. Norms of weights count as 0.001 at least.
    """
    gradient = ops.convert_to_tensor(gradient)
    shape = _by_block(variable)
    by_block, axes = ops.reshape(gradient, shape), _axes_of_a_unit(variable, shape)
    most = factor * ops.maximum(_norms(ops.reshape(variable, shape), axes), _SMALLEST_WEIGHTS)
    by_block = by_block * ops.minimum(1.0, most / ops.maximum(_norms(by_block, axes), _SMALLEST_GRADIENT))
    return ops.reshape(by_block, gradient.shape)


def of_the_last_layer(variables):
    """Return those of some variables that are of the layer of the outputs: of the last kernel's, whose gradients are not cut (section 4.1).

    Of an ensemble of networks that of each, as their layers are called the same.

    Args:
        variables: trainable ones, in the model's order.
    """
    layers = [variable.path.rpartition("/")[0] for variable in variables]
    last = [layer for layer, variable in zip(layers, variables, strict=True) if len(variable.shape) > 1][-1:]
    return [variable for layer, variable in zip(layers, variables, strict=True) if layer in last]


def _by_block(variable):
    """The shape of a variable with an axis of blocks in front."""
    shape, blocks = tuple(variable.shape), getattr(variable, "blocks", None)
    if blocks is None:
        return (1, *shape)
    return (blocks, shape[0] // blocks) if len(shape) == 1 else shape


def _axes_of_a_unit(variable, shape):
    if len(shape) < 3 or variable.name == "bias":  # Of attention's heads, and of several outputs side by side, a bias has two axes.
        return tuple(range(1, len(shape)))
    return (len(shape) - 1,) if variable.name == "embeddings" else tuple(range(1, len(shape) - 1))


def _norms(tensor, axes):
    return ops.sqrt(ops.sum(ops.square(tensor), axis=axes, keepdims=True)) if axes else ops.abs(tensor)
