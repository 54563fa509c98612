"""The layers of an encoder of transformers beside those that every family has: attention, feed-forward layers and their sums."""

import math

import keras
from keras import ops

from hornbook.models.layers.attention import MultiHeadAttention, RotaryAttention
from hornbook.models.layers.checks import check_count, check_rate
from hornbook.models.parts.network import Parts

# Feed-forward layers that multiply hidden units, activated, by as many linear ones (Shazeer 2020, equation 6).
GATED = {"geglu": "gelu", "reglu": "relu", "swiglu": "swish"}


class TransformerParts(Parts):
    """The layers of an encoder: with attention and feed-forward layers, gated ones too."""

    def __init__(
        self,
        *,
        width,
        feed_forward_width,
        heads,
        key_value_heads,
        positions,
        attention_dropout,
        activation,
        **options,
    ):
        self.gated = isinstance(activation, str) and activation in GATED
        activation = GATED[activation] if self.gated else activation
        # No normalization follows a kernel before something else does, so none makes a bias redundant.
        super().__init__(activation=activation, use_bias=True, **options)
        self.positions = positions
        self.width, self.heads, self.key_value_heads = check_heads(width, heads, key_value_heads, positions)
        self.attention_dropout = check_rate("attention_dropout", attention_dropout)
        # A gated layer has three kernels: with two thirds of the units it has as many weights (Shazeer 2020, section 3).
        usual = 8 * self.width // 3 if self.gated else 4 * self.width
        self.feed_forward_width = usual if feed_forward_width is None else check_count("feed_forward_width", feed_forward_width)

    def patches(self, x, size, *, name):
        """Map each patch of size x size pixels to a vector: (batch, height, width, channels) to (batch, rows, columns, width)."""
        layer = keras.layers.Conv2D(
            self.width,
            size,
            strides=size,
            data_format="channels_last",
            kernel_initializer=self._output_initializer(),
            kernel_regularizer=self._regularizer(),
            name=name,
        )
        return layer(x)

    def attention(self, x, places, *, name):
        size = self.width // self.heads
        options = {"dropout": self.attention_dropout, "kernel_regularizer": self._regularizer(), "name": name}
        # The same keys count for every query.
        mask = {"attention_mask": None if self.mask is None else ops.expand_dims(self.mask, 1)}
        if self.positions == "rotary":
            layer, mask["places"] = RotaryAttention(size, self.heads, self.key_value_heads, **options), places
        elif self.heads == self.key_value_heads:
            layer = MultiHeadAttention(self.heads, size, **options)
        else:
            layer = keras.layers.GroupQueryAttention(size, self.heads, self.key_value_heads, **options)
        outputs = layer(x, x, **mask)
        self._start(layer)
        return outputs

    def _start(self, attention):
        # Keras takes a kernel (features, heads, size) for a convolution's, and starts it with a third of the deviation or less.
        for projection in attention._flatten_layers(include_self=False, recursive=False):
            if isinstance(projection, keras.layers.EinsumDense):
                shape = projection.kernel.shape
                rows = math.prod(shape[:-1]) if projection.name == "attention_output" else shape[0]
                kernel = self._output_initializer()((rows, math.prod(shape) // rows))
                projection.kernel.assign(ops.reshape(kernel, shape))

    def feed_forward(self, x, *, name):
        y = self.dense(x, self.feed_forward_width, name=f"{name}1")
        y = self.act(y, name=f"{name}_act")
        if self.gated:
            y = keras.layers.Multiply(name=f"{name}_gate")([y, self.linear(x, self.feed_forward_width, name=f"{name}1_linear")])
        return self.linear(y, self.width, name=f"{name}2")

    def add(self, x, y, drop_rate, *, name):
        """Add a branch to its input, with dropout of features and of the whole branch."""
        y = self.dropout(y, name=f"{name}_dropout")
        y = self.drop_branch(y, drop_rate, name=f"{name}_stochastic_depth")
        return keras.layers.Add(name=f"{name}_add")([x, y])


def check_heads(width, heads, key_value_heads, positions):
    """Return `width`, `heads` and the heads of keys and values as ints that fit each other; else a ValueError."""
    width, heads = check_count("width", width), check_count("heads", heads)
    shared = heads if key_value_heads is None else check_count("key_value_heads", key_value_heads)
    if width % heads:
        raise ValueError(
            f"width must be a multiple of heads, got width={width} and heads={heads}; try width={math.ceil(width / heads) * heads}"
        )
    if heads % shared:
        raise ValueError(f"heads must be a multiple of key_value_heads, which they share, got {heads} and {shared}")
    if positions == "rotary" and width // heads % 2:
        raise ValueError(f"rotary positions turn features in pairs: width / heads must be even, got {width} / {heads}")
    return width, heads, shared
