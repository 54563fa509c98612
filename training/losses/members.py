"""Losses and metrics of an ensemble's members, who learn each for itself and predict together."""

import math

import keras

from hornbook.models.layers.members import mean_over_members


@keras.saving.register_keras_serializable(package="hornbook")
class OverMembers(keras.losses.Loss):
    """A loss of one network's outputs, and of an ensemble's the mean over its members, each against the same labels.

    Outputs are `(batch, outputs)`, or in the training of an ensemble `(batch, members, outputs)`, see `models.mean_of_members`; labels
    are those of one network. The mean of the members' losses and not the loss of their mean: each learns for itself (Lakshminarayanan et
    al. 2017).

    Args:
        loss: `keras.losses.Loss`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    loss = losses.OverMembers(keras.losses.MeanSquaredError())
    assert loss(numpy.ones((4, 1)), numpy.zeros((4, 1))) == loss(numpy.ones((4, 1)), numpy.zeros((4, 3, 1))) == 1
    ```
    """

    def __init__(self, loss, name=None, **options):
        super().__init__(name=name or loss.name, **{"reduction": loss.reduction, "dtype": loss.dtype, **options})
        self.loss = loss

    @property
    def shift(self):
        """What the loss adds to logits, see `LogitAdjusted`; None for nothing."""
        return getattr(self.loss, "shift", None)

    @property
    def distilled(self):
        """Whether a teacher's word is in it, see `Distilled`."""
        return getattr(self.loss, "distilled", False)

    def call(self, y_true, y_pred):
        if len(y_pred.shape) < 3:
            return self.loss.call(y_true, y_pred)
        outputs = _one_axis_of_members(y_pred)
        labels = keras.ops.repeat(keras.ops.expand_dims(y_true, 1), outputs.shape[1], axis=1)
        return keras.ops.mean(self.loss.call(labels, outputs), axis=1)

    def get_config(self):
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


class OfEnsemble(keras.metrics.Metric):
    """A metric of one network's outputs, and of an ensemble's members that of their mean, as the ensemble predicts.

    Args:
        metric: `keras.metrics.Metric`.
        activation: as of `models.mean_of_members`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    accuracy = losses.OfEnsemble(keras.metrics.CategoricalAccuracy(), "softmax")
    accuracy.update_state(numpy.array([[0, 1]]), numpy.array([[[0.0, 9.0], [1.0, 0.0], [1.0, 0.0]]]))
    assert accuracy.result() == 1
    ```
    """

    def __init__(self, metric, activation):
        super().__init__(name=metric.name, dtype=metric.dtype)
        self.metric, self.activation = metric, activation

    def update_state(self, y_true, y_pred, sample_weight=None):
        if len(y_pred.shape) > 2:
            y_pred = mean_over_members(_one_axis_of_members(y_pred), self.activation)
        self.metric.update_state(y_true, y_pred, sample_weight=sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()


def _one_axis_of_members(outputs):
    """`(batch, members, outputs)`; an ensemble of ensembles has more axes of members."""
    return keras.ops.reshape(outputs, (-1, math.prod(outputs.shape[1:-1]), outputs.shape[-1]))
