"""One number added to all of a tensor, and one that multiplies it, both learned."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="hornbook")
class ScalarAffine(keras.layers.Layer):
    """Multiply by a learned number and add another: (batch, ...) to the same shape and the compute dtype.

    What stands in the place of normalization in networks by Fixup ("Fixup Initialization: Residual Learning Without Normalization", Zhang
    et al. 2019, section 3). The numbers are called `gamma` and `beta`, as those of normalizations, each a vector of one element: so weight
    decay leaves them out, and `--bias-learning-rate-factor` is on `beta` (the authors give both a tenth of the learning rate).

    It is the same for all positions, channels and examples.

    Args:
        scale: Whether there is a factor, at first 1. Without, there is only the number that is added, 0 at first. Defaults to False.
        **options: Of every Keras layer, such as `name`.

    Example:
        ```python
        import keras
        from hornbook import models

        x = keras.Input((8, 8, 16))
        y = models.ScalarAffine(scale=True)(keras.layers.Conv2D(16, 3, padding="same", use_bias=False)(x))
        model = keras.Model(x, keras.layers.Add()([x, y]))
        ```
    """

    def __init__(self, scale=False, **options):
        super().__init__(**options)
        self.scale = bool(scale)
        self.supports_masking = True

    def build(self, input_shape):
        """Makes the one number or the two."""
        self.gamma = self.add_weight(name="gamma", shape=(1,), initializer="ones") if self.scale else None
        self.beta = self.add_weight(name="beta", shape=(1,), initializer="zeros")

    def call(self, inputs):
        """Returns the inputs, multiplied and shifted."""
        scaled = inputs if self.gamma is None else inputs * ops.cast(self.gamma, inputs.dtype)
        return scaled + ops.cast(self.beta, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}
