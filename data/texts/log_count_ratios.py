"""Naive-Bayes log-count ratios (Wang and Manning, 2012): how much a word tells of a class. NumPy and SciPy alone."""

import numpy as np

_SMOOTHING = 1.0  # Added to every count, as in the paper.
_AT_A_TIME = 8192  # Texts: their ids, padded, fit memory easily.


def log_count_ratios(found, members):
    """How much more often each feature stands in one class than in the others, in logarithms (Wang and Manning, 2012, section 2.1).

    The ratio of a feature is log((p / |p|) / (q / |q|)), with its counts p in the class and q in the others, both plus 1.

    Args:
        found: array or sparse matrix `(texts, features)`: counts, or 1 where a text has a feature.
        members: bool or 0 and 1, `(texts,)`: which texts are of the class.

    Returns:
        Float64 array `(features,)`.

    Example:
    ```python
    import numpy
    from hornbook.data.texts.log_count_ratios import log_count_ratios

    ratios = log_count_ratios(numpy.array([[1, 0], [1, 1], [0, 1]]), [1, 0, 0])
    assert ratios[0] > 0 > ratios[1]
    ```
    """
    members = np.asarray(members, bool)
    inside, outside = (np.asarray(found[rows].sum(axis=0), np.float64).reshape(-1) + _SMOOTHING for rows in (members, ~members))
    return np.log(inside / inside.sum()) - np.log(outside / outside.sum())


def presence(tokens, positions, vocabulary_size):
    """Which text has which token: a sparse float32 matrix of ones `(texts, ids)`.

    Args:
        tokens: has `lengths` and `padded(positions, length)`, such as `data.texts.tokens.Tokens`. Ids 0 (padding) and 1 (unknown) do not
            count.
        positions: int array `(texts,)`, of the texts among `tokens`.
        vocabulary_size: how many ids there are.

    Example:
    ```python
    import numpy
    from hornbook import data
    from hornbook.data.texts import tokenizing
    from hornbook.data.texts.log_count_ratios import presence

    texts = data.texts.from_texts(["good film", "a bad film"] * 8, [1, 0] * 8).train
    tokenizer = tokenizing.fit(texts.texts())
    found = presence(data.texts.encode(texts, tokenizer), numpy.arange(4), tokenizer.vocabulary_size)
    assert found.shape == (4, tokenizer.vocabulary_size)
    ```
    """
    from scipy import sparse

    rows = []
    for start in range(0, len(positions), _AT_A_TIME):
        some = positions[start : start + _AT_A_TIME]
        rows += [ids[ids > 1] for ids in map(np.unique, tokens.padded(some, int(tokens.lengths[some].max())))]
    ends = np.cumsum([0, *map(len, rows)])
    ids = np.concatenate(rows).astype(np.int32)
    return sparse.csr_matrix((np.ones(len(ids), np.float32), ids, ends), shape=(len(rows), vocabulary_size))
