"""The networks of the study: the zoo's own, on 8x8 digits, and plain ones that can be as deep as residual ones.

`models.cnn` builds layer by layer, which takes minutes and gigabytes at a thousand layers. `plain` makes the same network of the same
parts with the equal layers of a stage as one `BlockStack`; tests/benchmarks/test_depth.py holds the two against each other.
"""

import functools

import keras

from hornbook import models
from hornbook.models.cnn import conv_stage
from hornbook.models.parts.network import Parts
from hornbook.models.parts.stacking import repeated

SHAPE, CLASSES = (8, 8, 1), 10
WIDTH = 8
BLOCKS = {
    "residual": {"block": "basic", "width": WIDTH},
    "preactivation": {"block": "preactivation", "width": WIDTH},
    "bottleneck": {"block": "preactivation_bottleneck", "width": WIDTH // 2},
}


def network(kind, depth, *, stacked=False, **options):
    """An uncompiled model for the digits.

    Args:
        kind: "plain" (3x3 convolutions), "residual" (two 3x3 convolutions in a block and an activation after their sum with the shortcut,
            He et al. 2015), "preactivation" (the activations are in the branch alone, He et al. 2016), or "bottleneck" (the same with
            1x1, 3x3 and 1x1 convolutions), whose inner width is half and whose outer width twice that of the others.
        depth: layers with kernels; 6n + 2 of residual networks, 9n + 2 of bottleneck ones.
        stacked: whether the equal blocks of a stage are one layer, traced once.
        options: of the builder, such as normalization and activation.
    """
    if kind == "plain":
        return (
            plain(depth, **options) if stacked else models.cnn(SHAPE, CLASSES, depth=depth, width=WIDTH, downsampling="stride", **options)
        )
    stacking = "always" if stacked else "never"
    return models.resnet(SHAPE, CLASSES, depth=depth, stacking=stacking, **BLOCKS[kind], **options)


def plain(depth, *, normalization="batch", activation="relu", initializer="auto", initial_scale=1.0):
    """`models.cnn(SHAPE, CLASSES, depth=depth, width=WIDTH, downsampling="stride")`, stacked: depth - 1 convolutions in three stages."""
    share, left_over = divmod(depth - 1, 3)
    parts = Parts(
        normalization=normalization,
        groups=None,
        weight_normalization=None,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=0.0,
        l1=0.0,
        l2=0.0,
    )
    x = inputs = keras.Input(SHAPE, name="inputs")
    for stage in range(3):
        count, filters = share + (stage < left_over), WIDTH * 2**stage
        names = [f"stage{stage + 1}_block{number}" for number in range(1, count + 1)]
        x = conv_stage(x, filters, (3,), "stride" if stage else None, parts, names[0])
        x = repeated(functools.partial(_block, filters, parts), x, [0.0] * (count - 1), names[1:], stacked=True)
    x = keras.layers.GlobalAveragePooling2D(data_format="channels_last", name="average_pool")(x)
    return parts.model(inputs, x, CLASSES, name="plain")


def _block(filters, parts, x, drop_rate, name):
    return conv_stage(x, filters, (3,), None, parts, name)
