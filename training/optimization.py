"""Optimizers, learning-rate schedules and weight decay.

Keras' own wherever it has one. What is added: decay that knows what to leave alone, a warm-up before any schedule, and one-cycle.
"""

import math

import keras

from hornbook import UserError

OPTIMIZERS = ("sgd", "adam", "adamw", "rmsprop")
SCHEDULES = ("constant", "step", "cosine", "one-cycle")


def _leaving_out_vectors(base):
    """`base` whose weight decay leaves out biases and the scales and offsets of normalization, that is every variable with one axis.

    Keras' `exclude_from_weight_decay` does this until the optimizer is saved and loaded, which forgets it; a rule in the class cannot be.
    """

    class Optimizer(base):
        def build(self, variables):
            if not self.built:
                self.exclude_from_weight_decay(var_list=[variable for variable in variables if len(variable.shape) < 2])
            super().build(variables)

    Optimizer.__name__ = Optimizer.__qualname__ = base.__name__
    Optimizer.__doc__ = f"`keras.optimizers.{base.__name__}` whose weight decay leaves out biases and normalization scales."
    return keras.saving.register_keras_serializable(package="hornbook")(Optimizer)


SGD = _leaving_out_vectors(keras.optimizers.SGD)
Adam = _leaving_out_vectors(keras.optimizers.Adam)
AdamW = _leaving_out_vectors(keras.optimizers.AdamW)
RMSprop = _leaving_out_vectors(keras.optimizers.RMSprop)


def optimizer(name, learning_rate, *, weight_decay=0.0, clip_norm=0.0, ema=0.0):
    """A Keras optimizer by name.

    Args:
        name: `sgd` (Nesterov momentum 0.9), `adam`, `adamw` or `rmsprop`.
        learning_rate: float or `keras.optimizers.schedules.LearningRateSchedule`.
        weight_decay: decoupled (Loshchilov and Hutter 2019): a step multiplies every kernel by 1 - learning_rate * weight_decay. With SGD
            and momentum 0.9, the L2 penalty of 1e-4 of the older papers corresponds to about 1e-3 here, as momentum does not multiply it.
        clip_norm: the gradients' global norm is cut to it (Pascanu et al. 2013); 0 for none.
        ema: momentum of an exponential moving average of the weights, such as 0.999 (Polyak and Juditsky 1992); 0 for none. Evaluate it
            with `callbacks.AverageWeights`.

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
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {name!r}")
    if not (0 <= weight_decay < math.inf and 0 <= clip_norm < math.inf):
        raise UserError(f"weight_decay and clip_norm must be 0 (off) or positive, got {weight_decay} and {clip_norm}")
    if not 0 <= ema < 1:
        raise UserError(f"ema must be 0 (off) or a momentum below 1 such as 0.999, got {ema}")
    # AdamW's own default of 0.004 would decay where 0 was asked for.
    options = {"weight_decay": weight_decay or (0.0 if name == "adamw" else None), "global_clipnorm": clip_norm or None}
    if ema:
        options |= {"use_ema": True, "ema_momentum": ema}
    if name == "sgd":
        options |= {"momentum": 0.9, "nesterov": True}
    return {"sgd": SGD, "adam": Adam, "adamw": AdamW, "rmsprop": RMSprop}[name](learning_rate, **options)


def schedule(name, learning_rate, *, steps_per_epoch, epochs, warmup_epochs=None):
    """A learning rate over a training, by name.

    Args:
        name: `constant`; `step` (a tenth after 1/2 and again after 3/4 of what follows the warm-up, He et al. 2015); `cosine` (to 0,
            Loshchilov and Hutter 2017, no restarts); `one-cycle` (up from 1/25 over the first 30%, down to 1/10,000, Smith and Topin 2018).
        learning_rate: the highest.
        steps_per_epoch, epochs: the length of the training.
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
    if warmup_epochs is None:
        warmup_epochs = 0.0 if name == "one-cycle" else min(1.0, epochs / 10)
    if not 0 <= warmup_epochs < epochs:
        raise UserError(f"warmup_epochs must be at least 0 and less than the {epochs} epochs, got {warmup_epochs}")
    warmup_steps = round(warmup_epochs * steps_per_epoch)
    steps = max(1, steps_per_epoch * epochs - warmup_steps)
    if name == "one-cycle":
        if warmup_steps:
            raise UserError(f"one-cycle has a warm-up of its own; pass warmup_epochs 0, got {warmup_epochs}")
        return OneCycle(learning_rate, steps)
    schedules = keras.optimizers.schedules
    after = learning_rate
    if name == "step":
        after = schedules.PiecewiseConstantDecay([steps // 2, steps * 3 // 4], [learning_rate, learning_rate / 10, learning_rate / 100])
    elif name == "cosine":
        after = schedules.CosineDecay(learning_rate, steps)
    return Warmup(after, warmup_steps) if warmup_steps else after


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
