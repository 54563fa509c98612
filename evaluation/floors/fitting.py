"""Scikit-learn's estimators with a network's outputs: logits of classes or labels, numbers, quantiles.

A classical model is scored by the functions that score a network, so its outputs have the same form.
"""

import numpy as np

from hornbook.evaluation.floors.tasks import LeftOutError, constant_logit, log_probabilities

_LEAST = 1e-6


def outputs(task, classifier, regressor, inputs, labels, scored):
    """What estimators that are fitted to training inputs say of other inputs.

    Args:
        task: `tasks.Task`.
        classifier: function that makes a classifier with `predict_proba`, or with `decision_function`, whose numbers from -1 to 1 are then
            taken as twice a probability less 1.
        regressor: function that makes a regressor of one number.
        inputs, scored: array or sparse matrix `(examples, features)`, of training and to be scored.
        labels: of training: int `(examples,)`, or `(examples, labels)` of 0 and 1, or numbers `(examples, targets)`.

    Returns:
        Float64: logarithms of probabilities `(examples, classes)`, logits `(examples, labels)`, numbers `(examples, targets)`, or
        `(examples, quantiles)`: the number, and quantiles of the training residuals around it.

    Raises:
        LeftOutError: training has one class alone.
    """
    if task.kind == "classification":
        require_classes(labels)
        return log_probabilities(task, *_classes(classifier(), inputs, labels, scored))
    if task.kind == "multi-label":
        return np.stack([label_logits(classifier, inputs, one, scored) for one in labels.T], axis=1)
    if not task.quantiles:
        return np.stack([regressor().fit(inputs, one).predict(scored) for one in labels.T], axis=1).astype(np.float64)
    fitted = regressor().fit(inputs, labels[:, 0])
    residuals = np.quantile(labels[:, 0] - fitted.predict(inputs), task.quantiles)
    return fitted.predict(scored)[:, None].astype(np.float64) + residuals


def label_logits(classifier, inputs, labels, scored):
    """Logits `(examples,)` of one label, 0 or 1 in training; where it never changes there, that of its frequency."""
    labels = np.asarray(labels).astype(np.int64)
    if labels.min() == labels.max():
        return np.full(scored.shape[0], constant_logit(labels))
    found, _ = _classes(classifier(), inputs, labels, scored)
    found = np.clip(found, _LEAST, 1)
    return np.log(found[:, 1]) - np.log(found[:, 0])


def require_classes(labels):
    """The classes that training has, an int array.

    Raises:
        LeftOutError: it has one alone.
    """
    classes = np.unique(labels)
    if len(classes) < 2:
        raise LeftOutError("training has one class alone")
    return classes


def _classes(model, inputs, labels, scored):
    """Probabilities `(examples, classes of training)`, and those classes."""
    model.fit(inputs, labels)
    if hasattr(model, "predict_proba"):
        return model.predict_proba(scored), model.classes_
    decision = model.decision_function(scored)
    if decision.ndim == 1:
        decision = np.stack([-decision, decision], axis=1)
    return np.maximum((1 + decision) / 2, _LEAST), model.classes_
