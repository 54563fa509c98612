"""What a network with several labels an example is worth. NumPy and scikit-learn alone, no Keras."""

import numpy as np

from hornbook.evaluation import calibration, intervals


def multi_label(labels, logits, names, thresholds=None):
    """Score logits of several labels, each of which an example has or has not.

    `labels` is an array (examples, labels) of 0 and 1, `logits` a float array of that shape; a label is predicted where its logit is
    positive, or, with `thresholds`, a number a label, where its probability is higher than that. `names` has one string a label.

    Returns a dict ready for `json.dump`:

    - `examples`, `not_finite` (such count as predicting nothing); `accuracy`: the share of examples with all labels right;
      `label_accuracy`: the share of labels.
    - `loss`: mean binary cross-entropy in nats. `calibration_error`, `calibration_bins`: of all labels, see `calibration.calibration`.
    - `auc`, `average_precision`: means over the labels that occur and are sometimes missing; NaN without any.
    - `per_class`: a list of {name, support, precision, recall, f1}; `macro_precision`, `macro_recall`, `macro_f1`: means over the labels
      that occur.
    - `balanced_accuracy` (the mean of a label's recall and of the share of examples without it that were told) and `matthews_correlation`:
      means over the labels that occur and are sometimes missing; NaN without any.

    Raises ValueError where the shapes do not fit together.
    """
    from sklearn.metrics import balanced_accuracy_score, matthews_corrcoef, precision_recall_fscore_support

    labels, logits = np.asarray(labels), np.asarray(logits).astype(np.float64)
    if labels.ndim != 2 or labels.shape != logits.shape or not labels.size or labels.shape[1] != len(names):
        raise ValueError(f"labels {labels.shape}, logits {logits.shape} and {len(names)} names do not fit together")
    labels = labels.astype(np.int64)
    finite = np.isfinite(logits).all(axis=1)
    probability = 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    predicted = (logits > 0 if thresholds is None else probability > np.asarray(thresholds)) & finite[:, None]
    with np.errstate(invalid="ignore", over="ignore"):
        loss = np.maximum(logits, 0) - logits * labels + np.log1p(np.exp(-np.abs(logits)))
    both = np.stack([1 - probability[finite].ravel(), probability[finite].ravel()], axis=1)
    error, bins = calibration.calibration(labels[finite].ravel(), both)
    precision, recall, f1, support = precision_recall_fscore_support(labels, predicted, average=None, zero_division=0)
    present, told = np.flatnonzero(support), np.flatnonzero((support > 0) & (support < len(labels)))
    auc, average_precision = calibration.ranking(labels, np.where(finite[:, None], logits, -np.inf))
    return {
        "examples": len(labels),
        "not_finite": int((~finite).sum()),
        "accuracy": float((predicted == labels).all(axis=1).mean()),
        "accuracy_interval": intervals.wilson_interval(int((predicted == labels).all(axis=1).sum()), len(labels)),
        "label_accuracy": float((predicted == labels).mean()),
        "loss": float(loss.mean()),
        "calibration_error": error,
        "calibration_bins": bins,
        "auc": auc,
        "average_precision": average_precision,
        "per_class": [
            {
                "name": str(name),
                "support": int(support[k]),
                "precision": float(precision[k]),
                "recall": float(recall[k]),
                "f1": float(f1[k]),
            }
            for k, name in enumerate(names)
        ],
        "macro_precision": _mean(precision[present]),
        "macro_recall": _mean(recall[present]),
        "macro_f1": _mean(f1[present]),
        "balanced_accuracy": _mean([balanced_accuracy_score(labels[:, k], predicted[:, k]) for k in told]),
        "matthews_correlation": _mean([matthews_corrcoef(labels[:, k], predicted[:, k]) for k in told]),
    }


def _mean(values):
    return float(np.mean(values)) if len(values) else float("nan")
