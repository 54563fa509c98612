"""The residual network for series (Wang et al. 2017), from the blocks of the residual networks for images."""

from hornbook.models.cnn1d import TAKES
from hornbook.models.layers.checks import check_count, check_plan, check_rate
from hornbook.models.parts.residual import ResNetParts
from hornbook.models.parts.residual_blocks import residual_block
from hornbook.models.parts.sequences import pool, sequence_inputs


def resnet1d(
    input_shape,
    num_outputs,
    *,
    kernel_sizes=(8, 5, 3),
    width=64,
    width_multipliers=(1, 2, 2),
    zero_init_residual=False,
    block_dropout=0.0,
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
    name="resnet1d",
):
    """Build a residual network: series (batch, time, features) or tokens (batch, time) to float32 logits (batch, num_outputs).

    Residual blocks of convolutions, pooling over time, and a dense layer (Wang, Yan and Oates 2017, "Time Series Classification from
    Scratch", figure 1c). A shortcut is a convolution of one step with normalization where the width changes, and the identity elsewhere.
    Nothing is strided, so every step keeps its place. Padding changes no output. Options that are not described here are those of every
    family, under `resnet`.

    Args:
        input_shape: (time, features) for series, (time,) for tokens; time may be None.
        num_outputs: Classes, or values to predict.
        kernel_sizes: Steps that each convolution of a block sees. Defaults to the paper's 8, 5 and 3.
        width: Filters of a block, times its multiplier. Defaults to the paper's 64.
        width_multipliers: One for each block; the paper's 1, 2 and 2 make three blocks of 64, 128 and 128 filters.
        zero_init_residual: Start each residual branch at 0; see `resnet`.
        block_dropout: Rate of the dropout before the last convolution of each block.
        pooling: "mean", "max" or "attention" over time. Defaults to the paper's "mean".
        each_step: Outputs of each step, (batch, time, num_outputs), in place of pooled ones, see `rnn`.
        vocabulary_size: Number of tokens, padding (0) among them; None for series.
        embedding_size: Features of a token. Defaults to 128.
        embedding_training: Which vectors of tokens are trained: "tuned", "frozen" or "both", see `rnn`.
        padded: Whether a step of NaN in a series, or token 0, is padding; "auto" is True for tokens and False for series.
        normalization: Defaults to the paper's "batch". "group" and "instance" are refused where there is padding, which they mix in.
        dropout: Rate before the output layer.
        spatial_dropout: Rate at which whole feature maps are dropped behind each block (Tompson et al. 2015, section 3.2).
        stochastic_depth: Rate at which the last residual branch is dropped; it rises linearly from the first block to the last.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.resnet1d((50, 3), 2, width=8, stochastic_depth=0.1)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((32, 50, 3)), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    kernel_sizes, width = check_plan("kernel_sizes", kernel_sizes, each="convolution"), check_count("width", width)
    multipliers = check_plan("width_multipliers", width_multipliers, each="block")
    stochastic_depth = check_rate("stochastic_depth", stochastic_depth)
    tokens = {"vocabulary_size": vocabulary_size, "embedding_size": embedding_size, "embedding_dropout": embedding_dropout}
    tokens["embedding_training"] = embedding_training
    inputs, x, mask = sequence_inputs(input_shape, padded=padded, **tokens)
    TAKES.check(pooling=pooling, normalization=normalization, padded=mask is not None)
    parts = ResNetParts(
        preactivated=False,
        shortcut="projection",
        zero_init_residual=zero_init_residual,
        block_dropout=block_dropout,
        bottleneck_stride="3x3",
        downsampling="stride",
        padding="same",
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
    strides = (1,) * len(kernel_sizes)
    for block, multiplier in enumerate(multipliers, start=1):
        drop_rate = stochastic_depth * block / len(multipliers)
        x = residual_block(x, (width * multiplier,) * len(kernel_sizes), kernel_sizes, strides, drop_rate, parts, f"block{block}")
        x = parts.drop_maps(x, name=f"block{block}_spatial_dropout")
    x = pool(x, mask, None if each_step else pooling, parts, name="pool")
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)
