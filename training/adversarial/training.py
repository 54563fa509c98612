"""Training on attacked examples: each step attacks its batch, then learns from it."""

import dataclasses
import math

import keras

from hornbook import UserError
from hornbook.training.adversarial import gradient_attacks, objectives
from hornbook.training.adversarial.box import Box
from hornbook.training.optimization import unwrapped
from hornbook.training.updates.steps import with_step

METHODS = ("fgsm", "pgd", "trades")
STEPS = {"fgsm": 1, "pgd": 7, "trades": 10}
"""Steps of each attack: one; those of Madry et al. (2018) and of Zhang et al. (2019) for CIFAR-10."""
_FAST_STEP = 1.25  # Of the radius (Wong et al. 2020, section 4.1, who found larger steps to lead to catastrophic overfitting).
_NEAR = 0.03  # Of the radius: what TRADES' attack begins with is noise of 0.001 where the radius is 0.031 (its algorithm 1).


@dataclasses.dataclass(frozen=True)
class Method:
    """How a batch is attacked, and what is learned from it.

    Attributes:
        name: one of `METHODS`.
        box: `box.Box`, whose radius fits an example.
        steps: of the attack.
        share: size of a step, as a share of the radius.
        beta: of TRADES, how much the second term counts.
        several: whether each output is a label of its own.
        seed: of random starts.
    """

    name: str
    box: Box
    steps: int
    share: float
    beta: float
    several: bool
    seed: int


def adversarial_training(model, method, box, *, steps=None, share=None, beta=6.0, several=False, seed=0):
    """Have `fit` of a model attack each batch before it learns from it. Validation and evaluation stay as they are.

    - fgsm: one step of 1.25 times the radius from a random place in the box (Wong et al. 2020, "Fast is better than free", algorithm 3),
      for the price of two passes a step. It may overfit catastrophically: from one epoch to the next the network resists this attack
      alone.
    - pgd: many steps (Madry et al. 2018, equation 2.1), with as many further passes. The loss, and the accuracy of a training epoch, are
      those of attacked examples.
    - trades: the loss of the examples as they are, and beta times the divergence of what the network says of them and of attacked ones
      (Zhang et al. 2019, equation 5 and algorithm 1), which that attack makes large.

    The attack sees the network as in inference: nothing is dropped, and normalization's moving statistics are what they are (Pang et al.
    2021, "Bag of Tricks for Adversarial Training", section 3.3, found that at least as good). Its random starts are a pure function of the
    seed and the number of the step, so a run that was cut off goes on as if it had not been. The model is changed in its class alone.

    Args:
        model: `keras.Model` of one input of floats to logits, before or after `compile`. If it is to seek flat minima, too, see
            `sharpness_aware`, it does so before.
        method: one of `METHODS`.
        box: `box.Box`: how far each number of an example may be moved.
        steps: of the attack; None: `STEPS`.
        share: size of a step, as a share of the radius; None: 1.25 for fgsm, else 2.5 / steps.
        beta: of trades. 6 is the paper's.
        several: whether each output is a label of its own, 0 or 1, and not a class.
        seed: of the random starts.

    Returns:
        The same model.

    Raises:
        UserError: there is no such method, or a number is out of range.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import adversarial_training
    from hornbook.training.adversarial.box import Box

    x, y = numpy.random.rand(64, 4).astype("float32"), numpy.eye(2)[numpy.arange(64) % 2]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    adversarial_training(model, "pgd", Box(numpy.float32(0.1), 0.0, 1.0))
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(x, y, verbose=0)
    ```
    """
    if method not in METHODS:
        raise UserError(f"adversarial training is by one of {', '.join(METHODS)}, got {method!r}")
    steps = STEPS[method] if steps is None else steps
    if steps < 1:
        raise UserError(f"the steps of an attack must be at least 1, got {steps}")
    if share is None:
        share = _FAST_STEP if method == "fgsm" else gradient_attacks.step_share(steps)
    for name, value in (("the size of a step", share), ("beta", beta)):
        if not 0 < value < math.inf:
            raise UserError(f"{name} must be positive and finite, got {value}")
    attack = Method(method, box, steps, share, beta, several, seed)
    return with_step(model, _Adversarial, {"_attack": attack, "_attacked_inputs": None})


class _Adversarial:
    """Keras' own training step, or what took its place, on a batch that was attacked."""

    def train_step(self, *args):
        *state, data = args
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        x = keras.ops.cast(x, "float32")
        if keras.backend.backend() == "jax":
            attacked = _in_jax(self, state[0], x, y)
        else:
            attacked = _attacked(self, x, y, unwrapped(self.optimizer)._iterations)
        if self._attack.name != "trades":
            return super().train_step(*state, keras.utils.pack_x_y_sample_weight(attacked, y, weights))
        # Not by Keras' `__setattr__`, which would keep it with the model.
        object.__setattr__(self, "_attacked_inputs", attacked)
        try:
            return super().train_step(*state, keras.utils.pack_x_y_sample_weight(x, y, weights))
        finally:
            object.__setattr__(self, "_attacked_inputs", None)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        if self._attacked_inputs is None or not training:
            return loss
        return loss + self._attack.beta * _second_term(self, y_pred, sample_weight)


def _second_term(model, outputs, weights):
    """The mean divergence of what the network says of examples and of attacked ones."""
    attacked = model(model._attacked_inputs, training=True)
    each = objectives.divergence(outputs, attacked, several=model._attack.several)
    if len(each.shape) > 1:  # Of each member of an ensemble, which learns for itself.
        each = keras.ops.mean(each, axis=-1)
    if weights is not None:
        weights = keras.ops.cast(weights, each.dtype)
        each = each * (weights if len(weights.shape) == 1 else keras.ops.mean(weights, axis=-1))
    return keras.ops.mean(each)


def _in_jax(model, state, x, y):
    """As `_attacked`, of a model whose values are those of a state."""
    trainable, others, of_optimizer, _ = state
    optimizer = unwrapped(model.optimizer)
    [step] = [value for variable, value in zip(model.optimizer.variables, of_optimizer, strict=True) if variable is optimizer._iterations]
    values = [*zip(model.trainable_variables, trainable, strict=True), *zip(model.non_trainable_variables, others, strict=True)]
    with keras.StatelessScope(values, collect_losses=True):
        return _attacked(model, x, y, step)


def _attacked(model, x, y, step):
    """The inputs of a batch, attacked: a tensor like x, of which nothing is learned how it came about."""
    ops, method = keras.ops, model._attack
    draw = _Numbered(method.seed, step)
    radius = ops.convert_to_tensor(method.box.radius, dtype="float32")
    if method.name == "trades":
        said = ops.stop_gradient(model(x, training=False))
        offsets = _NEAR * keras.random.normal(ops.shape(x), seed=draw)

        def objective(at):
            return ops.sum(objectives.divergence(said, model(at, training=False), several=method.several))

    else:
        offsets = keras.random.uniform(ops.shape(x), -1.0, 1.0, seed=draw)

        def objective(at):
            return ops.sum(objectives.cross_entropy(model(at, training=False), y, several=method.several))

    start = method.box.clipped(x + radius * offsets, x)
    return gradient_attacks.ascended(objective, x, start, method.box, steps=method.steps, share=method.share)


class _Numbered(keras.random.SeedGenerator):
    """Random numbers by the number of a step, where Keras' own go on from the last that were drawn, which a checkpoint does not know."""

    def __init__(self, seed, step):
        # PyTorch's random numbers are seeded by the sum of the two: other seeds of a run must not be other steps of it.
        dtype = {"tensorflow": "int64", "jax": "uint32", "torch": "int32"}[keras.backend.backend()]
        first = keras.ops.convert_to_tensor(seed * 0x9E3779B1 % 2**31, dtype)
        self._numbers = keras.ops.stack([first, keras.ops.cast(step, dtype)])

    def next(self, ordered=True):
        return self._numbers
