"""What `fit` is fed where series are of unequal length: batches of like lengths, a pure function of (seed, epoch, example)."""

import keras
import numpy as np

from hornbook import UserError
from hornbook.data import batches, randomness

MOST_LENGTHS = 8  # That batches are padded to: a backend compiles once for each.


def training_batches(examples, *, batch_size, num_classes, epochs, first_epoch=0, seed=0, augment=None, class_weights=None, length=None):
    """Shuffled batches of like lengths, padded with NaN, for `model.fit(batches, steps_per_epoch=batches.steps_per_epoch(...), ...)`.

    In every epoch the examples are put into a random order, those that fill no batch are left out, the others are sorted by length, among
    equal ones in that order, cut into batches, and the batches put into a random order.

    Args:
        examples: `SeriesExamples`.
        batch_size: examples a batch; smaller parts are one batch.
        num_classes: length of the one-hot labels. None: labels are numbers `(examples, targets)`, and stay so.
        epochs, first_epoch: of the whole training, and the one to begin at; a resumed run's.
        seed: of order and augmentation.
        augment: function `(inputs, labels, draw) -> (inputs, labels)`, see `augmentation.augmenter`.
        class_weights: float array `(classes,)` or None; each example's weight is that of its (soft) label.
        length: steps that every batch has, for a model of fixed length; None: as few as its examples need, of few distinct numbers.

    Returns:
        A `tf.data.Dataset` or `keras.utils.PyDataset` of `(inputs, labels)` or `(inputs, labels, weights)`, inputs float32
        `(batch, steps, features)`.

    Example:
    ```python
    import keras
    from hornbook.data import batches
    from hornbook.data.series import batches as series_batches
    from hornbook.data.series.dataset import SeriesExamples
    from hornbook import data

    digits = data.series.load("sequential_digits").train
    feed = series_batches.training_batches(digits, batch_size=64, num_classes=10, epochs=1)
    model = keras.Sequential([keras.layers.SimpleRNN(8), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    model.fit(feed, steps_per_epoch=batches.steps_per_epoch(digits, 64), epochs=1, shuffle=False, verbose=0)
    ```
    """
    steps = batches.steps_per_epoch(examples, batch_size)
    epochs = max(epochs, first_epoch + 1)  # `fit` looks at a batch even where a resumed run has no epoch left.
    finish = _Finish(num_classes, seed, augment, class_weights)
    order = _Order(examples, min(batch_size, len(examples)), steps, seed)
    return _feed(_SeriesBatches(examples, steps, range(first_epoch, epochs), order, finish, length))


def evaluation_batches(examples, *, batch_size, num_classes, length=None):
    """All examples once, in their order, as they are: a feed like that of `training_batches`, the last batch smaller.

    Example:
    ```python
    import keras
    from hornbook.data.series import batches as series_batches
    from hornbook.data.series.dataset import SeriesExamples
    from hornbook import data

    model = keras.Sequential([keras.layers.SimpleRNN(8), keras.layers.Dense(10, activation="softmax")])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    test = data.series.load("sequential_digits").test
    model.evaluate(series_batches.evaluation_batches(test, batch_size=256, num_classes=10), verbose=0)
    ```
    """
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    steps = -(-len(examples) // batch_size)

    def order(epoch):
        return [np.arange(k * batch_size, min((k + 1) * batch_size, len(examples))) for k in range(steps)]

    return _feed(_SeriesBatches(examples, steps, range(1), order, _Finish(num_classes, 0, None, None), length), steps)


def bucket_lengths(lengths):
    """The numbers of steps that batches are padded to, ascending: at most `MOST_LENGTHS` quantiles of the lengths, the longest too."""
    return np.unique(np.quantile(lengths, np.arange(1, MOST_LENGTHS + 1) / MOST_LENGTHS, method="higher"))


class _Order:
    """The batches of an epoch, as a list of positions."""

    def __init__(self, examples, batch_size, steps, seed):
        self.lengths, self.batch_size, self.steps, self.seed = examples.lengths, batch_size, steps, seed

    def __call__(self, epoch):
        chosen = randomness.permutation(self.seed, epoch, len(self.lengths))[: self.steps * self.batch_size]
        buckets = np.searchsorted(bucket_lengths(self.lengths), self.lengths[chosen])
        cut = np.split(chosen[np.argsort(buckets, kind="stable")], self.steps)
        return [cut[place] for place in np.argsort(randomness.uniform(self.seed, epoch, np.arange(self.steps), "order of batches"))]


class _Finish:
    """What happens to every batch: labels as the loss takes them, augmentation, weights."""

    def __init__(self, num_classes, seed, augment, class_weights):
        self.identity = None if num_classes is None else np.eye(num_classes, dtype=np.float32)
        self.seed, self.augment, self.class_weights = seed, augment, class_weights

    def __call__(self, inputs, labels, keys, epoch):
        labels = labels if self.identity is None else self.identity[labels]
        if self.augment is not None:
            inputs, labels = self.augment(inputs, labels, lambda stream: randomness.uniform(self.seed, epoch, keys, stream))
        return (inputs, labels) if self.class_weights is None else (inputs, labels, labels @ self.class_weights)


class _SeriesBatches(keras.utils.PyDataset):
    """Batches by their number in the whole training."""

    def __init__(self, examples, steps, epochs, order, finish, length):
        super().__init__()
        self.examples, self.steps, self.epochs, self.order, self.finish, self.length = examples, steps, epochs, order, finish, length
        self.lengths, self.buckets, self._current = examples.lengths, bucket_lengths(examples.lengths), (None, None)

    def __len__(self):
        return self.steps * len(self.epochs)

    def __getitem__(self, number):
        epoch = self.epochs[number // self.steps]
        current = self._current
        if current[0] != epoch:
            current = self._current = (epoch, self.order(epoch))
        positions = current[1][number % self.steps]
        longest = int(self.lengths[positions].max())
        length = self.length or int(self.buckets[np.searchsorted(self.buckets, longest)])
        part = self.examples
        return self.finish(part.padded(positions, length), part.labels[positions], part.keys[positions], epoch)


def _feed(feed, steps=None):
    """The batches as `fit` takes them best: under TensorFlow a dataset that is read ahead, elsewhere themselves."""
    if keras.backend.backend() != "tensorflow":
        return feed
    free_axes = (0,) if feed.length else (0, 1)
    return batches.tensorflow_feed(lambda: (feed[number] for number in range(len(feed))), steps, free_axes)
