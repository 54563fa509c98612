"""Which layers of a network an explanation is about: found by running it on an example, whatever it is built of."""

import contextlib
import dataclasses

import keras
import numpy as np

from hornbook import UserError
from hornbook.training.diagnosis.probe import leaves

ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)


@dataclasses.dataclass(frozen=True)
class Call:
    """A layer's call.

    Attributes:
        layer: the layer.
        given, shape: shapes of its first input and of its output, without the batch axis; None of what is no tensor.
        dtype: of its first input.
    """

    layer: object
    given: tuple | None
    shape: tuple | None
    dtype: str | None


def calls(model, x):
    """The calls of a model's innermost layers, in their order: a list of `Call`.

    Args:
        model: `keras.Model`.
        x: array `(batch, ...)`, of which the first example is run.
    """
    found = []

    def watch(layer):
        original = layer.call

        def call(*args, **kwargs):
            output = original(*args, **kwargs)
            given = args[0] if args else None
            found.append(Call(layer, _shape(given), _shape(output), _dtype(given)))
            return output

        layer.call = call

    layers = [layer for layer in leaves(model) if layer is not model]
    for layer in layers:
        watch(layer)
    try:
        model(keras.ops.convert_to_tensor(np.asarray(x)[:1]), training=False)
    finally:
        for layer in layers:
            with contextlib.suppress(AttributeError):
                del layer.call
    return found


def _shape(value):
    return tuple(value.shape[1:]) if keras.ops.is_tensor(value) else None


def _dtype(value):
    return keras.backend.standardize_dtype(value.dtype) if keras.ops.is_tensor(value) else None


def has_attention(model):
    """Whether a layer of a model is Keras' attention, of Hornbook or not."""
    return any(isinstance(layer, ATTENTION) for layer in model._flatten_layers())


def token_embedding(model, x):
    """The layer that turns tokens into vectors `(batch, time, features)`, of a model that takes int tokens `(batch, time)`.

    Args:
        model, x: as of `calls`.

    Raises:
        UserError: there is none, or more than one, as in an ensemble.
    """
    steps = np.shape(x)[1]
    made = calls(model, x)
    found = [one for one in made if isinstance(one.layer, keras.layers.Embedding) and one.given == (steps,) and one.shape[:1] == (steps,)]
    # A linear model of words beside the network has a table, too, which is not trained.
    found = [one for one in found if one.layer.trainable] or found
    joined = [one.layer for one in made if one.layer.name == "both_embeddings"]
    if joined:
        return joined[0]
    if len({id(one.layer) for one in found}) != 1:
        raise UserError(f"{model.name!r} has {len(found)} embeddings of tokens, and gradients are of one; pass --method shapley")
    return found[0].layer


def head(model, x):
    """The dense layer that gives the network's outputs, from whose inputs examples are near or far.

    Args:
        model, x: as of `calls`.

    Raises:
        UserError: there is none.
    """
    outputs = model.output_shape[-1]
    found = [
        one for one in calls(model, x) if isinstance(one.layer, keras.layers.Dense) and one.shape == (outputs,) and len(one.given) == 1
    ]
    found = [one for one in found if one.layer.trainable] or found
    if not found:
        raise UserError(f"{model.name!r} has no dense layer at its end, from whose inputs examples could be compared")
    return found[-1].layer
