"""Recurrent cells that Keras lacks: LSTM and GRU with layer normalization inside the recurrence."""

import keras
from keras import ops

# Ba et al.'s own code has 1e-5. Keras' 1e-3 would outweigh the variance of a state that is still small.
EPSILON = 1e-5


def standardize(x, epsilon):
    """Return x with mean 0 and variance 1 over its last axis, in x's type; the statistics are float32, which 16 bits are too few for."""
    values = ops.cast(x, "float32")
    centered = values - ops.mean(values, axis=-1, keepdims=True)
    return ops.cast(centered * ops.rsqrt(ops.mean(ops.square(centered), axis=-1, keepdims=True) + epsilon), x.dtype)


class _LayerNormCell:
    """What both have in common: Keras' cell makes the kernels and holds the options; dropout has one mask for all gates."""

    def __init__(self, units, *, epsilon=EPSILON, **options):
        super().__init__(units, **options)
        self.epsilon = epsilon
        # Keras' cells take a mask a gate with recurrent dropout, for which each gate is multiplied apart. The normalization here is over
        # all gates of one product, so there is one mask, as with Keras' dropout of inputs.
        self.dropout_mask_count = None

    def _products(self, inputs, state, training):
        """Return the products of inputs and state with their kernels."""
        if training and self.dropout:
            inputs = inputs * self.get_dropout_mask(inputs)
        if training and self.recurrent_dropout:
            state = state * self.get_recurrent_dropout_mask(state)
        return ops.matmul(inputs, self.kernel), ops.matmul(state, self.recurrent_kernel)

    def _add_scale(self, name, size):
        return self.add_weight(name=name, shape=(size,), initializer="ones")

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="hornbook")
class LayerNormLSTMCell(_LayerNormCell, keras.layers.LSTMCell):
    """An LSTM cell with layer normalization, for `keras.layers.RNN`: inputs (batch, features), states h and c (batch, units).

    With LN(a) = (a - mean(a)) / sqrt(variance(a) + epsilon) over the features of each example, and gates in Keras' order i, f, g, o,

        (i, f, g, o) = input_scale * LN(x_t W) + recurrent_scale * LN(h_{t-1} U) + bias
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(carry_scale * LN(c_t) + carry_offset)

    Source: Ba, Kiros and Hinton (2016), "Layer Normalization", equations 20 to 22; their offsets of the two products are left out, since
    they only add to the bias. Sizes of inputs and states no longer matter to the gates, which steadies long sequences; the price is speed:
    there is no fused kernel for it on any device.

    Args:
        units: Size of the states.
        epsilon: Added to the variance; 1e-5 by default, as in the authors' code.
        **options: Those of `keras.layers.LSTMCell`, with its defaults: among them `dropout` and `recurrent_dropout` (one mask for all
            gates, kept through the sequence; Gal and Ghahramani 2016), `unit_forget_bias=True` (Jozefowicz et al. 2015) and
            `recurrent_initializer="orthogonal"`.

    Example:
        ```python
        import keras
        from hornbook.models import LayerNormLSTMCell

        model = keras.Sequential([keras.layers.RNN(LayerNormLSTMCell(16)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 20, 3)), keras.random.normal((8, 1)), verbose=0)
        ```
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.input_scale = self._add_scale("input_scale", 4 * self.units)
        self.recurrent_scale = self._add_scale("recurrent_scale", 4 * self.units)
        self.carry_scale = self._add_scale("carry_scale", self.units)
        self.carry_offset = self.add_weight(name="carry_offset", shape=(self.units,), initializer="zeros")

    def call(self, inputs, states, training=False):
        """Returns h_t and the states [h_t, c_t]."""
        h, c = states
        from_inputs, from_state = self._products(inputs, h, training)
        gates = self.input_scale * standardize(from_inputs, self.epsilon) + self.recurrent_scale * standardize(from_state, self.epsilon)
        if self.use_bias:
            gates = gates + self.bias
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(self.carry_scale * standardize(c, self.epsilon) + self.carry_offset)
        return h, [h, c]


@keras.saving.register_keras_serializable(package="hornbook")
class LayerNormGRUCell(_LayerNormCell, keras.layers.GRUCell):
    """A GRU cell with layer normalization, for `keras.layers.RNN`: inputs (batch, features), state h (batch, units).

    With LN as in `LayerNormLSTMCell`, over the two gates together and over the candidate, and products in Keras' order z, r, candidate,

        (z, r) = input_scale * LN(x_t W) + recurrent_scale * LN(h_{t-1} U) + bias
        candidate = tanh(input_scale * LN(x_t W) + bias + sigmoid(r) * (recurrent_scale * LN(h_{t-1} U) + recurrent_bias))
        h_t = sigmoid(z) * h_{t-1} + (1 - sigmoid(z)) * candidate

    Source: Ba, Kiros and Hinton (2016), "Layer Normalization", the supplement's equations for gated recurrent units. As in Keras, z says
    what is kept and theirs what is replaced, and `bias` holds the offsets of both products in two rows.

    Args:
        units: Size of the state.
        epsilon: Added to the variance; 1e-5 by default, as in the authors' code.
        **options: Those of `keras.layers.GRUCell`, with its defaults, save that `reset_after` must be True: the reset gate acts on the
            normalized product.

    Raises:
        ValueError: reset_after is False.

    Example:
        ```python
        import keras
        from hornbook.models import LayerNormGRUCell

        model = keras.Sequential([keras.layers.RNN(LayerNormGRUCell(16)), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 20, 3)), keras.random.normal((8, 1)), verbose=0)
        ```
    """

    def __init__(self, units, **options):
        super().__init__(units, **options)
        if not self.reset_after:
            raise ValueError("LayerNormGRUCell needs reset_after=True, got False: its reset gate acts on the normalized product")

    def build(self, input_shape):
        super().build(input_shape)
        self.input_scale = self._add_scale("input_scale", 3 * self.units)
        self.recurrent_scale = self._add_scale("recurrent_scale", 3 * self.units)

    def call(self, inputs, states, training=False):
        """Returns h_t and the states [h_t]."""
        h = states[0]
        from_inputs, from_state = self._products(inputs, h, training)
        from_inputs = self.input_scale * self._standardize_parts(from_inputs)
        from_state = self.recurrent_scale * self._standardize_parts(from_state)
        if self.use_bias:
            from_inputs, from_state = from_inputs + self.bias[0], from_state + self.bias[1]
        z, r, candidate = ops.split(from_inputs, 3, axis=-1)
        z_state, r_state, candidate_state = ops.split(from_state, 3, axis=-1)
        keep = self.recurrent_activation(z + z_state)
        candidate = self.activation(candidate + self.recurrent_activation(r + r_state) * candidate_state)
        h = keep * h + (1 - keep) * candidate
        return h, [h]

    def _standardize_parts(self, product):
        gates, candidate = ops.split(product, [2 * self.units], axis=-1)
        return ops.concatenate([standardize(gates, self.epsilon), standardize(candidate, self.epsilon)], axis=-1)
