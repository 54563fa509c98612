"""Attacks of several strengths, one after the other: the accuracy that is left of each, and what it was that flipped."""

import dataclasses
import time

import numpy as np

from hornbook.evaluation.intervals import wilson_interval

_MOST_FLIPS = 12  # Examples that are shown of an attack.
_GAP = 0.1  # Of accuracies, from which on an attack without gradients says that gradients mislead.


@dataclasses.dataclass(frozen=True)
class Flip:
    """An example that is classified otherwise once it is changed.

    Attributes:
        attack, epsilon: by which.
        number: its place among those attacked.
        before, after: the inputs.
        label: its class, which was predicted before.
        predicted: the class that is predicted now.
    """

    attack: str
    epsilon: float
    number: int
    before: np.ndarray
    after: np.ndarray
    label: int
    predicted: int


@dataclasses.dataclass(frozen=True)
class Curve:
    """What is left of the accuracy under an attack.

    Attributes:
        attack: its name.
        epsilons: rising.
        right: bool array `(epsilons, examples)`.
        flips: list of `Flip`, those of the smallest changes.
        seconds: it took.
    """

    attack: str
    epsilons: list
    right: np.ndarray
    flips: list
    seconds: float

    def points(self):
        """A dict for each epsilon: `epsilon`, `accuracy`, `interval`, `right`."""
        count = self.right.shape[1]
        return [
            {"epsilon": epsilon, "accuracy": float(row.mean()), "interval": wilson_interval(int(row.sum()), count), "right": int(row.sum())}
            for epsilon, row in zip(self.epsilons, self.right, strict=True)
        ]


def curve(name, change, attacker, target, epsilons, *, carried=True):
    """The `Curve` of an attack.

    Args:
        name: of the attack.
        change: function `(inputs, labels, box)` to changed inputs.
        attacker: has `predicted(inputs)`.
        target: `target.Target`.
        epsilons: numbers.
        carried: whether what a small change flips counts as flipped by all larger ones, which allow it too.
    """
    started, rows, flips = time.monotonic(), [], []
    clean = attacker.predicted(target.x) == target.labels
    still = clean.copy()
    for epsilon in sorted(epsilons):
        right = (still if carried else clean).copy()
        left = np.flatnonzero(right)
        if len(left):
            radius = np.broadcast_to(target.box.radius, target.x.shape)[left]
            room = dataclasses.replace(target.box, radius=radius).scaled(epsilon)
            changed = change(target.x[left], target.labels[left], room)
            predicted = attacker.predicted(changed)
            fooled = predicted != target.labels[left]
            right[left] = ~fooled
            flips += [
                Flip(name, epsilon, int(left[at]), target.x[left[at]], changed[at], int(target.labels[left[at]]), int(predicted[at]))
                for at in np.flatnonzero(fooled)[: _MOST_FLIPS - len(flips)]
            ]
        still &= right
        rows.append(right)
    return Curve(name, sorted(epsilons), np.array(rows), flips, time.monotonic() - started)


def masked(curves):
    """A sentence on gradients that mislead attacks, where the curves show it; else "".

    Square and FGSM are weaker attacks than PGD: where they flip what PGD does not, PGD's gradient does not say where the network errs
    (Athalye et al. 2018, section 3.1).

    Args:
        curves: list of `Curve` on the same examples.
    """
    by_name = {one.attack: one for one in curves}
    strong = by_name.get("pgd") or by_name.get("fgsm")
    for weak in (by_name.get("square"), by_name.get("fgsm")):
        if strong is None or weak is None or weak is strong:
            continue
        gaps = strong.right.mean(axis=1) - weak.right.mean(axis=1)
        place = int(gaps.argmax())
        # One random start of PGD misses a few percent of any network's examples, which Square may find.
        if gaps[place] >= _GAP:
            return (
                f"gradients are masked: at epsilon {strong.epsilons[place]:g}, {weak.attack} succeeds where {strong.attack} fails and "
                f"leaves {weak.right[place].mean():.1%} right, not {strong.right[place].mean():.1%}; the network is less robust than "
                f"{strong.attack} says"
            )
    return ""
