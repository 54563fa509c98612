"""How long a training will take, said after its first steps; and one that would take too long, shortened."""

import math
import time

import keras
import msgspec

from hornbook import UserError, records, terminal
from hornbook.training.optimization import unwrapped

_FIRST = 3  # Steps that do not count: the first compile.
_STEPS, _SECONDS = 20, 2.0  # That are looked at, both at least, if the training has as many.
_ROOM = 1.1  # For validation, and for a machine that slows down.


class _Paced(msgspec.Struct):
    epochs: records.Size
    shortened: bool


class Pace(keras.callbacks.Callback):
    """Print after some steps how long the training will take; shorten one that would take longer than it may, its schedule included.

    Shortened once, by the measured pace; and ended after the epoch in which the time has run out, should the pace fall. At least one epoch
    is trained.

    Args:
        epochs: of the whole training.
        steps_per_epoch: updates of an epoch.
        seconds: that training may take from now on, or None for no limit.
        warmup_steps: those before the schedule, whose length stays.

    Attributes:
        epochs: that the training will have, fewer than those it was given if it is shortened.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.pace import Pace

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=30, callbacks=[Pace(30, 2, seconds=600)], verbose=0)
    ```
    """

    def __init__(self, epochs, steps_per_epoch, *, seconds=None, warmup_steps=0):
        super().__init__()
        self.epochs, self.steps_per_epoch, self.seconds, self.warmup_steps = epochs, steps_per_epoch, seconds, warmup_steps
        self.shortened = False
        self._epoch = self._seen = 0
        self._since = None

    def on_train_begin(self, logs=None):
        self._began = time.monotonic()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        # Not at a step's end, which Keras may call from another thread while the next step runs.
        if self._seen == _FIRST:
            self._since = time.monotonic()
        elif self._since is not None and self._seen >= _FIRST + _STEPS and time.monotonic() - self._since >= _SECONDS:
            seconds_a_step = (time.monotonic() - self._since) / (self._seen - _FIRST)
            self._since = None
            self._decide(self._epoch * self.steps_per_epoch + batch, seconds_a_step)
        self._seen += 1

    def on_epoch_end(self, epoch, logs=None):
        over = self.seconds is not None and time.monotonic() - self._began > self.seconds
        if over or epoch + 1 >= self.epochs:
            self.model.stop_training = True

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        return {"epochs": self.epochs, "shortened": self.shortened}, []

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result; of values of another kind, or more epochs than the training has, a `UserError`."""
        kept = records.checked(values, _Paced, "the pace")
        if kept.epochs > self.epochs:
            raise UserError(f"the pace is of {kept.epochs} epochs, and the training has {self.epochs}")
        self.epochs, self.shortened = kept.epochs, kept.shortened

    def _decide(self, done, seconds_a_step):
        """Say the time that is left after so many updates, and make it fit."""
        updates = self.epochs * self.steps_per_epoch
        needed = (updates - done) * seconds_a_step
        left = math.inf if self.seconds is None else self.seconds - (time.monotonic() - self._began)
        # What was shortened ran on schedule; a second time would leave the learning rate's way.
        if self.shortened or needed * _ROOM <= left:
            terminal.say(f"time: about {in_words(needed)} for {updates - done:,} updates")
            return
        self.shortened = True
        possible = done + max(0.0, left) / seconds_a_step / _ROOM
        self.epochs = max(1, math.floor(possible / self.steps_per_epoch))
        shorter = self.epochs * self.steps_per_epoch
        pace = getattr(unwrapped(self.model.optimizer), "pace", None)
        if pace is not None:
            # JAX keeps the state of a training outside the variables until it is asked for.
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            pace.assign(max(1, updates - self.warmup_steps) / max(1, shorter - self.warmup_steps))
        terminal.say(
            f"time: {in_words(needed)} would be too long for {updates:,} updates; shortened to {shorter:,} in {self.epochs:,} epochs"
        )


def in_words(seconds):
    """A time for people: "45 s", "12 min", "3.5 h"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 100 * 60 else f"{seconds / 3600:.1f} h"
