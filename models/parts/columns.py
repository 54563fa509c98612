"""The columns of a table as features: embeddings of numbers and of categories."""

import itertools
import math

import keras
from keras import ops

from hornbook.models.layers.checks import check_choice, check_count, check_scale

NUMBER_EMBEDDINGS = ("none", "piecewise", "periodic")
# Of standardized numbers, where no training rows say better.
_EDGES = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)


class Columns:
    """Makes features of the columns of a table, by the options of its model.

    Args:
        input_shape: Of the model: (columns,), or anything else, of which the options must then be those of no table.
        category_sizes, embedding_size, numbers, number_embedding, number_features, bin_edges, frequencies, frequency_scale: See `mlp`.

    Raises:
        ValueError: An option is out of range, or they do not go together.
    """

    def __init__(
        self,
        input_shape,
        *,
        category_sizes,
        embedding_size,
        numbers,
        number_embedding,
        number_features,
        bin_edges,
        frequencies,
        frequency_scale,
    ):
        self.category_sizes = _check_categories(category_sizes, embedding_size, input_shape)
        self.embedding_size = embedding_size
        self.number_embedding = check_choice("number_embedding", number_embedding, NUMBER_EMBEDDINGS)
        self.number_features = check_count("number_features", number_features)
        self.frequencies = check_count("frequencies", frequencies)
        self.frequency_scale = check_scale("frequency_scale", frequency_scale)
        if number_embedding == "none":
            return
        if len(input_shape) != 1:
            raise ValueError(f"number_embedding={number_embedding!r} is for a table, input_shape=(columns,), got {tuple(input_shape)}")
        most = input_shape[0] - len(self.category_sizes)
        self.numbers = most if numbers is None else check_count("numbers", numbers, least=0)
        if self.numbers > most:
            raise ValueError(f"numbers must be at most the {most} columns that are no codes of categories, got {numbers}")
        if number_embedding == "piecewise":
            self.bin_edges = (_EDGES,) * self.numbers if bin_edges is None else _check_edges(bin_edges, self.numbers)

    def __call__(self, x):
        """Return the features of x, (batch, columns)."""
        if self.number_embedding != "none" and self.numbers:
            numbers = x[:, : self.numbers]
            numbers = self._piecewise(numbers) if self.number_embedding == "piecewise" else self._periodic(numbers)
            x = keras.layers.Concatenate(dtype="float32", name="numbers")([numbers, x[:, self.numbers :]])
        return self._embed_categories(x) if self.category_sizes else x

    def _piecewise(self, x):
        most = max(len(edges) for edges in self.bin_edges) - 1
        places, scale, offset = [], [], []
        for place, edges in enumerate(self.bin_edges):
            # Numbers of fewer bins have some that are always 0.
            pairs = [*itertools.pairwise(edges), *[(0, math.inf)] * (most + 1 - len(edges))]
            places += [place] * most
            scale += [1 / (high - low) for low, high in pairs]
            offset += [-low / (high - low) for low, high in pairs]
        # Chosen by index and not by a matrix of ones: products of matrices have 10 bits on some accelerators.
        x = keras.layers.Rescaling(scale, offset, dtype="float32", name="bins")(ops.take(x, places, axis=1))
        x = keras.layers.ReLU(max_value=1.0, dtype="float32", name="within_bins")(x)
        return self._linear_each(keras.layers.Reshape((len(self.bin_edges), most), name="bins_of_each")(x))

    def _periodic(self, x):
        # In float32 under any policy: bfloat16 would lose the phase.
        phases = keras.layers.EinsumDense(
            "bn,nf->bnf",
            (self.numbers, self.frequencies),
            kernel_initializer=keras.initializers.RandomNormal(stddev=self.frequency_scale),
            dtype="float32",
            name="frequencies",
        )(x)
        phases = 2 * math.pi * phases
        return self._linear_each(keras.layers.Concatenate(dtype="float32", name="waves")([ops.sin(phases), ops.cos(phases)]))

    def _linear_each(self, x):
        """A dense layer with ReLU for each number: (batch, numbers, inputs) to (batch, numbers * features)."""
        inputs = x.shape[-1]
        x = keras.layers.EinsumDense(
            "bni,nif->bnf",
            (x.shape[1], self.number_features),
            bias_axes="nf",
            activation="relu",
            # Keras would take the numbers for inputs too.
            kernel_initializer=keras.initializers.RandomUniform(-(inputs**-0.5), inputs**-0.5),
            name="number_embeddings",
        )(x)
        return keras.layers.Flatten(name="embedded_numbers")(x)

    def _embed_categories(self, x):
        """Replace the last columns of x, (batch, columns), which hold codes, by embeddings: (batch, others + all features)."""
        others = x.shape[-1] - len(self.category_sizes)
        parts = [x[:, :others]] if others else []
        for column, categories in enumerate(self.category_sizes):
            codes = x[:, others + column]
            # What is no code of this column, NaN too, is 0. As integers, since a layer would round its floats to the compute type.
            known = ops.logical_and(codes >= 1, codes <= categories)
            codes = ops.cast(ops.where(known, codes, 0.0), "int32")
            size = embedding_size_for(categories) if self.embedding_size == "auto" else self.embedding_size
            parts.append(keras.layers.Embedding(categories + 1, size, name=f"category{column + 1}")(codes))
        return keras.layers.Concatenate(name="columns")(parts) if len(parts) > 1 else parts[0]


def embedding_size_for(categories):
    """Return the features for a column of so many categories: 1.6 * categories ** 0.56, less than the categories, at most 600.

    Guo and Berkhahn (2016, section III) bound the size between 1 and the categories - 1, and chose it within by experiments; the formula
    between is `emb_sz_rule` of fastai (Howard and Gugger 2020), which came of trials too.
    """
    return max(1, min(600, round(1.6 * categories**0.56), categories - 1))


def scale_features(x, name="input_scale"):
    """Multiply each feature of x, (batch, features), by a factor that is learned from 1 on (Holzmüller et al. 2024)."""
    # One axis of weights: weight decay leaves it alone.
    return keras.layers.EinsumDense("bi,i->bi", (x.shape[-1],), kernel_initializer="ones", name=name)(x)


def _check_edges(bin_edges, numbers):
    try:
        edges = tuple(tuple(float(edge) for edge in rising) for rising in bin_edges)
    except TypeError:
        edges = None
    rising = edges is not None and all(len(one) > 1 and list(one) == sorted(set(one)) for one in edges)
    if not rising or len(edges) != numbers:
        found = repr(bin_edges) if edges is None else f"{len(edges)} lists"
        raise ValueError(f"bin_edges must hold rising edges, such as (0.0, 0.5, 2.0), for each of {numbers} numbers, got {found}")
    return edges


def _check_categories(category_sizes, embedding_size, input_shape):
    try:
        sizes = tuple(check_count("each size in category_sizes", size) for size in category_sizes)
    except TypeError:
        raise ValueError(
            f"category_sizes must hold a number for each column of categories, such as (7, 12), got {category_sizes!r}"
        ) from None
    if embedding_size != "auto":
        check_count("embedding_size", embedding_size)
    if sizes and (len(input_shape) != 1 or len(sizes) > input_shape[0]):
        raise ValueError(f"category_sizes describe the last columns of a table, input_shape=(columns,), got {len(sizes)} for {input_shape}")
    return sizes
