"""Activations that work inside a network, by name.

Keras names 30 functions. Left out here are `glu` (halves the channels), `threshold` (needs two arguments), `exponential` (overflows
within a few layers) and `sparsemax` (does not learn within a few layers). `prelu` has a learned slope and is a layer.
"""

import math

import keras

from hornbook.models.layers.checks import check_choice

# "silu" and "swish" are one function, as are "hard_silu" and "hard_swish"; both spellings are in use.
ACTIVATIONS = (
    "celu", "elu", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh", "leaky_relu", "linear",
    "log_sigmoid", "log_softmax", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "soft_shrink", "softmax", "softplus",
    "softsign", "sparse_plus", "sparse_sigmoid", "squareplus", "swish", "tanh", "tanh_shrink",
)  # fmt: skip

_REFUSED = {
    "glu": "it halves the channels, so the next layer no longer fits",
    "threshold": "it needs a threshold and a value of its own",
    "exponential": "its values overflow within a few layers",
    # Four hidden layers on scikit-learn's digits stayed at 10% accuracy after 4 epochs; every name above reached 81 to 91%.
    **dict.fromkeys(("geglu", "reglu", "swiglu"), "it is a layer of two kernels, which only transformers have; take gelu, relu or swish"),
    "sparsemax": "it passes on so few features that a stack of layers does not learn",
}


def resolve_activation(activation):
    """Return a factory `(name, rank) -> layer` for an activation.

    Args:
        activation: A name from `ACTIVATIONS`, or a function from tensor to tensor of the same shape. A function of your own is
            saved by name: register it with `keras.saving.register_keras_serializable`.

    Raises:
        ValueError: The name is unknown, or is refused for the reason given.
        TypeError: A layer was given. One layer used in many places would share its state; give a name or a function.
    """
    if isinstance(activation, keras.layers.Layer):
        raise TypeError(f"activation must be a name or a function, got the layer {activation.name!r}: every place needs a layer of its own")
    if isinstance(activation, str) and activation in _REFUSED:
        raise ValueError(f"activation {activation!r} does not work inside a network: {_REFUSED[activation]}")
    if activation == "prelu":
        return _prelu
    if not callable(activation):
        check_choice("activation", activation, ACTIVATIONS, hint=", or a function")
    return lambda name, rank: Activation(activation, name=name)


def _prelu(name, rank):
    # One slope a channel, as in He et al. (2015, Delving Deep into Rectifiers, section 2.1), starting from their 0.25.
    return keras.layers.PReLU(alpha_initializer=keras.initializers.Constant(0.25), shared_axes=list(range(1, rank - 1)) or None, name=name)


class Activation(keras.layers.Activation):
    """Keras' activation layer, and written to files as that, with fewer passes for GELU under TensorFlow.

    Left to TensorFlow, the gradient of x times the normal distribution function takes the error function's apart from the product's. On two
    cores, forward and backward of 2 million values took 9.0 ms by `keras.activations.gelu` and 5.7 ms so (medians of 15 turns).
    """

    __module__ = "keras.layers"
    __qualname__ = "Activation"

    def call(self, inputs):
        if self.activation is keras.activations.gelu and keras.config.backend() == "tensorflow":
            return _gelu(inputs)
        return super().call(inputs)


def _gelu(inputs):
    """Hendrycks and Gimpel (2016), section 2, with its gradient written out."""
    import tensorflow as tf

    @tf.custom_gradient
    def gelu(inputs):
        # Keras' own multiplies, then divides: in 16 bits the last digit may differ.
        share = 0.5 + 0.5 * tf.math.erf(inputs * math.sqrt(0.5))

        def gradient(upstream):
            return upstream * (share + inputs * (tf.exp(-0.5 * inputs * inputs) / math.sqrt(2 * math.pi)))

        return inputs * share, gradient

    return gelu(inputs)
