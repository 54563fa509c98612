"""What is wrong with what a network has learned: labels, classes, and how training and validation differ."""

import math

import numpy as np

from hornbook.training.diagnosis import labels as of_labels
from hornbook.training.diagnosis.finding import Finding
from hornbook.training.diagnosis.networks import predicted_classes
from hornbook.training.diagnosis.rules import remedies

_MARGIN = 0.05  # Of accuracy.
_ENOUGH = 100  # Examples, for what neighbours say to be more than luck.
_EVEN = 120  # Examples of two equally frequent classes: as much is to be told by few of a rare class.
_LUCK = 0.01  # Of orders of the labels: what tells them better than 99% of the orders is no luck, and 2% of shuffled labels are missed.
_WRONG = 0.05  # Share of the labels that a classifier is surest of: what is less, even sound data have.
_ALIKE = 0.6  # Of labels that are wrong at random, a classifier misses as many where it is sure; of hard examples far fewer.
_ONE_SIDED = 0.9  # Share of neighbours of the same class by chance.
_EXPLAINED = 0.02  # Of the variance of numbers.
_MOSTLY = 0.3  # Of the validation examples.
_OVERLAP = 0.05  # Share of validation examples.
_GAP = 0.2  # Of skill between training and validation.
_SHIFT = 1.0  # In standard deviations.
_RARE = 1 / 3  # Of an even share.
_IGNORED = 0.4  # Recall, as a share of the others'.
_FEW_EXAMPLES = 300  # A gap between training and validation is likelier with fewer.
_DROPPED, _LEFT, _NARROW = 0.65, 0.2, 2  # Share of features, share of the weights' size, features.
_USUAL_DECAY = (
    0.3  # Of less, it is the learning rate, by which weights shrink too, that leaves nothing (AdamW's usual values are 0.01 to 0.1).
)
_PRUNED = 0.5  # Share of the weights.
_HARDLY_LEFT = 0.9  # Share of features dropped that is too much whatever the result.


def labels(record, symptoms):
    """Labels that do not follow from the inputs, at all or for a share of the examples; of few examples only what is no luck."""
    facts = record.facts
    if facts is None or facts.examples < _ENOUGH or facts.constant > 0.95:
        return
    by_luck = facts.luck is not None and facts.luck > _LUCK
    if by_luck and facts.neighbours is not None and facts.neighbours < _EXPLAINED and not symptoms.validation_skill > _EXPLAINED:
        yield _unrelated("targets", f"an example's nearest neighbours explain {max(0.0, facts.neighbours):.0%} of their variance", symptoms)
    if facts.agreement is None:
        return
    compared = min(facts.examples, 2000)
    error = of_labels.error_of(facts.by_chance, compared)
    by_vote = float(record.task.shares.max()) + 2 / 3 * error
    # Wrong labels of some examples are learned by heart in the end: what held for validation examples before counts, if it is no luck.
    luck = 3 * math.sqrt(0.25 / max(1, facts.validation_examples or 0)) / max(1e-9, 1 - float(record.task.shares.max()))
    unlearned = not (symptoms.validation_skill > 0.1 or symptoms.best_validation_skill > 0.1 + luck)
    if facts.by_chance > _ONE_SIDED:
        return  # Of nearly one class alone neighbours agree anyway.
    by_luck &= 2 * (1 - facts.by_chance) * compared >= _EVEN
    if by_luck and facts.agreement < facts.by_chance + error and facts.votes < by_vote and unlearned:
        told = f"an example's nearest neighbour has its class in {facts.agreement:.1%} of cases, by chance in {facts.by_chance:.1%}"
        yield _unrelated("labels", told, symptoms)
    # Texts are near each other by a phrase that they share, whatever their classes: of sound ones the estimate is 0.16 to 0.28.
    elif facts.sure and not record.network.embedded and _seem_wrong(facts) and not _refuted(facts.noise, record, symptoms):
        low, high = of_labels.interval(facts.sure_wrong, facts.sure)
        yield Finding(
            "label-noise",
            "warning",
            f"Perhaps {low:.0%} to {high:.0%} of the training labels are wrong: of the {facts.sure} examples whose class the others tell "
            f"most surely, {facts.sure_wrong} have another label, as where labels are wrong, or where what is alike is not of one class.",
        )


def _seem_wrong(facts):
    """Whether more labels are wrong than by luck, and as many of those that a classifier is sure of as of the others."""
    low, _ = of_labels.interval(facts.sure_wrong, facts.sure)
    refuted = facts.told > 1 - facts.noise + _MARGIN  # It knows more labels than so many wrong ones leave.
    return low > _WRONG and not refuted and facts.sure_wrong / facts.sure >= _ALIKE * (1 - facts.told)


def _refuted(noise, record, symptoms):
    """Whether a network agrees with more labels of both parts than so many wrong ones leave: neighbours tell little of such data."""
    most = float(record.task.shares.max())
    known = np.minimum(symptoms.training_skill, symptoms.best_validation_skill)
    return bool(most + known * (1 - most) > 1 - noise + _MARGIN)


def _unrelated(what, told, symptoms):
    """Before a training it is no more than likely: there are problems of which neighbours tell nothing."""
    if math.isnan(symptoms.validation_skill) or symptoms.hardly_begun:
        return Finding("shuffled-labels", "warning", f"The {what} may not follow from the inputs: {told}.")
    words = f"The {what} do not follow from the inputs: {told}, and what the network learned does not hold for validation examples."
    return Finding("shuffled-labels", "error", words)


def overlap(record, symptoms):
    """Validation examples that are training examples too."""
    facts = record.facts
    if facts is not None and facts.overlap is not None and facts.overlap > max(_OVERLAP, 2 * facts.repeated):
        most = facts.overlap > _MOSTLY
        yield Finding(
            "validation-overlap",
            "error" if most else "warning",
            f"{facts.overlap:.0%} of the validation examples are training examples too: "
            + ("the validation scores mean nothing." if most else "the validation scores are too good."),
        )


def shift(record, symptoms):
    """Training and validation examples from different distributions, by their means and by their neighbours."""
    facts = record.facts
    if facts is None or facts.overlap is None or facts.overlap > _OVERLAP or facts.constant > 0.95:
        return
    told = []
    if facts.shift > _SHIFT:
        told.append(f"a mean of the inputs differs by {facts.shift:.1f} standard deviations")
    if facts.agreement is not None and facts.validation_agreement is not None:
        error = math.sqrt(0.25 / min(facts.examples, 2000) + 0.25 / max(1, min(facts.validation_examples, 2000)))
        if facts.agreement - facts.validation_agreement > max(0.15, 4 * error):
            told.append(
                f"the nearest training example has the same class for {facts.validation_agreement:.0%} of the validation examples and for "
                f"{facts.agreement:.0%} of the training examples"
            )
    if told:
        yield Finding(
            "validation-shift",
            "error",
            f"Training and validation examples are from different distributions: {', and '.join(told)}.",
        )


def rare_class(record, symptoms):
    """A class with few examples that the network does not find."""
    task = record.task
    if (
        task.kind not in ("classes", "binary")
        or record.training is None
        or not symptoms.finite
        or (record.facts and record.facts.out_of_range)
    ):
        return
    for part, (targets, outputs) in {"validation": record.validation or ((), ()), "training": record.training}.items():
        if not len(targets):
            continue
        predicted = predicted_classes(outputs, task)
        recalls = {one: float(np.mean(predicted[targets == one] == one)) for one in range(task.num_classes) if np.any(targets == one)}
        rare = [one for one in recalls if task.shares[one] < _RARE / task.num_classes]
        others = [recall for one, recall in recalls.items() if one not in rare]
        worst = min(rare, key=recalls.get, default=None)
        if worst is not None and others and recalls[worst] < _IGNORED * np.mean(others) and np.mean(others) > 0.5:
            yield Finding(
                "rare-class-ignored",
                "error" if len(np.unique(predicted)) == 1 else "warning",
                f"The class {task.name_of(worst)} has {task.shares[worst]:.1%} of the training examples, and the network finds "
                f"{recalls[worst]:.0%} of it among {part} examples, of the other classes {np.mean(others):.0%}.",
            )
            return


def overfitting(record, symptoms):
    """A network that knows its training examples far better than others; where it knows others better than neighbours do, a note."""
    training, validation = symptoms.training_skill, symptoms.validation_skill
    losses = [epoch["val_loss"] for epoch in record.epochs if "val_loss" in epoch]
    rise = losses[-1] / min(losses) if losses and min(losses) > 0 else 1.0
    few = record.facts is None or record.facts.examples < _FEW_EXAMPLES
    if training - validation > _GAP and training > 0.5 and (rise > 1.25 or training - validation > 2 * _GAP or few):
        yield Finding(
            "overfitting",
            "note" if not few and validation > symptoms.neighbours_skill else "warning",
            f"The network overfits: its skill is {training:.0%} on training and {validation:.0%} on validation examples"
            + (f", and the validation loss ends {rise:.1f} times above its lowest." if rise > 1.25 else "."),
        )


def underfitting(record, symptoms):
    """A network that learns, but less than nearest neighbours know."""
    if symptoms.finite and symptoms.poor and not symptoms.stuck and symptoms.training_skill < symptoms.neighbours_skill - 0.1:
        yield Finding(
            "underfitting",
            "warning",
            f"The network underfits: its skill on training examples is {symptoms.training_skill:.0%}, and nearest neighbours have "
            f"{symptoms.neighbours_skill:.0%}.",
        )


def capacity(record, symptoms):
    """A network that cannot learn: pruning, dropout or weight decay leave nothing of it, or a layer is too narrow for what goes through."""
    if not symptoms.finite or not (symptoms.poor or record.network.dropout > _HARDLY_LEFT):
        return
    told, network, samples = None, record.network, record.steps.samples
    hidden = [kernel for kernel in network.kernels[:-1] if kernel.kind != "Embedding"]
    if record.zeros > _PRUNED:
        told = f"{record.zeros:.0%} of its weights are 0"
    elif network.dropout > _DROPPED:
        told = f"dropout leaves {1 - network.dropout:.0%} of its features"
    elif record.optimizer.get("weight_decay", 0.0) > _USUAL_DECAY and len(samples) > 1 and hidden:
        places = [kernel.place for kernel in hidden if kernel.place is not None]
        left = float(np.median(samples[-1][1][places] / np.maximum(samples[0][1][places], 1e-12))) if places else 1.0
        if left < _LEFT:
            told = f"weight decay of {record.optimizer['weight_decay']:g} has left {left:.1%} of its weights' size"
    narrow = min((kernel.units for kernel in hidden), default=_NARROW + 1)
    if told is None and narrow <= _NARROW < record.task.num_classes:
        layers = tuple(kernel.layer for kernel in hidden if kernel.units == narrow)
        told = f"{layers[0]} has {narrow} features for {record.task.num_classes} classes"
    if told:
        yield Finding("underfitting", "error" if symptoms.poor else "warning", f"The network cannot learn what the examples tell: {told}.")


def constant_predictions(record, symptoms):
    """The same output whatever the input."""
    outputs = record.looks[-1].outputs
    if not record.looks[-1].epoch or not np.isfinite(outputs).all() or record.task.kind is None:
        return
    spread = float(outputs.std(axis=0).mean())
    if record.task.kind in ("classes", "binary"):
        predicted = predicted_classes(outputs, record.task)
        one = len(np.unique(predicted)) == 1
    else:
        one = spread < 1e-3 * max(1e-9, float(np.std(np.asarray(record.training[0])))) if record.training else False
    if one and symptoms.stuck:
        yield Finding(
            "constant-predictions",
            "error",
            f"The network says the same of every example (its outputs vary by {spread:.1g} between examples).",
            remedies=(remedies.usual_learning_rate(record),),
        )


def not_learned(record, symptoms):
    """What to say where no other rule has said why."""
    if symptoms.stuck and symptoms.finite and record.baseline is not None:
        yield Finding(
            "not-learned",
            "error",
            f"The network has not learned: its training loss ends at {symptoms.last_loss:.3g}, and guessing gives {record.baseline:.3g}.",
        )


EARLY_RULES = (labels, overlap, shift)
RULES = (underfitting, overfitting, constant_predictions)
