"""A loss against labels and against what a teacher says at once, and metrics that look at the labels alone."""

import keras


@keras.saving.register_keras_serializable(package="hornbook")
class Distilled(keras.losses.Loss):
    """A loss on labels and, at a temperature, the divergence from a teacher's probabilities (Hinton et al. 2015, section 2).

    Of an example it is `(1 - weight) * loss + weight * temperature ** 2 * KL(teacher || student)`. Both of the divergence are taken at the
    temperature, at which small probabilities say which classes are like which. Its gradients shrink with the temperature's square, by which
    it is multiplied, so that the weight means the same at each.

    `y_true` is `(batch, 2 * outputs)`: the labels, and behind them the teacher's probabilities at the temperature. Without these,
    `(batch, outputs)`, as validation has it, it is the loss on labels alone, whole.

    Args:
        loss: `keras.losses.Loss` on logits `(batch, ..., outputs)`, that on labels.
        temperature: by which the student's logits are divided, as the teacher's were; above 0.
        weight: share of the teacher, from 0 to 1.
        activation: "softmax", or "sigmoid" of one logit or of several labels, whose divergences are averaged.
        each_label: whether the loss is that of each label, `(batch, labels)`, see `EachLabel`.
        **options: as for `keras.losses.Loss`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    labels, teacher = numpy.eye(3)[[0, 1]], numpy.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1]])
    loss = losses.Distilled(keras.losses.CategoricalCrossentropy(from_logits=True), temperature=2.0, weight=1.0)
    logits = 2 * numpy.log(teacher)
    assert abs(float(loss(numpy.concatenate([labels, teacher], axis=1), logits))) < 1e-6
    ```
    """

    distilled = True

    def __init__(self, loss, temperature=4.0, weight=0.9, activation="softmax", each_label=False, name=None, **options):
        super().__init__(name=name or loss.name, **{"reduction": loss.reduction, "dtype": loss.dtype, **options})
        self.loss, self.temperature, self.weight = loss, float(temperature), float(weight)
        self.activation, self.each_label = activation, each_label

    @property
    def shift(self):
        """What the loss on labels adds to logits, see `LogitAdjusted`; None for nothing."""
        return getattr(self.loss, "shift", None)

    def call(self, y_true, y_pred):
        outputs = y_pred.shape[-1]
        own = self.loss.call(y_true[..., :outputs], y_pred)
        if y_true.shape[-1] == outputs:
            return own
        teacher = keras.ops.cast(y_true[..., outputs:], y_pred.dtype)
        return (1 - self.weight) * own + self.weight * self.temperature**2 * self._divergence(teacher, y_pred / self.temperature)

    def _divergence(self, teacher, logits):
        ops = keras.ops
        if self.activation == "softmax":
            return ops.sum(_times_log(teacher, teacher) - teacher * ops.log_softmax(logits), axis=-1)
        rest = 1 - teacher
        known = _times_log(teacher, teacher) + _times_log(rest, rest)
        each = known + teacher * ops.softplus(-logits) + rest * ops.softplus(logits)
        return each if self.each_label else ops.mean(each, axis=-1)

    def get_config(self):
        own = {name: getattr(self, name) for name in ("temperature", "weight", "activation", "each_label")}
        return {**super().get_config(), "loss": keras.saving.serialize_keras_object(self.loss), **own}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.saving.deserialize_keras_object(config["loss"])})


def _times_log(factor, probability):
    """`factor * log(probability)`, which is 0 where the probability is."""
    return factor * keras.ops.log(keras.ops.maximum(probability, 1e-30))


class OfLabels(keras.metrics.Metric):
    """A metric of labels, also where a teacher's probabilities stand behind them, see `Distilled`.

    Args:
        metric: `keras.metrics.Metric` of labels and outputs of equal width.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    accuracy = losses.OfLabels(keras.metrics.CategoricalAccuracy())
    accuracy.update_state(numpy.array([[0.0, 1.0, 0.9, 0.1]]), numpy.array([[0.0, 9.0]]))
    assert accuracy.result() == 1
    ```
    """

    def __init__(self, metric):
        super().__init__(name=metric.name, dtype=metric.dtype)
        self.metric = metric

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.metric.update_state(y_true[..., : y_pred.shape[-1]], y_pred, sample_weight=sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()
