"""What a search may aim at: the metrics that each recipe reports of its validation data, and the epochs' values that tell early."""

import keras_tuner

from hornbook import UserError
from hornbook.evaluation import regression, scores

_HIGHER_IS_BETTER = {"accuracy", "macro_f1", "auc", "average_precision", "r2"}
_CLASSIFIER = ("accuracy", "loss", "calibration_error", "macro_f1")
_BY_RECIPE = {
    "image_classification": _CLASSIFIER,
    "text_classification": scores.METRICS,
    "sequence_classification": _CLASSIFIER,
    "tabular_classification": scores.METRICS,
    "regression": tuple(name for name in regression.METRICS if name != "interval_coverage"),
}


def objective(recipe_name, args, wanted=None):
    """The `keras_tuner.Objective` of a search.

    Args:
        recipe_name: such as "image_classification".
        args: the recipe's options: quantiles have other scores than values.
        wanted: a metric's name; None for the recipe's first: accuracy, mean squared error, or the loss of quantiles.

    Raises:
        UserError: the recipe does not report it.
    """
    reported = reported_by(recipe_name, args)
    if wanted is None:
        wanted = reported[0]
    if wanted not in reported:
        raise UserError(f"--objective {wanted}: no trial of {recipe_name.replace('_', '-')} reports it; there are {', '.join(reported)}")
    return keras_tuner.Objective(wanted, "max" if wanted in _HIGHER_IS_BETTER else "min")


def reported_by(recipe_name, args):
    """Names of the metrics that a search can aim at, the default first."""
    if recipe_name == "regression":
        quantiles = ("quantile_loss", "coverage_error")
        if args.loss == "quantile":
            return quantiles
        return ("mean_squared_error", *(name for name in _BY_RECIPE[recipe_name] if name not in (*quantiles, "mean_squared_error")))
    return _BY_RECIPE[recipe_name]
