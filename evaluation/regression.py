"""What predicted numbers are worth: errors, the share of variance explained, and how often quantiles cover. NumPy alone, no Keras."""

import math

import numpy as np

from hornbook.evaluation.intervals import mean_interval

LOSSES = ("mse", "mae", "huber", "quantile")
METRICS = ("r2", "mean_squared_error", "mean_absolute_error", "quantile_loss", "coverage_error", "interval_coverage")
_SHOWN = 1000  # Points of a scatter: more are a blot.


def regression(targets, predictions, names, quantiles=None):
    """Score predictions against targets, both in the targets' own units.

    `targets` is a float array (examples, targets), `predictions` one of the same shape; with `quantiles` (a list), `targets` has one column
    and `predictions` one for each quantile, of which the one nearest to 0.5 is scored as the prediction. `names` has a string a target.

    Returns a dict of Python floats, integers and lists, ready for `json.dump`:

    - `examples`; `not_finite`: how many have predictions that are not finite (the errors are NaN or infinite then).
    - `mean_squared_error`, `root_mean_squared_error`, `mean_absolute_error`, `r2`: means over the targets. R2 is 1 less the mean squared
      error over the variance of these targets; NaN if they do not vary.
    - `mean_absolute_error_interval`, `mean_squared_error_interval`: their 95% intervals [low, high], or None of one example.
    - `per_target`: a list of {name, mean_squared_error, mean_absolute_error, r2}.
    - `points`: a list of at most 1,000 [true, predicted] of the first target, spread evenly over the examples.
    - with quantiles also `quantile_loss`, `quantiles`: a list of {quantile, coverage}, coverage being the share of targets below it;
      `interval_coverage`: the share between the lowest and the highest, and `interval_expected`; `coverage_error`: the mean distance of
      coverage from quantile.

    Raises ValueError where the shapes do not fit together.
    """
    targets, predictions = np.asarray(targets, np.float64), np.asarray(predictions).astype(np.float64)
    columns = targets.shape[1] if quantiles is None else len(quantiles)
    if targets.ndim != 2 or not len(targets) or predictions.shape != (len(targets), columns) or targets.shape[1] != len(names):
        raise ValueError(f"targets {targets.shape}, predictions {predictions.shape} and {len(names)} names do not fit together")
    points = predictions
    if quantiles is not None:
        middle = int(np.argmin(np.abs(np.asarray(quantiles) - 0.5)))
        points = predictions[:, middle : middle + 1]
    with np.errstate(invalid="ignore", over="ignore"):
        each = {"absolute": np.abs(targets - points), "squared": np.square(targets - points)}
        squared, absolute = each["squared"].mean(axis=0), each["absolute"].mean(axis=0)
        intervals = {f"mean_{name}_error_interval": mean_interval(one.mean(axis=1)) for name, one in each.items()}
        variance = targets.var(axis=0)
        r2 = np.where(variance > 0, 1 - squared / np.where(variance > 0, variance, 1), math.nan)
    kept = np.unique(np.linspace(0, len(targets) - 1, _SHOWN).astype(np.intp))
    scores = {
        "examples": len(targets),
        "not_finite": int((~np.isfinite(predictions)).any(axis=1).sum()),
        "mean_squared_error": float(squared.mean()),
        "root_mean_squared_error": float(np.sqrt(squared).mean()),
        "mean_absolute_error": float(absolute.mean()),
        "r2": float(r2.mean()),
        **intervals,
        "per_target": [
            {"name": str(name), "mean_squared_error": float(s), "mean_absolute_error": float(a), "r2": float(r)}
            for name, s, a, r in zip(names, squared, absolute, r2, strict=True)
        ],
        "points": [[float(true), float(point)] for true, point in zip(targets[kept, 0], points[kept, 0], strict=True)],
    }
    return scores if quantiles is None else {**scores, **_coverage(targets[:, 0], predictions, list(quantiles))}


def _coverage(targets, predictions, quantiles):
    covered = (targets[:, None] <= predictions).mean(axis=0)
    return {
        "quantile_loss": float(quantile_losses(targets, predictions, quantiles).mean()),
        "quantiles": [{"quantile": float(q), "coverage": float(c)} for q, c in zip(quantiles, covered, strict=True)],
        "interval_coverage": float(((targets >= predictions[:, 0]) & (targets <= predictions[:, -1])).mean()),
        "interval_expected": float(quantiles[-1] - quantiles[0]),
        "coverage_error": float(np.abs(covered - quantiles).mean()),
    }


def quantile_losses(targets, predictions, quantiles):
    """The loss of each predicted quantile of each example, float64 `(examples, quantiles)` (Koenker and Bassett, 1978).

    Args:
        targets: float array `(examples,)`.
        predictions: float array `(examples, quantiles)`.
        quantiles: between 0 and 1.
    """
    above = targets[:, None] - predictions
    with np.errstate(invalid="ignore"):
        return np.maximum(np.multiply(quantiles, above), (np.array(quantiles) - 1) * above)
