"""A convolution that decorrelates patches of the training images, and does not learn its kernel."""

import keras
import numpy as np

# Images whose patches are looked at together: a float64 matrix of 2x2 patches of 32x32 RGB images takes 24 MB.
_AT_A_TIME = 256


class PatchWhitening(keras.layers.Conv2D):
    """Convolve with the principal directions of the training images' patches, each scaled to unit variance, and with their negatives.

    Takes (batch, height, width, channels) to (batch, height - size + 1, width - size + 1, 2 * size**2 * channels): of the eigenvalues l
    and the eigenvectors v of the patches' covariance, the largest first, the filters are

        v / sqrt(l + epsilon)  and  -v / sqrt(l + epsilon)

    with both signs, so that an activation that cuts off one side loses nothing. The kernel is not trained; the bias is. `adapt` computes
    the kernel. Before that it is drawn at random, like any other.
    Sources: Page (2019), "How to train your ResNet", part 8; Jordan (2024), "94% on CIFAR-10 in 3.29 seconds on a single GPU", section 3.1.

    A saved model has a `keras.layers.Conv2D` in its place, so it loads where Hornbook is not installed. Loaded again, the kernel is a
    kernel like others: set `trainable` of the layer to False before training goes on.

    Args:
        size: Side of the patches in pixels. Defaults to 2, Jordan's, which are 12 numbers of an RGB image.
        epsilon: Added to the eigenvalues: directions with a variance far below it are noise and are not blown up. Defaults to 5e-4, for
            pixels that are standardized.
        **options: Of Conv2D, such as `name`; `filters`, `kernel_size` and `data_format` follow from the rest.

    Example:
        ```python
        import keras
        from hornbook.models import PatchWhitening

        images = keras.random.normal((64, 8, 8, 3))
        whitening = PatchWhitening()
        model = keras.Sequential([keras.Input((8, 8, 3)), whitening, keras.layers.Activation("gelu"), keras.layers.Flatten()])
        whitening.adapt(images)
        ```
    """

    # Keras writes a layer's class to files by these two names: a saved model names Keras' layer, and needs no import of ours.
    __module__ = "keras.layers"
    __qualname__ = "Conv2D"

    def __init__(self, size=2, epsilon=5e-4, **options):
        # The filters are known when the channels are, in `build`.
        super().__init__(1, size, padding="valid", data_format="channels_last", **options)
        self.epsilon = epsilon

    def build(self, input_shape):
        self.filters = 2 * self.kernel_size[0] ** 2 * input_shape[-1]
        super().build(input_shape)
        self._kernel.trainable = False

    def compute_output_shape(self, input_shape):
        self.filters = 2 * self.kernel_size[0] ** 2 * input_shape[-1]
        return super().compute_output_shape(input_shape)

    def adapt(self, images):
        """Compute the kernel from training images (examples, height, width, channels), as the layer is given them.

        Some thousands are plenty, for each has hundreds of patches. They should be centred: the mean is not subtracted.

        Raises:
            ValueError: Images are smaller than a patch.
        """
        images, size = np.asarray(images), self.kernel_size[0]
        if min(images.shape[1:3]) < size:
            raise ValueError(f"images must be at least {size} x {size} for patches of that size, got {images.shape}")
        covariance, count = 0.0, 0
        for start in range(0, len(images), _AT_A_TIME):
            windows = np.lib.stride_tricks.sliding_window_view(images[start : start + _AT_A_TIME], (size, size), axis=(1, 2))
            # From (..., channels, row, column) to the order of a kernel, (row, column, channels).
            patches = np.moveaxis(windows, 3, -1).reshape(-1, size * size * images.shape[-1]).astype(np.float64)
            covariance, count = covariance + patches.T @ patches, count + len(patches)
        variances, directions = np.linalg.eigh(covariance / count)
        filters = (directions / np.sqrt(np.maximum(variances, 0) + self.epsilon))[:, ::-1]
        kernel = np.concatenate([filters, -filters], axis=1).reshape(size, size, images.shape[-1], -1)
        if not self.built:
            self.build(images.shape)
        self._kernel.assign(kernel.astype("float32"))
