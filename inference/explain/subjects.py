"""Inputs of each medium as an explanation needs them: which places they have, what stands for a place that is taken away."""

import dataclasses

import numpy as np

from hornbook.inference.explain.shapley import shapley_values


@dataclasses.dataclass(frozen=True)
class Subject:
    """Some inputs of a model.

    Attributes:
        x: array `(batch, ...)`, as the model takes it.
        counted: bool array `(batch, *places)`: the places that are no padding.
        baseline: array `(batch, ...)` like x, what stands for "nothing is there"; of tokens None.
        removed: function `(place, kept) -> (count, ...)` to inputs of the model: example `place` with only those of its places as they were
            that are True in bool `kept`, `(count, *places)`.
        replaced: function `(place, kept, draws) -> (count, ...)`, the same with other inputs' values in place of what is taken away,
            chosen by int `draws` `(count,)`, for Shapley values; None: as `removed`.
    """

    x: np.ndarray
    counted: np.ndarray
    baseline: np.ndarray | None
    removed: object
    replaced: object = None

    def probability(self, probabilities, target):
        """The function that `faithfulness.deletion_and_insertion` takes.

        Args:
            probabilities: function from inputs `(count, ...)` to probabilities of the classes `(count, classes)`.
            target: int array `(batch,)`, the class of each example.
        """
        return lambda place, kept: probabilities(self.removed(place, kept))[:, target[place]]

    def shapley(self, place, probabilities, target, *, samples, seed=0):
        """Shapley values of one input's places for the probability of a class, float array `(*places)`.

        Args:
            place: number of the input.
            probabilities: as of `probability`.
            target: int, the class.
            samples, seed: as of `shapley.shapley_values`.
        """
        shape, found = self.counted.shape[1:], np.zeros(self.counted[place].size)
        parts = np.flatnonzero(self.counted[place].reshape(-1))

        def score(kept, draws):
            whole = np.zeros((len(kept), found.size), bool)
            whole[:, parts] = kept
            whole = whole.reshape(-1, *shape)
            changed = self.removed(place, whole) if self.replaced is None else self.replaced(place, whole, draws)
            return probabilities(changed)[:, target]

        found[parts] = shapley_values(score, len(parts), samples=samples, seed=seed)[0]
        return found.reshape(shape)


def of_images(x, baseline="zero"):
    """The `Subject` of images `(batch, height, width, channels)`, whose places are pixels.

    Args:
        x: float array.
        baseline: "zero": black, as in the papers; or "mean": each image's mean colour.
    """
    x = np.asarray(x, np.float32)
    empty = np.zeros_like(x) if baseline == "zero" else np.broadcast_to(x.mean(axis=(1, 2), keepdims=True), x.shape)
    return Subject(x, np.ones(x.shape[:3], bool), empty, lambda place, kept: np.where(kept[..., None], x[place], empty[place]))


def of_series(x, baseline="mean"):
    """The `Subject` of series `(batch, steps, features)`, whose places are steps; padding is NaN.

    Args:
        x: float array.
        baseline: "mean": each feature's mean over the steps of its series; or "zero".
    """
    x = np.asarray(x, np.float32)
    counted = ~np.isnan(x).all(axis=-1)
    with np.errstate(invalid="ignore"):
        sums, counts = np.nansum(x, axis=1, keepdims=True), (~np.isnan(x)).sum(axis=1, keepdims=True)
    level = sums / np.maximum(counts, 1) if baseline == "mean" else np.zeros_like(sums)
    empty = np.where(np.isnan(x), np.nan, level).astype(np.float32)
    return Subject(x, counted, empty, lambda place, kept: np.where(kept[..., None], x[place], empty[place]))


def of_tokens(x, tokenizer):
    """The `Subject` of token ids `(batch, time)`, whose places are single tokens; a token that is taken away is unknown.

    Args:
        x: int array, padded with 0; runs of tokens that have ids of their own stand behind the single ones.
        tokenizer: `data.texts.tokenizing.Tokenizer`.
    """
    from hornbook.data.texts import tokenizing

    known = tokenizer.fast.get_vocab_size()
    counted = (x != tokenizing.PADDING) & (x < known)

    def removed(place, kept):
        changed = np.where(kept | ~counted[place], x[place], tokenizing.UNKNOWN).astype(x.dtype)
        if not tokenizer.ngrams:
            return changed
        size = int(counted[place].sum())
        rows = [np.array([*row[:size], *tokenizer._runs(row[:size].tolist())])[: tokenizer.max_length] for row in changed]
        longest = max(map(len, rows))  # Unknown tokens may make runs that the text did not have.
        return tokenizing.pad(rows, x.shape[1] if longest <= x.shape[1] else tokenizing.padded_length(longest))

    return Subject(x, counted, None, removed)


def of_rows(x, background, columns):
    """The `Subject` of encoded rows of a table `(batch, inputs)`, whose places are the table's columns.

    Args:
        x: float array.
        background: float array `(rows, inputs)`: rows whose values stand in for those of columns that are taken away.
        columns: list of lists: the places of each column's inputs.
    """
    owner = np.zeros(x.shape[1], np.int64)
    for number, places in enumerate(columns):
        owner[places] = number
    # Each input's median; of codes of categories, as good as any code that is frequent.
    middle = np.quantile(background, 0.5, axis=0, method="lower")

    return Subject(
        x,
        np.ones((len(x), len(columns)), bool),
        None,
        lambda place, kept: np.where(kept[:, owner], x[place], middle).astype(x.dtype),
        lambda place, kept, draws: np.where(kept[:, owner], x[place], background[draws % len(background)]).astype(x.dtype),
    )
