"""The loss of masked steps: how far a network is from what it was not shown, the squared error on hidden steps alone."""

import keras


@keras.saving.register_keras_serializable(package="hornbook")
class MaskedError(keras.losses.Loss):
    """The mean over hidden steps and features of the squared error; what is seen does not count.

    Targets are `(batch, steps, features + 1)`: values, and 1 where a step is hidden. Outputs are `(batch, steps, features)`.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    targets = numpy.concatenate([numpy.ones((2, 4, 1)), [[[1], [0], [0], [0]]] * 2], axis=2).astype("float32")
    assert float(losses.MaskedError()(targets, numpy.zeros((2, 4, 1), "float32"))) == 1
    ```
    """

    def __init__(self, name="masked_error", **options):
        super().__init__(name=name, **options)

    def call(self, y_true, y_pred):
        """The loss of each series `(batch,)`."""
        y_true, y_pred = keras.ops.cast(y_true, "float32"), keras.ops.cast(y_pred, "float32")
        values, hidden = y_true[..., :-1], y_true[..., -1]
        squares = keras.ops.mean(keras.ops.square(values - y_pred), axis=-1)
        return keras.ops.sum(hidden * squares, axis=1) / keras.ops.maximum(keras.ops.sum(hidden, axis=1), 1.0)
