"""TabM: one perceptron that stands for many, for tables."""

import keras
from keras import ops

from hornbook.models.layers.checks import check_count, check_feature_shape, refuse_stochastic_depth
from hornbook.models.layers.members import MEANS, mean_of_members
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.columns import NUMBER_EMBEDDINGS, Columns, scale_features
from hornbook.models.parts.network import PLACEMENTS, Parts
from hornbook.models.parts.normalization import refuse_instance_of_vectors

TAKES = Choices(
    {"normalization_placement": PLACEMENTS, "number_embedding": NUMBER_EMBEDDINGS, "output_activation": MEANS}, refuse_instance_of_vectors
)


def scale_for_each(x, submodels, *, name):
    """Return x, (batch, features), multiplied by factors of each submodel's own, at first 1 or -1: (batch, submodels, features)."""
    layer = keras.layers.EinsumDense("bi,mi->bmi", (submodels, x.shape[-1]), kernel_initializer="random_normal", name=name)
    x = layer(x)
    layer.kernel.assign(ops.sign(layer.kernel))
    return x


def tabm(
    input_shape,
    num_outputs,
    *,
    submodels=16,
    output_activation="softmax",
    depth=3,
    width=128,
    category_sizes=(),
    embedding_size="auto",
    numbers=None,
    number_embedding="none",
    number_features=16,
    bin_edges=None,
    frequencies=48,
    frequency_scale=0.1,
    scale_inputs=False,
    normalization="none",
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
    name="tabm",
):
    """Build TabM-mini (Gorishniy, Kotelnikov and Babenko 2025, section 3.3): (batch, *input_shape) to float32 logits (batch, num_outputs).

    An ensemble of perceptrons that share all hidden layers. Each has factors of its own on the inputs, random signs at first, so that the
    shared layers see another view of an example for each, and outputs of its own. All learn side by side, each by its own loss, and what
    predicts is their mean, see `mean_of_members`: in training the outputs are (batch, submodels, num_outputs). It takes the time of as many
    networks and the parameters of about one.

    The options that every family has are described under `resnet`, those of a table's columns under `mlp`.

    Args:
        input_shape: Sizes without the batch axis, all known, such as (20,).
        num_outputs: Classes, or values to predict.
        submodels: How many there are. Defaults to 16, half of the paper's and half of the time.
        output_activation: What the mean is taken of: "softmax" for classes, "sigmoid" for one logit or for labels that go together,
            "linear" for values. Defaults to "softmax".
        depth: Layers with kernels, the output layer among them. Defaults to 3: two hidden layers.
        width: Units in each hidden layer. Defaults to 128. The paper searched two to five hidden layers of 64 to 1,024.
        number_features: Features that an embedded number becomes. Defaults to 16, as in the paper.
        normalization: Any but "instance", which is 0 for a vector. Defaults to "none", as in the paper: the statistics of "batch" would
            be of all submodels together.
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models
        from hornbook.training import losses

        model = models.tabm((20,), 3, submodels=4, width=32, number_embedding="periodic")
        loss, accuracy = losses.classification("cross-entropy")
        model.compile("adam", loss, metrics=[accuracy])
        model.fit(keras.random.normal((32, 20)), keras.ops.eye(32, 3), verbose=0)
        ```
    """
    input_shape = check_feature_shape(input_shape)
    num_outputs = check_count("num_outputs", num_outputs)
    submodels = check_count("submodels", submodels)
    depth = check_count("depth", depth, least=2)
    width = check_count("width", width)
    refuse_stochastic_depth(stochastic_depth, "a tabm")
    TAKES.check(
        normalization=normalization,
        normalization_placement=normalization_placement,
        number_embedding=number_embedding,
        output_activation=output_activation,
    )
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
    x = scale_for_each(x, submodels, name="submodel_scale")
    # Every submodel's example is an example of the shared layers.
    x = ops.reshape(x, (-1, x.shape[-1]))
    for layer in range(1, depth):
        x = parts.dense(x, width, name=f"dense{layer}")
        x = parts.norm_and_act(x, norm=f"norm{layer}", act=f"act{layer}")
        x = parts.dropout(x, name=f"dropout{layer}")
    x = ops.reshape(x, (-1, submodels, width))
    logits = parts.linear_each(x, num_outputs, name="logits")
    return parts.scaled(keras.Model(inputs, mean_of_members(logits, output_activation), name=name))
