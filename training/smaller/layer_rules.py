"""What a layer or an operation does to channels, for those kinds of which that is known: from the labels of its inputs to its output's.

A rule is a function `(coupling, call) -> labels`, which gives None where it does not hold for a layer's options. A kind is told by its
class itself: what a subclass does is not known.
"""

import math

import keras
import numpy as np

from hornbook.models.layers import attention, batch_normalization
from hornbook.models.layers.scalar_affine import ScalarAffine
from hornbook.models.parts.activations import Activation

layers = keras.layers

# Of a value by itself, whatever the others are.
ELEMENTWISE = (
    "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_tanh", "leaky_relu", "linear", "log_sigmoid",
    "mish", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softplus", "softsign", "sparse_plus", "sparse_sigmoid",
    "squareplus", "tanh", "tanh_shrink", "threshold",
)  # fmt: skip
# Which leave each channel where it is.
_ALIKE = (
    layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Dropout, layers.SpatialDropout1D, layers.SpatialDropout2D, layers.SpatialDropout3D,
    layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout, layers.ActivityRegularization, layers.Identity,
    layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D, layers.AveragePooling1D, layers.AveragePooling2D,
    layers.AveragePooling3D, layers.GlobalMaxPooling1D, layers.GlobalMaxPooling2D, layers.GlobalMaxPooling3D,
    layers.GlobalAveragePooling1D, layers.GlobalAveragePooling2D, layers.GlobalAveragePooling3D, layers.UpSampling1D, layers.UpSampling2D,
    layers.ZeroPadding1D, layers.Cropping1D, layers.Cropping2D, layers.RepeatVector, ScalarAffine,
)  # fmt: skip
_OF_SEVERAL = (layers.Add, layers.Subtract, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum)
# Operations of `keras.ops`, by the names of their classes, which are not public.
_OPERATIONS = ("Abs", "Add", "Cast", "Copy", "Divide", "Exp", "Maximum", "Minimum", "Multiply", "Negative", "Relu", "Sigmoid", "Square",
               "StopGradient", "Subtract", "Tanh", "TrueDivide", "Where")  # fmt: skip
_OVER_AXES = ("Max", "Mean", "Min", "Sum")


def rule_of(call):
    """The rule for a call, or None where nothing is known of its kind."""
    kind = type(call.layer)
    if not isinstance(call.layer, layers.Layer):
        if not kind.__module__.startswith("keras.src.ops"):
            return None
        return _elementwise if kind.__name__ in _OPERATIONS else _over_axes if kind.__name__ in _OVER_AXES else None
    return RULES.get(kind)


def _single(call):
    """Whether a call has one tensor, beside a mask."""
    tensors = [one for one in keras.tree.flatten(list(call.node.arguments.args)) if isinstance(one, keras.KerasTensor)]
    others = {name for name, value in call.node.arguments.kwargs.items() if isinstance(value, keras.KerasTensor)}
    return len(tensors) == 1 and others <= {"mask"} and getattr(call.layer, "data_format", "channels_last") == "channels_last"


def _is_elementwise(layer):
    function = getattr(layer, "activation", None)
    return function is None or any(function is keras.activations.get(name) for name in ELEMENTWISE)


def _fixed(initializer):
    """Whether an initializer makes arrays of one shape alone."""
    return isinstance(initializer, keras.initializers.Constant) and np.ndim(initializer.value) > 0


def _alike(coupling, call):
    return call.given[0] if _single(call) else None


def _activation(coupling, call):
    return call.given[0] if _single(call) and _is_elementwise(call.layer) else None


def _rescaling(coupling, call):
    return call.given[0] if np.ndim(call.layer.scale) == 0 and np.ndim(call.layer.offset) == 0 else None


def _elementwise(coupling, call):
    """Of one tensor or several of the same channels, and of numbers; what has one channel for all of another's keeps it."""
    arguments = [*call.node.arguments.args, *call.node.arguments.kwargs.values()]
    if not all(one is None or np.isscalar(one) or _tensors(one) for one in arguments):
        return None
    size = call.shape[-1] if call.shape else None
    if not isinstance(size, int) or any(len(labels) not in (1, size) for labels in call.given):
        return None
    wide = [labels for labels in call.given if len(labels) == size]
    for labels in call.given:
        if len(labels) != size:
            coupling.stay(labels)
    for labels in wide[1:]:
        coupling.join(wide[0], labels)
    return wide[0] if wide else None


def _tensors(values):
    return all(isinstance(one, keras.KerasTensor) for one in (values if isinstance(values, list | tuple) else [values]))


def _over_axes(coupling, call):
    """Of sums and the like over other axes than that of the channels."""
    axes, rank = call.layer.axis, len(call.shapes[0])
    axes = [axes] if isinstance(axes, int) else axes
    return None if axes is None or any(axis % rank == rank - 1 for axis in axes) else call.given[0]


def _concatenate(coupling, call):
    rank = len(call.shape)
    if call.layer.axis % rank == rank - 1:
        return np.concatenate(call.given)
    for labels in call.given[1:]:
        coupling.join(call.given[0], labels)
    return call.given[0]


def _flatten(coupling, call):
    places = call.shapes[0][1:-1]
    if not _single(call) or None in places:
        return None
    return np.tile(call.given[0], math.prod(places))


def _zero_padding(coupling, call):
    layer, labels = call.layer, call.given[0]
    if layer.data_format == "channels_last":
        return labels
    # Of data whose channels are the last axis all the same: zeros for new channels.
    rows, (before, after) = layer.padding
    if tuple(rows) != (0, 0):
        return None
    first, last = coupling.new(layer, before, "first"), coupling.new(layer, after, "last")
    coupling.size(layer, lambda config, count: {"padding": [list(rows), [count(first), count(last)]]})
    return np.concatenate([first, labels, last])


def _normalization(coupling, call):
    """Of each channel by itself, as batch normalization's."""
    layer, labels, rank = call.layer, call.given[0], len(call.shape)
    own = [one for one in layer.variables if tuple(one.shape) == (call.shape[-1],)]
    if layer.axis not in (-1, rank - 1) or len(own) != len(layer.variables):
        return None
    for variable in own:
        coupling.slot(layer, variable, 0, labels)
    return labels


def _prelu(coupling, call):
    if call.layer.alpha.shape[-1] == call.shape[-1]:
        coupling.slot(call.layer, call.layer.alpha, -1, call.given[0])
        return call.given[0]
    return None


def _kernel(size):
    """The rule of a layer with a kernel (..., inputs, outputs), whose configuration has the outputs as `size`."""

    def rule(coupling, call):
        layer = call.layer
        kernel, bias = layer.kernel, layer.bias
        plain = getattr(layer, "groups", 1) == 1 and any(kernel is one for one in layer.variables)
        if not (plain and _single(call) and _is_elementwise(layer)) or _fixed(layer.kernel_initializer):
            return None
        made = coupling.new(layer, kernel.shape[-1])
        coupling.slot(layer, kernel, -2, call.given[0], reads=True)
        coupling.slot(layer, kernel, -1, made)
        if bias is not None:
            coupling.slot(layer, bias, 0, made)
        coupling.size(layer, lambda config, count: {size: count(made)})
        return made

    return rule


def _depthwise(coupling, call):
    layer, labels = call.layer, call.given[0]
    if layer.depth_multiplier != 1 or not _single(call) or not _is_elementwise(layer) or _fixed(layer.depthwise_initializer):
        return None
    coupling.slot(layer, layer.kernel, -2, labels)
    if layer.bias is not None:
        coupling.slot(layer, layer.bias, 0, labels)
    return labels


def _embedding(coupling, call):
    layer = call.layer
    if _fixed(layer.embeddings_initializer) or not any(layer.embeddings is one for one in layer.variables):
        return None
    made = coupling.new(layer, layer.output_dim)
    coupling.slot(layer, layer.embeddings, 1, made)
    coupling.size(layer, lambda config, count: {"output_dim": count(made)})
    return made


def _is_recurrent(layer):
    return type(layer) in _RECURRENT and not layer.return_state and not layer.stateful and _is_elementwise(layer)


def _units(coupling, layer, labels):
    """The labels of a recurrent layer's units, of which each gate has one."""
    cell = layer.cell
    made = coupling.new(layer, layer.units)
    gates = np.tile(made, cell.kernel.shape[-1] // layer.units)
    coupling.slot(layer, cell.kernel, 0, labels, reads=True)
    coupling.slot(layer, cell.kernel, 1, gates)
    coupling.slot(layer, cell.recurrent_kernel, 0, made, reads=True)
    coupling.slot(layer, cell.recurrent_kernel, 1, gates)
    if cell.bias is not None:
        coupling.slot(layer, cell.bias, -1, gates)
    return made


def _recurrent(coupling, call):
    if not _single(call) or not _is_recurrent(call.layer):
        return None
    made = _units(coupling, call.layer, call.given[0])
    coupling.size(call.layer, lambda config, count: {"units": count(made)})
    return made


def _bidirectional(coupling, call):
    both = call.layer.forward_layer, call.layer.backward_layer
    if not _single(call) or not all(_is_recurrent(one) for one in both) or call.layer.merge_mode != "concat":
        return None
    made = [_units(coupling, one, call.given[0]) for one in both]

    def change(config, count):
        fewer = {}
        for name, labels in zip(("layer", "backward_layer"), made, strict=True):
            # Else it would be built at once, for as many inputs as there were.
            kept = {key: value for key, value in config[name].items() if key != "build_config"}
            fewer[name] = {**kept, "config": {**config[name]["config"], "units": count(labels)}}
        return fewer

    coupling.size(call.layer, change)
    return np.concatenate(made)


def _attention(coupling, call):
    """Heads go, of grouped queries with the keys and values that they share; what comes in and goes out stays."""
    layer = call.layer
    if getattr(layer, "use_gate", False) or any(len(shape) != 3 for shape in call.shapes[:1]):
        return None
    grouped = isinstance(layer, layers.GroupQueryAttention)
    heads = coupling.new(layer, layer.num_key_value_heads if grouped else layer.num_heads)
    queries = np.repeat(heads, layer.num_repeats) if grouped else heads
    for part, labels in ((layer._query_dense, queries), (layer._key_dense, heads), (layer._value_dense, heads)):
        coupling.slot(layer, part.kernel, 1, labels)
        if part.bias is not None:
            coupling.slot(layer, part.bias, 0, labels)
    coupling.slot(layer, layer._output_dense.kernel, 0, queries, reads=True)
    for labels in call.given:
        coupling.stay(labels)
    if grouped:
        coupling.size(layer, lambda config, count: {"num_query_heads": count(queries), "num_key_value_heads": count(heads)})
    else:
        coupling.size(layer, lambda config, count: {"num_heads": count(heads)})
    return np.zeros(call.shape[-1], int)


_RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN)
RULES = {
    **dict.fromkeys(_ALIKE, _alike),
    **dict.fromkeys(_OF_SEVERAL, _elementwise),
    **dict.fromkeys((layers.Activation, Activation), _activation),
    **dict.fromkeys((layers.Conv1D, layers.Conv2D, layers.Conv3D), _kernel("filters")),
    **dict.fromkeys((layers.DepthwiseConv1D, layers.DepthwiseConv2D), _depthwise),
    **dict.fromkeys((layers.BatchNormalization, batch_normalization.BatchNormalization), _normalization),
    **dict.fromkeys(_RECURRENT, _recurrent),
    **dict.fromkeys((layers.MultiHeadAttention, attention.MultiHeadAttention), _attention),
    **dict.fromkeys((layers.GroupQueryAttention, attention.RotaryAttention), _attention),
    layers.Bidirectional: _bidirectional,
    layers.Concatenate: _concatenate,
    layers.Dense: _kernel("units"),
    layers.Embedding: _embedding,
    layers.Flatten: _flatten,
    layers.PReLU: _prelu,
    layers.Rescaling: _rescaling,
    layers.ZeroPadding2D: _zero_padding,
}
