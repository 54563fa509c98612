"""Deletion and insertion: whether a network's answer rests on what an explanation points at (Petsiuk et al. 2018, section 4.3)."""

import dataclasses

import numpy as np

from hornbook.evaluation import intervals

_PARTS = 16  # Steps of a curve, at most.
_ORDERS = 8  # Random ones, that an explanation is compared with.


@dataclasses.dataclass(frozen=True)
class Faithfulness:
    """Areas under curves, float arrays `(examples,)`, each from 0 to 1.

    Attributes:
        deletion: mean probability of the class while places are taken away, the hottest first: low is good.
        insertion: the same while places are put back, the hottest first: high is good.
        random_deletion, random_insertion: the same for random orders of the places, the mean of 8.
    """

    deletion: np.ndarray
    insertion: np.ndarray
    random_deletion: np.ndarray
    random_insertion: np.ndarray

    @property
    def gain(self):
        """How much farther apart insertion and deletion are than for random orders, float array `(examples,)`; 0: no better than these."""
        return (self.insertion - self.deletion) - (self.random_insertion - self.random_deletion)

    def summary(self):
        """Means, the gain with its 95% interval, and whether that lies above 0: a dict of JSON values."""
        found = {field.name: float(np.mean(getattr(self, field.name))) for field in dataclasses.fields(self)}
        interval = intervals.mean_interval(self.gain)
        better = bool(interval is not None and interval[0] > 0)
        return {**found, "gain": float(self.gain.mean()), "interval": interval, "examples": len(self.gain), "better_than_random": better}


def deletion_and_insertion(probability, heat, counted, *, seed=0):
    """`Faithfulness` of an explanation of some examples.

    Args:
        probability: function `(place, kept) -> (count,)`: the probability of the explained class of example `place` where those of its
            places are as they were that are True in bool `kept`, `(count, *places)`, and the others are taken away.
        heat: float array `(examples, *places)`, the explanation.
        counted: bool array like it: places that are no padding.
        seed: of the random orders.

    Example:
    ```python
    import numpy
    from hornbook.inference.explain import deletion_and_insertion

    weights = numpy.array([0.0, 0.1, 0.7, 0.2])  # Of four columns, a linear model's.
    found = deletion_and_insertion(lambda place, kept: kept @ weights, numpy.tile(weights, (3, 1)), numpy.ones((3, 4), bool))
    assert found.summary()["gain"] > 0.1
    ```
    """
    draw, found = np.random.default_rng(seed), []
    for place, one in enumerate(heat):
        places = np.flatnonzero(counted[place].reshape(-1))
        shuffled = [draw.permutation(places) for _ in range(1 + _ORDERS)]
        # Places of one heat come in a random order.
        hottest = shuffled[0][np.argsort(-one.reshape(-1)[shuffled[0]], kind="stable")]
        masks = np.concatenate([_masks(order, one.size) for order in (hottest, *shuffled[1:])]).reshape(-1, *one.shape)
        areas = np.trapezoid(np.asarray(probability(place, masks), np.float64).reshape(1 + _ORDERS, 2, -1), axis=-1)
        areas /= len(masks) / (2 * (1 + _ORDERS)) - 1
        found.append([*areas[0], *areas[1:].mean(axis=0)])
    return Faithfulness(*np.array(found).T)


def _masks(order, size):
    """What is kept while the places of an order are taken away, and while they are put back, bool `(2 * (parts + 1), size)`."""
    ends = np.unique(np.linspace(0, len(order), min(_PARTS, len(order)) + 1).round().astype(int))
    taken = np.zeros((len(ends), size), bool)
    for row, end in enumerate(ends):
        taken[row, order[:end]] = True
    return np.concatenate([~taken, taken])
