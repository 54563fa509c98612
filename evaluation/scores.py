"""A classifier's outputs scored alike whatever its loss: one logit, one a class, or one a label."""

import numpy as np

from hornbook.evaluation import calibration, classification, multi_label

METRICS = ("accuracy", "auc", "average_precision", "loss", "calibration_error", "macro_f1")


def scores(loss, labels, outputs, class_names):
    """Score a classifier's outputs.

    Args:
        loss: "cross-entropy", "binary" or "multi-label", see `losses`.
        labels: int array `(examples,)`; for multi-label 0 and 1, `(examples, labels)`.
        outputs: float array of logits `(examples, classes)`; for binary the second class's, `(examples, 1)`.
        class_names: a name a class or label.

    Returns:
        A dict as of `classification.classification` or `multi_label.multi_label`, with `auc` and `average_precision` in both.
    """
    if loss == "multi-label":
        return multi_label.multi_label(labels, outputs, class_names)
    logits = class_logits(loss, outputs)
    auc, average_precision = calibration.class_ranking(labels, logits)
    return {**classification.classification(labels, logits, class_names), "auc": auc, "average_precision": average_precision}


def class_logits(loss, outputs):
    """Logits `(examples, classes)`; the first class's is 0 where the network has the second's alone."""
    outputs = np.asarray(outputs)
    return np.concatenate([np.zeros_like(outputs), outputs], axis=1) if loss == "binary" else outputs


def probabilities(loss, outputs):
    """Float64 `(examples, classes)`; for multi-label those of each label, which need not add up to 1."""
    if loss == "multi-label":
        return 1 / (1 + np.exp(-np.clip(np.asarray(outputs).astype(np.float64), -700, 700)))
    return classification.softmax(class_logits(loss, outputs))


def mistakes(loss, labels, outputs, class_names, count=24):
    """The most confident mistakes: a list of {position, true, predicted, confidence}; none for multi-label, which has no single answer."""
    if loss == "multi-label":
        return []
    logits = class_logits(loss, outputs)
    positions = classification.worst(labels, logits, count)
    return [
        {
            "position": int(position),
            "true": class_names[labels[position]],
            "predicted": class_names[row.argmax()],
            "confidence": float(row.max()),
        }
        for position, row in zip(positions, classification.softmax(logits[positions]), strict=True)
    ]
