"""How much of a score is luck: the interval of a proportion, and the spread over several runs. NumPy alone."""

import math

import numpy as np

# Two-sided 95% quantile of the normal distribution.
_NORMAL_95 = 1.959964


def wilson_interval(successes, trials):
    """The 95% score interval of a proportion (Wilson 1927).

    It stays within 0 and 1 and is not empty at 0 or `trials` successes, where the usual ± standard error is.

    Args:
        successes: how many examples were right.
        trials: how many there were, at least 1.

    Returns:
        [low, high], floats.

    Example:
    ```python
    from hornbook.evaluation.intervals import wilson_interval

    low, high = wilson_interval(successes=356, trials=360)
    ```
    """
    share = successes / trials
    spread_of_z = _NORMAL_95**2 / trials
    centre = share + spread_of_z / 2
    half_width = _NORMAL_95 * math.sqrt(share * (1 - share) / trials + spread_of_z / (4 * trials))
    return [max(0.0, (centre - half_width) / (1 + spread_of_z)), min(1.0, (centre + half_width) / (1 + spread_of_z))]


def spread(values):
    """Mean and deviation of a score over several runs.

    Args:
        values: a list of numbers, one a run.

    Returns:
        A dict of floats `mean`, `standard_deviation`, `minimum`, `maximum` and the integer `n`. The standard deviation divides by n - 1;
        of one run, which says nothing about spread, it is NaN.

    Raises:
        ValueError: there is no value.

    Example:
    ```python
    from hornbook.evaluation.intervals import spread

    print(spread([0.981, 0.986, 0.983])["standard_deviation"])
    ```
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values must be a non-empty list of numbers, got shape {values.shape}")
    return {
        "mean": float(np.mean(values)),
        "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
        "minimum": float(np.min(values)),
        "maximum": float(np.max(values)),
        "n": len(values),
    }
