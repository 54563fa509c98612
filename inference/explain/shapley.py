"""Shapley values by sampling: what each part of an input adds to an answer, in the mean over the orders in which parts are added."""

import numpy as np

_AT_A_TIME = 4096  # Inputs that are scored together.


def shapley_values(score, parts, *, samples=32, seed=0):
    """The Shapley value of each part of one input (Castro et al. 2009, section 3; Štrumbelj & Kononenko 2014, algorithm 1).

    Half of the orders are drawn, the other half are the same from behind, which takes most of the luck out. The values add up exactly to
    the difference between the score with all parts and the mean score without any, of the stand-ins that were drawn.

    Args:
        score: function `(kept, draws) -> (count,)` of bool `(count, parts)`, which parts are as they were, and int `(count,)`, the
            number of the order, by which what stands in for the others may be chosen.
        parts: how many there are.
        samples: orders.
        seed: of the orders.

    Returns:
        float64 array `(parts,)`, and its standard error `(parts,)`, of pairs of orders; NaN of a single pair.
    """
    draw, pairs = np.random.default_rng(seed), max(1, samples // 2)
    found = np.zeros((pairs, parts))
    for start in range(0, pairs, max(1, _AT_A_TIME // (2 * (parts + 1)))):
        some = range(start, min(pairs, start + max(1, _AT_A_TIME // (2 * (parts + 1)))))
        orders = [order for _ in some for drawn in [draw.permutation(parts)] for order in (drawn, drawn[::-1])]
        # Behind each order's first k parts: none of them, one, two, ... all.
        places = np.empty((len(orders), parts), np.int64)
        for number, order in enumerate(orders):
            places[number, order] = np.arange(parts)
        kept = places[:, None, :] < np.arange(parts + 1)[None, :, None]
        draws = np.repeat(np.repeat(np.array(some), 2), parts + 1)
        scores = np.asarray(score(kept.reshape(-1, parts), draws), np.float64).reshape(len(orders), parts + 1)
        added = np.diff(scores, axis=1)
        for number, order in enumerate(orders):
            found[some[number // 2], order] += added[number] / 2
    error = found.std(axis=0, ddof=1) / np.sqrt(pairs) if pairs > 1 else np.full(parts, np.nan)
    return found.mean(axis=0), error


def of_rows(score, x, target, rows, samples, seed=0):
    """Shapley values of the columns of rows, each order with values of one other row for the columns that are left out.

    Args:
        score: function `(inputs, target) -> (count,)` of rows `(count, columns)` and int `(count,)`, the class of each.
        x: float array `(batch, columns)`.
        target: int array `(batch,)`.
        rows: float array `(rows, columns)`, whose values stand in.
        samples, seed: as of `shapley_values`.

    Returns:
        float32 array `(batch, columns)`.
    """

    def of_one(one, output):
        def of_kept(kept, draws):
            return score(np.where(kept, one, rows[draws % len(rows)]).astype(np.float32), np.full(len(kept), output))

        return shapley_values(of_kept, x.shape[1], samples=samples, seed=seed)[0]

    return np.stack([of_one(one, output) for one, output in zip(x, target, strict=True)]).astype(np.float32)
