"""What the examples of a training are like: their scale, columns that say nothing, and whether the labels follow from the inputs.

Neighbours tell much of that without any network. Where a training example's nearest neighbours have its label no more often than chance,
nothing that generalises can be learned from distances; where they do among the training examples and do not between training and
validation, the two are from different distributions.
"""

import dataclasses

import keras
import numpy as np

from hornbook.training.diagnosis import labels

_MOST = 2000  # Examples of a part that are compared, evenly spaced.
_OTHER_SHARES = 0.1  # Of the classes: so much of one part would have to be of another class to have the other's shares.


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known about the examples.

    Attributes:
        examples: of the training part.
        finite: whether all inputs and targets are finite numbers.
        mean, spread, largest: of the inputs as a whole; the spread is a standard deviation.
        ratio: the largest spread of a feature over the smallest, of those that vary; 1 where inputs are no table.
        constant: share of features that are the same in all examples.
        duplicates: pairs of columns of a table that are the same but for scale.
        out_of_range: labels that no output stands for.
        agreement: how often the nearest neighbour of a training example has its class; None of other tasks.
        by_chance: how often it would if labels meant nothing.
        votes: how often most of an example's 10 nearest neighbours have its class.
        neighbours: R2 of the mean of the 10 nearest training examples' numbers; None of classes.
        luck: how often labels in random order are told by the inputs as well as these are; None where there is no doubt that they are.
        noise: estimated share of training labels that are wrong; None where neighbours cannot tell.
        told: how often a classifier is right on examples that it was not given; None where `noise` is no reason to ask it.
        sure, sure_wrong: the quarter of the examples that it is surest of, and how many of their labels are others.
        overlap: share of validation examples that are in the training part too.
        repeated: share of training examples that are in it twice.
        validation_agreement: how often the nearest training example of a validation example has its class. Where the parts have other
            shares of classes, as with a training part that was made a long tail, validation examples are weighed to have training's.
        shift: the largest difference of a feature's mean between the parts, in standard deviations, where it is beyond chance; else 0.
            Validation examples are weighed alike.
    """

    examples: int
    finite: bool
    mean: float
    spread: float
    largest: float
    ratio: float
    constant: float
    duplicates: int
    out_of_range: int
    agreement: float | None = None
    by_chance: float | None = None
    votes: float | None = None
    neighbours: float | None = None
    luck: float | None = None
    noise: float | None = None
    told: float | None = None
    sure: int = 0
    sure_wrong: int = 0
    overlap: float | None = None
    repeated: float = 0.0
    validation_agreement: float | None = None
    validation_examples: int = 0
    shift: float = 0.0


def facts(x, y, classes, num_classes, validation=None, *, tokens=False, numbers=True):
    """`Facts` of training and validation examples.

    Args:
        x: training inputs, an array `(examples, ...)`.
        y: training targets, an array.
        classes: the training examples' classes `(examples,)`, or None of other tasks.
        num_classes: how many there are.
        validation: (inputs, targets, classes or None), or None.
        tokens: whether inputs are indices, which are compared by how often each occurs.
        numbers: whether targets that are no classes are numbers of the example, which its neighbours' are compared with.
    """
    x, chosen = _some(np.asarray(x))
    flat = x.reshape(len(x), -1).astype("float64")
    y = np.asarray(y)
    finite = bool(np.isfinite(flat).all() and (not np.issubdtype(y.dtype, np.floating) or np.isfinite(y).all()))
    spreads = flat.std(axis=0)
    varies = flat.max(axis=0) > flat.min(axis=0)
    table = x.ndim == 2 and not tokens
    found = {
        "examples": len(y),
        "finite": finite,
        "mean": float(flat.mean()),
        "spread": float(flat.std()),
        "largest": float(np.abs(flat).max(initial=0.0)),
        "ratio": float(spreads[varies].max() / spreads[varies].min()) if table and varies.any() else 1.0,
        "constant": float(1 - varies.mean()) if not tokens else float((spreads == 0).all()),
        "duplicates": _duplicates(flat if table else x.reshape(-1, x.shape[-1])) if finite and not tokens and x.ndim < 4 else 0,
        "out_of_range": int(np.sum((classes < 0) | (classes >= num_classes))) if classes is not None else 0,
    }
    if not finite or found["out_of_range"]:
        return Facts(**found)
    features = _counts(x) if tokens else flat
    scale = features.std(axis=0)
    features = features / np.where(scale > 0, scale, 1.0) if table else features
    keys = [row.tobytes() for row in x]
    found["repeated"] = 1 - len(set(keys)) / max(1, len(keys))
    if classes is not None:
        found |= labels.of_classes(features, classes[chosen], num_classes)
    elif numbers and np.issubdtype(y.dtype, np.floating):
        found |= labels.of_numbers(features, y.reshape(len(y), -1)[chosen])
    if validation is not None:
        found |= _validation(x, keys, features, classes, chosen, scale if table else None, validation, tokens)
    return Facts(**found)


def spaced(count, most):
    """Places of at most so many of `count` things, evenly spaced, the first and the last among them: an array."""
    return np.linspace(0, max(0, count - 1), min(count, most)).round().astype(int)


def _some(x):
    chosen = spaced(len(x), _MOST)
    return x[chosen], chosen


def _counts(x, size=4096):
    """How often each token is in a text, padding and the most frequent ones left out, as unit vectors."""
    flat = x.reshape(len(x), -1).astype(int) % size
    counts = np.zeros((len(flat), size))
    np.add.at(counts, (np.repeat(np.arange(len(flat)), flat.shape[1]), flat.ravel()), 1.0)
    counts[:, 0] = 0
    there = (counts > 0).mean(axis=0)
    counts = np.log1p(counts) * np.log(1 / np.maximum(there, 1 / len(counts)))
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)


def _duplicates(columns):
    columns = columns[:: 1 + len(columns) // 20000].astype("float64")
    columns = columns[:, columns.max(axis=0) > columns.min(axis=0)][:, :300]
    if columns.shape[1] < 2 or len(columns) < 20:
        return 0
    correlation = np.corrcoef(columns, rowvar=False)
    return int(np.sum(np.triu(np.abs(correlation) > 0.99999, 1)))


def _validation(x, keys, features, classes, chosen, scale, validation, tokens):
    others, other_y, other_classes = validation
    others, other_chosen = _some(np.asarray(others))
    known = set(keys)
    found = {
        "overlap": float(np.mean([row.astype(x.dtype).tobytes() in known for row in others])) * _covered(chosen),
        "validation_examples": len(other_y),
    }
    flat = _counts(others) if tokens else others.reshape(len(others), -1).astype("float64")
    if scale is not None:
        flat = flat / np.where(scale > 0, scale, 1.0)
    if flat.shape[1] != features.shape[1] or not np.isfinite(flat).all():
        return found
    weights = None
    if other_classes is not None:
        kinds = classes[chosen]
        weights = to_shares(np.bincount(kinds, minlength=1 + other_classes.max()) / len(kinds), other_classes[other_chosen])
        nearest = labels.squared_distances(flat, features).argmin(axis=1)
        found["validation_agreement"] = float(np.average(classes[chosen][nearest] == other_classes[other_chosen], weights=weights))
    found["shift"] = 0.0 if tokens else _shift(features, flat, weights)
    return found


def to_shares(shares, others):
    """Weights of examples of the classes `others`, with which these have the given shares; None where they have about these."""
    own = np.bincount(others, minlength=len(shares)) / len(others)
    if np.abs(shares - own).sum() / 2 < _OTHER_SHARES:
        return None
    weights = shares[others] / own[others]
    return weights if weights.any() else None


def _covered(chosen):
    """A factor on what was found among some of the examples, were all looked at."""
    return (chosen[-1] + 1) / len(chosen) if len(chosen) else 1.0


def _shift(features, others, weights=None):
    """The largest difference of means in standard deviations over the whole and over single features, if far beyond chance."""
    rows, other_rows = features.mean(axis=1), others.mean(axis=1)
    candidates = [_difference(rows[:, None], other_rows[:, None], weights), _difference(features, others, weights)]
    return max(candidates)


def _difference(features, others, weights):
    mean = np.average(others, axis=0, weights=weights)
    spread = np.sqrt((features.var(axis=0) + np.average(np.square(others - mean), axis=0, weights=weights)) / 2)
    varies = spread > 1e-3 * spread.max(initial=0.0)
    if not varies.any():
        return 0.0
    gap = np.abs(features.mean(axis=0) - mean)[varies] / spread[varies]
    # Of so many comparisons the largest by chance, with room: a standard normal's quantile grows with the root of twice the logarithm.
    count = len(others) if weights is None else weights.sum() ** 2 / np.square(weights).sum()
    error = np.sqrt(1 / len(features) + 1 / count)
    bound = error * (3 + np.sqrt(2 * np.log(max(2, varies.sum()))))
    largest = float(gap.max())
    return largest if largest > bound else 0.0


def slices(tree, places):
    """Some examples of inputs or targets: arrays, or lists or dicts of them."""
    return keras.tree.map_structure(lambda part: np.asarray(part)[places], tree)


def length(tree):
    """How many examples there are."""
    return len(keras.tree.flatten(tree)[0])
