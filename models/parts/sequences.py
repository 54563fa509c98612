"""What networks for sequences share: their inputs, the mask of what is not padding, and pooling over time.

The mask is a boolean tensor (batch, time), True where a step counts, or None where nothing is padding. It is computed in the functional
graph by Keras' own operations and handed on, so a saved model needs no import of ours, and nothing rests on Keras' implicit masks, which
get lost on the way through operations that do not know them.
"""

import keras
from keras import ops

from hornbook.models.layers.checks import check_choice, check_count, check_rate, check_series_shape, check_token_shape

POOLINGS = ("mean", "max", "last", "attention")

# Kim (2014) starts words without a pretrained vector in ±0.25, which is about the variance of pretrained ones. Keras' ±0.05 starts a
# network with inputs of a deviation of 0.03, next to which biases are large.
EMBEDDING_RANGE = 0.25


# Of the vectors of tokens, see `rnn`.
EMBEDDING_TRAINING = ("tuned", "frozen", "both")


def sequence_inputs(
    input_shape,
    *,
    vocabulary_size=None,
    embedding_size=128,
    embedding_dropout=0.0,
    embedding_training="tuned",
    padded="auto",
    embeddings_initializer=None,
):
    """Return (inputs, x, mask): the input of a sequence network, its features (batch, time, features), and the mask or None.

    Args:
        input_shape: With `vocabulary_size` (time,), integer tokens, of which 0 is padding; else (time, features), floats, where a step
            whose features are all NaN is padding. (NaN passes through a normalization of the inputs, and no measured value is taken for
            padding.) time may be None. At padded steps the features of a series are 0; those of tokens are token 0's.
        vocabulary_size: Number of tokens, padding among them: tokens are below it.
        embedding_size: Features of a token, in each of the tables.
        embedding_dropout: Rate at which features of the embeddings are dropped, each from all tokens of a text.
        embedding_training: "tuned", "frozen" or "both": two tables, features side by side, of which `frozen_embedding` is not trained.
        padded: Whether there is padding; without, the mask is None, 0 is a token like the others, and a NaN stays one. "auto" is True
            for tokens and False for series.
        embeddings_initializer: Of the embeddings; uniform in ±0.25 by default.

    Raises:
        ValueError: The shape does not fit, or an option is out of range.
    """
    if padded not in ("auto", True, False):
        raise ValueError(f"padded must be 'auto', True or False, got {padded!r}")
    padded = vocabulary_size is not None if padded == "auto" else padded
    embedding_dropout = check_rate("embedding_dropout", embedding_dropout)
    check_choice("embedding_training", embedding_training, EMBEDDING_TRAINING)
    if vocabulary_size is None:
        if embedding_dropout:
            raise ValueError(f"embedding_dropout is for tokens, which have embeddings, got {embedding_dropout} without vocabulary_size")
        if embedding_training != "tuned":
            raise ValueError(f"embedding_training is for tokens, which have embeddings, got {embedding_training!r} without vocabulary_size")
        inputs = keras.Input(check_series_shape(input_shape), name="inputs")
        if not padded:
            return inputs, inputs, None
        mask = ops.logical_not(ops.all(ops.isnan(inputs), axis=-1))
        return inputs, apply_mask(inputs, mask), mask
    inputs = keras.Input(check_token_shape(input_shape), dtype="int32", name="inputs")
    sizes = check_count("vocabulary_size", vocabulary_size, least=2), check_count("embedding_size", embedding_size)
    # One for both tables: a token begins with the same vector in each, as in Kim's.
    start = embeddings_initializer or keras.initializers.RandomUniform(-EMBEDDING_RANGE, EMBEDDING_RANGE)
    trainable = embedding_training != "frozen"
    x = keras.layers.Embedding(*sizes, embeddings_initializer=start, trainable=trainable, name="embedding")(inputs)
    if embedding_training == "both":
        frozen = keras.layers.Embedding(*sizes, embeddings_initializer=start, trainable=False, name="frozen_embedding")(inputs)
        x = keras.layers.Concatenate(name="both_embeddings")([x, frozen])
    if embedding_dropout:
        x = keras.layers.SpatialDropout1D(embedding_dropout, name="embedding_dropout")(x)
    return inputs, x, ops.not_equal(inputs, 0) if padded else None


def apply_mask(x, mask):
    """Return x (batch, time, features) with zeros at padded steps: what a convolution must see there, as it does beyond the ends."""
    # Not a product: what stands at padded steps may be infinite or NaN.
    return x if mask is None else ops.where(ops.expand_dims(mask, -1), x, 0.0)


def call_masked(layer, x, mask):
    """Return layer(x, mask=mask), without the mask that Keras then attaches to the output.

    From there it would go on by itself, be computed with at every sum, and end with a warning at a convolution.
    """
    return layer(x) if mask is None else ops.copy(layer(x, mask=mask))


def local_max(x, mask, size, *, name):
    """Return (batch, time, features): the largest of `size` neighbouring steps, from those that the mask counts; 0 at padded steps."""
    layer = keras.layers.MaxPooling1D(size, 1, padding="same", data_format="channels_last", name=name)
    if mask is None:
        return layer(x)
    # Less than any activation, and no more than twice as far from 0: of -3e38 a look at this layer's outputs would see nothing else.
    largest = ops.max(ops.abs(apply_mask(x, mask)), axis=1, keepdims=True)
    return apply_mask(layer(ops.where(ops.expand_dims(mask, -1), x, ops.stop_gradient(-2 * largest - 1))), mask)


def pool(x, mask, pooling, parts, *, name):
    """Return (batch, features) of x (batch, time, features), from the steps that the mask counts. An example of padding alone gives 0.

    Args:
        pooling: None for none, (batch, time, features); "mean", "max", "last" (the last step that counts), or "attention": the mean
            weighted by a softmax over time of a learned linear score, the layer `{name}_weights` (Raffel and Ellis 2015, equations 5 to 7,
            without their tanh, which would keep any step from weighing more than e² times another).
        parts: Makes the score.
        name: Of the layers.
    """
    if pooling is None:
        return x
    check_choice("pooling", pooling, POOLINGS)
    if pooling == "last":
        return step(x, mask, last=True)
    if pooling == "attention":
        return _attend(x, mask, parts, name)
    if mask is None:
        layer = keras.layers.GlobalAveragePooling1D if pooling == "mean" else keras.layers.GlobalMaxPooling1D
        return layer(data_format="channels_last", name=name)(x)
    return _masked_mean(x, mask) if pooling == "mean" else _masked_max(x, mask)


def step(x, mask, *, last):
    """Return (batch, features): the last or the first step that the mask counts."""
    if mask is None:
        return ops.take(x, -1 if last else 0, axis=1)
    count = ops.cumsum(ops.cast(mask, "int32"), axis=1)
    chosen = ops.logical_and(mask, ops.equal(count, ops.max(count, axis=1, keepdims=True) if last else 1))
    return ops.sum(apply_mask(x, chosen), axis=1)


def _masked_mean(x, mask):
    # In float32: in 16 bits a count above 256 is rounded.
    total = ops.sum(ops.cast(apply_mask(x, mask), "float32"), axis=1)
    return total / ops.maximum(ops.sum(ops.cast(mask, "float32"), axis=1, keepdims=True), 1.0)


def _masked_max(x, mask):
    return ops.where(ops.any(mask, axis=1, keepdims=True), ops.max(_least_where_padded(x, mask), axis=1), 0.0)


def _least_where_padded(x, mask):
    # The least that the type can hold: any activation is more.
    return ops.where(ops.expand_dims(mask, -1), x, -6.5e4 if x.dtype == "float16" else -3e38)


def _attend(x, mask, parts, name):
    # A bias would add the same to every score, and the softmax takes it out again. 16 bits are too few for weights of many steps.
    scores = parts.linear(x, 1, name=f"{name}_score", use_bias=False, dtype="float32")
    if mask is not None:
        scores = ops.where(ops.expand_dims(mask, -1), scores, -1e30)
    weights = keras.layers.Softmax(axis=1, dtype="float32", name=f"{name}_weights")(scores)
    return ops.sum(weights * ops.cast(apply_mask(x, mask), "float32"), axis=1)
