"""What went wrong in a finished training, as far as its curves and scores tell, and which flag mends it."""

import math

_LEARNED = 1.5  # Times chance: a network that ends below has learned next to nothing.
_GAP = 0.05  # Of accuracy between training and validation: what augmentation and regularization can win back.
_LARGE_GAP = 0.25  # Of accuracy: worth saying whatever the validation loss does.
_RISE = 1.25  # Of the validation loss over its lowest: the network has become surer of its mistakes.
_STILL_FALLING = 0.03  # Of the validation loss in the last tenth of the epochs: more epochs pay.
_FEW_EPOCHS = 5  # Too few to blame anything else first.
_EXPLAINED = 0.05  # Of the variance: what is less may be luck.
_MISSED = 0.1  # Mean distance of a quantile's coverage from the quantile.
_NEGLECTED = 0.5  # A class's recall, as a share of the mean.


IMAGE_REMEDIES = {
    "untrained": "or --model resnet20 if the network is deep and plain",
    "overfitted": "--augmentation crop-flip, --mixup 0.2",
}
TEXT_REMEDIES = {
    "untrained": "or another --model, such as cnn1d",
    "overfitted": "a higher --word-dropout, --pooling mean if it is another, a smaller --width, a higher --minimum-count",
    "too sure": "a higher --word-dropout",
}
SERIES_REMEDIES = {"untrained": "or another --model, such as fcn or gru", "overfitted": "--jitter 0.05, --time-warp 0.2, --mixup 0.2"}
TABLE_REMEDIES = {"untrained": "or see whether the columns can tell", "overfitted": "--mixup 0.2, a smaller --width"}


def findings(history, scores, num_classes, remedies=IMAGE_REMEDIES):
    """Findings on a classifier's training: a list of sentences, each with the flag to try; empty where nothing stands out.

    Args:
        history: list of dicts, one an epoch, with `loss`, `accuracy` and, where there was validation, `val_loss` and `val_accuracy`.
        scores: what `classification.classification` returned, or None.
        num_classes: how many classes there are.
        remedies: what a recipe has of its own to try, for "untrained", "overfitted" and "too sure".
    """
    untrained = _untrained(history, num_classes, remedies)
    found = [untrained or _overfitted(history, remedies) or _unfinished(history)]
    if scores is not None and not untrained:
        found += [_neglected_class(scores), _miscalibrated(scores, remedies)]
    return [finding for finding in found if finding]


def regression_findings(history, scores):
    """Findings on a training to predict numbers, as `findings`.

    Args:
        history: list of dicts, one an epoch, with `loss` and, where there was validation, `val_loss`.
        scores: what `regression.regression` returned, or None.
    """
    found = [_unfinished(history)]
    best = min((row["val_loss"] for row in history if math.isfinite(row.get("val_loss", math.nan))), default=None)
    if best is not None and history[-1]["val_loss"] > _RISE * best and history[-1]["val_loss"] > _RISE * history[-1]["loss"]:
        found = [
            f"The network overfits: its validation loss ends at {history[-1]['val_loss']:.3g}, "
            f"{history[-1]['val_loss'] / best:.1f} times its lowest, with a training loss of {history[-1]['loss']:.3g}. Try "
            "--early-stopping 20, --dropout 0.2, a higher --weight-decay, a smaller --width, or --mixup 0.2."
        ]
    if scores is not None and scores["r2"] < _EXPLAINED:
        found.append(
            f"The network predicts hardly better than the mean would: R2 is {scores['r2']:.3f}. Try --learning-rate a tenth or ten times "
            "as high, or see whether the columns can tell."
        )
    if scores is not None and scores.get("coverage_error", 0) > _MISSED:
        found.append(
            f"The quantiles do not cover what they should: they are off by {scores['coverage_error']:.1%} on average. Try "
            "--early-stopping 20 or more training rows."
        )
    return [finding for finding in found if finding]


def _untrained(history, num_classes, remedies):
    # Augmentation and dropout make training harder than validation.
    accuracy = max(history[-1]["accuracy"], history[-1].get("val_accuracy", 0.0))
    if accuracy < min(_LEARNED / num_classes, (1 + 1 / num_classes) / 2):
        more = "more --epochs, " if len(history) < _FEW_EPOCHS else ""
        return (
            f"The network has not learned: its accuracy is {accuracy:.1%}, and guessing gives {1 / num_classes:.1%}. Try "
            f"{more}--learning-rate a tenth or ten times as high, --normalization batch, {remedies['untrained']}."
        )
    return None


def _overfitted(history, remedies):
    last = history[-1]
    if "val_loss" not in last:
        return None
    best = min(history, key=lambda row: row["val_loss"] if math.isfinite(row["val_loss"]) else math.inf)
    gap = last["accuracy"] - last["val_accuracy"]
    rise = last["val_loss"] / best["val_loss"] if best["val_loss"] > 0 else 1.0
    if gap > _LARGE_GAP or (gap > _GAP and rise > _RISE):
        loss = f", where the loss is {rise:.1f} times that of epoch {best['epoch']}" if rise > _RISE else ""
        return (
            f"The network overfits: its accuracy ends at {last['accuracy']:.1%} in training and {last['val_accuracy']:.1%} in validation"
            f"{loss}. Try {remedies['overfitted']}, a higher --dropout, a higher --weight-decay, or --early-stopping 5."
        )
    return None


def _unfinished(history):
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    tenth = max(2, len(losses) // 10)
    if len(losses) < 2 * tenth:
        return None
    before, last = (sum(part) / tenth for part in (losses[-2 * tenth : -tenth], losses[-tenth:]))
    if last < before * (1 - _STILL_FALLING) and min(losses) in losses[-tenth:]:
        return f"The validation loss was still falling at the end ({before:.3g} to {last:.3g} over the last epochs). Try more --epochs."
    return None


def _neglected_class(scores):
    classes = [row for row in scores["per_class"] if row["support"]]
    worst = min(classes, key=lambda row: row["recall"])
    largest = max(row["support"] for row in classes)
    if worst["recall"] < _NEGLECTED * scores["macro_recall"] and worst["support"] < largest / 2:
        return (
            f"The class {worst['name']} is neglected: its recall is {worst['recall']:.1%}, with {worst['support']} examples where the "
            f"largest class has {largest}. Try --class-weights balanced."
        )
    return None


def _miscalibrated(scores, remedies):
    confidence = sum(row["confidence"] * row["count"] for row in scores["calibration_bins"]) / scores["examples"]
    # A few examples scatter over the bins, which looks like an error; their accuracy has an interval.
    if scores["calibration_error"] > 0.1 and confidence > scores["accuracy_interval"][1]:
        return (
            f"The network is too sure: its mean confidence is {confidence:.1%}, its accuracy {scores['accuracy']:.1%}. Try "
            f"--label-smoothing 0.1 or {remedies.get('too sure', '--mixup 0.2')}."
        )
    return None
