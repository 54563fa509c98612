"""Transformer encoders (Vaswani et al. 2017): their blocks, and the ones for text and for series."""

import keras
from keras import ops

from hornbook.models.layers.attention import angles
from hornbook.models.layers.checks import check_count, check_rate
from hornbook.models.parts import sequences
from hornbook.models.parts.activations import ACTIVATIONS
from hornbook.models.parts.choices import Choices
from hornbook.models.parts.encoder import GATED, TransformerParts, check_heads
from hornbook.models.parts.initializers import refuse_dirac
from hornbook.models.parts.normalization import refuse_constant_means, refuse_padding

# Of learned vectors that stand beside the data: in Devlin et al.'s code and Dosovitskiy et al.'s.
_DEVIATION = 0.02


def prenorm_block(x, places, drop_rate, parts, name):
    """Attention and a feed-forward layer, each normalized before and added to its input (Xiong et al. 2020, figure 1b)."""
    y = parts.norm(x, name=f"{name}_norm1")
    y = parts.attention(y, places, name=f"{name}_attention")
    x = parts.add(x, y, drop_rate, name=f"{name}_attention")
    y = parts.norm(x, name=f"{name}_norm2")
    y = parts.feed_forward(y, name=f"{name}_dense")
    return parts.add(x, y, drop_rate, name=f"{name}_dense")


def postnorm_block(x, places, drop_rate, parts, name):
    """Attention and a feed-forward layer, each added to its input and the sum normalized (Vaswani et al. 2017, section 3.1)."""
    y = parts.attention(x, places, name=f"{name}_attention")
    x = parts.add(x, y, drop_rate, name=f"{name}_attention")
    x = parts.norm(x, name=f"{name}_norm1")
    y = parts.feed_forward(x, name=f"{name}_dense")
    x = parts.add(x, y, drop_rate, name=f"{name}_dense")
    return parts.norm(x, name=f"{name}_norm2")


BLOCKS = {"pre": prenorm_block, "post": postnorm_block}


def _check_kernels(weight_normalization, **_):
    if weight_normalization not in (None, "none"):
        raise ValueError(
            f"weight_normalization must be None for a transformer, got {weight_normalization!r}: the kernels of attention are "
            "inside Keras' layers, out of its reach, and half a network normalized is neither; use normalization"
        )


def _check_means(normalization, pooling, groups=None, channels=None, **_):
    # Last of all comes a normalization, in either position.
    if pooling == "mean":
        refuse_constant_means(normalization, groups, channels, "use pooling='class', or another normalization")


def _check_positions(positions, fixed_length, **_):
    if positions == "learned" and not fixed_length:
        raise ValueError("learned positions need a known time in input_shape, got None; use positions='sinusoidal' or 'rotary'")


TAKES = Choices(
    {
        "positions": ("learned", "sinusoidal", "rotary", "none"),
        "pooling": ("class", *sequences.POOLINGS),
        "normalization_position": BLOCKS,
        "activation": (*ACTIVATIONS, *GATED),
    },
    _check_kernels,
    refuse_dirac,
    _check_means,
    _check_positions,
    refuse_padding,
    numbers=(lambda width, heads, key_value_heads, positions, **_: check_heads(width, heads, key_value_heads, positions),),
)


def encoder(inputs, embed, mask, num_outputs, *, depth, normalization_position, positions, pooling, stochastic_depth, name, each_step=False,
            **options):  # fmt: skip
    """Return the model from `inputs` to logits, by way of `embed(parts)`, (batch, time, width), and its mask, (batch, time) or None."""
    depth, stochastic_depth = check_count("depth", depth), check_rate("stochastic_depth", stochastic_depth)
    TAKES.check(
        positions=positions,
        pooling=pooling,
        normalization_position=normalization_position,
        normalization=options["normalization"],
        groups=options["groups"],
        channels=options["width"],
        weight_normalization=options["weight_normalization"],
        initializer=options["initializer"],
        padded=mask is not None,
        fixed_length=inputs.shape[1] is not None,
    )
    block, class_token = BLOCKS[normalization_position], pooling == "class" and not each_step
    mask_of_all = mask if mask is None or not class_token else ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)
    parts = TransformerParts(positions=positions, mask=mask_of_all, **options)
    x = embed(parts)
    places = _places(x, mask)
    if class_token:
        x, places = _with_class_token(x, places)
    if positions in ("learned", "sinusoidal"):
        sinusoidal = positions == "sinusoidal"
        vectors = _sinusoids(places, parts.width) if sinusoidal else _embedding(x.shape[1], parts.width, name="positions")(places)
        x = keras.layers.Add(name="with_positions")([x, vectors])
    x = parts.dropout(x, name="dropout")
    for index in range(1, depth + 1):
        x = block(x, places, stochastic_depth * index / depth, parts, f"block{index}")
    if normalization_position == "pre":
        x = parts.norm(x, name="final_norm")
    x = x[:, 0] if class_token else sequences.pool(x, mask, None if each_step else pooling, parts, name="pool")
    x = parts.dropout(x, name="output_dropout")
    return parts.model(inputs, x, num_outputs, name=name)


def _places(x, mask):
    """Return where each step stands, 0, 1, 2, ..., as int32 (1, time); with a mask (batch, time), from the first step that counts.

    Built of operations on the input, so that a model takes sequences of any length, and padding on either side changes nothing.
    """
    places = ops.cumsum(ops.ones_like(x[:1, :, 0], dtype="int32"), axis=1) - 1
    if mask is None:
        return places
    first = ops.argmax(ops.cast(mask, "int32"), axis=1, keepdims=True)
    return ops.maximum(places - ops.cast(first, "int32"), 0)


def _with_class_token(x, places):
    """Put a learned vector before the first step (Devlin et al. 2019; Dosovitskiy et al. 2021, equation 1)."""
    token = _embedding(1, x.shape[-1], name="class_token")(ops.zeros_like(x[:, :1, 0], dtype="int32"))
    x = keras.layers.Concatenate(axis=1, name="with_class_token")([token, x])
    return x, ops.concatenate([ops.zeros_like(places[:, :1]), places + 1], axis=1)


def _sinusoids(places, width):
    """Vaswani et al. 2017, section 3.5, with all sines before all cosines: an order of features that the next kernel learns either way."""
    if width % 2:
        raise ValueError(f"sinusoidal positions are pairs of a sine and a cosine: width must be even, got {width}")
    turns = angles(places, width)
    return ops.concatenate([ops.sin(turns), ops.cos(turns)], axis=-1)


def _embedding(count, width, name):
    start = keras.initializers.TruncatedNormal(stddev=_DEVIATION)
    return keras.layers.Embedding(count, width, embeddings_initializer=start, name=name)


def _embedding_size(width, training):
    if training == "both" and width % 2:
        raise ValueError(f"embedding_training 'both' has half of the width in each of two tables: width must be even, got {width}")
    return width // 2 if training == "both" else width


def text_transformer(
    input_shape,
    num_outputs,
    *,
    vocabulary_size=None,
    embedding_dropout=0.0,
    embedding_training="tuned",
    padded="auto",
    depth=2,
    width=128,
    heads=4,
    key_value_heads=None,
    feed_forward_width=None,
    positions="sinusoidal",
    pooling="mean",
    each_step=False,
    normalization_position="pre",
    attention_dropout=0.0,
    normalization="layer",
    groups=None,
    weight_normalization=None,
    activation="gelu",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="text_transformer",
):
    """Build a transformer encoder of tokens: integers (batch, time) to float32 logits (batch, num_outputs).

    Tokens are embedded, positions added, and `depth` blocks of attention and a feed-forward layer follow; what comes out is pooled over
    time. Attention spends time on every pair of steps. Padding, at the end or at the start, changes no output.

    Args:
        input_shape: (time,), of integer tokens; time may be None, for texts of any length.
        num_outputs: Classes, or values to predict.
        vocabulary_size: Number of tokens, padding among them: tokens are below it. Must be given.
        embedding_training: Which vectors of tokens are trained: "tuned", "frozen" or "both", see `rnn`; of both each has half of the width.
        padded: Whether token 0 is padding, which attention and pooling then leave out. "auto" is True.
        depth: Blocks. Defaults to 2: data sets of thousands of sentences do not feed more.
        width: Features of a step. Defaults to 128.
        heads: Attention heads; each has width / heads features. Defaults to 4.
        key_value_heads: Heads of keys and values, each shared by heads / key_value_heads heads of queries (Ainslie et al. 2023); None for
            one each, which is multi-head attention.
        feed_forward_width: Hidden units of the feed-forward layers. Defaults to 4 * width (Vaswani et al. 2017, table 3), and to
            8 * width / 3 with a gated activation, which has a third kernel.
        positions: "sinusoidal" (of any length, and without weights), "learned" (a vector for each place; time must be known), "rotary" (Su
            et al. 2021: queries and keys are turned; a saved model then needs `import hornbook.models`) or "none" (a bag of words).
        pooling: "mean", "max", "last" or "attention" of the steps, or "class": a learned token before the first step is what is read.
        each_step: Outputs of each step, (batch, time, num_outputs), in place of pooled ones, see `rnn`.
        normalization_position: "pre" (before attention and feed-forward layers: trains without a warm-up, Xiong et al. 2020) or "post"
            (after the sums, as Vaswani et al. and BERT have it).
        attention_dropout: Rate at which attention scores are dropped (`attention_probs_dropout_prob` of BERT).
        normalization: "layer" by default, where other families have "batch": padding and texts of different lengths make statistics over
            a batch poor (Shen et al. 2020). "rms", "batch" and "none" too; "group" only where nothing is padded, as it takes statistics
            over all steps, and "instance" where besides the pooling is not "mean", which would be the same for every input.
        weight_normalization: Must be None: the kernels of attention are out of its reach.
        activation: Of the feed-forward layers: one of `ACTIVATIONS`, a function, or a gated one, "swiglu", "geglu" or "reglu" (Shazeer
            2020). Defaults to "gelu", as in BERT, ViT and GPT, where other families have "relu".
        initializer: As in `resnet`, by the activation for the first kernel of a feed-forward layer; Glorot for those that no activation
            follows, attention's among them.
        dropout: Rate after the positions, after each attention and feed-forward layer (residual dropout, Vaswani et al. 2017, section
            5.4), and before the output layer.
        stochastic_depth: Rate at which both branches of the last block are dropped, for single examples; it rises linearly from the first.

    The options that every family has are described under `resnet`.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.text_transformer((20,), 3, vocabulary_size=100, depth=1, width=16, activation="swiglu")
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.randint((8, 20), 1, 100), keras.ops.zeros((8,), "int32"), verbose=0)
        ```
    """
    width = check_count("width", width)
    if vocabulary_size is None:
        raise ValueError("vocabulary_size must be given for tokens: their number, padding among them; for series use series_transformer")
    # Small numbers that are learned fast, scaled to the size of the sinusoids beside them (Vaswani et al. 2017, section 3.4).
    start = keras.initializers.RandomNormal(stddev=width**-0.5)
    inputs, x, mask = sequences.sequence_inputs(
        input_shape,
        vocabulary_size=vocabulary_size,
        embedding_size=_embedding_size(width, embedding_training),
        embedding_dropout=embedding_dropout,
        embedding_training=embedding_training,
        padded=padded,
        embeddings_initializer=start,
    )
    return encoder(
        inputs,
        lambda parts: keras.layers.Rescaling(width**0.5, name="scaled_embedding")(x),
        mask,
        num_outputs,
        depth=depth,
        width=width,
        heads=heads,
        key_value_heads=key_value_heads,
        feed_forward_width=feed_forward_width,
        positions=positions,
        pooling=pooling,
        each_step=each_step,
        normalization_position=normalization_position,
        attention_dropout=attention_dropout,
        normalization=normalization,
        groups=groups,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=dropout,
        stochastic_depth=stochastic_depth,
        l1=l1,
        l2=l2,
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
        name=name,
    )


def series_transformer(
    input_shape,
    num_outputs,
    *,
    padded="auto",
    depth=2,
    width=128,
    heads=4,
    key_value_heads=None,
    feed_forward_width=None,
    positions="sinusoidal",
    pooling="mean",
    each_step=False,
    normalization_position="pre",
    attention_dropout=0.0,
    normalization="layer",
    groups=None,
    weight_normalization=None,
    activation="gelu",
    initializer="auto",
    initial_scale=1.0,
    dropout=0.0,
    stochastic_depth=0.0,
    l1=0.0,
    l2=0.0,
    max_norm=0.0,
    activity_l1=0.0,
    activity_l2=0.0,
    name="series_transformer",
):
    """Build a transformer encoder of series: floats (batch, time, features) to float32 logits (batch, num_outputs).

    A step's features are mapped to `width` by a dense layer (Zerveas et al. 2021, equation 1); then all is as in `text_transformer`, where
    the options are described.

    Args:
        input_shape: (time, features); time may be None, for series of any length.
        num_outputs: Classes, or values to predict.
        padded: Whether steps whose features are all NaN are padding, which changes no output. "auto" is False: a NaN then stays one.

    Raises:
        ValueError: An option is out of range or does not go with another; the message says what is accepted.

    Example:
        ```python
        import keras
        from hornbook import models

        model = models.series_transformer((50, 3), 4, depth=1, width=16, positions="rotary", normalization="rms")
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        model.fit(keras.random.normal((8, 50, 3)), keras.ops.zeros((8,), "int32"), verbose=0)
        ```
    """
    inputs, x, mask = sequences.sequence_inputs(input_shape, padded=padded)
    return encoder(
        inputs,
        lambda parts: parts.linear(x, parts.width, name="projection"),
        mask,
        num_outputs,
        depth=depth,
        width=width,
        heads=heads,
        key_value_heads=key_value_heads,
        feed_forward_width=feed_forward_width,
        positions=positions,
        pooling=pooling,
        each_step=each_step,
        normalization_position=normalization_position,
        attention_dropout=attention_dropout,
        normalization=normalization,
        groups=groups,
        weight_normalization=weight_normalization,
        activation=activation,
        initializer=initializer,
        initial_scale=initial_scale,
        dropout=dropout,
        stochastic_depth=stochastic_depth,
        l1=l1,
        l2=l2,
        max_norm=max_norm,
        activity_l1=activity_l1,
        activity_l2=activity_l2,
        name=name,
    )
