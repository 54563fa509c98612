"""What every step of a training did: the norms of its gradients and its loss, collected within the compiled step.

The optimizer is handed every gradient anyway. Their norms leave the step beside the metrics and are taken out of the logs before any
callback sees them, so no variable is added to model or optimizer, and what is saved stays as it was.
"""

import contextlib
import math
import weakref

import keras
import numpy as np

from hornbook.training.diagnosis import blocks

_KEY = "hornbook_gradient_norms"
_AT_ONCE = 1024  # Tensors that are read from the device together.
_LATER = 16  # Of later steps the norm of each variable's gradient is kept for every 16th.
_LARGEST_PART = 1 << 24  # Elements of a variable that are compared: of larger ones this many, evenly spaced.


class Steps:
    """The record of a training's steps.

    Args:
        every: steps between two measurements of the weights and their updates, which read the weights; the gradients are seen at each.
            Steps 1, 2, 3, 5, 9 and so on are measured too. It takes a small network as long as two steps on a processor.
        first: steps of which the norm of each variable's gradient is kept.

    Attributes:
        variables: names of the trainable variables, in the model's order; of stacked blocks one for each block.
        connected: for each, whether a gradient reached it at all; None before the first step.
        batch_size: examples of the first batch; None before the first step.
        samples: list of (step, weight norms, update norms), each norm an array with an entry a variable.
        rate: the highest learning rate at a measured step since it was set to 0.
    """

    def __init__(self, every=200, first=64):
        self.every, self.first = every, first
        self.variables, self.connected, self.batch_size = [], None, None
        self.samples, self.rate = [], 0.0
        self._seen, self._norms, self._losses = 0, [], []  # The latter two are still on the device.
        self._rows, self._totals, self._read_losses = [], [], []

    def __len__(self):
        return self._seen

    @property
    def norms(self):
        """Norms of the variables' gradients, before any clipping, of the first 64 steps and every 16th later, an array (kept, variables).

        0 where no gradient reached a variable.
        """
        self.fetch()
        return np.array(self._rows, "float64").reshape(len(self._rows), len(self.variables))

    @property
    def totals(self):
        """The norm of the whole gradient, an array (steps,), before any clipping."""
        self.fetch()
        return np.array(self._totals, "float64")

    @property
    def losses(self):
        """The loss of each step's batch, an array (steps,); NaN where the model reports none."""
        self.fetch()
        return np.array(self._read_losses, "float64")

    def go_on(self, variables, connected, batch_size, norms, totals, losses):
        """Go on from what the steps before a checkpoint were; arguments as the attributes."""
        self.variables, self.connected, self.batch_size = variables, connected, batch_size
        self._rows, self._totals, self._read_losses = list(norms), list(totals), list(losses)
        self._seen = len(self._totals)

    def add(self, logs):
        """Take the norms out of a step's logs and keep them; they are read from the device later, so that no step waits for them."""
        self._norms.append(logs.pop(_KEY, None))
        self._losses.append(logs.get("loss"))
        self._seen += 1

    def is_sampled(self):
        """Whether the weights are measured around the step that comes."""
        return self._seen & (self._seen - 1) == 0 or self._seen % self.every == 0

    def sample(self, before, after):
        """Keep the norms of weights and of what a step changed in them, both given as lists of arrays."""
        weights = [float(np.linalg.norm(value)) for value in before]
        updates = [float(np.linalg.norm(new - old)) for old, new in zip(before, after, strict=True)]
        self.samples.append((self._seen, np.array(weights), np.array(updates)))

    def fetch(self):
        """Read what an epoch's steps left on the device; at its end, as Keras' loss in the logs is a mean since its beginning."""
        # A mean over the epoch so far, times its steps, less what it was a step before: the step's own.
        totals = [mean * (place + 1) for place, mean in enumerate(_read(self._losses, math.nan))]
        self._read_losses.extend(total - before for total, before in zip(totals, [0.0, *totals], strict=False))
        connected = np.array(self.connected or (), bool)
        width = connected.sum() + 1  # A norm for each, and the batch's size.
        found = np.array(_read(self._norms, np.zeros(width))).reshape(len(self._norms), width)
        if self.batch_size is None and len(found):
            self.batch_size = int(found[0, -1]) or None
        rows = np.zeros((len(found), len(self.variables)))
        rows[:, np.flatnonzero(connected)] = np.sqrt(found[:, :-1])
        steps = len(self._totals) + np.arange(len(rows))
        self._rows.extend(rows[(steps < self.first) | (steps % _LATER == 0)])
        self._totals.extend(np.sqrt(np.square(rows).sum(axis=1)).tolist())
        self._norms, self._losses = [], []


def instrument(model, steps):
    """Make a compiled model's train step report to `steps`; before `fit` makes its train function, as in a callback's `set_model`."""
    restore(model)
    original, reference = model.train_step, weakref.ref(steps)

    def train_step(*args):
        record = reference()
        if record is None:  # A training that was interrupted leaves the step changed; nobody listens any more.
            return original(*args)
        with _gradients_of(model.optimizer) as seen:
            outputs = original(*args)
        if not seen and not model.trainable_variables:
            return outputs
        if not seen:
            raise ValueError(
                "Diagnostics found no gradients: the model's own train_step does not call its optimizer's apply; "
                "train with compile and fit, or call the optimizer within train_step"
            )
        variables, gradients, scale = seen[-1]
        record.variables = blocks.names(variables)
        record.connected = blocks.each(variables, [gradient is not None for gradient in gradients])
        squares = _squares([pair for pair in zip(variables, gradients, strict=True) if pair[1] is not None], scale)
        # The batch's size beside them: each tensor that leaves the step costs it time.
        size = keras.ops.cast(keras.ops.shape(keras.tree.flatten(args[-1])[0])[0], "float32")
        squares = keras.ops.concatenate([squares, keras.ops.reshape(size, (1,))])
        # JAX returns (logs, state).
        logs = outputs[0] if isinstance(outputs, tuple) else outputs
        logs = {**logs, _KEY: squares}
        return (logs, *outputs[1:]) if isinstance(outputs, tuple) else logs

    model.train_step = train_step
    model.train_function = None  # Keras keeps the compiled function of a fit before.


def listen(model, steps):
    """Have the train function that `fit` has made hand its logs to `steps`; at `on_train_begin`."""
    original = model.train_function

    def train_function(*args):
        sampled = steps.is_sampled()
        before = _weights(model, args) if sampled else None
        outputs = original(*args)
        logs = outputs[0] if isinstance(outputs, tuple) else outputs
        steps.add(logs)
        if sampled:
            steps.rate = max(steps.rate, _rate(model.optimizer, outputs))
        if before:  # Not of a model that its first step builds.
            steps.sample(before, _weights(model, outputs[1:] if isinstance(outputs, tuple) else ()))
        return outputs

    def instead(function):
        nonlocal original
        original = function

    train_function.instead = instead  # For `updates.steps.compile_again`.
    model.train_function = train_function


def _rate(optimizer, outputs):
    """The learning rate after a step, as a number."""
    # JAX keeps the optimizer's variables in the state of the training, of which the step returns the new one.
    pairs = zip(optimizer.variables, outputs[1][2], strict=True) if keras.backend.backend() == "jax" else ()
    with keras.StatelessScope(list(pairs)) if pairs else contextlib.nullcontext():
        return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def restore(model):
    """Give the model its own train step back; the next `fit` compiles it anew."""
    if "train_step" in vars(model):
        del model.train_step
        model.train_function = None


@contextlib.contextmanager
def _gradients_of(optimizer):
    """A list that gets (variables, gradients, factor by which float16's loss is scaled) of every call of the optimizer within the block."""
    name = "stateless_apply" if keras.backend.backend() == "jax" else "apply"
    original, seen = getattr(optimizer, name), []

    def apply(gradients, trainable_variables=None):
        gradients = list(gradients)
        variables = None if trainable_variables is None else list(trainable_variables)
        result = original(gradients, variables)
        scale = getattr(optimizer, "dynamic_scale", None)
        seen.append((variables or optimizer._trainable_variables, gradients, optimizer.loss_scale_factor if scale is None else scale))
        return result

    def stateless_apply(optimizer_variables, gradients, trainable_variables):
        scale = optimizer.loss_scale_factor
        if getattr(optimizer, "dynamic_scale", None) is not None:
            scale = next(v for own, v in zip(optimizer.variables, optimizer_variables, strict=True) if own is optimizer.dynamic_scale)
        seen.append((optimizer._trainable_variables, list(gradients), scale))
        return original(optimizer_variables, gradients, trainable_variables)

    setattr(optimizer, name, stateless_apply if name == "stateless_apply" else apply)
    try:
        yield seen
    finally:
        delattr(optimizer, name)


def _read(values, default):
    """What tensors of one shape hold, an array for each; the default for those that are None."""
    there = [value for value in values if value is not None]
    if keras.backend.backend() == "tensorflow":
        # One by one they take ten times as long.
        some = [there[first : first + _AT_ONCE] for first in range(0, len(there), _AT_ONCE)]
        read = (row for part in some for row in np.asarray(keras.ops.stack(part), "float64"))
    else:
        read = (np.asarray(keras.ops.convert_to_numpy(value), "float64") for value in there)
    return [default if value is None else next(read) for value in values]


def _squares(pairs, scale):
    """The squared norm of each gradient, and of stacked blocks of each block's, a vector; of (variable, gradient)."""
    # Of an embedding's gradient under TensorFlow the rows that were looked up.
    dense = [gradient.values if type(gradient).__name__ == "IndexedSlices" else gradient for _, gradient in pairs]
    gradients = [keras.ops.cast(gradient, "float32") for gradient in dense]
    squares = blocks.squares([variable for variable, _ in pairs], gradients)
    if squares is None and keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        squares = 2 * tf.stack([tf.nn.l2_loss(gradient) for gradient in gradients])  # One operation a gradient.
    elif squares is None:
        squares = keras.ops.stack([keras.ops.sum(keras.ops.square(gradient)) for gradient in gradients])
    return squares if scale is None else squares / keras.ops.square(keras.ops.cast(scale, "float32"))


def _weights(model, state):
    """The trainable variables as arrays of their own. Of JAX, which keeps them in the state (of the step's arguments or results)."""
    values = state[0][0] if keras.backend.backend() == "jax" else model.trainable_variables
    arrays = [np.array(keras.ops.convert_to_numpy(value), "float32") for value in values]
    return [array[:: 1 + array.size // _LARGEST_PART] for array in blocks.split(model.trainable_variables, arrays)]
