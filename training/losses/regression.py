"""Losses of numbers by name, and the pinball loss of their quantiles."""

import keras

from hornbook import UserError
from hornbook.training.losses.members import OverMembers

REGRESSION = ("mse", "mae", "huber", "quantile")


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
