"""Structured pruning: whole channels go that matter least, so that the network is smaller and faster and not only sparse."""

import keras
import numpy as np

from hornbook import UserError
from hornbook.training.smaller.coupling import STAYS, Coupling
from hornbook.training.updates.pruning import GradualPruning, check_share, wake

# Of attention and recurrent layers biases have two axes as kernels have, and PReLU's slopes up to three.
_NO_SIZE = ("bias", "alpha")


def smaller(model, share):
    """A copy of a model without a share of its channels, those that matter least; train it on, as it has lost some of what it knew.

    Channels of convolutions, units of dense and recurrent layers and heads of attention, each with all that only it has in other layers:
    of what is added to each other, as the blocks of a residual network add to one sum, the same ones go everywhere. The last layer's stay.

    Args:
        model: functional or sequential `keras.Model`, trained; it is not changed.
        share: in [0, 1), of the channels of each layer, or of layers that are added to each other; one stays at least.

    Returns:
        An uncompiled `keras.Model` of the same inputs, outputs and names.

    Raises:
        UserError: a share that is not one, or a network all of whose channels must stay, with the layers in whose way that is.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.smaller import channels

    model = models.resnet20((8, 8, 1), 10)
    print(model.count_params(), channels.smaller(model, 0.5).count_params())
    ```
    """
    check_share(share, "channels")
    coupling = Coupling(model)
    return coupling.without(model, [label for one in coupling.sets for label in _least(coupling, one, share)])


def without_zeros(model):
    """A copy of a model without the channels for which every kernel has zeros: what it computes is the same.

    Args:
        model: as of `smaller`, such as one that was trained with `GradualChannels`.

    Example:
    ```python
    import numpy
    from hornbook import models
    from hornbook.training.smaller import channels

    model = models.mlp((4,), 3, depth=2, width=16, normalization="none")
    first, last = model.get_layer("dense1").kernel, model.get_layer("logits").kernel
    first.assign(first * (numpy.arange(16) < 10))
    last.assign(last * (numpy.arange(16) < 10)[:, None])
    print(channels.without_zeros(model).get_layer("dense1").units)  # 10
    ```
    """
    coupling = Coupling(model)
    return coupling.without(model, [label for one in coupling.sets for label in one[_zeros(coupling, one)]])


def sized_as(model, other):
    """A copy of a model with as many channels as another of the same layers has left; the model itself where that is not what differs.

    Args:
        model: as of `smaller`.
        other: `keras.Model` that was built alike, of which channels were taken out, and whose last layer may have another size.

    Example:
    ```python
    from hornbook import models
    from hornbook.training.smaller import channels

    other = channels.smaller(models.cnn((8, 8, 1), 10), 0.5)
    print(channels.sized_as(models.cnn((16, 16, 1), 3), other).get_layer("stage1_conv1").filters)  # 8
    ```
    """
    own, others = model.weights, other.weights
    if [len(one.shape) for one in own] != [len(one.shape) for one in others]:
        return model
    try:
        coupling = Coupling(model)
    except UserError:
        return model
    there = {id(one): two.shape for one, two in zip(own, others, strict=True)}
    slots = [slot for slot in coupling.slots if id(slot.variable) in there]
    # How many of each set make up each axis: as many unknowns as sets.
    counts = np.array([[np.isin(slot.labels, one).sum() / len(one) for one in coupling.sets] for slot in slots])
    sizes = np.array([there[id(slot.variable)][slot.axis] - (slot.labels == STAYS).sum() for slot in slots])
    left = np.round(np.linalg.lstsq(counts, sizes, rcond=None)[0]).astype(int)
    most = np.array([len(one) for one in coupling.sets])
    if (counts @ left != sizes).any() or (left < 1).any() or (left > most).any() or (left == most).all():
        return model
    return coupling.without(model, [label for one, count in zip(coupling.sets, left, strict=True) for label in one[count:]])


def _values(coupling, labels):
    """For each variable with channels of a set: the `Slot`, its values there `(places, others)`, and of each place the channel's index."""
    for slot in coupling.slots:
        inside = np.isin(slot.labels, labels)
        if inside.any():
            values = np.moveaxis(keras.ops.convert_to_numpy(slot.variable), slot.axis, 0).reshape(len(slot.labels), -1)
            yield slot, values[inside], np.searchsorted(labels, slot.labels[inside])


def _zeros(coupling, labels):
    """Which channels of a set have zeros alone in all kernels: bool array."""
    used = np.zeros(len(labels), int)
    for slot, values, places in _values(coupling, labels):
        if len(slot.variable.shape) > 1:
            np.add.at(used, places, (values != 0).sum(axis=1))
    return used == 0


def _importance(coupling, labels):
    """How much the channels of a set matter among each other, float64: how large they are, times how much of them is read.

    A channel is as large as the scale of its normalization, or where there is none its weights in the kernels that make it. Of either, as
    of the kernels that read it, the squares of its weights count, by their mean over the channels, so that each layer weighs the same.
    """
    sums = {"makes": np.zeros(len(labels)), "scales": np.zeros(len(labels)), "reads": np.zeros(len(labels))}
    for slot, values, places in _values(coupling, labels):
        if slot.variable.name in _NO_SIZE or (len(slot.variable.shape) == 1 and slot.variable.name != "gamma"):
            continue
        squares = np.zeros(len(labels))
        np.add.at(squares, places, np.square(values, dtype=np.float64).sum(axis=1))
        role = "reads" if slot.reads else "makes" if len(slot.variable.shape) > 1 else "scales"
        sums[role] += squares / (squares.mean() or 1.0)
    return sums["reads"] * (sums["scales"] if sums["scales"].any() else sums["makes"])


def _least(coupling, labels, share):
    """The channels of a set that are to go: those that matter least, among equals the first."""
    count = min(round(share * len(labels)), len(labels) - 1)
    return labels[np.argsort(_importance(coupling, labels), kind="stable")[:count]]


class GradualChannels(GradualPruning):
    """Make the channels 0 that matter least, a little more before each epoch, and take them out at the end.

    As `updates.pruning.GradualPruning`, but for whole channels: of each layer, or of layers that are added to each other, the same share.
    What is 0 stays so, the model being one that keeps its zeros (`keep_zeros`); so it is in every checkpoint. Biases and normalization of
    such a channel are left alone: nothing reads them.

    Args:
        final: share of the channels that are 0 at the end, from 0 to below 1.
        epochs: of the whole training.
        begin, end: as of `GradualPruning`, both earlier: what is left has more to make up for (measured, benchmarks/notes/smaller.md).

    Raises:
        UserError: a share that is not one.

    Example:
    ```python
    import keras
    from hornbook import models
    from hornbook.training.smaller import channels
    from hornbook.training.updates import pruning

    model = models.cnn((8, 8, 1), 10)
    pruning.keep_zeros(model).compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    gradual = channels.GradualChannels(0.5, epochs=3)
    images, labels = keras.random.normal((64, 8, 8, 1)), keras.ops.zeros((64,), "int32")
    model.fit(images, labels, epochs=3, callbacks=[gradual], verbose=0)
    print(model.count_params(), gradual.finished(model).count_params())
    ```
    """

    def __init__(self, final, epochs, begin=0.1, end=0.5):
        super().__init__(final, epochs, begin, end)
        self._coupling = self._told = None

    @property
    def told(self):
        """For `result.json`: how many channels there were, the share of them that went, and the parameters that there were with them."""
        return {"pruned": self._told}

    def finished(self, model):
        """The model without its channels that are 0."""
        coupling = Coupling(model)
        gone = [label for one in coupling.sets for label in one[_zeros(coupling, one)]]
        channels = sum(map(len, coupling.sets))
        self._told = {"channels": channels, "share": round(len(gone) / channels, 6), "parameters": model.count_params()}
        return coupling.without(model, gone)

    def on_epoch_begin(self, epoch, logs=None):
        self._coupling = self._coupling or Coupling(self.model)
        if epoch <= self.begin:  # Nothing was pruned yet.
            wake([slot.variable for slot in self._coupling.slots if len(slot.variable.shape) > 1])
        if share := self.share(epoch):
            gone = np.concatenate([_least(self._coupling, one, share) for one in self._coupling.sets])
            _make_0(self._coupling, gone)


def _make_0(coupling, labels):
    """Put zeros for channels into every kernel."""
    for slot in coupling.slots:
        inside = np.isin(slot.labels, labels)
        if len(slot.variable.shape) > 1 and inside.any():
            values = keras.ops.convert_to_numpy(slot.variable)
            others = tuple(axis for axis in range(values.ndim) if axis != slot.axis)
            slot.variable.assign(np.where(np.expand_dims(inside, others), 0, values).astype(values.dtype))
