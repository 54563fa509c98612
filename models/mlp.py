"""Multilayer perceptrons: for feature vectors, tables with categories, and as the network to beat on anything else."""

import keras
from keras import ops

from hornbook.models.checks import check_count, check_feature_shape, refuse_stochastic_depth
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.network import PLACEMENTS, Parts
from hornbook.models.parts.normalization import refuse_instance_of_vectors

TAKES = Choices({"normalization_placement": PLACEMENTS}, refuse_instance_of_vectors)


def embedding_size_for(categories):
    """Return the features for a column of so many categories: 1.6 * categories ** 0.56, less than the categories, at most 600.

    Guo and Berkhahn (2016, section III) bound the size between 1 and the categories - 1, and chose it within by experiments; the formula
    between is `emb_sz_rule` of fastai (Howard and Gugger 2020), which came of trials too.
    """
    return max(1, min(600, round(1.6 * categories**0.56), categories - 1))


def embed_categories(x, category_sizes, embedding_size):
    """Replace the last columns of x, (batch, columns), which hold codes, by embeddings: (batch, numbers + features of all embeddings)."""
    numbers = x.shape[-1] - len(category_sizes)
    parts = [x[:, :numbers]] if numbers else []
    for column, categories in enumerate(category_sizes):
        codes = x[:, numbers + column]
        # What is no code of this column, NaN too, is 0. As integers, since a layer would round its floats to the compute type.
        known = ops.logical_and(codes >= 1, codes <= categories)
        codes = ops.cast(ops.where(known, codes, 0.0), "int32")
        size = embedding_size_for(categories) if embedding_size == "auto" else embedding_size
        parts.append(keras.layers.Embedding(categories + 1, size, name=f"category{column + 1}")(codes))
    return keras.layers.Concatenate(name="columns")(parts) if len(parts) > 1 else parts[0]


def mlp(
    input_shape,
    num_outputs,
    *,
    depth=3,
    width=128,
    category_sizes=(),
    embedding_size="auto",
    normalization="batch",
    groups=None,
    normalization_placement="before",
    weight_normalization=None,
    activation="relu",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    name="mlp",
):
    """Build a multilayer perceptron: (batch, *input_shape) to float32 logits (batch, num_outputs).

    Inputs of more than one axis are flattened. A hidden layer is dense, normalization, activation, dropout. The options that every family
    has are described under `resnet`.

    The last columns of a table may be categories, written as codes into the same float array as the numbers: a table with categories then
    has the shape and the type of one without, and a saved model takes one array everywhere. (float32 holds whole numbers up to 16 million.)
    Each such column has an embedding (Guo and Berkhahn 2016), and all join the numbers.

    Args:
        input_shape: Sizes without the batch axis, all known, such as (20,) or (28, 28, 1).
        num_outputs: Classes, or values to predict.
        depth: Layers with kernels, the output layer among them; 1 is linear (logistic) regression. Defaults to 3: two hidden layers.
        width: Units in each hidden layer. Defaults to 128.
        category_sizes: For a table, the number of known categories of each of its last columns: their codes are 1, 2, ..., and 0 stands
            for rare and unseen ones, as does any value outside. Defaults to (): all columns are numbers.
        embedding_size: Features of a category, the same for each column, or "auto", by the number of categories: 1.6 * number ** 0.56.
        normalization: Any but "instance", which is 0 for a vector. With "group", groups=1 is over all units, as "layer" is.
        normalization_placement: "before" each activation (Ioffe and Szegedy 2015) or "after" it, where a dense layer keeps its bias.
        dropout: Rate after each hidden layer.
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.mlp((20,), 3, depth=4, width=32, category_sizes=(7, 12), dropout=0.1)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((32, 20)), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    input_shape = check_feature_shape(input_shape)
    depth = check_count("depth", depth)
    width = check_count("width", width)
    refuse_stochastic_depth(stochastic_depth, "an mlp")
    TAKES.check(normalization=normalization, normalization_placement=normalization_placement)
    category_sizes = _check_categories(category_sizes, embedding_size, input_shape)
    parts = Parts(
        normalization=normalization,
        groups=groups,
        normalization_placement=normalization_placement,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=dropout,
        l1=l1,
        l2=l2,
    )
    x = inputs = keras.Input(input_shape, name="inputs")
    if len(input_shape) > 1:
        x = keras.layers.Flatten(name="flatten")(x)
    if category_sizes:
        x = embed_categories(x, category_sizes, embedding_size)
    for layer in range(1, depth):
        x = parts.dense(x, width, name=f"dense{layer}")
        x = parts.norm_and_act(x, norm=f"norm{layer}", act=f"act{layer}")
        x = parts.dropout(x, name=f"dropout{layer}")
    return parts.model(inputs, x, num_outputs, name=name)


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
