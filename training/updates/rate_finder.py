"""Which learning rate a network could be trained with, found by a short training whose rate rises (Smith 2017)."""

import contextlib
import dataclasses
import itertools
import math

import keras
import numpy as np

from hornbook import UserError

_SMOOTHING = 0.9  # What a smoothed loss keeps of those before.
_LOST = 4.0  # Times the lowest smoothed loss: more is a training that is lost.
_FIRST = 5  # Smoothed losses of few batches say little.


@dataclasses.dataclass(frozen=True)
class RateTest:
    """What a training with a rising learning rate has shown.

    Attributes:
        rates: of each batch, an array (batches,).
        losses: of each batch, before its update, an array (batches,).
        smoothed: their moving average, each weighing 0.9 of the next, corrected for its beginning, an array (batches,).
        suggestion: for a schedule's highest rate, a tenth of the one at which the smoothed loss was lowest, as there a training is about to
            be lost; None where the loss did not fall.
    """

    rates: np.ndarray
    losses: np.ndarray
    smoothed: np.ndarray
    suggestion: float | None


def find_learning_rate(model, batches, *, lowest=1e-6, highest=10.0, steps=100):
    """Train a compiled model on batches with a learning rate that rises from batch to batch, and put everything back.

    "Cyclical Learning Rates for Training Neural Networks" (Smith 2017, section 3.3): with rates that are too low the loss stays, then it
    falls, and with rates too high it rises. The rate rises by the same factor from batch to batch, and the test ends before `steps` where
    the smoothed loss is 4 times its lowest, or no number any more.

    The updates are those of an optimizer like the model's, made afresh; the model's own is not touched. Weights, moving statistics, the
    states of random numbers and metrics are put back as they were, also after an interruption.

    Args:
        model: compiled `keras.Model`.
        batches: iterable of `(x, y)` or `(x, y, sample_weight)`, such as `data.training_batches(...)` or a `tf.data.Dataset` in batches. It
            begins again where it ends. An iterator is left where the test ended.
        lowest, highest: learning rates of the first batch and of the last.
        steps: batches of the whole test. 100 over seven powers of ten are 14 for each.

    Returns:
        A `RateTest`.

    Raises:
        UserError: rates or steps out of range, no batches, or a model without an optimizer.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import find_learning_rate

    inputs = numpy.random.default_rng(0).normal(size=(64, 3))
    batches = [(inputs[first : first + 8], inputs[first : first + 8].sum(axis=1)) for first in range(0, 64, 8)]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    found = find_learning_rate(model, batches)
    model.compile(keras.optimizers.Adam(found.suggestion), "mse")
    ```
    """
    if not 0 < lowest < highest < math.inf:
        raise UserError(f"learning rates rise from lowest to highest, both positive, got {lowest} and {highest}")
    if steps < 2 * _FIRST:
        raise UserError(f"steps must be at least {2 * _FIRST}, got {steps}; 100 is usual")
    own = getattr(model, "optimizer", None)
    if own is None:
        raise UserError("find_learning_rate takes a compiled model; call model.compile first")
    endless = _endless(batches)
    if not model.built:
        first = next(endless)
        model(first[0], training=False)
        endless = itertools.chain([first], endless)
    rates = np.geomspace(lowest, highest, steps)
    with _put_back(model):
        model.optimizer = _fresh(own, lowest)
        losses, smoothed = _risen(model, endless, rates)
    rates = rates[: len(losses)]
    return RateTest(rates, losses, smoothed, _suggestion(rates, smoothed))


def _risen(model, batches, rates):
    """The loss of each batch and the smoothed losses, until the training is lost."""
    losses, smoothed, mean = [], [], 0.0
    for step, rate in enumerate(rates, start=1):
        model.optimizer.learning_rate = float(rate)
        loss = float(model.train_on_batch(*next(batches), return_dict=True)["loss"])
        if not math.isfinite(loss):
            break
        mean = _SMOOTHING * mean + (1 - _SMOOTHING) * loss
        losses.append(loss)
        smoothed.append(mean / (1 - _SMOOTHING**step))
        if step > _FIRST and smoothed[-1] > _LOST * min(smoothed) > 0:
            break
    return np.array(losses), np.array(smoothed)


def _suggestion(rates, smoothed):
    place = int(smoothed.argmin()) if len(smoothed) else 0
    return float(rates[place]) / 10 if place >= _FIRST else None


def _endless(batches):
    while True:
        count = 0
        for batch in batches:
            count += 1
            parts = tuple(batch) if isinstance(batch, (tuple, list)) else (batch,)
            # Other backends do not take TensorFlow's tensors.
            yield parts if keras.backend.backend() == "tensorflow" else keras.tree.map_structure(np.asarray, parts)
        if not count:
            raise UserError("find_learning_rate has no batches; an iterator that was used up has to be made again")


def _fresh(optimizer, rate):
    """An optimizer of the same kind and options, without a state, whose rate can be set."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # For float16, Keras wraps it in one that scales the loss.
    made = type(inner).from_config({**inner.get_config(), "learning_rate": rate})
    return made if inner is optimizer else keras.optimizers.LossScaleOptimizer(made, optimizer.initial_scale)


@contextlib.contextmanager
def _put_back(model):
    """What a training changes in a model is put back at the end of the block, in whatever way it ends."""
    if keras.backend.backend() == "jax" and getattr(model, "_jax_state", None):
        model.jax_state_sync()  # JAX keeps the state of a training outside the variables until it is asked for.
    optimizer, function = model.optimizer, model.train_function
    kept = [(variable, np.array(keras.ops.convert_to_numpy(variable))) for variable in (*model.variables, *model.metrics_variables)]
    model.train_function = None  # It is compiled for an optimizer.
    try:
        with _random_numbers_of_torch():
            yield
    finally:
        model.optimizer, model.train_function = optimizer, function
        model.reset_metrics()  # Of those that were made by the first batch.
        for variable, value in kept:
            variable.assign(value)


def _random_numbers_of_torch():
    """Under PyTorch, Keras' dropout draws of PyTorch's own random numbers, which no variable of the model knows."""
    if keras.backend.backend() != "torch":
        return contextlib.nullcontext()
    import torch

    return torch.random.fork_rng()
