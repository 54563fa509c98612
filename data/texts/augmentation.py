"""Augmentation of batches of token ids in NumPy: pure functions of what they are given, as `augmentation` is for images.

There is no mixup: ids cannot be blended, and blending embeddings would need a place inside the model, which a builder of the zoo or of the
user's does not have.
"""

import numpy as np

from hornbook import UserError
from hornbook.data import randomness
from hornbook.data.texts import tokenizing


def word_dropout(ids, draw, probability):
    """Make some tokens of each text unknown (Iyyer et al. 2015 leave them out; as unknown ones, they also train the vector of that).

    Without, nothing would: of a vocabulary that has every training word, training sees no unknown one, and a test does.

    Args:
        ids: int32 array `(batch, tokens)`, 0 is padding.
        draw: function from a name to uniform numbers `(batch,)`.
        probability: of each token.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.texts import augmentation, tokenizing
    from hornbook.data.texts.tokens import encode

    texts = data.texts.from_texts(["good film", "a bad film", "fine", "dull"] * 8, [1, 0, 1, 0] * 8)
    tokenizer, augment = tokenizing.fit(texts.train.texts()), lambda x, y, draw: (augmentation.word_dropout(x, draw, 0.1), y)
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8)
    model = keras.Sequential([embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(encode(texts.train, tokenizer), batch_size=8, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    dropped = randomness.of_places(draw("word dropout"), ids.shape[1]) < probability
    return np.where(dropped & (ids != tokenizing.PADDING), np.int32(tokenizing.UNKNOWN), ids)


def word_swap(ids, draw, probability):
    """Exchange some neighbouring tokens of each text: of the pairs that begin at every second place, even or odd by text.

    Args:
        ids: int32 array `(batch, tokens)`, 0 is padding.
        draw: function from a name to uniform numbers `(batch,)`.
        probability: of each of these pairs.

    Returns:
        A new array.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.data.texts import augmentation, tokenizing
    from hornbook.data.texts.tokens import encode

    texts = data.texts.from_texts(["good film", "a bad film", "fine", "dull"] * 8, [1, 0, 1, 0] * 8)
    tokenizer, augment = tokenizing.fit(texts.train.texts()), lambda x, y, draw: (augmentation.word_swap(x, draw, 0.1), y)
    embedding = keras.layers.Embedding(tokenizer.vocabulary_size, 8)
    model = keras.Sequential([embedding, keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2)])
    model.compile("adam", keras.losses.CategoricalCrossentropy(from_logits=True))
    feed = data.training_batches(encode(texts.train, tokenizer), batch_size=8, num_classes=2, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=2, shuffle=False, verbose=0)
    ```
    """
    swapped = ids.copy()
    chosen = randomness.of_places(draw("word swap"), ids.shape[1])[:, :-1] < probability
    odd = draw("word swap side") >= 0.5
    chosen &= (np.arange(ids.shape[1] - 1) % 2 == 1) == odd[:, None]
    rows, places = np.nonzero(chosen & (ids[:, 1:] != tokenizing.PADDING))
    swapped[rows, places], swapped[rows, places + 1] = ids[rows, places + 1], ids[rows, places]
    return swapped


def augmenter(word_dropout_probability=0.0, word_swap_probability=0.0):
    """The function `(ids, labels, draw) -> (ids, labels)` that options name, None where nothing is on.

    Raises:
        UserError: a probability outside [0, 1).

    Example:
    ```python
    import numpy
    from hornbook import data
    from hornbook.data import randomness

    augment = data.texts.augmenter(word_dropout_probability=0.1, word_swap_probability=0.1)
    ids, labels = numpy.array([[5, 6, 7, 0]], "int32"), numpy.array([[0.0, 1.0]])
    ids, labels = augment(ids, labels, lambda name: randomness.uniform(0, 0, numpy.arange(1), name))
    ```
    """
    for name, value in (("word_dropout", word_dropout_probability), ("word_swap", word_swap_probability)):
        if not 0 <= value < 1:
            raise UserError(f"{name} must be from 0 (off) to below 1, got {value}")
    if not word_dropout_probability and not word_swap_probability:
        return None

    def augment(ids, labels, draw):
        if word_swap_probability:
            ids = word_swap(ids, draw, word_swap_probability)
        if word_dropout_probability:
            ids = word_dropout(ids, draw, word_dropout_probability)
        return ids, labels

    return augment
