"""A run's answers explained, and whether the explanations say anything: deletion and insertion, and shuffled weights."""

import numpy as np

from hornbook.evaluation import scores
from hornbook.inference.explain.explaining import Explainer
from hornbook.inference.explain.faithfulness import deletion_and_insertion
from hornbook.inference.explain.randomisation import MOST_ALIKE, randomised
from hornbook.training.classical import mixing

_AT_A_TIME = 256
_ORDERS = 32  # Of the parts, for Shapley values.
_OF_SHUFFLED = 8  # Examples whose explanation by shuffled weights is compared.


class Run:
    """The explanations of a run's answers.

    Args:
        model: the run's.
        trained: `data.inputs.Trained`.
        shown: of `media`, the inputs and the unseen examples.
        method: one of `explaining.METHODS`.
        target: number of the class to explain; None: the one that is predicted for each.
        seed: of what is random.
        lazy: whether nothing is explained yet, see `heat_of`; then there is no `heat` and no `gaps`.

    Attributes:
        about, names: the run's `labels.json` and its classes.
        rows: float array `(examples, classes)`, probabilities.
        target: int array `(examples,)`.
        heat, gaps: as of `explaining.Explanation`.
    """

    def __init__(self, model, trained, shown, method, target, seed=0, *, lazy=False):
        self.model, self.about, self.names = model, trained.about, trained.about["class_names"]
        self.subject, self.method, self.seed = shown.subject, method, seed
        self.rows = self.probabilities(self.subject.x)
        predicted = np.array([self.said(row) for row in self.rows])
        self.target = np.full(len(self.rows), target) if target is not None else predicted
        self._explain = None if method == "shapley" else Explainer(model, method, seed=seed)
        if not lazy:
            self.heat, self.gaps = self._explained(np.arange(len(self.rows)))

    def heat_of(self, place, target):
        """Heat of one example for a class, as of `explaining.Explanation`."""
        self.target[place] = target
        return self._explained(np.array([place]))[0][0]

    def _explained(self, places):
        """Heat of some examples, 0 where nothing counts, and their gaps."""
        if self._explain is None:
            options = {"samples": _ORDERS, "seed": self.seed}
            found = [self.subject.shapley(place, self.probabilities, self.target[place], **options) for place in places]
            return np.stack(found), None
        baseline = self.subject.baseline
        found = self._explain(self.subject.x[places], self.target[places], None if baseline is None else baseline[places])
        return np.where(self.subject.counted[places], found.heat, 0), found.gaps

    def probabilities(self, x):
        """Probabilities of the classes for inputs as the model takes them, float array `(examples, classes)`."""
        found = [self.model.predict_on_batch(x[start : start + _AT_A_TIME]) for start in range(0, len(x), _AT_A_TIME)]
        return scores.answers(self.about["loss"], np.concatenate(found))

    def said(self, row):
        """The class that probabilities `(classes,)` are taken for."""
        return scores.ranked(self.about, row)[0]

    def checked(self):
        """How the method does on this model: a dict of JSON values, with `reliable` and, for readers, `sentences`."""
        probability = self.subject.probability(self.probabilities, self.target)
        areas = deletion_and_insertion(probability, self.heat, self.subject.counted, seed=self.seed).summary()
        # Unseen examples stand at the end, and each costs several explanations.
        some = np.arange(len(self.heat))[-_OF_SHUFFLED:]
        counted = self.subject.counted[some]
        alike = randomised(self.model, lambda: self._explained(some)[0], self.heat[some], counted, seed=self.seed)
        alike = {"rank_correlation": float(alike.mean()), "examples": len(alike), "depends_on_weights": bool(alike.mean() <= MOST_ALIKE)}
        found = {"deletion_and_insertion": areas, "weight_randomisation": alike}
        found["reliable"] = areas["better_than_random"] and alike["depends_on_weights"]
        told = _sentences(self.method, areas, alike)
        if self._explain is not None and any(layer.name == mixing.inside(self.model.name) for layer in self.model.layers):
            told.append(f"note: a classical model has a share in this run's answers, which {self.method} does not see; shapley does")
        return {**found, "sentences": told}


def _sentences(method, areas, alike):
    """What the checks found, in words."""
    method = method.replace("_", " ").replace("grad cam", "Grad-CAM").replace("smoothgrad", "SmoothGrad")
    count, interval = areas["examples"], areas["interval"]
    between = "" if interval is None else f" [{interval[0]:+.3f}, {interval[1]:+.3f}]"
    told = [
        f"deletion {areas['deletion']:.3f} (low is good), insertion {areas['insertion']:.3f} (high is good); random orders "
        f"{areas['random_deletion']:.3f} and {areas['random_insertion']:.3f}; gain {areas['gain']:+.3f}{between}, {count} examples",
        f"with shuffled weights the explanations are alike by {alike['rank_correlation']:.2f} (rank correlation, 0 is good), "
        f"{alike['examples']} examples",
    ]
    if not areas["better_than_random"]:
        told.append(f"note: {method} points at nothing that this model's answers rest on more than on places drawn at random")
    if not alike["depends_on_weights"]:
        told.append(f"note: {method} says nearly the same of this model without what it has learned, so it says little about it")
    return told
