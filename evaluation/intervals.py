"""How much of a score is luck: intervals of a proportion, and the spread over several runs."""

import math

import numpy as np

# Two-sided 95% quantile of the normal distribution.
_NORMAL_95 = 1.959964


def wilson_interval(successes, trials):
    """The 95% score interval of a proportion, [low, high] (Wilson, 1927).

    It stays within 0 and 1 and is not empty at 0 or `trials` successes, where the usual ± standard error is.
    """
    share = successes / trials
    spread_of_z = _NORMAL_95**2 / trials
    centre = share + spread_of_z / 2
    half_width = _NORMAL_95 * math.sqrt(share * (1 - share) / trials + spread_of_z / (4 * trials))
    return [max(0.0, (centre - half_width) / (1 + spread_of_z)), min(1.0, (centre + half_width) / (1 + spread_of_z))]


def spread(values):
    """Mean, sample standard deviation, minimum, maximum and n of a score over several runs, as a dict of floats and an integer.

    The standard deviation divides by n - 1; of one value it is NaN, for one run says nothing about spread. Raises ValueError where
    there is no value at all.
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
