"""What is wrong with how a network is trained: learning rate, clipping, warm-up, length, and batches."""

import math

import numpy as np
import scipy.ndimage

from hornbook.training.diagnosis.finding import Finding
from hornbook.training.diagnosis.rules import remedies
from hornbook.training.diagnosis.rules.symptoms import HARDLY_ANY

_LOST_AGAIN = 0.9  # Of the loss at the end: the network knew more before.
_PEAK, _ROSE = 1.6, 1.5  # Times the first loss, or the best constant's: above it, in between or at the end, the steps lead upwards.
_HIGH_RATIO, HIGHEST_RATIO = 0.2, 0.7  # Of an update to the weights, usually or once; 0.001 is usual (Karpathy 2015).
_LARGE_RATIO = 0.02  # Of the first update, where outputs have lost what they knew of the inputs.
_LOW_RATIO = 3e-4  # The same, where nothing is learned.
_LOWEST_RATIO = 3e-5  # The same, after a few updates: after 200 the weights would have moved by less than 1%.
_MOVED = 0.005  # The same: what is less cannot be too much.
_STILL = 0.03  # Of the weights' size over a whole training: nothing moved.
_CLIPPED = 0.9  # Share of steps.
_CUT_TO = 0.1  # What clipping leaves of a usual gradient.
_FEW = 200  # Updates.
_FALLING = 0.03  # Of the loss over the last fifth of the steps.
_LAG = 1.5  # Inference loss over training loss on the same examples.
_SMALL_BATCH, _TINY_BATCH = 4, 2  # Examples.


def lost(record, symptoms):
    """The loss is no number: what the steps before say."""
    if symptoms.finite or (record.facts is not None and not record.facts.finite):
        return
    losses = symptoms.losses
    bad = np.flatnonzero(~np.isfinite(losses))
    step = int(bad[0]) + 1 if len(bad) else len(losses)
    first = next((seen.name for look in record.looks for seen in look.layers if not seen.finite), None)
    where = f"; the first layer without finite outputs is {first}" if first else ""
    at_once = not all(seen.finite for seen in record.looks[0].layers)
    words = f"The loss is not a number from step {step} on{where}{', already before the first step' if at_once else ''}."
    yield Finding("not-finite", "error", words, (first,) if first else (), remedies.after_a_loss(record, at_once))


def learning_rate_too_high(record, symptoms):
    """Steps that lead upwards, at the start, in between or for good, or that are as large as the weights."""
    losses = symptoms.losses[np.isfinite(symptoms.losses)]
    ratios = symptoms.update_ratios[np.isfinite(symptoms.update_ratios)]
    at_once = not np.isfinite(symptoms.losses[:1]).all() or (record.facts is not None and not record.facts.finite)
    if not len(losses) or not symptoms.poor or at_once:
        return
    smooth = scipy.ndimage.median_filter(losses, 5, mode="nearest")  # Of tiny batches one is luck.
    first, last, peak, at = float(losses[0]), symptoms.last_loss, float(smooth.max()), int(smooth.argmax())
    level = max(first, record.baseline or 0.0)
    usual, largest = (float(np.median(ratios)), float(ratios.max())) if len(ratios) else (0.0, 0.0)
    lowest = min((look.loss for look in record.looks if math.isfinite(look.loss)), default=math.nan)
    forgot = (1 - _LOST_AGAIN) * level  # Less is the luck of a batch.
    lost_again = symptoms.stuck and record.looks[-1].loss - lowest > forgot and lowest < _LOST_AGAIN * level
    lost_again |= symptoms.stuck and symptoms.collapsed and largest > _LARGE_RATIO
    rose = peak > _PEAK * level or lost_again or not symptoms.finite
    if not (rose or last > _ROSE * level or usual > _HIGH_RATIO or largest > HIGHEST_RATIO) or largest < _MOVED:
        return
    told = (
        f"the loss goes from {first:.3g} to {last:.3g}, {peak:.3g} at most, and an update changes the weights by {largest:.2g} of their "
        f"size at most and {usual:.2g} usually."
    )
    rate = max(record.rates, default=math.nan)
    early = peak > _PEAK * level and at < max(5, len(losses) // 10)
    if symptoms.finite and early and largest < HIGHEST_RATIO and last < _ROSE * level and record.updates > 50:
        words = f"The first steps, at a learning rate of {rate:.3g}, lead upwards and the network does not recover from them: {told}"
        yield Finding("no-warmup", "error", words)
    else:
        factor = 1e-3 if largest > 10 else 0.01 if largest > 1 else 0.1
        words = f"The learning rate of {rate:.3g} is too high: {told}"
        yield Finding("learning-rate-too-high", "error", words, remedies=(remedies.learning_rate(record, factor),))


def clipping(record, symptoms):
    """Clipping that acts at every step and leaves little of the gradient: with SGD it is a lower learning rate."""
    clip, at = record.optimizer.get("clip"), record.optimizer.get("clip_at")
    norms = symptoms.norms[np.isfinite(symptoms.norms)]
    if not clip or not len(norms) or not symptoms.poor:
        return
    if clip == "clipvalue":  # Of each element: the root of their mean square stands for all.
        norms = norms / math.sqrt(max(1, sum(kernel.size for kernel in record.network.kernels)))
    cut, usual = norms > at, float(np.median(norms))
    if cut.mean() >= _CLIPPED and at / max(usual, 1e-12) < _CUT_TO:
        yield Finding(
            "clipping-always",
            "error",
            f"Clipping at {at:g} acts in {cut.mean():.0%} of the steps and leaves {at / usual:.1g} of the usual gradient, whose norm is "
            f"{usual:.3g}.",
        )


def learning_rate_too_low(record, symptoms):
    """Weights that hardly leave where they were (Karpathy 2015: an update of 0.001 of the weights is usual)."""
    ratio = float(np.median(symptoms.update_ratios)) if len(symptoms.update_ratios) else math.nan
    if not symptoms.poor or not symptoms.finite or not symptoms.travelled < _STILL or not ratio < _LOW_RATIO or not symptoms.norms.any():
        return
    usual = remedies.usual_learning_rate(record)
    if max(record.rates, default=0.0) >= usual.changes["learning_rate"]:
        return  # Something else keeps the weights where they are.
    yield Finding(
        "learning-rate-too-low",
        "error",
        f"The learning rate of {max(record.rates, default=math.nan):.3g} is too low: an update changes the weights by {ratio:.1g} of their "
        f"size (0.001 is usual), and {record.updates:,} updates by {_small(symptoms.travelled)}.",
        remedies=(usual,),
    )


def extreme_rate(record, symptoms):
    """A learning rate of which a few updates tell enough: they are as large as the weights, or nothing beside them."""
    ratios = symptoms.update_ratios[np.isfinite(symptoms.update_ratios)]
    if len(ratios) and ratios.max() > HIGHEST_RATIO:
        yield from learning_rate_too_high(record, symptoms)
    if len(ratios) and np.median(ratios) < _LOWEST_RATIO:
        yield from learning_rate_too_low(record, symptoms)


def _small(share):
    return "less than 0.1%" if share < 1e-3 else f"{share:.1%}"


def hardly_any_updates(record, symptoms):
    """A training of so few updates that nothing else can be said of it."""
    if symptoms.finite and symptoms.poor and record.updates < HARDLY_ANY:
        yield Finding("too-few-updates", "error", f"The training ends after {record.updates:,} updates of the weights.")


def too_few_updates(record, symptoms):
    """A training that ends while its loss is still falling, after few updates."""
    losses = symptoms.losses
    if not symptoms.finite or not HARDLY_ANY <= record.updates < _FEW or not symptoms.poor:
        return
    fifth = max(1, len(losses) // 5)
    before, last = float(np.mean(losses[-2 * fifth : -fifth])), float(np.mean(losses[-fifth:]))
    if last < before * (1 - _FALLING):
        yield Finding(
            "too-few-updates",
            "error",
            f"The training ends after {record.updates:,} updates, its loss still falling ({before:.3g} to {last:.3g} over the last fifth).",
        )


def batch_too_small(record, symptoms):
    """Batch normalization has too few examples a batch to take its statistics from (Wu and He 2018, figure 1)."""
    size, look = record.batch_size, record.looks[-1]
    if not record.network.batch_normalized or size is None or size > _SMALL_BATCH:
        return
    worse = look.inference_loss > _LAG * look.loss + 0.1 * (record.baseline or 1.0)
    if size <= _TINY_BATCH or worse:
        what = "1 example: its output does not depend on the inputs" if size == 1 else f"{size} examples"
        yield Finding(
            "batch-too-small",
            "error" if symptoms.poor or worse else "warning",
            f"Batch normalization takes its statistics from batches of {what}; the loss on the same examples is {look.loss:.3g} in "
            f"training mode and {look.inference_loss:.3g} in inference mode.",
        )


def running_statistics(record, symptoms):
    """Good in training mode, bad in inference mode: the running statistics of batch normalization do not fit."""
    network, look = record.network, record.looks[-1]
    small = record.batch_size is not None and record.batch_size <= _SMALL_BATCH
    if not network.batch_normalized or not symptoms.finite or not look.epoch or small:
        return
    if not look.inference_loss > _LAG * look.loss + 0.1 * (record.baseline or 1.0):
        return
    told = f"On the same examples the loss is {look.loss:.3g} in training mode and {look.inference_loss:.3g} in inference mode"
    left = network.momentum**record.updates
    why = (
        f"after {record.updates:,} updates they are still made of {left:.0%} of their initial values"
        if left > 0.01
        else "they do not follow"
    )
    yield Finding(
        "running-statistics-lag",
        "error" if left > 0.01 or symptoms.poor else "warning",
        f"{told}: the running statistics of batch normalization (momentum {network.momentum:g}) do not fit, as {why}.",
    )


def metric_cannot_move(record, symptoms):
    """A metric that stays where it is while the loss falls."""
    if len(record.epochs) < 3 or not symptoms.finite:
        return
    losses = [epoch["loss"] for epoch in record.epochs if "loss" in epoch]
    moved = losses and (max(losses) - min(losses)) > 0.1 * abs(losses[0])
    for name in record.epochs[0]:
        values = [epoch[name] for epoch in record.epochs if name in epoch]
        twin = name.removeprefix("val_") if name.startswith("val_") else f"val_{name}"  # It moves on other examples: the metric is able to.
        others = {epoch[twin] for epoch in record.epochs if twin in epoch}
        if not moved or name.endswith("loss") or len(set(values)) > 1 or len(others) > 1:
            continue
        if symptoms.training_skill > 0.1 and not _all_right(values[0], symptoms):
            yield Finding(
                "metric-cannot-move",
                "error",
                f"The metric {name} is {values[0]:.4g} after each of {len(values)} epochs, while the loss went from {losses[0]:.3g} to "
                f"{losses[-1]:.3g}: it does not fit the targets or the outputs.",
            )
            return


def _all_right(value, symptoms):
    """Whether a metric stays at 1 because everything is right."""
    return value == 1 and symptoms.training_skill > 0.99
