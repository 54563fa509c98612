"""The convolutional networks of airbench, made for short trainings on small images (Jordan 2024)."""

import functools

import keras

from hornbook.models.layers.batch_normalization import BatchNormalization
from hornbook.models.layers.checks import check_count, check_image_shape, check_plan, check_scale, refuse_stochastic_depth
from hornbook.models.layers.patch_whitening import patch_whitening as whitened
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.network import Parts

TAKES = Choices({})

# Of a training of some 500 steps the statistics of the last few are the ones that count; Jordan's.
_MOMENTUM = 0.6


def block(x, filters, layers, parts, name):
    """3x3 convolutions, normalization and activation after each, the map halved by max pooling after the first (Jordan 2024, section 3)."""
    for layer in range(1, layers + 1):
        x = parts.conv(x, filters, 3, name=f"{name}_conv{layer}")
        if layer == 1:
            # Without padding, as in the paper, unless nothing would be left.
            padding = "same" if 1 in x.shape[1:3] else "valid"
            x = keras.layers.MaxPooling2D(2, padding=padding, data_format="channels_last", name=f"{name}_pool")(x)
        x = parts.norm_and_act(x, norm=f"{name}_norm{layer}", act=f"{name}_act{layer}")
    return x


def airbench(
    input_shape,
    num_outputs,
    *,
    depth=2,
    width=64,
    width_multipliers=(1, 4, 4),
    patch_whitening=2,
    logit_scale=1 / 9,
    normalization="batch",
    groups=None,
    weight_normalization=None,
    activation="gelu",
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
    name="airbench",
):
    """Build a network of airbench: (batch, height, width, channels) to float32 logits (batch, num_outputs).

    A layer that whitens patches and is not trained, blocks of 3x3 convolutions, the maximum over what is left of the map, and a dense
    layer whose outputs are scaled down (Jordan 2024, "94% on CIFAR-10 in 3.29 seconds on a single GPU"). Options that are not described
    here are those of every family, under `resnet`.

    The whitening is of the training images: `adapt_patch_whitening` computes it, which the recipe does by itself. Pixels should be
    standardized.

    Args:
        input_shape: (height, width, channels); height and width may be None.
        num_outputs: Classes, or values to predict.
        depth: Convolutions in each block. Defaults to the paper's 2.
        width: Filters in a block, times its multiplier. Defaults to the paper's 64.
        width_multipliers: One for each block; the paper's 1, 4 and 4 make 64, 256 and 256 filters.
        patch_whitening: Side of the patches that the first layer whitens; 0 leaves out that layer and its activation. Defaults to 2.
        logit_scale: What the features before the output layer are multiplied by. Defaults to the paper's 1/9.
        normalization: Defaults to "batch", here as in the paper without a scale and with a momentum of 0.6.
        initializer: Defaults to "auto", here "dirac": convolutions that pass on their inputs at the start.
        dropout: Rate before the output layer.
        spatial_dropout: Rate at which whole feature maps are dropped behind each block (Tompson et al. 2015, section 3.2).
        stochastic_depth: Must be 0: there is no shortcut around a layer.

    Raises:
        ValueError: An option is out of range; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        images = keras.random.normal((32, 8, 8, 3))
        model = models.airbench((8, 8, 3), 10, width=8)
        models.adapt_patch_whitening(model, images)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(images, keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    input_shape = check_image_shape(input_shape)
    depth, width = check_count("depth", depth), check_count("width", width)
    multipliers, size = check_plan("width_multipliers", width_multipliers, each="block"), check_count("patch_whitening", patch_whitening, 0)
    if any(side is not None and side < size for side in input_shape[:2]):
        raise ValueError(f"patch_whitening must be at most the images' height and width, {input_shape[:2]}, got {size}")
    refuse_stochastic_depth(stochastic_depth, "an airbench network")
    TAKES.check(normalization=normalization, groups=groups)
    if normalization == "batch":
        normalization = functools.partial(BatchNormalization, momentum=_MOMENTUM, scale=False)
    parts = Parts(
        normalization=normalization,
        groups=groups,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer="dirac" if initializer == "auto" else initializer,
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
    if size:
        x = parts.act(whitened(x, size), name="whitening_act")
    for number, multiplier in enumerate(multipliers, start=1):
        x = block(x, width * multiplier, depth, parts, f"block{number}")
        x = parts.drop_maps(x, name=f"block{number}_spatial_dropout")
    x = keras.layers.GlobalMaxPooling2D(data_format="channels_last", name="max_pool")(x)
    x = keras.layers.Rescaling(check_scale("logit_scale", logit_scale, "features before the output"), name="rescale")(x)
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def airbench94(input_shape, num_outputs, **options):
    """The network that reaches 94% on CIFAR-10 in 9.9 epochs, 2.0M parameters (Jordan 2024, section 3)."""
    return airbench(input_shape, num_outputs, **{"name": "airbench94", **options})


def airbench95(input_shape, num_outputs, **options):
    """The wider network, 95% on CIFAR-10 in 15 epochs: 128, 384 and 384 filters (Jordan 2024, section 4.1)."""
    return airbench(input_shape, num_outputs, **{"width": 128, "width_multipliers": (1, 3, 3), "name": "airbench95", **options})
