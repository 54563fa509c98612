"""The first layers of a table's model, all of them Keras' own: scaling of numbers, bins, one-hot categories."""

import itertools

import keras
import numpy as np


def features(inputs, encoding, train_inputs, *, bins=0, one_hot=True):
    """What a network is given of an encoded table.

    Numbers are standardized by the training rows' mean and deviation, as a layer, so that the saved model takes them as they are.

    Args:
        inputs: `keras.Input` of shape `(inputs,)`, float32.
        encoding: `encoding.Encoding` of them.
        train_inputs: array `(rows, inputs)` of the training rows, or `scratch.FileRows`, of which a column at a time is read.
        bins: beside each number, as many inputs that rise from 0 to 1 one after the other while the number passes through the bins of
            equally many training rows (`bin_edges`): a piecewise linear encoding (Gorishniy et al. 2022, equation 1, kept within 0 and 1).
            0 for none.
        one_hot: whether categories are turned into zeros and ones; else their codes come last, for a network that embeds them.

    Returns:
        float32 tensor `(batch, features)`.

    Example:
    ```python
    import keras
    import numpy
    from hornbook import data
    from hornbook.data.tables import layers

    rows = numpy.array([[age, "red" if age % 3 else "blue"] for age in range(60)], object)
    table = data.tables.from_arrays(rows, numpy.arange(60) % 2)
    inputs = keras.Input(table.input_shape)
    x = layers.features(inputs, table.encoding, table.train.inputs, bins=4)
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(table.train.inputs, table.train.labels, verbose=0)
    ```
    """
    sizes = [size + 1 for size in encoding.category_sizes]
    scale, offset = _scaling(encoding, train_inputs, sizes if one_hot else [])
    scaled = keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype="float32", name="standardize")(inputs)
    plain = len(encoding.numbers) + len(encoding.indicators)
    with_bins = bool(bins and encoding.numbers)
    if not with_bins and not (one_hot and encoding.categories):
        return scaled
    parts = [scaled[:, :plain]] if plain else []
    if with_bins:
        numbers = (train_inputs[:, place] * scale[place] + offset[place] for place in range(len(encoding.numbers)))
        binned = _bins(scaled, numbers, bins)
        parts += [binned] if binned is not None else []
    if encoding.categories:
        codes = scaled[:, plain:]
        if one_hot:
            # In float32 under any policy: bfloat16 cannot tell 256 from 257. Each column's codes begin where the one before ends.
            codes = keras.layers.CategoryEncoding(sum(sizes), "multi_hot", dtype="float32", name="one_hot")(codes)
        parts.append(codes)
    return keras.layers.Concatenate(dtype="float32", name="features")(parts) if len(parts) > 1 else parts[0]


def _scaling(encoding, train_inputs, sizes):
    scale, offset = np.ones(train_inputs.shape[1]), np.zeros(train_inputs.shape[1])
    for place in range(len(encoding.numbers)):
        values = train_inputs[:, place].astype(np.float64)
        deviation = values.std()
        # A column that is constant but for missing values is its median everywhere.
        if deviation <= 1e-6 * np.abs(values).max(initial=0):
            deviation = 1.0
        scale[place], offset[place] = 1 / deviation, -values.mean() / deviation
    if sizes:
        offset[-len(encoding.categories) :] = np.cumsum([0, *sizes[:-1]])
    return scale, offset


def bin_edges(values, bins):
    """Rising edges of at most `bins` bins of equally many values, float64.

    A value that is as frequent as a bin would be is an edge itself, and the others share what bins are left: of a column that is mostly 0,
    such as a capital gain, quantiles of all values would leave next to no bins to what is not.

    Args:
        values: float array `(rows,)`.
        bins: how many there may be.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.data.tables import layers

    values = numpy.random.default_rng(0).exponential(size=200)
    model = keras.Sequential([keras.layers.Discretization(layers.bin_edges(values, 8).tolist(), output_mode="one_hot")])
    model.add(keras.layers.Dense(1))
    model.compile("adam", "mse")
    model.fit(values[:, None], numpy.sqrt(values), verbose=0)
    ```
    """
    distinct, counts = np.unique(np.asarray(values, np.float32), return_counts=True)
    frequent = counts * bins >= len(values)
    others = np.repeat(distinct[~frequent], counts[~frequent])
    left = bins + 1 - int(frequent.sum())
    shared = np.quantile(others, np.linspace(0, 1, max(left, 2))) if len(others) and left > 0 else []
    return np.unique(np.concatenate([distinct[frequent], shared]).astype(np.float32)).astype(np.float64)


def _bins(scaled, train_numbers, bins):
    columns, scale, offset = [], [], []
    for place, values in enumerate(train_numbers):
        edges = bin_edges(values, bins)
        for low, high in itertools.pairwise(edges):
            columns.append(place)
            scale.append(1 / (high - low))
            offset.append(-low / (high - low))
    if not columns:
        return None
    # Chosen by index and not by a matrix of ones: products of matrices have 10 bits on some accelerators.
    chosen = keras.ops.take(scaled, columns, axis=1)
    return keras.layers.ReLU(max_value=1.0, dtype="float32", name="within_bins")(
        keras.layers.Rescaling(scale, offset, dtype="float32", name="bins")(chosen)
    )
