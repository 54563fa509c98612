"""Recurrent networks: stacks of LSTM, GRU or simple recurrent layers."""

import keras
from keras import ops

from hornbook.models.layers.checks import check_count, check_rate
from hornbook.models.layers.recurrent_cells import LayerNormGRUCell, LayerNormLSTMCell
from hornbook.models.layers.recurrent_layers import BatchNormGRU, BatchNormLSTM
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.initializers import refuse_dirac
from hornbook.models.parts.network import Parts
from hornbook.models.parts.normalization import refuse_padding
from hornbook.models.parts.sequences import POOLINGS, call_masked, pool, sequence_inputs, step

# Keras' own, with their fast paths.
LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "simple": keras.layers.SimpleRNN}
LAYER_NORM_CELLS = {"lstm": LayerNormLSTMCell, "gru": LayerNormGRUCell}
BATCH_NORM_LAYERS = {"lstm": BatchNormLSTM, "gru": BatchNormGRU}

# States have settled by then, and each step's statistics take 18 floats a unit, or 12 of a GRU.
MOST_STEPS_WITH_STATISTICS = 100


def _check_recurrent_normalization(recurrent_normalization, cell, **_):
    cells = {"none": LAYERS, "layer": LAYER_NORM_CELLS, "batch": BATCH_NORM_LAYERS}[recurrent_normalization]
    if cell not in cells:
        raise ValueError(f"recurrent_normalization {recurrent_normalization!r} is for the cells {' and '.join(cells)}, got cell={cell!r}")


def _check_kernels(weight_normalization, **_):
    if weight_normalization not in (None, "none"):
        raise ValueError(f"weight_normalization must be None for an rnn, got {weight_normalization!r}: kernels are inside Keras' layers")


def _check_function(activation, **_):
    if activation == "prelu":
        raise ValueError("activation 'prelu' is a layer with a slope of its own, and a recurrent layer takes a function; use 'tanh'")


TAKES = Choices(
    {"cell": LAYERS, "pooling": POOLINGS, "recurrent_normalization": ("none", "layer", "batch")},
    _check_recurrent_normalization,
    _check_kernels,
    _check_function,
    refuse_dirac,
    refuse_padding,
    numbers=(lambda depth, residual, stochastic_depth, **_: _check_branches(depth, residual, stochastic_depth),),
)


class RecurrentParts(Parts):
    """The layers of a recurrent network."""

    def __init__(self, *, cell, bidirectional, recurrent_normalization, recurrent_dropout, time, activation, **options):
        super().__init__(activation=activation, **options)
        self._cell = cell
        self.bidirectional = bidirectional
        self._within = recurrent_normalization
        self._recurrent_dropout = check_rate("recurrent_dropout", recurrent_dropout)
        self._max_length = min(time or MOST_STEPS_WITH_STATISTICS, MOST_STEPS_WITH_STATISTICS)
        self._function = activation

    def recurrent(self, x, width, *, steps, name):
        """Return (batch, time, width), or twice the width in two directions: first forwards, then backwards.

        Without `steps`, return (batch, width), the state after the last step that the mask counts, of each direction.
        """
        layer = self._recurrent_layer(width, steps, name)
        if self.bidirectional:
            layer = keras.layers.Bidirectional(layer, name=name)
        return self.penalized(call_masked(layer, x, self.mask), name=f"{name}_penalty")

    def _recurrent_layer(self, width, steps, name):
        options = {
            "activation": self._function,
            "kernel_initializer": self._initializer(),
            # A product with an orthogonal matrix keeps its size through any number of steps (Saxe et al. 2014).
            "recurrent_initializer": "orthogonal",
            "kernel_regularizer": self._regularizer(),
            "recurrent_regularizer": self._regularizer(),
            "recurrent_dropout": self._recurrent_dropout,
        }
        if self._within == "layer":
            return keras.layers.RNN(LAYER_NORM_CELLS[self._cell](width, **options), return_sequences=steps, name=name)
        if self._within == "batch":
            return BATCH_NORM_LAYERS[self._cell](width, max_length=self._max_length, return_sequences=steps, name=name, **options)
        return LAYERS[self._cell](width, return_sequences=steps, name=name, **options)


def rnn(
    input_shape,
    num_outputs,
    *,
    cell="lstm",
    depth=1,
    width=128,
    bidirectional=False,
    pooling="last",
    each_step=False,
    residual=False,
    recurrent_normalization="none",
    recurrent_dropout=0.0,
    vocabulary_size=None,
    embedding_size=128,
    embedding_dropout=0.0,
    embedding_training="tuned",
    padded="auto",
    normalization="layer",
    groups=None,
    weight_normalization=None,
    activation="tanh",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="rnn",
):
    """Build a recurrent network: tokens (batch, time) or series (batch, time, features) to float32 logits (batch, num_outputs).

    The layers of the stack hand on their whole sequence; pooling over time and a dense layer end it. Padding changes no output. Options
    that are not described here are those of every family, under `resnet`.

    Args:
        input_shape: (time,) for tokens, (time, features) for series; time may be None.
        num_outputs: Classes, or values to predict.
        cell: "lstm" (Hochreiter and Schmidhuber 1997, with forget gates whose bias starts at 1: Jozefowicz et al. 2015), "gru" (Cho et
            al. 2014, in cuDNN's form) or "simple" (Elman 1990).
        depth: Recurrent layers. Defaults to 1.
        width: Units of each layer, in each direction. Defaults to 128.
        bidirectional: Whether each layer also runs from the end to the start; the two outputs are concatenated.
        pooling: "last" (the state after the last step; in two directions, each direction's), "mean", "max" or "attention".
        each_step: Outputs of each step, (batch, time, num_outputs), in place of pooled ones: for what is to be said of each token, such as
            which one stands there. At padded steps they mean nothing.
        residual: Add the input of each layer but the first to its output (Wu et al. 2016, section 3.1).
        recurrent_normalization: Inside the recurrence: "none", "layer" (`LayerNormLSTMCell`, `LayerNormGRUCell`) or "batch"
            (`BatchNormLSTM`, `BatchNormGRU`). Both lose Keras' fast paths.
        recurrent_dropout: Rate at which units of the state are dropped before the product with the recurrent kernel, by one mask for the
            whole sequence (Gal and Ghahramani 2016). It loses the fast path of a GPU.
        vocabulary_size: Number of tokens, padding (0) among them; None for series.
        embedding_dropout: Share of the features of the embeddings that is dropped in training, each from all tokens of a text (as
            Gal and Ghahramani 2016 drop inputs: the same at every step); for tokens alone.
        embedding_size: Features of a token. Defaults to 128.
        embedding_training: "tuned"; "frozen": the vectors of tokens stay what they are, such as those that were learned on other texts;
            or "both": a second table of as many features beside the first, the layer `frozen_embedding`, stays what it is, and the first
            is trained (the two channels of Kim 2014, with filters of their own).
        padded: Whether token 0, or a step of NaN in a series, is padding; "auto" is True for tokens and False for series.
        normalization: Of the sequence that one layer hands to the next, so of nothing at depth 1. Defaults to "layer", as statistics over
            a batch are poor where few sequences are long. "group" and "instance" are refused where there is padding, which they mix in.
        weight_normalization: Must be None: the kernels are inside Keras' layers.
        activation: Of candidate and output; a name from `ACTIVATIONS` but "prelu", or a function. Defaults to "tanh", which bounds the
            state; another one loses the fast path of a GPU.
        initializer: Of the kernels of inputs and output. Recurrent kernels start orthogonal.
        dropout: Rate between layers and before the output layer, never along time (Zaremba et al. 2014).
        stochastic_depth: Rate at which the last residual branch is dropped, rising linearly with depth; needs `residual`.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.rnn((20,), 2, cell="gru", width=16, vocabulary_size=1000, pooling="max", dropout=0.2)
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.randint((32, 20), 0, 1000), keras.ops.zeros((32,), "int32"), verbose=0)
        ```
    """
    depth, width = check_count("depth", depth), check_count("width", width)
    stochastic_depth = _check_branches(depth, residual, stochastic_depth)
    tokens = {"vocabulary_size": vocabulary_size, "embedding_size": embedding_size, "embedding_dropout": embedding_dropout}
    tokens["embedding_training"] = embedding_training
    inputs, x, mask = sequence_inputs(input_shape, padded=padded, **tokens)
    TAKES.check(
        cell=cell,
        pooling=pooling,
        recurrent_normalization=recurrent_normalization,
        normalization=normalization,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        padded=mask is not None,
    )
    parts = RecurrentParts(
        cell=cell,
        bidirectional=bidirectional,
        recurrent_normalization=recurrent_normalization,
        recurrent_dropout=recurrent_dropout,
        time=x.shape[1],
        mask=mask,
        normalization=normalization,
        groups=groups,
        weight_normalization=None,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=dropout,
        l1=l1,
        l2=l2,
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
    )
    # The last layer alone may keep its last state alone, which spares a copy of all others. A residual sum is of whole sequences.
    state_alone = pooling == "last" and not residual and not each_step
    x = parts.recurrent(x, width, steps=depth > 1 or not state_alone, name="recurrent1")
    for layer in range(2, depth + 1):
        y = parts.norm(x, name=f"norm{layer}")
        y = parts.dropout(y, name=f"dropout{layer}")
        y = parts.recurrent(y, width, steps=layer < depth or not state_alone, name=f"recurrent{layer}")
        if residual:
            y = parts.drop_branch(y, stochastic_depth * (layer - 1) / (depth - 1), name=f"stochastic_depth{layer}")
            y = keras.layers.Add(name=f"add{layer}")([x, y])
        x = y
    if not state_alone and not each_step:
        x = _last_states(x, mask) if pooling == "last" and bidirectional else pool(x, mask, pooling, parts, name="pool")
    x = parts.dropout(x, name="dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def _last_states(x, mask):
    # The backward direction has read everything when it is at the first step.
    forwards, backwards = ops.split(x, 2, axis=-1)
    return ops.concatenate([step(forwards, mask, last=True), step(backwards, mask, last=False)], axis=-1)


def _check_branches(depth, residual, stochastic_depth):
    if residual and depth < 2:
        raise ValueError(f"residual needs a depth of at least 2, got {depth}: the first layer changes the number of features")
    if check_rate("stochastic_depth", stochastic_depth) and not residual:
        raise ValueError(
            f"stochastic_depth must be 0 for an rnn without residual=True, got {stochastic_depth}: without a shortcut around it a dropped "
            "layer leaves nothing to pass on"
        )
    return stochastic_depth


def lstm(input_shape, num_outputs, **options):
    """One LSTM layer of 128 units (Hochreiter and Schmidhuber 1997), its last state to logits."""
    return rnn(input_shape, num_outputs, **{"cell": "lstm", "name": "lstm", **options})


def gru(input_shape, num_outputs, **options):
    """One GRU layer of 128 units (Cho et al. 2014), its last state to logits."""
    return rnn(input_shape, num_outputs, **{"cell": "gru", "name": "gru", **options})


def simple_rnn(input_shape, num_outputs, **options):
    """One simple recurrent layer of 128 units (Elman 1990), its last state to logits: the one that forgets."""
    return rnn(input_shape, num_outputs, **{"cell": "simple", "name": "simple_rnn", **options})


def bidirectional_lstm(input_shape, num_outputs, **options):
    """One LSTM layer of 128 units in each direction (Graves and Schmidhuber 2005), the last states to logits."""
    return rnn(input_shape, num_outputs, **{"cell": "lstm", "bidirectional": True, "name": "bidirectional_lstm", **options})


def bidirectional_gru(input_shape, num_outputs, **options):
    """One GRU layer of 128 units in each direction, the last states to logits."""
    return rnn(input_shape, num_outputs, **{"cell": "gru", "bidirectional": True, "name": "bidirectional_gru", **options})


def layer_norm_lstm(input_shape, num_outputs, **options):
    """One layer-normalized LSTM layer of 128 units (Ba et al. 2016), its last state to logits."""
    return rnn(input_shape, num_outputs, **{"cell": "lstm", "recurrent_normalization": "layer", "name": "layer_norm_lstm", **options})


def layer_norm_gru(input_shape, num_outputs, **options):
    """One layer-normalized GRU layer of 128 units (Ba et al. 2016), its last state to logits."""
    return rnn(input_shape, num_outputs, **{"cell": "gru", "recurrent_normalization": "layer", "name": "layer_norm_gru", **options})
