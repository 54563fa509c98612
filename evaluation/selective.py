"""How many answers can be taken as they are at a chosen precision: only those that a classifier is sure of. NumPy alone, no Keras."""

import numpy as np

from hornbook.evaluation.intervals import wilson_interval

PRECISIONS = (0.9, 0.95, 0.99)
"""Those that a run reports."""
_DIGITS = 12  # To which two shares are the same.


def choose(right, sure, precision):
    """The lowest probability from which on so large a share of the answers is right, on examples that a network was not trained on.

    A classifier that may abstain answers where the probability of its class is at least that (Chow 1970; Geifman and El-Yaniv 2017). What
    is chosen so promises nothing: with few examples, others will be right less often.

    Args:
        right: bool array `(examples,)`: whether the most probable class is the true one.
        sure: float array `(examples,)`, its probability; NaN never passes.
        precision: the share of right answers among those that pass, between 0 and 1.

    Returns:
        The probability, a float midway between two that occur, and 0 where all answers pass; None where none gives the precision.

    Raises:
        ValueError: the shapes do not fit together.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import selective

    right, sure = numpy.array([1, 1, 0, 1, 0]), numpy.array([1.0, 0.9375, 0.875, 0.75, 0.5])
    assert selective.choose(right, sure, precision=0.75) == 0.625  # Three of the four that are surer than that.
    assert selective.choose(right, sure, precision=1.0) == 0.90625
    ```
    """
    right, sure = np.asarray(right).astype(bool), np.asarray(sure, np.float64)
    if right.ndim != 1 or right.shape != sure.shape:
        raise ValueError(f"right {right.shape} and sure {sure.shape} do not fit together")
    whole = not np.isnan(sure).any()
    right, sure = right[~np.isnan(sure)], sure[~np.isnan(sure)]
    order = np.argsort(-sure, kind="stable")
    right, sure = right[order], sure[order]
    share = np.cumsum(right) / np.arange(1, len(right) + 1)
    last = np.append(sure[1:] < sure[:-1], True)[: len(sure)]  # Of equal ones all pass, or none.
    [possible] = np.nonzero(last & (share >= precision - 10.0**-_DIGITS))
    if not len(possible):
        return None
    place = int(possible[-1])
    if place + 1 == len(sure):
        return 0.0 if whole else float(sure[place] / 2)
    low, high = sure[place + 1], sure[place]
    middle = low + (high - low) / 2
    return float(middle if middle < high else low)  # Between two neighbouring numbers there is none.


def passed(right, sure, threshold):
    """The share of answers that pass a threshold, and how many of them are right: a dict ready for `json.dump`.

    Args:
        right, sure: as of `choose`.
        threshold: what `choose` returned; None lets nothing pass.

    Returns:
        `share` and `precision`, each with its 95% interval (Wilson 1927), `share_interval` and `precision_interval`; the precision is None
        where nothing passes.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import selective

    found = selective.passed(numpy.array([1, 1, 0, 1]), numpy.array([0.99, 0.9, 0.8, 0.5]), threshold=0.7)
    assert (found["share"], found["precision"]) == (0.75, 2 / 3)
    ```
    """
    right, sure = np.asarray(right).astype(bool), np.asarray(sure, np.float64)
    kept = np.zeros(len(sure), bool) if threshold is None else sure > threshold
    if threshold == 0:
        kept = ~np.isnan(sure)
    count, correct = int(kept.sum()), int((kept & right).sum())
    return {
        "share": count / len(sure),
        "share_interval": wilson_interval(count, len(sure)),
        "precision": correct / count if count else None,
        "precision_interval": wilson_interval(correct, count) if count else None,
    }


def answers(labels, probabilities):
    """Whether each most probable class is the true one, bool `(examples,)`, and its probability, float64; NaN of a row that has one.

    Args:
        labels: int array `(examples,)`.
        probabilities: float array `(examples, classes)`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import selective

    right, sure = selective.answers(numpy.array([0, 0]), numpy.array([[0.9, 0.1], [0.4, 0.6]]))
    assert (right.tolist(), sure.tolist()) == ([True, False], [0.9, 0.6])
    ```
    """
    probabilities = np.asarray(probabilities, np.float64)
    return probabilities.argmax(axis=1) == np.asarray(labels), probabilities.max(axis=1)


def table(chosen_on, scored=None, precisions=PRECISIONS):
    """Thresholds chosen on some examples and what they do on others, a list of dicts ready for `json.dump`.

    Args:
        chosen_on: labels and probabilities of held-out examples, a pair as of `answers`.
        scored: the same of others, or None.
        precisions: what is aimed at.

    Returns:
        One of each precision: `precision`, `threshold` (or None), `chosen` and, of the others, `reached`, each as of `passed`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import selective

    labels = numpy.array([0, 1, 1, 0])
    probabilities = numpy.array([[0.9, 0.1], [0.2, 0.8], [0.5625, 0.4375], [0.6875, 0.3125]])
    [row] = selective.table((labels, probabilities), precisions=[0.9])
    assert (row["threshold"], row["chosen"]["share"]) == (0.625, 0.75)
    ```
    """
    own, rows = answers(*chosen_on), []
    for precision in precisions:
        threshold = choose(*own, precision)
        row = {"precision": precision, "threshold": threshold, "chosen": passed(*own, threshold)}
        rows.append(row if scored is None else {**row, "reached": passed(*answers(*scored), threshold)})
    return rows
