"""The layers of a residual network beside those that every family has: shortcuts, padding, blur."""

import keras

from hornbook.models.layers.checks import check_rate
from hornbook.models.layers.scalar_affine import ScalarAffine
from hornbook.models.parts.network import Parts


class ResNetParts(Parts):
    """The layers of a residual network: with shortcuts, and with padding as in PyTorch and keras.applications where asked."""

    def __init__(
        self,
        *,
        preactivated,
        shortcut,
        zero_init_residual,
        block_dropout,
        bottleneck_stride,
        downsampling,
        padding,
        **options,
    ):
        super().__init__(**options)
        self.projects = shortcut != "identity"
        self.block_dropout = check_rate("block_dropout", block_dropout)
        self.bottleneck_stride = bottleneck_stride
        self.blurs = downsampling == "blur"
        self.padding = padding
        # What comes last in a branch is its scale, or else its kernel.
        self.zero_scale = zero_init_residual and not preactivated and self.normalization is not None
        zero_kernel = zero_init_residual and not self.zero_scale
        self.last_factor = 0.0 if zero_kernel else 1.0
        if self.zero_scale and not self.normalization.has_scale:
            raise ValueError("zero_init_residual needs a normalization whose scale can start at 0: batch, group, layer or instance")
        if zero_kernel and options["weight_normalization"] not in (None, "none"):
            raise ValueError(
                "zero_init_residual starts the last kernel of a branch at 0 (there is no scale after it), and a kernel of zeros has no "
                f"norm: leave out weight_normalization={options['weight_normalization']!r}, or use post-activation blocks with a scale"
            )

    def conv(self, x, filters, kernel_size, strides=1, *, name, factor=1.0):
        """Convolve; where the network blurs, without the stride, which `blur` makes up for after the activation."""
        return self.strided_conv(x, filters, kernel_size, 1 if self.blurs else strides, name=name, factor=factor)

    def blur(self, x, strides, *, name):
        """Take every second position of local averages, where the network blurs; else, and at stride 1, this is the tensor itself.

        The filter of Zhang (2019, section 4) with 3x3 weights, (1, 2, 1) / 4 each way: (batch, height, width, channels) to half the height
        and width, rounded up. With padding "same" the last row and column count twice at the border, with "symmetric" zeros surround all.
        """
        if not self.blurs or strides == 1:
            return x
        padding = "same"
        if self.padding == "symmetric":
            x, padding = self.pad(x, 1, name), "valid"
        # Two averages of 2x2 are that filter, without weights to save. Keras leaves padding out of averages.
        x = keras.layers.AveragePooling2D(2, 1, padding=padding, data_format="channels_last", name=f"{name}_average")(x)
        return keras.layers.AveragePooling2D(2, 2, padding=padding, data_format="channels_last", name=name)(x)

    def strided_conv(self, x, filters, kernel_size, strides, *, name, factor=1.0):
        # Only a strided window can tell the two apart: Keras' "same" then pads the far side alone.
        if self.padding == "symmetric" and strides > 1 and kernel_size > 1:
            x, options = self.pad(x, kernel_size // 2, name), {"padding": "valid"}
        else:
            options = {}
        return super().conv(x, filters, kernel_size, strides, name=name, factor=factor, **options)

    def shift(self, x, *, name, scale=False):
        """Learned scalars; there are none but in networks by Fixup."""
        return x

    def max_pool(self, x, *, name):
        padding = "same"
        if self.blurs:
            x = keras.layers.MaxPooling2D(3, 1, padding=padding, data_format="channels_last", name=name)(x)
            return self.blur(x, 2, name=f"{name}_blur")
        if self.padding == "symmetric":
            x, padding = self.pad(x, 1, name), "valid"
        return keras.layers.MaxPooling2D(3, 2, padding=padding, data_format="channels_last", name=name)(x)

    def pad(self, x, margin, name):
        return keras.layers.ZeroPadding2D(margin, data_format="channels_last", name=f"{name}_pad")(x)

    def shortcut(self, x, filters, strides, name):
        if not self.projects:
            return self.resized(x, filters, strides, name)
        if strides == 1 and x.shape[-1] == filters:
            return x
        x = self.project(x, filters, strides, name)
        return self.norm(x, name=f"{name}_shortcut_norm")

    def preactivation_shortcut(self, x, preactivated, filters, strides, name):
        if not self.projects:
            return self.resized(x, filters, strides, name)
        if strides == 1 and x.shape[-1] == filters:
            return x
        return self.project(preactivated, filters, strides, name)

    def project(self, x, filters, strides, name):
        """Change the channels, and where there is a stride the size, by a convolution with 1x1 kernels."""
        name = f"{name}_shortcut"
        return self.conv(self.blur(x, strides, name=f"{name}_blur"), filters, 1, strides, name=f"{name}_conv")

    def resized(self, x, filters, strides, name):
        """Leave out positions and add channels of zeros: no weights (option A of He et al. 2015)."""
        if strides > 1 and self.blurs:
            x = self.blur(x, strides, name=f"{name}_shortcut_blur")
        elif strides > 1:
            x = keras.layers.MaxPooling2D(1, strides, data_format="channels_last", name=f"{name}_shortcut_pool")(x)
        extra = filters - x.shape[-1]
        if extra < 0:
            raise ValueError(f"an identity shortcut cannot narrow {x.shape[-1]} channels to {filters}, at {name!r}; use a projection")
        if extra == 0:
            return x
        # ZeroPadding2D pads the last two axes of "channels_first" data, and here the channels are the last axis.
        return keras.layers.ZeroPadding2D(((0, 0), (0, extra)), data_format="channels_first", name=f"{name}_shortcut_pad")(x)


class FixupParts(ResNetParts):
    """The layers of a residual network without normalization (Zhang et al. 2019): with scalars, and outputs that start at 0.

    Args:
        branches: How many residual branches the network has.
    """

    def __init__(self, *, branches, **options):
        super().__init__(**options)
        self.branches = branches
        self._output_initializer = keras.initializers.Zeros

    def shift(self, x, *, name, scale=False):
        """Add one learned number to all of x, at first 0; with `scale`, multiply by another before, at first 1."""
        return ScalarAffine(scale, name=name)(x)
