"""What a network is worth for groups of examples apart: patients, hospitals, speakers. NumPy alone, no Keras."""

import math

import numpy as np

from hornbook.evaluation import regression, scores
from hornbook.evaluation.intervals import mean_interval, wilson_interval

_MOST = 1000


def per_example(about, labels, outputs):
    """Whether each example is predicted right, or by how much it is missed: float64 `(examples,)`.

    Args:
        about: a run's `labels.json`, or what will be.
        labels, outputs: as of `scores.scores`.

    Returns:
        1 where the predicted class, or all labels, are right, with the run's thresholds where it has some; 0 elsewhere, and where the
        outputs are no numbers. Of numbers the absolute error, its mean over the targets; of quantiles that of the one nearest to 0.5.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import subgroups

    about = {"task": "classification", "loss": "cross-entropy", "class_names": ["cat", "dog"]}
    print(subgroups.per_example(about, numpy.array([0, 1]), numpy.array([[2.0, 0.0], [1.0, 0.0]])))
    ```
    """
    labels, answers = np.asarray(labels), scores.answers(about["loss"], outputs)
    limits = about.get("thresholds")
    if about["loss"] in regression.LOSSES:
        quantiles = about.get("quantiles")
        if quantiles:
            answers = answers[:, [int(np.argmin(np.abs(np.asarray(quantiles) - 0.5)))]]
        return np.abs(labels - answers).mean(axis=1)
    if about["loss"] == "multi-label":
        right = ((answers > (0.5 if limits is None else np.asarray(limits))) == (labels > 0)).all(axis=1)
    else:
        right = (answers.argmax(axis=1) if limits is None else answers[:, 1] > limits[0]) == labels
    return (right & np.isfinite(answers).all(axis=1)).astype(np.float64)


def by_group(about, labels, outputs, groups):
    """The score of each group, a list of dicts ready for `json.dump`: the largest 1,000, the largest first.

    Args:
        about, labels, outputs: as of `per_example`.
        groups: array `(examples,)` of what each example belongs to.

    Returns:
        Of each group `name`, `examples`, `accuracy` or `mean_absolute_error`, and `interval`, its 95% interval, as if the group's examples
        had been drawn apart from each other; None of an error of one example.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import subgroups

    about = {"task": "regression", "loss": "mse", "target_names": ["price"]}
    targets, groups = numpy.array([[1.0], [2.0], [4.0]]), numpy.array(["here", "there", "there"])
    found = subgroups.by_group(about, targets, targets + 1, groups)
    assert [(one["name"], one["mean_absolute_error"]) for one in found] == [("there", 1.0), ("here", 1.0)]
    ```
    """
    values, (names, places) = per_example(about, labels, outputs), np.unique(np.asarray(groups).astype(str), return_inverse=True)
    of_numbers = about["loss"] in regression.LOSSES
    order = np.argsort(places, kind="stable")
    parts = np.split(values[order], np.cumsum(np.bincount(places))[:-1])
    found = []
    for name, own in sorted(zip(names.tolist(), parts, strict=True), key=lambda pair: -len(pair[1]))[:_MOST]:
        interval = mean_interval(own) if of_numbers else wilson_interval(int(own.sum()), len(own))
        score = {"mean_absolute_error" if of_numbers else "accuracy": float(own.mean())}
        known = interval is not None and all(map(math.isfinite, interval))
        found.append({"name": name, "examples": len(own), **score, "interval": interval if known else None})
    return found
