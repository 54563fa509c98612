"""Batches of sequences of like lengths, padded little, a pure function of (seed, epoch, example): of texts and of series.

What is fed is a part of a dataset with these, beside `labels`:

- `lengths`: int array `(examples,)`, steps or tokens of each;
- `keys`: int array `(examples,)`, a number that is each example's own, which its random numbers depend on;
- `padded_lengths`: rising ints, what batches are padded to. Few, since a backend compiles once for each;
- `padded(positions, length)`: the inputs at some positions, `(examples, length, ...)`;
- `pool`: batches whose examples are sorted by length together, or None: all of an epoch, by the length that they are padded to.
"""

import keras
import numpy as np

from hornbook.data import randomness
from hornbook.data.feeds import Finish, feed
from hornbook.data.selection import drawing


def training(examples, batch_size, steps, epochs, finish, sampling="none", length=None):
    """Shuffled batches of like lengths, see `batches.training_batches`.

    In every epoch the examples are put into a random order, and those that fill no batch are left out. The others are sorted by length, a
    pool after the other, cut into batches, and the batches are put into a random order.

    Args:
        examples: see this file's beginning.
        batch_size, steps: of a batch and of an epoch.
        epochs: range of those to come.
        finish: `feeds.Finish`.
        sampling: as of `batches.training_batches`.
        length: steps that every batch has; None: the padded length of its longest.
    """

    def order(epoch):
        return epoch_order(examples, batch_size, steps, finish.seed, epoch, sampling)

    batches = _BucketedBatches(examples, steps, epochs, order, finish, length, repeated=sampling != "none")
    return feed(batches, free_axes=_free_axes(length))


def evaluation(examples, batch_size, finish, length=None):
    """All examples once, from the shortest to the longest, the last batch smaller."""
    ordered = by_length(examples)
    cut = np.split(ordered, range(batch_size, len(ordered), batch_size))
    return feed(_BucketedBatches(examples, len(cut), range(1), lambda epoch: cut, finish, length), len(cut), _free_axes(length))


def whole(examples, length=None):
    """The inputs of all examples, in their order, as one batch: an array `(examples, steps, ...)`.

    Args:
        examples, length: as of `batches.training_batches`.
    """
    return _BucketedBatches(examples, 1, range(1), lambda epoch: [np.arange(len(examples))], Finish(None, 0, None, None), length)[0][0]


def padded(examples, positions, length=None):
    """The inputs at some positions as one batch: padded to `length`, or to the padded length of the longest of them."""
    longest = length or int(examples.padded_lengths[np.searchsorted(examples.padded_lengths, examples.lengths[positions].max())])
    return examples.padded(positions, longest)


def by_length(examples):
    """Positions from the shortest to the longest, equal ones in their order."""
    return np.argsort(examples.lengths, kind="stable")


def epoch_order(examples, batch_size, steps, seed, epoch, sampling="none"):
    """The batches of one epoch: int array `(steps, batch_size)` of positions."""
    lengths = examples.lengths
    # All of an epoch sorted by their very lengths would give each example the same companions every time.
    ranks = np.searchsorted(examples.padded_lengths, lengths) if examples.pool is None else lengths
    drawn = drawing.order(examples.labels, sampling, seed=seed, epoch=epoch, batch_size=batch_size)
    chosen = drawn[: steps * batch_size]
    pool = len(chosen) if examples.pool is None else examples.pool * batch_size
    for start in range(0, len(chosen), pool):
        some = chosen[start : start + pool]
        if sampling == "balanced-batches":
            some[:] = drawing.by_length(some, ranks, examples.labels)
        else:
            some[:] = some[np.argsort(ranks[some], kind="stable")]
    return chosen.reshape(steps, batch_size)[np.argsort(randomness.uniform(seed, epoch, np.arange(steps), "order of batches"))]


def _free_axes(length):
    return (0,) if length else (0, 1)


class _BucketedBatches(keras.utils.PyDataset):
    """Batches by their number in the whole training."""

    def __init__(self, examples, steps, epochs, order, finish, length, repeated=False):
        super().__init__()
        self.repeated = repeated
        self.examples, self.steps, self.epochs, self.order, self.finish, self.length = examples, steps, epochs, order, finish, length
        self.lengths, self.padded_lengths, self._current = examples.lengths, examples.padded_lengths, (None,) * 3

    def __len__(self):
        return self.steps * len(self.epochs)

    def __getitem__(self, number):
        epoch = self.epochs[number // self.steps]
        current = self._current
        if current[0] != epoch:
            positions = self.order(epoch)
            copies = drawing.copies(positions.reshape(-1)).reshape(positions.shape) if self.repeated else None
            current = self._current = (epoch, positions, copies)
        positions, copies = current[1][number % self.steps], current[2]
        length = self.length or int(self.padded_lengths[np.searchsorted(self.padded_lengths, self.lengths[positions].max())])
        part = self.examples
        keys = randomness.of_copies(part.keys[positions], None if copies is None else copies[number % self.steps])
        return self.finish(part.padded(positions, length), part.labels[positions], keys, epoch, positions)
