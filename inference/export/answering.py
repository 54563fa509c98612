"""A run's model as one that answers: probabilities and what is predicted, in float32, from what the run's model takes.

Keras' own layers and operations alone, so that every format can hold it; and what converters stumble over in those layers put in a form
that they know.
"""

import copy
import re

import keras
import numpy as np

from hornbook import UserError

_MIXED = ("mixed_bfloat16", "mixed_float16", "bfloat16", "float16")


def answering(model, about):
    """A model of the same input whose outputs are a dict of answers.

    Args:
        model: the run's, from raw inputs to logits or numbers.
        about: the run's `labels.json`, JSON values.

    Returns:
        A functional `keras.Model` in float32. Of a regression it gives `values` `(batch, targets)` or `(batch, quantiles)`. Else
        `probabilities`, float32 `(batch, classes)` or `(batch, labels)`, and `predicted`, int32: the place of the class in `class_names`,
        `(batch,)`, or 0 and 1 for every label, `(batch, labels)`, by the run's thresholds, or 0.5.
    """
    model = in_float32(model)
    [received], [outputs] = model.inputs, model.outputs
    inputs = keras.Input(received.shape[1:], dtype=received.dtype, name="inputs")
    outputs = keras.Model(received, outputs, name=f"{model.name}_outputs")(inputs)
    return keras.Model(inputs, answers(keras.ops.cast(outputs, "float32"), about), name="answers")


def answers(outputs, about):
    """The answers of a model's outputs, a dict of tensors, see `answering`."""
    ops, limits = keras.ops, about.get("thresholds")
    if about["task"] == "regression":
        return {"values": outputs}
    if about["task"] == "multi-label":
        probabilities = ops.sigmoid(outputs)
        above = probabilities > np.asarray(limits or [0.5] * outputs.shape[-1], np.float32)
        return {"probabilities": probabilities, "predicted": ops.cast(above, "int32")}
    if about["loss"] == "binary":
        probabilities = ops.concatenate([ops.sigmoid(-outputs), ops.sigmoid(outputs)], axis=-1)
    else:
        probabilities = ops.softmax(outputs, axis=-1)
    if limits is None:
        return {"probabilities": probabilities, "predicted": _first_of_largest(probabilities)}
    return {"probabilities": probabilities, "predicted": ops.cast(probabilities[:, 1] > np.float32(limits[0]), "int32")}


def _first_of_largest(probabilities):
    """As `argmax`, which Keras makes of operations on single bits, that other runtimes lack."""
    ops, places = keras.ops, np.arange(probabilities.shape[-1], dtype=np.int32)
    largest = ops.equal(probabilities, ops.max(probabilities, axis=-1, keepdims=True))
    return ops.min(ops.where(largest, places, np.int32(len(places))), axis=-1)


def in_float32(model):
    """The same model computed in float32, whose weights are float32 in any case; itself where it is."""
    described = keras.saving.serialize_keras_object(model)
    if not any(name in str(described) for name in _MIXED):
        return model
    twin = keras.saving.deserialize_keras_object(_replaced(copy.deepcopy(described)), safe_mode=True)
    twin.set_weights(model.get_weights())
    return twin


def _replaced(described):
    """A description whose policies, and whose casts to 16 bits, are of float32."""
    if isinstance(described, dict):
        if described.get("class_name") == "DTypePolicy":
            described["config"] = {"name": "float32"}
        return {key: _replaced(value) for key, value in described.items()}
    if isinstance(described, list):
        return [_replaced(one) for one in described]
    return "float32" if isinstance(described, str) and described in _MIXED else described


def layers_of(model):
    """All layers of a model, those within models and layers too."""
    return [layer for layer in model._flatten_layers(include_self=False) if layer is not model]


def is_recurrent(model):
    """Whether a model walks through its input step by step."""
    return any(isinstance(layer, keras.layers.RNN | keras.layers.Bidirectional) for layer in layers_of(model))


def ready_for_converters(model):
    """Put what converters stumble over in a form that they know, in place; the function stays the same.

    - Recurrent layers are computed by plain operations, never by cuDNN's, which no other runtime has. `Bidirectional` forgets the
      option of the layer that it wraps (keras#21799), so it is set in the layers that it made.
    - `CategoryEncoding` counts (`DenseBincount`), which LiteRT cannot; codes that differ add up to the same zeros and ones.
    - Of a sum with a vector Keras makes a `BiasAdd`, which LiteRT knows of floats alone; codes of categories are whole numbers.
    """
    for layer in layers_of(model):
        if hasattr(layer, "use_cudnn"):
            layer.use_cudnn = False
        if isinstance(layer, keras.layers.CategoryEncoding) and layer.output_mode == "multi_hot":
            layer.call = _multi_hot(layer.num_tokens)
    for operation in _operations_of(model):
        if type(operation) is keras.src.ops.numpy.Add:
            operation.call = _sum(operation.call)


def keep_scaling_apart(model):
    """Keep converters from putting the scaling of features into the kernels before and behind it, in place; the function stays the same.

    Of features of other sizes, the kernel would have weights of other sizes, and a tensor of raw features values of other sizes: int8 has
    one scale for all of them. (Of a table, accuracy fell from 0.96 to 0.66.)
    """
    for layer in layers_of(model):
        scale = getattr(layer, "variance" if isinstance(layer, keras.layers.Normalization) else "scale", None)
        if isinstance(layer, keras.layers.Normalization | keras.layers.Rescaling) and np.size(scale) > 1:
            layer.call = _apart(layer.call)


def _apart(original):
    def call(inputs):
        return _not_below(original(_not_below(inputs)))

    return call


def _not_below(x):
    """The same numbers, NaN among them, by an operation that no converter leaves out."""
    lowest = np.float32(-3e38)
    return keras.ops.where(x < lowest, lowest, x)


def _operations_of(model):
    """All operations of a functional model and those within it."""
    for operation in model.operations:
        yield operation
        if isinstance(operation, keras.Model) and hasattr(operation, "operations"):
            yield from _operations_of(operation)


def _sum(original):
    def call(x1, x2):
        import tensorflow as tf

        if getattr(x1, "dtype", None) == tf.int32 and getattr(x2, "dtype", None) in (tf.int32, np.int32):
            return tf.math.add(x1, x2)
        return original(x1, x2)

    return call


def _multi_hot(num_tokens):
    def call(inputs, count_weights=None):
        return keras.ops.max(keras.ops.one_hot(keras.ops.cast(inputs, "int32"), num_tokens, dtype="float32"), axis=-2)

    return call


def of_keras_alone(model, path):
    """The same model without layers that Keras lacks: equal blocks that were one layer are layers of their own again.

    Args:
        model: the run's.
        path: of its file, for messages.

    Raises:
        UserError: it has others, with the formats that hold operations and no layers.
    """
    if "BlockStack" in _own_classes(model):
        from hornbook import models

        model = models.unstacked(model)
    others = _own_classes(model)
    if others:
        raise UserError(
            f"{path} has what Keras lacks ({', '.join(others)}), so that a model.keras would need Hornbook where it is loaded; "
            "pass --format saved_model, onnx or litert, which hold operations and no layers"
        )
    return model


def _own_classes(model):
    return sorted(set(re.findall(r'"hornbook>(\w+)"', model.to_json())))
