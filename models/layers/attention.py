"""Attention layers: Keras' own made faster under TensorFlow, one with rotary positions, and how to read their scores."""

import keras
from keras import ops

from hornbook.models.layers.checks import check_count

# Rotations slow down from 1 radian a step to 1 / 10000, as the sinusoids of Vaswani et al. (2017, section 3.5).
_SLOWEST = 10000.0

# Far below any score, and finite in every type that holds scores: a row without a single key gets even shares, not NaN.
_MASKED = -1e9


class _FasterAttention:
    """The middle of an attention layer, from projected queries, keys and values to weighted values, in fewer passes."""

    def _compute_attention(self, query, key, value, attention_mask=None, training=None, *args, **options):
        if keras.config.backend() != "tensorflow" or len(query.shape) != 4:
            return super()._compute_attention(query, key, value, attention_mask, training, *args, **options)
        import tensorflow as tf

        # (batch, time, heads, size) to (batch, heads, time, size): one transposition each, where an einsum may take several. Queries are
        # scaled rather than scores, of which there are more; masked keys are pushed down by an addition, which has no gradient of its own.
        query, key, value = (tf.transpose(tensor, (0, 2, 1, 3)) for tensor in (query, key, value))
        query *= tf.cast(query.shape[-1] ** -0.5, query.dtype)
        scores = ops.cast(tf.matmul(query, key, transpose_b=True), keras.backend.result_type(query.dtype, "float32"))
        if attention_mask is not None:
            while len(attention_mask.shape) < 4:
                attention_mask = tf.expand_dims(attention_mask, -3)
            scores += tf.where(tf.cast(attention_mask, tf.bool), tf.zeros((), scores.dtype), _MASKED)
        scores = tf.cast(tf.nn.softmax(scores), value.dtype)
        outputs = tf.matmul(self._dropout_layer(scores, training=training), value)
        return tf.transpose(outputs, (0, 2, 1, 3)), scores


class MultiHeadAttention(_FasterAttention, keras.layers.MultiHeadAttention):
    """Keras' multi-head attention, faster under TensorFlow on a CPU.

    With queries, keys and values projected for each head,

        output = softmax(query · key / sqrt(key_dim)) · value

    and the heads' outputs joined and projected. Source: Vaswani et al. (2017), "Attention Is All You Need", equation 1 and section 3.2.2.

    It exists because Keras' layer scales the scores instead of the queries and leaves transpositions to einsum, which costs passes over the
    scores. The softmax is in float32 under 16-bit policies, as in Keras' layer without dropout. Under JAX and PyTorch it is Keras' own.
    Arguments, defaults, weights, their names and their types are those of `keras.layers.MultiHeadAttention`; so is what is written to a
    file, which loads as Keras' layer where Hornbook is not installed.

    Example:
        ```python
        import keras
        from hornbook.models import MultiHeadAttention

        x = inputs = keras.Input((16, 8))
        x = keras.layers.GlobalAveragePooling1D()(MultiHeadAttention(num_heads=2, key_dim=4)(x, x))
        model = keras.Model(inputs, keras.layers.Dense(1)(x))
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 16, 8)), keras.ops.zeros((8, 1)), verbose=0)
        ```
    """

    # Keras writes a layer's class to files by these two names. With them a saved model names Keras' layer, and needs no import of ours.
    __module__ = "keras.layers"
    __qualname__ = "MultiHeadAttention"


@keras.saving.register_keras_serializable(package="hornbook")
class RotaryAttention(_FasterAttention, keras.layers.GroupQueryAttention):
    """Grouped-query attention with queries and keys turned by their places, so that scores depend only on how far apart two steps are.

    Features i and i + head_dim / 2 of a head are turned together by place * 10000 ** (-2 i / head_dim) radians. Source: Su et al. (2021),
    "RoFormer: Enhanced Transformer with Rotary Position Embedding", equation 34, with the pairs' order that GPT-NeoX has (a permutation of
    features, which the projections learn either way). Keras has no layer of this kind, so a saved model needs `import hornbook.models`.

    Takes what `keras.layers.GroupQueryAttention` takes, with `head_dim` even, and returns what it returns. As many key and value heads as
    query heads make it multi-head attention. Called with `places`, int32 (batch or 1, time), it turns by these; else by 0, 1, 2, ....

    Example:
        ```python
        import keras
        from hornbook.models import RotaryAttention

        x = inputs = keras.Input((None, 8))
        x = RotaryAttention(head_dim=4, num_query_heads=2, num_key_value_heads=2)(x, x)
        model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.GlobalAveragePooling1D()(x)))
        model.compile("adam", "mse")
        ```
    """

    def __init__(self, head_dim, *args, **options):
        if check_count("head_dim", head_dim) % 2:
            raise ValueError(f"head_dim must be even for rotary positions, which turn features in pairs, got {head_dim}")
        super().__init__(head_dim, *args, **options)

    def call(self, query, value, key=None, places=None, attention_mask=None, return_attention_scores=False, training=None):
        """Attends from `query`, (batch, time, features), to `value` where `attention_mask`, (batch, 1 or time, time), is True."""
        # Keras' own path reads this; with scores asked for, it takes no kernel that hides them.
        self._return_attention_scores = return_attention_scores
        key = value if key is None else key
        if places is None:
            places = ops.expand_dims(ops.arange(ops.shape(query)[1], dtype="int32"), 0)
        query, key = _turn(self._query_dense(query), places), _turn(self._key_dense(key), places)
        key, value = (ops.repeat(heads, self.num_repeats, axis=2) for heads in (key, self._value_dense(value)))
        outputs, scores = self._compute_attention(query, key, value, attention_mask, training)
        outputs = self._output_dense(outputs)
        return (outputs, scores) if return_attention_scores else outputs

    def compute_output_spec(self, query, value, key=None, places=None, **options):
        return super().compute_output_spec(query, value, key, **options)


def angles(places, features):
    """Return places times the frequencies of Vaswani et al. (2017, section 3.5): (batch, time) to float32 (batch, time, features / 2)."""
    frequencies = [_SLOWEST ** (-2 * pair / features) for pair in range(features // 2)]
    return ops.expand_dims(ops.cast(places, "float32"), -1) * ops.convert_to_tensor(frequencies, "float32")


def _turn(heads, places):
    """Turn the pairs of features in (batch, time, heads, size) by their places."""
    turns = ops.expand_dims(angles(places, heads.shape[-1]), 2)
    cosine, sine = ops.cast(ops.cos(turns), heads.dtype), ops.cast(ops.sin(turns), heads.dtype)
    first, second = ops.split(heads, 2, axis=-1)
    return ops.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


def attention_scores(model, inputs):
    """Return what each attention layer of a model looked at, in the order in which the layers are called.

    Args:
        model: Any `keras.Model` with Keras' `MultiHeadAttention` or `GroupQueryAttention` in it, of Hornbook or not, reloaded or not, at
            any depth of models in models.
        inputs: What `model` takes. All of it is run at once, without dropout: give it a batch, not a data set.

    Returns:
        A list with a float32 NumPy array (batch, heads, queries, keys) for each layer. Rows sum to 1, with 0 for masked keys; those of
        queries that are padding mean nothing.

    Raises:
        ValueError: The model has no attention layer.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.vision_transformer((8, 8, 1), 10, depth=1, width=8, heads=2, patch_size=4)
        (scores,) = models.attention_scores(model, keras.random.normal((3, 8, 8, 1)))
        assert scores.shape == (3, 2, 4, 4)
        ```
    """
    kinds = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, kinds)]
    if not layers:
        raise ValueError(f"{model.name!r} has no attention layer to read; it needs Keras' MultiHeadAttention or GroupQueryAttention")
    found = []

    def reading(call):
        def read(*args, **options):
            outputs, scores = call(*args, **{**options, "return_attention_scores": True})
            found.append(ops.convert_to_numpy(ops.cast(scores, "float32")))
            return outputs

        return read

    # A model built of outputs of inner layers would not reach into models in models, nor into subclassed ones; one call does.
    for layer in layers:
        layer.call = reading(layer.call)
    try:
        model(inputs, training=False)
    finally:
        for layer in layers:
            del layer.call
    return found
