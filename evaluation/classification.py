"""What a classifier's logits are worth: scores, confusions, and the mistakes to look at first. NumPy and scikit-learn, no Keras."""

import numpy as np

from hornbook.evaluation.calibration import calibration, ranking
from hornbook.evaluation.intervals import wilson_interval


def classification(labels, logits, class_names, threshold=None):
    """Score logits against labels.

    `labels` is an integer array (examples,), `logits` a float array (examples, classes), `class_names` has one string a class. The most
    probable class is predicted; with a `threshold`, of two classes the second where its probability is higher than that, which changes
    neither loss nor calibration.

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
      classes are left out, for their recall is undefined rather than bad. `balanced_accuracy` is the mean recall by its usual name
      (Brodersen et al. 2010): a class counts the same whether it is frequent or rare.
    - `matthews_correlation`: the correlation of true and predicted classes (Matthews 1975; of several classes Gorodkin 2004), from -1 to
      1; 0 where all examples are of one class, or all predictions.

    Raises ValueError where the shapes, dtypes, label values or number of names do not fit together.
    """
    # Imported here: scikit-learn takes a second, and `worst` and `spread` do without it.
    from sklearn.metrics import confusion_matrix, matthews_corrcoef, precision_recall_fscore_support

    labels, logits = _checked(labels, logits)
    names = [str(name) for name in class_names]
    if len(names) != logits.shape[1]:
        raise ValueError(f"class_names must name every column of the logits: got {len(names)} names for {logits.shape[1]} columns")

    probabilities = softmax(logits)
    predicted = _predicted(probabilities, threshold)
    classes = np.arange(len(names))
    columns = precision_recall_fscore_support(labels, predicted, labels=classes, zero_division=0)
    precision, recall, f1, support = (column.tolist() for column in columns)
    present = np.flatnonzero(columns[3])
    constant = (labels == labels[0]).all() and (predicted == labels[0]).all()  # Of which scikit-learn warns.
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
        "balanced_accuracy": float(np.mean(columns[1][present])),
        "matthews_correlation": 0.0 if constant else float(matthews_corrcoef(labels, predicted)),
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


def worst(labels, logits, count, threshold=None):
    """Indices of the most confident mistakes, an integer array of at most `count`, the most confident first.

    Arguments as of `classification`. Confidence is the probability given to the wrong class that is predicted; equal ones keep the order
    of the examples. Rows without a softmax (NaN) predict nothing and are left out.
    """
    if count < 0:
        raise ValueError(f"count must be 0 or more, got {count}")
    labels, logits = _checked(labels, logits)
    probabilities = softmax(logits)
    predicted = _predicted(probabilities, threshold)
    mistakes = np.flatnonzero((predicted != labels) & (predicted >= 0))
    return mistakes[np.argsort(-probabilities[mistakes, predicted[mistakes]], kind="stable")][:count]


def _predicted(probabilities, threshold=None):
    """The class that each row (examples,) says, -1 where the row is NaN: argmax would call it class 0."""
    found = probabilities.argmax(axis=-1) if threshold is None else (probabilities[:, 1] > threshold).astype(np.intp)
    return np.where(np.isnan(probabilities).any(axis=-1), -1, found)


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


def class_ranking(labels, logits, positive=1):
    """`ranking` of a classifier: of integer labels (examples,) by logits (examples, classes); of two classes, that of `positive`."""
    labels, probabilities = np.asarray(labels), softmax(logits)
    if probabilities.shape[1] == 2:  # The difference of logits, which tells apart what rounds to one probability.
        logits = np.asarray(logits).astype(np.float64)
        with np.errstate(invalid="ignore"):  # Infinity less infinity, of a network that is lost.
            return ranking(labels[:, None] == positive, logits[:, [positive]] - logits[:, [1 - positive]])
    return ranking(labels[:, None] == np.arange(probabilities.shape[1]), probabilities)
