"""Temperature scaling: one number by which a classifier's logits are divided, so that it is as sure as it is right. NumPy and SciPy."""

import dataclasses
import math

import numpy as np

LOWEST, HIGHEST = 0.05, 20.0
"""The temperatures that are looked at."""
PRIOR = 0.5
"""Standard deviation of the normal prior on a temperature's logarithm. Without one, 20 examples that are all right make a network far too
sure of others; of hundreds it changes hardly anything. Chosen on five tables by benchmarks/generalisation/temperature_prior.py."""
_NOTHING = 1e-9  # Nats, that a temperature gains.
_AT_AN_END = 1e-3  # In logarithms: a minimum so near to an end lies behind it.


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A temperature, and what it does on the examples that it was fitted on.

    Attributes:
        temperature: above 1 where a network is too sure, below 1 where it is not sure enough; 1 changes nothing.
        loss_before, loss_after: mean cross-entropy in nats with the temperature 1 and with this one.
        examples: how many it was fitted on.
        note: a sentence on why the temperature is 1 where none could be fitted, or None.
    """

    temperature: float
    loss_before: float
    loss_after: float
    examples: int
    note: str | None = None


def fit(labels, logits):
    """The temperature with the lowest cross-entropy of logits divided by it (Guo, Pleiss, Sun and Weinberger, 2017, section 4.2).

    What few examples say is not believed as it stands: to the sum of their cross-entropies log(temperature)^2 / (2 * 0.5^2) is added, a
    normal prior around 1. Which class is the most probable does not change, nor, of two classes or of several labels, how examples are
    ranked. As a function of 1 / temperature the cross-entropy is convex; `scipy.optimize.minimize_scalar` finds the minimum.

    Args:
        labels: int array `(examples,)` of classes, or `(examples, labels)` of 0 and 1, whose labels all have the one temperature. Of
            examples that the network was not trained on: on those that it knows by heart it is right to be sure.
        logits: float array `(examples, classes)`, or `(examples, labels)`. Rows that are not finite are left out.

    Returns:
        `Fitted`. Its temperature is 1, with a note that says why, where no row is finite, and where the minimum is beyond 0.05 or 20, as
        where many outputs tell nothing of the labels.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
    ```python
    import keras, numpy
    from hornbook.evaluation import temperature

    labels = numpy.array([0, 1, 1, 0] * 250)
    logits = numpy.array([[9.0, 0.0], [0.0, 9.0], [9.0, 0.0], [9.0, 0.0]] * 250)  # Sure of everything, and right in three of four.
    fitted = temperature.fit(labels, logits)
    assert abs(fitted.temperature - 9 / numpy.log(3)) < 0.3

    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(2)])
    calibrated = keras.Sequential([model, keras.layers.Rescaling(1 / fitted.temperature)])
    ```
    """
    from scipy.optimize import minimize_scalar

    labels, logits = np.asarray(labels), np.asarray(logits).astype(np.float64)
    if logits.ndim != 2 or labels.shape not in (logits.shape, logits.shape[:1]) or not len(labels):
        raise ValueError(f"labels {labels.shape} and logits {logits.shape} do not fit together")
    kept = np.isfinite(logits).all(axis=1)
    labels, logits = labels[kept].astype(np.int64), logits[kept]
    if not len(labels):
        return Fitted(1.0, math.nan, math.nan, 0, "no example has finite outputs")
    loss = _classes(labels, logits) if labels.ndim == 1 else _several_labels(labels, logits)
    ends = math.log(LOWEST), math.log(HIGHEST)
    # A mean as the cross-entropy is, so of so many labels.
    prior = 1 / (2 * PRIOR**2 * labels.size)
    found = minimize_scalar(
        lambda logarithm: loss(math.exp(-logarithm)) + prior * logarithm**2, bounds=ends, method="bounded", options={"xatol": 1e-6}
    )
    before, note = loss(1.0), None
    if before - found.fun < _NOTHING:
        return Fitted(1.0, before, before, len(labels))
    if min(found.x - ends[0], ends[1] - found.x) < _AT_AN_END:
        note = f"the best one would be beyond {LOWEST:g} to {HIGHEST:g}, as where outputs tell hardly anything of the labels"
    chosen = 1.0 if note else math.exp(found.x)
    return Fitted(chosen, before, loss(1 / chosen), len(labels), note)


def _classes(labels, logits):
    """The mean cross-entropy of classes as a function of what the logits are multiplied by."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    of_label = np.take_along_axis(shifted, labels[:, None], axis=1)[:, 0]
    return lambda factor: float(np.mean(np.log(np.exp(factor * shifted).sum(axis=1)) - factor * of_label))


def _several_labels(labels, logits):
    """The mean binary cross-entropy of labels as a function of what the logits are multiplied by."""
    wrong = np.where(labels > 0, -logits, logits)
    return lambda factor: float(np.mean(np.logaddexp(0, factor * wrong)))
