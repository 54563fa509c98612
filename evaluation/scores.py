"""A network's outputs scored alike whatever its task and loss: classes, several labels, numbers or their quantiles."""

import numpy as np

from hornbook.evaluation import classification, conformal, multi_label, regression

_OF_CLASSES = ("accuracy", "auc", "average_precision", "loss", "calibration_error", "macro_f1", "balanced_accuracy", "matthews_correlation")
METRICS = (_OF_CLASSES[0], "worst_group_accuracy", *_OF_CLASSES[1:], *regression.METRICS)
HIGHER_IS_BETTER = frozenset(METRICS) - {"loss", "calibration_error", *regression.METRICS} | {"r2"}
"""Of all others the lowest is the best, or, as of `interval_coverage`, the one that was asked for."""

SHARES = frozenset(_OF_CLASSES) - {"loss", "matthews_correlation"} | {"interval_coverage", "coverage_error", "worst_group_accuracy"}
"""What lies between 0 and 1."""

_DECIDED = ("accuracy", "macro_f1", "balanced_accuracy", "matthews_correlation", "per_class")  # What a threshold changes.


def scores(loss, labels, outputs, names, quantiles=None, thresholds=None, positive=None):
    """Score a network's outputs.

    Args:
        loss: "cross-entropy", "binary" or "multi-label" of classifiers; "mse", "mae", "huber" or "quantile" of numbers.
        labels: int array `(examples,)`; for multi-label 0 and 1, `(examples, labels)`; numbers `(examples, targets)`.
        outputs: float array of logits `(examples, classes)`, for binary of the second class's, `(examples, 1)`; or of numbers
            `(examples, targets)` or `(examples, quantiles)`, in the targets' own units.
        names: a name a class, label or target.
        quantiles: those that were predicted, with loss "quantile".
        thresholds: probabilities above which the second of two classes, or each of several labels, is predicted, a list; None: 0.5.
        positive: name of the one of two classes that average precision is of; None: the second.

    Returns:
        A dict as of `classification.classification` or `multi_label.multi_label`, with `auc` and `average_precision` in both, or of
        `regression.regression`. Of two classes `positive_class` is the one that average precision is of. With thresholds it has them,
        too, by name, and `at_half`: what they change, at 0.5.
    """
    if loss in regression.LOSSES:
        return regression.regression(labels, outputs, names, quantiles)
    if thresholds is not None:
        found = scores(loss, labels, outputs, names, positive=positive)
        half = {name: found[name] for name in _DECIDED}
        named = dict(zip(map(str, names[-len(thresholds) :]), thresholds, strict=True))
        if positive is not None and positive == names[0]:
            named = {positive: 1 - thresholds[0]}
        return {**found, **_decided(loss, labels, outputs, names, thresholds), "thresholds": named, "at_half": half}
    if loss != "multi-label":
        logits = class_logits(loss, outputs)
        place = 0 if positive is not None and positive == names[0] else 1
        auc, average_precision = classification.class_ranking(labels, logits, place)
        about = {"positive_class": str(names[place])} if len(names) == 2 else {}
        return {**_decided(loss, labels, outputs, names), "auc": auc, "average_precision": average_precision, **about}
    return _decided(loss, labels, outputs, names)


def _decided(loss, labels, outputs, names, thresholds=None):
    """The scores with and without thresholds, those of the ranking aside, which has none."""
    if loss == "multi-label":
        return multi_label.multi_label(labels, outputs, names, thresholds)
    return classification.classification(labels, class_logits(loss, outputs), names, None if thresholds is None else thresholds[0])


def of_run(about, labels, outputs):
    """`scores` of a run's model, with `prediction_sets` where it makes them: `about` is the run's `labels.json`, or what will be."""
    names = about["target_names"] if about["task"] == "regression" else about["class_names"]
    found = scores(about["loss"], labels, outputs, names, about.get("quantiles"), about.get("thresholds"), about.get("positive_class"))
    told = about.get("conformal")
    if told is None:
        return found
    made = conformal.reached(about["loss"], labels, answers(about["loss"], outputs), told["quantiles"], names)
    return {**found, "prediction_sets": {"promised": told["coverage"], **made}}


def reported(task, loss, *, groups=False):
    """The names of the scores that runs report, the usual aim first.

    Args:
        task: "regression", "sequence_pretraining", "text_pretraining", or another, which is of classes.
        loss: as of `scores`; or of a pretraining its task, such as "contrastive".
        groups: whether the classes of examples are scored by groups, too.
    """
    if task == "sequence_pretraining":
        return ["mean_squared_error"]
    if task == "text_pretraining" or loss == "contrastive":
        return ["accuracy", "loss"]
    if task != "regression":
        return [*_OF_CLASSES, *(["worst_group_accuracy"] if groups else [])]
    return ["quantile_loss", "coverage_error"] if loss == "quantile" else ["mean_squared_error", "r2", "mean_absolute_error"]


def answers(loss, outputs):
    """What a model's outputs say: probabilities of classes or labels, or the numbers themselves; float64 `(examples, outputs)`."""
    return np.asarray(outputs).astype(np.float64) if loss in regression.LOSSES else probabilities(loss, outputs)


def headline(found):
    """Those of the scores that are shown first: a dict of name to number."""
    return {name: found[name] for name in METRICS if name in found}


def recalls(found):
    """The recall of each class or label that has examples, of the scores of a part: a dict of name to number; empty for numbers."""
    return {row["name"]: row["recall"] for row in found.get("per_class", ()) if row["support"]}


def class_logits(loss, outputs):
    """Logits `(examples, classes)`; the first class's is 0 where the network has the second's alone."""
    outputs = np.asarray(outputs)
    return np.concatenate([np.zeros_like(outputs), outputs], axis=1) if loss == "binary" else outputs


def probabilities(loss, outputs):
    """Float64 `(examples, classes)`; for multi-label those of each label, which need not add up to 1."""
    if loss == "multi-label":
        return 1 / (1 + np.exp(-np.clip(np.asarray(outputs).astype(np.float64), -700, 700)))
    return classification.softmax(class_logits(loss, outputs))


def ranked(about, probabilities):
    """The classes of an example, an int array: first the one that is predicted, then the others, the most probable first.

    Args:
        about: a run's `labels.json`.
        probabilities: float array `(classes,)`.
    """
    if about.get("thresholds") is None:
        return np.argsort(-probabilities, kind="stable")
    return np.array([1, 0] if probabilities[1] > about["thresholds"][0] else [0, 1])


def mistakes(about, labels, outputs, count=24):
    """The most confident mistakes: a list of {position, true, predicted, confidence}; none where an example has no single class.

    Args:
        about: the run's `labels.json`, or what will be.
        labels, outputs: as of `scores`.
        count: the most that are listed.
    """
    loss, names, thresholds = about["loss"], about["class_names"], about.get("thresholds")
    if loss == "multi-label" or loss in regression.LOSSES:
        return []
    logits = class_logits(loss, outputs)
    positions = classification.worst(labels, logits, count, None if thresholds is None else thresholds[0])
    found = []
    for position, row in zip(positions, classification.softmax(logits[positions]), strict=True):
        said = ranked(about, row)[0]
        true, predicted = names[labels[position]], names[said]
        found.append({"position": int(position), "true": true, "predicted": predicted, "confidence": float(row[said])})
    return found
