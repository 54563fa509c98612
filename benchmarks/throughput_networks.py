"""The networks that `throughput.py` trains, as users of plain Keras and of PyTorch write them, and this project's."""

import dataclasses
from collections.abc import Callable

CLASSES = 10
UNITS = 128
# Of the encoder: two blocks, as `hornbook.models.text_transformer` has them by default.
BLOCKS, HEADS, VOCABULARY = 2, 4, 1000
# Of the layer-normalized LSTM's authors, and of `hornbook.models.LayerNormLSTMCell`.
EPSILON = 1e-5


# ResNet-20


def keras_resnet20(input_shape, **_):
    """ResNet-20 of He et al. (2015), section 4.2, with identity shortcuts (option A), by Keras' own layers alone."""
    import keras
    from keras import layers, ops

    def convolution(inputs, filters, stride=1):
        return layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal")(inputs)

    inputs = outputs = keras.Input(input_shape)
    outputs = layers.ReLU()(layers.BatchNormalization()(convolution(outputs, 16)))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage > 0 and block == 0 else 1
            shortcut = outputs
            if stride == 2:
                shortcut = ops.pad(outputs[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, filters - outputs.shape[-1])))
            outputs = layers.ReLU()(layers.BatchNormalization()(convolution(outputs, filters, stride)))
            outputs = layers.BatchNormalization()(convolution(outputs, filters))
            outputs = layers.ReLU()(layers.Add()([outputs, shortcut]))
    outputs = layers.GlobalAveragePooling2D()(outputs)
    return keras.Model(inputs, layers.Dense(CLASSES, dtype="float32")(outputs))


def torch_resnet20(input_shape):
    """The same network in PyTorch with channels_last memory; like Keras' it takes (batch, height, width, channels)."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, in_channels, channels, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
            self.norm1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.norm2 = nn.BatchNorm2d(channels)
            self.stride = stride
            self.new_channels = channels - in_channels

        def forward(self, inputs):
            outputs = torch.relu(self.norm1(self.conv1(inputs)))
            outputs = self.norm2(self.conv2(outputs))
            shortcut = inputs
            if self.stride != 1:
                shortcut = nn.functional.pad(inputs[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
            return torch.relu(outputs + shortcut)

    class ChannelsFirst(nn.Module):
        """A view of contiguous images: PyTorch's channels_last memory is (batch, height, width, channels)."""

        def forward(self, images):
            return images.permute(0, 3, 1, 2)

    layers = [ChannelsFirst(), nn.Conv2d(input_shape[-1], 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            layers.append(Block(channels, filters, stride=2 if stage > 0 and block == 0 else 1))
            channels = filters
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))
    return model.to(memory_format=torch.channels_last)


# Recurrent networks: one layer, its last state to logits


def keras_lstm(input_shape):
    import keras

    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, dtype="float32")(keras.layers.LSTM(UNITS)(inputs)))


def keras_gru(input_shape):
    import keras

    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(CLASSES, dtype="float32")(keras.layers.GRU(UNITS)(inputs)))


def keras_layer_norm_lstm(input_shape):
    """The formula of `hornbook.models.LayerNormLSTMCell` as a cell of Keras' layers."""
    import keras
    from keras import layers, ops

    class Cell(layers.Layer):
        def __init__(self, units):
            super().__init__()
            self.state_size = [units, units]
            self.of_inputs = layers.Dense(4 * units, use_bias=False)
            self.of_state = layers.Dense(4 * units, use_bias=False, kernel_initializer="orthogonal")
            self.norm_of_inputs = layers.LayerNormalization(center=False, epsilon=EPSILON)
            self.norm_of_state = layers.LayerNormalization(epsilon=EPSILON)
            self.norm_of_carry = layers.LayerNormalization(epsilon=EPSILON)

        def build(self, input_shape):
            units = self.state_size[0]
            self.of_inputs.build(input_shape)
            self.of_state.build((None, units))
            self.norm_of_inputs.build((None, 4 * units))
            self.norm_of_state.build((None, 4 * units))
            self.norm_of_carry.build((None, units))

        def call(self, inputs, states):
            h, c = states
            gates = self.norm_of_inputs(self.of_inputs(inputs)) + self.norm_of_state(self.of_state(h))
            i, f, g, o = ops.split(gates, 4, axis=-1)
            c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
            h = ops.sigmoid(o) * ops.tanh(self.norm_of_carry(c))
            return h, [h, c]

    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(CLASSES, dtype="float32")(layers.RNN(Cell(UNITS))(inputs)))


def torch_lstm(input_shape):
    from torch import nn

    return _torch_last_state(nn.LSTM(input_shape[-1], UNITS, batch_first=True))


def torch_gru(input_shape):
    from torch import nn

    return _torch_last_state(nn.GRU(input_shape[-1], UNITS, batch_first=True))


def _torch_last_state(layer):
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer
            self.output = nn.Linear(UNITS, CLASSES)

        def forward(self, inputs):
            outputs, _ = self.layer(inputs)
            return self.output(outputs[:, -1])

    return Network()


def torch_layer_norm_lstm(input_shape):
    """The same formula as a loop over time, with what does not depend on the state before it."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.of_inputs = nn.Linear(input_shape[-1], 4 * UNITS, bias=False)
            self.of_state = nn.Linear(UNITS, 4 * UNITS, bias=False)
            self.norm_of_inputs = nn.LayerNorm(4 * UNITS, eps=EPSILON, bias=False)
            self.norm_of_state = nn.LayerNorm(4 * UNITS, eps=EPSILON)
            self.norm_of_carry = nn.LayerNorm(UNITS, eps=EPSILON)
            self.output = nn.Linear(UNITS, CLASSES)

        def forward(self, inputs):
            h = c = inputs.new_zeros(len(inputs), UNITS)
            for from_inputs in self.norm_of_inputs(self.of_inputs(inputs)).unbind(1):
                i, f, g, o = (from_inputs + self.norm_of_state(self.of_state(h))).chunk(4, dim=-1)
                c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(self.norm_of_carry(c))
            return self.output(h)

    return Network()


# An encoder: tokens, sinusoidal positions, two pre-norm blocks, the mean over time to logits. Nothing is padding.


def _sinusoids(length):
    import numpy

    turns = numpy.arange(length)[:, None] * 10000.0 ** (-numpy.arange(0, UNITS, 2) / UNITS)
    return numpy.concatenate([numpy.sin(turns), numpy.cos(turns)], axis=-1).astype("float32")


def keras_encoder(input_shape):
    import keras
    from keras import layers

    inputs = keras.Input(input_shape, dtype="int32")
    x = layers.Embedding(VOCABULARY, UNITS)(inputs) * UNITS**0.5 + _sinusoids(*input_shape)
    for _ in range(BLOCKS):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(HEADS, UNITS // HEADS)(y, y)])
        y = layers.Dense(4 * UNITS, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(UNITS)(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(inputs, layers.Dense(CLASSES, dtype="float32")(x))


def torch_encoder(input_shape):
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, UNITS)
            options = {"dropout": 0.0, "activation": "gelu", "batch_first": True, "norm_first": True}
            block = nn.TransformerEncoderLayer(UNITS, HEADS, 4 * UNITS, **options)
            self.encoder = nn.TransformerEncoder(block, BLOCKS, norm=nn.LayerNorm(UNITS), enable_nested_tensor=False)
            self.output = nn.Linear(UNITS, CLASSES)
            self.register_buffer("positions", torch.from_numpy(_sinusoids(*input_shape)))

        def forward(self, inputs):
            return self.output(self.encoder(self.embedding(inputs) * UNITS**0.5 + self.positions).mean(1))

    return Network()


# What is compared


def _of_hornbook(name, **options):
    def build(input_shape):
        from hornbook import models

        return models.build(name, input_shape, CLASSES, **options)

    return build


@dataclasses.dataclass(frozen=True)
class Network:
    """One network, built by each of its `sides`; the first side's speed is reported as a multiple of each other's."""

    input_shape: tuple
    batch_size: int
    steps: int  # In a turn: a second or two.
    optimizer: str
    sides: dict[str, Callable]
    tokens: bool = False


NETWORKS = {
    "resnet20": Network(
        (32, 32, 3),
        128,
        12,
        "sgd",
        {
            "hornbook": _of_hornbook("resnet20"),
            "keras": keras_resnet20,
            "torch": torch_resnet20,
            "no-normalization": _of_hornbook("resnet20", normalization="none"),
        },
    ),
    "lstm": Network((100, 32), 64, 20, "adam", {"hornbook": _of_hornbook("lstm"), "keras": keras_lstm, "torch": torch_lstm}),
    "gru": Network((100, 32), 64, 20, "adam", {"hornbook": _of_hornbook("gru"), "keras": keras_gru, "torch": torch_gru}),
    "layer-norm-lstm": Network(
        (100, 32),
        64,
        10,
        "adam",
        {"hornbook": _of_hornbook("layer_norm_lstm"), "keras": keras_layer_norm_lstm, "torch": torch_layer_norm_lstm},
    ),
    "encoder": Network(
        (128,),
        32,
        12,
        "adam",
        {
            "hornbook": _of_hornbook("text_transformer", vocabulary_size=VOCABULARY, padded=False),
            "keras": keras_encoder,
            "torch": torch_encoder,
        },
        tokens=True,
    ),
}
