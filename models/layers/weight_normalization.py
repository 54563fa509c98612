"""Normalization of kernels: layers that compute with a normalized copy and leave the stored kernel as it is.

Keras' `SpectralNormalization` overwrites the kernel that it wraps, and under JAX that assignment is lost at inference. Here the kernel
that a layer computes with is a function of the stored one, so every backend agrees.
"""

import math

import keras
from keras import ops

from hornbook.models.layers.checks import check_choice

# Added to fan-in times variance, which is about 2 at the start (He): it matters only for a kernel of almost equal values.
_EPSILON = 1e-5


class _NormalizedKernel(keras.layers.Layer):
    """What both have in common: the stored kernel stays float32 until it is normalized, and is what gets saved."""

    def add_weight(self, *args, name=None, autocast=True, **options):
        # Statistics of thousands of values need float32, so this variable is not cast to the compute type on access.
        return super().add_weight(*args, name=name, autocast=autocast and name != "kernel", **options)

    @property
    def kernel(self):
        return ops.cast(self._normalize(ops.cast(super().kernel, "float32")), self.compute_dtype)

    def save_own_variables(self, store):
        # Keras' Dense and convolutions would save `self.kernel`, the normalized copy.
        keras.layers.Layer.save_own_variables(self, store)

    def load_own_variables(self, store):
        keras.layers.Layer.load_own_variables(self, store)


class _Standardized(_NormalizedKernel):
    def build(self, input_shape):
        super().build(input_shape)
        if math.prod(self._kernel.shape[:-1]) < 2:
            raise ValueError(f"a kernel over one input has no deviation to standardize, in {self.name!r} with input shape {input_shape}")

    def _normalize(self, kernel):
        axes = list(range(len(kernel.shape) - 1))
        fan_in = math.prod(kernel.shape[:-1])
        mean, variance = ops.moments(kernel, axes=axes, keepdims=True)
        return (kernel - mean) * ops.rsqrt(fan_in * variance + _EPSILON)


class _Spectral(_NormalizedKernel):
    def build(self, input_shape):
        super().build(input_shape)
        self.right_vector = self.add_weight(
            name="right_vector", shape=(self._kernel.shape[-1],), initializer="random_normal", trainable=False, autocast=False
        )

    def call(self, inputs, training=False):
        if training:
            matrix = ops.reshape(ops.stop_gradient(ops.cast(self._kernel, "float32")), (-1, self._kernel.shape[-1]))
            self.right_vector.assign(_unit(ops.matmul(ops.transpose(matrix), _unit(ops.matmul(matrix, self.right_vector)))))
        return super().call(inputs)

    def _normalize(self, kernel):
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        right = _unit(self.right_vector)
        left = _unit(ops.stop_gradient(ops.matmul(matrix, right)))
        sigma = ops.sum(left * ops.matmul(matrix, right))
        return kernel / ops.maximum(sigma, 1e-12)


def _unit(vector):
    return vector / ops.maximum(ops.norm(vector), 1e-12)


@keras.saving.register_keras_serializable(package="hornbook")
class StandardizedConv2D(_Standardized, keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose kernel has, for each output channel, mean 0 and variance 1 / fan-in.

    Takes and returns what Conv2D does: (batch, height, width, channels) to (batch, height, width, filters).

    Weight standardization (Qiao et al. 2019, equations 3 to 5), divided by the root of the fan-in as in Brock et al. (2021, equation 1):
    a normalization that follows cancels the factor, and without one the signal keeps its size.

    Example:
        ```python
        import keras
        from hornbook.models import StandardizedConv2D

        x = inputs = keras.Input((8, 8, 1))
        x = keras.layers.GroupNormalization(groups=4)(StandardizedConv2D(16, 3, use_bias=False)(x))
        model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.GlobalAveragePooling2D()(x)))
        ```
    """


@keras.saving.register_keras_serializable(package="hornbook")
class StandardizedConv1D(_Standardized, keras.layers.Conv1D):
    """`keras.layers.Conv1D` whose kernel has, for each output channel, mean 0 and variance 1 / fan-in; see `StandardizedConv2D`.

    Takes and returns what Conv1D does: (batch, time, channels) to (batch, time, filters).

    Example:
        ```python
        import keras
        from hornbook.models import StandardizedConv1D

        model = keras.Sequential([StandardizedConv1D(16, 3, activation="relu"), keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 20, 4)), keras.random.normal((8, 1)), verbose=0)
        ```
    """


@keras.saving.register_keras_serializable(package="hornbook")
class StandardizedDense(_Standardized, keras.layers.Dense):
    """`keras.layers.Dense` whose kernel has, for each output, mean 0 and variance 1 / fan-in; see `StandardizedConv2D`.

    Takes and returns what Dense does: (batch, ..., features) to (batch, ..., units).

    Example:
        ```python
        import keras
        from hornbook.models import StandardizedDense

        model = keras.Sequential([StandardizedDense(16, activation="relu"), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(keras.random.normal((8, 4)), keras.random.normal((8, 1)), verbose=0)
        ```
    """


@keras.saving.register_keras_serializable(package="hornbook")
class SpectralConv2D(_Spectral, keras.layers.Conv2D):
    """`keras.layers.Conv2D` whose kernel, as a matrix (height * width * channels, filters), has largest singular value 1.

    Takes and returns what Conv2D does: (batch, height, width, channels) to (batch, height, width, filters).

    Spectral normalization (Miyato et al. 2018, equation 8 and algorithm 1): the singular vector is kept from step to step and moved by
    one power iteration in each training step, so the value is an estimate that settles within some tens of steps. It is a
    non-trainable weight, saved with the layer.

    Example:
        ```python
        import keras
        from hornbook.models import SpectralConv2D

        model = keras.Sequential([SpectralConv2D(8, 3, activation="leaky_relu"), keras.layers.Flatten(), keras.layers.Dense(1)])
        model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True))
        model.fit(keras.random.normal((8, 8, 8, 1)), keras.ops.ones((8, 1)), verbose=0)
        ```
    """


@keras.saving.register_keras_serializable(package="hornbook")
class SpectralConv1D(_Spectral, keras.layers.Conv1D):
    """`keras.layers.Conv1D` whose kernel, as a matrix (size * channels, filters), has largest singular value 1; see `SpectralConv2D`.

    Takes and returns what Conv1D does: (batch, time, channels) to (batch, time, filters).

    Example:
        ```python
        import keras
        from hornbook.models import SpectralConv1D

        model = keras.Sequential([SpectralConv1D(16, 3, activation="relu"), keras.layers.GlobalMaxPooling1D(), keras.layers.Dense(1)])
        model.compile("adam", "mse")
        model.fit(keras.random.normal((8, 20, 4)), keras.random.normal((8, 1)), verbose=0)
        ```
    """


@keras.saving.register_keras_serializable(package="hornbook")
class SpectralDense(_Spectral, keras.layers.Dense):
    """`keras.layers.Dense` whose kernel (features, units) has largest singular value 1; see `SpectralConv2D`.

    Takes and returns what Dense does: (batch, ..., features) to (batch, ..., units).

    Example:
        ```python
        import keras
        from hornbook.models import SpectralDense

        model = keras.Sequential([SpectralDense(16, activation="relu"), keras.layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(keras.random.normal((8, 4)), keras.random.normal((8, 1)), verbose=0)
        ```
    """


# Name: the layers that stand in for Conv1D, Conv2D and Dense.
WEIGHT_NORMALIZATIONS = {
    "none": (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Dense),
    "spectral": (SpectralConv1D, SpectralConv2D, SpectralDense),
    "standardized": (StandardizedConv1D, StandardizedConv2D, StandardizedDense),
}


def resolve_weight_normalization(weight_normalization):
    """Return the classes that compute with normalized kernels: for convolutions over one axis and over two, and for dense layers.

    Raises:
        ValueError: The name is not in `WEIGHT_NORMALIZATIONS`.
    """
    if weight_normalization is None:
        weight_normalization = "none"
    return WEIGHT_NORMALIZATIONS[check_choice("weight_normalization", weight_normalization, WEIGHT_NORMALIZATIONS)]
