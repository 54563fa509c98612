"""Configurations as points in a unit cube, in which distances mean something to a surrogate."""

import keras_tuner
import numpy as np


class Encoding:
    """Values of KerasTuner's hyperparameters to vectors, and points of the cube to values.

    A number, and a choice among numbers, has one axis: its place in the range on the hyperparameter's own scale, so that a factor of ten is
    the same step everywhere on a log scale. A choice among words has an axis for each word. (KerasTuner's own oracle puts words on one axis
    too, which makes neighbours of those that happen to be listed side by side.) What is not active in a configuration is in the middle.

    Args:
        space: list of `keras_tuner.engine.hyperparameters.HyperParameter`, parents before children.
    """

    def __init__(self, space):
        self.space = [hp for hp in space if not isinstance(hp, keras_tuner.engine.hyperparameters.Fixed)]
        self._fixed = [hp for hp in space if isinstance(hp, keras_tuner.engine.hyperparameters.Fixed)]
        self._sizes = [len(_words(hp)) if _words(hp) else 1 for hp in self.space]

    def vector(self, values):
        """The point of a configuration, `values` by name: float64 of shape (axes,)."""
        parts = []
        for hp, size in zip(self.space, self._sizes, strict=True):
            if hp.name not in values:
                parts.append(np.full(size, 0.5 if size == 1 else 1 / size))
            elif size == 1:
                parts.append(np.array([_place(hp, values[hp.name])]))
            else:
                parts.append(np.array([float(values[hp.name] == word) for word in _words(hp)]))
        return np.concatenate(parts) if parts else np.zeros(0)

    def groups(self):
        """The number, from 0, of the hyperparameter that each axis is of."""
        return np.repeat(np.arange(len(self.space)), self._sizes)

    def is_word(self):
        """Which hyperparameters are choices among words: bool of shape (hyperparameters,)."""
        return np.array([bool(_words(hp)) for hp in self.space])

    def values(self, point):
        """The configuration at a point of [0, 1) with one coordinate a hyperparameter: values by name, those alone that are active."""
        return self.only_active({hp.name: hp.prob_to_value(float(place)) for hp, place in zip(self.space, point, strict=True)})

    def only_active(self, values):
        """Of values by name, those whose conditions hold, and what is fixed."""
        kept = {}
        for hp in [*self._fixed, *self.space]:
            if all(condition.is_active(kept) for condition in hp.conditions):
                kept[hp.name] = hp.value if hp in self._fixed else values[hp.name]
        return kept

    def every(self):
        """Every configuration as values by name, the last hyperparameter's values first; of a range without steps 10 values."""
        yield from self._every({hp.name: hp.value for hp in self._fixed}, 0)

    def _every(self, kept, place):
        if place == len(self.space):
            yield dict(kept)
            return
        hp = self.space[place]
        active = all(condition.is_active(kept) for condition in hp.conditions)
        for value in _listed(hp) if active else [None]:
            yield from self._every({**kept, hp.name: value} if active else kept, place + 1)

    def point(self, values):
        """A point that `values` come from, one coordinate a hyperparameter; 0.5 for what is not active."""
        return np.array([_place(hp, values[hp.name]) if hp.name in values else 0.5 for hp in self.space])

    def number_of_configurations(self):
        """How many there are where every hyperparameter has finitely many values, conditions not counted; else infinity."""
        product = 1.0
        for hp in self.space:
            product *= len(_listed(hp)) if _is_finite(hp) else np.inf
        return product


def _words(hp):
    """The values of a hyperparameter that have no order; () for one that has."""
    if isinstance(hp, keras_tuner.engine.hyperparameters.Boolean):
        return (False, True)
    if isinstance(hp, keras_tuner.engine.hyperparameters.Choice) and not hp.ordered:
        return tuple(hp.values)
    return ()


def _place(hp, value):
    """Of a value on its hyperparameter's scale from 0 to 1; the first and last of finitely many values are at the ends."""
    if isinstance(hp, keras_tuner.engine.hyperparameters.Choice | keras_tuner.engine.hyperparameters.Boolean):
        choices = list(hp.values) if isinstance(hp, keras_tuner.engine.hyperparameters.Choice) else [False, True]
        return (choices.index(value) + 0.5) / len(choices)
    return float(np.clip(hp.value_to_prob(value), 0.0, 1.0))


def _listed(hp):
    """The values of a hyperparameter in order. Of a range without steps KerasTuner gives 10, shuffled."""
    return list(hp.values) if isinstance(hp, keras_tuner.engine.hyperparameters.Choice) else sorted(hp.values)


def _is_finite(hp):
    numerical = keras_tuner.engine.hyperparameters.Int | keras_tuner.engine.hyperparameters.Float
    if not isinstance(hp, numerical) or hp.step is not None:
        return True
    return isinstance(hp, keras_tuner.engine.hyperparameters.Int) and hp.max_value - hp.min_value < 1000
