"""Weight randomisation: an explanation that stays when a network has forgotten everything is none of this network (Adebayo et al. 2018)."""

import contextlib

import keras
import numpy as np
from scipy.stats import rankdata

MOST_ALIKE = 0.5
"""A rank correlation above it says that an explanation hardly depends on what was learned."""

_DRAWS = 3


@contextlib.contextmanager
def shuffled(model, seed=0):
    """The model without what it has learned, within the block: the numbers of each kernel and of each table are put in another order.

    Their sizes stay what they were, so that signals keep their strength; so do biases and what normalizations know of the data. The nodes
    of trees stay, and their values are shuffled.

    Args:
        model: `keras.Model`.
        seed: of the order.
    """
    draw, kept = np.random.default_rng(seed), []
    try:
        for variable in model.variables:
            if len(variable.shape) < 2 or "float" not in keras.backend.standardize_dtype(variable.dtype):
                continue
            before = np.array(keras.ops.convert_to_numpy(variable))
            kept.append((variable, before))
            after = before.copy()
            changed = after[:, -1] if "boosting_trees" in variable.path else after.reshape(-1)
            changed[:] = draw.permutation(changed)
            variable.assign(after)
        yield
    finally:
        for variable, before in kept:
            variable.assign(before)


def randomised(model, heat_of, heat, counted, *, draws=_DRAWS, seed=0):
    """How alike an explanation is to that of the same network with shuffled weights.

    Args:
        model: `keras.Model`.
        heat_of: function without arguments to the explanation by the model as it then is, an array like `heat`.
        heat: float array `(examples, *places)`, the explanation.
        counted: bool array like it: places that are no padding.
        draws: how often the weights are shuffled.
        seed: of the shuffling.

    Returns:
        Float array `(examples,)`: Spearman's rank correlation over the places, the mean over the draws; 0 where one of the two is the same
        everywhere.

    Example:
    ```python
    import keras, numpy
    from hornbook.inference.explain import explain, randomised

    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    x = numpy.random.rand(3, 8, 8, 1)
    heat_of = lambda: explain(model, x, method="gradients", target=1).heat
    alike = randomised(model, heat_of, heat_of(), numpy.ones((3, 8, 8), bool))
    assert abs(alike.mean()) < 0.5
    ```
    """
    found = np.zeros((draws, len(heat)))
    for number in range(draws):
        with shuffled(model, seed + number):
            other = heat_of()
        found[number] = [_rank_correlation(one[where], two[where]) for one, two, where in zip(heat, other, counted, strict=True)]
    return found.mean(axis=0)


def _rank_correlation(first, second):
    first, second = rankdata(first), rankdata(second)
    if len(first) < 2 or first.std() == 0 or second.std() == 0:
        return 0.0
    return float(np.corrcoef(first, second)[0, 1])
