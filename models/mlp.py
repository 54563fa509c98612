"""Multilayer perceptrons: for feature vectors, tables with categories, and as the network to beat on anything else."""

import keras

from hornbook.models.layers.checks import check_count, check_feature_shape, refuse_stochastic_depth
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.columns import NUMBER_EMBEDDINGS, Columns, scale_features
from hornbook.models.parts.network import PLACEMENTS, Parts
from hornbook.models.parts.normalization import refuse_instance_of_vectors

TAKES = Choices({"normalization_placement": PLACEMENTS, "number_embedding": NUMBER_EMBEDDINGS}, refuse_instance_of_vectors)


def mlp(
    input_shape,
    num_outputs,
    *,
    depth=3,
    width=128,
    category_sizes=(),
    embedding_size="auto",
    numbers=None,
    number_embedding="none",
    number_features=24,
    bin_edges=None,
    frequencies=48,
    frequency_scale=0.1,
    scale_inputs=False,
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
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="mlp",
):
    """Build a multilayer perceptron: (batch, *input_shape) to float32 logits (batch, num_outputs).

    Inputs of more than one axis are flattened. A hidden layer is dense, normalization, activation, dropout. The options that every family
    has are described under `resnet`.

    The last columns of a table may be categories, written as codes into the same float array as the numbers: a table with categories then
    has the shape and the type of one without, and a saved model takes one array everywhere. (float32 holds whole numbers up to 16 million.)
    Each such column has an embedding (Guo and Berkhahn 2016), and all join the numbers.

    A table's numbers, its first columns, may be embedded too (Gorishniy, Rubachev and Babenko 2022): a plain network learns only slowly
    what a tree finds at once, a step or a wave in one number. "piecewise" gives each number's bins, which rise from 0 to 1 one after the
    other as it passes through them (equation 1), "periodic" sine and cosine of learned frequencies (equation 2); then comes a dense layer
    with ReLU for each number.

    Args:
        input_shape: Sizes without the batch axis, all known, such as (20,) or (28, 28, 1).
        num_outputs: Classes, or values to predict.
        depth: Layers with kernels, the output layer among them; 1 is linear (logistic) regression. Defaults to 3: two hidden layers.
        width: Units in each hidden layer. Defaults to 128.
        category_sizes: For a table, the number of known categories of each of its last columns: their codes are 1, 2, ..., and 0 stands
            for rare and unseen ones, as does any value outside. Defaults to (): all columns are numbers.
        embedding_size: Features of a category, the same for each column, or "auto", by the number of categories: 1.6 * number ** 0.56.
        numbers: For a table, how many of its first columns are numbers to embed. Defaults to None: all that hold no codes.
        number_embedding: "none", "piecewise" or "periodic".
        number_features: Features that an embedded number becomes. Defaults to 24, as in the authors' code.
        bin_edges: With "piecewise", the rising edges of each number's bins, such as `hornbook.data.tables.layers.bin_edges` takes of the
            training rows. Defaults to None: for all, edges that suit standardized numbers.
        frequencies: With "periodic", how many each number has. Defaults to 48, as in the authors' code.
        frequency_scale: With "periodic", the standard deviation of the initial frequencies, in waves per unit of a number, which is best
            standardized: high ones learn fine detail, and noise. Defaults to 0.1.
        scale_inputs: Whether each feature, behind the embeddings, is multiplied by a learned factor (Holzmüller et al. 2024, section 3).
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
    TAKES.check(normalization=normalization, normalization_placement=normalization_placement, number_embedding=number_embedding)
    columns = Columns(
        input_shape,
        category_sizes=category_sizes,
        embedding_size=embedding_size,
        numbers=numbers,
        number_embedding=number_embedding,
        number_features=number_features,
        bin_edges=bin_edges,
        frequencies=frequencies,
        frequency_scale=frequency_scale,
    )
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
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
    )
    x = inputs = keras.Input(input_shape, name="inputs")
    if len(input_shape) > 1:
        x = keras.layers.Flatten(name="flatten")(x)
    x = columns(x)
    if scale_inputs:
        x = scale_features(x)
    for layer in range(1, depth):
        x = parts.dense(x, width, name=f"dense{layer}")
        x = parts.norm_and_act(x, norm=f"norm{layer}", act=f"act{layer}")
        x = parts.dropout(x, name=f"dropout{layer}")
    return parts.model(inputs, x, num_outputs, name=name)
