"""What is decided after a training, on its validation part: how sure the outputs may be, and the probability from which a class is said.

Both are the last that happens to a model, after copies of images are averaged and a classical model is mixed in, and are saved with it.
"""

import dataclasses

import numpy as np

from hornbook import files, terminal
from hornbook.data import splits
from hornbook.data.naming import some
from hornbook.evaluation import scores as scoring
from hornbook.evaluation import temperature, thresholds
from hornbook.recipes import running

_TOLD = 5  # Notes that are printed; result.json has all.


@dataclasses.dataclass(frozen=True)
class Decided:
    """A model after its last step, and what it is worth.

    Attributes:
        model: `keras.Model`, to logits that are divided by the temperature.
        about: what `labels.json` will hold, with `thresholds`.
        scores, mistakes: as of `running.evaluate`.
        details: for `result.json`: `temperature` and `threshold`, or nothing.
    """

    model: object
    about: dict
    scores: dict | None
    mistakes: list
    details: dict


def decide(args, session, model, about, parts, scored, *, batch_size=256, length=None):
    """Fit a temperature and choose thresholds, where the options ask for them, and score the model again.

    Args:
        args: the recipe's options.
        session: as of `running.evaluate`.
        model: the trained one.
        about: what `labels.json` would hold.
        parts: the validation part and the one that is evaluated, or their tokens; either may be None.
        scored: the scores and mistakes so far, a pair as of `running.evaluate`.
        batch_size, length: as of `batches.predictions`.

    Returns:
        `Decided`; of options that ask for neither with what was given.
    """
    from hornbook.data import batches

    (validation, evaluated), (before, mistakes) = parts, scored
    if not args.temperature_scaling and args.threshold == thresholds.NONE:
        return Decided(model, about, before, mistakes, {})
    outputs = batches.predictions(model, validation, batch_size=batch_size, length=length)
    details, notes = {}, []
    if args.evaluate == "validation":
        notes = ["it is chosen on the very examples that are scored here, and new ones will do worse"]
    if args.temperature_scaling:
        fitted = temperature.fit(validation.labels, scoring.class_logits(about["loss"], outputs))
        model, outputs = _divided(model, fitted.temperature), outputs * np.float32(1 / fitted.temperature)
        details["temperature"] = {
            "temperature": fitted.temperature,
            "validation_examples": fitted.examples,
            "validation_loss": [fitted.loss_before, fitted.loss_after],
            "notes": notes if fitted.note is None else [*notes, f"it stays 1: {fitted.note}"],
        }
    if args.threshold != thresholds.NONE:
        details["threshold"], limits = _thresholds(args, about, validation.labels, outputs, notes)
        about = {**about, "thresholds": limits}
    after, mistakes = running.evaluate(session, model, about, evaluated, batch_size=batch_size, length=length)
    if after is not None:
        if "temperature" in details:
            details["temperature"] |= {name: [before[name], after[name]] for name in ("loss", "calibration_error")}
        if "threshold" in details:
            details["threshold"]["metrics_at_half"] = scoring.headline(after["at_half"])
    _tell(details)
    return Decided(model, about, after, mistakes, details)


def _divided(model, by):
    """A model of the same inputs whose outputs are divided by a number, of Keras' own layers."""
    import keras

    if by == 1:
        return model
    [inputs], [outputs] = model.inputs, model.outputs
    return keras.Model(inputs, keras.layers.Rescaling(1 / by, dtype="float32", name="temperature")(outputs), name=model.name)


def _thresholds(args, about, labels, outputs, notes):
    """The thresholds of all labels, or of one of two classes, JSON values; and those of `labels.json`."""
    names, probabilities, of_first = about["class_names"], scoring.probabilities(about["loss"], outputs), False
    if about["task"] != "multi-label":
        of_first = args.positive_class == names[0]
        chosen = [0 if of_first else 1]
        names, probabilities, labels = [names[chosen[0]]], probabilities[:, chosen], labels[:, None] == chosen
    found = [thresholds.choose(labels[:, place], probabilities[:, place], args.threshold) for place in range(len(names))]
    few = _few(names, found, len(labels), args.threshold)
    stay = [f"that of {name} stays 0.5: {one.note}" for name, one in zip(names, found, strict=True) if one.note]
    limits = [1 - one.threshold if of_first else one.threshold for one in found]  # The first class above its own: the second not above.
    told = {
        "chosen_for": args.threshold,
        "validation_examples": len(labels),
        "classes": [{"name": name, **files.finite(dataclasses.asdict(one))} for name, one in zip(names, found, strict=True)],
        "notes": [*notes, *few, *stay],
    }
    return told, limits


def _few(names, found, examples, aim):
    """A sentence on thresholds that were chosen by a handful of examples, a list; of none nothing."""
    counts = {name: min(one.members, examples - one.members) for name, one in zip(names, found, strict=True) if one.note is None}
    rare = min(counts, key=counts.get, default=None)
    if rare is None or counts[rare] >= splits.IfEnough.least:
        return []
    those = sum(count < splits.IfEnough.least for count in counts.values())
    others = f", and {those - 1} more by fewer than {splits.IfEnough.least}" if those > 1 else ""
    its = "it" if found[names.index(rare)].members == counts[rare] else "the other class"
    return [
        f"that of {rare} is chosen by {counts[rare]} validation examples of {its}{others}, which is mostly luck; hold more out, such as "
        f"--validation-fraction 0.3, or see what it gains on other splits: hornbook compare ... --vary threshold=none,{aim} --new-splits"
    ]


def _tell(details):
    """Print what was decided."""
    if "temperature" in details:
        one = details["temperature"]
        scores = {"loss on it": one["validation_loss"], **{name: one[name] for name in ("loss", "calibration_error") if name in one}}
        gained = ", ".join(f"{name.replace('_', ' ')} {old:.4f} -> {new:.4f}" for name, (old, new) in scores.items())
        terminal.say(f"temperature {one['temperature']:.4g}, fitted on {one['validation_examples']:,} validation examples: {gained}")
    if "threshold" in details:
        one = details["threshold"]
        told = some([f"{entry['name']} {entry['threshold']:.4g} ({entry['members']:,} of it)" for entry in one["classes"]])
        terminal.say(f"threshold for {one['chosen_for']}, chosen on {one['validation_examples']:,} validation examples: {told}")
    for name, one in details.items():
        for note in one["notes"][:_TOLD]:
            terminal.say(f"note: {name}: {note}")
