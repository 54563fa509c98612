"""The sentence network of Kim (2014): convolutions of several sizes side by side, and the strongest response of each."""

import keras

from hornbook.models.cnn import conv_stage
from hornbook.models.layers.checks import check_count, check_plan, refuse_stochastic_depth
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.network import Parts
from hornbook.models.parts.normalization import refuse_padding
from hornbook.models.parts.sequences import pool, sequence_inputs

# Of all convolutional networks of sequences.
TAKES = Choices(
    {"pooling": ("max", "mean", "attention")},
    refuse_padding,
    hints={"pooling": " (the last step of a convolution has seen its window alone)"},
)


def cnn1d(
    input_shape,
    num_outputs,
    *,
    kernel_sizes=(3, 4, 5),
    width=100,
    pooling="max",
    each_step=False,
    vocabulary_size=None,
    embedding_size=128,
    embedding_dropout=0.0,
    embedding_training="tuned",
    padded="auto",
    normalization="none",
    groups=None,
    weight_normalization=None,
    activation="relu",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.5,
    spatial_dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="cnn1d",
):
    """Build a sentence network: tokens (batch, time) or series (batch, time, features) to float32 logits (batch, num_outputs).

    For each kernel size a convolution with normalization and activation, pooled over time; their features side by side, dropout, and a
    dense layer (Kim 2014, figure 1, the variant CNN-rand: embeddings are learned). Padding changes no output. Options that are not
    described here are those of every family, under `resnet`.

    Args:
        input_shape: (time,) for tokens, (time, features) for series; time may be None, and shorter than a kernel.
        num_outputs: Classes, or values to predict.
        kernel_sizes: Steps that a convolution sees, one convolution for each. Defaults to Kim's 3, 4 and 5.
        width: Filters of each convolution. Defaults to Kim's 100.
        pooling: "max", "mean" or "attention" over time. Defaults to Kim's "max".
        each_step: Outputs of each step, (batch, time, num_outputs), in place of pooled ones, see `rnn`.
        vocabulary_size: Number of tokens, padding (0) among them; None for series.
        embedding_size: Features of a token. Defaults to 128; Kim had 300.
        embedding_training: Which vectors of tokens are trained: "tuned", "frozen" or "both", see `rnn`.
        padded: Whether token 0, or a step of NaN in a series, is padding; "auto" is True for tokens and False for series.
        normalization: Defaults to "none", as Kim. "group" and "instance" are refused where there is padding, which they mix in.
        dropout: Rate before the output layer. Defaults to Kim's 0.5. His bound of 3 on the norms of the output kernel is left out;
            `l2` does its work.
        spatial_dropout: Rate at which whole feature maps are dropped behind each convolution (Tompson et al. 2015, section 3.2).
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.cnn1d((20,), 2, width=16, vocabulary_size=1000)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.randint((32, 20), 0, 1000), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    kernel_sizes, width = check_plan("kernel_sizes", kernel_sizes, each="convolution"), check_count("width", width)
    refuse_stochastic_depth(stochastic_depth, "a cnn1d")
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
    branches = []
    for branch, kernel_size in enumerate(kernel_sizes, start=1):
        y = conv_stage(x, width, (kernel_size,), None, parts, f"branch{branch}")
        y = parts.drop_maps(y, name=f"branch{branch}_spatial_dropout")
        branches.append(pool(y, mask, None if each_step else pooling, parts, name=f"branch{branch}_pool"))
    x = keras.layers.Concatenate(name="branches")(branches) if len(branches) > 1 else branches[0]
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)
