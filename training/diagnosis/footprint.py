"""What a training takes of the memory at least, known before its first step.

A lower bound, so that nothing is refused that would have gone well: weights with their gradients and averages, and what every layer with
a kernel must remember of a batch until its gradient is computed. What layers take while they compute comes on top.
"""

import math
import os

from hornbook import memory


def require(model, train, batch_size, smaller):
    """Refuse a training that the memory of this machine cannot hold.

    Args:
        model: compiled and built, its optimizer too.
        train: part of the dataset, or its tokens. Its longest example is in a whole batch some time, and all others there are padded to it.
        batch_size: examples a step.
        smaller: the flags by which a run takes less, in words.

    Raises:
        UserError: with what it takes and what is free.
    """
    if os.path.exists("/proc/driver/nvidia"):  # A GPU's memory is its own, and says itself when it is full.
        return
    longest = _longest(train)
    batch_size = min(batch_size, len(train))
    size = size_in_bytes(model, batch_size, longest)
    steps = f" of {longest:,} steps each" if longest > 1 and any(None in given.shape[1:] for given in model.inputs) else ""
    memory.require(size, f"a batch of {batch_size:,} examples{steps} in this network", f"pass a smaller {smaller}")


def _longest(part):
    """The steps of a part's longest example; 1 of what has no lengths."""
    lengths = getattr(part, "lengths", None)
    return 1 if lengths is None or not len(lengths) else int(max(lengths))


def size_in_bytes(model, batch_size, length):
    """Bytes of gradients and of the inputs of layers with kernels, for one step; the weights themselves are in memory already.

    Args:
        model: a functional one.
        batch_size: examples a step.
        length: steps of an example, where the model takes any.
    """
    gradients = 4 * sum(math.prod(variable.shape) for variable in model.trainable_variables)
    remembered, recurrent = {}, 0
    for layer in _layers(model):
        # A kernel's gradient is made of the inputs; what a normalization needs of them, a compiler may compute again.
        if any(len(one.shape) > 1 for one in layer.trainable_variables):
            width = 2 if "16" in layer.compute_dtype else 4
            for tensor in _inputs(layer):
                remembered[id(tensor)] = width * batch_size * math.prod(length if size is None else size for size in tensor.shape[1:])
            # The gates of every step.
            gates = sum(one.shape[-1] for one in layer.trainable_variables if one.path.endswith("recurrent_kernel"))
            recurrent += gates * width * batch_size * length
    return gradients + sum(remembered.values()) + recurrent


def _layers(model):
    """The layers of a model and of those within it."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _layers(layer)
        else:
            yield layer


def _inputs(layer):
    """The symbolic tensors that a layer is called on; none of a layer that is used several times, which has no input of its own."""
    try:
        given = layer.input
    except (AttributeError, ValueError):
        return []
    return given if isinstance(given, list | tuple) else [given]
