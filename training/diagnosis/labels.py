"""Whether labels follow from the inputs, asked of the examples alone: what neighbours say, and how much of that may be luck.

A share of few examples says little. So where the nearest neighbours do not tell labels, labels in random order are asked, too, how well
they are told (a permutation test is exact for any number of examples); and where many labels seem wrong, a classifier that knows more than
neighbours has to agree: of what it is surest of, more must be wrong than luck explains (Clopper and Pearson 1934).
"""

import numpy as np
from scipy import stats

_NEIGHBOURS = 10
_LEAST = 3 * _NEIGHBOURS  # Examples.
_CLOSE = 3  # Standard errors above chance: what agrees less often is to be tested.
_ORDERS = 199  # Random ones, beside the labels' own: the least luck that can be told is 1 in 200.
_APART = 500  # Examples whose distances are tested; of neighbours' classes all are.
SUSPECT = 0.2  # Estimated share of wrong labels from which on a classifier is asked.
_MOST_LEFT_OUT = 1000  # Examples that it is asked about.
_WIDTHS, _RIDGES = (0.5, 2.0), (0.1, 1.0)  # Of the kernel, in median squared distances; added to its diagonal.
_SURE = 4  # A quarter of the examples.
_BOUND = 0.95  # Certainty of the lower bound.


def of_classes(features, classes, num_classes):
    """What an example's neighbours say about its label.

    Args:
        features: float array `(examples, features)`.
        classes: int array `(examples,)`.
        num_classes: how many there are.

    Returns:
        Some of the attributes of `examples.Facts`, a dict; empty of too few examples.
    """
    if len(classes) <= _LEAST:
        return {}
    distances = squared_distances(features, features)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    first = distances.argmin(axis=1)
    counts = np.bincount(classes, minlength=num_classes)
    agreement = float(np.mean(classes[first] == classes))
    by_chance = float(np.square(counts / len(classes)).sum())
    votes = np.zeros((len(classes), num_classes))
    np.add.at(votes, (np.arange(len(classes))[:, None], classes[nearest]), 1)
    found = {"agreement": agreement, "by_chance": by_chance, "votes": float(np.mean(votes.argmax(axis=1) == classes))}
    if agreement < by_chance + error_of(by_chance, len(classes)):
        # Each class counts alike, so that a frequent one does not hide what is known of a rare one.
        found["luck"] = _luck(distances, nearest, np.eye(num_classes)[classes] / np.sqrt(np.maximum(1, counts)))
    found["noise"] = noise(distances, classes, num_classes)
    if found["noise"] is not None and found["noise"] > SUSPECT:
        found |= _left_out(distances, classes, num_classes)
    return found


def of_numbers(features, numbers):
    """The same of numbers `(examples, targets)`: `neighbours` and, where they explain nothing, `luck`."""
    if len(numbers) <= _LEAST:
        return {}
    distances = squared_distances(features, features)
    np.fill_diagonal(distances, np.inf)
    nearest = np.argpartition(distances, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    rest = np.square(numbers - numbers[nearest].mean(axis=1)).sum()
    explained = float(1 - rest / max(1e-12, np.square(numbers - numbers.mean(axis=0)).sum()))
    found = {"neighbours": explained}
    if explained < error_of(0.5, len(numbers)):
        found["luck"] = _luck(distances, nearest, (numbers - numbers.mean(axis=0)) / np.maximum(numbers.std(axis=0), 1e-12))
    return found


def error_of(share, examples):
    """Three standard errors of a share."""
    return _CLOSE * np.sqrt(share * (1 - share) / examples)


def squared_distances(features, others):
    """Array `(features, others)`."""
    return np.square(features).sum(axis=1)[:, None] - 2 * features @ others.T + np.square(others).sum(axis=1)


def _luck(distances, nearest, targets):
    """In which share of random orders targets are told as well, by neighbours or by distances: the smaller one of both tests.

    Neighbours: how alike an example's targets are to those of its 10 nearest (Schilling 1986). Distances: how much nearer examples of
    like targets are to each other (Székely et al. 2007). `targets` is `(examples, any)`, alike where their products are large.
    """
    random = np.random.default_rng(0)
    chosen = np.linspace(0, len(targets) - 1, min(len(targets), _APART)).round().astype(int)
    apart = distances[np.ix_(chosen, chosen)]
    np.fill_diagonal(apart, 0)
    near = -np.sqrt(np.maximum(apart, 0))
    near += near.mean() - near.mean(axis=0) - near.mean(axis=1)[:, None]
    np.fill_diagonal(near, 0)

    def told(order):
        own, some = targets[order], targets[order][chosen]
        return np.sum(own * own[nearest].sum(axis=1)), np.sum(some * (near @ some))

    true = np.array(told(np.arange(len(targets))))
    by_luck = np.array([told(random.permutation(len(targets))) for _ in range(_ORDERS)])
    return float(((1 + (by_luck >= true - 1e-9 * np.abs(true)).sum(axis=0)) / (1 + _ORDERS)).min())


def noise(distances, classes, num_classes):
    """Estimated share of wrong labels; None where neighbours cannot tell.

    Two predictions of an example's class, each by neighbours of one half of the others, agree far more often with each other than with
    the label if labels are wrong at random, and about as often if classes overlap.
    """
    half = np.arange(len(classes)) % 2 == 0
    votes = []
    for part in (half, ~half):
        places = np.flatnonzero(part)
        near = np.argpartition(distances[:, places], _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
        counts = np.zeros((len(classes), num_classes))
        np.add.at(counts, (np.arange(len(classes))[:, None], classes[places][near]), 1)
        votes.append(counts.argmax(axis=1))
    together = float(np.mean(votes[0] == votes[1]))
    right = float(np.mean((votes[0] == classes) | (votes[1] == classes)) + np.mean((votes[0] == classes) & (votes[1] == classes))) / 2
    chance = float(np.square(np.bincount(votes[0], minlength=num_classes) / len(classes)).sum())
    if together - chance < 0.2:
        return None
    return max(0.0, 1 - right / max(together, 1e-9) ** 0.5)


def _left_out(distances, classes, num_classes):
    """What kernel ridge regression predicts of examples that it was not given, each left out in turn: `told`, `sure`, `sure_wrong`.

    Of four kernels the one that is right most often is taken: at its best, a classifier has the fewest labels against it.
    """
    chosen = np.linspace(0, len(classes) - 1, min(len(classes), _MOST_LEFT_OUT)).round().astype(int)
    squares, own = np.maximum(distances[np.ix_(chosen, chosen)], 0), classes[chosen]
    np.fill_diagonal(squares, 0)
    positive = squares[squares > 0]
    if not len(positive):
        return {}
    squares /= np.median(positive)
    shares = np.bincount(own, minlength=num_classes) / len(own)
    centred = np.eye(num_classes)[own] - shares
    best, outputs = -1.0, None
    for width in _WIDTHS:
        kernel = np.exp(-width * squares)
        for ridge in _RIDGES:
            found = shares + without_itself(kernel + ridge * np.eye(len(own)), centred)
            right = float(np.mean(found.argmax(axis=1) == own))
            if right > best:
                best, outputs = right, found
    ordered = np.sort(outputs, axis=1)
    surest = np.argsort(ordered[:, -2] - ordered[:, -1], kind="stable")[: len(own) // _SURE]
    return {"told": best, "sure": len(surest), "sure_wrong": int(np.sum(outputs[surest].argmax(axis=1) != own[surest]))}


def without_itself(kernel, targets):
    """What kernel ridge regression, its ridge in the kernel, predicts of each example from all others, by one inverse: as `targets`."""
    inverse = np.linalg.inv(kernel)
    return targets - inverse @ targets / np.diag(inverse)[:, None]


def interval(wrong, count):
    """(low, high) that a share lies between, each with a certainty of 95%, by Clopper and Pearson."""
    low = stats.beta.ppf(1 - _BOUND, wrong, count - wrong + 1) if wrong else 0.0
    high = stats.beta.ppf(_BOUND, wrong + 1, count - wrong) if wrong < count else 1.0
    return float(low), float(high)
