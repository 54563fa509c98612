"""What a compiled model is, as far as rules ask: its layers and how they were initialized, its loss, and its optimizer."""

import dataclasses
import math

import keras
import numpy as np

from hornbook.training.diagnosis import blocks
from hornbook.training.diagnosis.probe import activation_of, is_recurrent, leaves
from hornbook.training.optimization import unwrapped

_NORMALIZATIONS = ("Normalization",)  # Part of the class's name: batch, layer, group, RMS, ours.
_INPUT_SCALING = ("Normalization", "Rescaling", "Standardization", "Discretization", "Hashing", "Embedding")


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A matrix of weights.

    Attributes:
        layer, path: names.
        kind: the layer's class.
        place: of its variable among the trainable ones, each block of a stack for itself; None of one that is frozen.
        scale: standard deviation of the initial values.
        expected: that of the initializer that suits the layer's activation (He et al. 2015, Glorot and Bengio 2010, LeCun et al. 1998).
        drawn: that of the layer's own initializer; None where it is not known.
        size: number of weights; `units` of outputs.
    """

    layer: str
    path: str
    kind: str
    place: int | None
    scale: float
    expected: float
    drawn: float | None
    size: int
    units: int


@dataclasses.dataclass(frozen=True)
class Network:
    """A model before its first step.

    Attributes:
        kernels: list of `Kernel`, from input to output.
        activations: {layer's name: activation's name}.
        normalized: how many normalization layers there are; `batch_normalized` of them normalize over the batch, with `momentum`.
        scales_inputs: whether a layer before the first kernel brings its inputs to a common scale.
        residual: whether layers add what goes around others.
        recurrent: names of recurrent layers.
        dropout: the highest rate of a dropout layer.
        output_activation: of the last layer; None for none.
        embedded: whether its inputs are indices.
    """

    kernels: list[Kernel]
    activations: dict[str, str | None]
    normalized: int
    batch_normalized: int
    momentum: float | None
    scales_inputs: bool
    residual: bool
    recurrent: tuple[str, ...]
    dropout: float
    output_activation: str | None
    embedded: bool

    @property
    def depth(self):
        """Layers with kernels, from input to output."""
        return len({kernel.layer for kernel in self.kernels})

    @property
    def hidden_activation(self):
        """The activation that most layers have, or None."""
        names = [name for name in self.activations.values() if name != "softmax"]
        return max(set(names), key=names.count) if names else None


def network_of(model):
    """A built model's `Network`."""
    parts = list(blocks.parts_of(leaves(model), model.trainable_variables))
    layers = [part.layer for part in parts]
    kinds = [type(layer).__name__ for layer in layers]
    weighted = [place for place, part in enumerate(parts) if part.matrices]
    first = weighted[0] if weighted else 0
    batch = [layer for layer, kind in zip(layers, kinds, strict=True) if kind == "BatchNormalization"]
    # Of a layer without an activation the next one's, with normalization between; a residual block's goes around.
    activations = {part.name: activation_of(part.layer) for part in parts if activation_of(part.layer)}
    following, after = {}, None
    for part in reversed(parts):
        after = activation_of(part.layer) or after
        following[part.name] = after
    return Network(
        kernels=[kernel for part in parts for kernel in _kernels(part, following[part.name])],
        activations=activations,
        normalized=sum(_NORMALIZATIONS[0] in kind for kind in kinds),
        batch_normalized=len(batch),
        momentum=max((layer.momentum for layer in batch), default=None),
        scales_inputs=any(name in kind for kind in kinds[: first + 1] for name in _INPUT_SCALING),
        residual=any(kind == "Add" for kind in kinds),
        recurrent=tuple(part.name for part, kind in zip(parts, kinds, strict=True) if is_recurrent(kind)),
        dropout=max((layer.rate for layer in layers if "Dropout" in type(layer).__name__), default=0.0),
        output_activation=activation_of(layers[-1]) if layers else None,
        embedded="Embedding" in kinds[: first + 1],
    )  # fmt: skip


def _kernels(part, activation):
    for path, value, place in part.matrices:
        fan_in, fan_out = _fans(value.shape)
        relu = activation is None or any(name in activation for name in ("relu", "gelu", "silu", "swish", "elu", "mish"))
        expected = math.sqrt(2 / fan_in) if relu and activation != "selu" else math.sqrt(2 / (fan_in + fan_out))
        yield Kernel(
            part.name,
            path,
            type(part.layer).__name__,
            place,
            float(value.std()),
            expected,
            _drawn(getattr(part.layer, "kernel_initializer", None), fan_in, fan_out),
            value.size,
            value.shape[-1],
        )


def _fans(shape):
    field = math.prod(shape[:-2])
    return max(1, field * shape[-2]), max(1, field * shape[-1])


def _drawn(initializer, fan_in, fan_out):
    """The standard deviation of what an initializer draws, or None."""
    if isinstance(initializer, keras.initializers.VarianceScaling):
        fan = {"fan_in": fan_in, "fan_out": fan_out}.get(initializer.mode, (fan_in + fan_out) / 2)
        return math.sqrt(initializer.scale / fan)
    if isinstance(initializer, keras.initializers.RandomNormal):
        return float(initializer.stddev)
    if isinstance(initializer, keras.initializers.RandomUniform):
        return float(initializer.maxval - initializer.minval) / math.sqrt(12)
    return None


@dataclasses.dataclass(frozen=True)
class Task:
    """What a model is trained for, by its loss and its targets.

    Attributes:
        kind: "classes", "binary", "labels" (several of them), "numbers", or None where it is not known.
        num_classes: of classes; 2 of binary.
        from_logits: whether the loss takes logits; None where it does not ask.
        shares: each class's share of the targets, an array; None of other kinds.
        weights: what an example of each class counts in the loss, an array; None: all the same, or there are no classes.
        balance: what it counts in the answers that the loss asks for: the same, and where the loss adds a shift to the logits, as many
            times more as the shift takes from it; None: all the same.
        class_names: a name for every class, in their order; empty where they are not known.
    """

    kind: str | None
    num_classes: int = 0
    from_logits: bool | None = None
    shares: np.ndarray | None = None
    weights: np.ndarray | None = None
    balance: np.ndarray | None = None
    class_names: tuple = ()

    def name_of(self, label):
        """The name of a class, or its number where there are no names, text."""
        return str(self.class_names[label] if label < len(self.class_names) else label)

    def counted(self, weights):
        """The shares of the classes where an example of each counts so much; as they are of None."""
        return self.shares if weights is None else self.shares * weights / max(1e-12, float((self.shares * weights).sum()))


_CLASSES = ("categorical", "crossentropy", "cross_entropy", "focal")
_NUMBERS = (
    "mean_squared",
    "mean_absolute",
    "mse",
    "mae",
    "huber",
    "log_cosh",
    "logcosh",
    "quantile",
    "pinball",
    "mean_absolute_percentage",
)


def task_of(model, y, outputs, class_weights=None, class_names=()):
    """The `Task` of a compiled model with one output.

    Args:
        model: compiled.
        y: its targets, an array.
        outputs: for some of them, an array `(batch, outputs)`; of classes for each step or pixel the kind is not known.
        class_weights: dict of class to what an example of it counts in the loss; None: all the same.
        class_names: as of `Task`.
    """
    task = dataclasses.replace(_task_of(model, y, outputs), class_names=tuple(class_names))
    if task.shares is None:
        return task
    weights = class_weights and np.array([class_weights.get(one, 1.0) for one in range(task.num_classes)], "float64")
    shift = getattr(model.loss, "shift", None)
    if shift is None:
        return dataclasses.replace(task, weights=weights, balance=weights)
    taken = np.exp(-np.array([0.0, *shift] if task.kind == "binary" else shift, "float64"))
    return dataclasses.replace(task, weights=weights, balance=taken if weights is None else weights * taken)


def _task_of(model, y, outputs):
    loss = model.loss
    if not isinstance(y, np.ndarray) or not isinstance(outputs, np.ndarray) or isinstance(loss, (list, tuple, dict)) or loss is None:
        return Task(None)
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    name = _snake(getattr(loss, "name", None) or getattr(loss, "__name__", "") or type(loss).__name__) + " " + _snake(type(loss).__name__)
    from_logits = getattr(loss, "from_logits", None)
    if from_logits is None and hasattr(loss, "_fn_kwargs"):
        from_logits = loss._fn_kwargs.get("from_logits")
    if from_logits is None and hasattr(loss, "__name__") and "cross" in name:
        from_logits = False  # Keras' functions by name take probabilities.
    if any(part in name for part in _NUMBERS):
        return Task("numbers")
    if not any(part in name for part in _CLASSES) or outputs.ndim != 2:
        return Task(None)
    if "binary" in name or outputs.shape[-1] == 1:
        if outputs.shape[-1] > 1:
            return Task("labels", outputs.shape[-1], from_logits)
        share = float(np.mean(y))
        return Task("binary", 2, from_logits, np.array([1 - share, share]))
    classes = classes_of(y, outputs.shape[-1])
    shares = np.bincount(classes[(classes >= 0) & (classes < outputs.shape[-1])], minlength=outputs.shape[-1])
    return Task("classes", outputs.shape[-1], from_logits, shares / max(1, shares.sum()))


def classes_of(y, num_classes):
    """Classes of targets: indices `(batch,)` or `(batch, 1)`, or one-hot rows."""
    y = np.asarray(y)
    if y.ndim > 1 and y.shape[-1] == num_classes and num_classes > 1:
        return y.argmax(axis=-1)
    return y.reshape(-1).astype(int)


def beyond_outputs(model, x, y):
    """Why a loss cannot take the labels of a compiled model with one output, in words; None where it can, or that is not known.

    Args:
        model: compiled and built.
        x, y: some examples as `fit` takes them.
    """
    try:
        outputs = model(keras.tree.map_structure(keras.ops.convert_to_tensor, x), training=False)
    except Exception:  # Whatever a layer raises of inputs that it does not take, which is told by who asks for more.
        return None
    if isinstance(y, (list, tuple, dict)) or not keras.ops.is_tensor(outputs):
        return None
    y, outputs = np.asarray(y), keras.ops.convert_to_numpy(outputs)
    task, loss = task_of(model, y, outputs), model.loss
    if task.kind != "classes":
        return None
    name = _snake(loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", ""))
    if "sparse" in name and y.ndim > 1 and y.shape[-1] == task.num_classes > 1:
        return f"the labels are rows of {y.shape[-1]}, and the loss {name} takes numbers of classes; pass y.argmax(axis=-1)"
    classes = classes_of(y, task.num_classes)
    if classes.min() < 0 or classes.max() >= task.num_classes:
        last = task.num_classes - 1
        return f"the labels are {classes.min()} to {classes.max()}, and the model has outputs for the classes 0 to {last}"
    return None


def predicted_classes(outputs, task):
    """The class that a model's outputs say, whether they are logits or probabilities."""
    if task.kind == "binary":
        return (outputs.reshape(-1) > (0 if task.from_logits else 0.5)).astype(int)
    return outputs.argmax(axis=-1)


def optimizer_of(model):
    """What rules ask of an optimizer: a dict with `name`, `clip` (its kind, or None) and `clip_at`, `weight_decay`,
    and `scales_gradients`: whether its steps do not depend on the gradients' size."""
    optimizer = unwrapped(model.optimizer)
    clips = {kind: getattr(optimizer, kind, None) for kind in ("global_clipnorm", "clipnorm", "clipvalue")}
    clip = next((kind for kind, value in clips.items() if value), None)
    return {
        "name": type(optimizer).__name__,
        "clip": clip,
        "clip_at": clips.get(clip),
        "weight_decay": float(optimizer.weight_decay or 0.0) if hasattr(optimizer, "weight_decay") else 0.0,
        "scales_gradients": not isinstance(optimizer, keras.optimizers.SGD),
    }


def _snake(name):
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in str(name)).strip("_")
