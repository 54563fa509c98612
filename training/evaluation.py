"""What a classifier's logits are worth: scores, confusions, calibration, and the mistakes to look at first. NumPy alone, no Keras."""

import math

import numpy as np

CALIBRATION_BINS = 15
# Two-sided 95% quantile of the normal distribution.
_NORMAL_95 = 1.959964


def classification(labels, logits, class_names):
    """Score logits against labels.

    `labels` is an integer array (examples,), `logits` a float array (examples, classes), `class_names` has one string a class.

    Returns a dict of Python floats, integers, strings and lists, ready for `json.dump`:

    - `examples`: how many were scored; `not_finite`: how many of them have logits without a softmax (NaN or +infinity, as a diverged
      network gives). Those count as mistakes, are in no column of the confusion matrix, and make the loss NaN.
    - `accuracy`, and `accuracy_interval`: its 95% interval [low, high] for this many examples (Wilson, 1927).
    - `loss`: mean cross-entropy in nats, in float64 whatever the dtype of the logits.
    - `calibration_error`, `calibration_bins`: see `calibration`.
    - `per_class`: a list of {name, support, precision, recall, f1}, in the order of the classes. A precision is 0 where the class was
      never predicted, a recall is 0 where the class has no example (support 0), an F1 is 0 where both are.
    - `confusion_matrix`: nested lists of counts (classes, classes); rows are true classes, columns predicted ones.
    - `macro_precision`, `macro_recall`, `macro_f1`: means over the classes that have examples, each class counting the same; absent
      classes are left out, for their recall is undefined rather than bad. `macro_recall` is the balanced accuracy.

    Raises ValueError where the shapes, dtypes, label values or number of names do not fit together.
    """
    # Imported here: scikit-learn takes a second, and `worst` and `spread` do without it.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    labels, logits = _checked(labels, logits)
    names = [str(name) for name in class_names]
    if len(names) != logits.shape[1]:
        raise ValueError(f"class_names must name every column of the logits: got {len(names)} names for {logits.shape[1]} columns")

    probabilities = softmax(logits)
    predicted = _predicted(probabilities)
    classes = np.arange(len(names))
    columns = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    precision, recall, f1, support = (column.tolist() for column in columns)
    present = np.flatnonzero(columns[3])
    error, bins = calibration(labels, probabilities)
    return {
        "examples": len(labels),
        "not_finite": int(np.sum(predicted < 0)),
        "accuracy": float(np.mean(predicted == labels)),
        "accuracy_interval": wilson_interval(int(np.sum(predicted == labels)), len(labels)),
        "loss": cross_entropy(labels, logits),
        "calibration_error": error,
        "calibration_bins": bins,
        "per_class": [
            {"name": names[k], "support": int(support[k]), "precision": precision[k], "recall": recall[k], "f1": f1[k]} for k in classes
        ],
        "confusion_matrix": confusion_matrix(labels, predicted, labels=classes).tolist(),
        "macro_precision": float(np.mean(columns[0][present])),
        "macro_recall": float(np.mean(columns[1][present])),
        "macro_f1": float(np.mean(columns[2][present])),
    }


def softmax(logits):
    """Probabilities (…, classes), float64, from logits of the same shape.

    Computed after subtracting the largest logit, so that large ones do not overflow. A row with NaN or +infinity gives NaN.
    """
    logits = np.asarray(logits, dtype=np.float64)
    with np.errstate(invalid="ignore"):
        exponentials = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
        return exponentials / np.sum(exponentials, axis=-1, keepdims=True)


def cross_entropy(labels, logits):
    """Mean cross-entropy in nats, a float: of integer labels (examples,) under logits (examples, classes).

    Taken from the logits and not from probabilities: a probability that rounds to 0 has a finite loss here. NaN if any row has none.
    """
    labels, logits = _checked(labels, logits)
    with np.errstate(invalid="ignore"):
        shifted = logits - np.max(logits, axis=-1, keepdims=True)
        of_label = np.take_along_axis(shifted, labels[:, None], axis=-1)[:, 0]
        return float(np.mean(np.log(np.sum(np.exp(shifted), axis=-1)) - of_label))


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


def class_ranking(labels, logits):
    """`ranking` of a classifier: of integer labels (examples,) by logits (examples, classes); of two classes, the second's."""
    labels, probabilities = np.asarray(labels), softmax(logits)
    if probabilities.shape[1] == 2:  # The difference of logits, which tells apart what rounds to one probability.
        logits = np.asarray(logits).astype(np.float64)
        with np.errstate(invalid="ignore"):  # Infinity less infinity, of a network that is lost.
            return ranking(labels[:, None] == 1, logits[:, 1:] - logits[:, :1])
    return ranking(labels[:, None] == np.arange(probabilities.shape[1]), probabilities)


def wilson_interval(successes, trials):
    """The 95% score interval of a proportion, [low, high] (Wilson, 1927).

    It stays within 0 and 1 and is not empty at 0 or `trials` successes, where the usual ± standard error is.
    """
    share = successes / trials
    spread_of_z = _NORMAL_95**2 / trials
    centre = share + spread_of_z / 2
    half_width = _NORMAL_95 * math.sqrt(share * (1 - share) / trials + spread_of_z / (4 * trials))
    return [max(0.0, (centre - half_width) / (1 + spread_of_z)), min(1.0, (centre + half_width) / (1 + spread_of_z))]


def worst(labels, logits, count):
    """Indices of the most confident mistakes, an integer array of at most `count`, the most confident first.

    `labels` is an integer array (examples,), `logits` a float array (examples, classes). Confidence is the probability given to the wrong
    class; equal ones keep the order of the examples. Rows without a softmax (NaN) predict nothing and are left out.
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, got {count}")
    labels, logits = _checked(labels, logits)
    probabilities = softmax(logits)
    predicted = _predicted(probabilities)
    mistakes = np.flatnonzero((predicted != labels) & (predicted >= 0))
    return mistakes[np.argsort(-probabilities[mistakes].max(axis=-1), kind="stable")][:count]


def mistakes(examples, logits, class_names, pixel_maximum=255, count=24):
    """The most confident mistakes as pictures for a report: a list of {image, true, predicted, confidence}, the most confident first.

    `examples` is a part of a dataset: it has `labels` (examples,), and `subset(positions).in_memory().inputs`, pixels
    (examples, height, width, channels) from 0 to `pixel_maximum`; no more than `count` are read. `image` is a uint8 array
    (height, width, channels) with 1 or 3 channels; of another number of channels only the first is shown.
    """
    positions = worst(examples.labels, logits, count)
    if not len(positions):
        return []
    pixels = np.asarray(examples.subset(positions).in_memory().inputs, dtype=np.float64)
    pixels = pixels if pixels.shape[-1] in (1, 3) else pixels[..., :1]
    images = np.round(np.clip(pixels / pixel_maximum, 0, 1) * 255).astype(np.uint8)
    probabilities = softmax(np.asarray(logits)[positions])
    return [
        {
            "image": image,
            "true": class_names[examples.labels[position]],
            "predicted": class_names[row.argmax()],
            "confidence": float(row.max()),
        }
        for image, position, row in zip(images, positions, probabilities, strict=True)
    ]


def spread(values):
    """Mean, sample standard deviation, minimum, maximum and n of a score over several runs, as a dict of floats and an integer.

    The standard deviation divides by n - 1; of one value it is NaN, for one run says nothing about spread. Raises ValueError where
    there is no value at all.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"values must be a non-empty list of numbers, got shape {values.shape}")
    return {
        "mean": float(np.mean(values)),
        "standard_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else math.nan,
        "minimum": float(np.min(values)),
        "maximum": float(np.max(values)),
        "n": len(values),
    }


def _predicted(probabilities):
    """The most probable class of each row (examples,), -1 where the row is NaN: argmax would call it class 0."""
    return np.where(np.isnan(probabilities).any(axis=-1), -1, probabilities.argmax(axis=-1))


def _checked(labels, logits):
    labels, logits = np.asarray(labels), np.asarray(logits)
    if logits.ndim != 2 or logits.shape[1] < 2:
        raise ValueError(f"logits must have shape (examples, classes) with 2 classes or more, got {logits.shape}")
    # Not asked of the dtype's kind: bfloat16, which is not NumPy's own, has kind V.
    logits = logits.astype(np.float64)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels must be integers of shape (examples,), got {labels.dtype} of shape {labels.shape}")
    if len(labels) != len(logits):
        raise ValueError(f"labels and logits must have the same number of examples, got {len(labels)} and {len(logits)}")
    if not len(labels):
        raise ValueError("labels and logits are empty; at least 1 example is needed")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        classes = logits.shape[1]
        raise ValueError(f"labels must lie in 0 to {classes - 1} for {classes} classes, got {labels.min()} to {labels.max()}")
    return labels.astype(np.int64), logits
