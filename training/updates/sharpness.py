"""Sharpness-aware minimization: the gradient is that of the worst weights nearby (Foret et al. 2021)."""

import math

import keras

from hornbook import UserError
from hornbook.training.updates.steps import instead_of, with_step

_SMALLEST_NORM = 1e-12


def sharpness_aware(model, radius):
    """Have `fit` of a model seek flat minima: each step takes its gradient a small way uphill, and applies it to the weights as they are.

    "Sharpness-Aware Minimization for Efficiently Improving Generalization" (Foret et al. 2021, algorithm 1): with the gradient g of a
    batch, the weights are moved by radius * g / |g|, the norm being that of all gradients together; the gradient there, of the same batch,
    is what the optimizer is given. It takes two gradients a step, about twice the time.

    Both gradients are of one function: the random numbers of dropout are the same. Loss, metrics, moving statistics of normalization and
    the states of random numbers are those of the first pass. The model is changed in its class alone, and is saved, loaded, evaluated and
    resumed as before; a checkpoint needs nothing more.

    Args:
        model: `keras.Model`, before or after `compile`, whose `train_step` is Keras' own.
        radius: rho, how far the weights are moved, such as 0.05 (the paper's for ImageNet and CIFAR-10) or 0.1 (CIFAR-100); 0 for none,
            which gives a model that was changed its own step back.

    Returns:
        The same model.

    Raises:
        UserError: a radius that is negative or not finite.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import sharpness_aware

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    sharpness_aware(model, 0.05)
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), verbose=0)
    ```
    """
    if not 0 <= radius < math.inf:
        raise UserError(f"the radius of sharpness-aware minimization must be 0 (off) or positive and finite, got {radius}")
    return with_step(model, _SharpnessAware, {"_sharpness_radius": radius} if radius else None)


class _SharpnessAware:
    """Keras' own training step, in which the optimizer is given other gradients than it has computed."""

    _sharpness_radius = 0.0

    def train_step(self, *args):
        backend = keras.backend.backend()
        second = {"tensorflow": _in_tensorflow, "jax": _in_jax, "torch": _in_torch}[backend](self, *args)
        with instead_of(self.optimizer, "stateless_apply" if backend == "jax" else "apply", second):
            return super().train_step(*args)


def _steps_uphill(gradients, radius):
    """What the weights are moved by, for each gradient that there is: so long together as the radius."""
    gradients = [None if gradient is None else keras.ops.cast(keras.ops.convert_to_tensor(gradient), "float32") for gradient in gradients]
    squares = [keras.ops.sum(keras.ops.square(gradient)) for gradient in gradients if gradient is not None]
    # Of float16's scaled loss the direction is the same; where a gradient is no number the second one is none either, and Keras skips both.
    factor = radius / keras.ops.maximum(keras.ops.sqrt(sum(squares)), _SMALLEST_NORM)
    return [None if gradient is None else gradient * factor for gradient in gradients]


def _uphill(model, variables, gradients):
    for variable, step in zip(variables, _steps_uphill(gradients, model._sharpness_radius), strict=True):
        if step is not None:
            variable.assign_add(step)


def _loss(model, data):
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
    outputs = model(x, training=True) if model._call_has_training_arg else model(x)
    return model.optimizer.scale_loss(model.compute_loss(x=x, y=y, y_pred=outputs, sample_weight=weights))


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _in_tensorflow(model, data):
    import tensorflow as tf

    def copies(variables):
        return [tf.identity(variable.value) for variable in variables]

    first = copies(model.non_trainable_variables)

    def apply(original, gradients, variables=None):
        gradients, variables = list(gradients), list(variables)
        changed = [*variables, *model.non_trainable_variables, *model.metrics_variables]
        kept = copies(changed)
        _uphill(model, variables, gradients)
        _assign(model.non_trainable_variables, first)
        with tf.GradientTape() as tape:
            loss = _loss(model, data)
        gradients = tape.gradient(loss, variables)
        _assign(changed, kept)
        return original(gradients, variables)

    return apply


def _in_torch(model, data):
    import torch

    def copies(variables):
        return [variable.value.detach().clone() for variable in variables]

    def states():
        # Dropout draws of PyTorch's own random numbers.
        return torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_available() else None

    def draw_on(state):
        torch.set_rng_state(state[0])
        if state[1] is not None:
            torch.cuda.set_rng_state_all(state[1])

    first, drawn_before = copies(model.non_trainable_variables), states()

    def apply(original, gradients, variables=None):
        changed = [*variables, *model.non_trainable_variables, *model.metrics_variables]
        kept, drawn = copies(changed), states()
        _uphill(model, variables, gradients)
        _assign(model.non_trainable_variables, first)
        draw_on(drawn_before)
        model.zero_grad()
        with torch.enable_grad():
            _loss(model, data).backward()
        gradients = [variable.value.grad for variable in variables]
        _assign(changed, kept)
        draw_on(drawn)
        return original(gradients, variables)

    return apply


def _in_jax(model, state, data):
    import jax

    _, others, _, metrics = state
    x, y, weights = keras.utils.unpack_x_y_sample_weight(data)

    def apply(original, optimizer_variables, gradients, trainable):
        steps = _steps_uphill(gradients, model._sharpness_radius)
        moved = [value if step is None else value + step for value, step in zip(trainable, steps, strict=True)]
        gradient = jax.grad(model.compute_loss_and_updates, has_aux=True)
        # What else the pass computes, moving statistics and the like, is left: those of the first pass stay.
        second, _ = gradient(moved, others, metrics, x, y, weights, training=True, optimizer_variables=optimizer_variables)
        return original(optimizer_variables, second, trainable)

    return apply
