"""A first convolution that decorrelates patches of the training images, and does not learn its kernel."""

import keras
import numpy as np

# What the layer is called in every network.
WHITENING = "whitening"

# Images whose patches are looked at together: a float64 matrix of 2x2 patches of 32x32 RGB images takes 24 MB.
_AT_A_TIME = 256


def patch_whitening(x, size):
    """Apply the layer to images (batch, height, width, channels), with random filters until `adapt_patch_whitening` computes them.

    It is Keras' own Conv2D with twice as many filters as a patch has numbers, (batch, height - size + 1, width - size + 1,
    2 * size**2 * channels). The kernel is not trained; the bias is.
    """
    channels = 2 * size**2 * x.shape[-1]
    layer = keras.layers.Conv2D(channels, size, padding="valid", data_format="channels_last", name=WHITENING)
    outputs = layer(x)
    layer.kernel.trainable = False
    return outputs


def adapt_patch_whitening(model, images, *, epsilon=5e-4):
    """Compute the kernel of a network's whitening layer from training images, in place.

    Of the eigenvalues l and the eigenvectors v of the covariance of all patches, the largest first, the filters are

        v / sqrt(l + epsilon)  and  -v / sqrt(l + epsilon)

    so that their outputs are uncorrelated and have unit variance. With both signs, an activation that cuts off one side loses nothing.
    Sources: Page (2019), "How to train your ResNet", part 8; Jordan (2024), "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3.1.

    In a saved model the layer is a convolution like others: set its `trainable` to False before a loaded one is trained further.

    Args:
        model: A network with such a layer, as `airbench` builds it.
        images: Array (examples, height, width, channels), as the network is given them: of the training images alone, standardized, since
            no mean is subtracted. Some thousands are plenty, for each has hundreds of patches.
        epsilon: Added to the eigenvalues, so that directions of a variance far below it, which are noise, are not blown up. Defaults to
            Jordan's 5e-4.

    Raises:
        ValueError: The network has no such layer.

    Example:
        ```python
        import keras
        from hornbook import models

        images = keras.random.normal((32, 8, 8, 3))
        model = models.airbench((8, 8, 3), 10, width=8)
        models.adapt_patch_whitening(model, images)
        ```
    """
    layer = next((layer for layer in model.layers if layer.name == WHITENING), None)
    if layer is None:
        raise ValueError(f"{model.name!r} has no layer {WHITENING!r} to adapt; airbench has one unless patch_whitening is 0")
    size, _, channels, filters = layer.kernel.shape
    images, length = keras.ops.convert_to_numpy(images), filters // 2
    total, count = np.zeros((length, length)), 0
    for start in range(0, len(images), _AT_A_TIME):
        windows = np.lib.stride_tricks.sliding_window_view(images[start : start + _AT_A_TIME], (size, size), axis=(1, 2))
        # From (..., channels, row, column) to the order of a kernel, (row, column, channels).
        patches = np.moveaxis(windows, 3, -1).reshape(-1, length).astype(np.float64)
        total, count = total + patches.T @ patches, count + len(patches)
    variances, directions = np.linalg.eigh(total / count)
    directions = (directions / np.sqrt(np.maximum(variances, 0) + epsilon))[:, ::-1]
    layer.kernel.assign(np.concatenate([directions, -directions], axis=1).reshape(size, size, channels, filters).astype("float32"))
