"""A training that is ended before its time, because a finding says that more epochs cannot mend it."""

import dataclasses

import keras
import msgspec
import numpy as np

from hornbook import records
from hornbook.training.diagnosis.rules import RULES, apply
from hornbook.training.diagnosis.rules.symptoms import SKILL_STUCK, STUCK, Symptoms
from hornbook.training.optimization import unwrapped

# What lies in the options of a training and does not mend itself. Problems of the data are the same whatever the options are, and what is
# said of short trainings (too few updates, statistics that lag behind) may be over by its end.
PROBLEMS = frozenset({
    "not-finite", "no-gradient", "initialization-too-small", "initialization-too-large", "exploding-gradients", "vanishing-gradients",
    "missing-normalization", "saturated-activations", "dead-relus", "no-warmup", "learning-rate-too-high", "learning-rate-too-low",
    "clipping-always", "underfitting", "constant-predictions",
})  # fmt: skip
_LEAST_UPDATES = 30  # Before them, the rules themselves say nothing but that they are few.
_IN_A_ROW = 2  # Looks at which the training is hopeless: one may be a slow beginning.
_SKILL = 2 * SKILL_STUCK  # Of the way from the most frequent class to all right: what knows as much is not hopeless.
_PLACES = 50  # At which a schedule is asked for the rates to come.


class _Values(msgspec.Struct):
    """The JSON values of `StopWhenHopeless.get_state`."""

    in_a_row: records.Count


class StopWhenHopeless(keras.callbacks.Callback):
    """End a training that a finding of severity "error" calls hopeless, so that a search does not wait for it.

    Asked when `Diagnostics` has looked at the network, after epochs 1, 2, 4, 8 and so on. Hopeless is a training that has learned next to
    nothing, that would still be there at its end if it went on at its pace, whose learning rate has been as high as it will be, and of
    which a finding says that its options are to blame: at two looks one after the other, the second after 30 updates at least. The idea
    is that of BTTackler (Pei et al. 2024).

    Args:
        watching: `Diagnostics` of the same `fit`, before this in its list of callbacks; a recipe sets it.
        stop: function of (epochs done, finding), called each time in place of ending the training, such as one that raises.

    Attributes:
        finding: `Finding` for which the training was ended, or None.

    Raises:
        ValueError: there is no `watching`.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training.diagnosis import Diagnostics, StopWhenHopeless

    inputs, targets = numpy.random.normal(size=(256, 3)), numpy.random.randint(2, size=256)
    model = keras.Sequential([keras.layers.Dense(16, "relu"), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(30.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watching = Diagnostics(probe=(inputs, targets))
    ending = StopWhenHopeless(watching)
    model.fit(inputs, targets, batch_size=8, epochs=8, callbacks=[watching, ending], verbose=0)
    print(ending.finding)
    ```
    """

    def __init__(self, watching=None, stop=None):
        super().__init__()
        self.watching, self.finding = watching, None
        self._stop, self._in_a_row = stop, 0

    def on_train_begin(self, logs=None):
        if self.watching is None:
            raise ValueError("StopWhenHopeless needs the Diagnostics of the same fit: StopWhenHopeless(watching)")

    def on_epoch_end(self, epoch, logs=None):
        record, left = self.watching.record, self.params["epochs"] - epoch - 1
        if left <= 0 or record.looks[-1].epoch != len(record.epochs):
            return
        finding = self._finding(left)
        self._in_a_row = self._in_a_row + 1 if finding else 0
        if self._in_a_row < _IN_A_ROW or record.updates < _LEAST_UPDATES:
            return
        if self._stop is not None:
            self._stop(epoch + 1, finding)
        else:
            self.finding, self.model.stop_training = finding, True

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays, of which there is none."""
        return {"in_a_row": self._in_a_row}, []

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result at the beginning of the next `fit`; of values of another kind a `UserError`."""
        self._in_a_row = records.checked(values, _Values, "the search for what is hopeless").in_a_row

    def _finding(self, left):
        """The first that makes the training hopeless, or None."""
        record = self.watching.record
        longer = (len(record.epochs) + left) / len(record.epochs)
        if self._rises(left) or _learns(record, longer):  # By the loss alone, which costs nothing.
            return None
        record = self.watching.so_far()
        if Symptoms(record).training_skill > _SKILL:
            return None
        # How far it will come at this pace: a learning rate is too low for a whole training, not for its beginning.
        record = dataclasses.replace(record, travelled=longer * record.travelled)
        found = apply(RULES, record, Symptoms(record), None)  # Of few updates, too: one look alone ends nothing.
        blamed = {"learning-rate-too-low"} if _comes_down(record, left) else PROBLEMS
        return next((one for one in found if one.severity == "error" and one.problem in blamed), None)

    def _rises(self, left):
        """Whether the learning rate has not been as high yet as it will be."""
        rates = self.watching.record.rates
        if len(rates) > 1 and rates[-1] > 1.01 * max(rates[:-1]):
            return True
        optimizer = unwrapped(self.model.optimizer)
        schedule = optimizer._learning_rate
        if not isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
            return False
        done, an_epoch = int(keras.ops.convert_to_numpy(optimizer.iterations)), len(self.watching.record.steps) / len(rates)
        before, to_come = (
            max(float(keras.ops.convert_to_numpy(schedule(int(step)))) for step in np.linspace(*ends, _PLACES))
            for ends in ((0, done), (done, done + left * an_epoch))
        )
        return to_come > 1.01 * before


def _learns(record, longer):
    """Whether the loss of the probe will be better than that of guessing at this pace, after so many times as many epochs."""
    look = record.looks[-1]
    finite = all(np.isfinite([look.loss, record.epochs[-1].get("loss", look.loss)])) and all(seen.finite for seen in look.layers)
    # Where the loss of guessing is not known, nothing is said.
    return finite and (record.baseline is None or longer * (1 - look.loss / record.baseline) > STUCK)


def _comes_down(record, left):
    """Whether the loss of the probe falls from a bad beginning so fast that it will be better than that of guessing."""
    first, before, now = record.looks[0], record.looks[-2], record.looks[-1]
    if before is first or record.baseline is None or not now.loss < first.loss:
        return False
    return now.loss - (before.loss - now.loss) * left / (now.epoch - before.epoch) < (1 - STUCK) * record.baseline
