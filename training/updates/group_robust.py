"""Group distributionally robust optimization: the loss of the groups that do worst counts most (Sagawa et al. 2020)."""

import math

import keras
import numpy as np

from hornbook import UserError
from hornbook.training.updates.steps import with_step

_AT_A_TIME = 256


def group_robust(model, sizes, *, step=0.01, adjustment=0.0):
    """Have `fit` of a model learn for the group that does worst, in place of the mean over all examples.

    "Distributionally Robust Neural Networks for Group Shifts" (Sagawa et al. 2020, algorithm 1): each group has a weight, all together 1.
    A batch multiplies the weight of each of its groups by exp(step * loss), the mean loss of the group's examples in it, and the loss of
    the batch is the sum of the groups' losses, each times its weight. A group that does badly comes to count more and more.

    A network that can learn every training example by heart brings the loss of every group to 0, whatever their weights, and is no better
    on new examples of a rare group (section 3.1). It needs what keeps it from that: strong L2 or weight decay, or few epochs (sections 3.2
    and 3.3), and batches with as many examples of each group.

    The weights are a state of the model while it trains, and in every `Checkpoint`, so that a training that is resumed goes on with them;
    `model.save` leaves them out. The model is changed in its class, as by `sharpness_aware`, with which it goes together, called after it.

    Args:
        model: `keras.Model`, before or after `compile`, whose loss is a `keras.losses.Loss`. `fit` takes labels `(batch, outputs)` with a
            column behind them for each group, 1 for the example's own, as `data.training_batches(groups=...)` makes them; validation
            takes labels alone.
        sizes: int array `(groups,)`, the training examples of each.
        step: of the weights, eta; 0: all groups count the same throughout. 0.01 is the paper's.
        adjustment: C: the loss of a group counts as larger by C / sqrt(its size), as a small group's loss on new examples is farther above
            that in training (section 3.3); the paper tries 0 to 5.

    Returns:
        The same model; `group_weights(model)` are its weights.

    Raises:
        UserError: fewer than two groups, an empty one, or a number out of range.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.updates.group_robust import group_robust, group_weights

    x, labels, groups = numpy.random.rand(64, 3), numpy.eye(2)[numpy.arange(64) % 2], numpy.eye(4)[numpy.arange(64) % 4]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    group_robust(model, sizes=[16, 16, 16, 16])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(x, numpy.concatenate([labels, groups], axis=1), verbose=0)
    print(group_weights(model))
    ```
    """
    sizes = np.asarray(sizes)
    if sizes.ndim != 1 or len(sizes) < 2 or sizes.min() < 1:
        raise UserError(f"group DRO needs two groups or more, each with training examples, got sizes {sizes.tolist()}")
    for name, value in (("step", step), ("adjustment", adjustment)):
        if not 0 <= value < math.inf:
            raise UserError(f"the {name} of group DRO must be 0 or more, and finite, got {value}")
    model.group_state = _GroupState(len(sizes))
    added = (adjustment / np.sqrt(sizes)).astype(np.float32)
    return with_step(model, _GroupRobust, {"_group_step": float(step), "_group_added": added, "_groups_of_batch": None})


def group_weights(model):
    """The weights of the groups of a model that `group_robust` has changed: float32 array `(groups,)`, whose sum is 1.

    Example:
    ```python
    import keras
    from hornbook.training.updates.group_robust import group_robust, group_weights

    model = group_robust(keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]), sizes=[90, 10])
    assert group_weights(model).tolist() == [0.5, 0.5]
    ```
    """
    return keras.ops.convert_to_numpy(keras.ops.softmax(model.group_state.state))


class _GroupState(keras.random.SeedGenerator):
    """The logarithms of the groups' weights, as far as a number that is the same in all of them.

    Kept as Keras keeps the states of random numbers: on every backend a step may change them, a checkpoint has them, and neither the saved
    model nor its number of parameters does.
    """

    def __init__(self, count):
        self.state = keras.Variable(np.zeros(count, np.float32), trainable=False, dtype="float32", name="group_weights")

    def next(self, ordered=True):
        raise NotImplementedError("the weights of groups are no random numbers")


class _GroupRobust:
    """Keras' own training step, or what took its place, in which each example counts as its group does."""

    def train_step(self, *args):
        *state, data = args
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        count = len(self._group_added)
        # Not by Keras' `__setattr__`, which would keep it with the model.
        object.__setattr__(self, "_groups_of_batch", keras.ops.cast(y[:, -count:], "float32"))
        try:
            return super().train_step(*state, keras.utils.pack_x_y_sample_weight(x, y[:, :-count], weights))
        finally:
            object.__setattr__(self, "_groups_of_batch", None)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        if self._groups_of_batch is not None and training:
            sample_weight = _reweighted(self, y, y_pred, sample_weight)
        labels = _labels_alone(self, y, y_pred)
        return super().compute_loss(x=x, y=labels, y_pred=y_pred, sample_weight=sample_weight, training=training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, _labels_alone(self, y, y_pred), y_pred, sample_weight=sample_weight)


def _labels_alone(model, y, outputs):
    """Labels without the groups behind them, which JAX and PyTorch show to loss and metrics before the first step, to build them."""
    count = len(model._group_added)
    return y[:, :-count] if y.shape[-1] == outputs.shape[-1] + count else y


def _reweighted(model, y, outputs, weights):
    """What each example of a batch counts, `(batch,)`, of mean about 1, by the weights of the groups after this batch."""
    ops = keras.ops
    if not isinstance(model.loss, keras.losses.Loss):
        raise UserError(f"group DRO needs a loss that is a keras.losses.Loss, such as CategoricalCrossentropy(), got {model.loss!r}")
    member = model._groups_of_batch
    each = ops.cast(model.loss.call(ops.cast(y, outputs.dtype), outputs), "float32")
    if len(each.shape) > 1:  # Of each member of an ensemble, or of each number to predict.
        each = ops.mean(ops.reshape(each, (ops.shape(each)[0], -1)), axis=1)
    if weights is not None:
        each = each * ops.cast(weights, "float32")
    each = ops.stop_gradient(each)
    # Of examples that augmentation has blended, each group has its share.
    counts = ops.sum(member, axis=0)
    there = counts > 0
    counts = ops.maximum(counts, 1e-6)
    losses = ops.matmul(ops.expand_dims(each, 0), member)[0] / counts
    risen = ops.where(there, model._group_step * (losses + ops.convert_to_tensor(model._group_added)), 0.0)
    state = model.group_state.state
    # Logarithms: a weight that has become tiny can come back. Their largest is 0.
    after = ops.convert_to_tensor(state) + risen
    after = after - ops.max(after)
    state.assign(after)
    shares = ops.softmax(after)
    found = ops.cast(ops.shape(member)[0], "float32") * ops.matmul(member, ops.expand_dims(shares / counts, 1))[:, 0]
    return found if weights is None else found * ops.cast(weights, "float32")


class WorstGroupAccuracy(keras.callbacks.Callback):
    """Add to the logs of an epoch the accuracy of the group that does worst among some examples: `val_worst_group_accuracy`.

    Early stopping on it keeps a network before it has learned small groups by heart (Sagawa et al. 2020, section 3.2). Put it before
    callbacks that read logs.

    Args:
        x: array `(examples, ...)`, as the model takes it.
        labels: int array `(examples,)`.
        groups: int array `(examples,)`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.updates.group_robust import WorstGroupAccuracy

    x, labels = numpy.random.rand(64, 3), numpy.arange(64) % 2
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watched = WorstGroupAccuracy(x, labels, groups=numpy.arange(64) % 4)
    print(model.fit(x, labels, callbacks=[watched], verbose=0).history["val_worst_group_accuracy"])
    ```
    """

    def __init__(self, x, labels, groups):
        super().__init__()
        self.x, self.labels, self.groups = x, np.asarray(labels), np.asarray(groups)

    def on_epoch_end(self, epoch, logs=None):
        if keras.backend.backend() == "jax" and getattr(self.model, "_jax_state", None):
            self.model.jax_state_sync()
        outputs = []
        for start in range(0, len(self.x), _AT_A_TIME):
            outputs.append(np.asarray(self.model.predict_on_batch(self.x[start : start + _AT_A_TIME]), np.float32))
        outputs = np.concatenate(outputs)
        predicted = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
        right = predicted == self.labels
        worst = min(float(right[self.groups == group].mean()) for group in np.unique(self.groups))
        if logs is not None:
            logs["val_worst_group_accuracy"] = worst
