"""How much of a score is luck: the interval of a proportion, of a difference by resampling, the spread over several runs. NumPy alone."""

import math

import numpy as np

# Two-sided 95% quantile of the normal distribution.
_NORMAL_95 = 1.959964
_MOST_CLASSES = 100


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


def mean_interval(values):
    """The 95% interval of a mean, by the normal distribution: the mean ± 1.96 standard errors.

    Args:
        values: float array `(examples,)`, such as absolute errors.

    Returns:
        [low, high], floats; None of fewer than two values, which say nothing of their spread.

    Example:
    ```python
    from hornbook.evaluation.intervals import mean_interval

    low, high = mean_interval([1.0, 2.0, 3.0])
    ```
    """
    values = np.asarray(values, np.float64)
    if len(values) < 2:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        mean, width = float(np.mean(values)), _NORMAL_95 * float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return [mean - width, mean + width]


def of_confusions(matrix, resamples=1000, seed=0):
    """The 95% percentile intervals of scores that a confusion matrix gives, from examples drawn again with replacement (Efron 1979).

    Args:
        matrix: int array `(classes, classes)`: rows are true classes, columns predicted ones.
        resamples, seed: how often all are drawn, and from which seed.

    Returns:
        A dict of `macro_f1`, `balanced_accuracy` and `matthews_correlation` to [low, high], floats, as
        `classification.classification` defines them; empty for more than 100 classes, where it would take minutes, and without an example.

    Example:
    ```python
    from hornbook.evaluation.intervals import of_confusions

    low, high = of_confusions([[50, 10], [5, 35]])["balanced_accuracy"]
    assert low < (50 / 60 + 35 / 40) / 2 < high
    ```
    """
    matrix = np.asarray(matrix, np.int64)
    total = int(matrix.sum())
    if not total or len(matrix) > _MOST_CLASSES:
        return {}
    draws = np.random.default_rng(seed).multinomial(total, (matrix / total).ravel(), size=resamples)
    draws = draws.reshape(-1, *matrix.shape).astype(np.float64)
    true, said, right = draws.sum(axis=2), draws.sum(axis=1), np.diagonal(draws, axis1=1, axis2=2)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(true > 0, right / true, np.nan)
        f1 = np.where(true > 0, 2 * right / (true + said), np.nan)
        scale = np.sqrt((total**2 - np.square(said).sum(axis=1)) * (total**2 - np.square(true).sum(axis=1)))
        correlation = np.where(scale > 0, (total * right.sum(axis=1) - (true * said).sum(axis=1)) / scale, 0.0)
    found = {"macro_f1": np.nanmean(f1, axis=1), "balanced_accuracy": np.nanmean(recall, axis=1), "matthews_correlation": correlation}
    return {name: [float(end) for end in np.quantile(values, (0.025, 0.975))] for name, values in found.items()}
