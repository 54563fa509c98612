"""Optimizers, learning-rate schedules and weight decay.

Keras' own wherever it has one. What is added: decay that knows what to leave alone, a warm-up before any schedule, and one-cycle.
"""

import math
import re

import keras

from hornbook import UserError

SCHEDULES = ("constant", "step", "cosine", "one-cycle", "exponential", "polynomial", "restarts", "plateau")
_LAST_SHARE = 0.01  # Of the learning rate at the end of an exponential decay: where `step` ends as well.
_CYCLES = 3  # Of `restarts`; each is twice as long as the one before, so that the first takes 1/7 of the steps.


def _mended(base):
    """`base` with an average of the weights that warms up, and with weight decay that leaves out every variable with one axis: biases and
    the scales and offsets of normalization.

    Keras' `exclude_from_weight_decay` does this until the optimizer is saved and loaded, which forgets it; a rule in the class cannot be.
    """

    class Optimizer(base):
        def build(self, variables):
            if not self.built:
                self.exclude_from_weight_decay(var_list=[variable for variable in variables if len(variable.shape) < 2])
            super().build(variables)

        def _update_model_variables_moving_average(self, trainable_variables):
            """As Keras', but early on with a smaller momentum: of 0.999, 300 steps would leave three quarters of the first weights."""
            momentum = self.ema_momentum
            if self.use_ema:
                steps = keras.ops.cast(self.iterations, "float32")
                self.ema_momentum = keras.ops.minimum(momentum, (1 + steps) / (10 + steps))
            super()._update_model_variables_moving_average(trainable_variables)
            self.ema_momentum = momentum

    Optimizer.__name__ = Optimizer.__qualname__ = base.__name__
    Optimizer.__doc__ = (
        f"`keras.optimizers.{base.__name__}` whose weight decay leaves out biases and normalization scales, and whose average warms up."
    )
    return keras.saving.register_keras_serializable(package="hornbook")(Optimizer)


def _leaving_out_the_output(base):
    """Keras' Muon that leaves the last matrix, which computes the outputs, to Adam, as its authors do, whatever that layer is called."""

    class Muon(base):
        _output = ()

        def build(self, variables):
            if not self.built:
                matrices = [variable.path for variable in variables if len(variable.shape) == 2]
                self._output = tuple(f"^{re.escape(path)}$" for path in matrices[-1:])
                self.exclude_layers = [*self.exclude_layers, *self._output]
            super().build(variables)

        def get_config(self):
            # A saved model's paths may differ from those of the model that it was: the rule is kept, not what came of it.
            config = super().get_config()
            return {**config, "exclude_layers": [name for name in config["exclude_layers"] if name not in self._output]}

    return Muon


# Left out are Ftrl, which forgets the initial weights at its first step (it is made for convex problems), and ScheduleFreeAdamW, which
# trains on an interpolation and in Keras has no way to put the average, which is to be evaluated, in its place.
_CLASSES = {
    name: _mended(base)
    for name, base in {
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
        "rmsprop": keras.optimizers.RMSprop,
        "adagrad": keras.optimizers.Adagrad,
        "adadelta": keras.optimizers.Adadelta,
        "adamax": keras.optimizers.Adamax,
        "nadam": keras.optimizers.Nadam,
        "lion": keras.optimizers.Lion,
        "lamb": keras.optimizers.Lamb,
        "adafactor": keras.optimizers.Adafactor,
        "muon": _leaving_out_the_output(keras.optimizers.Muon),
    }.items()
}
OPTIMIZERS = tuple(_CLASSES)


def optimizer(
    name,
    learning_rate=None,
    *,
    momentum=0.9,
    nesterov=True,
    weight_decay=0.0,
    clip_norm=0.0,
    clip_value=0.0,
    clip_each_norm=0.0,
    ema=0.0,
    accumulate_steps=1,
):
    """A Keras optimizer by name.

    Args:
        name: whatever its capitals, `sgd`, `adam`, `adamw`, `rmsprop`, `adagrad`, `adadelta`, `adamax`, `nadam`, `lion`, `lamb`,
            `adafactor`, or `muon` (Jordan et al. 2024: the hidden matrices; all else, embeddings and the last matrix with it, by Adam).
        learning_rate: float or `keras.optimizers.schedules.LearningRateSchedule`. Default: that of Keras' class, 0.001 for most.
        momentum: of `sgd`, in [0, 1); 0 is plain gradient descent. 0.9 is the papers' choice since Krizhevsky et al. (2012).
        nesterov: whether the momentum of `sgd` looks ahead (Nesterov 1983; Sutskever et al. 2013); without momentum it says nothing.
        weight_decay: decoupled (Loshchilov and Hutter 2019): a step multiplies every kernel by 1 - learning_rate * weight_decay. With SGD
            and momentum 0.9, the L2 penalty of 1e-4 of the older papers corresponds to about 1e-3 here, as momentum does not multiply it.
        clip_norm: the gradients' global norm is cut to it (Pascanu et al. 2013); 0 for none.
        clip_value: every element of the gradients is cut to this size; 0 for none.
        clip_each_norm: the norm of each variable's gradient is cut to it; 0 for none. Keras takes one of the three.
        ema: momentum of an exponential moving average of the weights, such as 0.999 (Polyak and Juditsky 1992); 0 for none. After t steps
            it is at most (1 + t) / (10 + t), TensorFlow's rule, so that the first weights are soon forgotten. Evaluate it with
            `callbacks.AverageWeights`. It is taken after every batch, also where only every Nth changes the weights.
        accumulate_steps: batches whose mean gradient makes one update. A schedule counts batches all the same, so its length does not
            depend on it; weight decay acts in updates alone.

    Raises:
        UserError: an unknown name or a value out of range.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import optimizer, schedule

    model = keras.Sequential([keras.layers.Dense(1)])
    rate = schedule("cosine", 0.1, steps_per_epoch=2, epochs=5, warmup_epochs=1)
    model.compile(optimizer("sgd", rate, weight_decay=1e-3, clip_norm=1.0), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """
    given, name = name, str(name).lower()
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {given!r}")
    if not 0 <= momentum < 1:
        raise UserError(f"momentum must be 0 (plain gradient descent) or below 1 such as 0.9, got {momentum}")
    sizes = {"weight_decay": weight_decay, "clip_norm": clip_norm, "clip_value": clip_value, "clip_each_norm": clip_each_norm}
    for option, value in sizes.items():
        if not 0 <= value < math.inf:
            raise UserError(f"{option} must be 0 (off) or positive and finite, got {value}")
    clipping = [f"{option} {value}" for option, value in sizes.items() if option != "weight_decay" and value]
    if len(clipping) > 1:
        raise UserError(f"gradients are cut in one way of clip_norm, clip_value and clip_each_norm, got {' and '.join(clipping)}")
    if not 0 <= ema < 1:
        raise UserError(f"ema must be 0 (off) or a momentum below 1 such as 0.999, got {ema}")
    if accumulate_steps < 1:
        raise UserError(f"accumulate_steps must be at least 1 (every batch is an update), got {accumulate_steps}")
    options = {"global_clipnorm": clip_norm or None, "clipvalue": clip_value or None, "clipnorm": clip_each_norm or None}
    # AdamW's own default of 0.004 would decay where 0 was asked for.
    options["weight_decay"] = weight_decay or (0.0 if name == "adamw" else None)
    if accumulate_steps > 1:
        options["gradient_accumulation_steps"] = accumulate_steps
    if ema:
        options |= {"use_ema": True, "ema_momentum": ema}
    if name == "sgd":
        options |= {"momentum": momentum, "nesterov": nesterov and momentum > 0}
    if name == "muon":
        options["adam_weight_decay"] = options["weight_decay"]
    if learning_rate is not None:
        options["learning_rate"] = learning_rate
    return _CLASSES[name](**options)


def check_accumulation(accumulate_steps, batches):
    """Refuse to accumulate more batches than a run has: it would never update.

    Raises:
        UserError: with both numbers.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import optimization

    optimization.check_accumulation(4, batches=8)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimization.optimizer("sgd", 0.1, accumulate_steps=4), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), batch_size=8, verbose=0)
    ```
    """
    if accumulate_steps > batches:
        raise UserError(f"--accumulate-steps {accumulate_steps} is more than the {batches} batches of the run")


def schedule(name, learning_rate, *, steps_per_epoch, epochs, warmup_epochs=None):
    """A learning rate over a training, by name.

    Args:
        name: `constant`; `step` (a tenth after 1/2 and again after 3/4 of what follows the warm-up, He et al. 2015); `cosine` (to 0,
            Loshchilov and Hutter 2017, no restarts); `restarts` (cosine three times, each twice as long as the one before, same paper);
            `one-cycle` (up from 1/25 over the first 30%, down to 1/10,000, Smith and Topin 2018); `exponential` (to 1/100);
            `polynomial` (a straight line to 0, the power of 1 that Keras has); `plateau` (constant here: `callbacks.ReduceOnPlateau`
            warms it up and lowers it, as only a number can be set during training).
        learning_rate: the highest.
        steps_per_epoch, epochs: the length of the training, in batches, also where gradients are accumulated.
        warmup_epochs: epochs of a linear rise from 0 (Goyal et al. 2017, section 2.2), which the schedule then follows; may be a fraction.
            Default: 1, or a tenth of a training shorter than 10 epochs; none for one-cycle.

    Returns:
        A float or a `keras.optimizers.schedules.LearningRateSchedule`, which saves and loads.

    Raises:
        UserError: an unknown name, a warm-up as long as the training, or a warm-up before one-cycle, which has its own.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import schedule

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedule("step", 0.1, steps_per_epoch=2, epochs=5, warmup_epochs=0.5)), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """
    if name not in SCHEDULES:
        raise UserError(f"schedule must be one of {', '.join(SCHEDULES)}, got {name!r}")
    if not learning_rate > 0 or not math.isfinite(learning_rate):
        raise UserError(f"learning_rate must be positive and finite, got {learning_rate}")
    rise = warmup_steps(name, steps_per_epoch=steps_per_epoch, epochs=epochs, warmup_epochs=warmup_epochs)
    steps = max(1, steps_per_epoch * epochs - rise)
    if name == "one-cycle":
        return OneCycle(learning_rate, steps)
    if name == "plateau":
        return learning_rate
    after = learning_rate if name == "constant" else _decay(name, learning_rate, steps)
    return Warmup(after, rise) if rise else after


def _decay(name, learning_rate, steps):
    schedules = keras.optimizers.schedules
    if name == "step":
        return schedules.PiecewiseConstantDecay([steps // 2, steps * 3 // 4], [learning_rate, learning_rate / 10, learning_rate / 100])
    if name == "cosine":
        return schedules.CosineDecay(learning_rate, steps)
    if name == "exponential":
        return schedules.ExponentialDecay(learning_rate, steps, _LAST_SHARE)
    if name == "polynomial":
        return schedules.PolynomialDecay(learning_rate, steps, end_learning_rate=0.0)
    # A first cycle of this length, a fraction perhaps, has the last one end with the training, and not begin a fourth.
    return schedules.CosineDecayRestarts(learning_rate, (steps + 1) / (2**_CYCLES - 1), t_mul=2.0)


def warmup_steps(name, *, steps_per_epoch, epochs, warmup_epochs=None):
    """How many batches the warm-up of a schedule takes; the arguments are those of `schedule`.

    Raises:
        UserError: a warm-up as long as the training, or one before one-cycle, which has its own.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import ReduceOnPlateau, optimization

    steps = optimization.warmup_steps("plateau", steps_per_epoch=2, epochs=10, warmup_epochs=1)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    inputs, targets, callbacks = numpy.ones((64, 3)), numpy.ones((64, 1)), [ReduceOnPlateau(patience=2, warmup_steps=steps)]
    model.fit(inputs, targets, epochs=10, validation_split=0.5, batch_size=16, callbacks=callbacks, verbose=0)
    ```
    """
    if warmup_epochs is None:
        warmup_epochs = 0.0 if name == "one-cycle" else min(1.0, epochs / 10)
    if not 0 <= warmup_epochs < epochs:
        raise UserError(f"warmup_epochs must be at least 0 and less than the {epochs} epochs, got {warmup_epochs}")
    steps = round(warmup_epochs * steps_per_epoch)
    if name == "one-cycle" and steps:
        raise UserError(f"one-cycle has a warm-up of its own; pass warmup_epochs 0, got {warmup_epochs}")
    return steps


@keras.saving.register_keras_serializable(package="hornbook")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """A linear rise to where `after` begins, then `after`, counted from the end of the rise. (Keras has one for cosine alone.)

    Args:
        after: float or `LearningRateSchedule`.
        steps: length of the rise.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import Warmup

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(Warmup(keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), steps=4)), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """

    def __init__(self, after, steps):
        super().__init__()
        self.after, self.steps = after, steps

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        after = self.after(keras.ops.maximum(step - self.steps, 0.0)) if callable(self.after) else self.after
        return after * keras.ops.minimum((step + 1) / self.steps, 1.0)

    def get_config(self):
        return {"after": keras.saving.serialize_keras_object(self.after), "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["after"]), config["steps"])


@keras.saving.register_keras_serializable(package="hornbook")
class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up and down once (Smith and Topin 2018), both flanks a half cosine.

    Args:
        peak: highest learning rate.
        steps: length of the training.
        rise: share of the steps before the peak.
        start: first learning rate as a share of the peak.
        end: last learning rate as a share of the peak.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import OneCycle

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(OneCycle(0.1, steps=10)), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """

    def __init__(self, peak, steps, rise=0.3, start=1 / 25, end=1e-4):
        super().__init__()
        self.peak, self.steps, self.rise, self.start, self.end = peak, steps, rise, start, end

    def __call__(self, step):
        progress = keras.ops.minimum(keras.ops.cast(step, "float32") / max(1, self.steps - 1), 1.0)
        up = self._flank(self.start, 1.0, progress / self.rise)
        down = self._flank(1.0, self.end, (progress - self.rise) / (1 - self.rise))
        return self.peak * keras.ops.where(progress < self.rise, up, down)

    @staticmethod
    def _flank(first, last, progress):
        return last + (first - last) * (1 + keras.ops.cos(math.pi * progress)) / 2

    def get_config(self):
        return {"peak": self.peak, "steps": self.steps, "rise": self.rise, "start": self.start, "end": self.end}
