"""Words put in place of others until a text is misclassified, by a model's answers: greedy, one word after the other.

As TextFooler (Jin et al. 2020) does it, the words that matter most are tried first, and candidates are the nearest vectors of words; here
those of the network's own embedding, so that a swap is near for the network, which need not be near in meaning.
"""

import numpy as np

_AT_A_TIME = 4096  # Texts whose answers are asked for at once.


def nearest(vectors, allowed, count=8):
    """The nearest tokens of each token, by the cosine of their vectors.

    Args:
        vectors: float array `(tokens, size)`.
        allowed: bool array `(tokens,)`: which may be swapped, and be put in place of others.
        count: how many, fewer of few tokens.

    Returns:
        int array `(tokens, count)`, the nearest first; -1 in the rows of tokens that may not be swapped.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial import words

    vectors = numpy.array([[0.0, 1.0], [1.0, 0.1], [1.0, 0.0], [0.1, 1.0]])
    assert words.nearest(vectors, numpy.array([False, True, True, True]), 1).tolist() == [[-1], [2], [1], [1]]
    ```
    """
    places = np.flatnonzero(allowed)
    count = min(count, max(0, len(places) - 1))
    found = np.full((len(vectors), count), -1)
    if not count:
        return found
    units = vectors[places] / np.maximum(np.linalg.norm(vectors[places], axis=1, keepdims=True), 1e-12)
    for first in range(0, len(places), 1024):
        some = np.arange(first, min(first + 1024, len(places)))
        cosines = units[some] @ units.T
        cosines[np.arange(len(some)), some] = -np.inf
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(cosines, best, axis=1), axis=1, kind="stable")
        found[places[some]] = places[np.take_along_axis(best, order, axis=1)]
    return found


def swapped(answers, x, neighbours, most, *, unknown=1):
    """Texts with words swapped until they were misclassified.

    Each text's words are ordered by how much the margin grows when they are not known; then each in turn gives way to that of its nearest
    words with which the margin is largest, if that is larger than without.

    Args:
        answers: function `(ids, places)` of changed texts and their places in x, to the margins, which are to become large, and whether
            each is misclassified: arrays `(texts,)`.
        x: int array `(texts, tokens)`.
        neighbours: as of `nearest`.
        most: int array `(texts,)`, how many words of each may be swapped.
        unknown: the token that stands for what is not known.

    Returns:
        int array like x.

    Example:
    ```python
    import numpy
    from hornbook.training.adversarial import words

    def answers(ids, places):
        bad = (ids == 3).sum(axis=1)
        return bad, bad > 0

    neighbours = numpy.array([[-1], [-1], [3], [2], [-1]])
    assert words.swapped(answers, numpy.array([[4, 2, 0]]), neighbours, numpy.array([1])).tolist() == [[4, 3, 0]]
    ```
    """
    found, texts = x.copy(), np.arange(len(x))
    movable = (neighbours[:, :1] >= 0)[x, 0] if neighbours.shape[1] else np.zeros(x.shape, bool)
    margins, wrong = _asked(answers, found, texts)
    weights = np.full(x.shape, -np.inf)
    rows, columns = np.nonzero(movable & ~wrong[:, None])
    hidden = found[rows]
    hidden[np.arange(len(rows)), columns] = unknown
    if len(rows):
        weights[rows, columns] = _asked(answers, hidden, rows)[0]
    order = np.argsort(-weights, axis=1, kind="stable")
    for turn in range(int(most.max(initial=0))):
        left = texts[~wrong & (most > turn)]
        left = left[np.isfinite(weights[left, order[left, turn]])] if turn < x.shape[1] else left[:0]
        if not len(left):
            break
        at = order[left, turn]
        candidates = neighbours[found[left, at]]  # (left, candidates)
        owners = np.repeat(left, candidates.shape[1])
        guesses = found[owners]
        guesses[np.arange(len(owners)), np.repeat(at, candidates.shape[1])] = candidates.ravel()
        values, errs = (one.reshape(candidates.shape) for one in _asked(answers, guesses, owners))
        best = np.argmax(np.where(errs, np.inf, values), axis=1)
        rows = np.arange(len(left))
        better = errs[rows, best] | (values[rows, best] > margins[left])
        kept = left[better]
        found[kept, at[better]] = candidates[rows, best][better]
        margins[kept], wrong[kept] = values[rows, best][better], errs[rows, best][better]
    return found


def _asked(answers, ids, places):
    parts = [
        answers(ids[first : first + _AT_A_TIME], places[first : first + _AT_A_TIME]) for first in range(0, max(1, len(ids)), _AT_A_TIME)
    ]
    margins, wrong = (np.concatenate(one) for one in zip(*parts, strict=True))
    return np.array(margins, np.float64), np.array(wrong, bool)
