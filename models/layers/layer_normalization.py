"""Layer normalization over few channels, by matrix products, with the weights, the results and the file format of Keras' layer."""

import keras

# With more the products cost more than they save: at 64 channels they gained, at 128 they no longer did, at 512 they took twice as long.
MOST_CHANNELS = 64


class LayerNormalization(keras.layers.LayerNormalization):
    """Layer normalization that is faster on a CPU under TensorFlow where the channels are few, as in convolutional networks.

    For each position, with mean and variance over its channels,

        output = gamma * (input - mean) / sqrt(variance + epsilon) + beta

    Source: Ba, Kiros and Hinton (2016), "Layer Normalization", equation 3, for the position alone, as in Liu et al. (2022), "A ConvNet for
    the 2020s".

    It exists because TensorFlow is slow at sums over a short last axis. A product with a constant matrix subtracts the mean of every
    position at once, another one takes the means of the squares, and the gradient is written out as two more. `benchmarks/normalization.py`
    measures the difference.

    The products are used under TensorFlow on a machine without a GPU, outside XLA, for three and more axes of which the last has at most 64
    channels and is the one that is normalized, in float32, bfloat16 or float16. (A GPU may round the factors of a product to 10 bits.)
    Everywhere else it is Keras' own path. Arguments, defaults, weights, their names and their types are those of
    `keras.layers.LayerNormalization`; so is what is written to a file, which loads as Keras' layer where Hornbook is not installed.

    Example:

        model = keras.Sequential([keras.layers.Conv2D(16, 3, use_bias=False), LayerNormalization(), keras.layers.ReLU(),
                                  keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        model.fit(images, labels, batch_size=128, epochs=10)
    """

    # Keras writes a layer's class to files by these two names. With them a saved model names Keras' layer, and needs no import of ours.
    __module__ = "keras.layers"
    __qualname__ = "LayerNormalization"

    def call(self, inputs):
        """Normalizes `inputs`, `(batch, ..., channels)`, into a tensor of the same shape in the layer's compute dtype."""
        if not self._products_take(inputs):
            return super().call(inputs)
        import tensorflow as tf

        channels = inputs.shape[-1]
        gamma = tf.ones(channels) if self.gamma is None else tf.cast(self.gamma, tf.float32)
        beta = tf.zeros(channels) if self.beta is None else tf.cast(self.beta, tf.float32)
        return tf.cast(_normalize(inputs, gamma, beta, self.epsilon), self.compute_dtype)

    def _products_take(self, inputs):
        if keras.config.backend() != "tensorflow":
            return False
        import tensorflow as tf

        rank = len(inputs.shape)
        return (
            rank >= 3
            and self.axis in ([-1], [rank - 1])
            and inputs.shape[-1] <= MOST_CHANNELS
            and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
            and not self.rms_scaling
            and not tf.config.list_physical_devices("GPU")
            and tf.__internal__.get_enclosing_xla_context() is None
        )


def _normalize(inputs, gamma, beta, epsilon):
    """The formula with a gradient of its own: left to TensorFlow, it has two more sums over the last axis."""
    import tensorflow as tf

    channels = inputs.shape[-1]

    @tf.custom_gradient
    def normalize(inputs, gamma, beta):
        average = tf.fill((channels, 1), 1.0 / channels)
        center = tf.eye(channels) - 1.0 / channels
        values = tf.reshape(tf.cast(inputs, tf.float32), (-1, channels))
        centered = tf.matmul(values, center)
        inverse = tf.math.rsqrt(tf.matmul(tf.square(centered), average) + epsilon)
        normalized = centered * inverse
        outputs = tf.cast(tf.reshape(normalized * gamma + beta, tf.shape(inputs)), inputs.dtype)

        def gradient(upstream):
            # The inputs' gradient is that of centring, less what changes the variance: inverse * (g - mean(g) - n * mean(g * n)), with
            # g = gamma * upstream and n the normalized values.
            upstream = tf.reshape(tf.cast(upstream, tf.float32), (-1, channels))
            products = upstream * normalized
            scale = gamma[:, None]
            inputs_gradient = inverse * (tf.matmul(upstream, scale * center) - normalized * tf.matmul(products, scale * average))
            inputs_gradient = tf.cast(tf.reshape(inputs_gradient, tf.shape(inputs)), inputs.dtype)
            return inputs_gradient, tf.reduce_sum(products, axis=0), tf.reduce_sum(upstream, axis=0)

        return outputs, gradient

    return normalize(inputs, gamma, beta)
