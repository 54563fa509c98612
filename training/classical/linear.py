"""A linear model of tables: logistic or ridge regression, in Keras' own operations. On few rows it is often the best there is."""

import keras
import numpy as np

from hornbook.training.classical.classifiers import classifiers

_MOST_ROWS = 100_000  # That it is fitted to.


class Linear:
    """Logistic or ridge regression on standardized numbers and one input a category, by scikit-learn's defaults.

    Args:
        inputs: float32 array or `data.scratch.FileRows` `(rows, columns)` without missing values: numbers, then codes of categories.
        labels: int array `(rows,)` of classes, `(rows, labels)` of 0 and 1, or float array `(rows, targets)`.
        task: "classification", "multi-label" or "regression".
        num_outputs: of the network beside it; 1 of a classification is the logit of the second class.
        numbers: how many of the columns are numbers.
        quantiles: of a regression, those to predict: the number, and quantiles of the training residuals around it.
        seed: of the choice among more than 100,000 rows.
        weights: float array `(rows,)`, what each row counts, of mean 1; None: all the same.

    Attributes:
        weights: float32 array `(numbers, outputs)`.
        categories: float32 array `(codes, outputs)`, of all columns of categories one behind the other.
        offsets: int array `(columns of categories,)`, where the codes of each begin.
        biases: float32 array `(outputs,)`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.linear import Linear

    rows = numpy.random.rand(64, 3).astype("float32")
    linear = Linear(rows, (rows[:, 0] > 0.5).astype(int), "classification", 2, numbers=3)
    inputs = keras.Input((3,))
    print(keras.Model(inputs, linear.outputs(inputs))(rows[:4]))
    ```
    """

    def __init__(self, inputs, labels, task, num_outputs, *, numbers, quantiles=(), seed=0, weights=None):
        some = np.arange(len(inputs))
        if len(some) > _MOST_ROWS:
            some = np.sort(np.random.default_rng(seed).choice(some, _MOST_ROWS, replace=False))
        rows, labels = np.asarray(inputs[some]), labels[some]
        mean, deviation = rows[:, :numbers].mean(axis=0, dtype=np.float64), rows[:, :numbers].std(axis=0, dtype=np.float64)
        deviation = np.where(deviation > 0, deviation, 1)
        codes = rows[:, numbers:].astype(np.int64)
        sizes = codes.max(axis=0, initial=0) + 1
        self.offsets = np.cumsum(sizes) - sizes
        features = _features((rows[:, :numbers] - mean) / deviation, codes, self.offsets, int(sizes.sum()))
        weights = None if weights is None else weights[some]
        kernel, self.biases = _fitted(features, labels, weights, task, num_outputs, quantiles)
        self.weights = (kernel[:numbers] / deviation[:, None]).astype(np.float32)
        self.biases = (self.biases - mean @ (kernel[:numbers] / deviation[:, None])).astype(np.float32)
        self.categories = kernel[numbers:].astype(np.float32)

    def outputs(self, inputs):
        """Logits, or numbers, of a Keras tensor `(batch, columns)`: a tensor `(batch, outputs)`."""
        ops, numbers = keras.ops, len(self.weights)
        dense = keras.layers.Dense(len(self.biases), trainable=False, dtype="float32", name="linear")
        outputs = dense(inputs[:, :numbers])
        dense.set_weights([self.weights, self.biases])
        if len(self.offsets):
            table = keras.layers.Embedding(*self.categories.shape, trainable=False, dtype="float32", name="linear_categories")
            outputs = outputs + ops.sum(table(ops.cast(inputs[:, numbers:], "int32") + self.offsets.astype(np.int32)), axis=1)
            table.set_weights([self.categories])
        return outputs


def _features(scaled, codes, offsets, size):
    """Sparse rows: numbers, and a 1 for each category. Code 0, what training never saw, has a place that learns nothing."""
    from scipy import sparse

    known = codes > 0
    places = np.nonzero(known)
    hot = sparse.csr_matrix((np.ones(known.sum()), (places[0], (codes + offsets)[known])), shape=(len(codes), size))
    return sparse.hstack([sparse.csr_matrix(scaled), hot], format="csr")


def _fitted(features, labels, weights, task, num_outputs, quantiles):
    """Kernel `(features, outputs)` and biases `(outputs,)`."""
    from sklearn.linear_model import LogisticRegression, Ridge

    kernel, biases = np.zeros((features.shape[1], num_outputs)), np.zeros(num_outputs)
    if task == "regression":
        fitted = Ridge().fit(features, labels[:, :1] if len(quantiles) else labels, weights)
        kernel[:], biases[:] = np.atleast_2d(fitted.coef_).T, fitted.intercept_
        if len(quantiles):
            residuals = labels[:, 0] - np.ravel(fitted.predict(features))
            counted = {} if weights is None else {"weights": weights, "method": "inverted_cdf"}
            biases += np.quantile(residuals, quantiles, **counted)
        return kernel, biases
    for places, label in classifiers(labels, task, biases):
        fitted = LogisticRegression(max_iter=1000).fit(features, label, weights)
        kernel[:, places], biases[places] = fitted.coef_.T, fitted.intercept_
    return kernel, biases
