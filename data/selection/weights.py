"""What each training example counts in the loss: numbers from a column or an array, checked, and scaled so that their mean is 1."""

import dataclasses

import numpy as np

from hornbook import UserError
from hornbook.data import naming

_ACCEPTED = "accepted are numbers of 0 or more"


def checked(weights, where):
    """The weights of some examples, float64 `(examples,)`, refused where they are none.

    Args:
        weights: numbers; NaN is a missing one.
        where: function of a position to the words that begin a message.

    Raises:
        UserError: a weight is missing, negative or not finite, with its place.
    """
    weights = np.asarray(weights, np.float64)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        value = weights[wrong[0]]
        is_so = "is missing" if np.isnan(value) else f"is {value:g}"
        raise UserError(f"{where(wrong[0])}: the weight {is_so}; {_ACCEPTED}")
    return weights


def parsed(texts, where):
    """Weights that are written as numbers, see `checked`.

    Args:
        texts: of the cells; nothing, NaN, NA and the like are missing ones.
        where: as of `checked`.

    Raises:
        UserError: a cell is no number, or no weight, with its place.
    """
    weights = np.full(len(texts), np.nan)
    for position, text in enumerate(texts):
        if text.strip().lower() not in naming.MISSING_NUMBERS:
            try:
                weights[position] = float(text)
            except ValueError:
                raise UserError(f"{where(position)}: the weight is {text.strip()!r}; {_ACCEPTED}") from None
    return checked(weights, where)


def weighted(dataset, weights):
    """A dataset whose training examples count so much in the loss of a recipe, or of `training_batches`.

    Args:
        dataset: such as of `data.tables.from_arrays`.
        weights: array `(examples,)`, 0 or more, one for each example of the training arrays, those among them that are held out for
            validation or test since, which count once each whatever their weight is. Only their ratios matter.

    Raises:
        UserError: not as many, or something that is no weight.

    Example:
    ```python
    import numpy
    from hornbook import data

    rows, ages = numpy.random.rand(60, 3), numpy.arange(60)
    dataset = data.weighted(data.tables.from_arrays(rows, numpy.arange(60) % 2), 0.9**ages)
    print(dataset.weights[dataset.train.indices].max())
    ```
    """
    weights = np.asarray(weights)
    count = 1 + max(int(part.indices.max()) for part in dataset.parts.values() if part.source == dataset.train.source)
    if weights.shape != (count,) or weights.dtype.kind not in "uif":
        raise UserError(f"{dataset.name} needs {count:,} weights, numbers (examples,), got {weights.dtype} of shape {weights.shape}")
    return dataclasses.replace(dataset, weights=checked(weights, lambda position: f"{dataset.name}, example {position}"))


def of_training(dataset):
    """The weights of a dataset's training part, float64 `(examples,)` of mean 1; None where it has none.

    Raises:
        UserError: all of them are 0.
    """
    if dataset.weights is None:
        return None
    weights = dataset.weights[dataset.train.indices]
    if not weights.any():
        raise UserError(f"{dataset.name}: the weights of all {len(weights):,} training examples are 0, which leaves nothing to learn from")
    return weights / weights.mean()


def relative(labels, weights, class_weights=None, sampling="none"):
    """Weights of mean 1, so that the learning rate keeps its meaning, and the factor that gives their products with class weights one.

    Args:
        labels: of the training examples: ints `(examples,)`, or floats `(examples, labels)`.
        weights: float array `(examples,)`.
        class_weights: float array `(classes,)`, of several labels `(labels, 2)`, or None.
        sampling: one of `drawing.NAMES`; where an epoch has as many of every class, the means are taken so.

    Returns:
        float32 array `(examples,)`, and a float.
    """
    weights = np.asarray(weights, np.float64)
    weights = weights / _mean(weights, labels, sampling)
    if class_weights is None:
        return weights.astype(np.float32), 1.0
    if class_weights.ndim == 2:
        without, having = class_weights.T.astype(np.float64)
        products = weights[:, None] * (without + (having - without) * labels)
    else:
        products = weights * class_weights[labels]
    return weights.astype(np.float32), float(1 / _mean(products, labels, sampling))


def _mean(values, labels, sampling):
    """Over an epoch."""
    if sampling == "none":
        return values.mean()
    return np.mean([values[labels == label].mean() for label in np.unique(labels)])
