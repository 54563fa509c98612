"""Inception networks for series (Ismail Fawaz et al. 2020), also with hand-made filters beside the learned (Ismail-Fawaz et al. 2022)."""

import keras

from hornbook.models.cnn1d import TAKES
from hornbook.models.layers.checks import check_count, check_plan, check_rate, refuse_stochastic_depth
from hornbook.models.parts.hand_made import hand_made_features
from hornbook.models.parts.network import Parts
from hornbook.models.parts.sequences import local_max, pool, sequence_inputs

# A shortcut leads around so many modules.
MODULES_PER_SHORTCUT = 3


def inception_module(x, width, kernel_sizes, bottleneck_width, hand_made_filters, parts, name):
    """Convolutions of several kernel sizes and one of the largest neighbour, side by side (Ismail Fawaz et al. 2020, figure 2).

    (batch, time, channels) to (batch, time, (kernel sizes + 1) * width), with the 17 hand-made features behind them where asked.
    """
    y = x
    if bottleneck_width is not None and x.shape[-1] > 1:
        y = parts.conv(x, bottleneck_width, 1, name=f"{name}_bottleneck")
    branches = [parts.conv(y, width, size, name=f"{name}_conv{branch}") for branch, size in enumerate(kernel_sizes, start=1)]
    largest = local_max(x, parts.mask, 3, name=f"{name}_max")
    branches.append(parts.conv(largest, width, 1, name=f"{name}_max_conv"))
    y = keras.layers.Concatenate(name=f"{name}_branches")(branches)
    y = parts.norm_and_act(y, norm=f"{name}_norm", act=f"{name}_act")
    if not hand_made_filters:
        return y
    return keras.layers.Concatenate(name=f"{name}_features")([y, hand_made_features(x, parts, f"{name}_hand_made")])


def inception1d(
    input_shape,
    num_outputs,
    *,
    depth=6,
    kernel_sizes=(40, 20, 10),
    width=32,
    bottleneck_width=32,
    hand_made_filters=False,
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
    name="inception1d",
):
    """Build an inception network: series (batch, time, features) or tokens (batch, time) to float32 logits (batch, num_outputs).

    Modules of convolutions of several kernel sizes side by side, a shortcut around every third, pooling over time, and a dense layer
    (Ismail Fawaz et al. 2020, "InceptionTime: Finding AlexNet for Time Series Classification", figure 1; InceptionTime is an ensemble of
    five of these). A shortcut is a convolution of one step with normalization. Nothing is strided, so every step keeps its place, and a
    series may be shorter than a kernel. Padding changes no output. Options that are not described here are those of every family, under
    `resnet`.

    With `hand_made_filters` the first module also has 17 filters that are fixed (Ismail-Fawaz et al. 2022, "Deep Learning For Time Series
    Classification Using New Hand-Crafted Convolution Filters": H-Inception). For n = 2, 4, 8, 16, 32 and 64 these are

        increase   n steps        -1, 1, -1, 1, ...
        decrease   n steps        1, -1, 1, -1, ...
        peak       3n / 2 steps   -a, 2a, -a with the arch a of n / 2 steps, which rises as (4j / n)² for j = 1, ..., n / 4 and falls as
                                  it has risen; not for n = 2

    each followed by ReLU. They see the sum of the features of a step.

    Args:
        input_shape: (time, features) for series, (time,) for tokens; time may be None, and shorter than a kernel.
        num_outputs: Classes, or values to predict.
        depth: Modules. Defaults to the paper's 6, which has two shortcuts; below 3 there is none.
        kernel_sizes: Steps that the convolutions of a module see, one convolution for each. Defaults to the paper's 40, 20 and 10.
        width: Filters of each convolution; a module has that many for each kernel size and for the largest neighbour. Defaults to the
            paper's 32.
        bottleneck_width: Features that a module's convolutions see, made by a convolution of one step unless there is one feature only.
            Defaults to the paper's 32; None for no such convolution, which takes four times as long.
        hand_made_filters: Whether the first module has fixed filters too. Defaults to False, and to True for `h_inception1d`.
        pooling: "mean", "max" or "attention" over time. Defaults to the paper's "mean".
        each_step: Outputs of each step, (batch, time, num_outputs), in place of pooled ones, see `rnn`.
        vocabulary_size: Number of tokens, padding (0) among them; None for series.
        embedding_size: Features of a token. Defaults to 128.
        embedding_training: Which vectors of tokens are trained: "tuned", "frozen" or "both", see `rnn`.
        padded: Whether a step of NaN in a series, or token 0, is padding; "auto" is True for tokens and False for series.
        normalization: Defaults to the paper's "batch". "group" and "instance" are refused where there is padding, which they mix in.
        dropout: Rate before the output layer.
        spatial_dropout: Rate at which whole feature maps are dropped behind each module (Tompson et al. 2015, section 3.2).
        stochastic_depth: Rate at which the last three modules with a shortcut are dropped; it rises linearly from the first three.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.inception1d((50, 3), 2, depth=3, width=8, hand_made_filters=True)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((32, 50, 3)), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    depth, width = check_count("depth", depth), check_count("width", width)
    kernel_sizes = check_plan("kernel_sizes", kernel_sizes, each="convolution")
    bottleneck_width = None if bottleneck_width is None else check_count("bottleneck_width", bottleneck_width)
    stochastic_depth, shortcuts = check_rate("stochastic_depth", stochastic_depth), depth // MODULES_PER_SHORTCUT
    if not shortcuts:
        refuse_stochastic_depth(stochastic_depth, f"an inception network of less than {MODULES_PER_SHORTCUT} modules")
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
    passed_by = x
    for module in range(1, depth + 1):
        x = inception_module(x, width, kernel_sizes, bottleneck_width, hand_made_filters and module == 1, parts, f"module{module}")
        if module % MODULES_PER_SHORTCUT == 0:
            shortcut = module // MODULES_PER_SHORTCUT
            x = passed_by = _join(passed_by, x, stochastic_depth * shortcut / shortcuts, parts, f"shortcut{shortcut}")
        x = parts.drop_maps(x, name=f"module{module}_spatial_dropout")
    x = pool(x, mask, None if each_step else pooling, parts, name="pool")
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def _join(passed_by, x, drop_rate, parts, name):
    x = parts.drop_branch(x, drop_rate, name=f"{name}_stochastic_depth")
    shortcut = parts.norm(parts.conv(passed_by, x.shape[-1], 1, name=f"{name}_conv"), name=f"{name}_norm")
    return parts.act(keras.layers.Add(name=f"{name}_add")([shortcut, x]), name=f"{name}_act")


def h_inception1d(input_shape, num_outputs, **options):
    """H-Inception for series: with fixed filters beside the learned ones of the first module (Ismail-Fawaz et al. 2022)."""
    return inception1d(input_shape, num_outputs, **{"hand_made_filters": True, "name": "h_inception1d", **options})
