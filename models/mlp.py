"""Multilayer perceptrons: for feature vectors, and as the network to beat on anything else."""

import keras

from hornbook.models.checks import check_count, check_feature_shape, refuse_stochastic_depth
from hornbook.models.parts import Parts


def mlp(
    input_shape,
    num_outputs,
    *,
    depth=3,
    width=128,
    normalization="batch",
    weight_normalization=None,
    activation="relu",
    initializer="auto",
    dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    name="mlp",
):
    """Build a multilayer perceptron: (batch, *input_shape) to float32 logits (batch, num_outputs).

    Inputs of more than one axis are flattened. A hidden layer is dense, normalization, activation, dropout. The options that every
    family has are described under `resnet`.

    Args:
        input_shape: Sizes without the batch axis, all known, such as (20,) or (28, 28, 1).
        num_outputs: Classes, or values to predict.
        depth: Layers with kernels, the output layer among them; 1 is linear (logistic) regression. Defaults to 3: two hidden layers.
        width: Units in each hidden layer. Defaults to 128.
        normalization: Any but "instance", which is 0 for a vector.
        dropout: Rate after each hidden layer.
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.mlp((20,), 3, depth=4, width=32, normalization="layer", dropout=0.1)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((32, 20)), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    input_shape = check_feature_shape(input_shape)
    depth = check_count("depth", depth)
    width = check_count("width", width)
    refuse_stochastic_depth(stochastic_depth, "an mlp")
    parts = Parts(
        normalization=normalization,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        dropout=dropout,
        l1=l1,
        l2=l2,
    )
    x = inputs = keras.Input(input_shape, name="inputs")
    if len(input_shape) > 1:
        x = keras.layers.Flatten(name="flatten")(x)
    for layer in range(1, depth):
        x = parts.dense(x, width, name=f"dense{layer}")
        x = parts.norm(x, name=f"norm{layer}")
        x = parts.act(x, name=f"act{layer}")
        x = parts.dropout(x, name=f"dropout{layer}")
    return keras.Model(inputs, parts.output(x, num_outputs), name=name)
