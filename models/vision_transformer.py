"""Vision transformers: the encoder of `transformer` over the patches of an image (Dosovitskiy et al. 2021)."""

import keras

from hornbook.models.layers.checks import check_choice, check_count, check_image_shape
from hornbook.models.parts.choices import Choices
from hornbook.models.transformer import TAKES as OF_ENCODERS
from hornbook.models.transformer import encoder

# Patches a side that an image is cut into, or some more: ImageNet's networks have 14, and more than four times the work.
_PATCHES = 7

STEMS = ("patches", "convolutions")

TAKES = Choices({**OF_ENCODERS.values, "stem": STEMS}, *OF_ENCODERS.rules, numbers=OF_ENCODERS.numbers)


def vision_transformer(
    input_shape,
    num_outputs,
    *,
    patch_size="auto",
    stem="patches",
    depth=6,
    width=64,
    heads=4,
    key_value_heads=None,
    feed_forward_width=None,
    positions="learned",
    pooling="mean",
    normalization_position="pre",
    attention_dropout=0.0,
    normalization="layer",
    groups=None,
    weight_normalization=None,
    activation="gelu",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="vision_transformer",
):
    """Build a vision transformer: images (batch, height, width, channels) to float32 logits (batch, num_outputs).

    The image is cut into square patches, each mapped to a vector; then all is as in `text_transformer`, where the options are described
    (Dosovitskiy et al. 2021). It knows nothing of images beforehand, and on little data is behind a `resnet` of the same cost.

    Args:
        input_shape: (height, width, channels), all known.
        num_outputs: Classes, or values to predict.
        patch_size: Side of a patch in pixels, which must divide height and width. "auto" is the largest that leaves 7 patches or more a
            side (4 for 28x28 and 32x32, 32 for 224x224), so that the cost of an image does not grow with its size.
        stem: "patches" cuts the image and maps each patch by one kernel, as in the paper. "convolutions" comes to as many places by 3x3
            convolutions of stride 2, each with normalization and activation, whose filters double up to `width`, and a 1x1 convolution
            (Xiao et al. 2021, section 4, who found it to train faster and to depend less on optimizer and learning rate): neighbouring
            pixels count as such from the start. patch_size is then a power of 2.
        depth, width: By default 6 blocks 64 wide: 0.3 million parameters, and 16 million multiplications for a 28x28 image: a network for
            a CPU.
        positions: "learned" by default, as in the paper, which found nothing better for places on a grid (table 8).
        pooling: "mean" by default, which needs no token and did better in Beyer et al. (2022); "class" is the paper's.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.vision_transformer((8, 8, 1), 10, depth=1, width=16, patch_size=2)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((8, 8, 8, 1)), keras.ops.zeros((8,), "int32"), verbose=0)
        ```
    """
    input_shape = check_image_shape(input_shape)
    convolves = check_choice("stem", stem, STEMS) == "convolutions"
    size = _patch_size(input_shape, patch_size, convolves)
    inputs = keras.Input(input_shape, name="inputs")

    def embed(parts):
        x = _convolutions(inputs, size, parts) if convolves else parts.patches(inputs, size, name="patches")
        return keras.layers.Reshape((-1, parts.width), name="patch_row")(x)

    return encoder(
        inputs,
        embed,
        None,
        num_outputs,
        depth=depth,
        width=width,
        heads=heads,
        key_value_heads=key_value_heads,
        feed_forward_width=feed_forward_width,
        positions=positions,
        pooling=pooling,
        normalization_position=normalization_position,
        attention_dropout=attention_dropout,
        normalization=normalization,
        groups=groups,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=dropout,
        stochastic_depth=stochastic_depth,
        l1=l1,
        l2=l2,
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
        name=name,
    )


def _patch_size(input_shape, patch_size, convolves):
    height, width, _ = input_shape
    if height is None or width is None:
        raise ValueError(f"a vision transformer needs a known height and width, got input_shape={input_shape}: its places are counted")
    sizes = [size for size in range(1, min(height, width) + 1) if height % size == 0 and width % size == 0]
    if convolves:
        sizes = [size for size in sizes if size > 1 and size.bit_count() == 1]
        if not sizes:
            raise ValueError(f"stem='convolutions' halves height and width, got {height} and {width}; use even ones or stem='patches'")
    if patch_size == "auto":
        return max((size for size in sizes if min(height, width) // size >= _PATCHES), default=sizes[0])
    if check_count("patch_size", patch_size) not in sizes:
        powers = ", and with stem='convolutions' be a power of 2" if convolves else ""
        raise ValueError(f"patch_size must divide {height} and {width}{powers}, got {patch_size}; there are {', '.join(map(str, sizes))}")
    return patch_size


def _convolutions(x, patch_size, parts):
    """Halve (batch, height, width, channels) until a place stands for patch_size x patch_size pixels, and map it to the encoder's width."""
    halvings = patch_size.bit_length() - 1
    for index in range(1, halvings + 1):
        filters = max(parts.width >> (halvings - index), 1)
        x = parts.conv(x, filters, 3, strides=2, name=f"stem_conv{index}")
        x = parts.act(parts.norm(x, name=f"stem_norm{index}"), name=f"stem_act{index}")
    return parts.patches(x, 1, name="patches")


def vit_ti16(input_shape, num_outputs, **options):
    """ViT-Ti/16 for ImageNet, 5.7M parameters for 1000 classes (Touvron et al. 2021, table 1)."""
    return vit_b16(input_shape, num_outputs, **{"width": 192, "heads": 3, "name": "vit_ti16", **options})


def vit_s16(input_shape, num_outputs, **options):
    """ViT-S/16 for ImageNet, 22.1M parameters for 1000 classes (Touvron et al. 2021, table 1)."""
    return vit_b16(input_shape, num_outputs, **{"width": 384, "heads": 6, "name": "vit_s16", **options})


def vit_b16(input_shape, num_outputs, **options):
    """ViT-B/16 for ImageNet, 86.6M parameters for 1000 classes (Dosovitskiy et al. 2021, table 1)."""
    variant = {"patch_size": 16, "depth": 12, "width": 768, "heads": 12, "pooling": "class", "name": "vit_b16"}
    return vision_transformer(input_shape, num_outputs, **{**variant, **options})
