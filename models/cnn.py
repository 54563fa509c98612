"""Plain convolutional networks: convolutions one after the other, without shortcuts."""

import keras

from hornbook.models.layers.checks import check_count, check_image_shape, check_plan, refuse_stochastic_depth
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.network import PLACEMENTS, Parts
from hornbook.models.parts.normalization import refuse_constant_means

# How the map is halved between stages.
DOWNSAMPLING = ("stride", "max")


def _check_placement(normalization, normalization_placement, groups=None, channels=None, **_):
    if normalization_placement == "after":
        refuse_constant_means(normalization, groups, channels, "use normalization_placement='before', or another normalization")


TAKES = Choices(
    {"downsampling": DOWNSAMPLING, "normalization_placement": PLACEMENTS},
    _check_placement,
    numbers=(lambda depth, stages, **_: _plan(depth, stages),),
)


def conv_stage(x, filters, kernel_sizes, downsample, parts, name):
    """Apply convolution, normalization and activation (or these two the other way), once for each kernel size, to a map or a sequence.

    A map is halved on entry if `downsample` is "stride" (by the first convolution) or "max" (by max pooling before it).
    """
    if downsample == "max":
        x = keras.layers.MaxPooling2D(2, padding="same", data_format="channels_last", name=f"{name}_pool")(x)
    for layer, kernel_size in enumerate(kernel_sizes, start=1):
        strides = 2 if layer == 1 and downsample == "stride" else 1
        x = parts.conv(x, filters, kernel_size, strides, name=f"{name}_conv{layer}")
        x = parts.norm_and_act(x, norm=f"{name}_norm{layer}", act=f"{name}_act{layer}")
    return x


def cnn(
    input_shape,
    num_outputs,
    *,
    depth=8,
    width=16,
    stages=3,
    max_width=512,
    downsampling="max",
    normalization="batch",
    groups=None,
    normalization_placement="before",
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
    name="cnn",
):
    """Build a plain convolutional network: (batch, height, width, channels) to float32 logits (batch, num_outputs).

    Stages of 3x3 convolutions, each with normalization and activation; between stages the map is halved and the width doubled; global
    average pooling and a dense layer end it. The options that every family has are described under `resnet`.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_outputs: Classes, or values to predict.
        depth: Layers with kernels, the output layer among them. The depth - 1 convolutions are spread evenly over the stages, the first
            stages getting those left over, so depth 20 and 56 with strides are the plain networks of He et al. (2015, section 4.2). Or a
            tuple with the number of convolutions in each stage, which then also says how many stages there are. Defaults to 8.
        width: Filters in the first stage. Defaults to 16, which with depth 8 makes 75 thousand parameters, and 9 million multiplications
            for a 28x28 image: a network for a CPU.
        stages: Number of stages; ignored when `depth` is a tuple. Defaults to 3.
        max_width: Filters are doubled up to here. Defaults to VGG's 512.
        downsampling: "max" (max pooling between stages) or "stride" (a stride in each stage's first convolution).
        normalization_placement: "before" each activation (Ioffe and Szegedy 2015) or "after" it, where a convolution keeps its bias.
        dropout: Rate before the output layer.
        spatial_dropout: Rate at which whole feature maps are dropped behind each stage (Tompson et al. 2015, section 3.2).
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.cnn((8, 8, 1), 10, depth=4, width=8)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((32, 8, 8, 1)), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    input_shape = check_image_shape(input_shape)
    plan = _plan(depth, check_count("stages", stages))
    width, max_width = check_count("width", width), check_count("max_width", max_width)
    refuse_stochastic_depth(stochastic_depth, "a plain cnn")
    widths = [min(width * 2**stage, max(width, max_width)) for stage in range(len(plan))]
    TAKES.check(
        downsampling=downsampling,
        normalization=normalization,
        groups=groups,
        normalization_placement=normalization_placement,
        channels=widths[-1],
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
        spatial_dropout=spatial_dropout,
        l1=l1,
        l2=l2,
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
    )
    x = inputs = keras.Input(input_shape, name="inputs")
    for stage, (layers, filters) in enumerate(zip(plan, widths, strict=True)):
        x = conv_stage(x, filters, (3,) * layers, downsampling if stage else None, parts, f"stage{stage + 1}")
        x = parts.drop_maps(x, name=f"stage{stage + 1}_spatial_dropout")
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="average_pool")(x)
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def _plan(depth, stages):
    if isinstance(depth, (tuple, list)):
        return check_plan("depth", depth)
    if check_count("depth", depth) <= stages:
        raise ValueError(f"depth must be at least {stages + 1} for {stages} stages: a convolution for each and the output, got {depth}")
    share, left_over = divmod(depth - 1, stages)
    return tuple(share + (stage < left_over) for stage in range(stages))


def plain20(input_shape, num_outputs, **options):
    """The plain 20-layer network for CIFAR-10, 0.27M parameters (He et al. 2015, section 4.2)."""
    return cnn(input_shape, num_outputs, **{"depth": 20, "downsampling": "stride", "name": "plain20", **options})


def plain56(input_shape, num_outputs, **options):
    """The plain 56-layer network for CIFAR-10, 0.85M parameters: worse in training than plain20, and so the case for ResNets."""
    return cnn(input_shape, num_outputs, **{"depth": 56, "downsampling": "stride", "name": "plain56", **options})


def vgg11(input_shape, num_outputs, **options):
    """VGG A (Simonyan and Zisserman 2014, table 1) with normalization, and average pooling in place of its two wide dense layers."""
    return cnn(input_shape, num_outputs, **{"depth": (1, 1, 2, 2, 2), "width": 64, "name": "vgg11", **options})


def vgg16(input_shape, num_outputs, **options):
    """VGG D (Simonyan and Zisserman 2014, table 1) with normalization, and average pooling in place of its two wide dense layers."""
    return cnn(input_shape, num_outputs, **{"depth": (2, 2, 3, 3, 3), "width": 64, "name": "vgg16", **options})
