"""Transformer encoders (Vaswani et al. 2017) for text, series and images (Dosovitskiy et al. 2021)."""

import keras
from keras import ops

from hornbook.models.attention import MultiHeadAttention, RotaryAttention, angles
from hornbook.models.checks import check_choice, check_count, check_image_shape, check_rate
from hornbook.models.normalization import normalization_layer
from hornbook.models.parts import Parts

POSITIONS = ("learned", "sinusoidal", "rotary", "none")
POOLINGS = ("mean", "max", "class")

# Feed-forward layers that multiply one half of their hidden units, activated, by the other (Shazeer 2020, equation 6).
GATED = {"geglu": "gelu", "reglu": "relu", "swiglu": "swish"}

# Of learned vectors that stand beside the data: Devlin et al.'s and Dosovitskiy et al.'s code.
_DEVIATION = 0.02


def prenorm_block(x, mask, places, drop_rate, parts, name):
    """Attention and a feed-forward layer, each normalized before and added to its input (Xiong et al. 2020, figure 1b)."""
    y = parts.norm(x, mask=mask, name=f"{name}_norm1")
    y = parts.attention(y, mask, places, name=f"{name}_attention")
    x = parts.add(x, y, drop_rate, name=f"{name}_attention")
    y = parts.norm(x, mask=mask, name=f"{name}_norm2")
    y = parts.feed_forward(y, name=f"{name}_feed_forward")
    return parts.add(x, y, drop_rate, name=f"{name}_feed_forward")


def postnorm_block(x, mask, places, drop_rate, parts, name):
    """Attention and a feed-forward layer, each added to its input and the sum normalized (Vaswani et al. 2017, section 3.1)."""
    y = parts.attention(x, mask, places, name=f"{name}_attention")
    x = parts.norm(parts.add(x, y, drop_rate, name=f"{name}_attention"), mask=mask, name=f"{name}_norm1")
    y = parts.feed_forward(x, name=f"{name}_feed_forward")
    return parts.norm(parts.add(x, y, drop_rate, name=f"{name}_feed_forward"), mask=mask, name=f"{name}_norm2")


BLOCKS = {"pre": prenorm_block, "post": postnorm_block}


class TransformerParts(Parts):
    """The layers of an encoder: with attention, gated feed-forward layers, positions and a class token."""

    def __init__(self, *, width, feed_forward_width, heads, key_value_heads, positions, attention_dropout, activation, **options):
        if options.pop("weight_normalization") not in (None, "none"):
            raise ValueError(
                "weight_normalization must be None for transformers: it would leave out the kernels of attention, which are inside Keras' "
                "layers; normalization of activations does its work here"
            )
        self.gated = activation in GATED
        super().__init__(activation=GATED.get(activation, activation), weight_normalization=None, use_bias=True, **options)
        self.width, self.heads = check_count("width", width), check_count("heads", heads)
        self.key_value_heads = heads if key_value_heads is None else check_count("key_value_heads", key_value_heads)
        if self.width % self.heads or self.heads % self.key_value_heads:
            raise ValueError(
                f"width must be a multiple of heads, and heads of key_value_heads, got width={width}, heads={heads}, "
                f"key_value_heads={self.key_value_heads}"
            )
        self.positions = check_choice("positions", positions, POSITIONS)
        if positions == "rotary" and self.width // self.heads % 2:
            raise ValueError(f"rotary positions turn features in pairs: width / heads must be even, got {width} / {heads}")
        self.attention_dropout = check_rate("attention_dropout", attention_dropout)
        # Two thirds of the units leave a gated layer, which has three kernels, as many weights (Shazeer 2020, section 3).
        usual = self.width * 8 // 3 if self.gated else self.width * 4
        self.feed_forward_width = usual if feed_forward_width is None else check_count("feed_forward_width", feed_forward_width)

    def norm(self, x, *, name, mask=None):
        """Normalize; with a mask, statistics over a batch leave padding out."""
        if mask is None or self.normalization is None:
            return super().norm(x, name=name)
        layer = normalization_layer(self.normalization, x.shape, name)
        return layer(x, mask=mask) if isinstance(layer, keras.layers.BatchNormalization) else layer(x)

    def linear(self, x, units, *, name):
        """A dense layer that no activation follows."""
        layer = keras.layers.Dense(units, kernel_initializer=self._output_initializer(), kernel_regularizer=self._regularizer(), name=name)
        return layer(x)

    def attention(self, x, mask, places, *, name):
        options = {
            "dropout": self.attention_dropout,
            "kernel_initializer": self._output_initializer(),
            "kernel_regularizer": self._regularizer(),
            "name": name,
        }
        size = self.width // self.heads
        keys = None if mask is None else ops.expand_dims(mask, 1)
        if self.positions == "rotary":
            return RotaryAttention(size, self.heads, self.key_value_heads, **options)(x, x, places=places, attention_mask=keys)
        if self.heads == self.key_value_heads:
            return MultiHeadAttention(self.heads, size, **options)(x, x, attention_mask=keys)
        return keras.layers.GroupQueryAttention(size, self.heads, self.key_value_heads, **options)(x, x, attention_mask=keys)

    def feed_forward(self, x, *, name):
        y = self.act(self.dense(x, self.feed_forward_width, name=f"{name}1"), name=f"{name}_act")
        if self.gated:
            y = keras.layers.Multiply(name=f"{name}_gate")([y, self.linear(x, self.feed_forward_width, name=f"{name}1_linear")])
        return self.linear(y, self.width, name=f"{name}2")

    def add(self, x, y, drop_rate, *, name):
        """Add a branch to its input, with dropout of features and of the whole branch."""
        y = self.dropout(y, name=f"{name}_dropout")
        y = self.drop_branch(y, drop_rate, name=f"{name}_stochastic_depth")
        return keras.layers.Add(name=f"{name}_add")([x, y])

    def embed(self, table, places, *, name):
        """Look up a learned vector for each of `table` places."""
        start = keras.initializers.TruncatedNormal(stddev=_DEVIATION)
        return keras.layers.Embedding(table, self.width, embeddings_initializer=start, name=name)(places)


def encoder(x, mask, parts, *, depth, normalization_position, stochastic_depth, class_token, length):
    """Apply positions and `depth` blocks: (batch, time, width) and its mask, (batch, time) or None, to the same, a class token in front."""
    places = _places(x, mask)
    if class_token:
        first = ops.zeros_like(x[:, :1, 0], dtype="int32")
        x = keras.layers.Concatenate(axis=1, name="with_class_token")([parts.embed(1, first, name="class_token"), x])
        places = ops.concatenate([ops.zeros_like(places[:, :1]), places + 1], axis=1)
        mask = None if mask is None else ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)
    if parts.positions == "learned":
        positions = parts.embed(length + class_token, places, name="positions")
        x = keras.layers.Add(name="with_positions")([x, positions])
    elif parts.positions == "sinusoidal":
        turns = angles(places, parts.width)
        x = keras.layers.Add(name="with_positions")([x, ops.concatenate([ops.sin(turns), ops.cos(turns)], axis=-1)])
    x = parts.dropout(x, name="positions_dropout")
    for block in range(1, depth + 1):
        x = BLOCKS[normalization_position](x, mask, places, stochastic_depth * block / depth, parts, f"block{block}")
    if normalization_position == "pre":
        x = parts.norm(x, mask=mask, name="final_norm")
    return x, mask


def _places(x, mask):
    """Return where each step stands, 0, 1, 2, ..., as int32 (1, time); with a mask (batch, time), from the first step that is not padding.

    Built of operations on the input, so that a model takes sequences of any length and is saved without a table.
    """
    places = ops.cumsum(ops.ones_like(x[:1, :, 0], dtype="int32"), axis=1) - 1
    if mask is None:
        return places
    first = ops.argmax(ops.cast(mask, "int32"), axis=1, keepdims=True)
    return ops.maximum(places - ops.cast(first, "int32"), 0)
