"""Recurrent layers that Keras lacks: LSTM and GRU with batch normalization inside the recurrence (Cooijmans et al. 2017)."""

import keras
from keras import ops

from hornbook.models.layers.batch_normalization import MOMENTUM
from hornbook.models.layers.checks import check_count


class _Cell:
    """What the cells have in common: Keras' cell, whose kernels and options they keep, scales, and moving statistics a step.

    A subclass says how many `gates` its products with the kernels have side by side, and how many `statistics` a unit are kept: those of
    the inputs' product, of the state's, and of what else is normalized.
    """

    def __init__(self, units, *, max_length, momentum, epsilon, **options):
        super().__init__(units, **options)
        self.max_length = check_count("max_length", max_length)
        self.momentum, self.epsilon = momentum, epsilon
        # One dropout mask for all gates, since they are one product.
        self.dropout_mask_count = None

    def build(self, input_shape):
        super().build(input_shape)
        self.input_scale = self._add_scale("input_scale", self.gates * self.units)
        self.recurrent_scale = self._add_scale("recurrent_scale", self.gates * self.units)
        self._add_own_weights()
        shape, options = (self.max_length, self.statistics * self.units), {"trainable": False, "autocast": False}
        self.moving_mean = self.add_weight(name="moving_mean", shape=shape, initializer="zeros", **options)
        self.moving_variance = self.add_weight(name="moving_variance", shape=shape, initializer="ones", **options)

    def _add_own_weights(self):
        """Add what only this cell has."""

    def _add_scale(self, name, size):
        # Cooijmans et al. (2017, section 4): with a scale of 1 the inputs of tanh are so large that gradients vanish.
        return self.add_weight(name=name, shape=(size,), initializer=keras.initializers.Constant(0.1))

    def get_config(self):
        return {**super().get_config(), "max_length": self.max_length, "momentum": self.momentum, "epsilon": self.epsilon}


class _LSTMCell(_Cell, keras.layers.LSTMCell):
    gates, statistics = 4, 9

    def _add_own_weights(self):
        self.carry_scale = self._add_scale("carry_scale", self.units)
        self.carry_offset = self.add_weight(name="carry_offset", shape=(self.units,), initializer="zeros")

    @property
    def input_bias(self):
        return self.bias

    def step(self, from_inputs, states, product, normalize):
        """Return the states after a step, from its normalized product with the inputs; `normalize(values)` is for the next in order."""
        gates = from_inputs + self.recurrent_scale * normalize(product)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = self.recurrent_activation(f) * states[1] + self.recurrent_activation(i) * self.activation(g)
        h = self.activation(self.carry_scale * normalize(c) + self.carry_offset) * self.recurrent_activation(o)
        return h, c


class _GRUCell(_Cell, keras.layers.GRUCell):
    gates, statistics = 3, 6

    def __init__(self, units, **options):
        super().__init__(units, **options)
        if not self.reset_after:
            raise ValueError("BatchNormGRU needs reset_after=True, got False: its reset gate acts on the normalized product")

    @property
    def input_bias(self):
        return self.bias[0]

    def step(self, from_inputs, states, product, normalize):
        from_state = self.recurrent_scale * normalize(product)
        if self.use_bias:
            from_state = from_state + self.bias[1]
        z, r, candidate = ops.split(from_inputs, 3, axis=-1)
        z_state, r_state, candidate_state = ops.split(from_state, 3, axis=-1)
        keep = self.recurrent_activation(z + z_state)
        candidate = self.activation(candidate + self.recurrent_activation(r + r_state) * candidate_state)
        return (keep * states[0] + (1 - keep) * candidate,)


class _BatchNormRNN(keras.layers.RNN):
    """The loop over time and the statistics of both layers, whose cell is of the class `cell_class`."""

    def __init__(
        self,
        units,
        *,
        max_length=100,
        momentum=MOMENTUM,
        epsilon=1e-5,
        return_sequences=False,
        return_state=False,
        go_backwards=False,
        name=None,
        dtype=None,
        trainable=True,
        **options,
    ):
        common = {"dtype": dtype, "trainable": trainable}
        cell = self.cell_class(units, max_length=max_length, momentum=momentum, epsilon=epsilon, name="cell", **common, **options)
        returned = {"return_sequences": return_sequences, "return_state": return_state}
        super().__init__(cell, go_backwards=go_backwards, name=name, **returned, **common)

    def inner_loop(self, sequences, initial_state, mask, training=False):
        """Returns the last output, all outputs and the last states; called by `keras.layers.RNN.call`."""
        cell, learns = self.cell, bool(training) and self.trainable
        counts = ops.ones_like(sequences[:, :, 0], dtype="bool") if mask is None else mask
        order = _order(counts, self.go_backwards)
        counts = ops.take_along_axis(counts, order, axis=1)
        x = ops.take_along_axis(sequences, order[:, :, None], axis=1)
        if training and cell.dropout:
            x = x * cell.get_dropout_mask(sequences[:, 0, :])[:, None, :]
        products = ops.transpose(ops.matmul(x, cell.kernel), (1, 0, 2))
        weights = ops.cast(ops.transpose(counts)[:, :, None], "float32")
        moving, size = self._moving_statistics(ops.shape(products)[0]), cell.gates * cell.units
        of_inputs = _moments(products, weights) if learns else [values[:, :size] for values in moving]
        from_inputs = cell.input_scale * self._normalize(products, [values[:, None] for values in of_inputs])
        if cell.use_bias:
            from_inputs = from_inputs + cell.input_bias
        within = [values[:, size:] for values in moving]

        def step(carry, now):
            *states, _, time = carry
            moving_now = [ops.take(values, time, axis=0) for values in within]
            after = (*self._step(states, (now[:, :-1], ops.cast(now[:, -1:], "float32"), *moving_now), training, learns), time + 1)
            return after, after

        none_yet = ops.zeros((2 * (cell.statistics - cell.gates) * cell.units,), "float32")
        # One tensor to go over: of several whose length is not known before, Keras' scan fails in TensorFlow's graphs.
        over = ops.concatenate([from_inputs, ops.cast(weights, from_inputs.dtype)], axis=-1)
        (*last, _, _), (states, *_, moments, _) = ops.scan(step, (*initial_state, none_yet, ops.zeros((), "int32")), over)
        if learns:
            inside = ops.split(moments, 2, axis=-1)
            self._move([ops.concatenate(pair, axis=-1) for pair in zip(of_inputs, inside, strict=True)], ops.sum(weights, axis=(1, 2)))
        # As in Keras, the outputs of a layer that goes backwards come last step first.
        place = ops.flip(ops.argsort(order, axis=1), axis=1) if self.go_backwards else ops.argsort(order, axis=1)
        outputs = ops.take_along_axis(ops.transpose(states, (1, 0, 2)), place[:, :, None], axis=1)
        return last[0], outputs, last

    def _step(self, states, now, training, learns):
        """Return the states after a step, and its statistics: all means, then all variances."""
        cell, (from_inputs, weights, mean, variance) = self.cell, now
        state = states[0] * cell.get_recurrent_dropout_mask(states[0]) if training and cell.recurrent_dropout else states[0]
        means, variances = [], []

        def normalize(values):
            start = sum(found.shape[-1] for found in means)
            place = slice(start, start + values.shape[-1])
            found = _moments(values, weights) if learns else (mean[place], variance[place])
            means.append(found[0])
            variances.append(found[1])
            return self._normalize(values, found)

        new = cell.step(from_inputs, states, ops.matmul(state, cell.recurrent_kernel), normalize)
        kept = (ops.where(weights > 0, after, before) for after, before in zip(new, states, strict=True))
        return (*kept, ops.concatenate([*means, *variances], axis=-1))

    def _normalize(self, values, moments):
        mean, variance = moments
        normalized = (ops.cast(values, "float32") - mean) * ops.rsqrt(variance + self.cell.epsilon)
        return ops.cast(normalized, self.compute_dtype)

    def _moving_statistics(self, length):
        """Return moving mean and variance (time, statistics * units), those of the last step repeated beyond `max_length`."""
        steps = ops.minimum(ops.arange(length), self.cell.max_length - 1)
        return [ops.take(values, steps, axis=0) for values in (self.cell.moving_mean, self.cell.moving_variance)]

    def _move(self, moments, examples):
        """Move the statistics of each step with two examples or more towards those of the batch."""
        cell, length = self.cell, ops.shape(examples)[0]
        steps = ops.arange(cell.max_length)
        rows = ops.minimum(steps, length - 1)
        moved = ops.logical_and(steps < length, ops.take(examples, rows, axis=0) > 1)[:, None]
        for variable, values in zip((cell.moving_mean, cell.moving_variance), moments, strict=True):
            before, now = ops.convert_to_tensor(variable), ops.stop_gradient(ops.take(values, rows, axis=0))
            variable.assign(ops.where(moved, cell.momentum * before + (1 - cell.momentum) * now, before))

    def get_config(self):
        own = ("return_sequences", "return_state", "go_backwards")
        layer = {"name": self.name, "trainable": self.trainable, "dtype": keras.saving.serialize_keras_object(self.dtype_policy)}
        return {**self.cell.get_config(), **{option: getattr(self, option) for option in own}, **layer}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@keras.saving.register_keras_serializable(package="hornbook")
class BatchNormLSTM(_BatchNormRNN):
    """An LSTM with batch normalization inside the recurrence: (batch, time, features) to (batch, units), or (batch, time, units).

    With BN(a) = (a - mean_t(a)) / sqrt(variance_t(a) + epsilon), statistics over the batch at step t, and gates in Keras' order i, f, g, o,

        (i, f, g, o) = input_scale * BN(x_t W) + recurrent_scale * BN(h_{t-1} U) + bias
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(carry_scale * BN(c_t) + carry_offset)

    Source: Cooijmans, Ballas, Laurent, Gülçehre and Courville (2017), "Recurrent Batch Normalization", equations 6 to 8. As there, scales
    start at 0.1, and each step has moving statistics of its own up to `max_length`, whose last are used for all later steps: states grow
    through the first steps, and averages over time would fit none of them.

    This is a layer and no cell, since a cell within a loop cannot keep moving statistics on every backend. A step's number counts the
    steps that the mask lets through, so neither padding nor its side changes an output; padded steps are left out of the statistics, and
    fewer than two examples at a step leave its moving statistics alone. Small batches of unequal length make poor statistics for the last
    steps: there, take `LayerNormLSTMCell`.

    Args:
        units: Size of the states.
        max_length: Steps with statistics of their own; 100 by default, after which states have long settled. They take 18 * units floats
            a step.
        momentum: Of the moving statistics; 0.9 by default, as everywhere here.
        epsilon: Added to the variance; 1e-5 by default.
        return_sequences, return_state, go_backwards: As in `keras.layers.LSTM`.
        name, dtype, trainable: As in every layer.
        **options: Those of `keras.layers.LSTMCell`, with its defaults.

    Example:
        ```python
        import keras
        from hornbook.models import BatchNormLSTM

        model = keras.Sequential([BatchNormLSTM(16, max_length=20), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 20, 3)), keras.random.normal((8, 1)), verbose=0)
        ```
    """

    cell_class = _LSTMCell


@keras.saving.register_keras_serializable(package="hornbook")
class BatchNormGRU(_BatchNormRNN):
    """A GRU with batch normalization inside the recurrence: (batch, time, features) to (batch, units), or (batch, time, units).

    With BN as in `BatchNormLSTM`, and products in Keras' order z, r, candidate,

        (z, r) = input_scale * BN(x_t W) + input_bias + recurrent_scale * BN(h_{t-1} U) + recurrent_bias
        candidate = tanh(input_scale * BN(x_t W) + input_bias + sigmoid(r) * (recurrent_scale * BN(h_{t-1} U) + recurrent_bias))
        h_t = sigmoid(z) * h_{t-1} + (1 - sigmoid(z)) * candidate

    Cooijmans et al. (2017) have the LSTM alone. Here, as there, the two products are normalized, each unit of each gate by statistics of
    its own, and the path from state to state is left as it is. Nothing else is normalized, since a GRU has no carry that could grow: its
    state is between the former one and a candidate in [-1, 1]. As in Keras' layer with `reset_after=True` (cuDNN's form), the reset gate
    acts on the product, which is normalized before it, and `bias` has two rows, for the inputs' product and the state's.

    Steps, masks, moving statistics and arguments are those of `BatchNormLSTM`; the statistics take 12 * units floats a step.

    Args:
        units: Size of the state.
        max_length, momentum, epsilon, return_sequences, return_state, go_backwards, name, dtype, trainable: As in `BatchNormLSTM`.
        **options: Those of `keras.layers.GRUCell`, with its defaults, save that `reset_after` must be True.

    Raises:
        ValueError: reset_after is False.

    Example:
        ```python
        import keras
        from hornbook.models import BatchNormGRU

        model = keras.Sequential([BatchNormGRU(16, max_length=20), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 20, 3)), keras.random.normal((8, 1)), verbose=0)
        ```
    """

    cell_class = _GRUCell


def _order(counts, backwards):
    """Return, for each example, its steps (batch, time) in the order in which they are taken, those of padding last."""
    steps = ops.cumsum(ops.ones_like(counts, dtype="int32"), axis=1)
    length = ops.shape(counts)[1]
    return ops.argsort(ops.where(counts, length - steps if backwards else steps, 2 * length), axis=1)


def _moments(values, weights):
    """Return mean and variance over the examples, the second last axis, that the weights count."""
    values = ops.cast(values, "float32")
    examples = ops.maximum(ops.sum(weights, axis=-2), 1.0)
    mean = ops.sum(values * weights, axis=-2) / examples
    centered = values - ops.expand_dims(mean, -2)
    return mean, ops.sum(ops.square(centered) * weights, axis=-2) / examples
