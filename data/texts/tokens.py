"""The token ids of a part of a dataset, in memory or in a file without a name beside the run; and what they say about the texts."""

import numpy as np

from hornbook.data import scratch
from hornbook.data.texts import tokenizing
from hornbook.data.texts.dataset import blocks

_MANY_CUT, _MANY_UNKNOWN, _MANY_REPEATED = 0.05, 0.1, 0.01  # Shares that are worth a finding.
_IN_MEMORY = 2**27  # Bytes of ids; more are kept in a file.


class Tokens:
    """Token ids of examples, cut at the tokenizer's length. Made by `encode`.

    Attributes:
        labels: int64 array `(examples,)`.
        indices: int64 array `(examples,)`, see `TextExamples`.
        lengths: int32 array `(examples,)` of tokens, after the cut.
        statistics: dict, see `encode`.
    """

    pool = 32  # Batches sorted by length together: of more, a batch would have the same companions every epoch.

    def __init__(self, examples, lengths, ids, statistics):
        self.labels, self.indices, self.lengths, self.statistics = examples.labels, examples.indices, lengths, statistics
        self._ids, self._ends = ids, np.cumsum(lengths, dtype=np.int64)

    def __len__(self):
        return len(self.labels)

    @property
    def keys(self):
        """A number that is each example's own, for random numbers."""
        return self.indices

    @property
    def padded_lengths(self):
        """The lengths that batches are padded to, rising: see `tokenizing.padded_length`."""
        return np.unique([tokenizing.padded_length(length) for length in np.unique(self.lengths)])

    def padded(self, positions, length):
        """The ids at `positions` as the model takes them: int32 `(positions, length)`, padded with 0."""
        ends, lengths = self._ends[positions], self.lengths[positions]
        rows = [self._ids.read(end - length, end) for end, length in zip(ends.tolist(), lengths.tolist(), strict=True)]
        return tokenizing.pad(rows, length)


def in_words(tokenizer, statistics):
    """The statistics of all parts, `{part: statistics}`, as a line."""
    train = statistics["train"]
    cut = ", ".join(f"{one['cut']:,} of {one['texts']:,} {name}" for name, one in statistics.items() if one["cut"])
    return (
        f"vocabulary: {tokenizer.vocabulary_size:,} tokens; a text has {train['median_length']} (median), 95% have up to "
        f"{train['long_length']}" + (f"; cut at {tokenizer.max_length:,}: {cut} texts" if cut else "")
    )


def findings(statistics, tokenizer, *, of_another=False):
    """What stands out in the tokens of all parts: list of (problem, sentence, what to try); empty where nothing does.

    Args:
        statistics: dict of parts to what `encode` found.
        tokenizer: `tokenizing.Tokenizer`.
        of_another: whether it is that of another run, so that no option changes it.
    """
    found = []
    for name, part in statistics.items():
        if part["cut"] > _MANY_CUT * part["texts"]:
            told = (
                f"{part['cut']:,} of {part['texts']:,} {name} texts were cut at {tokenizer.max_length:,} tokens; the longest has "
                f"{part['longest']:,}."
            )
            found.append(("texts-cut", told, "a larger --max-length, or --tokenizer word if it is another"))
        if name != "train" and part["unknown"] > _MANY_UNKNOWN:
            told = f"{part['unknown']:.1%} of the {name} tokens are unknown."
            better = "--tokenizer bpe, a smaller --minimum-count, or a larger --vocabulary-size"
            better = "--weights of a run whose tokenizer knows them, such as one with --tokenizer bpe, or none" if of_another else better
            found.append(("unknown-tokens", told, better))
        if part.get("repeated", 0) > _MANY_REPEATED * part["texts"]:
            told = (
                f"{part['repeated']:,} of {part['texts']:,} {name} texts stand in training too, so the score is better than on texts that "
                "nobody has seen."
            )
            found.append(("repeated-texts", told, "to remove them from the data"))
    return found


class _Memory:
    def __init__(self, ids):
        self.ids = ids

    def read(self, start, end):
        return self.ids[start:end]


def encode(examples, tokenizer, folder=None):
    """`Tokens` of a part of a dataset.

    Args:
        examples: `TextExamples`.
        tokenizer: `tokenizing.Tokenizer`.
        folder: where a file of ids is kept if they take more than 128 MiB; None: in memory whatever they take.

    Returns:
        `Tokens`. Their `statistics` have `texts`, `tokens` (before the cut), `unknown` (the share of them that training did not have),
        `cut` (how many texts were longer than the tokenizer's length), `longest` (tokens), and `median_length`, `long_length` (95 of 100
        texts are no longer), after the cut.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.texts import tokenizing

    texts = data.texts.from_texts(["good film", "a bad film"] * 8, [1, 0] * 8)
    tokenizer = tokenizing.fit(texts.train.texts())
    tokens = data.texts.encode(texts.train, tokenizer)
    feed = data.training_batches(tokens, batch_size=4, num_classes=2, epochs=1)
    model = keras.Sequential([keras.layers.Embedding(tokenizer.vocabulary_size, 4), keras.layers.GRU(4), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(feed, steps_per_epoch=data.steps_per_epoch(tokens, 4), shuffle=False, verbose=0)
    ```
    """
    # Half the space where ids fit: an embedding of more than 65,536 rows is rare.
    dtype = np.dtype(np.uint16 if tokenizer.vocabulary_size <= 2**16 else np.int32)
    lengths = np.empty(len(examples), np.int32)
    done, total, unknown, cut, longest, size = 0, 0, 0, 0, 0, 0
    kept, file = [], None
    for block in blocks(tokenizer.encode(examples.texts())):
        for row in block:
            total += len(row)
            longest = max(longest, len(row))
            cut += len(row) > tokenizer.max_length
            lengths[done] = min(len(row), tokenizer.max_length)
            done += 1
        ids = np.concatenate([row[: tokenizer.max_length] for row in block]).astype(dtype)
        unknown += int(sum(np.count_nonzero(row == tokenizing.UNKNOWN) for row in block))
        size += ids.nbytes
        if file is None:
            kept.append(ids)
            if folder is not None and size > _IN_MEMORY:
                file = scratch.ScratchFile(folder, dtype)
                ids = np.concatenate(kept)
                kept = []
        if file is not None:
            file.write(ids)
    statistics = {
        "texts": done,
        "tokens": total,
        "unknown": unknown / max(1, total),
        "cut": int(cut),
        "longest": longest,
        "median_length": int(np.median(lengths)),
        "long_length": int(np.quantile(lengths, 0.95, method="higher")),
    }
    return Tokens(examples, lengths, _Memory(np.concatenate(kept)) if file is None else file, statistics)
