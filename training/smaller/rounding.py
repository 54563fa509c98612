"""Quantization-aware training: a network learns with kernels, and what they multiply, rounded as in int8 (Jacob et al. 2018).

The gradient is passed through the rounding as if it were not there (Bengio et al. 2013). What is trained, saved and kept in checkpoints
stays in float32, and there is no state: a kernel has a scale for each channel that it gives, symmetric; what it is multiplied by has one,
from its smallest to its largest value in the batch. Batch normalization behind a kernel multiplies whole channels, so that the rounding is
the same once it is folded into the kernel.
"""

import contextlib

import keras

from hornbook import UserError
from hornbook.training.updates.steps import compile_again, with_step

_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_KERNELS = ("kernel", "recurrent_kernel")


def rounded(values, axes=None):
    """A kernel rounded to int8, symmetric: 255 steps from minus its largest size to its largest; the gradient as if it were not.

    Args:
        values: tensor.
        axes: over which the largest size is taken; None: all.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.smaller import rounding

    print(rounding.rounded(keras.ops.array([[1.27, 0.0149], [0.5, 0.0127]]), axes=0))  # [[1.27, 0.0149], [0.5, 0.01267]]
    ```
    """
    ops = keras.ops
    scale = ops.maximum(ops.max(ops.abs(values), axis=axes, keepdims=True) / 127, 1e-30)
    return values + ops.stop_gradient(ops.round(values / scale) * scale - values)


def in_range(values):
    """What a kernel is multiplied by rounded to int8: 256 steps from its smallest value to its largest, 0 among them.

    The gradient is that of `rounded`.

    Example:
    ```python
    import keras
    from hornbook.training.smaller import rounding

    print(rounding.in_range(keras.ops.array([0.0, 0.6, 255.0])))  # [0, 1, 255]
    ```
    """
    ops = keras.ops
    low, high = ops.minimum(ops.min(values), 0), ops.maximum(ops.max(values), 0)
    scale = ops.maximum((high - low) / 255, 1e-30)
    zero = ops.round(low / scale)
    steps = ops.clip(ops.round(values / scale), zero, zero + 255)
    return values + ops.stop_gradient(steps * scale - values)


def kernels(layer):
    """The kernels of a layer that are rounded, as pairs of a variable and the axes of one scale; of an embedding its table.

    An empty list of layers without, and of those that do other things with their kernel than Keras' own.
    """
    kind = type(layer)
    if kind is keras.layers.Embedding:
        return [(layer.embeddings, None)]
    if kind is keras.layers.Dense or kind in _CONVOLUTIONS:
        return [(one, tuple(range(len(one.shape) - 1))) for one in layer.trainable_variables if one.name == "kernel"]
    if kind in _DEPTHWISE:
        return [(one, tuple(range(len(one.shape) - 2))) for one in layer.trainable_variables if one.name == "kernel"]
    if kind is keras.layers.EinsumDense:
        _, of_kernel, of_output = layer.equation.replace("->", ",").split(",")
        axes = tuple(place for place, letter in enumerate(of_kernel) if letter not in of_output)
        return [(one, axes) for one in layer.trainable_variables if one.name == "kernel"]
    if isinstance(layer, keras.layers.RNN):
        return [(one, 0) for one in layer.trainable_variables if one.name in _KERNELS and len(one.shape) == 2]
    return []


def layers_rounded(model):
    """The layers of a model whose kernels are rounded: a list."""
    return [layer for layer in model._flatten_layers(include_self=False) if layer.built and kernels(layer)]


def layers_left(model):
    """The names of the layers that have kernels which are not rounded: a list."""
    within = {id(one) for layer in layers_rounded(model) for one in layer._flatten_layers()}
    others = [layer for layer in model._flatten_layers(include_self=False) if id(layer) not in within]
    return [layer.name for layer in others if any("kernel" in one.name for one in layer._trainable_variables)]


@contextlib.contextmanager
def rounding(model):
    """Have the layers of a model compute with rounded kernels and inputs within the block.

    Args:
        model: `keras.Model`, built.

    Example:
    ```python
    import keras
    from hornbook.training.smaller import rounding

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with rounding.rounding(model):
        print(model(keras.ops.array([[0.123, 0.456]])))
    ```
    """
    changed = layers_rounded(model)
    for layer in changed:
        vars(layer)["call"] = _rounding(layer, layer.call)
    try:
        yield
    finally:
        for layer in changed:
            del vars(layer)["call"]


def _rounding(layer, original):
    """The call of a layer with its kernels, and what they are multiplied by, rounded."""

    def call(inputs, *args, **options):
        own = {id(variable): rounded(variable.value, axes) for variable, axes in kernels(layer)}
        mapping = {id(variable): (variable, own.get(id(variable), variable.value)) for variable in layer.variables}
        with keras.StatelessScope(mapping.values()) as scope:
            # Token ids are looked up, whole.
            found = original(in_range(inputs) if keras.backend.is_float_dtype(inputs.dtype) else inputs, *args, **options)
        for variable, before in mapping.values():  # States of random numbers, of dropout within a recurrent layer.
            after = scope.get_current_value(variable)
            if not variable.trainable and after is not None and after is not before:
                variable.assign(after)
        return found

    return call


class _Rounds:
    """A training step of rounded kernels, once `rounding_now` is set when it is compiled."""

    def train_step(self, *args):
        with rounding(self) if self.rounding_now else contextlib.nullcontext():
            return super().train_step(*args)


def may_round(model):
    """Have `fit` of a model be able to train with rounded kernels, as a `QuantizationAware` among its callbacks will ask it to.

    Args:
        model: `keras.Model`, compiled or not; it is changed in its class alone, and goes together with others that are changed so.

    Returns:
        The same model.
    """
    return with_step(model, _Rounds, {"rounding_now": False})


class QuantizationAware(keras.callbacks.Callback):
    """Train the last epochs with kernels, and what they are multiplied by, rounded to int8, see `rounding`; validation is in float32.

    The model must be able to, see `may_round`.

    Args:
        share: of the epochs, above 0 and up to 1: the last ones.
        epochs: of the whole training.

    Raises:
        UserError: a share that is not one.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.smaller import rounding

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4)])
    rounding.may_round(model).compile("adam", "mse")
    callbacks = [rounding.QuantizationAware(0.5, epochs=4)]
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 4)), epochs=4, callbacks=callbacks, verbose=0)
    ```
    """

    def __init__(self, share, epochs):
        super().__init__()
        if not 0 < share <= 1:
            raise UserError(f"the share of epochs that are rounded must be above 0 and at most 1, got {share}")
        self.begin = epochs - max(1, round(share * epochs))

    @property
    def told(self):
        """For `result.json`: from which epoch on, counted from 1, how many layers are rounded, and which with kernels are not."""
        layers = len(layers_rounded(self.model))
        return {"quantization_aware": {"from_epoch": self.begin + 1, "layers": layers, "left": layers_left(self.model)}}

    def on_epoch_begin(self, epoch, logs=None):
        if epoch >= self.begin and not self.model.rounding_now:
            self.model.rounding_now = True
            compile_again(self.model)

    def on_train_end(self, logs=None):
        self.model.rounding_now = False
