"""Gradient boosting of tables, its trees as lookups in one table, so that a saved model needs Keras alone."""

import keras
import numpy as np
from threadpoolctl import threadpool_limits

from hornbook.training.classical.classifiers import classifiers

_MOST_ROWS = 500_000  # That trees are grown on: a minute of two cores.
# From so many on by all processors. Of few, threads wait for each other: 3,340 rows of 28 classes took 3 s by one thread and 179 s by two,
# beside a training that kept both processors busy (200 trees of 8 leaves a class).
_MANY_ROWS = 50_000
# Columns of the table of nodes.
_FEATURE, _THRESHOLD, _LEFT, _RIGHT, _VALUE = range(5)


class GradientBoosting:
    """Trees on histograms (as LightGBM, Ke et al. 2017), by scikit-learn: 100 for each output, of 31 leaves, if not said otherwise.

    Args:
        inputs: float32 array or `data.scratch.FileRows` `(rows, columns)` without missing values: numbers, and codes of categories, which
            trees take as numbers too.
        labels: int array `(rows,)` of classes, `(rows, labels)` of 0 and 1, or float array `(rows, targets)`.
        task: "classification", "multi-label" or "regression".
        num_outputs: of the network beside it; 1 of a classification is the logit of the second class.
        loss: of a regression: "mse", "mae", "huber" (taken as "mse") or "quantile".
        quantiles: those to predict, with loss "quantile".
        seed: of the choice among more than 500,000 rows, and of the rows that tell when to stop where there are more than 10,000.
        weights: float array `(rows,)`, what each row counts, of mean 1; None: all the same.
        **options: of scikit-learn's estimators, such as `max_iter` and `learning_rate`, where they are not its defaults.

    Attributes:
        nodes: float32 array `(nodes, 5)`: feature, threshold, place of the left and of the right child, value; a leaf is its own child.
            The first nodes are the roots.
        membership: float32 array `(trees, outputs)`, 1 where a tree adds to an output.
        biases: float32 array `(outputs,)`.
        depth: of the deepest tree.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.boosting import GradientBoosting

    rows = numpy.random.rand(256, 3).astype("float32")
    boosting = GradientBoosting(rows, (rows[:, 0] > 0.5).astype(int), "classification", 2)
    inputs = keras.Input((3,))
    print(keras.Model(inputs, boosting.outputs(inputs))(rows[:4]))
    ```
    """

    def __init__(self, inputs, labels, task, num_outputs, *, loss="mse", quantiles=(), seed=0, weights=None, **options):
        some = np.arange(len(inputs))
        if len(some) > _MOST_ROWS:
            some = np.sort(np.random.default_rng(seed).choice(some, _MOST_ROWS, replace=False))
        inputs, labels = np.asarray(inputs[some]), labels[some]  # Read now, if they are in a file.
        weights = None if weights is None else weights[some]
        self.biases = np.zeros(num_outputs, np.float32)
        trees, owners = [], []
        options["random_state"] = seed
        with threadpool_limits(None if len(inputs) >= _MANY_ROWS else 1):
            for places, fitted in _fitted(inputs, labels, weights, task, num_outputs, loss, quantiles, options, self.biases):
                baseline = np.ravel(fitted._baseline_prediction)
                self.biases[places] = baseline
                # scikit-learn keeps its trees to itself; tests compare with what it predicts.
                for iteration in fitted._predictors:
                    trees += [tree.nodes for tree in iteration]
                    owners += places
        self._tabulate(trees)
        self.membership = np.zeros((len(trees), num_outputs), np.float32)
        self.membership[np.arange(len(trees)), owners] = 1

    def _tabulate(self, trees):
        sizes = np.array([len(nodes) for nodes in trees], np.int64)
        # Behind the roots, the other nodes of each tree.
        rest = len(trees) + np.cumsum(sizes - 1) - (sizes - 1)
        self.nodes = np.zeros((int(sizes.sum()), 5), np.float32)
        self.depth = 0
        for number, nodes in enumerate(trees):
            places = np.concatenate([[number], rest[number] + np.arange(len(nodes) - 1)])
            leaf = nodes["is_leaf"].astype(bool)
            table = np.zeros((len(nodes), 5), np.float64)
            table[:, _FEATURE] = np.where(leaf, 0, nodes["feature_idx"])
            table[:, _THRESHOLD] = np.where(leaf, 0, nodes["num_threshold"])
            table[:, _LEFT] = np.where(leaf, places, places[np.where(leaf, 0, nodes["left"])])
            table[:, _RIGHT] = np.where(leaf, places, places[np.where(leaf, 0, nodes["right"])])
            table[:, _VALUE] = nodes["value"]
            self.nodes[places] = table
            # Rounded down, a threshold parts the numbers of float32 as it did before.
            above = self.nodes[places, _THRESHOLD] > table[:, _THRESHOLD]
            self.nodes[places[above], _THRESHOLD] = np.nextafter(self.nodes[places[above], _THRESHOLD], np.float32(-np.inf))
            self.depth = max(self.depth, int(nodes["depth"].max()))

    def outputs(self, inputs):
        """Logits, or numbers, of a Keras tensor `(batch, columns)`: a tensor `(batch, outputs)`."""
        ops, trees = keras.ops, len(self.membership)
        table = keras.layers.Embedding(*self.nodes.shape, trainable=False, dtype="float32", name="boosting_trees")
        sums = keras.layers.Dense(len(self.biases), trainable=False, dtype="float32", name="boosting_sums")
        # Every tree at its root, for every row.
        at = ops.cast(ops.zeros_like(inputs[:, :1]), "int32") + np.arange(trees, dtype=np.int32)
        for _ in range(self.depth):
            node = table(at)
            value = ops.take_along_axis(inputs, ops.cast(node[..., _FEATURE], "int32"), axis=1)
            child = ops.where(ops.less_equal(value, node[..., _THRESHOLD]), node[..., _LEFT], node[..., _RIGHT])
            at = ops.cast(child, "int32")
        outputs = sums(table(at)[..., _VALUE])
        table.set_weights([self.nodes])
        sums.set_weights([self.membership, self.biases])
        return outputs


def _fitted(inputs, labels, weights, task, num_outputs, loss, quantiles, options, biases):
    """Yields the places of some outputs and the estimator that gives them; sets the biases of those that none gives."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    if task == "regression":
        losses = [{"loss": "quantile", "quantile": quantile} for quantile in quantiles]
        plain = {"loss": "absolute_error" if loss == "mae" else "squared_error"}
        for place, minimized in enumerate(losses or [plain] * num_outputs):
            target = labels[:, 0 if losses else place]
            yield [place], HistGradientBoostingRegressor(**options, **minimized).fit(inputs, target, weights)
        return
    for places, label in classifiers(labels, task, biases):
        yield places, HistGradientBoostingClassifier(**options).fit(inputs, label, weights)
