"""How sure a classifier is against how often it is right, and how well its scores rank. NumPy and scikit-learn, no Keras."""

import math

import numpy as np

CALIBRATION_BINS = 15


def calibration(labels, probabilities, num_bins=CALIBRATION_BINS):
    """Expected calibration error, and the bins of a reliability diagram: is the network right as often as it is sure?

    `labels` is an integer array (examples,), `probabilities` a float array (examples, classes). Predictions are sorted by confidence
    (the largest probability) into `num_bins` bins of equal width, open below and closed above; the error is the mean of
    |accuracy - confidence| over the bins, weighted by their counts (Guo, Pleiss, Sun and Weinberger, 2017, equation 3; 15 bins there).

    Returns (error, bins): bins is a list of {lower, upper, count, confidence, accuracy}, the last two being means within the bin and 0
    where count is 0. Rows of NaN are left out; the error is NaN if nothing is left.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    kept = ~np.isnan(probabilities).any(axis=-1)
    confidence = probabilities[kept].max(axis=-1)
    right = probabilities[kept].argmax(axis=-1) == labels[kept]

    edges = np.linspace(0.0, 1.0, num_bins + 1)
    member = np.digitize(confidence, edges[1:-1], right=True)
    counts = np.bincount(member, minlength=num_bins)
    divisor = np.maximum(counts, 1)
    mean_confidence = np.bincount(member, weights=confidence, minlength=num_bins) / divisor
    mean_accuracy = np.bincount(member, weights=right, minlength=num_bins) / divisor
    error = float(np.sum(counts * np.abs(mean_accuracy - mean_confidence)) / len(confidence)) if len(confidence) else math.nan
    bins = [
        {
            "lower": float(edges[k]),
            "upper": float(edges[k + 1]),
            "count": int(counts[k]),
            "confidence": float(mean_confidence[k]),
            "accuracy": float(mean_accuracy[k]),
        }
        for k in range(num_bins)
    ]
    return error, bins


def ranking(members, scores):
    """Area under the ROC curve and average precision: how well scores rank members before others, whatever the threshold.

    `members` is a bool array (examples, classes), which example is of which class; `scores` a float array of that shape. Each class is
    ranked against all others, and the two are means over the classes that have members and others (NaN without any). For two classes
    that exclude each other, pass the second's column alone: its average precision is what is meant for a rare class.

    Average precision is the sum over thresholds of the precision times the rise of the recall, without interpolation.

    Returns two floats.
    """
    from sklearn.metrics import average_precision_score, roc_auc_score

    members, scores = np.asarray(members, bool), np.asarray(scores, np.float64)
    scores = np.where(np.isnan(scores), -np.finfo(np.float64).max, np.clip(scores, -1e300, 1e300))  # What is lost ranks last.
    ranked = [k for k in range(members.shape[1]) if 0 < members[:, k].sum() < len(members)]
    if not ranked:
        return math.nan, math.nan
    areas = [roc_auc_score(members[:, k], scores[:, k]) for k in ranked]
    precisions = [average_precision_score(members[:, k], scores[:, k]) for k in ranked]
    return float(np.mean(areas)), float(np.mean(precisions))
