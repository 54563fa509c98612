"""Missing values of series: refused, interpolated, or marked by further channels."""

import dataclasses

import numpy as np

METHODS = ("refuse", "interpolate", "mask")


def handled(examples, method, fill):
    """`dataset.SeriesExamples` without a missing value.

    Args:
        examples: `dataset.SeriesExamples`, NaN where a value is missing.
        method: one of `METHODS`; refuse leaves the examples as they are.
        fill: float list `(features,)`, the training data's means.
    """
    if method == "refuse":
        return examples
    series = np.empty(len(examples), object)
    series[:] = [filled(values, method, fill) for values in examples.series]
    return dataclasses.replace(examples, series=series)


def filled(values, method, fill):
    """One series without a missing value.

    Args:
        values: float32 array `(steps, features)`, NaN where a value is missing.
        method: "interpolate": linearly between the neighbours in time, before the first and behind the last value as these; a feature
            without any value becomes its `fill`. "mask": each missing value becomes its `fill`, and as many channels follow that are 1
            where one was missing, else 0. "refuse": as they are.
        fill: float list `(features,)`.

    Returns:
        float32 array `(steps, features)`, with "mask" `(steps, 2 * features)`.
    """
    if method == "refuse":
        return values
    missing = np.isnan(values)
    fill = np.asarray(fill, np.float32)
    if method == "mask":
        return np.concatenate([np.where(missing, fill, values), missing.astype(np.float32)], axis=1)
    if not missing.any():
        return values
    result, steps = values.copy(), np.arange(len(values))
    for feature in np.flatnonzero(missing.any(axis=0)):
        known = ~missing[:, feature]
        if known.any():
            result[:, feature] = np.interp(steps, steps[known], values[known, feature])
        else:
            result[:, feature] = fill[feature]
    return result
