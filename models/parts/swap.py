"""Another normalization in a model that exists already."""

import keras

from hornbook.models.layers.block_stack import BlockStack
from hornbook.models.parts.normalization import NORMALIZATIONS, normalization_layer, resolve_normalization

# What counts as normalization in a model. UnitNormalization does not: it has no weights and is used on embeddings, by intent.
NORMALIZATION_LAYERS = (
    keras.layers.BatchNormalization,
    keras.layers.GroupNormalization,
    keras.layers.LayerNormalization,
    keras.layers.RMSNormalization,
)


def swap_normalization(model, normalization, *, groups=None):
    """Return a copy of a functional or sequential model with another normalization, all other weights kept.

    Batch, group, layer and RMS normalization layers are replaced, in nested functional models too; layers shared between places stay
    shared. A new layer keeps the name, the learned scale and offset and whether there are any; statistics start afresh, so train the
    model on before using it. With "none" the layers go away. With "none" and "rms", which have no offset, a convolution or dense layer
    that fed a normalization gets a bias in its place; where something else fed it (a sum, in pre-activation blocks), the offset is lost.

    Args:
        model: A built functional or sequential `keras.Model`, such as those of `keras.applications` and of Hornbook. It is not changed.
        normalization: "batch", "layer", "group", "instance", "rms", "none", or a factory `(name) -> layer`.
        groups: Number of groups of "group", which must divide the channels everywhere; 1 is layer normalization over a whole example. None:
            chosen from the channels.

    Returns:
        An uncompiled model.

    Raises:
        TypeError: The model, or one inside it, is a subclass of `keras.Model`: its layers are not known from outside.
        ValueError: There is nothing to swap; normalization is hidden inside another layer; it is over an axis other than the last; or
            the new one makes no sense there, as group and instance normalization of sequences with padding.

    Example:
        ```python
        import keras
        from hornbook import models

        model = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=10)
        model = models.swap_normalization(model, "group")
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        ```
    """
    kind = resolve_normalization(normalization, groups)
    _check_model(model)
    fed = set() if kind is not None and kind.has_offset else _layers_that_feed_normalization(model)
    pairs = []

    def copy(layer):
        if isinstance(layer, NORMALIZATION_LAYERS):
            new = _nothing_instead_of(layer) if kind is None else _replacement(layer, kind)
        elif id(layer) in fed:
            new = type(layer).from_config({**layer.get_config(), "use_bias": True})
        else:
            new = type(layer).from_config(layer.get_config())
        pairs.append((layer, new))
        return new

    swapped = cloned(model, copy, _call)
    for old, new in pairs:
        _carry_weights(old, new)
    return swapped


def cloned(model, copy, call):
    """Return an uncompiled copy of a functional or sequential model, its layers made by `copy(layer)` and called by `call(layer, ...)`.

    Those of models in it too; the layers of sequential models are not called by `call`.
    """
    arguments = {}
    # Sequential models take neither: they pass nothing but the tensor, and keep the name of their input.
    if not isinstance(model, keras.Sequential):
        arguments = {"call_function": call, "input_tensors": keras.tree.map_structure(_input_like, model.input)}
    clone = keras.models.clone_model(model, clone_function=copy, recursive=True, **arguments)
    # clone_model compiles the copy of a compiled model, and would carry its loss along.
    clone.compiled = False
    return clone


def _input_like(tensor):
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor._keras_history.operation.name)


def _call(layer, *args, **kwargs):
    if isinstance(layer, keras.layers.GroupNormalization) and kwargs.get("mask") is not None:
        raise ValueError(
            f"{layer.name!r} leaves padding out of its statistics by a mask, and group and instance normalization would mix it in; "
            "use 'layer', 'rms' or 'none'"
        )
    # Batch normalization is called with `mask` and `training`, which the others do not take.
    if isinstance(layer, (keras.layers.Activation, *NORMALIZATION_LAYERS)) and not isinstance(layer, keras.layers.BatchNormalization):
        return layer(*args)
    return layer(*args, **kwargs)


def _check_model(model):
    if not isinstance(model, keras.Model):
        raise TypeError(f"swap_normalization takes a keras.Model, got {model!r}")
    layers = list(_leaves(model))
    for layer in layers:
        if isinstance(layer, BlockStack):
            raise ValueError(
                f"{layer.name!r} is a stack of {layer.count} blocks without layers of their own; take it apart with "
                "models.unstacked(model) first, and put it together with models.stacked(model) after"
            )
        if not isinstance(layer, NORMALIZATION_LAYERS):
            _check_nothing_is_hidden(layer)
    if not any(isinstance(layer, NORMALIZATION_LAYERS) for layer in layers):
        kinds = ", ".join(sorted({type(layer).__name__ for layer in layers}))
        raise ValueError(f"{model.name!r} has no normalization to swap; its layers are {kinds}")


def _check_nothing_is_hidden(layer):
    for inner in layer._flatten_layers(include_self=False):
        if isinstance(inner, NORMALIZATION_LAYERS):
            raise ValueError(
                f"the normalization {inner.name!r} is inside the layer {layer.name!r} ({type(layer).__name__}) and cannot be swapped "
                "from outside; build that layer with another one"
            )


def _leaves(model):
    """Yield the layers of a model and of the models in it, models excepted."""
    if not isinstance(model, keras.Sequential) and not is_functional(model):
        raise TypeError(
            f"{model.name!r} is a {type(model).__name__}, a subclass of keras.Model whose layers are not known from outside; "
            "swap_normalization takes functional and sequential models"
        )
    if not model.built:
        raise ValueError(f"{model.name!r} is not built; call it once, or give it an input shape")
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def is_functional(model):
    """Whether a model is functional, and not sequential."""
    return isinstance(model, type(keras.Model(*[keras.Input((1,))] * 2)))


def _nothing_instead_of(layer):
    # Keras' Identity cannot be saved once it is given a policy of types, and is given one whenever it is loaded.
    return keras.layers.Activation("linear", name=layer.name, dtype=layer.dtype_policy)


def _replacement(layer, kind):
    shape = layer.get_build_config()["input_shape"]
    axes = layer.axis if isinstance(layer.axis, (list, tuple)) else [layer.axis]
    if len(shape) - 1 not in [axis % len(shape) for axis in axes]:
        raise ValueError(f"{layer.name!r} normalizes axis {layer.axis} of {tuple(shape)}; only channels on the last axis can be swapped")
    options = {"dtype": layer.dtype_policy}
    if (kind in NORMALIZATIONS.values() or kind.groups) and kind.has_offset:
        # Keras' RMS normalization has a scale and no offset.
        options |= {"center": getattr(layer, "center", False), "scale": getattr(layer, "scale", True) is not False}
    new = normalization_layer(kind, shape, layer.name, **options)
    new.trainable = layer.trainable
    return new


def _layers_that_feed_normalization(model):
    """Return the ids of the convolutions and dense layers without a bias whose output a normalization with an offset takes."""
    fed = set()
    for layer in _leaves(model):
        if not isinstance(layer, NORMALIZATION_LAYERS) or getattr(layer, "beta", None) is None:
            continue
        for node in layer._inbound_nodes:
            for tensor in node.input_tensors:
                source = tensor._keras_history.operation
                if getattr(source, "use_bias", None) is False and hasattr(source, "bias_initializer"):
                    fed.add(id(source))
    return fed


def _carry_weights(old, new):
    if not isinstance(old, keras.layers.Layer) or not old.weights:
        return
    if type(old) is type(new) and len(old.weights) == len(new.weights) and not isinstance(old, NORMALIZATION_LAYERS):
        new.set_weights(old.get_weights())
        return
    # Names are gamma and beta everywhere but in RMS normalization, where gamma is called scale.
    values = {_common_name(weight): weight for weight in old.trainable_weights + old.non_trainable_weights}
    for weight in new.weights:
        value = values.get(_common_name(weight))
        if value is not None and value.shape == weight.shape and not weight.name.startswith("moving"):
            weight.assign(value)


def _common_name(weight):
    return "gamma" if weight.name == "scale" else weight.name
