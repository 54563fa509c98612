"""How well a network tells the partner of a view from other views: NT-Xent and accuracy in groups of one size, beside chance."""

import math

import numpy as np

from hornbook.evaluation.intervals import wilson_interval

GROUP = 256
"""Pairs that are compared with each other: of more candidates the partner is harder to find, so scores of one size alone compare."""


def scores(embeddings, temperature, group=GROUP):
    """Score the embeddings of pairs of views.

    Args:
        embeddings: float array `(pairs, 2, size)`.
        temperature: by which cosines are divided, for the loss.
        group: pairs that are compared with each other; fewer pairs are one group, and those beyond the last whole group are left out.

    Returns:
        A dict of `examples` (pairs), `group`, `not_finite` (pairs), `accuracy` (share of views whose nearest other view of the group is
        their partner), `accuracy_interval` (95%, for so many pairs) and `loss` (NT-Xent; of a guess it is log(2 * group - 1)).

    Example:
    ```python
    import numpy
    from hornbook.evaluation.floors import contrastive

    views = numpy.random.default_rng(0).normal(size=(100, 1, 8)).repeat(2, axis=1)  # Two equal views of each.
    assert contrastive.scores(views, 0.5)["accuracy"] == 1
    ```
    """
    embeddings = np.asarray(embeddings, np.float64)
    group = min(group, len(embeddings))
    whole = embeddings[: len(embeddings) // group * group]
    finite = np.isfinite(whole).all(axis=(1, 2))
    right, losses = [], []
    for pairs in whole.reshape(-1, group, *whole.shape[1:]):
        views = np.concatenate([pairs[:, 0], pairs[:, 1]])
        views = views / np.maximum(np.linalg.norm(views, axis=1, keepdims=True), 1e-12)
        cosines, partners = views @ views.T, (np.arange(2 * group) + group) % (2 * group)
        np.fill_diagonal(cosines, -np.inf)
        with np.errstate(invalid="ignore"):
            right.append(np.nan_to_num(cosines, nan=-np.inf).argmax(axis=1) == partners)
            logits = cosines / temperature
            highest = logits.max(axis=1)
            losses.append(np.log(np.exp(logits - highest[:, None]).sum(axis=1)) + highest - logits[np.arange(2 * group), partners])
    share = float(np.mean(right)) if right else math.nan
    return {
        "examples": len(whole),
        "group": group,
        "not_finite": int((~finite).sum()),
        "accuracy": share,
        "accuracy_interval": wilson_interval(share * len(whole), len(whole)),
        "loss": float(np.mean(losses)),
    }


def floor(found):
    """How scores compare with a guess: what a run's result has of its floor, see `floors.compare`.

    Args:
        found: as of `scores`.
    """
    chance = 1 / (2 * found["group"] - 1)
    guess = {"accuracy": chance, "loss": math.log(2 * found["group"] - 1)}
    return {
        "model": "a guess",
        "metric": "accuracy",
        "score": chance,
        "network": found["accuracy"],
        "difference": found["accuracy"] - chance,
        "interval": [end - chance for end in found["accuracy_interval"]],
        "higher_is_better": True,
        "examples": found["examples"],
        "all": {"a guess": guess},
        "seconds": 0.0,
        "notes": [],
    }
