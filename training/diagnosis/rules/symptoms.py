"""How a training went, in the few numbers that all rules ask for."""

import dataclasses
import functools
import math

import numpy as np

from hornbook.training.diagnosis.examples import to_shares
from hornbook.training.diagnosis.networks import predicted_classes

STUCK = 0.1  # Of the way from the best constant's loss to 0: a network that ends below has learned next to nothing.
SKILL_STUCK = 0.15  # Of the way from the most frequent class to all right.
_COLLAPSED = 0.01
_WILD = 3.0  # Times the loss of guessing.
HARDLY_ANY = 30  # Updates: after fewer nobody can tell what the training would have come to.
BEHIND = 0.1  # Of skill behind nearest neighbours: the data have more to tell.


@dataclasses.dataclass(frozen=True)
class Symptoms:
    """Derived from a `Record`; what is not known is NaN, and rules that need it say nothing."""

    record: object

    @functools.cached_property
    def losses(self):
        """The loss of each step, an array."""
        return self.record.steps.losses

    @functools.cached_property
    def norms(self):
        """The whole gradient's norm at each step, an array."""
        return self.record.steps.totals

    @functools.cached_property
    def finite(self):
        """Whether loss and gradients stayed finite; float16's first overflows, by which its scale is found, aside."""
        losses = [epoch.get("loss", math.nan) for epoch in self.record.epochs]
        return bool(np.isfinite(losses).all()) and all(look.finite for probed in self.record.looks for look in probed.layers)

    @functools.cached_property
    def hardly_begun(self):
        """Whether there were so few updates that what the network has not learned says nothing."""
        return self.finite and self.record.updates < HARDLY_ANY

    @functools.cached_property
    def first_loss(self):
        """Mean loss of the first steps, at most 3."""
        return float(np.mean(self.losses[:3])) if len(self.losses) else math.nan

    @functools.cached_property
    def last_loss(self):
        """Mean training loss of the last tenth of the steps."""
        return float(np.mean(self.losses[-max(1, len(self.losses) // 10) :])) if len(self.losses) else math.nan

    @functools.cached_property
    def learned(self):
        """How much of the baseline's loss is gone: 0 nothing, 1 all."""
        baseline = self.record.baseline
        return 1 - self.last_loss / baseline if baseline else math.nan

    @functools.cached_property
    def training_skill(self):
        """Accuracy on training examples, 0 for that of the most frequent class, 1 for all right; of numbers R2. In inference mode.

        Where the loss counts classes differently, so does the accuracy. Classes that are more or less frequent among validation examples
        than among those that are learned from (a training part made uneven, a later time) are counted as they are among the latter.
        """
        return self._skill(self.record.training)

    @functools.cached_property
    def validation_skill(self):
        """As `training_skill`, of validation examples."""
        return self._skill(self.record.validation)

    @functools.cached_property
    def best_validation_skill(self):
        """The highest `validation_skill` of any epoch, as far as the history has an accuracy."""
        if self.record.task.balance is not None or self._uneven(self.record.validation) is not None:
            return self.validation_skill
        most = float(self.record.task.shares.max()) if self.record.task.shares is not None else math.nan
        reached = [(epoch["val_accuracy"] - most) / max(1e-9, 1 - most) for epoch in self.record.epochs if "val_accuracy" in epoch]
        known = [skill for skill in (*reached, self.validation_skill) if not math.isnan(skill)]
        return max(known, default=math.nan)

    @functools.cached_property
    def neighbours_skill(self):
        """What nearest neighbours reach among the training examples."""
        facts, task = self.record.facts, self.record.task
        if facts is not None and task.kind == "numbers":
            return math.nan if facts.neighbours is None else facts.neighbours
        if facts is None or facts.agreement is None:
            return math.nan
        most = float(task.shares.max())
        return (facts.agreement - most) / max(1e-9, 1 - most)

    @functools.cached_property
    def stuck(self):
        """Whether the network has learned next to nothing from its training examples."""
        if not self.finite:
            return True
        skill = self.training_skill
        return (bool(self.learned < STUCK) and not skill > 2 * SKILL_STUCK) or bool(skill < SKILL_STUCK and self.learned < 3 * STUCK)

    @functools.cached_property
    def poor(self):
        """Whether it has learned less than nearest neighbours can tell, or next to nothing."""
        return self.stuck or bool(self.training_skill < self.neighbours_skill - BEHIND)

    @functools.cached_property
    def collapsed(self):
        """Whether outputs have come to vary far less between examples than they did before the first step, where they were not wild."""
        first, last = (float(self.record.looks[place].outputs.std(axis=0).mean()) for place in (0, -1))
        wild = self.first_loss > _WILD * (self.record.baseline or math.inf)  # Of those of a very deep network it is the beginning to learn.
        return last < _COLLAPSED * first and not wild

    @functools.cached_property
    def travelled(self):
        """How far the kernels went, the median share of their size."""
        places = [kernel.place for kernel in self.record.network.kernels if kernel.place is not None]
        return float(np.median(self.record.travelled[places])) if places and len(self.record.travelled) else math.nan

    @functools.cached_property
    def update_ratios(self):
        """The kernels' updates as shares of their size, an array (samples,): each the median over kernels, but those that began at 0."""
        samples = self.record.steps.samples
        places = [kernel.place for kernel in self.record.network.kernels if kernel.place is not None and samples]
        places = [place for place in places if samples[0][1][place] > 0]
        return np.array([np.median(updates[places] / np.maximum(weights[places], 1e-12)) for _, weights, updates in samples if places])

    def _uneven(self, part):
        """Weights of a part's examples, with which its classes are as frequent as in training; None where they are anyway."""
        task = self.record.task
        if part is None or part is self.record.training or task.kind not in ("classes", "binary") or not len(part[0]):
            return None
        classes = np.asarray(part[0]).astype(int)
        return to_shares(task.shares, classes) if classes.min() >= 0 and classes.max() < len(task.shares) else None

    def _skill(self, part):
        task = self.record.task
        if part is None or task.kind is None or not np.isfinite(part[1]).all():
            return math.nan
        targets, outputs = part
        if task.kind in ("classes", "binary"):
            most = float(task.counted(task.balance).max())
            balanced = None if task.balance is None else task.balance[targets]
            counts = [weights for weights in (balanced, self._uneven(part)) if weights is not None]
            counts = np.prod(counts, axis=0) if counts else None
            if counts is not None and not counts.sum() > 0:
                return math.nan
            right = float(np.average(predicted_classes(outputs, task) == targets, weights=counts))
            return (right - most) / max(1e-9, 1 - most)
        if task.kind == "numbers" and np.size(outputs) == np.size(targets):
            targets, outputs = np.asarray(targets, "float64").reshape(len(targets), -1), outputs.reshape(len(targets), -1)
            rest = np.square(targets - outputs).sum()
            return float(1 - rest / max(1e-12, np.square(targets - targets.mean(axis=0)).sum()))
        return math.nan
