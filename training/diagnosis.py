"""What went wrong in a finished training, as far as its curves and scores tell, and which flag mends it.

What a finding advises is taken from tables of remedies. A remedy is named only where the recipe has its flag and the run has not followed
it already.
"""

import dataclasses
import math
from collections.abc import Callable

_LEARNED = 1.5  # Times chance: a network that ends below has learned next to nothing.
_GAP = 0.05  # Of accuracy between training and validation: what augmentation and regularization can win back.
_LARGE_GAP = 0.25  # Of accuracy: worth saying whatever the validation loss does.
_RISE = 1.25  # Of the validation loss over its lowest: the network has become surer of its mistakes.
_STILL_FALLING = 0.03  # Of the validation loss in the last tenth of the epochs: more epochs pay.
_FEW_EPOCHS = 5  # Too few to blame anything else first.
_EXPLAINED = 0.05  # Of the variance: what is less may be luck.
_MISSED = 0.1  # Mean distance of a quantile's coverage from the quantile.
_NEGLECTED = 0.5  # A class's recall, as a share of the mean.


@dataclasses.dataclass(frozen=True)
class Remedy:
    """A piece of advice.

    Attributes:
        words: what to try, beginning with the flag, such as "--mixup 0.2".
        option: the run's option that the flag sets; a recipe without it is not advised so.
        helps: function of that option's value: whether the run has not followed the advice already.
        among: values of the option `model` that it is for, by what they contain; empty for all.
    """

    words: str
    option: str
    helps: Callable = lambda value: not value
    among: tuple = ()

    def applies(self, options):
        """Whether a run of these options, a dict, can be helped by it."""
        if self.option not in options or (self.among and not any(name in str(options.get("model")) for name in self.among)):
            return False
        # What is left to the data follows no advice yet.
        return options[self.option] == "auto" or self.helps(options[self.option])


_UNTRAINED = (
    Remedy("--learning-rate a tenth or ten times as high", "learning_rate", lambda value: True),
    Remedy("--normalization batch", "normalization", lambda value: value == "none"),
    Remedy("--clip-norm 1", "clip_norm", among=("rnn", "lstm", "gru")),
    Remedy("--initial-scale 1", "initial_scale", lambda value: value not in (None, 1)),
    Remedy("--model resnet20 if the network is deep and plain", "downsampling", lambda value: True, ("cnn", "plain", "vgg")),
    Remedy("--model cnn1d", "tokenizer", lambda value: True, ("rnn", "lstm", "gru", "transformer")),
    Remedy("--model fcn", "jitter", lambda value: True, ("rnn", "lstm", "gru", "transformer", "cnn1d")),
)
_OVERFITTED = (
    Remedy("--augmentation crop-flip", "augmentation", lambda value: value in ("none", "crop", "flip")),
    Remedy("--mixup 0.2", "mixup"),
    Remedy("--jitter 0.05", "jitter"),
    Remedy("--time-warp 0.2", "time_warp"),
    Remedy("a higher --word-dropout", "word_dropout", lambda value: value < 0.5),
    Remedy("--pooling mean", "pooling", lambda value: value != "mean", ("cnn1d",)),
    Remedy("a higher --minimum-count", "minimum_count", lambda value: True),
    Remedy("a higher --dropout", "dropout", lambda value: value is None or value < 0.5),
    Remedy("a higher --weight-decay", "weight_decay", lambda value: True),
    Remedy("a smaller --width", "width", lambda value: True),
    Remedy("--early-stopping 5", "early_stopping"),
)
_TOO_SURE = (
    Remedy("--label-smoothing 0.1", "label_smoothing"),
    Remedy("--mixup 0.2", "mixup"),
    Remedy("a higher --word-dropout", "word_dropout", lambda value: value < 0.5),
    Remedy("--early-stopping 5", "early_stopping"),
)
_NEGLECTED_CLASS = (
    Remedy("--class-weights balanced", "class_weights", lambda value: value != "balanced"),
    Remedy("more examples of it", "model", lambda value: True),
)
_UNDER_THE_FLOOR = (
    Remedy("--model h_inception1d", "jitter", lambda value: True, ("rnn", "lstm", "gru", "transformer", "cnn1d", "fcn", "resnet1d")),
    Remedy("--model resnet20", "downsampling", lambda value: True, ("cnn", "mlp")),
    Remedy("--model cnn1d", "tokenizer", lambda value: True, ("rnn", "lstm", "gru", "transformer")),
    Remedy("--number-embedding piecewise", "number_embedding", lambda value: value in (None, "none")),
    Remedy("--members 5", "members", lambda value: value == 1),
    Remedy("more --epochs", "epochs", lambda value: True),
    Remedy("--learning-rate a tenth or ten times as high", "learning_rate", lambda value: True),
)
_MOST = 4  # Pieces of advice in a sentence.


def findings(history, scores, num_classes, options):
    """Findings on a classifier's training: a list of sentences, each with the flag to try; empty where nothing stands out.

    Args:
        history: list of dicts, one an epoch, with `loss`, `accuracy` and, where there was validation, `val_loss` and `val_accuracy`.
        scores: what `evaluation.scores.scores` returned, or None.
        num_classes: how many classes there are.
        options: dict of the run's options, such as its `config.json`.
    """
    untrained = _untrained(history, num_classes, options)
    found = [untrained or _overfitted(history, options) or _unfinished(history)]
    if scores is not None and not untrained:
        found += [_neglected_class(scores, options), _miscalibrated(scores, options)]
    return [finding for finding in found if finding]


def regression_findings(history, scores, options):
    """Findings on a training to predict numbers, as `findings`.

    Args:
        history: list of dicts, one an epoch, with `loss` and, where there was validation, `val_loss`.
        scores: what `evaluation.regression.regression` returned, or None.
        options: dict of the run's options.
    """
    found = [_unfinished(history)]
    best = min((row["val_loss"] for row in history if math.isfinite(row.get("val_loss", math.nan))), default=None)
    if best is not None and history[-1]["val_loss"] > _RISE * best and history[-1]["val_loss"] > _RISE * history[-1]["loss"]:
        found = [
            f"The network overfits: its validation loss ends at {history[-1]['val_loss']:.3g}, "
            f"{history[-1]['val_loss'] / best:.1f} times its lowest, with a training loss of {history[-1]['loss']:.3g}."
            f"{_advice(_OVERFITTED, options)}"
        ]
    if scores is not None and scores["r2"] < _EXPLAINED:
        found.append(
            f"The network predicts hardly better than the mean of the training targets: R2 is {scores['r2']:.3f}."
            f"{_advice(_UNTRAINED, options)} Or the inputs do not tell."
        )
    if scores is not None and scores.get("coverage_error", 0) > _MISSED:
        found.append(
            f"The quantiles do not cover what they should: they are off by {scores['coverage_error']:.1%} on average."
            f"{_advice(_OVERFITTED[-4:], options)}"
        )
    return [finding for finding in found if finding]


def floor_findings(floor, medium, options):
    """Findings on how a network compares with the best of some classical models, as `findings`.

    Args:
        floor: as in `result.json`, or None.
        medium: "tables", "texts", "series" or "images".
        options: dict of the run's options.
    """
    if not floor or floor["model"] is None or floor["interval"] is None:
        return []
    low, high = sorted(end if floor["higher_is_better"] else -end for end in floor["interval"])
    metric, model = floor["metric"].replace("_", " "), floor["model"]
    against = f"against {floor['score']:.4f} on {floor['examples']:,} examples"
    scores, alone = f"{metric} {floor['network']:.4f} {against}", floor.get("alone")
    network, remedies = "The network", _UNDER_THE_FLOOR
    if alone:
        network, remedies = "The network with its classical model", (_share(floor, alone), *_UNDER_THE_FLOOR)
    own = f" Or use {model} itself." if medium == "tables" else ""
    if high < 0:
        return [f"{network} is worse than {model}: {scores}.{_advice(remedies, options)}{own}"]
    if alone and alone["interval"] and max(end if floor["higher_is_better"] else -end for end in alone["interval"]) < 0:
        scores = f"{metric} {alone['network']:.4f} {against}, and {floor['network']:.4f} with the classical model that is mixed with it"
        return [f"The network alone is worse than {model}: {scores}.{_advice(_UNDER_THE_FLOOR, options)}"]
    if low <= 0 and floor["score"] != floor["network"]:
        return [f"{network} is not clearly better than {model}: {scores}, which may be luck.{_advice(remedies, options)}"]
    return []


def _share(floor, alone):
    """The remedy that changes how much the classical model counts, by what it did."""
    gained = (alone["network"] < floor["network"]) == floor["higher_is_better"]
    if alone["network"] == floor["network"] or gained:
        return Remedy("--classical-share 0.8", "classical_share", lambda value: value < 0.8)
    return Remedy(f"--classical-share 0, without which it has {alone['network']:.4f}", "classical_share", lambda value: value > 0)


def _advice(remedies, options):
    """A sentence of what to try, or nothing."""
    words = [remedy.words for remedy in remedies if remedy.applies(options)][:_MOST]
    if not words:
        return ""
    return f" Try {', '.join(words[:-1])}{' or ' if len(words) > 1 else ''}{words[-1]}."


def _untrained(history, num_classes, options):
    # Augmentation and dropout make training harder than validation.
    accuracy = max(history[-1]["accuracy"], history[-1].get("val_accuracy", 0.0))
    if accuracy < min(_LEARNED / num_classes, (1 + 1 / num_classes) / 2):
        more = " Train for more --epochs first." if len(history) < _FEW_EPOCHS else ""
        return (
            f"The network has not learned: its accuracy in training and validation is at most {accuracy:.1%}, and guessing gives "
            f"{1 / num_classes:.1%}.{more}{_advice(_UNTRAINED, options)}"
        )
    return None


def _overfitted(history, options):
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
            f"{loss}.{_advice(_OVERFITTED, options)}"
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


def _neglected_class(scores, options):
    classes = [row for row in scores["per_class"] if row["support"]]
    worst = min(classes, key=lambda row: row["recall"])
    largest = max(row["support"] for row in classes)
    if worst["recall"] < _NEGLECTED * scores["macro_recall"] and worst["support"] < largest / 2:
        return (
            f"The class {worst['name']} is neglected: its recall is {worst['recall']:.1%}, with {worst['support']} examples where the "
            f"largest class has {largest}.{_advice(_NEGLECTED_CLASS, options)}"
        )
    return None


def _miscalibrated(scores, options):
    confidence = sum(row["confidence"] * row["count"] for row in scores["calibration_bins"]) / scores["examples"]
    # A few examples scatter over the bins, which looks like an error; their accuracy has an interval.
    if scores["calibration_error"] > 0.1 and confidence > scores["accuracy_interval"][1]:
        return (
            f"The network is too sure: its mean confidence is {confidence:.1%}, its accuracy {scores['accuracy']:.1%}."
            f"{_advice(_TOO_SURE, options)}"
        )
    return None
