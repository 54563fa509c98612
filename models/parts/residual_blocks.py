"""The blocks of residual networks: what stands around and between their convolutions."""

import keras


def residual_block(x, filters, kernel_sizes, strides, drop_rate, parts, name):
    """Convolutions of a map or a sequence, normalization and activation after each, the last activation after the sum.

    `filters`, `kernel_sizes` and `strides` have a value for each convolution.
    """
    y, last = x, len(filters)
    for index, (width, kernel_size, stride) in enumerate(zip(filters, kernel_sizes, strides, strict=True), start=1):
        if index == last:
            y = parts.drop(y, parts.block_dropout, name=f"{name}_dropout")
        y = parts.conv(y, width, kernel_size, stride, name=f"{name}_conv{index}", factor=parts.last_factor if index == last else 1.0)
        y = parts.norm(y, name=f"{name}_norm{index}", zero=index == last and parts.zero_scale)
        if index < last:
            y = parts.blur(parts.act(y, name=f"{name}_act{index}"), stride, name=f"{name}_blur")
    y = parts.drop_branch(y, drop_rate, name=f"{name}_stochastic_depth")
    y = keras.layers.Add(name=f"{name}_add")([parts.shortcut(x, filters[-1], max(strides), name), y])
    return parts.act(y, name=f"{name}_act{last}")


def preactivated_block(x, filters, kernel_sizes, strides, drop_rate, parts, name):
    """Normalization and activation before each convolution, and nothing after the sum; arguments as in `residual_block`."""
    y, last = x, len(filters)
    for index, (width, kernel_size, stride) in enumerate(zip(filters, kernel_sizes, strides, strict=True), start=1):
        y = parts.act(parts.norm(y, name=f"{name}_norm{index}"), name=f"{name}_act{index}")
        if index == 1:
            shortcut = parts.preactivation_shortcut(x, y, filters[-1], max(strides), name)
        else:
            y = parts.blur(y, strides[index - 2], name=f"{name}_blur")
        if index == last:
            y = parts.drop(y, parts.block_dropout, name=f"{name}_dropout")
        y = parts.conv(y, width, kernel_size, stride, name=f"{name}_conv{index}", factor=parts.last_factor if index == last else 1.0)
    y = parts.drop_branch(y, drop_rate, name=f"{name}_stochastic_depth")
    return keras.layers.Add(name=f"{name}_add")([shortcut, y])


def basic_block(x, inner, outer, strides, drop_rate, parts, name):
    """Two 3x3 convolutions (He et al. 2015, figure 5, left)."""
    return residual_block(x, (inner, outer), (3, 3), (strides, 1), drop_rate, parts, name)


def bottleneck_block(x, inner, outer, strides, drop_rate, parts, name):
    """1x1, 3x3 and 1x1 convolutions (He et al. 2015, figure 5, right)."""
    strides = (strides, 1, 1) if parts.bottleneck_stride == "1x1" else (1, strides, 1)
    return residual_block(x, (inner, inner, outer), (1, 3, 1), strides, drop_rate, parts, name)


def preactivation_block(x, inner, outer, strides, drop_rate, parts, name):
    """Two 3x3 convolutions (He et al. 2016, figure 1b)."""
    return preactivated_block(x, (inner, outer), (3, 3), (strides, 1), drop_rate, parts, name)


def preactivation_bottleneck_block(x, inner, outer, strides, drop_rate, parts, name):
    """1x1, 3x3 and 1x1 convolutions (He et al. 2016, section 3)."""
    strides = (strides, 1, 1) if parts.bottleneck_stride == "1x1" else (1, strides, 1)
    return preactivated_block(x, (inner, inner, outer), (1, 3, 1), strides, drop_rate, parts, name)


def fixup_residual_block(x, filters, kernel_sizes, strides, drop_rate, parts, name):
    """Convolutions between learned scalars, without normalization (Zhang et al. 2019, figure 1, right); arguments as in `residual_block`.

    The last kernel starts at 0, the others of a branch of m so many times smaller, L^(-1 / (2m - 2)) in a network of L branches.
    """
    shifted = y = parts.shift(x, name=f"{name}_shift1")
    last = len(filters)
    for index, (width, kernel_size, stride) in enumerate(zip(filters, kernel_sizes, strides, strict=True), start=1):
        if index == last:
            y = parts.drop(y, parts.block_dropout, name=f"{name}_dropout")
        factor = 0.0 if index == last else parts.branches ** (-1 / (2 * last - 2))
        y = parts.conv(y, width, kernel_size, stride, name=f"{name}_conv{index}", factor=factor)
        y = parts.shift(y, name=f"{name}_shift{2 * index}", scale=index == last)
        if index < last:
            y = parts.blur(parts.act(y, name=f"{name}_act{index}"), stride, name=f"{name}_blur")
            y = parts.shift(y, name=f"{name}_shift{2 * index + 1}")
    y = parts.drop_branch(y, drop_rate, name=f"{name}_stochastic_depth")
    around = x if max(strides) == 1 and x.shape[-1] == filters[-1] else shifted
    y = keras.layers.Add(name=f"{name}_add")([parts.shortcut(around, filters[-1], max(strides), name), y])
    return parts.act(y, name=f"{name}_act{last}")


def fixup_block(x, inner, outer, strides, drop_rate, parts, name):
    """Two 3x3 convolutions without normalization."""
    return fixup_residual_block(x, (inner, outer), (3, 3), (strides, 1), drop_rate, parts, name)


def fixup_bottleneck_block(x, inner, outer, strides, drop_rate, parts, name):
    """1x1, 3x3 and 1x1 convolutions without normalization."""
    strides = (strides, 1, 1) if parts.bottleneck_stride == "1x1" else (1, strides, 1)
    return fixup_residual_block(x, (inner, inner, outer), (1, 3, 1), strides, drop_rate, parts, name)


BLOCKS = {
    "basic": basic_block,
    "bottleneck": bottleneck_block,
    "preactivation": preactivation_block,
    "preactivation_bottleneck": preactivation_bottleneck_block,
    "fixup": fixup_block,
    "fixup_bottleneck": fixup_bottleneck_block,
}
