"""The losses of networks that say what was hidden: tokens of texts (Devlin et al. 2019, appendix A.1), or steps of series."""

import keras

_LEAST = 1e-9


def _known(y_true):
    """Which places have a token, float32; and the tokens, int32, any where there is none."""
    known = keras.ops.greater_equal(y_true, 0)
    return keras.ops.cast(known, "float32"), keras.ops.cast(keras.ops.where(known, y_true, 0), "int32")


@keras.saving.register_keras_serializable(package="hornbook")
class MaskedCrossentropy(keras.losses.Loss):
    """The cross-entropy of the tokens at some places, the mean over the places of each text.

    `y_true` is float `(batch, places)`, the tokens, -1 where a text has fewer; `y_pred` float `(batch, places, tokens)`, logits.

    Example:
    ```python
    import keras
    from hornbook.training import losses

    model = keras.Sequential([keras.layers.Embedding(9, 4), keras.layers.Dense(9)])
    model.compile("adam", losses.MaskedCrossentropy(), metrics=[losses.MaskedAccuracy()])
    model.fit(keras.ops.array([[1, 3], [1, 1]]), keras.ops.array([[5.0, -1.0], [3.0, 4.0]]), verbose=0)
    ```
    """

    def __init__(self, name="masked_crossentropy", **options):
        super().__init__(name=name, **options)

    def call(self, y_true, y_pred):
        """The loss of each text `(batch,)`."""
        known, tokens = _known(y_true)
        each = keras.ops.sparse_categorical_crossentropy(tokens, keras.ops.cast(y_pred, "float32"), from_logits=True)
        return keras.ops.sum(each * known, axis=-1) / keras.ops.maximum(keras.ops.sum(known, axis=-1), 1.0)


@keras.saving.register_keras_serializable(package="hornbook")
class MaskedAccuracy(keras.metrics.Metric):
    """The share of the hidden tokens that are said, over all texts; arguments as of `MaskedCrossentropy`.

    Example:
    ```python
    import keras
    from hornbook.training import losses

    metric = losses.MaskedAccuracy()
    metric.update_state(keras.ops.array([[2.0, -1.0]]), keras.ops.one_hot(keras.ops.array([[2, 2]]), 3))
    assert float(metric.result()) == 1.0
    ```
    """

    def __init__(self, name="accuracy", **options):
        super().__init__(name=name, **options)
        self.right = self.add_weight(shape=(), initializer="zeros", name="right")
        self.there = self.add_weight(shape=(), initializer="zeros", name="there")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Count a batch; weights do not count."""
        known, tokens = _known(y_true)
        said = keras.ops.cast(keras.ops.equal(keras.ops.cast(keras.ops.argmax(y_pred, axis=-1), "int32"), tokens), "float32")
        self.right.assign_add(keras.ops.sum(said * known))
        self.there.assign_add(keras.ops.sum(known))

    def result(self):
        """The share, 0 before the first batch."""
        return self.right / keras.ops.maximum(self.there, _LEAST)


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
