"""Some examples of any medium as plain values, for models that are no networks."""

import numpy as np


def chosen(count, most, seed=0):
    """The places of `most` of `count` examples, drawn at random, in rising order: int array; all of them where there are no more."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, most, replace=False))


def plain(part, places):
    """The inputs of some examples of a part.

    Args:
        part: of a `dataset.Dataset`, in memory or not.
        places: int array into the part, rising.

    Returns:
        Of texts a list of strings; of series a list of float32 arrays `(steps, features)`; else an array `(examples, ...)` of a table's
        encoded rows or an image's pixels, which are read now where they stay on disk.

    Raises:
        UserError: a file cannot be read.

    Example:
    ```python
    from hornbook import data
    from hornbook.data import samples

    assert samples.plain(data.images.load("digits").train, [0, 5, 7]).shape == (3, 8, 8, 1)
    ```
    """
    places = np.asarray(places, np.int64)
    if hasattr(part, "texts"):
        return list(part.texts(places))
    if hasattr(part, "series"):
        return list(part.series[places])
    if hasattr(part, "inputs"):
        return np.asarray(part.inputs[places])
    return part.subset(places).in_memory().inputs


def size(dataset):
    """How much an example of a dataset takes: steps of its longest series, columns of a row, numbers of an image; 1 of texts."""
    if dataset.medium == "texts":
        return 1
    if dataset.medium == "series":
        return int(max(part.lengths.max() for part in dataset.parts.values()))
    return int(np.prod(dataset.input_shape))
