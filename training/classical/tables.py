"""The classical model of a table: boosting, a linear model where there are few rows, or both.

Which one goes by the number of training rows alone, so that the same data have the same model.
"""

from hornbook.data.selection import weights as of_examples
from hornbook.training.classical.boosting import GradientBoosting
from hornbook.training.classical.linear import Linear
from hornbook.training.classical.mixing import Pair

# Limits and options are by benchmarks/defaults/classical_share.py, on folds of each set's training rows; equal parts of network and
# classical model if not said otherwise.
# Fewer rows have ridge regression where numbers are predicted: of diabetes' 282 rows the mean absolute error was 43.9 with it, 44.5 with
# boosting and 45.0 with none; of winequality-red's 1,023 rows 0.493, 0.458 and 0.493.
_FEW_ROWS = 1000
# Of fewer rows a linear model is half of it where there are classes. The mean AUC of eight small sets was 0.901 with both (accuracy 0.856),
# 0.903 (0.857) with boosting, 0.893 (0.843) with logistic regression, 0.892 (0.847) with none. Of many rows boosting is far better.
_MANY_ROWS = 5000
# More and smaller steps than scikit-learn's, of few rows. Of boosting alone, of the eight sets, five folds: accuracy
# 0.849, not 0.844, AUC 0.900, not 0.891, loss 0.360, not 0.482. Of more rows it is worse: of winequality-red's 1,023
# as classes, three folds, accuracy 0.629, not 0.643, AUC 0.776, not 0.796 (benchmarks/notes/tables.md).
_OF_FEW_ROWS = {"learning_rate": 0.03, "max_iter": 200, "max_leaf_nodes": 8, "l2_regularization": 1.0}
# Its mean absolute error alone, five folds: abalone 1.552, not 1.563, winequality-red 0.446, not 0.450.
_OF_NUMBERS = {"learning_rate": 0.05, "max_iter": 200}


def classical_model(dataset, num_outputs, activation, *, loss="mse", quantiles=(), seed=0):
    """What has `outputs(inputs)`, for `mixing.mixed`.

    Args:
        dataset: `data.tables.TableDataset`; its weights count here, too.
        num_outputs: of the network.
        activation: what makes probabilities of outputs, see `mixing.mixed`.
        loss, quantiles: of a regression.
        seed: see `GradientBoosting`.

    Returns:
        `GradientBoosting` of many rows; of few a `Pair` of that and a `Linear`, or, where numbers are predicted, a `Linear`.

    Example:
    ```python
    import keras
    from hornbook import data
    from hornbook.training.classical import mixing
    from hornbook.training.classical.tables import classical_model

    wine = data.tables.load("wine", task="classification")
    network = keras.Sequential([keras.Input(wine.input_shape), keras.layers.Dense(3)])
    model = mixing.mixed(network, classical_model(wine, 3, "softmax"), 0.5)
    print(model.predict(wine.test.inputs, verbose=0).shape)
    ```
    """
    size, regression = len(dataset.train), dataset.task == "regression"
    about = (dataset.train.inputs, dataset.train.labels, dataset.task, num_outputs)
    weights = of_examples.of_training(dataset)
    if size < (_FEW_ROWS if regression else _MANY_ROWS):
        linear = Linear(*about, numbers=dataset.num_numbers, quantiles=quantiles, seed=seed, weights=weights)
        if regression:
            return linear
        return Pair(GradientBoosting(*about, seed=seed, weights=weights, **boosting_options(dataset)), linear, activation)
    return GradientBoosting(*about, loss=loss, quantiles=quantiles, seed=seed, weights=weights, **boosting_options(dataset))


def boosting_options(dataset):
    """The options of gradient boosting for a `data.tables.TableDataset`, a dict: where they are not scikit-learn's defaults.

    Example:
    ```python
    from hornbook import data
    from hornbook.training.classical.boosting import GradientBoosting
    from hornbook.training.classical.tables import boosting_options

    wine = data.tables.load("wine", task="classification")
    boosting = GradientBoosting(wine.train.inputs, wine.train.labels, "classification", 3, **boosting_options(wine))
    ```
    """
    if dataset.task == "regression":
        return _OF_NUMBERS
    return _OF_FEW_ROWS if len(dataset.train) < _FEW_ROWS else {}
