"""A network beside classical models, on the same examples: which of them is best, and how much of the difference is luck."""

import math

import numpy as np

from hornbook.evaluation import intervals, regression
from hornbook.evaluation import scores as scoring

_RARE = 0.2  # The share of training below which accuracy says little of the rarer of two classes.
_LOWER_IS_BETTER = ("mean_absolute_error", "quantile_loss")


def main_metric(task, labels):
    """The metric that a network is compared by.

    Accuracy; of two classes, the rarer of which has less than a fifth of the training examples, the area under the ROC curve (`auc`); of
    numbers the mean absolute error, of quantiles their loss.

    Args:
        task: `tasks.Task`.
        labels: of training.
    """
    if task.kind == "regression":
        return "quantile_loss" if task.quantiles else "mean_absolute_error"
    rare = task.kind == "classification" and task.count == 2 and np.bincount(labels, minlength=2).min() < _RARE * len(labels)
    return "auc" if rare else "accuracy"


def compare(about, labels, outputs, models, metric, groups=None, alone=None):
    """The floor under a network: the best of some classical models, and the network's difference from it.

    It is the best on the very examples that are scored, which favours the classical models: what a network is above it, it is above each.

    Args:
        about: `task`, `loss`, `class_names`, `target_names` and `quantiles` of a run's `labels.json`. All are compared at a threshold of
            0.5, whatever `thresholds` it has.
        labels: of the examples that are scored.
        outputs: the network's for them.
        models: dict of name to outputs as of `tasks.constants`: of two classes with the loss "binary", too, both logits.
        metric: as of `main_metric`; where a score is not a number, such as the AUC of one class, accuracy takes its place.
        groups: array `(examples,)`, or None, see `intervals.bootstrap_interval`.
        alone: outputs of the network without the classical model that it is mixed with, or None.

    Returns:
        A dict of JSON values: `model` (the best one's name), `metric`, `score`, `network`, `difference` (the network's score less the
        floor's), its 95% `interval` by a paired bootstrap, or None, `higher_is_better`, `examples`, `all`: a dict of model to its
        metrics, and, where a network alone was given, `alone`: its `network`, `difference` and `interval`.
    """
    about = {**about, "thresholds": None}  # Chosen for the network's probabilities, they mean nothing for others.
    if about["loss"] == "binary":
        models = {name: one[:, 1:] - one[:, :1] for name, one in models.items()}
    own, without = (scoring.headline(scoring.of_run(about, labels, one)) if one is not None else None for one in (outputs, alone))
    found = {name: scoring.headline(scoring.of_run(about, labels, one)) for name, one in models.items()}
    if metric == "auc" and math.isnan(own["auc"]):
        metric = "accuracy"
    higher = metric not in _LOWER_IS_BETTER
    best = max(found, key=lambda name: found[name][metric] if higher else -found[name][metric])
    floor = _weighted(metric, about, labels, models[best])

    def compared(score, given):
        """A score, and what it is above the floor."""
        weighted = _weighted(metric, about, labels, given)
        interval = intervals.bootstrap_interval(lambda times: weighted(times) - floor(times), len(labels), groups=groups)
        difference = score - found[best][metric]
        return {"network": score, "difference": difference, "interval": None if math.isnan(interval[0]) else interval}

    return {
        "model": best,
        "metric": metric,
        "score": found[best][metric],
        **compared(own[metric], outputs),
        "higher_is_better": higher,
        "examples": len(labels),
        "all": found,
        **({"alone": compared(without[metric], alone)} if without else {}),
    }


def _weighted(metric, about, labels, outputs):
    """The metric of some outputs as a function of how often each example counts."""
    if metric == "auc":
        return weighted_auc(labels, _second_class(about["loss"], outputs))
    each = _of_each(metric, about, np.asarray(labels), np.asarray(outputs).astype(np.float64))
    return lambda times: float((each * times).sum() / times.sum())


def _of_each(metric, about, labels, outputs):
    """What each example adds to a metric that is a mean: float64 `(examples,)`."""
    if metric == "quantile_loss":
        return regression.quantile_losses(labels[:, 0], outputs, about["quantiles"]).mean(axis=1)
    if metric == "mean_absolute_error":
        return np.abs(labels - outputs).mean(axis=1)
    finite = np.isfinite(outputs).all(axis=1)
    if about["loss"] == "multi-label":
        return ((outputs > 0) == labels.astype(bool)).all(axis=1) & finite
    return (scoring.class_logits(about["loss"], outputs).argmax(axis=1) == labels) & finite


def _second_class(loss, outputs):
    """By how much the second of two classes is likelier, as `classification.class_ranking` ranks: what is not finite ranks last."""
    logits = scoring.class_logits(loss, np.asarray(outputs).astype(np.float64))
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(logits[:, 1] - logits[:, 0], nan=-np.inf)


def weighted_auc(labels, ranks):
    """The area under the ROC curve as a function of how often each example counts; NaN where a class is absent.

    Args:
        labels: `(examples,)` of 0 and 1.
        ranks: float `(examples,)`, higher for what is likelier a 1; equal ones count one half.
    """
    values, place = np.unique(ranks, return_inverse=True)
    members = np.asarray(labels) == 1

    def area(times):
        inside, outside = (np.bincount(place, times * who, len(values)) for who in (members, ~members))
        pairs = inside.sum() * outside.sum()
        below = np.cumsum(outside) - outside / 2
        return float((inside * below).sum() / pairs) if pairs else math.nan

    return area


def in_words(found):
    """The lines that a run prints of its floor, strings: the comparison, and what was left out.

    Args:
        found: as in `result.json`, or None.
    """
    if found is None:
        return []
    lines = [f"note: floor: {note}" for note in found["notes"]]
    if found["model"] is None:
        return lines
    name = "" if found["metric"] == "accuracy" else f"{found['metric'].replace('_', ' ')} of "
    line = f"floor: {name}{found['model']} {found['score']:.4f}, "
    if "alone" in found:
        return [*lines, f"{line}network with its classical model {_compared(found)}; network alone {_compared(found['alone'])}"]
    return [*lines, f"{line}network {_compared(found)}"]


def _compared(found):
    """A network's score and what it is above the floor, in words."""
    interval = "" if found["interval"] is None else " [{:+.4f}, {:+.4f}]".format(*found["interval"])
    return f"{found['network']:.4f}, difference {found['difference']:+.4f}{interval}"
