"""What a classical model predicts, the form of its outputs, and the constant guess, which does not look at the inputs. NumPy alone."""

import dataclasses

import numpy as np

_LEAST = 1e-6  # The probability of what training never saw: its logarithm is finite.


class LeftOutError(ValueError):
    """A classical model cannot be had of these data; the message says why, to be read behind its name and a colon."""


@dataclasses.dataclass(frozen=True)
class Task:
    """What is predicted.

    Attributes:
        kind: "classification" (one class an example), "multi-label" (0 or 1 for every label) or "regression" (numbers).
        count: how many classes, labels or numbers.
        loss: of numbers: "mse", "mae", "huber" or "quantile"; "cross-entropy" of all else.
        quantiles: those to predict, with loss "quantile".
    """

    kind: str
    count: int
    loss: str = "cross-entropy"
    quantiles: tuple = ()


def constants(task, labels, count):
    """The best constant outputs by the training labels.

    Args:
        task: `Task`.
        labels: of training: int `(examples,)`, or `(examples, labels)` of 0 and 1, or numbers `(examples, targets)`.
        count: how many examples to guess for.

    Returns:
        A dict of name to outputs `(count, ...)` in a network's form: `most frequent class`; `most frequent labels`; `training quantiles`;
        or of numbers `mean`, which the squared error wants, and `median`, which the absolute error wants.

    Example:
    ```python
    import numpy
    from hornbook.evaluation.floors.tasks import Task, constants

    guesses = constants(Task("classification", count=2), numpy.array([0, 0, 1]), count=5)
    assert guesses["most frequent class"].argmax(axis=1).tolist() == [0] * 5
    ```
    """
    if task.kind == "classification":
        shares = np.bincount(labels, minlength=task.count) / len(labels)
        found = {"most frequent class": log_probabilities(task, shares[None], np.arange(task.count))[0]}
    elif task.kind == "multi-label":
        found = {"most frequent labels": np.array([constant_logit(one) for one in labels.T])}
    elif task.quantiles:
        found = {"training quantiles": np.quantile(labels[:, 0], task.quantiles)}
    else:
        found = {"mean": labels.mean(axis=0), "median": np.median(labels, axis=0)}
    return {name: np.tile(np.asarray(one, np.float64), (count, 1)) for name, one in found.items()}


def constant_logit(labels):
    """The logit of a label's frequency, as if one example more had it and one more had not."""
    share = (labels.sum() + 1) / (len(labels) + 2)
    return np.log(share) - np.log1p(-share)


def log_probabilities(task, probabilities, classes):
    """Logarithms of probabilities of some classes `(examples, len(classes))`, as logits of all classes `(examples, task.count)`."""
    found = np.full((len(probabilities), task.count), _LEAST)
    found[:, classes] = np.maximum(probabilities, _LEAST)
    return np.log(found / found.sum(axis=1, keepdims=True))
