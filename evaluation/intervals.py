"""How much of a score is luck: the interval of a proportion, of a difference by resampling, the spread over several runs. NumPy alone."""

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


def bootstrap_interval(statistic, count, *, groups=None, resamples=1000, seed=0):
    """The 95% percentile interval of a statistic, from examples drawn again with replacement (Efron 1979).

    Of two models' scores on the same examples, take the difference as the statistic: what makes an example hard for both cancels.

    Args:
        statistic: function of how often each example was drawn, an int array `(count,)`, to a float.
        count: how many examples there are, at least 1.
        groups: array `(count,)`: examples of one group, such as windows of one series, are drawn together; None: each for itself.
        resamples: how often all are drawn.
        seed: of the draws.

    Returns:
        [low, high], floats; NaN if a draw gives no number. Draws where the statistic is NaN, being undefined there, do not count.

    Example:
    ```python
    import numpy
    from hornbook.evaluation.intervals import bootstrap_interval

    right = numpy.array([1, 1, 0, 1]) - numpy.array([1, 0, 0, 1])  # Of two models, on the same four examples.
    low, high = bootstrap_interval(lambda times: (right * times).sum() / times.sum(), count=4)
    ```
    """
    generator = np.random.default_rng(seed)
    members = np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1]
    number = int(members.max()) + 1
    values = np.empty(resamples)
    for draw in range(resamples):
        values[draw] = statistic(np.bincount(generator.integers(number, size=number), minlength=number)[members])
    values = values[~np.isnan(values)]
    if not len(values) or not np.isfinite(values).all():
        return [math.nan, math.nan]
    return [float(end) for end in np.quantile(values, (0.025, 0.975))]
