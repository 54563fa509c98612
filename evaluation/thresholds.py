"""The probability above which a class is predicted, chosen on held-out examples for what somebody wants of it. NumPy alone, no Keras."""

import dataclasses
import math
import re

import numpy as np

from hornbook import UserError

NONE = "none"
ACCEPTED = "none, f1, balanced-accuracy, mcc, precision:0.95, recall:0.9 (any share) or cost:1:20 (of a false alarm and of a miss)"
HALF = 0.5
_NUMBER = r"(\d{1,9}(?:\.\d{1,9})?)"
_DIGITS = 12  # To which two values are the same: sums in another order differ in the sixteenth.


@dataclasses.dataclass(frozen=True)
class Aim:
    """What a threshold is chosen for, see `parse`.

    Attributes:
        name: "f1", "balanced-accuracy", "mcc", "precision", "recall" or "cost".
        least: the share that a precision or a recall must have.
        costs: of a false alarm (predicted, and not so) and of a miss (so, and not predicted).
    """

    name: str
    least: float = 0.0
    costs: tuple = (1.0, 1.0)


@dataclasses.dataclass(frozen=True)
class Choice:
    """A threshold, and what it does on the examples that it was chosen on.

    Attributes:
        threshold: from 0 to 1; an example is predicted to be a member where its probability is higher.
        value, value_at_half: what was aimed at, with this threshold and with 0.5: the score of that name, or the cost an example. NaN
            where it is not defined.
        precision, recall: with this threshold; the precision is NaN where nothing is predicted.
        members: how many of the examples are members.
        note: a sentence on why the threshold is 0.5 where none could be chosen, or None.
    """

    threshold: float
    value: float = math.nan
    value_at_half: float = math.nan
    precision: float = math.nan
    recall: float = math.nan
    members: int = 0
    note: str | None = None


def parse(spelling):
    """The `Aim` that a spelling means, or None for "none".

    - `f1`: the harmonic mean of precision and recall; `balanced-accuracy`: the mean of the recalls of members and others; `mcc`: the
      Matthews correlation.
    - `precision:0.95`: as many of the members as can be found with a precision of at least 0.95. `recall:0.9`: as few false alarms as can
      be had with a recall of at least 0.9.
    - `cost:1:20`: the lowest cost, where a false alarm costs 1 and a miss 20.

    Raises:
        UserError: another spelling, with those that are accepted.

    Example:
    ```python
    from hornbook.evaluation import thresholds

    assert thresholds.parse("precision:0.95").least == 0.95
    assert thresholds.parse("cost:1:20").costs == (1, 20)
    ```
    """
    if spelling == NONE:
        return None
    if spelling in ("f1", "balanced-accuracy", "mcc"):
        return Aim(spelling)
    share = re.fullmatch(rf"(precision|recall):{_NUMBER}", spelling, re.ASCII)
    if share and 0 < float(share[2]) <= 1:
        return Aim(share[1], least=float(share[2]))
    cost = re.fullmatch(rf"cost:{_NUMBER}:{_NUMBER}", spelling, re.ASCII)
    if cost and float(cost[1]) > 0 and float(cost[2]) > 0:
        return Aim("cost", costs=(float(cost[1]), float(cost[2])))
    raise UserError(f"--threshold must be {ACCEPTED}, got {spelling}")


def require_thresholds(spelling, task, class_names):
    """Refuse a threshold where a prediction is none of one probability.

    Args:
        spelling: as of `parse`.
        task: "classification", "multi-label" or "regression".
        class_names: of all classes or labels.

    Raises:
        UserError: there are more than two classes that exclude each other.

    Example:
    ```python
    from hornbook.evaluation import thresholds

    thresholds.require_thresholds("f1", "classification", ("healthy", "ill"))
    thresholds.require_thresholds("f1", "multi-label", ("red", "round", "large"))
    ```
    """
    num_classes = len(class_names)
    if task == "classification" and num_classes != 2:
        raise UserError(
            f"--threshold {spelling} is for two classes, or for several labels an example, and there are {num_classes} classes, of which "
            "the most probable is predicted: no one probability decides; leave it out, and see --class-weights or --logit-adjustment for "
            "what rare classes need"
        )


def choose(members, probabilities, aim="f1"):
    """The threshold that is best for an aim on some examples, which should be none that a network was trained or will be scored on.

    Every threshold that tells two of the examples apart is looked at. It stands in the middle between two probabilities that occur, or at
    0.5 where that is between them. Of thresholds that are equally good it is the one nearest to 0.5. A threshold that is chosen so is
    chosen for these examples: with few members it is a matter of luck, and what it promises is more than what new examples will show.

    Args:
        members: bool array `(examples,)`, or 0 and 1: which example is of the class.
        probabilities: float array `(examples,)` from 0 to 1, of being one. Those that are NaN are left out.
        aim: a spelling as of `parse`, but "none".

    Returns:
        `Choice`. Its threshold is 0.5, with a note that says why, where there are no members or no others, and where no threshold has the
        precision or recall that was asked for.

    Raises:
        UserError: another spelling.
        ValueError: the shapes do not fit together, or these are no probabilities.

    Example:
    ```python
    import numpy
    from hornbook.evaluation import thresholds

    members = numpy.array([0, 0, 0, 0, 1, 1])
    probabilities = numpy.array([0.01, 0.02, 0.1, 0.3, 0.2, 0.4])
    found = thresholds.choose(members, probabilities, "f1")
    assert (round(found.threshold, 4), found.value, found.value_at_half) == (0.15, 0.8, 0)
    print((probabilities > found.threshold).astype(int))
    ```
    """
    wanted = parse(aim)
    members, probabilities = np.asarray(members).astype(bool), np.asarray(probabilities, np.float64)
    if wanted is None or members.ndim != 1 or members.shape != probabilities.shape:
        raise ValueError(f"members {members.shape}, probabilities {probabilities.shape} and the aim {aim} do not fit together")
    kept = ~np.isnan(probabilities)
    if ((probabilities[kept] < 0) | (probabilities[kept] > 1)).any():
        raise ValueError("probabilities must lie in 0 to 1; make them of logits first, 1 / (1 + exp(-logits))")
    members, probabilities = members[kept], probabilities[kept]
    count = int(members.sum())
    if not 0 < count < len(members):
        return Choice(HALF, members=count, note="no example of it to choose by" if not count else "no example without it to choose by")
    places, found, alarms = _candidates(members, probabilities)
    precision, recall = _precision(found, alarms), found / count
    value, goodness, possible = _values(wanted, found, alarms, count, len(members), precision, recall)
    [half] = np.flatnonzero(places == HALF)
    if not possible.any():
        most = np.nanmax(value)
        note = f"no threshold has {wanted.name} {wanted.least:g} or more, the most is {most:.4f}"
        return Choice(HALF, *map(float, (value[half], value[half], precision[half], recall[half])), members=count, note=note)
    ranks = [np.abs(places - HALF), *(-np.round(one, _DIGITS) for one in reversed(goodness)), ~possible]
    best = int(np.lexsort(ranks)[0])
    return Choice(*map(float, (places[best], value[best], value[half], precision[best], recall[best])), members=count)


def _candidates(members, probabilities):
    """Every threshold that matters, rising; and how many members and how many others are above it: three float arrays."""
    values, place = np.unique(probabilities, return_inverse=True)
    above = []
    for who in (members, ~members):
        counts = np.bincount(place, who, len(values))
        above.append(np.append(np.cumsum(counts[::-1])[::-1], 0.0))
    low, high = np.append(0.0, values), np.append(values, 1.0)
    middle = low + (high - low) / 2
    middle = np.where(middle < high, middle, low)  # Between two neighbouring numbers there is none.
    middle = np.where((low <= HALF) & (high > HALF), HALF, middle)
    first = int(values[0] <= 0)  # Nothing is below 0.
    return middle[first:], above[0][first:], above[1][first:]


def _precision(found, alarms):
    predicted = found + alarms
    return np.where(predicted > 0, found / np.maximum(predicted, 1), np.nan)


def _values(aim, found, alarms, count, total, precision, recall):
    """Of each threshold the value that is aimed at; what makes it better, the most important first; and whether it is possible."""
    others = total - count
    missed, told = count - found, others - alarms
    possible = np.ones(len(found), bool)
    if aim.name == "f1":
        value = 2 * found / (2 * found + alarms + missed)
    elif aim.name == "balanced-accuracy":
        value = (recall + told / others) / 2
    elif aim.name == "mcc":
        scale = np.sqrt((found + alarms) * (missed + told)) * math.sqrt(count * others)
        value = np.where(scale > 0, (found * told - alarms * missed) / np.where(scale > 0, scale, 1), 0.0)
    elif aim.name == "cost":
        value = (aim.costs[0] * alarms + aim.costs[1] * missed) / total
        return value, (-value,), possible
    else:
        value, other = (precision, recall) if aim.name == "precision" else (recall, np.nan_to_num(precision))
        possible = np.nan_to_num(value) >= aim.least - 10.0**-_DIGITS
        return value, (other, np.nan_to_num(value)), possible
    return value, (value,), possible
