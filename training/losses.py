"""Losses by name, and which target each is for: one that does not fit is refused with the one that does."""

import math

import keras

from hornbook import UserError
from hornbook.models.layers.members import mean_over_members

CLASSIFICATION = ("auto", "cross-entropy", "binary", "multi-label")
REGRESSION = ("mse", "mae", "huber", "quantile")


def choose_classification(name, task, num_classes):
    """The loss that `name` means for a target.

    Args:
        name: one of `CLASSIFICATION`; "auto" is multi-label for several labels, else cross-entropy, which for two classes is the binary
            loss with an output more.
        task: "classification" (one class an example) or "multi-label" (any number of them).
        num_classes: how many classes or labels there are.

    Returns:
        The name, "auto" resolved.

    Raises:
        UserError: an unknown name, or a loss that does not fit.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    name = losses.choose_classification("auto", "classification", num_classes=2)
    loss, accuracy = losses.classification(name)
    model = keras.Sequential([keras.layers.Dense(losses.num_outputs(name, 2))])
    model.compile("adam", loss, metrics=[accuracy])
    model.fit(numpy.random.rand(8, 4), numpy.eye(2)[[0, 1] * 4], verbose=0)
    ```
    """
    if name not in CLASSIFICATION:
        raise UserError(f"loss must be one of {', '.join(CLASSIFICATION)}, got {name!r}")
    fitting = "multi-label" if task == "multi-label" else "cross-entropy"
    if name == "auto":
        return fitting
    if task == "multi-label" and name != "multi-label":
        raise UserError(
            f"--loss {name} is for one class an example, and these have {num_classes} labels of their own; pass --loss multi-label"
        )
    if task != "multi-label" and name == "multi-label":
        raise UserError("--loss multi-label is for several labels an example, and these have one class; pass --loss cross-entropy")
    if name == "binary" and num_classes != 2:
        raise UserError(f"--loss binary is for two classes, and there are {num_classes}; pass --loss cross-entropy")
    return name


def num_outputs(name, num_classes):
    """How many logits a loss of `choose_classification` is taken on: one for "binary", that of the second class.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    loss, accuracy = losses.classification("binary")
    model = keras.Sequential([keras.layers.Dense(losses.num_outputs("binary", 2))])
    model.compile("adam", loss, metrics=[accuracy])
    model.fit(numpy.random.rand(8, 4), numpy.array([[0.0], [1.0]] * 4), verbose=0)
    ```
    """
    return 1 if name == "binary" else num_classes


def classification(name, label_smoothing=0.0):
    """The Keras loss and accuracy of a name that `choose_classification` returned, both on logits, also on those of an ensemble's members.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import losses

    loss, accuracy = losses.classification("multi-label")
    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", loss, metrics=[accuracy])
    model.fit(numpy.random.rand(8, 4), numpy.random.randint(0, 2, (8, 3)).astype("float32"), verbose=0)
    ```
    """
    if name == "cross-entropy":
        loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)
        return OverMembers(loss), OfEnsemble(keras.metrics.CategoricalAccuracy(name="accuracy"), "softmax")
    # Keras' "accuracy" would take logits for probabilities and put the threshold at 0.5.
    loss = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    return OverMembers(loss), OfEnsemble(keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0), "sigmoid")


def choose_regression(name, quantiles, num_targets):
    """Refuse a regression loss that does not fit.

    Args:
        name: one of `REGRESSION`.
        quantiles: those to predict, used by "quantile" alone.
        num_targets: numbers to predict.

    Returns:
        How many outputs the network needs.

    Raises:
        UserError: with the loss that fits.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    model = keras.Sequential([keras.layers.Dense(losses.choose_regression("mae", (), num_targets=2))])
    model.compile("adam", losses.regression("mae"))
    model.fit(numpy.random.rand(8, 4), numpy.random.rand(8, 2), verbose=0)
    ```
    """
    if name not in REGRESSION:
        raise UserError(f"loss must be one of {', '.join(REGRESSION)}, got {name!r}")
    if name != "quantile":
        return num_targets
    if num_targets != 1:
        raise UserError(f"--loss quantile predicts one number, and there are {num_targets}; pass one --label-column, or --loss mae")
    _check_quantiles(quantiles)
    return len(quantiles)


def regression(name, quantiles=()):
    """The Keras loss of a name in `REGRESSION`: mean squared error, mean absolute error, Huber (1964, delta 1), or `QuantileLoss`.

    Of the outputs of an ensemble's members it is the mean over them.

    Example:
    ```python
    import keras
    import numpy
    from hornbook.training import losses

    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", losses.regression("quantile", (0.1, 0.5, 0.9)))
    model.fit(numpy.random.rand(8, 4), numpy.random.rand(8, 1), verbose=0)
    ```
    """
    if name == "quantile":
        return OverMembers(QuantileLoss(quantiles))
    losses = {"mse": keras.losses.MeanSquaredError, "mae": keras.losses.MeanAbsoluteError, "huber": keras.losses.Huber}
    return OverMembers(losses[name]())


def _check_quantiles(quantiles):
    if not quantiles or any(not 0 < quantile < 1 for quantile in quantiles) or list(quantiles) != sorted(set(quantiles)):
        raise UserError(f"--quantiles must be rising numbers between 0 and 1, such as 0.1 0.5 0.9, got {' '.join(map(str, quantiles))}")


@keras.saving.register_keras_serializable(package="hornbook")
class QuantileLoss(keras.losses.Loss):
    """The pinball loss, lowest where as large a share of the targets as the quantile lies below the prediction (Koenker and Bassett 1978).

    Keras has none. `y_true` is `(batch, 1)`, `y_pred` `(batch, quantiles)`; the loss is the mean over the quantiles.

    Args:
        quantiles: rising numbers between 0 and 1.
        **options: as for `keras.losses.Loss`.

    Raises:
        UserError: quantiles out of range or not rising.

    Example:
    ```python
    import keras, numpy
    from hornbook.training import QuantileLoss

    model = keras.Sequential([keras.layers.Dense(3)])
    model.compile("adam", QuantileLoss((0.1, 0.5, 0.9)))
    model.fit(numpy.random.rand(8, 4), numpy.random.rand(8, 1), verbose=0)
    ```
    """

    def __init__(self, quantiles, name="quantile_loss", **options):
        super().__init__(name=name, **options)
        _check_quantiles(quantiles)
        self.quantiles = tuple(float(quantile) for quantile in quantiles)

    def call(self, y_true, y_pred):
        above = keras.ops.cast(y_true, y_pred.dtype) - y_pred
        quantiles = keras.ops.convert_to_tensor(self.quantiles, dtype=y_pred.dtype)
        return keras.ops.mean(keras.ops.maximum(quantiles * above, (quantiles - 1) * above), axis=-1)

    def get_config(self):
        return {**super().get_config(), "quantiles": self.quantiles}


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
