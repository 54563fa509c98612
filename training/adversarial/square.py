"""Square: an attack by a model's answers alone, without its gradient (Andriushchenko et al. 2020, "Square Attack", algorithms 1 and 2)."""

import math

import numpy as np

# Numbers of queries, of 10,000, from which on the share of an input that a guess changes is half as large (section 3.2).
_HALVED_FROM = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
_OF_QUERIES = 10_000


def share_at(query, queries, first):
    """The share of an input that a guess changes.

    Args:
        query: number of the guess, from 0.
        queries: how many there will be.
        first: the share of the first guesses.

    Example:
    ```python
    from hornbook.training.adversarial.square import share_at

    assert share_at(0, 1000, 0.8) == 0.8 and share_at(999, 1000, 0.8) == 0.8 / 2**9
    ```
    """
    now = query * _OF_QUERIES // queries
    return first / 2 ** sum(now > number for number in _HALVED_FROM)


def square(answers, x, box, *, queries=1000, area=0.8, seed=0):
    """Inputs that a random search changed until they were misclassified: guesses at the edge of the box, kept where the margin grows.

    Of images a guess moves a square, all of its pixels alike in each channel; of series a stretch of steps; of rows of a table some
    columns. The first is of stripes: columns of pixels that are moved up or down as a whole.

    Args:
        answers: function `(inputs, places)` of changed inputs and their places in x, to the margins, which are to become large, and whether
            each is misclassified: arrays `(inputs,)`.
        x: float32 array `(examples, height, width, channels)`, `(examples, steps, features)` or `(examples, columns)`.
        box: `box.Box`.
        queries: guesses an example.
        area: share of an input that the first guesses change. 0.8 is what AutoAttack takes (Croce and Hein 2020).
        seed: of the guesses.

    Returns:
        float32 array like x: those that are misclassified, of the others the best guess.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial.box import Box
    from hornbook.training.adversarial.square import square

    def answers(inputs, places):
        sums = inputs.sum(axis=1)
        return sums, sums > 0.5

    changed = square(answers, numpy.zeros((2, 8), "float32"), Box(numpy.float32(0.1)), queries=100)
    assert (changed.sum(axis=1) > 0.5).all()
    ```
    """
    if not len(x):
        return x.copy()
    draw = np.random.default_rng([seed, len(x)])
    radius = np.broadcast_to(np.asarray(box.radius, np.float32), x.shape)
    signs = draw.choice(np.float32([-1, 1]), _stripes(x.shape))
    found = box.clipped(x + radius * signs, x).astype(np.float32)
    margins, wrong = answers(found, np.arange(len(x)))
    left = np.flatnonzero(~wrong)
    for query in range(1, queries):
        if not len(left):
            break
        now, middle = found[left], x[left]
        window = _windows(draw, now.shape, share_at(query, queries, area), radius[left])
        signs = draw.choice(np.float32([-1, 1]), (len(left), *[1] * (x.ndim - 2), x.shape[-1]))
        clip = _Clip(box, radius[left], middle)
        guess = np.where(window, clip(signs), now)
        # A guess that changes nothing is a query lost: the other sign is taken.
        same = (guess == now).reshape(len(left), -1).all(axis=1)
        if same.any():
            guess[same] = np.where(window, clip(-signs), now)[same]
        values, wrong = answers(guess, left)
        better = (values > margins[left]) | wrong
        found[left[better]], margins[left[better]] = guess[better], values[better]
        left = left[~wrong]
    return found


class _Clip:
    """Inputs at the edge of their box."""

    def __init__(self, box, radius, x):
        self.box, self.radius, self.x = type(box)(radius, box.low, box.high), radius, x

    def __call__(self, signs):
        return self.box.clipped(self.x + self.radius * signs, self.x).astype(np.float32)


def _stripes(shape):
    """The shape of the first signs: one for each column of pixels and channel, each column of a table, or each series and feature."""
    if len(shape) == 4:
        return (shape[0], 1, shape[2], shape[3])
    return shape if len(shape) == 2 else (shape[0], 1, shape[2])


def _windows(draw, shape, share, radius):
    """Which numbers a guess changes, a bool array that fits `(examples, ...)`."""
    count = shape[0]
    if len(shape) == 2:
        # Columns that may be changed, in random order.
        order = np.where(radius > 0, draw.random(shape), 2.0).argsort(axis=1).argsort(axis=1)
        return order < np.maximum(1, np.rint(share * (radius > 0).sum(axis=1, keepdims=True)))
    if len(shape) == 3:
        side = max(1, round(share * shape[1]))
        first = draw.integers(0, shape[1] - side + 1, (count, 1))
        return _within(first, side, shape[1])[:, :, None]
    # A square of so many pixels, as far as the image is wide and high.
    side = max(1, round(math.sqrt(share * shape[1] * shape[2])))
    rows, columns = min(side, shape[1]), min(side, shape[2])
    down = _within(draw.integers(0, shape[1] - rows + 1, (count, 1)), rows, shape[1])
    across = _within(draw.integers(0, shape[2] - columns + 1, (count, 1)), columns, shape[2])
    return (down[:, :, None] & across[:, None, :])[..., None]


def _within(first, side, size):
    places = np.arange(size)
    return (places >= first) & (places < first + side)
