"""LITE, a network for series with some 10,000 parameters (Ismail-Fawaz et al. 2023)."""

import keras

from hornbook.models.cnn1d import TAKES
from hornbook.models.layers.checks import check_count, check_plan, refuse_stochastic_depth
from hornbook.models.parts.hand_made import hand_made_features
from hornbook.models.parts.network import Parts
from hornbook.models.parts.sequences import pool, sequence_inputs


def lite(
    input_shape,
    num_outputs,
    *,
    depth=2,
    kernel_sizes=(40, 20, 10),
    width=32,
    hand_made_filters=True,
    pooling="mean",
    each_step=False,
    vocabulary_size=None,
    embedding_size=128,
    embedding_dropout=0.0,
    embedding_training="tuned",
    padded="auto",
    normalization="batch",
    groups=None,
    weight_normalization=None,
    activation="relu",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.0,
    spatial_dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="lite",
):
    """Build LITE: series (batch, time, features) or tokens (batch, time) to float32 logits (batch, num_outputs).

    A layer of convolutions of several kernel sizes and of fixed filters side by side, depthwise separable convolutions that are dilated,
    each with normalization and activation, pooling over time, and a dense layer (Ismail-Fawaz et al. 2023, "LITE: Light Inception with
    boosTing tEchniques for Time Series Classification", figure 1). The fixed filters are those of `inception1d`. A series may be shorter
    than a kernel. Padding changes no output. Options that are not described here are those of every family, under `resnet`.

    Args:
        input_shape: (time, features) for series, (time,) for tokens; time may be None, and shorter than a kernel.
        num_outputs: Classes, or values to predict.
        depth: Separable convolutions. Defaults to the paper's 2. The i-th sees every 2**i-th step, and 2**i times fewer steps than the
            longest kernel of the first layer (at least 2), so all reach equally far: 20 steps and 10 by default, as in the paper.
        kernel_sizes: Steps that the convolutions of the first layer see, one convolution for each. Defaults to the paper's 40, 20 and 10.
        width: Filters of each convolution. Defaults to the paper's 32.
        hand_made_filters: Whether the first layer has fixed filters too. Defaults to True.
        pooling: "mean", "max" or "attention" over time. Defaults to the paper's "mean".
        each_step: Outputs of each step, (batch, time, num_outputs), in place of pooled ones, see `rnn`.
        vocabulary_size: Number of tokens, padding (0) among them; None for series.
        embedding_size: Features of a token. Defaults to 128.
        embedding_training: Which vectors of tokens are trained: "tuned", "frozen" or "both", see `rnn`.
        padded: Whether a step of NaN in a series, or token 0, is padding; "auto" is True for tokens and False for series.
        normalization: Defaults to the paper's "batch". "group" and "instance" are refused where there is padding, which they mix in.
        weight_normalization: Of the kernels over several features; a depthwise kernel sees one feature and stays as it is.
        dropout: Rate before the output layer.
        spatial_dropout: Rate at which whole feature maps are dropped behind each layer (Tompson et al. 2015, section 3.2).
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.lite((50, 3), 2)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((32, 50, 3)), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    depth, width = check_count("depth", depth), check_count("width", width)
    kernel_sizes = check_plan("kernel_sizes", kernel_sizes, each="convolution")
    refuse_stochastic_depth(stochastic_depth, "lite")
    tokens = {"vocabulary_size": vocabulary_size, "embedding_size": embedding_size, "embedding_dropout": embedding_dropout}
    tokens["embedding_training"] = embedding_training
    inputs, x, mask = sequence_inputs(input_shape, padded=padded, **tokens)
    TAKES.check(pooling=pooling, normalization=normalization, padded=mask is not None)
    parts = Parts(
        mask=mask,
        normalization=normalization,
        groups=groups,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=dropout,
        spatial_dropout=spatial_dropout,
        l1=l1,
        l2=l2,
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
    )
    x = _first_layer(x, width, kernel_sizes, hand_made_filters, parts)
    x = parts.drop_maps(x, name="first_spatial_dropout")
    for layer in range(1, depth + 1):
        x = parts.separable_conv(x, width, max(max(kernel_sizes) >> layer, 2), 2**layer, name=f"separable{layer}")
        x = parts.norm_and_act(x, norm=f"separable{layer}_norm", act=f"separable{layer}_act")
        x = parts.drop_maps(x, name=f"separable{layer}_spatial_dropout")
    x = pool(x, mask, None if each_step else pooling, parts, name="pool")
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def _first_layer(x, width, kernel_sizes, hand_made_filters, parts):
    y = [parts.conv(x, width, size, name=f"first_conv{branch}") for branch, size in enumerate(kernel_sizes, start=1)]
    y = keras.layers.Concatenate(name="first_branches")(y) if len(y) > 1 else y[0]
    y = parts.norm_and_act(y, norm="first_norm", act="first_act")
    if not hand_made_filters:
        return y
    return keras.layers.Concatenate(name="first_features")([y, hand_made_features(x, parts, "hand_made")])
