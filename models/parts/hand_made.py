"""Filters for series that are made by hand and never trained: detectors of increases, decreases and peaks (Ismail-Fawaz et al. 2022)."""

import keras
import numpy as np
from keras import ops

from hornbook.models.parts.sequences import apply_mask

# Of the detectors of trends; those of peaks, from the second on, are half as long again.
LENGTHS = (2, 4, 8, 16, 32, 64)


def increase_filter(length):
    """Return the detector of increases, (length,): -1, 1, -1, 1, ...: the sum of the rises from every second step to the next."""
    return np.where(np.arange(length) % 2 == 0, -1.0, 1.0)


def peak_filter(length):
    """Return the detector of peaks, (3 / 2 length,), for a length that 4 divides: three arches of length / 2, -1, 2 and -1 high.

    An arch rises as (j / n)² for j = 1, ..., n with n = length / 4, and falls as it has risen.
    """
    quarter = length // 4
    rise = (np.arange(1, quarter + 1) / quarter) ** 2
    arch = np.concatenate([rise, rise[::-1]])
    return np.concatenate([-arch, 2 * arch, -arch])


def hand_made_kernel():
    """Return all filters as one float32 kernel (96, 1, 17): 6 detectors of increases, 6 of decreases, 5 of peaks.

    A decrease is detected by the negative of the filter for increases. A filter that is shorter than 96 steps stands among zeros, where a
    convolution with padding "same" gives what it would give alone.
    """
    increases = [increase_filter(length) for length in LENGTHS]
    filters = [*increases, *(-one for one in increases), *(peak_filter(length) for length in LENGTHS[1:])]
    longest = max(map(len, filters))
    kernel = np.zeros((longest, 1, len(filters)), "float32")
    for column, one in enumerate(filters):
        # "same" puts (n - 1) // 2 of n steps before the present one.
        start = (longest - 1) // 2 - (len(one) - 1) // 2
        kernel[start : start + len(one), 0, column] = one
    return kernel


def hand_made_features(x, parts, name):
    """Return (batch, time, 17) of x (batch, time, features): what the fixed filters detect, rectified, normalized and activated.

    The filters see the sum of the features, as in the authors' code, where each has one kernel for all of them. They are one convolution
    that training leaves alone. Its kernel is part of the layer's configuration, so a copy made from that has the filters as well.

    They are normalized apart from the learned filters, whose responses are smaller: for batch normalization, as published, it is the same.
    Group normalization makes one group of the 17.
    """
    x = apply_mask(x, parts.mask)
    if x.shape[-1] > 1:
        x = ops.sum(x, axis=-1, keepdims=True)
    kernel = hand_made_kernel()
    layer = keras.layers.Conv1D(
        kernel.shape[-1],
        len(kernel),
        padding="same",
        data_format="channels_last",
        use_bias=False,
        kernel_initializer=keras.initializers.Constant(kernel),
        trainable=False,
        name=f"{name}_conv",
    )
    x = keras.layers.ReLU(name=f"{name}_relu")(layer(x))
    return parts.act(parts.norm(x, name=f"{name}_norm", one_group=True), name=f"{name}_act")
