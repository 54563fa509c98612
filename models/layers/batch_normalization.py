"""Batch normalization by TensorFlow's fused kernel, with the weights, the results and the file format of Keras' layer."""

import keras

# The GPU library behind the kernel takes no smaller epsilon, and TensorFlow silently raises one that is smaller, which would change the
# results. `keras.applications.ResNet50` has exactly this one.
SMALLEST_KERNEL_EPSILON = 1.001e-5

# What builders pass, here as in the recurrent layers. Keras' 0.99 needs hundreds of steps before the moving statistics mean anything: after
# 5 epochs on scikit-learn's digits, validation accuracy was 0.10 with it and 0.93 with 0.9, which is also PyTorch's.
MOMENTUM = 0.9


class BatchNormalization(keras.layers.BatchNormalization):
    """Batch normalization that uses TensorFlow's fused kernel where it can, and is Keras' layer everywhere else.

    Over every axis but the channels, and with biased variance, a training step computes

        output = gamma * (input - mean(input)) / sqrt(variance(input) + epsilon) + beta
        moving_mean = momentum * moving_mean + (1 - momentum) * mean(input)
        moving_variance = momentum * moving_variance + (1 - momentum) * variance(input)

    and inference (`training=False`, or `trainable=False`) puts the moving statistics in place of the batch's.
    Source: Ioffe and Szegedy (2015), "Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
    algorithms 1 and 2.

    It exists because Keras composes the formula from separate operations, each a pass over the activations, and in float32 also for
    float16 and bfloat16 inputs. The kernel needs fewer passes and reads the 16-bit values as they are. `benchmarks/throughput.py` and
    `benchmarks/normalization.py` measure the difference.

    The kernel is used on the TensorFlow backend for `(batch, steps, channels)`, `(batch, height, width, channels)` and
    `(batch, depth, height, width, channels)` in float32, bfloat16 or float16. Keras' own path is used on JAX and PyTorch, inside XLA
    (`jit_compile=True`), with a mask, with `synchronized=True` or `renorm=True`, when `axis` is not the last, for `(batch, features)`
    (where the kernel is slower), for float64, and for an epsilon below 1.001e-5 (which the kernel does not take).

    Arguments, defaults, weights, their names and their types are those of `keras.layers.BatchNormalization`; so is what is written to a
    file, which loads as Keras' layer where Hornbook is not installed. Note that Keras' default momentum of 0.99 needs some hundreds of
    steps before inference is any good: 0.9 suits short trainings.

    Example:

        model = keras.Sequential([keras.layers.Conv2D(16, 3, use_bias=False), BatchNormalization(momentum=0.9), keras.layers.ReLU(),
                                  keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(10)])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
        model.fit(images, labels, batch_size=128, epochs=10)
    """

    # Keras writes a layer's class to files by these two names. With them a saved model names Keras' layer, and needs no import of ours.
    __module__ = "keras.layers"
    __qualname__ = "BatchNormalization"

    def call(self, inputs, training=None, mask=None):
        """Normalizes `inputs`, any of the shapes above, into a tensor of the same shape in the layer's compute dtype."""
        if mask is None and self._kernel_takes(inputs, frozen=bool(training) and not self.trainable):
            return self._call_kernel(inputs, training=bool(training) and self.trainable)
        return super().call(inputs, training=training, mask=mask)

    def _kernel_takes(self, inputs, frozen):
        if keras.config.backend() != "tensorflow":
            return False
        import tensorflow as tf

        # XLA composes the kernel from operations of its own: no faster than Keras' path, and with a variance E[x²] - E[x]², which loses
        # digits when the mean is large.
        if tf.__internal__.get_enclosing_xla_context() is not None:
            return False
        # On a GPU with deterministic operations the kernel has no gradient in inference mode, and a frozen layer needs one.
        if frozen and tf.config.list_physical_devices("GPU"):
            return False
        return (
            isinstance(inputs, tf.Tensor | tf.Variable)
            and inputs.shape.rank in (3, 4, 5)
            and self.axis in (-1, inputs.shape.rank - 1)
            and inputs.dtype in (tf.float32, tf.bfloat16, tf.float16)
            and not (self.synchronized or self.renorm)
            and self.epsilon >= SMALLEST_KERNEL_EPSILON
        )

    def _call_kernel(self, inputs, training):
        import tensorflow as tf

        # The kernel has one rank, and only the channels matter to it.
        images = inputs if inputs.shape.rank == 4 else tf.reshape(inputs, tf.concat([(-1, 1), tf.shape(inputs)[-2:]], axis=0))
        channels = self.moving_mean.shape
        moving_mean = tf.cast(self.moving_mean, tf.float32)
        moving_variance = tf.cast(self.moving_variance, tf.float32)
        if training:
            # The kernel multiplies the variance of n values by n / max(n - 1, 1) before it joins the moving variance. Keras does not:
            # divided by that factor before and multiplied by it after, the moving variance is Keras'.
            values = tf.cast(tf.size(inputs) // channels[0], tf.float32)
            correction = tf.maximum(values - 1.0, 1.0) / values
            moving_variance = moving_variance / correction
        outputs, new_mean, new_variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=images,
            scale=tf.cast(self.gamma, tf.float32) if self.scale else tf.ones(channels),
            offset=tf.cast(self.beta, tf.float32) if self.center else tf.zeros(channels),
            mean=moving_mean,
            variance=moving_variance,
            epsilon=self.epsilon,
            exponential_avg_factor=1.0 - self.momentum if training else 1.0,
            data_format="NHWC",
            is_training=training,
        )
        if training:
            self.moving_mean.assign(new_mean)
            self.moving_variance.assign(new_variance * correction)
        else:
            # TensorFlow's graph optimizer makes one operation of a convolution, this kernel and a tanh, which it then has no
            # kernel for (TensorFlow 2.21: "Fusion is not implemented: [FusedBatchNorm,Tanh]"). A check of the shape stands between.
            outputs = tf.ensure_shape(outputs, images.shape)
        if images is not inputs:
            outputs = tf.reshape(outputs, tf.shape(inputs))
        return tf.cast(outputs, self.compute_dtype)
