"""Which of many models to average, chosen on held-out predictions (Caruana et al. 2004). NumPy alone, no Keras."""

import numpy as np

from hornbook.evaluation import regression

_LEAST = 1e-15  # A probability whose logarithm is still a number.


def greedy(answers, labels, loss, *, steps, quantiles=None):
    """How often each model counts in the average that does best on held-out examples.

    Models are added one by one, each time the one whose addition lowers the loss of the mean most, and one may be added again: of many
    models that is hardly misled by the luck of the held-out examples (Caruana, Niculescu-Mizil, Crew and Ksikes 2004, sections 2 and 2.1).
    Of all steps the best counts, the first of equal ones.

    Args:
        answers: float array `(models, examples, outputs)`: probabilities of classes or labels, or predicted numbers.
        labels: int array `(examples,)` of classes, or float array `(examples, labels)` or `(examples, targets)`.
        loss: "cross-entropy", "binary", "multi-label", "mse", "mae", "huber" or "quantile", as in a run's `labels.json`: classifiers are
            chosen by the cross-entropy, numbers by the squared or absolute error or the quantile loss.
        steps: how many are added.
        quantiles: those that are predicted, of the loss "quantile".

    Returns:
        (int array `(models,)` of counts, list of the mean's loss after each step).

    Raises:
        ValueError: shapes that do not fit together, or no step.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import selection

    labels = numpy.array([0, 1, 1])
    good, other = [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]], [[0.2, 0.8], [0.8, 0.2], [0.5, 0.5]]
    counts, losses = selection.greedy([other, good], labels, "cross-entropy", steps=3)
    assert counts.tolist() == [0, 1]
    ```
    """
    answers, labels = np.asarray(answers, np.float64), np.asarray(labels)
    if answers.ndim != 3 or answers.shape[1] != len(labels) or not answers.size or steps < 1:
        raise ValueError(f"answers (models, examples, outputs) {answers.shape}, {len(labels)} labels and {steps} steps do not fit together")
    counts, total, chosen, losses = np.zeros(len(answers), int), np.zeros(answers.shape[1:]), [], []
    for step in range(1, steps + 1):
        found = [_loss((total + one) / step, labels, loss, quantiles) for one in answers]
        best = int(np.argmin(found))
        chosen.append(best)
        losses.append(float(found[best]))
        total += answers[best]
    for best in chosen[: int(np.argmin(losses)) + 1]:
        counts[best] += 1
    return counts, losses


def _loss(mean, labels, loss, quantiles):
    if loss in ("cross-entropy", "binary"):
        return -np.log(np.maximum(mean[np.arange(len(labels)), labels], _LEAST)).mean()
    if loss == "multi-label":
        likely = np.where(labels > 0.5, mean, 1 - mean)
        return -np.log(np.maximum(likely, _LEAST)).mean()
    if loss == "quantile":
        above = labels - mean
        return np.maximum(np.asarray(quantiles) * above, (np.asarray(quantiles) - 1) * above).mean()
    if loss not in regression.LOSSES:
        raise ValueError(f"there is no loss {loss!r}")
    distance = labels - mean
    return np.square(distance).mean() if loss == "mse" else np.abs(distance).mean()
