"""The classical model of a table: boosting, a linear model where there are few rows, or both.

Which one goes by the number of training rows alone, so that the same data have the same model.
"""

from hornbook.training.classical.boosting import GradientBoosting
from hornbook.training.classical.linear import Linear
from hornbook.training.classical.mixing import Pair

# Rows up to which there is no boosting of numbers to predict: on three folds of diabetes' 353 rows the mean absolute error of a network
# mixed with ridge regression was 43.3, with boosting 43.8 (a share of 0.4) and alone 44.5.
_TOO_FEW_ROWS = 1000
# Rows up to which a linear model is half of it. On nine small sets (3 folds of each) a network mixed with both had an AUC of 0.892 and an
# accuracy of 0.831, with boosting alone 0.889 and 0.824, with none 0.880 and 0.823 (docs/defaults.md). Of many rows boosting is far better.
_FEW_ROWS = 5000


def classical_model(dataset, num_outputs, activation, *, loss="mse", quantiles=(), seed=0):
    """What has `outputs(inputs)`, for `mixing.mixed`.

    Args:
        dataset: `data.tables.TableDataset`.
        num_outputs: of the network.
        activation: what makes probabilities of outputs, see `mixing.mixed`.
        loss, quantiles: of a regression.
        seed: see `GradientBoosting`.

    Returns:
        `GradientBoosting` of many rows; of few a `Pair` of that and a `Linear`, or of numbers to predict the `Linear` alone.

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
    size = len(dataset.train)
    about = (dataset.train.inputs, dataset.train.labels, dataset.task, num_outputs)
    if size < _FEW_ROWS:
        numbers = len(dataset.encoding.inputs) - len(dataset.encoding.categories)
        linear = Linear(*about, numbers=numbers, quantiles=quantiles, seed=seed)
        if dataset.task == "regression" and size < _TOO_FEW_ROWS:
            return linear
    boosting = GradientBoosting(*about, loss=loss, quantiles=quantiles, seed=seed)
    return boosting if size >= _FEW_ROWS else Pair(boosting, linear, activation)
