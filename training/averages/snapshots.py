"""Snapshots of one training at the ends of its learning rate's cycles, averaged as an ensemble (Huang et al. 2017)."""

import keras
import msgspec
import numpy as np

from hornbook import UserError, records
from hornbook.training.classical.mixing import weighted_mean


class _Taken(msgspec.Struct):
    epochs: list[records.Size]


class Snapshots(keras.callbacks.Callback):
    """Keep a model's weights and statistics at the ends of some epochs: those at which a cycle of the learning rate ends.

    Huang et al. (2017), "Snapshot Ensembles: Train 1, Get M for Free". The training is not changed. `model` makes one model of them.

    Args:
        epochs: numbers of the epochs, from 1, at whose ends a snapshot is taken.

    Attributes:
        taken: dict of such a number to a list of arrays, as of `get_weights`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import Snapshots, schedule, schedules

    inputs, labels = numpy.random.rand(64, 3), numpy.arange(64) % 2
    rate = schedule("restarts", 0.1, steps_per_epoch=2, epochs=10, warmup_epochs=0, cycles=5)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    network.compile(keras.optimizers.SGD(rate), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    snapshots = Snapshots(schedules.cycle_ends(10, 5)[-3:])
    network.fit(inputs, labels, epochs=10, callbacks=[snapshots], verbose=0)
    print(snapshots.model_of(network)(inputs[:4]))
    ```
    """

    def __init__(self, epochs):
        super().__init__()
        self.epochs, self.taken = frozenset(epochs), {}
        self._restored = False

    def on_train_begin(self, logs=None):
        if not self._restored:
            self.taken = {}
        shapes = [tuple(weight.shape) for weight in self.model.weights]
        if any([array.shape for array in arrays] != shapes for arrays in self.taken.values()):
            raise UserError("the snapshots are of another model")
        self._restored = False

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 in self.epochs:
            self.taken[epoch + 1] = [np.array(array) for array in self.model.get_weights()]

    def model_of(self, network, activation="softmax"):
        """One model of all snapshots, from their inputs to the mean of their probabilities, or numbers.

        Args:
            network: functional `keras.Model`, or `Sequential`, of one input and one output, whose weights they are; it is copied by its
                description, as a saved model is.
            activation: as of `classical.mixing.mixed`.

        Returns:
            `keras.Model`, of as many networks as there are snapshots; `network` itself where there is none or, at the end of a training,
            one alone.
        """
        if len(self.taken) < 2:
            return network
        plain = keras.Model(network.inputs, network.outputs, name=network.name)  # Without a class of our own.
        [received] = network.inputs
        inputs, outputs = keras.Input(received.shape[1:], dtype=received.dtype, name=received.name), []
        for number, epoch in enumerate(sorted(self.taken), start=1):
            copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(plain))  # Which Keras takes apart.
            copy.set_weights(self.taken[epoch])
            outputs.append(keras.Model(copy.inputs[0], copy.outputs[0], name=f"snapshot{number}")(inputs))
        mean = weighted_mean(outputs, [1 / len(outputs)] * len(outputs), activation)
        return keras.Model(inputs, mean, name=network.name)

    @property
    def told(self):
        """For a result: {"snapshots": of which epochs}."""
        return {"snapshots": sorted(self.taken)}

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        return {"epochs": sorted(self.taken)}, [array for epoch in sorted(self.taken) for array in self.taken[epoch]]

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result at the beginning of the next `fit`; of values of another kind a `UserError`."""
        epochs = records.checked(values, _Taken, "the snapshots").epochs
        each, rest = divmod(len(arrays), len(epochs)) if epochs else (0, len(arrays))
        if rest or (epochs and not each) or epochs != sorted(set(epochs) & self.epochs):
            raise UserError(f"snapshots of the epochs {epochs} with {len(arrays)} arrays cannot be; they are of {sorted(self.epochs)}")
        if any(array.dtype.kind not in "fiub" or not np.isfinite(array).all() for array in arrays):
            raise UserError("a snapshot's weights are finite numbers")
        self.taken = {epoch: list(arrays[place * each : (place + 1) * each]) for place, epoch in enumerate(epochs)}
        self._restored = True
