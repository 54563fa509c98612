"""The first layers of a table's model, all of them Keras' own: scaling of numbers, one-hot categories; and the edges of numbers' bins."""

import itertools

import keras
import numpy as np

NUMBER_SCALINGS = ("standard", "robust", "quantile")
_FARTHEST = 3  # Standard deviations that numbers stay within, with "robust" and "quantile".
_MOST_KNOTS = 128


def features(inputs, encoding, train_inputs, *, number_scaling="standard", one_hot=True):
    """What a network is given of an encoded table: numbers, indicators of missing ones, then categories.

    Numbers are scaled by statistics of the training rows, as layers, so that the saved model takes them as they are.

    Args:
        inputs: `keras.Input` of shape `(inputs,)`, float32.
        encoding: `encoding.Encoding` of them.
        train_inputs: array `(rows, inputs)` of the training rows, or `scratch.FileRows`, of which a column at a time is read.
        number_scaling: "standard": to mean 0 and standard deviation 1. "robust": to median 0 and a distance of 1 between the quartiles,
            then by x / sqrt(1 + (x / 3) ** 2), which leaves small values and keeps far ones within -3 and 3 (Holzmüller et al. 2024).
            "quantile": to the quantiles of a normal distribution, within -3 and 3, so that the order of values alone counts.
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
    x = layers.features(inputs, table.encoding, table.train.inputs, number_scaling="robust")
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(table.train.inputs, table.train.labels, verbose=0)
    ```
    """
    sizes = [size + 1 for size in encoding.category_sizes]
    columns = [_Column(train_inputs[:, place], number_scaling) for place in range(len(encoding.numbers))]
    scale, offset = np.ones(train_inputs.shape[1]), np.zeros(train_inputs.shape[1])
    scale[: len(columns)], offset[: len(columns)] = [column.scale for column in columns], [column.offset for column in columns]
    if one_hot and sizes:
        # Each column's codes begin where the one before ends.
        offset[-len(sizes) :] = np.cumsum([0, *sizes[:-1]])
    scaled = keras.layers.Rescaling(scale.tolist(), offset.tolist(), dtype="float32", name="standardize")(inputs)
    plain = len(encoding.numbers) + len(encoding.indicators)
    curved = number_scaling != "standard" and bool(columns)
    if not curved and not (one_hot and encoding.categories):
        return scaled
    parts = []
    if curved:
        bend = _soft_clip if number_scaling == "robust" else _interpolate
        parts.append(bend(scaled[:, : len(columns)], columns))
    if plain > len(columns) * curved:
        parts.append(scaled[:, len(columns) * curved : plain])
    if encoding.categories:
        codes = scaled[:, plain:]
        if one_hot:
            # In float32 under any policy: bfloat16 cannot tell 256 from 257.
            codes = keras.layers.CategoryEncoding(sum(sizes), "multi_hot", dtype="float32", name="one_hot")(codes)
        parts.append(codes)
    return keras.layers.Concatenate(dtype="float32", name="features")(parts) if len(parts) > 1 else parts[0]


class _Column:
    """How the numbers of a column are scaled: by `scale` and `offset`, then by the curve of its scaling."""

    def __init__(self, values, number_scaling):
        values = np.asarray(values, np.float64)
        self.values, self.number_scaling = values, number_scaling
        middle, deviation = (values.mean(), values.std()) if number_scaling != "robust" else _quartiles(values)
        # A column that is constant but for missing values is its median everywhere.
        if deviation <= 1e-6 * np.abs(values).max(initial=0):
            deviation = 1.0
        self.scale, self.offset = 1 / deviation, -middle / deviation
        if number_scaling == "quantile":
            self.knots, self.heights = _normal_quantiles(values * self.scale + self.offset)

    def scaled(self):
        """The training rows' numbers as the network gets them, float64 `(rows,)`."""
        values = self.values * self.scale + self.offset
        if self.number_scaling == "robust":
            return values / np.sqrt(1 + (values / _FARTHEST) ** 2)
        return np.interp(values, self.knots, self.heights) if self.number_scaling == "quantile" else values


def _quartiles(values):
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    # Of a column whose quartiles are one value, the whole range counts.
    return middle, high - low or (values.max() - values.min()) / 2


def _normal_quantiles(values):
    """Rising values and the quantiles of a normal distribution that they become; the middle of theirs for equal ones."""
    from scipy.stats import norm

    shares = np.linspace(0, 1, min(_MOST_KNOTS, len(values)))
    knots, owners = np.unique(np.quantile(values, shares).astype(np.float32), return_inverse=True)
    shares = np.bincount(owners, shares) / np.bincount(owners)
    return knots.astype(np.float64), np.clip(norm.ppf(shares), -_FARTHEST, _FARTHEST)


def _soft_clip(numbers, columns):
    return numbers / keras.ops.sqrt(1 + keras.ops.square(numbers / _FARTHEST))


def _interpolate(numbers, columns):
    """Sums of steps, each of which rises between two knots."""
    most = max(2, *(len(column.knots) for column in columns)) - 1
    places, scale, offset, steps = [], [], [], []
    for place, column in enumerate(columns):
        pairs = list(itertools.pairwise(column.knots))
        unused = [0.0] * (most - len(pairs))
        places += [place] * most
        scale += [1 / (high - low) for low, high in pairs] + unused
        offset += [-low / (high - low) for low, high in pairs] + unused
        steps += np.diff(column.heights).tolist() + unused
    # Chosen by index and not by a matrix of ones: products of matrices have 10 bits on some accelerators.
    x = keras.layers.Rescaling(scale, offset, dtype="float32", name="between_knots")(keras.ops.take(numbers, places, axis=1))
    x = keras.layers.ReLU(max_value=1.0, dtype="float32", name="within_knots")(x)
    x = keras.layers.Rescaling(steps, dtype="float32", name="steps")(x)
    x = keras.ops.sum(keras.layers.Reshape((len(columns), most), dtype="float32", name="steps_of_each")(x), axis=-1)
    return keras.layers.Rescaling(1.0, [column.heights[0] for column in columns], dtype="float32", name="quantiles")(x)


def number_edges(encoding, train_inputs, bins, *, number_scaling="standard"):
    """The edges of each number's bins behind `features`, for a model that has them: a tuple of tuples, each of two or more rising numbers.

    Args:
        encoding, train_inputs, number_scaling: as of `features`.
        bins: the most that a number may have, see `bin_edges`.

    Example:
    ```python
    import numpy
    from hornbook import data, models
    from hornbook.data.tables import layers

    wine = data.tables.load("wine", task="classification")
    edges = layers.number_edges(wine.encoding, wine.train.inputs, 8)
    network = models.mlp(wine.input_shape, wine.num_classes, number_embedding="piecewise", bin_edges=edges)
    ```
    """
    found = []
    for place in range(len(encoding.numbers)):
        edges = bin_edges(_Column(train_inputs[:, place], number_scaling).scaled(), bins).tolist()
        found.append(tuple(edges) if len(edges) > 1 else (0.0, 1.0))
    return tuple(found)


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
