"""What a fixed batch looks like within a network: each layer's activations, and the gradient that reaches them.

Layers are watched while they are called, so any Keras model can be looked at, functional or not. The batch goes through in training mode,
as batch normalization's gradient is another one there, and what that changes is put back.
"""

import contextlib
import dataclasses

import keras
import numpy as np

from hornbook.models import BlockStack
from hornbook.training.diagnosis.examples import spaced

_MOST_LAYERS = 60  # That are watched; of deeper networks evenly spaced ones, the first and the last among them.
_SATURATED = {
    "sigmoid": (0.02, 0.98),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-0.98, 0.98),
    "softsign": (-0.98, 0.98),
    "hard_tanh": (-1.0, 1.0),
}
# Outputs that a layer only moves or drops say nothing of their own.
_PASSING = ("InputLayer", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "Reshape", "Flatten", "Identity", "ZeroPadding1D",
            "ZeroPadding2D", "Permute", "Cropping1D", "Cropping2D")  # fmt: skip
_RECURRENT = ("LSTM", "GRU", "RNN", "Bidirectional")


@dataclasses.dataclass(frozen=True)
class Seen:
    """A layer's outputs for the probe batch.

    Attributes:
        name, kind: the layer's, and its class's.
        mean, spread: over all outputs; the spread is a standard deviation.
        between: standard deviation over the examples, averaged over outputs: 0 where all examples look alike.
        dead: share of its channels that are 0 everywhere; of activations that are 0 at all, else None.
        saturated: share of outputs near a bound of a bounded activation; else None.
        rank: effective number of directions among the examples' outputs (participation ratio of their covariance's eigenvalues), as a
            share of what it can be; None of fewer than 4 examples.
        gradient: root mean square of the loss's gradient with respect to the outputs.
        finite: whether all outputs are finite numbers.
    """

    name: str
    kind: str
    mean: float
    spread: float
    between: float
    dead: float | None
    saturated: float | None
    rank: float | None
    gradient: float | None
    finite: bool


@dataclasses.dataclass(frozen=True)
class Probed:
    """A look at a network.

    Attributes:
        epoch: after how many; 0 before the first step.
        layers: list of `Seen`, in the order of the calls.
        by_time: the gradient's norm with respect to each time step of the first recurrent layer's input, an array (time,), or None.
        loss, inference_loss: of the batch in training mode, and as in evaluation.
        outputs: the network's outputs in inference mode, an array.
    """

    epoch: int
    layers: list
    by_time: np.ndarray | None
    loss: float
    inference_loss: float
    outputs: np.ndarray


class Probe:
    """A batch, and what to look at.

    Args:
        x, y: of the batch, as `fit` takes them: arrays `(batch, ...)`, or for several inputs lists or dicts of them.
    """

    def __init__(self, x, y):
        self.x, self.y = (keras.tree.map_structure(keras.ops.convert_to_tensor, part) for part in (x, y))
        # Padding of series, which the layers before a mask pass on: what a network makes of it, the loss says.
        inputs = map(keras.ops.convert_to_numpy, keras.tree.flatten(self.x))
        self._gaps = any(np.issubdtype(one.dtype, np.floating) and np.isnan(one).any() for one in inputs)
        self._compiled = None

    def look(self, model, epoch):
        """Send the batch through a compiled model; a `Probed`.

        Raises:
            ValueError: the model does not take the batch.
        """
        if keras.backend.backend() == "jax" and getattr(model, "_jax_state", None):
            model.jax_state_sync()
        if not model.built:
            model(self.x, training=False)
        kept = [np.array(keras.ops.convert_to_numpy(variable)) for variable in model.non_trainable_variables]
        try:
            loss, found, gradients = self._differentiate(model)
            outputs = model(self.x, training=False)
            inference = float(_numpy(model.compute_loss(x=self.x, y=self.y, y_pred=outputs)))
        finally:
            for variable, value in zip(model.non_trainable_variables, kept, strict=True):
                variable.assign(value)
        by_time = [_by_time(gradients[name]) for name in found if name.endswith("/input") and gradients[name] is not None]
        layers = [_seen(name, *found[name], gradients[name]) for name in found if not name.endswith("/input")]
        return Probed(epoch, layers, by_time[0] if by_time else None, float(_numpy(loss)), inference, _numpy(outputs))

    def _without_gaps(self, tensor):
        return keras.ops.where(keras.ops.isnan(tensor), keras.ops.zeros_like(tensor), tensor) if self._gaps else tensor

    def _differentiate(self, model):
        """The loss, {name: (kind, activation, statistics)}, and {name: gradient}."""
        return {"tensorflow": self._tensorflow, "jax": self._jax, "torch": self._torch}[keras.backend.backend()](model)

    def _loss(self, model):
        return model.compute_loss(x=self.x, y=self.y, y_pred=model(self.x, training=True))

    def _tensorflow(self, model):
        import tensorflow as tf

        def run():
            found, tensors = {}, {}
            with tf.GradientTape() as tape:

                def see(name, about, tensor):
                    tape.watch(tensor)
                    tensors[name] = tensor
                    with tape.stop_recording():
                        found[name] = statistics(self._without_gaps(tensor), about[1])
                    return tensor

                with watched(model, see) as abouts:
                    loss = self._loss(model)
            gradients = tape.gradient(loss, tensors)
            return loss, found, gradients, abouts

        # Layer by layer a recurrent network would run a step at a time, in Python.
        if any(is_recurrent(type(layer).__name__) for layer in leaves(model)):
            if self._compiled is None:
                about = {}

                def traced():
                    loss, found, gradients, abouts = run()
                    about.update(abouts)
                    return loss, found, gradients

                self._compiled = tf.function(traced), about
            loss, found, gradients = self._compiled[0]()
            abouts = self._compiled[1]
        else:
            loss, found, gradients, abouts = run()
        return loss, {name: (*abouts[name], _arrays(found[name])) for name in abouts}, {name: _of(gradients[name]) for name in abouts}

    def _torch(self, model):
        import torch

        found, tensors = {}, {}

        def see(name, about, tensor):
            if not tensor.requires_grad:
                tensor = tensor.detach().requires_grad_()
            tensors[name] = tensor
            with torch.no_grad():
                found[name] = statistics(self._without_gaps(tensor), about[1])
            return tensor

        with watched(model, see) as abouts:
            loss = self._loss(model)
        names = list(tensors)
        gradients = torch.autograd.grad(loss, [tensors[name] for name in names], allow_unused=True)
        gradients = dict(zip(names, gradients, strict=True))
        return (
            loss.detach(),
            {name: (*abouts[name], _arrays(found[name])) for name in names},
            {name: _of(gradients[name]) for name in names},
        )

    def _jax(self, model):
        import jax

        abouts = {}

        def loss_of(changes, trainable, others):
            found = {}

            def see(name, about, tensor):
                found[name] = statistics(self._without_gaps(tensor), about[1])
                return tensor if changes is None else tensor + changes[name]

            scope = keras.StatelessScope(
                [*zip(model.trainable_variables, trainable, strict=True), *zip(model.non_trainable_variables, others, strict=True)]
            )
            with scope, watched(model, see) as seen:
                loss = self._loss(model)
            abouts.update(seen)
            return loss, found

        def shapes(trainable, others):
            collected = {}

            def see(name, about, tensor):
                collected[name] = jax.numpy.zeros_like(tensor)
                return tensor

            scope = keras.StatelessScope(
                [*zip(model.trainable_variables, trainable, strict=True), *zip(model.non_trainable_variables, others, strict=True)]
            )
            with scope, watched(model, see):
                self._loss(model)
            return collected

        values = [[variable.value for variable in group] for group in (model.trainable_variables, model.non_trainable_variables)]
        if self._compiled is None:
            zeros = {name: jax.numpy.zeros(one.shape, one.dtype) for name, one in jax.eval_shape(shapes, *values).items()}
            self._compiled = jax.jit(jax.value_and_grad(loss_of, has_aux=True)), zeros, abouts
        function, zeros, abouts = self._compiled
        (loss, found), gradients = function(zeros, *values)
        return loss, {name: (*abouts[name], _arrays(found[name])) for name in abouts}, {name: _of(gradients[name]) for name in abouts}


def leaves(model):
    """A model's layers that have no layers within, or whose class is known, in the order of the model."""
    found = []
    for layer in model._flatten_layers(include_self=False, recursive=False):
        inner = list(layer._flatten_layers(include_self=False, recursive=False))
        composed = isinstance(layer, keras.Model) or (inner and not _is_known(layer) and not isinstance(layer, BlockStack))
        found.extend(leaves(layer) if composed else [layer])
    return found


def _is_known(layer):
    return type(layer).__module__.startswith("keras.") or is_recurrent(type(layer).__name__)


def is_recurrent(kind):
    """Whether layers of a class, by its name, run through time."""
    return any(name in kind for name in _RECURRENT)


def activation_of(layer):
    """The name of the activation that a layer ends with, or None."""
    if type(layer).__name__ in ("ReLU", "Softmax"):
        return type(layer).__name__.lower()
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", None)
    return None if name in (None, "linear") else name


@contextlib.contextmanager
def watched(model, see):
    """Have `see(name, (kind, activation), tensor) -> tensor` called on the outputs of a model's layers within the block.

    Of recurrent layers on their inputs too, as `name/input`. Yields {name: (kind, activation)} of what was called.
    """
    layers = [layer for layer in leaves(model) if type(layer).__name__ not in _PASSING and layer is not model]
    by_block = keras.backend.backend() != "jax"  # There the blocks stay a loop, as one by one they would take minutes to compile.
    outputs = [(layer, number) for layer in layers for number in range(layer.count if by_block and isinstance(layer, BlockStack) else 1)]
    outputs = [outputs[place] for place in spaced(len(outputs), _MOST_LAYERS)]
    abouts, changed = {}, []

    def watch(layer):
        original, recurrent = layer.call, is_recurrent(type(layer).__name__)
        about = (type(layer).__name__, activation_of(layer))

        def call(*args, **kwargs):
            if recurrent and args and _is_tensor(args[0]):
                abouts[f"{layer.name}/input"] = about
                args = (see(f"{layer.name}/input", about, args[0]), *args[1:])
            output = original(*args, **kwargs)
            if not _is_tensor(output) or layer.name in abouts:  # Of a layer that is called twice, the first call.
                return output
            abouts[layer.name] = about
            return see(layer.name, about, output)

        layer.call = call
        changed.append(layer)

    def watch_blocks(stack):
        numbers = {number for layer, number in outputs if layer is stack}

        def watcher(number, output):
            name = stack.block_name(number)
            if number not in numbers or name in abouts:
                return output
            abouts[name] = (type(stack).__name__, activation_of(stack.block.layers[-1]))
            return see(name, abouts[name], output)

        stack.watcher = watcher

    stacks = [layer for layer in layers if by_block and isinstance(layer, BlockStack)]
    for stack in stacks:
        watch_blocks(stack)
    for layer, _ in outputs:
        if layer not in stacks:
            watch(layer)
    try:
        yield abouts
    finally:
        for layer in changed:
            del layer.call
        for stack in stacks:
            stack.watcher = None


def _is_tensor(value):
    return keras.ops.is_tensor(value) and len(value.shape) > 1 and "float" in keras.backend.standardize_dtype(value.dtype)


def statistics(tensor, activation):
    """What is kept of a layer's outputs `(batch, ..., features)`: small tensors, computed where the outputs are."""
    ops = keras.ops
    tensor = ops.cast(ops.stop_gradient(tensor), "float32")
    flat = ops.reshape(tensor, (tensor.shape[0], -1))
    mean = ops.mean(flat, axis=0, keepdims=True)
    centred = flat - mean
    found = {
        "mean": ops.mean(flat),
        "square": ops.mean(ops.square(flat)),
        "gram": ops.matmul(centred, ops.transpose(centred)) / flat.shape[1],
        # Largest size of each channel over examples and places.
        "largest": ops.max(ops.abs(ops.reshape(tensor, (-1, tensor.shape[-1]))), axis=0),
    }
    if activation in _SATURATED:
        low, high = _SATURATED[activation]
        found["saturated"] = ops.mean(ops.cast(ops.logical_or(flat <= low, flat >= high), "float32"))
    return found


def _seen(name, kind, activation, found, gradient):
    gram, mean = found["gram"], float(found["mean"])
    finite = bool(np.isfinite(gram).all() and np.isfinite(found["square"]))
    spread = float(np.sqrt(max(0.0, float(found["square"]) - mean**2))) if finite else float("nan")
    rank = _rank(gram) if finite and len(gram) > 3 else None
    rectified = activation in ("relu", "relu6", "squareplus", "squared_relu") or kind == "ReLU"
    return Seen(
        name,
        kind,
        mean,
        spread,
        float(np.sqrt(np.trace(gram) / len(gram))) if finite else float("nan"),
        float(np.mean(found["largest"] == 0)) if rectified else None,
        float(found["saturated"]) if "saturated" in found else None,
        rank,
        None if gradient is None else float(np.sqrt(np.mean(np.square(gradient, dtype="float64")))),
        finite,
    )


def _rank(gram):
    values = np.clip(np.linalg.eigvalsh(gram.astype("float64")), 0, None)
    if values.sum() <= 0:
        return 0.0
    return float(values.sum() ** 2 / np.square(values).sum() / (len(gram) - 1))


def _by_time(gradient):
    axes = tuple(axis for axis in range(gradient.ndim) if axis != 1)
    return np.sqrt(np.sum(np.square(gradient, dtype="float64"), axis=axes))


def _arrays(found):
    return {name: _numpy(value) for name, value in found.items()}


def _of(gradient):
    return None if gradient is None else _numpy(gradient)


def _numpy(tensor):
    return np.asarray(keras.ops.convert_to_numpy(tensor), "float32")
