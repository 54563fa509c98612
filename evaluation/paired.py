"""Whether one of several ways is better than another, from scores that belong together in pairs: by seed, or by data set.

Runs of one seed have the same split, order and initial draws, so what makes a seed lucky cancels in their difference.
"""

import math

import numpy as np

_LEAST = 2  # Pairs that a spread needs.


def difference(scores, reference):
    """The mean difference of paired scores, its 95% interval, and the paired t-test of no difference (Student 1908).

    Wilcoxon's test, which assumes less, cannot reach 0.05 with five pairs: its smallest p is 1/16.

    Args:
        scores: floats `(pairs,)` of one way, one a seed.
        reference: floats `(pairs,)` of another way, of the same seeds in the same order. Pairs with a NaN in either do not count.

    Returns:
        A dict: `n` pairs, `mean` difference, its `standard_deviation` over the pairs (divided by n - 1), `interval` [low, high] by
        Student's t, and `p`, two-sided. With fewer than two pairs the last three are NaN. Where all differences are the same number there
        is no spread to measure: p is NaN, or 1 if they are all 0.

    Raises:
        ValueError: the two are not of one length.

    Example:
    ```python
    from hornbook.evaluation import paired

    with_it, without = [0.91, 0.93, 0.92, 0.94, 0.92], [0.90, 0.90, 0.91, 0.91, 0.90]
    found = paired.difference(with_it, without)
    print(found["mean"], found["interval"], found["p"])
    ```
    """
    from scipy import stats

    scores, reference = (np.asarray(values, np.float64) for values in (scores, reference))
    if scores.shape != reference.shape or scores.ndim != 1:
        raise ValueError(f"paired scores must be two lists of one length, got shapes {scores.shape} and {reference.shape}")
    gains = scores - reference
    gains = gains[np.isfinite(gains)]
    count, mean = len(gains), float(np.mean(gains)) if len(gains) else math.nan
    if count < _LEAST:
        return {"n": count, "mean": mean, "standard_deviation": math.nan, "interval": [math.nan, math.nan], "p": math.nan}
    deviation = float(np.std(gains, ddof=1))
    if deviation <= 1e-12 * max(1e-12, float(np.abs(scores[np.isfinite(scores)]).max())):  # Rounding is no spread.
        return {"n": count, "mean": mean, "standard_deviation": 0.0, "interval": [mean, mean], "p": math.nan if mean else 1.0}
    error = deviation / math.sqrt(count)
    half = float(stats.t.ppf(0.975, count - 1)) * error
    p = float(2 * stats.t.sf(abs(mean) / error, count - 1))
    return {"n": count, "mean": mean, "standard_deviation": deviation, "interval": [mean - half, mean + half], "p": p}


def holm(p_values):
    """Probabilities corrected for their number, so that all together are wrong with the stated one (Holm 1979).

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is smaller than one before it, none above 1.

    Args:
        p_values: a list of floats; NaN stays NaN and does not count.

    Returns:
        A list of floats in the same order.

    Example:
    ```python
    from hornbook.evaluation import paired

    assert paired.holm([0.01, 0.04, 0.03]) == [0.03, 0.06, 0.06]
    ```
    """
    known = [place for place, p in enumerate(p_values) if not math.isnan(p)]
    corrected, largest = [math.nan] * len(p_values), 0.0
    for rank, place in enumerate(sorted(known, key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, p_values[place] * (len(known) - rank)))
        corrected[place] = largest
    return corrected


def ranks(scores, *, higher_is_better=True):
    """Mean ranks of several ways over several data sets, and Friedman's test of no difference among them (Friedman 1937, Demšar 2006).

    Args:
        scores: floats `(data sets, ways)`; a data set with a NaN does not count. Equal scores share their mean rank; infinite ones are what
            is best or worst of all.
        higher_is_better: whether the highest score has rank 1.

    Returns:
        A dict: `n` data sets that count, `mean_ranks` `(ways,)`, a list, and `p`, by the chi-squared distribution; NaN with fewer than two
        data sets or three ways, for which there is no such test.

    Raises:
        ValueError: scores have another shape.

    Example:
    ```python
    from hornbook.evaluation import paired

    found = paired.ranks([[0.9, 0.8, 0.7], [0.6, 0.5, 0.5], [0.8, 0.7, 0.6]])
    print(found["mean_ranks"], found["p"])
    ```
    """
    from scipy import stats

    scores = np.asarray(scores, np.float64)
    if scores.ndim != 2:
        raise ValueError(f"scores must have shape (data sets, ways), got {scores.shape}")
    scores = scores[~np.isnan(scores).any(axis=1)]
    count, ways = scores.shape
    if not count:
        return {"n": 0, "mean_ranks": [math.nan] * ways, "p": math.nan}
    ranked = stats.rankdata(-scores if higher_is_better else scores, axis=1)
    tested = count >= _LEAST and ways >= 3 and (ranked != ranked[:, :1]).any()
    p = float(stats.friedmanchisquare(*-ranked.T).pvalue) if tested else math.nan
    return {"n": count, "mean_ranks": ranked.mean(axis=0).tolist(), "p": p}
