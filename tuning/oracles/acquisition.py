"""Which configuration to try next, given what others scored."""

import numpy as np
import scipy.special
import scipy.stats

from hornbook.tuning.oracles.surrogate import GaussianProcess

# A process of more points than this takes longer than it gains: kept are the best and the latest.
_MOST_POINTS = 300
_MOST_ENUMERATED = 3000
_RANDOM = 1500


def propose(encoding, tried, failed, waiting, *, is_tried, generator):
    """The configuration of the largest expected improvement (Jones, Schonlau and Welch 1998), by its logarithm (Ament et al. 2023).

    Args:
        encoding: `Encoding` of the space.
        tried: list of (values, score), scores to be minimized.
        failed: values of trials without a score: they count as the worst.
        waiting: values of trials that are running.
        is_tried: function from values to whether they were proposed before.
        generator: `numpy.random.Generator`.

    Returns:
        Values by name, or None when nothing is left to try.
    """
    tried = _kept(tried)
    scores = np.array([score for _, score in tried] + [max(score for _, score in tried)] * len(failed))
    points = np.array([encoding.vector(values) for values in [*(values for values, _ in tried), *failed]])
    process = GaussianProcess(encoding.groups()).fit(points, _flattened(scores))
    if waiting:
        process = process.with_points(np.array([encoding.vector(values) for values in waiting]))
    lowest = process.predict(points)[0].min()
    order = np.argsort(scores)
    candidates = _candidates(encoding, [tried[place][0] for place in order if place < len(tried)][:5], is_tried, generator)
    for _ in range(3):
        if not candidates:
            return None
        gain = _log_expected_improvement(process, np.array([encoding.vector(values) for values in candidates]), lowest)
        best = [candidates[place] for place in np.argsort(-gain)[:5]]
        if encoding.number_of_configurations() <= _MOST_ENUMERATED:
            break
        candidates = best[:1] + _neighbours(encoding, best, is_tried, generator, 40)
    return best[0]


def _kept(tried):
    if len(tried) <= _MOST_POINTS:
        return tried
    best = sorted(range(len(tried)), key=lambda place: tried[place][1])[: _MOST_POINTS // 2]
    latest = [place for place in range(len(tried) - 1, -1, -1) if place not in set(best)][: _MOST_POINTS - len(best)]
    return [tried[place] for place in sorted([*best, *latest])]


def _flattened(scores):
    """Scores whose upper half is ranks alone: how bad a bad configuration is says nothing about where the best are."""
    middle, low = np.median(scores), scores.min()
    width = middle - low or 1.0
    above = np.maximum(scores - middle, 0) / width
    return np.minimum(scores, middle) + width * np.log1p(above)


def _candidates(encoding, best, is_tried, generator):
    if encoding.number_of_configurations() <= _MOST_ENUMERATED:
        return [values for values in encoding.every() if not is_tried(values)]
    drawn = [encoding.values(point) for point in generator.random((_RANDOM, len(encoding.space)))]
    return _untried(drawn, is_tried) + _neighbours(encoding, best, is_tried, generator, 100)


def _neighbours(encoding, configurations, is_tried, generator, number):
    """`number` variations of each configuration: some of its coordinates moved a little, or drawn anew."""
    drawn = []
    for values in configurations:
        point = encoding.point(values)
        moved = np.clip(point + generator.normal(0, 0.1, (number, len(point))), 0, 1 - 1e-9)
        anew = generator.random((number, len(point)))
        kind = generator.random((number, len(point)))
        # A word has no neighbours: it is drawn anew or stays.
        changed = np.where((kind < 0.5) & ~encoding.is_word(), moved, np.where(kind > 0.85, anew, point))
        drawn += [encoding.values(one) for one in changed]
    return _untried(drawn, is_tried)


def _untried(drawn, is_tried):
    unique = {tuple(sorted(values.items())): values for values in drawn}
    return [values for values in unique.values() if not is_tried(values)]


def _log_expected_improvement(process, points, lowest):
    mean, deviation = process.predict(points)
    z = (lowest - mean) / deviation
    # log(phi(z) + z Phi(z)); far below, where that cancels, by its asymptote phi(z) / z^2.
    with np.errstate(divide="ignore", invalid="ignore"):
        direct = np.log(scipy.stats.norm.pdf(z) + z * scipy.special.ndtr(z))
        far = -0.5 * z**2 - 0.5 * np.log(2 * np.pi) - 2 * np.log(-z)
    return np.log(deviation) + np.where(z > -6, direct, far)
