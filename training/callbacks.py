"""Keras callbacks: early stopping, evaluation of averaged weights, the history file, progress, and stopping when the loss is lost."""

import contextlib
import csv
import io
import math
import time
from typing import Annotated

import keras
import msgspec
import numpy as np

from hornbook import UserError, files, records
from hornbook.training.optimization import unwrapped
from hornbook.training.runs import TrainingLost


@contextlib.contextmanager
def averaged_weights(model):
    """The model with the moving average of its weights for the block's duration, if its optimizer keeps one.

    Copies, where Keras' `SwapEMAWeights` swaps by adding and subtracting under TensorFlow, which rounds the weights that training goes on
    with at every evaluation.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import callbacks, optimizer

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer("sgd", 0.1, ema=0.9), "mse")
    model.fit(inputs, targets, verbose=0)
    with callbacks.averaged_weights(model):
        model.evaluate(inputs, targets, verbose=0)
    ```
    """
    if not getattr(unwrapped(model.optimizer), "use_ema", False):
        yield
        return
    raw = _copies(model.trainable_variables)
    model.optimizer.finalize_variable_values(model.trainable_variables)
    # Under JAX the two now share their arrays, which an evaluation gives away for reuse: the averages would be lost with it.
    _assign(model.trainable_variables, _copies(model.trainable_variables))
    try:
        yield
    finally:
        _assign(model.trainable_variables, raw)


def _copies(variables):
    return [np.array(keras.ops.convert_to_numpy(variable)) for variable in variables]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


class AverageWeights(keras.callbacks.Callback):
    """Evaluate the moving average of the weights, train on with the weights themselves; for an optimizer with `use_ema`.

    At the end of `fit`, Keras itself leaves the average in the model.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import AverageWeights, optimizer

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(optimizer("sgd", 0.1, ema=0.9), "mse")
    model.fit(inputs, targets, validation_data=(inputs, targets), callbacks=[AverageWeights()], verbose=0)
    ```
    """

    def __init__(self):
        super().__init__()
        self._averaged = None

    def on_test_begin(self, logs=None):
        self._averaged = contextlib.ExitStack()
        self._averaged.enter_context(averaged_weights(self.model))

    def on_test_end(self, logs=None):
        self._averaged.close()


def _refuse_other_weights(model, weights):
    """Refuse best weights, a list of arrays or None, that a model cannot have had."""
    shapes = [tuple(weight.shape) for weight in model.weights]
    if weights and [array.shape for array in weights] != shapes:
        raise UserError("the best weights are not of this model")
    if any(array.dtype.kind not in "fiub" or not np.isfinite(array).all() for array in weights or ()):
        raise UserError("the best weights are no finite numbers")


class _Stopping(msgspec.Struct):
    wait: records.Count
    stopped_epoch: records.Count
    best: float | None
    best_epoch: records.Count


class _Plateau(msgspec.Struct):
    wait: records.Count
    cooldown_counter: records.Count
    best: float | None
    peak: Annotated[float, msgspec.Meta(ge=0)] | None
    step: records.Count


class _Rows(msgspec.Struct):
    rows: Annotated[list[dict[str, float]], msgspec.Meta(min_length=1)]


class EarlyStopping(keras.callbacks.EarlyStopping):
    """Keras' `EarlyStopping` that refuses a metric that does not exist, keeps averaged weights, and can be resumed.

    Args:
        monitor: a key of the epoch's logs, such as `val_loss`.
        patience: epochs without improvement before training stops; None never stops, and only keeps the best weights.
        **options: as for `keras.callbacks.EarlyStopping`; `restore_best_weights` is True here, as a run that was stopped late wants it.

    Raises:
        UserError: after the first epoch, when the logs have no such metric (Keras warns, and never stops).

    Example:
    ```python
    import keras, numpy
    from hornbook.training import EarlyStopping

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(inputs, targets, epochs=9, validation_split=0.5, callbacks=[EarlyStopping("val_loss", patience=2)], verbose=0)
    ```
    """

    _STATE = ("wait", "stopped_epoch", "best", "best_epoch")

    def __init__(self, monitor="val_loss", patience=None, **options):
        super().__init__(monitor, patience=math.inf if patience is None else patience, **{"restore_best_weights": True, **options})
        self.best_epoch = 0
        self._restored = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if self._restored is not None:
            values, self.best_weights = self._restored
            _refuse_other_weights(self.model, self.best_weights)
            for name, value in values.items():
                setattr(self, name, value)
            self._restored = None

    def on_epoch_end(self, epoch, logs=None):
        # Before Keras looks for the metric's direction, where it would complain of something else.
        if self.monitor not in logs:
            raise UserError(f"early stopping monitors {self.monitor!r}, which is not reported; there are {', '.join(sorted(logs))}")
        with averaged_weights(self.model):
            super().on_epoch_end(epoch, logs)

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        best = None if self.best is None else float(self.best)
        return {**{name: getattr(self, name) for name in self._STATE}, "best": best}, self.best_weights or []

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result at the beginning of the next `fit`; of values of another kind a `UserError`."""
        if self.model is not None:
            _refuse_other_weights(self.model, arrays)
        self._restored = records.plain(records.checked(values, _Stopping, "early stopping")), arrays or None


class ReduceOnPlateau(keras.callbacks.ReduceLROnPlateau):
    """Keras' `ReduceLROnPlateau` with a warm-up, that refuses a metric that does not exist, and can be resumed.

    The optimizer's learning rate must be a number, not a schedule.

    Args:
        monitor: a key of the epoch's logs, such as `val_loss`.
        patience: epochs without improvement before the learning rate is lowered.
        warmup_steps: batches of a linear rise from 0 to the optimizer's learning rate; epochs that end within it are not judged.
        **options: as for `keras.callbacks.ReduceLROnPlateau`: `factor` is 0.1, for one.

    Raises:
        UserError: after an epoch whose logs have no such metric (Keras warns, and never lowers it).

    Example:
    ```python
    import keras, numpy
    from hornbook.training import ReduceOnPlateau

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(inputs, targets, epochs=9, validation_split=0.5, callbacks=[ReduceOnPlateau(patience=2, warmup_steps=1)], verbose=0)
    ```
    """

    _STATE = ("wait", "cooldown_counter", "best", "peak", "step")

    def __init__(self, monitor="val_loss", patience=10, *, warmup_steps=0, **options):
        super().__init__(monitor, patience=patience, **options)
        self.warmup_steps = warmup_steps
        self.peak, self.step = None, 0
        self._restored = None

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        # What the optimizer was made with, not what a training before left.
        self.peak, self.step = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate)), 0
        for name, value in (self._restored or {}).items():
            setattr(self, name, value)
        self._restored = None

    def on_train_batch_begin(self, batch, logs=None):
        self.step += 1
        if self.step <= self.warmup_steps:
            # JAX keeps the state of a training outside the variables until it is asked for.
            if keras.backend.backend() == "jax":
                self.model.jax_state_sync()
            self.model.optimizer.learning_rate = self.peak * self.step / self.warmup_steps

    def on_epoch_end(self, epoch, logs=None):
        if self.monitor not in logs:
            raise UserError(f"the learning rate follows {self.monitor!r}, which is not reported; there are {', '.join(sorted(logs))}")
        if self.step >= self.warmup_steps:
            super().on_epoch_end(epoch, dict(logs))  # A copy: Keras adds the learning rate, which the history has in a place of its own.

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        best = None if self.best is None else float(self.best)
        return {**{name: getattr(self, name) for name in self._STATE}, "best": best}, []

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result at the beginning of the next `fit`; of values of another kind a `UserError`."""
        self._restored = records.plain(records.checked(values, _Plateau, "the plateau"))


class History(keras.callbacks.Callback):
    """`history.csv`: a row an epoch, with the learning rate and the seconds since the run's beginning; rewritten whole, so never cut off.

    Args:
        path: of the file.

    Attributes:
        rows: list of dicts, one an epoch.
        seconds_before: what a run that is resumed had taken until its checkpoint.

    Example:
    ```python
    import keras
    import numpy
    import tempfile
    from hornbook.training.callbacks import History

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    with tempfile.TemporaryDirectory() as folder:
        model.fit(inputs, targets, epochs=3, callbacks=[History(f"{folder}/history.csv")], verbose=0)
    ```
    """

    def __init__(self, path):
        super().__init__()
        self.path, self.rows = path, []
        self.seconds_before = 0.0

    def on_train_begin(self, logs=None):
        self._started = time.monotonic()

    def on_epoch_end(self, epoch, logs=None):
        seconds = round(self.seconds_before + time.monotonic() - self._started, 3)
        rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        logs = {name: float(value) for name, value in logs.items()}
        self.rows.append({"epoch": epoch + 1, **logs, "learning_rate": rate, "seconds": seconds})
        self.write()

    def write(self):
        """Write the file from the rows there are."""
        if not self.rows:
            return
        text = io.StringIO()
        # Not every epoch has every column: validation may be every other epoch's.
        columns = dict.fromkeys(name for row in sorted(self.rows, key=len, reverse=True) for name in row)
        writer = csv.DictWriter(text, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        files.write_text(self.path, text.getvalue())

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        return {"rows": self.rows}, []

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result; of values of another kind a `UserError`."""
        rows = records.checked(values, _Rows, "the history").rows
        numbered = [row.get("epoch") for row in rows] == list(range(1, len(rows) + 1))
        if not numbered or not all(0 <= row.get("seconds", -1) < math.inf for row in rows):
            raise UserError("the history's rows are not those of the epochs 1, 2, 3 and so on, with their seconds")
        self.rows = values["rows"]
        self.seconds_before = self.rows[-1]["seconds"]
        self.write()


class StopWhenLost(keras.callbacks.Callback):
    """Stop a training whose loss is no longer a finite number, and say what would mend it, before a checkpoint keeps it.

    Args:
        findings: function to what is known about it, a list of `diagnosis.Finding`; the first is told.

    Raises:
        TrainingLost: after the epoch in which it happened; a `UserError`.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training.callbacks import StopWhenLost

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(inputs, targets, epochs=3, callbacks=[StopWhenLost()], verbose=0)
    ```
    """

    def __init__(self, findings=list):
        super().__init__()
        self.findings = findings

    def on_epoch_end(self, epoch, logs=None):
        if not math.isfinite(logs["loss"]):
            rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
            known = self.findings()
            advice = str(known[0]) if known else "lower --learning-rate, add --warmup-epochs, or cut the gradients with --clip-norm 1"
            message = f"the loss is {logs['loss']} after epoch {epoch + 1}, at a learning rate of {rate:.3g}: {advice}"
            raise TrainingLost(message, [finding.to_json() for finding in known])


class Progress(keras.callbacks.Callback):
    """One bar over the whole training, with the time left and the last epoch's scores; nothing where the output is not a terminal.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training.callbacks import Progress

    inputs, targets = numpy.ones((64, 3)), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(inputs, targets, epochs=3, callbacks=[Progress()], verbose=0)
    ```
    """

    async_safe = True  # It reads no logs between epochs, so no step has to wait for them.

    def __init__(self, first_epoch=0):
        super().__init__()
        self.first_epoch = first_epoch

    def on_train_begin(self, logs=None):
        from tqdm import tqdm

        steps, epochs = self.params["steps"], self.params["epochs"]
        # Short, so that a terminal of 80 columns shows the validation scores, which come first.
        form = "{desc}{percentage:3.0f}%|{bar:10}| {elapsed}<{remaining}{postfix}"
        self._bar = tqdm(total=steps * epochs, initial=steps * self.first_epoch, disable=None, dynamic_ncols=True, bar_format=form)

    def on_train_batch_end(self, batch, logs=None):
        self._bar.update()

    def on_epoch_end(self, epoch, logs=None):
        names = sorted((name for name in logs if name != "learning_rate"), key=lambda name: not name.startswith("val_"))
        scores = {name: f"{logs[name]:.3g}" for name in names}
        self._bar.set_description(f"epoch {epoch + 1}/{self.params['epochs']}", refresh=False)
        self._bar.set_postfix(scores)

    def on_train_end(self, logs=None):
        self._bar.close()
