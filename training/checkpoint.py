"""Checkpoints from which a run goes on as if it had not been cut off, bit for bit."""

import json
import math
import pathlib
import zipfile

import keras
import numpy as np

from hornbook import UserError, files

_FORMAT = 1


class Checkpoint(keras.callbacks.Callback):
    """Keep all that a run needs to go on, after epochs, in one file that is replaced in whole.

    That is: weights, moving statistics, the states of dropout's random numbers (which neither Keras' `save` nor `save_weights` keeps), the
    optimizer with its averages and step, and what the other callbacks remember. Order and augmentation need no state
    (see `batches`). Put it last among the callbacks, so that it sees them after the epoch.

    Args:
        path: of the file, `.npz`; its folder must exist.
        callbacks: those with `get_state() -> (json_values, arrays)` and `set_state(json_values, arrays)`; always the same, in one order.
        every: epochs between two files; where epochs are of a few steps, writing would take longer than training. The last is kept always.

    Example:
    ```python
    import keras, numpy, pathlib, tempfile
    from hornbook.training import Checkpoint

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    checkpoint = Checkpoint(pathlib.Path(tempfile.mkdtemp()) / "last.npz")
    first_epoch = checkpoint.restore(model)  # 0 the first time
    model.fit(numpy.ones((8, 3)), numpy.ones((8, 1)), initial_epoch=first_epoch, epochs=3, callbacks=[checkpoint], verbose=0)
    ```
    """

    def __init__(self, path, callbacks=(), every=1):
        super().__init__()
        self.path, self.every = pathlib.Path(path), every
        self.callbacks = list(callbacks)

    def on_epoch_end(self, epoch, logs=None):
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if not last and (epoch + 1) % self.every:
            return
        # A run that stopped early has no next epoch: resumed, it only finishes.
        self.save(self.params["epochs"] if self.model.stop_training else epoch + 1)

    def save(self, next_epoch):
        """Write the file; `next_epoch` is the one that a resumed run begins with, from 0."""
        arrays = {f"variable{place}": keras.ops.convert_to_numpy(variable) for place, variable in enumerate(_variables(self.model))}
        states = []
        for place, callback in enumerate(self.callbacks):
            values, callback_arrays = callback.get_state()
            states.append({"values": values, "arrays": len(callback_arrays)})
            arrays |= {f"callback{place}_{number}": array for number, array in enumerate(callback_arrays)}
        paths = [variable.path for variable in _variables(self.model)]
        about = {"format": _FORMAT, "next_epoch": next_epoch, "paths": paths, "callbacks": states}
        with files.atomic(self.path) as temporary:
            np.savez(temporary, about=np.array(json.dumps(about)), **arrays)

    def restore(self, model):
        """Put the file's state into a compiled model and the callbacks.

        Returns:
            The epoch to go on with, from 0; 0 where there is no file.

        Raises:
            UserError: the file is broken, or of another model.
        """
        optimizer = model.optimizer
        if not optimizer.built:
            optimizer.build(model.trainable_variables)
        if not self.path.exists():
            return 0
        try:
            with files.opened(self.path) as opened, np.load(opened, allow_pickle=False) as file:
                about = json.loads(str(file["about"]))
                arrays = {name: file[name] for name in file.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise UserError(f"{self.path} is not a whole checkpoint ({error}); remove it to begin again") from error
        variables = _variables(model)
        shapes = [arrays[f"variable{place}"].shape for place in range(len(about["paths"]))]
        same = about["format"] == _FORMAT and len(about["callbacks"]) == len(self.callbacks)
        if not same or shapes != [tuple(variable.shape) for variable in variables]:
            raise UserError(f"{self.path} is of another model, optimizer or callbacks; resume with the options that began the run")
        for place, variable in enumerate(variables):
            variable.assign(arrays[f"variable{place}"])
        for place, (callback, state) in enumerate(zip(self.callbacks, about["callbacks"], strict=True)):
            callback.set_state(state["values"], [arrays[f"callback{place}_{number}"] for number in range(state["arrays"])])
        return about["next_epoch"]


def _variables(model):
    """Everything that training changes: the model's variables, seed states among them, and the optimizer's."""
    return [*model.variables, *model.optimizer.variables]


def size_in_bytes(model):
    """What a run of this compiled model needs on disk: two checkpoints while one replaces the other, with best weights, and the model."""
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    weights = 4 * model.count_params()
    state = 4 * sum(math.prod(variable.shape) for variable in _variables(model))
    return 2 * (state + weights) + weights
