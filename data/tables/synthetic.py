"""Rows made between a rare class's own: SMOTE, by imbalanced-learn."""

import dataclasses
import importlib.util

import numpy as np

from hornbook import UserError

_NEIGHBOURS = 5  # As in the paper and in imbalanced-learn.


def require():
    """Refuse to go on without imbalanced-learn.

    Raises:
        UserError: with how to install it.
    """
    if importlib.util.find_spec("imblearn") is None:
        raise UserError("--sampling smote needs imbalanced-learn; pip install 'hornbook[imbalance]', or pass --sampling oversample")


def smote(examples, encoding, seed=0):
    """Training rows with further ones, until every class has as many as the largest (Chawla et al. 2002, SMOTE).

    A further row lies between one of its class and one of that row's five nearest neighbours in the class: numbers are interpolated, a
    category is the most frequent one of the neighbours (SMOTE-NC, their section 6.1). Numbers are compared in standard deviations.

    Args:
        examples: `data.dataset.Examples` of encoded rows, those of training alone.
        encoding: their `encoding.Encoding`, without missing numbers.
        seed: of the draw.

    Returns:
        `Examples`: the given ones first, then those that were made.

    Raises:
        UserError: imbalanced-learn is not installed, a class has one row, there is no number, numbers are missing, or an example has
            several labels.

    Example:
    ```python
    import numpy
    from hornbook import data

    rows, classes = numpy.random.rand(60, 2), numpy.repeat([0, 1], [50, 10])
    table = data.tables.from_arrays(rows, classes, validation_fraction=0)
    print(numpy.bincount(data.tables.smote(table.train, table.encoding).labels))  # 50 of each
    ```
    """
    require()
    from imblearn.over_sampling import SMOTE, SMOTENC

    if examples.labels.ndim != 1:
        raise UserError("--sampling smote is for one class an example, and these have several labels; pass --class-weights balanced")
    if encoding.indicators:
        missing = encoding.indicators[0]
        raise UserError(f"--sampling smote interpolates numbers, and {missing!r} lacks some; pass --sampling oversample, or fill them in")
    numbers = len(encoding.numbers)
    if not numbers:
        raise UserError("--sampling smote interpolates numbers, and the table has none; pass --sampling oversample")
    counts = np.bincount(examples.labels)
    fewest = counts[counts > 0].min()
    if fewest < 2:
        raise UserError("--sampling smote needs two training rows of each class, and one has a single row; pass --sampling oversample")
    inputs = np.asarray(examples.inputs, np.float64)
    deviation = np.where((spread := inputs[:, :numbers].std(axis=0)) > 0, spread, 1.0)
    scaled = np.concatenate([inputs[:, :numbers] / deviation, inputs[:, numbers:]], axis=1)
    options = {"k_neighbors": int(min(_NEIGHBOURS, fewest - 1)), "random_state": seed}
    categories = np.arange(numbers, inputs.shape[1])
    maker = SMOTENC(categorical_features=categories, **options) if len(categories) else SMOTE(**options)
    made, labels = maker.fit_resample(scaled, examples.labels)
    made = made[len(examples) :]
    further = np.concatenate([made[:, :numbers] * deviation, made[:, numbers:]], axis=1).astype(np.float32)
    beyond = examples.indices.max() + 1 + np.arange(len(further))  # No row of the source has these numbers.
    return dataclasses.replace(
        examples,
        inputs=np.concatenate([examples.inputs, further]),
        labels=labels,
        indices=np.concatenate([examples.indices, beyond]),
        files=None,
    )
