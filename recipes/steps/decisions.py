"""What is decided after a training, on its validation part: how sure the outputs may be, from which probability on a class is said, and
which answers go into a prediction set.

That is the last that happens to a model, after copies of images are averaged and a classical model is mixed in, and is saved with it.
"""

import dataclasses

import numpy as np

from hornbook import files, terminal
from hornbook.data import splits
from hornbook.data.naming import some
from hornbook.evaluation import conformal, selective, subgroups, temperature, thresholds
from hornbook.evaluation import scores as scoring
from hornbook.recipes import robust_groups
from hornbook.recipes.steps import running

_TOLD = 5  # Notes that are printed; result.json has all.


@dataclasses.dataclass(frozen=True)
class Decided:
    """A model after its last step, and what it is worth.

    Attributes:
        model: `keras.Model`, to logits that are divided by the temperature.
        about: what `labels.json` will hold, with `thresholds` and `conformal`.
        scores, mistakes: as of `running.Scored`.
        details: for `result.json`: `temperature`, `threshold`, `prediction_sets` and `routing`, those that there are.
    """

    model: object
    about: dict
    scores: dict | None
    mistakes: tuple
    details: dict


def decide(args, session, model, dataset, about, scored, *, parts=None, batch_size=256, length=None):
    """Fit a temperature, choose thresholds and make prediction sets, where the options ask for them, and score the model again.

    Args:
        args: the recipe's options.
        session: as of `running.evaluate`.
        model: the trained one.
        dataset: `data.dataset.Dataset`.
        about: what `labels.json` would hold.
        scored: `running.Scored` of the model so far.
        parts: tokens of the validation part and of the one that is evaluated, in place of the dataset's; either may be None.
        batch_size, length: as of `batches.predictions`.

    Returns:
        `Decided`; of options that ask for none of them with what was given, and, of a classifier, `routing`.
    """
    from hornbook.data import batches

    validation, evaluated = parts or (dataset.validation, dataset.parts.get(args.evaluate))
    divided, cut = getattr(args, "temperature_scaling", False), getattr(args, "threshold", thresholds.NONE) != thresholds.NONE
    routed = about["task"] == "classification" and evaluated is not None
    if validation is None or not (divided or cut or args.coverage is not None or routed):
        return Decided(model, about, _by_group(args, dataset, about, scored), scored.mistakes, {})
    how = {"batch_size": batch_size, "length": length}
    outputs = scored.outputs if evaluated is validation else batches.predictions(model, validation, **how)
    details, notes, before = {}, [], scored.scores
    if args.evaluate == "validation":
        notes = ["it is chosen on the very examples that are scored here, and new ones will do worse"]
    if divided:
        fitted = temperature.fit(validation.labels, scoring.class_logits(about["loss"], outputs))
        model, outputs = _divided(model, fitted.temperature), outputs * np.float32(1 / fitted.temperature)
        details["temperature"] = {
            "temperature": fitted.temperature,
            "validation_examples": fitted.examples,
            "validation_loss": [fitted.loss_before, fitted.loss_after],
            "notes": notes if fitted.note is None else [*notes, f"it stays 1: {fitted.note}"],
        }
    if cut:
        details["threshold"], limits = _thresholds(args, about, validation.labels, outputs, notes)
        about = {**about, "thresholds": limits}
    if args.coverage is not None:
        found = conformal.fit(about["loss"], validation.labels, scoring.answers(about["loss"], outputs), args.coverage)
        told = {"quantiles": files.finite(found.tolist()), "calibration_examples": len(outputs)}
        about = {**about, "conformal": {"coverage": args.coverage, **told}}
        details["prediction_sets"] = {"promised": args.coverage, **told, "notes": [*notes, *_breaks(args, dataset)]}
    if divided or cut:
        scored = running.evaluate(session, model, about, evaluated, **how)
    elif args.coverage is not None and evaluated is not None:
        scored = dataclasses.replace(scored, scores=scoring.of_run(about, evaluated.labels, scored.outputs))
    after = _by_group(args, dataset, about, scored)
    if after is not None:
        _compare(details, before, after)
    if routed:
        pairs = ((validation, outputs), (evaluated, scored.outputs))
        rows = selective.table(*((part.labels, scoring.probabilities(about["loss"], found)) for part, found in pairs))
        details["routing"] = {"validation_examples": len(outputs), "precisions": rows, "notes": notes}
    _tell(details)
    return Decided(model, about, after, scored.mistakes, details)


def _by_group(args, dataset, about, scored):
    """The scores, with those of each group where examples belong to groups; None where nothing is scored."""
    if scored.scores is None:
        return None
    found = robust_groups.scored(args, dataset, about, scored.scores, scored.outputs)
    groups = dataset.groups_of(dataset.part(args.evaluate))
    if groups is None or len(np.unique(groups.astype(str))) == len(groups):
        return found
    labels = dataset.part(args.evaluate).labels
    return {**found, "by_group": subgroups.by_group(about, labels, scored.outputs, groups)}


def _compare(details, before, after):
    """Add to what was decided what it changed on the part that is evaluated."""
    if "temperature" in details:
        details["temperature"] |= {name: [before[name], after[name]] for name in ("loss", "calibration_error")}
    if "threshold" in details:
        details["threshold"]["metrics_at_half"] = scoring.headline(after["at_half"])
    if "prediction_sets" in details:
        details["prediction_sets"] |= {name: value for name, value in after["prediction_sets"].items() if name != "each"}


def _breaks(args, dataset):
    """Sentences on what makes the promise of prediction sets less sure in this run."""
    also = [flag for flag in args.needed if flag.partition(" ")[0] in ("--early-stopping", "--schedule", "--temperature-scaling")]
    if also:
        yield f"the validation examples decided on {' and '.join(also)}, too, so of new ones a little fewer than promised may be covered"
    if dataset.times is not None or not dataset.drawn:
        yield "the validation examples were not drawn at random, so the promise is for examples like them, not for what comes later"
    if dataset.groups is not None:
        yield "examples of one group are alike, so what is promised of examples is less sure of those of new groups"


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
    if "prediction_sets" in details:
        terminal.say(_of_sets(details["prediction_sets"]))
    for name, one in details.items():
        for note in one["notes"][:_TOLD] if name != "routing" else ():
            terminal.say(f"note: {name.replace('_', ' ')}: {note}")


def _of_sets(told):
    """What was promised and what was reached, in a line."""
    said = f"prediction sets: {told['promised']:g} promised, by {told['calibration_examples']:,} validation examples"
    if "coverage" not in told:
        return said
    between = "" if told["coverage_interval"] is None else " [{:.4f}, {:.4f}]".format(*told["coverage_interval"])
    size = next((f", {name.replace('_', ' ')} {told[name]:.4g}" for name in ("mean_size", "mean_width") if name in told), "")
    return f"{said}; coverage {told['coverage']:.4f}{between}{size}"


def alone(args, scores):
    """What a network scores without the classical model that it is mixed with, for `result.json`; nothing where it is not mixed.

    Args:
        args: the recipe's options.
        scores: of the network alone, or None.
    """
    if not args.classical_share or scores is None:
        return {}
    return {"network_alone": _before(scores, "network alone", f"with a classical model, a share of {args.classical_share:g}")}


def single_images(args, scores):
    """What a network scores without copies of each image, for `result.json`; nothing where there are none.

    Args:
        args: the recipe's options.
        scores: of single images, or None.
    """
    if args.test_time_augmentation == "none" or scores is None:
        return {}
    copies = {"mirror": "each and its mirror image", "mirror-shift": "mirrored and shifted copies"}[args.test_time_augmentation]
    found = _before(scores, "single images", f"the mean over {copies}")
    return {"test_time_augmentation": args.test_time_augmentation, "single_images": found}


def _before(scores, what, then):
    """The headline of scores that others will follow; prints the first."""
    found = scoring.headline(scores)
    name, value = next(iter(found.items()))
    terminal.say(f"{what}: {name.replace('_', ' ')} {value:.4f}; what follows is {then}")
    return found
