"""What a network says of hidden steps, beside what takes no learning: the mean, and a line between the steps that are seen."""

import numpy as np

from hornbook.evaluation.intervals import bootstrap_interval


def errors(outputs, targets):
    """The mean squared error on the hidden steps of each series: float64 `(series,)`.

    Args:
        outputs: float array `(series, steps, features)`.
        targets: float array `(series, steps, features + 1)`: values, and 1 where a step is hidden.
    """
    values, hidden = np.asarray(targets, np.float64)[..., :-1], np.asarray(targets)[..., -1] > 0
    squares = np.square(np.asarray(outputs, np.float64) - values).mean(axis=-1)
    return np.where(hidden, squares, 0).sum(axis=1) / np.maximum(hidden.sum(axis=1), 1)


def interpolated(targets):
    """Values between the seen steps linearly, before the first and behind the last as these: float64 `(series, steps, features)`."""
    values, hidden = np.asarray(targets, np.float64)[..., :-1], np.asarray(targets)[..., -1] > 0
    result, steps = values.copy(), np.arange(values.shape[1])
    for one, unseen in zip(result, hidden, strict=True):
        seen = ~unseen
        for feature in range(one.shape[1]):
            one[unseen, feature] = np.interp(steps[unseen], steps[seen], one[seen, feature]) if seen.any() else 0.0
    return result


def scores(outputs, targets):
    """The scores of a network, a dict of `examples`, `not_finite` and `mean_squared_error`, in units of the features' variances.

    Args:
        outputs, targets: as of `errors`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation.floors import masked_steps

    targets = numpy.random.default_rng(0).normal(size=(5, 8, 3))
    print(masked_steps.scores(numpy.zeros((5, 8, 2)), targets)["examples"])
    ```
    """
    found = errors(outputs, targets)
    not_finite = int((~np.isfinite(found)).sum())
    return {"examples": len(found), "not_finite": not_finite, "mean_squared_error": float(found.mean())}


def floor(outputs, targets):
    """How a network compares with the better of the mean and interpolation: what a run's result has of its floor, see `floors.compare`.

    Args:
        outputs, targets: as of `errors`.
    """
    own = errors(outputs, targets)
    others = {"mean": errors(np.zeros_like(np.asarray(outputs)), targets), "linear interpolation": errors(interpolated(targets), targets)}
    best = min(others, key=lambda name: others[name].mean())
    apart = own - others[best]
    interval = bootstrap_interval(lambda times: float((apart * times).sum() / times.sum()), len(apart))
    return {
        "model": best,
        "metric": "mean_squared_error",
        "score": float(others[best].mean()),
        "network": float(own.mean()),
        "difference": float(apart.mean()),
        "interval": interval if np.isfinite(interval).all() else None,
        "higher_is_better": False,
        "examples": len(own),
        "all": {name: {"mean_squared_error": float(one.mean())} for name, one in others.items()},
        "seconds": 0.0,
        "notes": [],
    }
