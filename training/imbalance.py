"""Weights for classes of unequal size."""

import numpy as np

from hornbook import UserError

NAMES = ("none", "balanced", "effective")


def class_weights(labels, num_classes, method="balanced", beta=0.999):
    """A weight for every class, from how often it occurs in the training split; the mean over the examples is 1.

    `balanced` weighs by 1 / n (King and Zeng 2001). `effective` weighs by (1 - beta) / (1 - beta^n), the inverse of the effective number of
    samples (Cui et al. 2019, equation 2), which is milder for large classes.

    Args:
        labels: int array `(examples,)`.
        num_classes: how many classes there are.
        method: one of `NAMES`; "none" gives None.
        beta: of the effective number, in [0, 1): 0 weighs all classes alike, towards 1 it becomes `balanced`. 0.999 is the middle of the
            values that the paper tried.

    Returns:
        A dict of class to weight, as Keras' `fit(class_weight=)` and `data.training_batches` take it, or None. A class without an
        example has weight 0: nothing is ever multiplied by it.

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
    if np.ndim(labels) != 1:
        raise UserError(f"class_weights {method} is for one class an example, and these have several labels; pass --class-weights none")
    counts = np.bincount(labels, minlength=num_classes).astype(np.float64)
    present = counts > 0
    weights = np.zeros(num_classes)
    weights[present] = 1 / counts[present] if method == "balanced" else (1 - beta) / (1 - beta ** counts[present])
    return dict(enumerate((weights * counts.sum() / (weights * counts).sum()).tolist()))
