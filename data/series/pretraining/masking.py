"""Steps of series that are hidden, in spans, and what a network is to say of them: their standardized values.

Everything is a pure function of a batch and of `draw`, like `series.augmentation`.
"""

import dataclasses
import math

import numpy as np

from hornbook import UserError
from hornbook.data import randomness
from hornbook.data.dataset import Examples
from hornbook.data.series.dataset import SeriesDataset

FILLS = ("mean", "noise")


def spans(steps, share, span, draw):
    """Which steps are hidden: a share of them, in spans.

    The steps are cut into spans, the first and the last of which may be shorter, at a place that is drawn for each series; then so many of
    them are drawn as make the share, at least one and never all.

    Args:
        steps: of every series.
        share: of the steps, in (0, 1).
        span: steps of a span.
        draw: function from a name to uniform numbers `(batch,)`.

    Returns:
        Boolean array `(batch, steps)`.

    Example:
    ```python
    import numpy
    from hornbook.data.randomness import Draw
    from hornbook.data.series.pretraining import masking

    print(masking.spans(12, 0.5, 3, Draw(0, 0, numpy.arange(2))).astype(int))
    ```
    """
    offset = (draw("mask offset") * span).astype(np.intp)
    count = -(-(steps + span - 1) // span)
    keys = randomness.noise(draw("mask spans"), 8 * count).copy().view("<u8")
    there = np.arange(count) * span - offset[:, None] < steps
    keys = np.where(there, keys, np.iinfo(np.uint64).max)  # What lies beyond the series comes last.
    ranks = keys.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    inside = there.sum(axis=1)
    wanted = np.floor(share * inside + draw("mask count"))  # Up or down by chance, so that the share is that of many series.
    chosen = ranks < np.clip(wanted, 1, np.maximum(inside - 1, 1))[:, None]
    return np.take_along_axis(chosen, (np.arange(steps)[None] + offset[:, None]) // span, axis=1)


@dataclasses.dataclass(frozen=True)
class Masking:
    """How steps are hidden.

    Attributes:
        share, span: as of `spans`.
        fill: what stands in their place: "mean", each feature's mean; or "noise", numbers of its mean and deviation.
        mean, deviation: of each feature, float arrays `(features,)`.
    """

    share: float
    span: int
    fill: str
    mean: np.ndarray
    deviation: np.ndarray

    def pairs(self, series, draw):
        """What the network is given, and what it is to say.

        Args:
            series: float32 array `(batch, steps, features)`.
            draw: function from a name to uniform numbers `(batch,)`.

        Returns:
            The series with hidden steps, and float32 `(batch, steps, features + 1)`: all values standardized, and 1 where a step is hidden.
        """
        hidden = spans(series.shape[1], self.share, self.span, draw)
        mean, deviation = np.asarray(self.mean, np.float32), np.asarray(self.deviation, np.float32)
        filled = np.broadcast_to(mean, series.shape)
        if self.fill == "noise":
            filled = filled + deviation * _normal(draw("mask noise"), series.shape[1:])
        targets = np.concatenate([(series - mean) / deviation, hidden[..., None]], axis=2, dtype=np.float32)
        return np.where(hidden[..., None], filled, series).astype(np.float32), targets

    def augment(self, series, labels, draw):
        """`pairs` for `batches.training_batches`; labels are not looked at."""
        return self.pairs(series, draw)

    def fed(self, part):
        """A part as training takes it with `augment`: `Examples` of whole series."""
        return Examples(part.inputs, np.zeros((len(part), 1), np.float32), part.keys, part.source)

    def hidden(self, part, seed):
        """A part with steps hidden once, the same ones for the same seed: `Examples` to be scored; labels are the targets of `pairs`."""
        given, targets = self.pairs(part.inputs, randomness.Draw(seed, 0, part.keys))
        return Examples(given, targets, part.keys, part.source)


def _normal(uniform, shape):
    """About normal numbers, float32 `(examples, *shape)`, a pure function of one uniform number each: sums of four bytes."""
    sums = randomness.noise(uniform, 4 * math.prod(shape)).reshape(len(uniform), -1, 4).sum(axis=-1, dtype=np.float32)
    return ((sums - 510) / math.sqrt((256**2 - 1) / 3)).reshape(-1, *shape)


@dataclasses.dataclass(frozen=True)
class MaskedDataset(SeriesDataset):
    """Series whose hidden steps a network is to say."""

    def about(self):
        """See `Dataset.about`; and what is learned in place of labels."""
        return {**super().about(), "target_names": tuple(map(str, self.feature_names)), "pretext": "masked-steps"}


def dataset(plain):
    """The `MaskedDataset` of a `SeriesDataset`, whose labels are not looked at.

    Raises:
        UserError: the series are of unequal length, or have missing values that are kept.

    Example:
    ```python
    import numpy
    from hornbook import data
    from hornbook.data.series.pretraining import masking

    walks = data.series.from_arrays(numpy.random.default_rng(0).normal(size=(30, 12, 2)), numpy.arange(30) % 2)
    print(masking.dataset(walks).task)
    ```
    """
    if plain.input_shape[0] is None:
        raise UserError(f"{plain.name} has series of unequal length, of which steps are not hidden here; pass --window to cut them")
    parts = {
        name: dataclasses.replace(part, labels=np.zeros(len(part), np.int64)) for name, part in plain.parts.items()
    }  # Labels that there are must not stand in `split.csv` as if they had counted.
    fields = {field.name: getattr(plain, field.name) for field in dataclasses.fields(plain)}
    return MaskedDataset(**{**fields, **parts, "task": "embedding", "class_names": ("unlabelled",), "target_names": ()})
