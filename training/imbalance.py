"""Classes of unequal size: weights for them, and logits moved by how frequent they are."""

import numpy as np

from hornbook import UserError

NAMES = ("none", "balanced", "effective")
ADJUSTMENTS = ("none", "training", "after")


def class_weights(labels, num_classes, method="balanced", beta=0.999):
    """A weight for every class, from how often it occurs in the training split; the mean over the examples is 1.

    `balanced` weighs by 1 / n (King and Zeng 2001). `effective` weighs by (1 - beta) / (1 - beta^n), the inverse of the effective number of
    samples (Cui et al. 2019, equation 2), which is milder for large classes. The learning rate keeps its meaning, as the mean is 1.

    Args:
        labels: int array `(examples,)`. Of several labels an example, floats `(examples, labels)`: each label is then weighed as two
            classes of its own, those that have it and those that have not, so that `balanced` counts what has it as many times more as
            it is rarer.
        num_classes: how many classes or labels there are.
        method: one of `NAMES`; "none" gives None.
        beta: of the effective number, in [0, 1): 0 weighs all classes alike, towards 1 it becomes `balanced`. 0.999 is the middle of the
            values that the paper tried.

    Returns:
        A dict of class to weight, as Keras' `fit(class_weight=)` and `data.training_batches` take it, or None. A class without an
        example has weight 0: nothing is ever multiplied by it. Of several labels a dict of label to the weights of 0 and of 1, which
        `data.training_batches` takes and Keras' `fit` does not.

    Raises:
        UserError: an unknown method, or a beta outside [0, 1).

    Example:
    ```python
    import keras, numpy
    from hornbook.training import class_weights

    inputs, labels = numpy.random.rand(60, 4), numpy.repeat([0, 1], [50, 10])
    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(inputs, labels, class_weight=class_weights(labels, 2), verbose=0)
    ```
    """
    if method not in NAMES:
        raise UserError(f"class_weights must be one of {', '.join(NAMES)}, got {method!r}")
    if not 0 <= beta < 1:
        raise UserError(f"beta must be in [0, 1), got {beta}")
    if method == "none":
        return None
    if np.ndim(labels) == 1:
        return dict(enumerate(_weights(np.bincount(labels, minlength=num_classes), method, beta).tolist()))
    with_it = np.asarray(labels, np.float64).sum(axis=0)
    pairs = np.stack([len(labels) - with_it, with_it], axis=1)
    return {label: tuple(_weights(counts, method, beta).tolist()) for label, counts in enumerate(pairs)}


def _weights(counts, method, beta):
    counts = counts.astype(np.float64)
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = 1 / counts[present] if method == "balanced" else (1 - beta) / (1 - beta ** counts[present])
    return weights * counts.sum() / (weights * counts).sum()


def logit_shift(labels, num_classes, strength=1.0, *, num_outputs=None, weights=None):
    """By what logits are adjusted to how frequent classes are: strength times the logarithm of each class's share (Menon et al. 2021).

    Added to the logits in the loss (their equation 10), or subtracted from those of a trained network (equation 9), it makes a network
    answer as if all classes were equally frequent, with strength 1.

    Args:
        labels: int array `(examples,)` of the training part. A class without any has the shift of the largest: it is never preferred.
        num_classes: how many classes there are.
        strength: the paper's tau; more prefers rare classes beyond that.
        num_outputs: 1 for a network with the second class's logit alone, whose shift is that of the log-odds; None: one a class.
        weights: float array `(examples,)` of what each counts in the loss, and so in its class's share; None: all the same.

    Returns:
        float64 array `(outputs,)`. The mean is taken off, which changes no probability.

    Raises:
        UserError: several labels an example, which have no prior of one class.

    Example:
    ```python
    import numpy
    from hornbook.training import imbalance

    shift = imbalance.logit_shift(numpy.repeat([0, 1], [90, 10]), 2)
    assert numpy.isclose(shift[0] - shift[1], numpy.log(9))
    ```
    """
    if np.ndim(labels) != 1:
        raise UserError("logit adjustment is for one class an example, and these have several labels; pass --logit-adjustment none")
    counts = np.bincount(labels, weights, minlength=num_classes).astype(np.float64)
    shift = strength * np.log(np.where(counts > 0, counts, counts.max()) / counts.sum())
    return shift[1:] - shift[0] if num_outputs == 1 else shift - shift.mean()


def adjusted(model, shift):
    """A model of the same weights from whose logits a number each is subtracted, in a layer of Keras' own.

    Args:
        model: functional `keras.Model` of one input and one output `(batch, outputs)`, logits.
        shift: array `(outputs,)`, see `logit_shift`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import imbalance

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    fair = imbalance.adjusted(model, imbalance.logit_shift(numpy.repeat([0, 1], [90, 10]), 2))
    assert fair.predict(numpy.zeros((1, 4)), verbose=0).argmax() == 1
    ```
    """
    import keras

    [inputs], [outputs] = model.inputs, model.outputs
    return keras.Model(inputs, _subtracted(outputs, shift), name=model.name)


class AdjustedClassical:
    """A classical model whose logits are adjusted, to be mixed with a network that has learned so (`classical.mixing.mixed`).

    Args:
        classical: has `outputs(inputs)`.
        shift: array `(outputs,)`, see `logit_shift`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.boosting import GradientBoosting
    from hornbook.training.imbalance import AdjustedClassical, logit_shift

    rows, labels = numpy.random.rand(64, 3).astype("float32"), numpy.arange(64) % 2
    boosting = GradientBoosting(rows, labels, "classification", 2)
    inputs = keras.Input((3,))
    print(keras.Model(inputs, AdjustedClassical(boosting, logit_shift(labels, 2)).outputs(inputs))(rows[:4]))
    ```
    """

    def __init__(self, classical, shift):
        self.classical, self.shift = classical, shift

    def outputs(self, inputs):
        """A tensor `(batch, outputs)`, of a Keras tensor."""
        return _subtracted(self.classical.outputs(inputs), self.shift)


def _subtracted(outputs, shift):
    import keras

    # Its mean stands in the model's configuration, as no variable; what loads Keras' own layers loads it.
    mean, variance = np.asarray(shift).tolist(), np.ones(len(shift)).tolist()
    return keras.layers.Normalization(mean=mean, variance=variance, dtype="float32", name="logit_adjustment")(outputs)
