"""Losses on logits that are moved by how many examples each class has: margins (LDAM) and logit adjustment; and losses of each label."""

import keras
import numpy as np

from hornbook import UserError


def margins(counts, largest=0.5):
    """The margin of each class: C / n^(1/4), with C such that the rarest class has `largest` (Cao et al. 2019).

    Args:
        counts: array `(classes,)` of training examples. A class without any has the margin of the rarest.
        largest: margin; 0.5 is that of the authors' code.

    Returns:
        float64 array `(classes,)`.

    Raises:
        UserError: no class has an example.

    Example:
    ```python
    from hornbook.training import losses

    print(losses.margins([10_000, 1]))  # 0.05 and 0.5
    ```
    """
    counts = np.asarray(counts, np.float64)
    if not (counts > 0).any():
        raise UserError(f"margins are for classes with examples, got the counts {counts.tolist()}")
    inverse = np.where(counts > 0, counts, counts[counts > 0].min()) ** -0.25
    return largest * inverse / inverse.max()


@keras.saving.register_keras_serializable(package="hornbook")
class LDAM(keras.losses.Loss):
    """Cross-entropy in which an example's own class must be ahead by a margin, larger for rare classes (Cao et al. 2019).

    `y_true` and `y_pred` are `(batch, classes)`. Outputs are logits: the paper's z times its scale s. So the loss is that of
    `y_pred - s * margin` at an example's own class, and what it trains is read as any logits are. As in the paper, let the last layer give
    cosines times s (`training.builders.with_cosines`): of other logits a network outgrows the margins, and gains nothing.

    Args:
        margins: sequence of a margin a class, see `losses.margins`.
        scale: s, by which margins are multiplied; 30 is that of the authors' code.
        label_smoothing: share of each label that is spread over all classes. Of soft labels each class has its share of its margin.
        **options: as for `keras.losses.Loss`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    model = keras.Sequential([keras.layers.Dense(2)])
    model.compile("adam", losses.LDAM(losses.margins([6, 2])))
    model.fit(numpy.random.rand(8, 4), numpy.eye(2)[[0, 0, 0, 1] * 2], verbose=0)
    ```
    """

    def __init__(self, margins, scale=30.0, label_smoothing=0.0, name="ldam_categorical_crossentropy", **options):
        super().__init__(name=name, **options)
        self.margins, self.scale, self.label_smoothing = [float(one) for one in margins], float(scale), float(label_smoothing)

    def call(self, y_true, y_pred):
        y_true = keras.ops.cast(y_true, y_pred.dtype)
        if self.label_smoothing:
            y_true = y_true * (1 - self.label_smoothing) + self.label_smoothing / y_pred.shape[-1]
        shift = self.scale * keras.ops.convert_to_tensor(self.margins, dtype=y_pred.dtype)
        return -keras.ops.sum(y_true * keras.ops.log_softmax(y_pred - shift * y_true), axis=-1)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("margins", "scale", "label_smoothing")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="hornbook")
class LogitAdjusted(keras.losses.Loss):
    """A loss on logits to which a number a class is added: strength times the logarithm of its share in training.

    The network learns what to say if all classes were equally frequent (Menon et al. 2021, equation 10); with cross-entropy and strength 1
    it is balanced softmax (Ren et al. 2020).

    Args:
        loss: `keras.losses.Loss` on logits `(batch, ..., outputs)`.
        shift: sequence of a number an output, see `imbalance.logit_shift`.
        **options: as for `keras.losses.Loss`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import imbalance, losses

    labels = numpy.array([0, 0, 0, 1] * 2)
    model = keras.Sequential([keras.layers.Dense(2)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", losses.LogitAdjusted(loss, imbalance.logit_shift(labels, 2)))
    model.fit(numpy.random.rand(8, 4), labels, verbose=0)
    ```
    """

    def __init__(self, loss, shift, name=None, **options):
        super().__init__(name=name or loss.name, **{"reduction": loss.reduction, "dtype": loss.dtype, **options})
        self.loss, self.shift = loss, [float(one) for one in shift]

    def call(self, y_true, y_pred):
        return self.loss.call(y_true, y_pred + keras.ops.convert_to_tensor(self.shift, dtype=y_pred.dtype))

    def get_config(self):
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss), "shift": self.shift}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


@keras.saving.register_keras_serializable(package="hornbook")
class EachLabel(keras.losses.Loss):
    """The loss of each of several labels, so that sample weights `(batch, labels)` weigh each; Keras' losses are means over an example's.

    Args:
        loss: `keras.losses.Loss` that is a mean over the last axis, such as `BinaryCrossentropy`.
        **options: as for `keras.losses.Loss`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    labels, weights = numpy.array([[1, 0], [0, 0]]), numpy.array([[4.0, 1.0], [0.5, 1.0]])
    loss = losses.EachLabel(keras.losses.BinaryCrossentropy(from_logits=True))
    assert numpy.isclose(float(loss(labels, numpy.zeros((2, 2)), weights)), 6.5 / 4 * numpy.log(2))
    ```
    """

    def __init__(self, loss, name=None, **options):
        super().__init__(name=name or loss.name, **{"reduction": loss.reduction, "dtype": loss.dtype, **options})
        self.loss = loss

    def call(self, y_true, y_pred):
        return self.loss.call(keras.ops.expand_dims(y_true, -1), keras.ops.expand_dims(y_pred, -1))

    def get_config(self):
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})
