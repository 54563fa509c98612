"""A ridge on fixed convolutions of series, in Keras' own operations: strong where there are few series."""

import keras
import numpy as np

from hornbook.data.series.convolutions import Convolutions

_PENALTIES = np.logspace(-3, 3, 10)
_MOST_SERIES, _MOST_STEPS = 10_000, 2_000_000  # That it is fitted to: half a minute of two cores.
_SHARPNESS = 0.3, 60.0  # Within which factors of the decisions are looked for.
_ABSENT = -15.0  # The logit of a class that training does not have.


class ConvolutionRidge:
    """Ridge regression on the shares of steps at which fixed convolutions exceed thresholds, after MiniRocket.

    Dempster, Schmidt and Webb (2021). Its penalty is chosen by leave-one-out. Little is learned, so that few series are enough. Logits are
    its decisions times a factor, that of the lowest cross-entropy of the decisions that leave each series out; targets are smoothed by one
    example a class, as Platt (1999) does, so that a few series without a mistake do not make it certain.

    Args:
        series: list of float arrays `(steps, features)`, of training.
        labels: int array `(series,)`, each class with an example at least.
        num_classes: how many classes there are.
        seed: of the convolutions, and of the choice among more than 10,000 series or 2 million steps.

    Attributes:
        convolutions: `data.series.convolutions.Convolutions`.
        weights: float32 array `(convolutions, classes)`.
        biases: float32 array `(classes,)`.

    Example:
    ```python
    import keras, numpy
    from hornbook.training.classical.convolution_ridge import ConvolutionRidge
    from hornbook.training.classical.mixing import mixed

    series = [numpy.sin(numpy.arange(40) * speed)[:, None] for speed in (0.1, 0.11, 0.4, 0.41)]
    ridge = ConvolutionRidge(series, numpy.array([0, 0, 1, 1]), 2)
    network = keras.Sequential([keras.Input((40, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    print(mixed(network, ridge, 0.5)(numpy.stack(series)))
    ```
    """

    def __init__(self, series, labels, num_classes, seed=0):
        from sklearn.linear_model import RidgeCV

        most = min(_MOST_SERIES, max(1, int(_MOST_STEPS / np.mean([len(one) for one in series]))))
        if len(series) > most:
            chosen = np.sort(np.random.default_rng(seed).choice(len(series), most, replace=False))
            series, labels = [series[place] for place in chosen], labels[chosen]
        self.convolutions = Convolutions(series, seed)
        found = self.convolutions.features(series)
        mean, deviation = found.mean(axis=0), found.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1)
        classes, places = np.unique(labels, return_inverse=True)
        targets = np.where(places[:, None] == np.arange(len(classes)), 1.0, -1.0)
        fitted = RidgeCV(_PENALTIES, scoring="neg_mean_squared_error", store_cv_results=True).fit((found - mean) / deviation, targets)
        left_out = fitted.cv_results_[..., np.flatnonzero(fitted.alpha_ == _PENALTIES)[0]].reshape(targets.shape)
        factor = sharpness(left_out, places)
        weights = fitted.coef_.reshape(len(classes), -1).T * factor / deviation[:, None]
        self.weights = np.zeros((found.shape[1], num_classes), np.float32)
        self.biases = np.full(num_classes, _ABSENT, np.float32)
        self.weights[:, classes] = weights
        self.biases[classes] = np.atleast_1d(fitted.intercept_) * factor - mean @ weights

    def outputs(self, series):
        """Logits, of a Keras tensor of series `(batch, steps, features)`, NaN behind their ends: a tensor `(batch, classes)`."""
        dense = keras.layers.Dense(len(self.biases), trainable=False, dtype="float32", name="ridge")
        outputs = dense(_features(series, self.convolutions))
        dense.set_weights([self.weights, self.biases])
        return outputs


def sharpness(decisions, labels):
    """The factor by which decisions are the best logits: that of the lowest cross-entropy with smoothed targets.

    Args:
        decisions: float array `(examples, classes)`, each of a model that did not see the example.
        labels: int array `(examples,)`.

    Returns:
        A float from 0.3 to 60.

    Example:
    ```python
    import numpy
    from hornbook.training.classical.convolution_ridge import sharpness

    labels = numpy.arange(100) % 2
    decisions = numpy.where(labels[:, None] == numpy.arange(2), 0.5, -0.5)
    assert sharpness(decisions, labels) > sharpness(numpy.random.default_rng(0).permuted(decisions, axis=0), labels)
    ```
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    size, classes = decisions.shape
    targets = ((labels[:, None] == np.arange(classes)) * size + 1) / (size + classes)

    def cross_entropy(logarithm):
        return -(targets * log_softmax(decisions * np.exp(logarithm), axis=1)).sum(axis=1).mean()

    return float(np.exp(minimize_scalar(cross_entropy, bounds=np.log(_SHARPNESS), method="bounded").x))


def _features(series, made):
    """What `Convolutions.features` gives, of series `(batch, steps, features)`: a tensor `(batch, convolutions)`."""
    ops = keras.ops
    taps, _, kernels = made.kernel(0).shape
    there = ops.cast(ops.logical_not(ops.all(ops.isnan(series), axis=-1)), "float32")  # (batch, steps)
    own = ops.maximum(ops.sum(there, axis=1), taps)
    standardized = (series - made.mean.astype(np.float32)) / made.scale.astype(np.float32)
    standardized = ops.where(ops.isnan(series), ops.zeros_like(series), standardized)
    short = taps - series.shape[1] if series.shape[1] else taps - 1  # Zeros behind what is shorter than a kernel.
    standardized = ops.pad(standardized, ((0, 0), (0, max(0, short)), (0, 0)))
    at = ops.cumsum(ops.ones_like(standardized[:, :, 0]), axis=1) - 1
    own = ops.expand_dims(own, 1)
    found = []
    for number, dilation in enumerate(made.dilations):
        reach = dilation * (taps // 2)
        layer = keras.layers.Conv1D(
            kernels, taps, dilation_rate=dilation, padding="same", use_bias=False, trainable=False, dtype="float32",
            name=f"fixed_convolutions{number + 1}",
        )  # fmt: skip
        convolved = layer(standardized)
        layer.set_weights([made.kernel(number)])
        within = ops.cast(ops.less(at, own), "float32")
        narrow = ops.cast(ops.logical_and(ops.greater_equal(at, reach), ops.less(at, own - reach)), "float32")
        # Every second kernel counts only where all of its taps are within the series.
        counted = ops.stack([within, narrow] * (kernels // 2), axis=-1)
        total = ops.maximum(ops.sum(counted, axis=1), 1.0)
        for threshold in made.thresholds[number].T:
            above = ops.cast(ops.greater(convolved, threshold), "float32")
            found.append(ops.sum(above * counted, axis=1) / total)
    return ops.concatenate(found, axis=-1)
