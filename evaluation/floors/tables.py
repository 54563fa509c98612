"""Classical models of tables: gradient boosting on histograms, and a regularized linear model."""

import numpy as np

from hornbook.evaluation.floors import fitting

_MOST_CATEGORIES = 254  # Of a column, that boosting tells apart: it has 255 bins, one of them for missing values.


def boosting(task, inputs, labels, scored, *, numbers):
    """Gradient boosting on histograms (as LightGBM, Ke et al. 2017), by scikit-learn's defaults: 100 trees a class of 31 leaves.

    Args:
        task: `tasks.Task`. Numbers are predicted by the squared error, with loss "mae" by the absolute one, quantiles each by its own.
        inputs, scored: float array `(rows, columns)`: numbers, then codes of categories, 0 for what training never saw.
        labels: see `fitting.outputs`.
        numbers: how many of the columns are numbers.

    Returns:
        Outputs for `scored`, see `fitting.outputs`.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    inputs, scored = _fewer_categories(inputs, scored, numbers)
    kinds = np.arange(inputs.shape[1]) >= numbers
    options = {"categorical_features": kinds if kinds.any() else None, "random_state": 0}
    if task.quantiles:
        models = [HistGradientBoostingRegressor(loss="quantile", quantile=quantile, **options) for quantile in task.quantiles]
        return np.sort(np.stack([model.fit(inputs, labels[:, 0]).predict(scored) for model in models], axis=1), axis=1)
    loss = "absolute_error" if task.loss == "mae" else "squared_error"
    return fitting.outputs(
        task,
        lambda: HistGradientBoostingClassifier(**options),
        lambda: HistGradientBoostingRegressor(loss=loss, **options),
        inputs,
        labels,
        scored,
    )


def linear(task, inputs, labels, scored, *, numbers):
    """Logistic or ridge regression on standardized numbers and one input a category; arguments as of `boosting`.

    The penalty is scikit-learn's default, 1, in both.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression, Ridge

    mean, deviation = inputs[:, :numbers].mean(axis=0, dtype=np.float64), inputs[:, :numbers].std(axis=0, dtype=np.float64)
    known = [np.unique(column) for column in inputs[:, numbers:].T]

    def features(rows):
        scaled = (rows[:, :numbers] - mean) / np.where(deviation > 0, deviation, 1)
        if not known:
            return scaled
        hot = [sparse.csr_array(column[:, None] == values) for column, values in zip(rows[:, numbers:].T, known, strict=True)]
        return sparse.hstack([sparse.csr_array(scaled), *hot], format="csr")

    return fitting.outputs(task, lambda: LogisticRegression(max_iter=1000), Ridge, features(inputs), labels, features(scored))


def _fewer_categories(inputs, scored, numbers):
    """Codes below `_MOST_CATEGORIES`: of more, the most frequent in training keep theirs apart, the others are one."""
    inputs, scored = inputs.astype(np.float64), scored.astype(np.float64)
    for column in range(numbers, inputs.shape[1]):
        codes, counts = np.unique(inputs[:, column], return_counts=True)
        kept = np.sort(codes[np.argsort(-counts, kind="stable")[: _MOST_CATEGORIES - 1]])
        for rows in (inputs, scored):
            place = np.searchsorted(kept, rows[:, column]).clip(max=len(kept) - 1)
            rows[:, column] = np.where(kept[place] == rows[:, column], place + 1, 0)
    return inputs, scored
