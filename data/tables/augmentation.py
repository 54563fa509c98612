"""Augmentation of rows of a table: mixup, which blends numbers and chooses categories."""

import math

import numpy as np

from hornbook import UserError
from hornbook.data import mixing


def mixup_rows(rows, labels, draw, alpha, num_numbers):
    """Blend each row of a table with the next one of the batch, as `mixing.mixup` does images.

    Codes of categories have no mean: each is the row's own or the next row's, with the weights as probabilities.

    Args:
        rows: float array `(batch, columns)`: numbers, then category codes.
        labels: float array `(batch, classes)` or `(batch, targets)`.
        draw: function from a name to uniform numbers `(batch,)`.
        alpha: of Beta(alpha, alpha).
        num_numbers: how many of the columns are numbers.

    Returns:
        float32 rows and labels of the same shapes.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.tables import augmentation

    flowers = data.tables.from_arrays(numpy.random.default_rng(0).random((60, 4)), numpy.arange(60) % 3)
    augment = lambda rows, labels, draw: augmentation.mixup_rows(rows, labels, draw, 0.2, 4)
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(flowers.train, batch_size=16, num_classes=3, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=3, shuffle=False, verbose=0)
    ```
    """
    weight = mixing.beta(alpha, draw("mixup"))
    mixed = mixing.blend(rows, weight)
    for column in range(num_numbers, rows.shape[1]):
        own = draw(f"mixup category {column}") < weight
        mixed[:, column] = np.where(own, rows[:, column], np.roll(rows[:, column], -1))
    return mixed, mixing.blend(labels, weight)


def row_mixer(alpha, num_numbers):
    """The function `(rows, labels, draw) -> (rows, labels)` of `mixup_rows` for a feed, or None with an alpha of 0.

    Raises:
        UserError: alpha is negative or not finite.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data

    flowers = data.tables.from_arrays(numpy.random.default_rng(0).random((60, 4)), numpy.arange(60) % 3)
    augment = data.tables.row_mixer(0.2, num_numbers=4)
    model = keras.Sequential([keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "categorical_crossentropy")
    feed = data.training_batches(flowers.train, batch_size=16, num_classes=3, epochs=1, augment=augment)
    model.fit(feed, steps_per_epoch=3, shuffle=False, verbose=0)
    ```
    """
    if not 0 <= alpha < math.inf:
        raise UserError(f"mixup must be 0 (off) or a positive alpha of Beta(alpha, alpha) such as 0.2, got {alpha}")
    return (lambda rows, labels, draw: mixup_rows(rows, labels, draw, alpha, num_numbers)) if alpha else None
