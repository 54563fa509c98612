"""What `fit` is fed for texts: batches of like lengths, padded little, a pure function of (seed, epoch, example)."""

import keras
import numpy as np

from hornbook import UserError
from hornbook.data import batches, randomness

_POOL = 32  # Batches that are sorted by length together: of more, a batch would have the same companions every epoch.


def training_batches(tokens, *, batch_size, num_classes, epochs, first_epoch=0, seed=0, augment=None, class_weights=None):
    """Shuffled batches of like lengths for `model.fit(batches, steps_per_epoch=batches.steps_per_epoch(...), ...)`.

    In every epoch the examples are put into a random order, those that fill no batch are left out, each stretch of 32 batches is sorted by
    length and cut into batches, and the batches are put into a random order.

    Args:
        tokens: `tokens.Tokens`.
        batch_size: examples a batch; smaller parts are one batch.
        num_classes: length of the one-hot labels.
        epochs, first_epoch: of the whole training, and the one to begin at; a resumed run's.
        seed: of order and augmentation.
        augment: function `(ids, labels, draw) -> (ids, labels)`, see `augmentation.augmenter`.
        class_weights: float array `(classes,)` or None.

    Returns:
        A `tf.data.Dataset` or `keras.utils.PyDataset` of `(ids, labels)` or `(ids, labels, weights)`, ids int32 `(batch, tokens)`, padded
        with 0 to one of a few lengths (`tokenizing.padded_length`), labels float32 one-hot.

    Example:
    ```python
    import keras
    from hornbook.data import batches
    from hornbook.data.texts import batches as text_batches
    from hornbook import data
    from hornbook.data.texts import tokens as text_tokens
    from hornbook.data.texts import tokenizing

    dataset = data.texts.from_texts(["good film", "a bad film", "fine", "dull"] * 8, [1, 0, 1, 0] * 8)
    tokenizer = tokenizing.fit(dataset.train.texts())
    tokens = text_tokens.encode(dataset.train, tokenizer)
    feed = text_batches.training_batches(tokens, batch_size=8, num_classes=2, epochs=1)
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8, mask_zero=True)
    model = keras.Sequential([embedding, keras.layers.GRU(8), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.fit(feed, steps_per_epoch=batches.steps_per_epoch(tokens, 8), epochs=1, shuffle=False, verbose=0)
    ```
    """
    steps = batches.steps_per_epoch(tokens, batch_size)
    epochs = max(epochs, first_epoch + 1)  # `fit` looks at a batch even where a resumed run has no epoch left.
    batch_size = min(batch_size, len(tokens))

    def order(epoch):
        return epoch_order(tokens.lengths, batch_size, steps, seed, epoch)

    return _feed(_TextBatches(tokens, steps, range(first_epoch, epochs), order, batches.Finish(num_classes, seed, augment, class_weights)))


def evaluation_batches(tokens, *, batch_size, num_classes):
    """All examples once, from the shortest to the longest, as they are: a feed like that of `training_batches`, the last batch smaller.

    Example:
    ```python
    import keras
    from hornbook.data.texts import batches as text_batches
    from hornbook import data
    from hornbook.data.texts import tokens as text_tokens
    from hornbook.data.texts import tokenizing

    texts = data.texts.from_texts(["good film", "a bad film", "fine", "dull"] * 8, [1, 0, 1, 0] * 8)
    tokenizer = tokenizing.fit(texts.train.texts())
    tokens = text_tokens.encode(texts.validation, tokenizer)
    model = keras.Sequential([keras.layers.Embedding(tokenizer.vocabulary_size, 8), keras.layers.GRU(8), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    model.evaluate(text_batches.evaluation_batches(tokens, batch_size=8, num_classes=2), verbose=0)
    ```
    """
    if batch_size < 1:
        raise UserError(f"batch_size must be at least 1, got {batch_size}")
    cut = sorted_order(tokens, batch_size)
    feed = _TextBatches(tokens, len(cut), range(1), lambda epoch: cut, batches.Finish(num_classes, 0, None, None))
    return _feed(feed, len(cut))


def logits(model, tokens, batch_size=256):
    """A model's outputs for all examples, in the order of the examples: `(examples, outputs)`.

    Args:
        model: `keras.Model` from int32 `(batch, tokens)`.
        tokens: `tokens.Tokens`.
        batch_size: examples at a time; the result does not depend on it.

    Example:
    ```python
    import keras
    from hornbook.data.texts import batches as text_batches
    from hornbook import data
    from hornbook.data.texts import tokens as text_tokens
    from hornbook.data.texts import tokenizing

    texts = data.texts.from_texts(["good film", "a bad film", "fine", "dull"] * 8, [1, 0, 1, 0] * 8)
    tokenizer = tokenizing.fit(texts.train.texts())
    tokens = text_tokens.encode(texts.validation, tokenizer)
    model = keras.Sequential([keras.layers.Embedding(tokenizer.vocabulary_size, 8), keras.layers.GRU(8), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    assert text_batches.logits(model, tokens).shape == (len(tokens.labels), 2)
    ```
    """
    outputs = np.asarray(
        model.predict(evaluation_batches(tokens, batch_size=batch_size, num_classes=1 + int(tokens.labels.max())), verbose=0)
    )
    in_order = np.empty_like(outputs)
    in_order[np.concatenate(sorted_order(tokens, batch_size))] = outputs
    return in_order


def sorted_order(tokens, batch_size):
    """Positions by length, cut into batches: a list of arrays."""
    positions = np.argsort(tokens.lengths, kind="stable")
    return np.split(positions, range(batch_size, len(positions), batch_size))


def epoch_order(lengths, batch_size, steps, seed, epoch):
    """The batches of one epoch: int array `(steps, batch_size)` of positions."""
    chosen = randomness.permutation(seed, epoch, len(lengths))[: steps * batch_size]
    for start in range(0, len(chosen), _POOL * batch_size):
        pool = chosen[start : start + _POOL * batch_size]
        pool[:] = pool[np.argsort(lengths[pool], kind="stable")]
    return chosen.reshape(steps, batch_size)[np.argsort(randomness.uniform(seed, epoch, np.arange(steps), "order of batches"))]


class _TextBatches(keras.utils.PyDataset):
    """Batches by their number in the whole training."""

    def __init__(self, tokens, steps, epochs, order, finish):
        super().__init__()
        self.tokens, self.steps, self.epochs, self.order, self.finish = tokens, steps, epochs, order, finish
        self._current = (None, None)

    def __len__(self):
        return self.steps * len(self.epochs)

    def __getitem__(self, number):
        epoch = self.epochs[number // self.steps]
        current = self._current
        if current[0] != epoch:
            current = self._current = (epoch, self.order(epoch))
        positions = current[1][number % self.steps]
        return self.finish(self.tokens.padded(positions), self.tokens.labels[positions], self.tokens.indices[positions], epoch)


def _feed(feed, steps=None):
    """The batches as `fit` takes them best: under TensorFlow a dataset that is read ahead, elsewhere themselves."""
    if keras.backend.backend() != "tensorflow":
        return feed
    return batches.tensorflow_feed(lambda: (feed[number] for number in range(len(feed))), steps, free_axes=(0, 1))
