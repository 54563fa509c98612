"""Group normalization in fewer and faster passes, with the weights, the results and the file format of Keras' layer."""

import keras
from keras import ops


class GroupNormalization(keras.layers.GroupNormalization):
    """Group normalization that takes its statistics channel by channel first, which is faster on TensorFlow.

    For each example, with mean and variance over all positions and the channels of a group,

        output = gamma * (input - mean) / sqrt(variance + epsilon) + beta

    where gamma and beta have a value for each channel. One group in all is layer normalization over all axes but the batch, one group a
    channel (`groups=-1`) is instance normalization. Source: Wu and He (2018), "Group Normalization", equations 1 to 6.

    It exists because Keras splits the channels into an axis of groups, and TensorFlow is slow at adding and multiplying tensors of five
    axes of which two are short. Here the large tensor keeps its shape: channels are averaged over the positions, then groups over their
    channels, which are few numbers. `benchmarks/normalization.py` measures the difference.

    On JAX and PyTorch, when `axis` is not the last, for `(batch, features)`, and for instance normalization (where it gained nothing) it is
    Keras' own path. Arguments, defaults, weights, their names and their types are those of `keras.layers.GroupNormalization`; so is what is
    written to a file, which loads as Keras' layer where Hornbook is not installed.

    Example:

        model = keras.Sequential([keras.layers.Conv2D(16, 3, use_bias=False), GroupNormalization(groups=4), keras.layers.ReLU(),
                                  keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        model.fit(images, labels, batch_size=128, epochs=10)
    """

    # Keras writes a layer's class to files by these two names. With them a saved model names Keras' layer, and needs no import of ours.
    __module__ = "keras.layers"
    __qualname__ = "GroupNormalization"

    def call(self, inputs):
        """Normalizes `inputs`, `(batch, ..., channels)`, into a tensor of the same shape in the layer's compute dtype."""
        rank = len(inputs.shape)
        one_channel_each = self.groups == inputs.shape[self.axis]
        if keras.config.backend() != "tensorflow" or rank < 3 or self.axis not in (-1, rank - 1) or one_channel_each:
            return super().call(inputs)
        # As Keras: squares of 16-bit values overflow or lose all digits.
        values = ops.cast(inputs, keras.backend.result_type(inputs.dtype, "float32"))
        positions = tuple(range(1, rank - 1))
        centered = values - self._over_groups(ops.mean(values, axis=positions, keepdims=True))
        # Not the mean square less the squared mean, which saves a pass: it loses digits when the mean is large.
        variance = self._over_groups(ops.mean(ops.square(centered), axis=positions, keepdims=True))
        factor = ops.rsqrt(variance + self.epsilon)
        if self.scale:
            factor = factor * ops.cast(self.gamma, values.dtype)
        outputs = centered * factor
        if self.center:
            outputs = outputs + ops.cast(self.beta, values.dtype)
        return ops.cast(outputs, self.compute_dtype)

    def _over_groups(self, means):
        """The mean of each channel's group in place of the channel's own; both `(batch, 1, ..., channels)`."""
        size = means.shape[-1] // self.groups
        grouped = ops.mean(ops.reshape(means, (-1, self.groups, size)), axis=-1, keepdims=True)
        return ops.reshape(ops.repeat(grouped, size, axis=-1), ops.shape(means))
