"""Corrupted series: values that are missing, noisy, or on another level."""

import numpy as np

from hornbook.data import randomness
from hornbook.data.series import missing

STRENGTHS = {
    "missing": (0.05, 0.1, 0.2, 0.4, 0.6),
    "noise": (0.1, 0.2, 0.4, 0.7, 1.0),
    "shift": (0.1, 0.2, 0.4, 0.7, 1.0),
}
COUNTS = {
    "missing": "share of the values that are missing",
    "noise": "standard deviations of each feature",
    "shift": "standard deviations of each feature, up or down, the same at all steps of a series",
}


def corrupted(series, kind, strength, *, deviations, keys, method="refuse", fill=None, seed=0):
    """Series, each corrupted.

    Args:
        series: list of float32 arrays `(steps, features)`; of a run with `--missing mask`, `(steps, 2 * features)`, the second half 1 where
            a value is missing, which stays missing.
        kind: a key of `STRENGTHS`.
        strength: one of its five numbers, or one between them.
        deviations: float array `(features,)`, of each feature.
        keys: int array `(series,)`, a number that is each series' own.
        method: what the model does about missing values, one of `missing.METHODS`; of a model that refuses them they are interpolated.
        fill: float list `(features,)`, as of `missing.filled`; None: 0.
        seed: of what is drawn.

    Returns:
        A list of arrays like those of `series`.

    Example:
    ```python
    import numpy
    from hornbook.data.corruptions import series

    [shifted] = series.corrupted([numpy.zeros((5, 2), "float32")], "shift", 0.5, deviations=[1.0, 4.0], keys=[0])
    assert (abs(shifted) == [0.5, 2.0]).all()
    ```
    """
    deviations = np.asarray(deviations, np.float32)
    fill = np.zeros(len(deviations)) if fill is None else fill
    change = {"missing": _without, "noise": _noisy, "shift": _shifted}[kind]
    method = "interpolate" if method == "refuse" else method
    return [
        _prepared(change(_as_measured(values, len(deviations)), strength, deviations, randomness.generator(seed, key, kind)), method, fill)
        for values, key in zip(series, keys, strict=True)
    ]


def _as_measured(values, features):
    """The values, NaN where they are missing."""
    if values.shape[1] == features:
        return values
    return np.where(values[:, features:] > 0, np.float32(np.nan), values[:, :features])


def _prepared(values, method, fill):
    return missing.filled(values.astype(np.float32), method, fill)


def _without(values, share, deviations, draw):
    return np.where(draw.random(values.shape) < share, np.float32(np.nan), values)


def _noisy(values, strength, deviations, draw):
    return values + strength * deviations * draw.standard_normal(values.shape, np.float32)


def _shifted(values, strength, deviations, draw):
    return values + strength * deviations * draw.choice([-1.0, 1.0], len(deviations))
