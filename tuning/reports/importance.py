"""How much each hyperparameter mattered to the score, and which of the best stand at the edge of what was tried."""

import keras_tuner
import numpy as np

_LEAST_TRIALS = 6


def importance(space, configurations, scores, seed=0):
    """The share of the differences between scores that each hyperparameter explains.

    Permutation importance (Breiman 2001) of a random forest fitted to the trials, by scikit-learn: how much worse it predicts when one
    hyperparameter's values are shuffled among the trials. Of a few dozen trials it is a hint, no proof: how well the forest predicts
    trials that it was not fitted to is returned beside it.

    Args:
        space: list of hyperparameters.
        configurations: list of values by name.
        scores: list of floats.
        seed: integer.

    Returns:
        ([(name, share)], largest first, R2 out of the bag); ([], None) with fewer than 6 trials or equal scores.
    """
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    from hornbook.tuning.oracles.encoding import Encoding

    scores = np.asarray(scores, np.float64)
    if len(scores) < _LEAST_TRIALS or np.ptp(scores) == 0:
        return [], None
    low, high = np.quantile(scores, (0.25, 0.75))
    if high > low:  # Else a diverged trial's loss would be all that there is to explain.
        scores = np.clip(scores, low - 3 * (high - low), high + 3 * (high - low))
    encoding = Encoding(space)
    points = np.array([encoding.point(values) for values in configurations])
    forest = RandomForestRegressor(200, min_samples_leaf=2, oob_score=True, random_state=seed).fit(points, scores)
    worse = permutation_importance(forest, points, scores, n_repeats=10, random_state=seed).importances_mean.clip(0)
    shares = worse / (worse.sum() or 1.0)
    ranked = sorted(zip([hp.name for hp in encoding.space], shares.tolist(), strict=True), key=lambda pair: -pair[1])
    return ranked, float(forest.oob_score_)


def edges(space, values, configurations, scores, direction):
    """Where the best configuration's numbers stand at an end of their range, so that a wider one may hold a better.

    Args:
        space: list of hyperparameters.
        values: of the best configuration.
        configurations, scores: of all finished trials.
        direction: "min" or "max".

    Returns:
        A list of (name, "up" or "down", value): those where the best three trials all stand in the outer tenth of the range.
    """
    order = np.argsort(np.asarray(scores) * (1 if direction == "min" else -1))[:3]
    best = [values, *(configurations[place] for place in order)]
    found = []
    for hp in space:
        if not _is_number(hp) or any(hp.name not in one for one in best):
            continue
        places = [_share(hp, one[hp.name]) for one in best]
        if min(places) >= 0.9:
            found.append((hp.name, "up", values[hp.name]))
        # Nothing lies below a range that ends at 0, such as that of dropout.
        if max(places) <= 0.1 and _lowest(hp) > 0:
            found.append((hp.name, "down", values[hp.name]))
    return found


def _is_number(hp):
    if isinstance(hp, keras_tuner.engine.hyperparameters.Choice):
        return hp.ordered and len(hp.values) > 2
    return isinstance(hp, keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float)


def _share(hp, value):
    """Where a value stands in its range, from 0 to 1 on its own scale."""
    if isinstance(hp, keras_tuner.engine.hyperparameters.Choice):
        return list(hp.values).index(value) / (len(hp.values) - 1)
    return hp.value_to_prob(value)


def _lowest(hp):
    return min(hp.values) if isinstance(hp, keras_tuner.engine.hyperparameters.Choice) else hp.min_value
