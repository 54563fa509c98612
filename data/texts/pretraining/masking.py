"""Texts of which some tokens are hidden, for a network that learns to say which (Devlin et al. 2019, section 3.1)."""

import dataclasses
import math

import numpy as np

from hornbook.data import randomness
from hornbook.data.texts import tokenizing

_HIDDEN, _REPLACED = 0.8, 0.1  # Shares of those that are to be said: shown as unknown, shown as any other token. The rest is shown.
_AT_A_TIME = 1024
NONE = -1  # In place of a token, where a text has fewer that are hidden.


@dataclasses.dataclass(frozen=True)
class Masking:
    """Which tokens of a text are to be said, and what is shown in their places.

    Of the tokens that are known, a share is drawn, one at least: 80% of these are shown as the unknown token, 10% as a random one and 10%
    as they are.

    Attributes:
        share: of the tokens of a text, in (0, 1).
        most: how many are drawn of a text at most, `places`.
        vocabulary_size: ids that random tokens are drawn from, padding and unknown not among them.

    Example:
    ```python
    import numpy
    from hornbook.data import randomness
    from hornbook.data.texts.pretraining.masking import Masking

    ids = numpy.array([[5, 6, 7, 8, 9, 5, 0, 0]], "int32")
    packed, hidden = Masking(0.3, 2, 10)(ids, None, lambda name: randomness.uniform(0, 0, numpy.arange(1), name))
    print(packed[:, :8], packed[:, 8:], hidden)  # What is shown, the places that are asked for, and what stood there.
    ```
    """

    share: float
    most: int
    vocabulary_size: int

    def __call__(self, ids, labels, draw):
        """A batch as the network takes it.

        Args:
            ids: int32 array `(batch, tokens)`, 0 is padding.
            labels: are left out.
            draw: function from a name to uniform numbers `(batch,)`.

        Returns:
            int32 `(batch, tokens + places)`, what is shown and behind it where the hidden tokens stand; and float32 `(batch, places)`, the
            tokens that stood there, `NONE` where there are fewer.
        """
        uniform = {name: randomness.of_places(draw(f"masking: {name}"), ids.shape[1]) for name in ("places", "shown", "token")}
        known = ids > tokenizing.UNKNOWN
        count = known.sum(axis=1)
        wanted = np.minimum(np.maximum(np.round(self.share * count), 1), np.minimum(count, self.most))
        order = np.argsort(np.where(known, uniform["places"], 2.0), axis=1, kind="stable")[:, : self.most]
        places = np.zeros((len(ids), self.most), np.int64)
        places[:, : order.shape[1]] = order
        asked = np.arange(self.most) < wanted[:, None]
        places[~asked] = 0
        rows = np.arange(len(ids))[:, None]
        hidden = np.where(asked, ids[rows, places], NONE)
        how = uniform["shown"][rows, places]
        other = 2 + (uniform["token"][rows, places] * (self.vocabulary_size - 2)).astype(np.int64)
        shown = np.where(how < _HIDDEN, tokenizing.UNKNOWN, np.where(how < _HIDDEN + _REPLACED, other, hidden))
        made = ids.copy()
        made[np.broadcast_to(rows, asked.shape)[asked], places[asked]] = shown[asked]
        return np.concatenate([made, places.astype(np.int32)], axis=1), hidden.astype(np.float32)


class MaskedTokens:
    """The tokens of a part with some of them hidden, the same ones whenever they are read: what is scored, not what is trained on.

    Args:
        tokens: `tokens.Tokens`.
        masking: `Masking`.
        seed: of what is hidden.

    Attributes:
        labels: float32 array `(examples, places)`, the hidden tokens, see `Masking`.
    """

    pool = 32

    def __init__(self, tokens, masking, seed):
        self._tokens, self._masking, self._seed = tokens, masking, seed
        self.indices, self.lengths, self.keys, self.padded_lengths = tokens.indices, tokens.lengths, tokens.keys, tokens.padded_lengths
        self.labels = np.concatenate(
            [self._masked(positions)[1] for positions in np.split(np.arange(len(tokens)), range(_AT_A_TIME, len(tokens), _AT_A_TIME))]
        )

    def __len__(self):
        return len(self._tokens)

    def padded(self, positions, length):
        """What is shown at `positions`, padded to `length`, and behind it the places: int32 `(positions, length + places)`."""
        return self._masked(positions, length)[0]

    def _masked(self, positions, length=None):
        ids = self._tokens.padded(positions, length or int(self.lengths[positions].max()))
        return self._masking(ids, None, randomness.Draw(self._seed, 0, self.keys[positions]))


def masking(share, parts, vocabulary_size):
    """The `Masking` of a share of the tokens, with as many places as the longest text of some parts needs.

    Args:
        share: in (0, 1).
        parts: of `tokens.Tokens`.
        vocabulary_size: as of `Masking`.
    """
    longest = max(int(part.lengths.max()) for part in parts)
    return Masking(share, max(1, math.ceil(share * longest)), vocabulary_size)
