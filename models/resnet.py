"""Residual networks: He et al. (2015, 2016) and wide ones (Zagoruyko and Komodakis 2016)."""

import functools

import keras

from hornbook.models.layers.checks import check_count, check_image_shape, check_plan, check_rate
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.residual import FixupParts, ResNetParts
from hornbook.models.parts.residual_blocks import BLOCKS
from hornbook.models.parts.stacking import STACKING, repeated, stacks_blocks

# Blocks in each of the four stages, by depth (He et al. 2015, table 1).
IMAGENET_PLANS = {
    "basic": {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)},
    "bottleneck": {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)},
}

# Kernel size and stride of the convolution before the first stage. Max pooling follows where there is a stride.
STEMS = {"small": (3, 1), "large": (7, 2)}


def _check_bottleneck_stride(bottleneck_stride, block, **_):
    if bottleneck_stride == "1x1" and not block.endswith("bottleneck"):
        raise ValueError(f"bottleneck_stride='1x1' is for bottleneck blocks, got block={block!r}, which has 3x3 convolutions only")


def _check_fixup(block, normalization, weight_normalization=None, use_bias="auto", **_):
    if not block.startswith("fixup"):
        return
    if normalization != "none":
        raise ValueError(f"block={block!r} is for networks without normalization, got {normalization!r}; pass normalization='none' too")
    if weight_normalization not in (None, "none"):
        raise ValueError(f"block={block!r} has kernels that start at 0, which have no norm: leave out {weight_normalization!r} of kernels")
    if use_bias is True:
        raise ValueError(f"block={block!r} has scalars in the place of biases, got use_bias=True; leave it out")


TAKES = Choices(
    {
        "block": BLOCKS,
        "plan": ("cifar", "imagenet"),
        "stem": ("auto", *STEMS),
        "shortcut": ("auto", "identity", "projection"),
        "bottleneck_stride": ("3x3", "1x1"),
        "downsampling": ("stride", "blur"),
        "padding": ("same", "symmetric"),
        "stacking": STACKING,
    },
    _check_bottleneck_stride,
    _check_fixup,
    numbers=(lambda depth, block, plan, **_: _blocks_per_stage(depth, block, plan),),
)


def resnet(
    input_shape,
    num_outputs,
    *,
    depth=20,
    width=16,
    width_multiplier=1,
    block="basic",
    plan="cifar",
    stem="auto",
    shortcut="auto",
    zero_init_residual=False,
    block_dropout=0.0,
    bottleneck_stride="3x3",
    downsampling="stride",
    padding="same",
    use_bias="auto",
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
    stacking="auto",
    rematerialization=False,
    name="resnet",
):
    """Build a residual network: (batch, height, width, channels) to float32 logits (batch, num_outputs).

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_outputs: Classes, or values to predict.
        depth: Layers with kernels on the longest path. By the "cifar" plan 6n + 2 for basic and 9n + 2 for bottleneck blocks (three stages
            of n blocks), and also 6n + 4 for pre-activation blocks, as wide ResNets count; by the "imagenet" plan 18 or 34 (basic),
            50, 101 or 152 (bottleneck). Or a tuple with the number of blocks in each stage. Defaults to 20.
        width: Filters in the stem and the first stage (for bottlenecks: of their 3x3 convolution, and 4 times that on output); doubled
            from stage to stage. Defaults to 16, as in all of He et al.'s networks for CIFAR-10; those for ImageNet have 64.
        width_multiplier: Factor on the filters of the 3x3 convolutions, the stem excepted: WRN-28-10 is depth 28 with 10.
        block: "basic", "bottleneck", "preactivation" or "preactivation_bottleneck" (normalization before the convolutions, He et al. 2016),
            "fixup" or "fixup_bottleneck" (none, but learned scalars and kernels that start small, Zhang et al. 2019; with
            normalization "none").
        plan: "cifar" (three stages) or "imagenet" (four); what `depth` means.
        stem: "small" (3x3 convolution), "large" (7x7 with stride 2, then max pooling: for 64 pixels and more), or "auto", by the plan.
        shortcut: Where the shape changes: "projection" (1x1 convolution), "identity" (positions left out, zeros for new channels: no
            weights), or "auto": identity for basic and pre-activation blocks of the "cifar" plan with multiplier 1, else projection,
            as the papers have it.
        zero_init_residual: Start each residual branch at 0, by its last scale, or where none follows by its last kernel: the network
            starts as the identity (Goyal et al. 2017, section 5.1). Defaults to False.
        block_dropout: Rate of the dropout before the last convolution of each block (Zagoruyko and Komodakis 2016, section 2.4).
        bottleneck_stride: The convolution that has the stride: "3x3" (better by half a percent on ImageNet, and PyTorch's) or "1x1" (He
            et al. 2015, and keras.applications).
        downsampling: "stride" or "blur": blocks, shortcuts and the stem's pooling go on at stride 1, and every second position is taken
            after a 3x3 binomial filter, which shifts of the image change less (Zhang 2019, section 4). A large stem's convolution keeps its
            stride, as in his ResNets.
        padding: "same" (Keras') or "symmetric" (PyTorch's and keras.applications') for strided windows.
        use_bias: Biases of the convolutions; "auto" is False where the normalization has an offset, else True.
        normalization: Of activations: "batch", "layer" (over the channels of each position), "group", "instance", "rms", "none", or a
            factory `(name) -> layer`.
        groups: Number of groups of group normalization (Wu and He 2018), which must divide the channels everywhere; 1 is layer
            normalization over a whole example (Ba et al. 2016). None: chosen from the channels, at most 32 with 4 channels or more in
            each. Only with normalization "group".
        weight_normalization: Of hidden kernels: None, "spectral" or "standardized".
        activation: A name from `ACTIVATIONS`, or a function.
        initializer: "auto" (by the activation), a name from `INITIALIZERS`, or an initializer without a seed.
        initial_scale: Factor on the initial kernels, recurrent ones and the output's too, and not on embeddings, biases and scales.
            Defaults to 1; 0.01 shows what weights that are too small do. A normalization after a kernel, or of it, takes the factor out.
        dropout: Rate before the output layer (in an `mlp`: after each hidden layer).
        spatial_dropout: Rate at which whole feature maps are dropped behind each stage (Tompson et al. 2015, section 3.2).
        stochastic_depth: Rate at which the last residual branch is dropped, for single examples; it rises linearly from the first block to
            the last (Huang et al. 2016, equation 4), and kept branches are rescaled.
        l1, l2: Factors of the penalties on all kernels; biases and normalization are left out.
        max_norm: The largest norm of the weights that compute one output, of all kernels, to which they are cut after each update
            (Srivastava et al. 2014, section 5.1, with 3 to 4); 0 for none. A constraint of the variables: a saved model has none.
        activity_l1, activity_l2: Factors of the penalties on the outputs of all hidden activations (Merity et al. 2017), of recurrent
            layers on their outputs: sums over an example, means over a batch. Without stacked blocks.
        stacking: Whether the blocks of a stage but the first are one `BlockStack`, traced once for all of them, in place of named layers:
            "never", "always", or "auto", in networks of 36 blocks and more. The function, its parameters and their initial values stay the
            same. Without: dropout in blocks, spectral normalization and factories of normalization, which "auto" builds layer by layer.
        rematerialization: Keep only the blocks' inputs for the gradient and compute the rest again (Chen et al. 2016): a fraction of the
            memory, for a third more time. Needs stacked blocks.
        name: Of the model.

    Returns:
        An uncompiled functional `keras.Model`. Nothing is done to the inputs, and no softmax to the outputs.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.resnet((8, 8, 3), 10, depth=8, width=4, normalization="group", stochastic_depth=0.1)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((16, 8, 8, 3)), keras.ops.zeros((16,), "int32"), verbose=0)
        ```
    """
    input_shape = check_image_shape(input_shape)
    TAKES.check(
        block=block,
        plan=plan,
        stem=stem,
        shortcut=shortcut,
        bottleneck_stride=bottleneck_stride,
        downsampling=downsampling,
        padding=padding,
        normalization=normalization,
        weight_normalization=weight_normalization,
        use_bias=use_bias,
        stacking=stacking,
    )
    stages = _blocks_per_stage(depth, block, plan)
    width, multiplier = check_count("width", width), check_count("width_multiplier", width_multiplier)
    stochastic_depth = check_rate("stochastic_depth", stochastic_depth)
    preactivated, bottleneck = block.startswith("preactivation"), block.endswith("bottleneck")
    if shortcut == "auto":
        shortcut = "identity" if plan == "cifar" and not bottleneck and multiplier == 1 else "projection"
    fixup = block.startswith("fixup")
    kind = functools.partial(FixupParts, branches=sum(stages)) if fixup else ResNetParts
    parts = kind(
        preactivated=preactivated,
        shortcut=shortcut,
        zero_init_residual=zero_init_residual,
        block_dropout=block_dropout,
        bottleneck_stride=bottleneck_stride,
        downsampling=downsampling,
        padding=padding,
        use_bias=False if fixup else use_bias,
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
    stacked = stacks_blocks(
        stacking,
        rematerialization,
        sum(stages),
        normalization=normalization,
        weight_normalization=weight_normalization,
        block_dropout=block_dropout,
        activity=activity_l1 or activity_l2,
    )
    x = inputs = keras.Input(input_shape, name="inputs")
    if stem == "auto":
        stem = "large" if plan == "imagenet" else "small"
    x = _stem(x, width, *STEMS[stem], preactivated, parts)
    done = 0
    for stage, blocks in enumerate(stages):
        filters = width * 2**stage
        inner, outer = filters * multiplier, filters * (4 if bottleneck else multiplier)
        make = functools.partial(_block, BLOCKS[block], inner, outer, parts)
        names = [f"stage{stage + 1}_block{index + 1}" for index in range(blocks)]
        rates = [stochastic_depth * (done + index + 1) / sum(stages) for index in range(blocks)]
        # The first block changes the map's shape everywhere but, in some networks, in the first stage.
        changing = 1 if stage or x.shape[-1] != outer else 0
        for rate, block_name in zip(rates[:changing], names, strict=False):
            x = make(x, rate, block_name, strides=2 if stage else 1)
        x = repeated(make, x, rates[changing:], names[changing:], stacked=stacked, rematerialization=rematerialization)
        x = parts.drop_maps(x, name=f"stage{stage + 1}_spatial_dropout")
        done += blocks
    if preactivated:
        x = parts.act(parts.norm(x, name="final_norm"), name="final_act")
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="average_pool")(x)
    x = parts.dropout(parts.shift(x, name="final_shift"), name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def _block(block, inner, outer, parts, x, drop_rate, name, strides=1):
    return block(x, inner, outer, strides, drop_rate, parts, name)


def _stem(x, filters, kernel_size, strides, preactivated, parts):
    # Never blurred: a convolution without its stride on the largest maps takes too long.
    x = parts.strided_conv(x, filters, kernel_size, strides, name="stem_conv")
    # A pre-activation network begins each block with these.
    if not preactivated:
        x = parts.act(parts.norm(parts.shift(x, name="stem_shift"), name="stem_norm"), name="stem_act")
    return parts.max_pool(x, name="stem_pool") if strides > 1 else x


def _blocks_per_stage(depth, block, plan):
    if isinstance(depth, (tuple, list)):
        return check_plan("depth", depth)
    depth = check_count("depth", depth)
    if plan == "imagenet":
        return _imagenet_plan(depth, block)
    kernels = 9 if block.endswith("bottleneck") else 6
    # Wide ResNets count the three projection shortcuts, but not the output layer.
    counted_apart = [2, 4] if block == "preactivation" else [2]
    for apart in counted_apart:
        if depth > apart and (depth - apart) % kernels == 0:
            return ((depth - apart) // kernels,) * 3
    rule = f"{kernels}n + 2" + (f", or {kernels}n + 4 as wide ResNets count," if len(counted_apart) > 1 else "")
    below = max((depth - 2) // kernels, 1) * kernels + 2
    raise ValueError(f"depth must be {rule} for {block} blocks, got {depth}; try {below} or {below + kernels}")


def _imagenet_plan(depth, block):
    mine, others = ("bottleneck", "basic") if block.endswith("bottleneck") else ("basic", "bottleneck")
    plans = IMAGENET_PLANS[mine]
    if depth not in plans:
        fix = f"block={others!r}" if depth in IMAGENET_PLANS[others] else "a tuple of blocks in each stage, such as (3, 4, 6, 3)"
        accepted = ", ".join(map(str, plans))
        raise ValueError(f"depth must be one of {accepted} for {block} blocks of the 'imagenet' plan, got {depth}; or pass {fix}")
    return plans[depth]


def resnet20(input_shape, num_outputs, **options):
    """ResNet-20 for small images, 0.27M parameters (He et al. 2015, table 6)."""
    return resnet(input_shape, num_outputs, **{"depth": 20, "name": "resnet20", **options})


def resnet32(input_shape, num_outputs, **options):
    """ResNet-32 for small images, 0.46M parameters (He et al. 2015, table 6)."""
    return resnet(input_shape, num_outputs, **{"depth": 32, "name": "resnet32", **options})


def resnet44(input_shape, num_outputs, **options):
    """ResNet-44 for small images, 0.66M parameters (He et al. 2015, table 6)."""
    return resnet(input_shape, num_outputs, **{"depth": 44, "name": "resnet44", **options})


def resnet56(input_shape, num_outputs, **options):
    """ResNet-56 for small images, 0.85M parameters (He et al. 2015, table 6)."""
    return resnet(input_shape, num_outputs, **{"depth": 56, "name": "resnet56", **options})


def resnet110(input_shape, num_outputs, **options):
    """ResNet-110 for small images, 1.7M parameters (He et al. 2015, table 6)."""
    return resnet(input_shape, num_outputs, **{"depth": 110, "name": "resnet110", **options})


def preactivation_resnet110(input_shape, num_outputs, **options):
    """Pre-activation ResNet-110 for small images, 1.7M parameters (He et al. 2016, table 3)."""
    return resnet(input_shape, num_outputs, **{"depth": 110, "block": "preactivation", "name": "preactivation_resnet110", **options})


def preactivation_resnet164(input_shape, num_outputs, **options):
    """Pre-activation ResNet-164 for small images, 1.7M parameters (He et al. 2016, table 4)."""
    variant = {"depth": 164, "block": "preactivation_bottleneck", "name": "preactivation_resnet164"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def preactivation_resnet1001(input_shape, num_outputs, **options):
    """Pre-activation ResNet-1001 for small images, 10.2M parameters (He et al. 2016, table 4)."""
    variant = {"depth": 1001, "block": "preactivation_bottleneck", "name": "preactivation_resnet1001"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def fixup_resnet20(input_shape, num_outputs, **options):
    """ResNet-20 for small images without normalization, by Fixup, 0.27M parameters (Zhang et al. 2019)."""
    variant = {"depth": 20, "block": "fixup", "normalization": "none", "name": "fixup_resnet20"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def fixup_resnet110(input_shape, num_outputs, **options):
    """ResNet-110 for small images without normalization, by Fixup, 1.7M parameters (Zhang et al. 2019)."""
    return resnet(
        input_shape, num_outputs, **{"depth": 110, "block": "fixup", "normalization": "none", "name": "fixup_resnet110", **options}
    )


def wide_resnet16_4(input_shape, num_outputs, **options):
    """WRN-16-4 for small images, 2.7M parameters (Zagoruyko and Komodakis 2016, table 4)."""
    variant = {"depth": 16, "width_multiplier": 4, "block": "preactivation", "name": "wide_resnet16_4"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def wide_resnet28_10(input_shape, num_outputs, **options):
    """WRN-28-10 for small images, 36.5M parameters (Zagoruyko and Komodakis 2016, table 4)."""
    variant = {"depth": 28, "width_multiplier": 10, "block": "preactivation", "name": "wide_resnet28_10"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def wide_resnet40_4(input_shape, num_outputs, **options):
    """WRN-40-4 for small images, 8.9M parameters (Zagoruyko and Komodakis 2016, table 4)."""
    variant = {"depth": 40, "width_multiplier": 4, "block": "preactivation", "name": "wide_resnet40_4"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def resnet18(input_shape, num_outputs, **options):
    """ResNet-18 for ImageNet, 11.7M parameters for 1000 classes (He et al. 2015, table 1)."""
    return resnet(input_shape, num_outputs, **{"depth": 18, "width": 64, "plan": "imagenet", "name": "resnet18", **options})


def resnet34(input_shape, num_outputs, **options):
    """ResNet-34 for ImageNet, 21.8M parameters for 1000 classes (He et al. 2015, table 1)."""
    return resnet(input_shape, num_outputs, **{"depth": 34, "width": 64, "plan": "imagenet", "name": "resnet34", **options})


def resnet50(input_shape, num_outputs, **options):
    """ResNet-50 for ImageNet, 25.6M parameters for 1000 classes (He et al. 2015, table 1)."""
    variant = {"depth": 50, "width": 64, "block": "bottleneck", "plan": "imagenet", "name": "resnet50"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def resnet101(input_shape, num_outputs, **options):
    """ResNet-101 for ImageNet, 44.5M parameters for 1000 classes (He et al. 2015, table 1)."""
    variant = {"depth": 101, "width": 64, "block": "bottleneck", "plan": "imagenet", "name": "resnet101"}
    return resnet(input_shape, num_outputs, **{**variant, **options})


def resnet152(input_shape, num_outputs, **options):
    """ResNet-152 for ImageNet, 60.2M parameters for 1000 classes (He et al. 2015, table 1)."""
    variant = {"depth": 152, "width": 64, "block": "bottleneck", "plan": "imagenet", "name": "resnet152"}
    return resnet(input_shape, num_outputs, **{**variant, **options})
