"""What does the wrong loss cost?

    python -m benchmarks.generalisation.losses --task classes --data digits --output runs/losses

One network in plain Keras, each loss with the same seeds, split, order and initial weights, scored on test data:

- `classes`, images of one class each: cross-entropy, the mean squared and the mean absolute error of the probabilities, and binary
  cross-entropy, each class by itself.
- `labels`, two images side by side, the classes of both being right: binary cross-entropy, each label by itself, and cross-entropy over
  all, with half of its probability for each. A label is said where its probability is above 0.5, with cross-entropy above 0.25, half of
  what the two labels have.
- `outliers`, numbers, of which in training none or a twentieth is ten deviations too high: the mean squared error, the mean absolute
  error and Huber's loss, scored on test data without outliers, in deviations of the clean targets.
"""

import time

import keras
import numpy as np

from benchmarks.generalisation import estimates, levels
from hornbook import models
from hornbook.evaluation import scores as scoring

_SHARE, _DISTANCE = 0.05, 10.0  # Of outliers.
_DATA = {"classes": ("digits", "fashion"), "labels": ("digits", "fashion"), "outliers": ("diabetes", "friedman")}
_SIZES = {"digits": (1200, 500), "fashion": (2000, 2000), "diabetes": (342, 100), "friedman": (500, 1000)}  # Training, test.
_EPOCHS = {"classes": 15, "labels": 20, "outliers": 60}


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--task", choices=_DATA, required=True)
    made.add_argument("--data", required=True, help="digits or fashion; of outliers diabetes or friedman")
    made.add_argument("--epochs", type=int)
    return made


def main(args):
    found, epochs = [], args.epochs or _EPOCHS[args.task]
    for seed in range(args.seeds):
        for outliers in ("none", "one in 20") if args.task == "outliers" else (None,):
            train, test = examples(args.task, args.data, outliers)
            for name, loss in LOSSES[args.task].items():
                start = time.monotonic()
                measured = scored(args.task, name, trained(args.task, loss, train, epochs, seed).predict(test[0], verbose=0), test[1])
                further = {"seconds": time.monotonic() - start, **({} if outliers is None else {"outliers": outliers})}
                found += [levels.score(args.data, name, metric, seed, value, **further) for metric, value in measured.items()]
    return levels.write(args.output, found, ["outliers"] if args.task == "outliers" else ())


def _of_probabilities(loss):
    return lambda true, logits: loss(true, keras.ops.softmax(logits))


LOSSES = {
    "classes": {
        "cross-entropy": keras.losses.CategoricalCrossentropy(from_logits=True),
        "mean squared error": _of_probabilities(keras.losses.mean_squared_error),
        "mean absolute error": _of_probabilities(keras.losses.mean_absolute_error),
        "binary": keras.losses.BinaryCrossentropy(from_logits=True),
    },
    "labels": {
        "binary": keras.losses.BinaryCrossentropy(from_logits=True),
        "cross-entropy": lambda true, logits: keras.losses.categorical_crossentropy(
            true / keras.ops.sum(true, axis=-1, keepdims=True), logits, from_logits=True
        ),
    },
    "outliers": {"mse": "mean_squared_error", "mae": "mean_absolute_error", "huber": keras.losses.Huber(delta=1.0)},
}


def examples(task, name, outliers=None):
    """Two pairs of arrays, for training and for the test: inputs; and one-hot classes, labels of 0 and 1, or numbers `(examples, 1)`."""
    train, test = _SIZES[name]
    if task == "outliers":
        x, y = _numbers(name, train + test)
        mean, deviation = y[:train].mean(), y[:train].std()
        x, y = (x - x[:train].mean(axis=0)) / x[:train].std(axis=0), (y - mean) / deviation
        dirty = y[:train].copy()
        if outliers != "none":
            dirty[np.random.default_rng(0).permutation(train)[: int(_SHARE * train)]] += _DISTANCE
        return (x[:train], dirty[:, None]), (x[train:], y[train:, None])
    images, classes = estimates.pictures(name)
    order = np.random.default_rng(0).permutation(len(classes))
    images, labels = images[order] / images.max(), np.eye(10, dtype="float32")[classes[order]]
    parts = (slice(0, train), slice(train, train + test))
    if task == "classes":
        return tuple((images[part], labels[part]) for part in parts)
    others = [(images[part][::-1], labels[part][::-1]) for part in parts]
    beside = [np.concatenate([images[part], other], axis=2) for part, (other, _) in zip(parts, others, strict=True)]
    return tuple((both, np.maximum(labels[part], own)) for both, part, (_, own) in zip(beside, parts, others, strict=True))


def _numbers(name, count):
    from sklearn import datasets

    if name == "diabetes":
        x, y = datasets.load_diabetes(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(y))[:count]
        return x[order], y[order]
    return datasets.make_friedman1(count, noise=1.0, random_state=0)  # Friedman (1991).


def trained(task, loss, train, epochs, seed):
    """A network trained with a loss."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    x, y = train
    if task == "outliers":
        model = models.mlp(x.shape[1:], 1, depth=2, width=64, normalization="none")
    else:
        model = models.cnn(x.shape[1:], y.shape[1], depth=4, width=16)
    rate = keras.optimizers.schedules.CosineDecay(3e-3, epochs * -(-len(x) // 32))
    model.compile(keras.optimizers.Adam(rate), loss)
    model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
    return model


def scored(task, name, outputs, true):
    """The measures of outputs on the test data, a dict."""
    outputs = np.asarray(outputs, np.float64)
    if task == "outliers":
        gaps = outputs - true
        return {"mean_absolute_error": np.abs(gaps).mean(), "mean_squared_error": np.square(gaps).mean()}
    if task == "classes":
        found = scoring.scores("cross-entropy", true.argmax(axis=1), _as_classes(name, outputs), list("0123456789"))
        return {metric: found[metric] for metric in ("accuracy", "calibration_error")}
    if name == "cross-entropy":
        outputs = _as_labels(outputs)
    found = scoring.scores("multi-label", true.astype(int), outputs, list("0123456789"))
    return {metric: found[metric] for metric in ("accuracy", "macro_f1", "average_precision")}


def _as_classes(name, outputs):
    """Logits of which the softmax is what the network says; of one logit a class their probabilities, made to add up to 1."""
    return -np.logaddexp(0, -outputs) if name == "binary" else outputs


def _as_labels(outputs):
    """Logits of each label, positive where the softmax gives it more than a quarter."""
    logarithms = outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
    return logarithms - np.log(0.25)


if __name__ == "__main__":
    main(parser().parse_args())
