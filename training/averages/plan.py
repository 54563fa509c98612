"""Which averages a training ends with, by the options of a recipe: the epochs that they are of, and their callbacks."""

import dataclasses

from hornbook import UserError
from hornbook.training import schedules
from hornbook.training.averages.snapshots import Snapshots
from hornbook.training.averages.stochastic import StochasticWeightAverage
from hornbook.training.builders import activation_for

_LEAST = 2  # Of what an average is of.


@dataclasses.dataclass(frozen=True)
class Averages:
    """The averages of one training.

    Attributes:
        callbacks: list of `StochasticWeightAverage` or `Snapshots`; empty without.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.averages import plan

    averages = plan.averages(None, 2, epochs=4, cycles=2, snapshots=2)
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    network.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    network.fit(numpy.random.rand(64, 3), numpy.arange(64) % 2, epochs=4, callbacks=averages.callbacks, verbose=0)
    print(averages.of(network, "classification"), averages.told)
    ```
    """

    callbacks: list

    def of(self, model, task):
        """The trained model, or the average of its snapshots.

        Args:
            model: the trained one, in which averaged weights are already.
            task: of the dataset, as of `builders.activation_for`.
        """
        for one in self.callbacks:
            if isinstance(one, Snapshots):
                return one.model_of(model, activation_for(task, model.output_shape[-1]))
        return model

    @property
    def told(self):
        """What was averaged, for `result.json`: {"swa": how many epochs} or {"snapshots": which epochs}, or {}."""
        return {name: value for one in self.callbacks for name, value in one.told.items()}


def averages(batches, steps, *, epochs, swa=0.0, cycles=None, snapshots=0):
    """The `Averages` of a training.

    Args:
        batches: function `(first_epoch=, epochs=)` to batches of the training examples as they are: what the saved model will be given has
            no augmentation.
        steps: of an epoch of them.
        epochs: of the training.
        swa: share of the epochs after which weights are averaged; 0 for never.
        cycles: of the learning rate, `schedules.cycle_ends`; None for none.
        snapshots: at the ends of the last so many cycles; 0 for none.

    Raises:
        UserError: there would be less than two to average.

    Example:
    ```python
    from hornbook.training.averages import plan

    [average] = plan.averages(None, 10, epochs=8, swa=0.75).callbacks
    assert average.epochs == {7, 8}
    ```
    """
    if snapshots:
        return Averages([Snapshots(schedules.cycle_ends(epochs, cycles)[-snapshots:])])
    if not swa:
        return Averages([])
    ends = schedules.cycle_ends(epochs, cycles) if cycles else range(1, epochs + 1)
    counted = [end for end in ends if end > _before(epochs, swa)]
    if len(counted) < _LEAST:
        of = f"the ends of {cycles} cycles" if cycles else f"{epochs} epochs"
        raise UserError(f"--swa {swa:g} leaves {len(counted)} of {of} to average; pass a smaller share, or more of them")
    # An epoch that the training has not: an order of its own.
    return Averages([StochasticWeightAverage(counted, lambda: batches(first_epoch=epochs, epochs=epochs + 1), steps)])


def held_after(epochs, swa, cycles=None):
    """The epochs after which a learning rate stays what it is, for weights that are averaged; None without, or with cycles.

    Example:
    ```python
    from hornbook.training.averages import plan

    assert plan.held_after(epochs=8, swa=0.75) == 6
    ```
    """
    return _before(epochs, swa) if swa and not cycles else None


def _before(epochs, swa):
    return max(1, round(swa * epochs))
