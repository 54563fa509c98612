"""Sets and intervals that hold what is true in a promised share of new examples: split conformal prediction. NumPy alone, no Keras.

Held-out examples, the calibration examples, say how far a network's answers are from what is true: each has a score, higher where the
answer is worse. An answer is in the set of a new example where its score is not above a quantile of theirs. Where new examples are drawn
as the calibration examples were, and these had no part in the training, the set has the true answer with the promised probability,
whatever the network (Vovk, Gammerman and Shafer 2005; Papadopoulos, Proedrou, Vovk and Gammerman 2002).
"""

import fractions
import math

import numpy as np

from hornbook import UserError
from hornbook.evaluation import regression
from hornbook.evaluation.intervals import wilson_interval


def least_examples(coverage):
    """How many calibration examples a coverage takes at least: ceil(1 / (1 - coverage)) - 1. With fewer, every answer is in every set.

    Args:
        coverage: between 0 and 1.

    Example:
    ```python
    from hornbook.evaluation import conformal

    assert conformal.least_examples(0.9) == 9
    ```
    """
    return math.ceil(1 / (1 - _exact(coverage))) - 1


def require_enough(coverage, examples):
    """Refuse a coverage that so many calibration examples cannot promise.

    Args:
        coverage: between 0 and 1.
        examples: of the validation part.

    Raises:
        UserError: with how many it takes.

    Example:
    ```python
    from hornbook.evaluation import conformal

    conformal.require_enough(0.9, examples=9)
    ```
    """
    least = least_examples(coverage)
    if examples < least:
        raise UserError(
            f"--coverage {coverage:g} takes {least:,} validation examples or more, and there are {examples:,}; hold more out, such as "
            f"--validation-fraction 0.3, or pass a lower coverage, {examples / (examples + 1):.4g} or less"
        )


def quantile(scores, coverage):
    """The score that is not exceeded with a promised probability: of n scores the ceil((n + 1) * coverage)th from below.

    Args:
        scores: float array `(examples,)` or `(examples, columns)`, of calibration examples; what is no number counts as infinite.
        coverage: between 0 and 1; taken for the decimal number that it is written as.

    Returns:
        A float, or a float64 array `(columns,)`; infinite where there are fewer than `least_examples`.

    Raises:
        ValueError: the scores have another shape.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    assert conformal.quantile(numpy.arange(1.0, 20.0), coverage=0.9) == 18  # Of 19 the 18th: 20 * 0.9.
    ```
    """
    scores = np.asarray(scores, np.float64)
    if scores.ndim not in (1, 2):
        raise ValueError(f"scores must have shape (examples,) or (examples, columns), got {scores.shape}")
    rank = math.ceil((len(scores) + 1) * _exact(coverage))
    if rank > len(scores):
        found = np.full(scores.shape[1:], np.inf)
    else:
        found = np.sort(np.where(np.isnan(scores), np.inf, scores), axis=0)[rank - 1]
    return float(found) if scores.ndim == 1 else found


def class_scores(labels, probabilities):
    """1 less the probability of the true class (Sadinle, Lei and Wasserman 2019): float64 `(examples, 1)`.

    Args:
        labels: int array `(examples,)`.
        probabilities: float array `(examples, classes)`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    labels, probabilities = numpy.array([0, 1, 1]), numpy.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5]])
    limit = conformal.quantile(conformal.class_scores(labels, probabilities), coverage=0.5)
    print(conformal.class_sets(probabilities, limit))  # Two of three scores are 0.4 or less.
    ```
    """
    return 1 - np.take_along_axis(np.asarray(probabilities, np.float64), np.asarray(labels)[:, None], axis=1)


def class_sets(probabilities, limit):
    """The classes in each example's set: bool `(examples, classes)`. A set may be empty, and has all classes where nothing is known.

    Args:
        probabilities: float array `(examples, classes)`.
        limit: `quantile` of `class_scores`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    sets = conformal.class_sets(numpy.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]]), limit=0.7)
    assert sets.tolist() == [[True, False, False], [True, True, False]]
    ```
    """
    return ~(1 - np.asarray(probabilities, np.float64) > np.ravel(limit)[0])


def label_scores(labels, probabilities):
    """Of several labels each its own: 1 less the probability of what is true of it, float64 `(examples, labels)`.

    Args:
        labels: array `(examples, labels)` of 0 and 1.
        probabilities: float array `(examples, labels)`, of having each.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    scores = conformal.label_scores(numpy.array([[1, 0]]), numpy.array([[0.75, 0.25]]))
    assert scores.tolist() == [[0.25, 0.25]]
    ```
    """
    probabilities = np.asarray(probabilities, np.float64)
    return np.where(np.asarray(labels) > 0, 1 - probabilities, probabilities)


def label_sets(probabilities, limits):
    """Whether it is in the set of each label that an example lacks it, and that it has it: bool `(examples, labels, 2)`.

    Args:
        probabilities: float array `(examples, labels)`.
        limits: `quantile` of `label_scores`, `(labels,)`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    sets = conformal.label_sets(numpy.array([[0.9, 0.55]]), limits=[0.5, 0.6])
    assert sets.tolist() == [[[False, True], [True, True]]]
    ```
    """
    probabilities = np.asarray(probabilities, np.float64)
    return ~(np.stack([probabilities, 1 - probabilities], axis=-1) > np.asarray(limits, np.float64)[:, None])


def number_scores(targets, predictions, of_quantiles=False):
    """How far each target is from its prediction, or from the interval between the outermost predicted quantiles: float64.

    The absolute residual; of quantiles the larger of lowest - target and target - highest, which is negative between them (Romano,
    Patterson and Candes 2019, equation 6).

    Args:
        targets: float array `(examples, targets)`; `(examples, 1)` with quantiles.
        predictions: float array `(examples, targets)`, or `(examples, quantiles)`, rising.
        of_quantiles: whether the predictions are quantiles.

    Returns:
        `(examples, targets)`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    targets = numpy.array([[1.0], [5.0]])
    assert conformal.number_scores(targets, numpy.array([[1.5], [3.0]])).tolist() == [[0.5], [2.0]]
    assert conformal.number_scores(targets, numpy.array([[0.0, 3.0], [0.0, 3.0]]), of_quantiles=True).tolist() == [[-1.0], [2.0]]
    ```
    """
    targets, predictions = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    low, high = _ends(predictions, of_quantiles)
    with np.errstate(invalid="ignore"):  # Infinity less infinity, of a network that is lost.
        return np.maximum(low - targets, targets - high)


def number_intervals(predictions, limits, of_quantiles=False):
    """The interval of each target: float64 `(examples, targets, 2)`, low and high.

    Quantiles that would cross, where the network's own interval is too wide, meet in the middle.

    Args:
        predictions, of_quantiles: as of `number_scores`.
        limits: `quantile` of `number_scores`, `(targets,)`.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    assert conformal.number_intervals(numpy.array([[10.0]]), limits=[2.0]).tolist() == [[[8.0, 12.0]]]
    assert conformal.number_intervals(numpy.array([[0.0, 3.0]]), [-1.0], of_quantiles=True).tolist() == [[[1.0, 2.0]]]
    ```
    """
    low, high = _ends(np.asarray(predictions, np.float64), of_quantiles)
    limits = np.asarray(limits, np.float64)
    with np.errstate(invalid="ignore"):
        middle, low, high = low / 2 + high / 2, low - limits, high + limits
        found = np.stack([np.where(low > high, middle, low), np.where(low > high, middle, high)], axis=-1)
    unknown = np.isnan(found)
    return np.where(unknown, np.broadcast_to([-np.inf, np.inf], found.shape), found)


def _ends(predictions, of_quantiles):
    return (predictions[:, :1], predictions[:, -1:]) if of_quantiles else (predictions, predictions)


def fit(loss, labels, answers, coverage):
    """The quantiles by which a network's answers become sets or intervals, float64: one, or one a label or target.

    Args:
        loss: as of `scores.scores`: "cross-entropy", "binary", "multi-label", "mse", "mae", "huber" or "quantile".
        labels: of the calibration examples, as of `scores.scores`.
        answers: as `scores.answers` gives them: probabilities, or numbers.
        coverage: between 0 and 1.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    targets = numpy.arange(20.0)[:, None]
    assert conformal.fit("mae", targets, targets + 1, coverage=0.9).tolist() == [1.0]
    ```
    """
    if loss in regression.LOSSES:
        return quantile(number_scores(labels, answers, loss == "quantile"), coverage)
    scores = label_scores(labels, answers) if loss == "multi-label" else class_scores(labels, answers)
    return np.minimum(quantile(scores, coverage), 1.0)  # No score is higher: all answers.


def sets(loss, answers, limits):
    """What is promised of each example: bool `(examples, classes)`, bool `(examples, labels, 2)`, or intervals `(examples, targets, 2)`.

    Args:
        loss, answers: as of `fit`.
        limits: what `fit` returned; None in it is infinite, as JSON has it.

    Example:
    ```python
    from hornbook.evaluation import conformal

    assert conformal.sets("mse", [[10.0]], [None]).tolist() == [[[-float("inf"), float("inf")]]]
    ```
    """
    limits = np.array([np.inf if limit is None else limit for limit in limits], np.float64)
    if loss in regression.LOSSES:
        return number_intervals(answers, limits, loss == "quantile")
    return label_sets(answers, limits) if loss == "multi-label" else class_sets(answers, limits)


def named(about, row):
    """What is promised of one example, in names: a dict ready for `json.dump`; empty where a run makes no sets.

    Args:
        about: the run's `labels.json`.
        row: float array `(outputs,)`, as `scores.answers` gives it.

    Returns:
        `set`, the classes in it, the most probable first; of several labels `sets`, of each what it may be, of "no" and "yes"; of numbers
        `intervals`, of each target [low, high], None where nothing bounds it.

    Example:
    ```python
    from hornbook.evaluation import conformal

    about = {"task": "classification", "loss": "cross-entropy", "class_names": ["cat", "dog"], "conformal": {"quantiles": [0.7]}}
    assert conformal.named(about, [0.4, 0.6]) == {"set": ["dog", "cat"]}
    ```
    """
    if about.get("conformal") is None:
        return {}
    row = np.asarray(row, np.float64)
    [held] = sets(about["loss"], row[None], about["conformal"]["quantiles"])
    if about["task"] == "regression":
        ends = [[end if math.isfinite(end) else None for end in pair] for pair in held.tolist()]
        return {"intervals": dict(zip(about["target_names"], ends, strict=True))}
    if about["task"] == "multi-label":
        may = ([word for word, there in zip(("no", "yes"), pair, strict=True) if there] for pair in held)
        return {"sets": dict(zip(about["class_names"], may, strict=True))}
    return {"set": [about["class_names"][k] for k in np.argsort(-row, kind="stable") if held[k]]}


def reached(loss, labels, answers, limits, names):
    """How often the sets of some examples have what is true, and how large they are, a dict ready for `json.dump`.

    - `coverage`: the share of examples; of several labels or targets the mean of theirs, and of one `coverage_interval`, its 95% interval.
    - `mean_size`: answers in a set, of labels from 0 to 2; of one target `mean_width` in its units, else each target's own is in `each`.
    - of classes `empty` and `single`: the shares of sets of none and of one.
    - `each`: of every class, label or target {name, examples, coverage, coverage_interval, and mean_size or mean_width}; of a class they
      are those of its own examples, for which nothing is promised: the promise is for all together.

    Args:
        loss, labels, answers, limits: as of `fit` and `sets`.
        names: of classes, labels or targets.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import conformal

    found = conformal.reached("mse", numpy.array([[1.0], [9.0]]), numpy.array([[2.0], [2.0]]), [3.0], ["price"])
    assert (found["coverage"], found["mean_width"]) == (0.5, 6.0)
    ```
    """
    labels, found = np.asarray(labels), sets(loss, answers, limits)
    if loss in regression.LOSSES:
        inside = (labels >= found[..., 0]) & (labels <= found[..., 1])
        return _summary(inside, found[..., 1] - found[..., 0], "mean_width", names)
    if loss == "multi-label":
        inside = np.take_along_axis(found, (labels > 0).astype(np.intp)[..., None], axis=-1)[..., 0]
        return _summary(inside, found.sum(axis=-1), "mean_size", names)
    inside, size = np.take_along_axis(found, labels[:, None], axis=1)[:, 0], found.sum(axis=1)
    own = [_row(name, inside[labels == k], size[labels == k], "mean_size") for k, name in enumerate(names)]
    whole = _summary(inside[:, None], size[:, None], "mean_size", [""])
    return {**whole, "empty": float(np.mean(size == 0)), "single": float(np.mean(size == 1)), "each": own}


def _summary(inside, sizes, key, names):
    rows = [_row(name, inside[:, k], sizes[:, k], key) for k, name in enumerate(names)]
    found = {"coverage": float(inside.mean()), "coverage_interval": rows[0]["coverage_interval"] if len(rows) == 1 else None}
    if key == "mean_size" or len(rows) == 1:
        found[key] = float(sizes.mean())
    return {**found, "each": rows}


def _row(name, inside, sizes, key):
    count = len(inside)
    return {
        "name": str(name),
        "examples": count,
        "coverage": float(inside.mean()) if count else None,
        "coverage_interval": wilson_interval(int(inside.sum()), count) if count else None,
        key: float(sizes.mean()) if count else None,
    }


def _exact(coverage):
    """A share as the fraction that its decimal digits mean: 10 * 0.7 is 7, and not a little more, of which the next integer would be 8."""
    return fractions.Fraction(repr(float(coverage)))
