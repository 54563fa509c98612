"""Learning rates over a training: Keras' schedules by name, a warm-up before any of them, and one-cycle."""

import math

import keras

from hornbook import UserError

SCHEDULES = ("constant", "step", "cosine", "one-cycle", "exponential", "polynomial", "restarts", "plateau")
_LAST_SHARE = 0.01  # Of the learning rate at the end of an exponential decay: where `step` ends as well.
_CYCLES = 3  # Of `restarts`; each is twice as long as the one before, so that the first takes 1/7 of the steps.


def schedule(name, learning_rate, *, steps_per_epoch, epochs, warmup_epochs=None, shortenable=False, cycles=None, held_after=None):
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
        shortenable: whether the training may be shortened while it runs: the schedule is a `Shortenable`, unless the rate is constant.
        cycles: of `restarts`, so many in place of three, equally long and each to the end of an epoch (Huang et al. 2017, equation 2).
        held_after: epochs after which the rate stays what it is then, as an average of the weights that follow wants it; None: it goes on.

    Returns:
        A float or a `keras.optimizers.schedules.LearningRateSchedule`, which saves and loads.

    Raises:
        UserError: an unknown name, a warm-up as long as the training, a warm-up before one-cycle, which has its own, one that is not over
            when the rate is to be held or the first cycle ends, or more cycles than epochs.

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
    if cycles and name != "restarts":
        raise UserError(f"cycles are those of the schedule restarts, got {name!r}")
    if name == "plateau":
        return learning_rate
    if name == "constant":
        after = learning_rate
    else:
        if cycles:
            after = Cycles(learning_rate, [_after(rise, end * steps_per_epoch, "a cycle ends") for end in cycle_ends(epochs, cycles)])
        else:
            after = OneCycle(learning_rate, steps) if name == "one-cycle" else _decay(name, learning_rate, steps)
        if held_after is not None:
            after = Held(after, _after(rise, held_after * steps_per_epoch, "the rate is to be held") - 1)
        after = Shortenable(after) if shortenable else after
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


def _after(rise, steps, what):
    """Steps counted from the end of the warm-up."""
    if steps <= rise:
        raise UserError(f"a warm-up of {rise:,} steps is not over after {steps:,}, when {what}; pass fewer warmup_epochs")
    return steps - rise


def cycle_ends(epochs, cycles):
    """After how many epochs each of so many cycles ends, equally long but for a rounding: a list of numbers, the last `epochs`.

    Raises:
        UserError: more cycles than epochs.

    Example:
    ```python
    from hornbook.training import schedules

    assert schedules.cycle_ends(10, 4) == [2, 5, 8, 10]
    ```
    """
    if not 1 <= cycles <= epochs:
        raise UserError(f"cycles must be at least 1 and at most the {epochs} epochs, got {cycles}")
    return [round(epochs * number / cycles) for number in range(1, cycles + 1)]


def warmup_steps(name, *, steps_per_epoch, epochs, warmup_epochs=None):
    """How many batches the warm-up of a schedule takes; the arguments are those of `schedule`.

    Raises:
        UserError: a warm-up as long as the training, or one before one-cycle, which has its own.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import ReduceOnPlateau, schedules

    steps = schedules.warmup_steps("plateau", steps_per_epoch=2, epochs=10, warmup_epochs=1)
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
class Shortenable(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule whose end can be moved while a training runs; it then takes its steps so many times as fast.

    The factor is a variable, which an optimizer must have among its own (`optimizer.pace = schedule.pace`), so that the compiled step of
    every backend reads it and a checkpoint keeps it.

    Args:
        schedule: `LearningRateSchedule`.
        pace: steps of `schedule` for each step of the training.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import schedules

    rate = schedules.Shortenable(keras.optimizers.schedules.CosineDecay(0.1, 100))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    model.optimizer.pace = rate.pace
    rate.pace.assign(5.0)  # 20 steps in place of 100
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=10, verbose=0)
    ```
    """

    def __init__(self, schedule, pace=1.0):
        super().__init__()
        self.schedule = schedule
        self.pace = keras.Variable(pace, trainable=False, dtype="float32", name="pace")

    def __call__(self, step):
        return self.schedule(keras.ops.cast(step, "float32") * self.pace)

    def get_config(self):
        pace = float(keras.ops.convert_to_numpy(self.pace))
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "pace": pace}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["pace"])


@keras.saving.register_keras_serializable(package="hornbook")
class Cycles(keras.optimizers.schedules.LearningRateSchedule):
    """Half a cosine from the peak to 0, again and again (Huang et al. 2017, "Snapshot Ensembles", equation 2), each to a step of its own.

    Keras' `CosineDecayRestarts` has lengths by a factor alone, which end in the middle of an epoch.

    Args:
        peak: learning rate at the beginning of each.
        ends: list of the steps at which they end, rising.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import schedules

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedules.Cycles(0.1, ends=[4, 10])), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """

    def __init__(self, peak, ends):
        super().__init__()
        self.peak, self.ends = peak, list(ends)

    def __call__(self, step):
        step = keras.ops.cast(step, "float32")
        starts = keras.ops.convert_to_tensor([0, *self.ends[:-1]], "float32")
        ends = keras.ops.convert_to_tensor(self.ends, "float32")
        start = keras.ops.max(keras.ops.where(step >= starts, starts, 0.0))
        end = keras.ops.min(keras.ops.where(step < ends, ends, float(self.ends[-1])))
        progress = keras.ops.minimum((step - start) / (end - start), 1.0)
        return self.peak * (1 + keras.ops.cos(math.pi * progress)) / 2

    def get_config(self):
        return {"peak": self.peak, "ends": self.ends}


@keras.saving.register_keras_serializable(package="hornbook")
class Held(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule up to a step, whose rate stays from there on.

    Args:
        schedule: `LearningRateSchedule`.
        step: the last that is its own.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import schedules

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(schedules.Held(keras.optimizers.schedules.CosineDecay(0.1, 10), step=7)), "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=5, verbose=0)
    ```
    """

    def __init__(self, schedule, step):
        super().__init__()
        self.schedule, self.step = schedule, step

    def __call__(self, step):
        return self.schedule(keras.ops.minimum(keras.ops.cast(step, "float32"), float(self.step)))

    def get_config(self):
        return {"schedule": keras.saving.serialize_keras_object(self.schedule), "step": self.step}

    @classmethod
    def from_config(cls, config):
        return cls(keras.saving.deserialize_keras_object(config["schedule"]), config["step"])


def let_shorten(optimizer, rate):
    """Give an optimizer the pace of its schedule among its variables, if it is one that can be shortened.

    Args:
        optimizer: Keras' optimizer, made with `rate`.
        rate: what `schedule` returned.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import optimizer, schedules
    from hornbook.training.pace import Pace

    rate = schedules.schedule("cosine", 0.1, steps_per_epoch=2, epochs=30, shortenable=True)
    made = optimizer("adamw", rate)
    schedules.let_shorten(made, rate)
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(made, "mse")
    callbacks = [Pace(30, 2, seconds=60, warmup_steps=2)]
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=30, callbacks=callbacks, verbose=0)
    ```
    """
    after = getattr(rate, "after", rate)
    if isinstance(after, Shortenable):
        optimizer.pace = after.pace


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
