"""Stochastic weight averaging: the plain mean of the weights at the ends of a training's last epochs (Izmailov et al. 2018)."""

import keras
import msgspec
import numpy as np

from hornbook import UserError, records, terminal
from hornbook.training.averages.statistics import renew_statistics


class _Averaged(msgspec.Struct):
    count: records.Count


class StochasticWeightAverage(keras.callbacks.Callback):
    """Leave in the model the mean of its weights at the ends of some epochs, with batch normalization's statistics computed for it.

    Izmailov et al. (2018), "Averaging Weights Leads to Wider Optima and Better Generalization", algorithm 1, without the weights with which
    the averaging begins. The training itself goes on with the weights as they are, and validation scores are theirs; at the end of `fit`
    the model has the average. Weights with a constraint are put back under it. It is meant for a learning rate that does not fall to 0
    while it averages: constant (`schedule(held_after=...)`) or in cycles.

    Args:
        epochs: numbers of the epochs, from 1, at whose ends the weights count.
        batches: function to what `statistics.renew_statistics` takes of batches; called once, and only for a model that needs it.
        steps: how many of these batches.

    Attributes:
        count: how many weights the mean is of so far.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import StochasticWeightAverage

    inputs, targets = numpy.random.rand(64, 3), numpy.ones((64, 1))
    model = keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.05), "mse")
    average = StochasticWeightAverage(epochs=range(7, 11), batches=lambda: inputs, steps=2)
    model.fit(inputs, targets, epochs=10, callbacks=[average], verbose=0)
    ```
    """

    def __init__(self, epochs, batches, steps):
        super().__init__()
        self.epochs, self.batches, self.steps = frozenset(epochs), batches, steps
        self.count, self._means = 0, []
        self._restored = False

    def on_train_begin(self, logs=None):
        if not self._restored:
            self.count, self._means = 0, []
        elif [mean.shape for mean in self._means] != [tuple(one.shape) for one in self.model.trainable_variables] and self.count:
            raise UserError("the average is of other weights than the model's")
        self._restored = False

    def on_epoch_end(self, epoch, logs=None):
        if epoch + 1 not in self.epochs:
            return
        weights = [np.array(keras.ops.convert_to_numpy(one), "float32") for one in self.model.trainable_variables]
        self.count += 1
        # In float32, as they are kept by a checkpoint: what goes on is what would have gone on.
        pairs = zip(self._means, weights, strict=True) if self._means else ((one, one) for one in weights)
        self._means = [mean + (one - mean) / np.float32(self.count) for mean, one in pairs]

    def on_train_end(self, logs=None):
        if not self.count:
            return
        for variable, mean in zip(self.model.trainable_variables, self._means, strict=True):
            variable.assign(mean)
            if variable.constraint is not None:
                variable.assign(variable.constraint(keras.ops.convert_to_tensor(variable)))
        terminal.say(f"weights averaged over the ends of {self.count:,} epochs")
        renew_statistics(self.model, self.batches(), self.steps)

    @property
    def told(self):
        """For a result: {"swa": over how many epochs}."""
        return {"swa": self.count}

    def get_state(self):
        """What a checkpoint keeps: JSON values, and a list of arrays."""
        return {"count": self.count}, self._means

    def set_state(self, values, arrays):
        """Go on from `get_state`'s result at the beginning of the next `fit`; of values of another kind a `UserError`."""
        kept = records.checked(values, _Averaged, "the average of weights")
        if kept.count > len(self.epochs) or bool(arrays) != bool(kept.count):
            raise UserError(f"an average over {kept.count} epochs of {len(self.epochs)} with {len(arrays)} arrays cannot be")
        if any(one.dtype != np.float32 or not np.isfinite(one).all() for one in arrays):
            raise UserError("an average is of finite numbers in float32")
        self.count, self._means, self._restored = kept.count, list(arrays), True
