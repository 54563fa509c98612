"""Checkpoints from which a run goes on as if it had not been cut off, bit for bit."""

import io
import json
import math
import pathlib
import zipfile
from typing import Annotated

import keras
import msgspec
import numpy as np

from hornbook import UserError, files, records

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
        options: of the training, a dict of JSON values; a file of a training with others is refused.

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

    def __init__(self, path, callbacks=(), every=1, options=None):
        super().__init__()
        self.path, self.every = pathlib.Path(path), every
        self.callbacks, self.options = list(callbacks), json.loads(json.dumps(options or {}))  # A tuple is a list in the file.

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
        about = {"format": _FORMAT, "next_epoch": next_epoch, "paths": paths, "callbacks": states, "options": self.options}
        with files.atomic(self.path) as temporary:
            np.savez(temporary, about=np.array(json.dumps(about)), **arrays)

    def restore(self, model, epochs=None):
        """Put the file's state into a compiled model and the callbacks, all of it or, where anything is wrong, none.

        Args:
            model: compiled.
            epochs: of the whole training, which the file cannot be past; None for not known.

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
        about, arrays = _read(self.path)
        variables = _variables(model)
        if about.format != _FORMAT or len(about.callbacks) != len(self.callbacks) or len(about.paths) != len(variables):
            raise self._of_another()
        self._refuse_other_options(about.options)
        if epochs is not None and about.next_epoch > epochs:
            raise UserError(
                f"{self.path} goes on with epoch {about.next_epoch + 1}, and the training has {epochs}; remove it to begin again"
            )
        for place, variable in enumerate(variables):
            self._refuse_value(variable, arrays.get(f"variable{place}"), of_model=place < len(model.variables))
        own = [[arrays.get(f"callback{place}_{number}") for number in range(one.arrays)] for place, one in enumerate(about.callbacks)]
        if any(array is None for some in own for array in some):
            raise self._of_another()
        for callback, state, some in zip(self.callbacks, about.callbacks, own, strict=True):
            self._give(callback, state.values, some)
        for place, variable in enumerate(variables):
            variable.assign(arrays[f"variable{place}"])
        return about.next_epoch

    def _refuse_other_options(self, theirs):
        for name in sorted(theirs.keys() | self.options.keys()):
            if theirs.get(name) != self.options.get(name):
                raise UserError(
                    f"{self.path} is of a training with {name} {theirs.get(name)}, and this one has {self.options.get(name)}; "
                    "restore the run's config.json and chosen.json, or remove the folder to begin again"
                )

    def _of_another(self):
        return UserError(f"{self.path} is of another model, optimizer or callbacks; resume with the options that began the run")

    def _refuse_value(self, variable, value, of_model):
        """Refuse what a variable cannot have been at an epoch's end."""
        if value is None or value.shape != tuple(variable.shape):
            raise self._of_another()
        as_kept = keras.ops.convert_to_numpy(variable).dtype
        if value.dtype != as_kept:
            raise UserError(f"{self.path} has {value.dtype} for {variable.path}, which is {as_kept}; remove it to begin again")
        # An optimizer's factor may grow past all numbers and come back; a weight does not.
        if value.dtype.kind == "f" and not (np.isfinite(value).all() if of_model else not np.isnan(value).any()):
            raise UserError(f"{self.path} has what is no finite number in {variable.path}; remove it to begin again")

    def _give(self, callback, values, arrays):
        """Have a callback take its state, of which only it knows what it can be."""
        try:
            callback.set_state(values, arrays)
        except (UserError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            name = type(callback).__name__
            raise UserError(f"{self.path} has a state of {name} that cannot be: {error}; remove it to begin again") from error


def refuse_other_history(path, rows, first_epoch, epochs):
    """Refuse a checkpoint whose history is of another epoch than its weights; of a training that has ended early it is shorter.

    Args:
        path: of the file.
        rows: epochs of the history.
        first_epoch: what `restore` gave.
        epochs: of the whole training.

    Raises:
        UserError: with both.

    Example:
    ```python
    from hornbook.training import checkpoint

    checkpoint.refuse_other_history("last.npz", rows=3, first_epoch=3, epochs=10)
    ```
    """
    if rows > first_epoch or (rows < first_epoch and (first_epoch != epochs or not rows)):
        raise UserError(f"{path} has a history of {rows} epochs and goes on with epoch {first_epoch + 1}; remove it to begin again")


class _State(msgspec.Struct):
    values: dict
    arrays: Annotated[int, msgspec.Meta(ge=0, le=2**20)]


class _About(msgspec.Struct):
    """What a checkpoint says of itself, JSON in its array `about`; Python's, as a callback may remember a NaN."""

    format: int
    next_epoch: records.Count
    paths: list[str]
    callbacks: list[_State]
    options: dict[str, records.Option] = {}


def _read(path):
    """`_About` and the arrays by name of a checkpoint."""
    try:
        with files.opened(path) as file, zipfile.ZipFile(file) as archive:
            arrays = {entry.filename.removesuffix(".npy"): _array(archive, entry) for entry in archive.infolist()}
        about = json.loads(str(arrays["about"]), object_pairs_hook=records.once)
    # zipfile raises six kinds, zlib's among them.
    except Exception as error:
        raise UserError(f"{path} is not a whole checkpoint ({error}); remove it to begin again") from error
    return records.checked(about, _About, path), arrays


def _array(archive, entry):
    """An array of the archive, which takes no more memory than the file has bytes, whatever it says of itself."""
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
        raise ValueError(f"{entry.filename} is compressed, which no checkpoint is")
    content = io.BytesIO(archive.read(entry))
    version = np.lib.format.read_magic(content)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran_order, dtype = header(content)
    size = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=0) < 0 or size != len(content.getbuffer()) - content.tell():
        raise ValueError(f"{entry.filename} does not hold the numbers that it says")
    array = np.frombuffer(content.getbuffer(), dtype, math.prod(shape), content.tell())
    return array.reshape(shape, order="F" if fortran_order else "C")


def _variables(model):
    """Everything that training changes: the model's variables, seed states among them, and the optimizer's."""
    return [*model.variables, *model.optimizer.variables]


def size_in_bytes(model, snapshots=0):
    """What a run of this compiled model needs on disk: two checkpoints while one replaces the other, with best weights, and the model.

    Args:
        model: compiled.
        snapshots: that the checkpoints keep, and of which the saved model then is.
    """
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    weights = 4 * model.count_params()
    state = 4 * sum(math.prod(variable.shape) for variable in _variables(model))
    return 2 * (state + weights) + weights + 3 * snapshots * weights
