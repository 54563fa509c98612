"""What is wrong with the scores of a finished training: neglected classes, too much certainty, and a floor that is not reached."""

import math

from hornbook.training.diagnosis.finding import Finding, Remedy
from hornbook.training.diagnosis.rules.remedies import REMEDIES

_STILL_FALLING = 0.03  # Of the validation loss in the last tenth of the epochs: more epochs pay.
_EXPLAINED = 0.05  # Of the variance: what is less may be luck.
_MISSED = 0.1  # Mean distance of a quantile's coverage from the quantile.
_NEGLECTED = 0.5  # A class's recall, as a share of the mean.
_EVEN = 0.5  # Of the largest class's examples, from which classes are about equally frequent.
_TOO_SURE = 0.1  # Calibration error (Guo et al. 2017).
_RESISTED, _BROKEN = 0.4, 0.1  # Accuracies under one step that is resisted, and under several that are not.


def of_scores(history, scores, options):
    """Findings on curves and scores, which a watched training need not have: list of `Finding`.

    Args:
        history: list of dicts, one an epoch, with `loss` and, where there was validation, `val_loss`.
        scores: what `evaluation.scores.of_run` returned, or None.
        options: dict of the run's options.
    """
    found = [_unfinished(history), _catastrophic(history)]
    if scores is not None and "per_class" in scores:
        found += [_neglected_class(scores), _miscalibrated(scores, options)]
    if scores is not None and "r2" in scores:
        found += [_unexplained(scores), _quantiles(scores)]
    return [finding.advised(options, () if finding.remedies else REMEDIES[finding.problem]) for finding in found if finding]


def of_floor(floor, medium, options):
    """Findings on how a network compares with the best of some classical models, as `of_scores`.

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
    network, first = "The network", ()
    if alone:
        network, first = "The network with its classical model", (_share(floor, alone),)
    itself = (Remedy(f"{model} itself"),) if medium == "tables" else ()

    def finding(severity, evidence, first=first):
        remedies = (*first, *itself, *REMEDIES["below-floor"])
        return [Finding("below-floor", severity, evidence).advised(options, remedies)]

    if high < 0:
        return finding("error", f"{network} is worse than {model}: {scores}.")
    if alone and alone["interval"] and max(end if floor["higher_is_better"] else -end for end in alone["interval"]) < 0:
        scores = f"{metric} {alone['network']:.4f} {against}, and {floor['network']:.4f} with the classical model that is mixed with it"
        return finding("warning", f"The network alone is worse than {model}: {scores}.", ())
    if low <= 0 and floor["score"] != floor["network"]:
        return finding("note", f"{network} is not clearly better than {model}: {scores}, which may be luck.")
    return []


def _share(floor, alone):
    """The remedy that changes how much the classical model counts, by what it did."""
    gained = (alone["network"] < floor["network"]) == floor["higher_is_better"]
    if alone["network"] == floor["network"] or gained:
        return Remedy("--classical-share 0.8", "", {"classical_share": 0.8}, lambda value: value < 0.8)
    words = f"--classical-share 0, without which it has {alone['network']:.4f}"
    return Remedy(words, "", {"classical_share": 0.0}, lambda value: value > 0)


def _unfinished(history):
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    tenth = max(2, len(losses) // 10)
    if len(losses) < 2 * tenth or not all(map(math.isfinite, losses)):
        return None
    before, last = (sum(part) / tenth for part in (losses[-2 * tenth : -tenth], losses[-tenth:]))
    if last < before * (1 - _STILL_FALLING) and min(losses) in losses[-tenth:]:
        told = f"The validation loss was still falling at the end ({before:.3g} to {last:.3g} over the last epochs)."
        return Finding("unfinished", "note", told)
    return None


def _catastrophic(history):
    """A network that resists the one step that it was trained on alone (Wong et al. 2020, section 5.4)."""
    pairs = [(row.get("val_fgsm_accuracy", math.nan), row.get("val_pgd_accuracy", math.nan)) for row in history]
    if not pairs or not (pairs[-1][0] > _RESISTED and pairs[-1][1] < _BROKEN):
        return None
    best = max((many for _, many in pairs if math.isfinite(many)), default=math.nan)
    first = next(place for place, (_, many) in enumerate(pairs, start=1) if many >= best)
    before = f"; after epoch {first} it was {best:.1%}" if best >= 2 * _BROKEN else ""
    told = f"{pairs[-1][0]:.1%} of the validation examples withstand an attack of one step, and {pairs[-1][1]:.1%} one of several{before}."
    evidence = f"Catastrophic overfitting: the network resists the attack that it was trained on alone. {told}"
    return Finding("catastrophic-overfitting", "warning", evidence)


def _neglected_class(scores):
    classes = [row for row in scores["per_class"] if row["support"]]
    worst = min(classes, key=lambda row: row["recall"])
    largest = max(row["support"] for row in classes)
    if worst["recall"] < _NEGLECTED * scores["macro_recall"] and worst["support"] < largest / 2:
        return Finding(
            "rare-class-ignored",
            "warning",
            f"The class {worst['name']} is neglected: its recall is {worst['recall']:.1%}, with {worst['support']} examples where the "
            f"largest class has {largest}.",
        )
    return None


def _as_if_even(scores, options):
    """What has the outputs answer as if all classes were equally frequent, where they are not: an option as it was given, or None."""
    counts = [row["support"] for row in scores["per_class"] if row["support"]]
    if min(counts) > _EVEN * max(counts):
        return None
    given = (name for name in ("logit_adjustment", "class_weights", "sampling") if options.get(name, "none") != "none")
    return next((f"--{name.replace('_', '-')} {options[name]}" for name in given), None)


def _miscalibrated(scores, options):
    confidence = sum(row["confidence"] * row["count"] for row in scores["calibration_bins"]) / scores["examples"]
    accuracy, most = scores["accuracy"], scores["accuracy_interval"][1]
    if "at_half" in scores:  # Confidence is that of the most probable class, which a threshold may not say.
        accuracy, most = scores["at_half"]["accuracy"], most + scores["at_half"]["accuracy"] - accuracy
    # A few examples scatter over the bins, which looks like an error; their accuracy has an interval.
    if scores["calibration_error"] > _TOO_SURE and confidence > most:
        told = f"The network is too sure: its mean confidence is {confidence:.1%}, its accuracy {accuracy:.1%}."
        even = _as_if_even(scores, options)
        if even is None:
            return Finding("too-sure", "note", told)
        # No temperature turns the probabilities of one share of the classes into those of another.
        told += f" With {even} it answers as if all classes were equally frequent, and here they are not."
        return Finding("too-sure", "note", told, remedies=(Remedy(f"to leave {even} out where the probabilities count"),))
    return None


def _unexplained(scores):
    if scores["r2"] < _EXPLAINED:
        told = (
            f"The network predicts hardly better than the mean of the training targets: R2 is {scores['r2']:.3f}. The inputs may not tell."
        )
        return Finding("not-learned", "error", told)
    return None


def _quantiles(scores):
    if scores.get("coverage_error", 0) > _MISSED:
        told = f"The quantiles do not cover what they should: they are off by {scores['coverage_error']:.1%} on average."
        return Finding("quantiles-off", "warning", told)
    return None
