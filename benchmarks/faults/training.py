"""A run of the benchmark: a small network, trained in seconds as its settings say, and what it scores on clean test data.

    from benchmarks.faults import settings, training

    outcome = training.train(settings.sound("digits", "mlp", learning_rate=10.0))
    outcome.score  # Balanced accuracy, or R2 of a regression.

A run with a callback that needs the arrays as they are used gets them from a function:

    training.train(chosen, lambda settings, used: [Diagnostics(probe=(used.x_train[:256], used.y_train[:256]))])
"""

import contextlib
import dataclasses
import os
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from benchmarks.faults import corruption, datasets, networks
from hornbook.training import class_weights, optimizer, schedule

_LARGEST_BATCH = 500


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        score: balanced accuracy on the test part, or of a regression R2, at least 0; what is not a number scores as chance.
        metrics: dict: score, accuracy, lowest_recall (of the classes; of the rare ones where there are any), and of the last epoch
            whatever the history has.
        seconds: from building to the score; without loading the data.
        history: dict of lists, a number an epoch.
        model: the trained `keras.Model`.
        used: `corruption.Used`, the arrays.
    """

    score: float
    metrics: dict
    seconds: float
    history: dict
    model: keras.Model
    used: corruption.Used


def train(settings, callbacks=(), *, corpus=None, data=None):
    """Train and score a network.

    Args:
        settings: `Settings`.
        callbacks: for `fit`; or a function of (settings, used) that makes them, where `used` is `corruption.Used`.
        corpus: folder of the corpus, see `datasets.load`.
        data: `datasets.Data` in place of the set that the settings name.

    Returns:
        `Outcome`.
    """
    data = data if data is not None else datasets.load(settings.data, corpus)
    keras.backend.clear_session()
    keras.utils.set_random_seed(settings.seed)
    begun = time.perf_counter()
    arrays = corruption.used(data, settings)
    model = compiled(settings, arrays)
    made = list(callbacks(settings, arrays) if callable(callbacks) else callbacks)
    history = fit(model, settings, arrays, made)
    metrics = scored(model, arrays)
    metrics |= {name: values[-1] for name, values in history.items()}
    return Outcome(metrics["score"], metrics, time.perf_counter() - begun, history, model, arrays)


def compiled(settings, used):
    """The compiled `keras.Model` of a run: its loss, metric, optimizer and learning rate as the settings have them."""
    model = networks.build(settings, used)
    steps = -(-len(used.x_train) // settings.batch_size)
    rate = settings.learning_rate
    if settings.warmup_epochs or settings.schedule != "constant":
        rate = schedule(settings.schedule, rate, steps_per_epoch=steps, epochs=settings.epochs, warmup_epochs=settings.warmup_epochs)
    own = {"momentum": settings.momentum} if settings.optimizer == "sgd" else {}
    rule = optimizer(settings.optimizer, rate, weight_decay=settings.weight_decay, clip_norm=settings.clip_norm, **own)
    model.compile(rule, _loss(settings, used), metrics=[_metric(settings, used)], jit_compile=keras.backend.backend() == "jax")
    return model


def fit(model, settings, used, callbacks=()):
    """Fit a compiled model on the arrays of a run; the history, a dict of lists."""
    callbacks = list(callbacks)
    if settings.early_stopping:
        callbacks.append(keras.callbacks.EarlyStopping(patience=settings.early_stopping, restore_best_weights=True))
    weights = None
    if settings.class_weights != "none":
        labels = used.y_train if used.y_train.ndim == 1 else used.y_train.argmax(axis=1)
        weights = class_weights(labels, used.num_classes, settings.class_weights)
    training = _fed(used.x_train, used.y_train, settings.batch_size, shuffled=True)
    validation = _fed(used.x_validation, used.y_validation, _LARGEST_BATCH)
    done = model.fit(
        **training,
        epochs=settings.epochs,
        validation_data=validation["x"] if len(validation) == 1 else (validation["x"], validation["y"]),
        validation_batch_size=validation.get("batch_size"),
        class_weight=weights,
        callbacks=callbacks,
        verbose=0,
    )
    return {name: [float(value) for value in values] for name, values in done.history.items()}


def _fed(x, y, batch_size, shuffled=False):
    """What `fit` takes of arrays: arguments. Keras' own feed of arrays takes 20 times as long to begin an epoch as TensorFlow's."""
    if keras.backend.backend() != "tensorflow":
        return {"x": x, "y": y, "batch_size": batch_size}
    import tensorflow

    batches = tensorflow.data.Dataset.from_tensor_slices((x, y))
    if shuffled:
        batches = batches.shuffle(len(x))
    options = tensorflow.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return {"x": batches.batch(batch_size).with_options(options)}


def scored(model, used):
    """What a model scores on the test part: a dict of score, and of a classification accuracy and lowest_recall."""
    outputs = predicted(model, used.x_test)
    if used.num_classes is None:
        with contextlib.suppress(FloatingPointError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = outputs * used.target_scale + used.target_mean
            error, spread = np.square(used.y_test - values).sum(), np.square(used.y_test - used.y_test.mean()).sum()
            r2 = 1 - error / spread
        return {"score": float(max(0.0, r2)) if np.isfinite(r2) else 0.0}
    if outputs.shape[1] == 1:  # One output is the probability of the second class.
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    chosen = np.where(np.isfinite(outputs).all(axis=1), outputs.argmax(axis=1), 0)  # As argmax does with what is not a number.
    recalls = np.array([(chosen[used.y_test == one] == one).mean() for one in range(used.num_classes) if (used.y_test == one).any()])
    among = recalls[list(used.lost)] if used.lost else recalls
    return {"score": float(recalls.mean()), "accuracy": float((chosen == used.y_test).mean()), "lowest_recall": float(among.min())}


def predicted(model, x):
    """The outputs of a model, float64; called without `predict`, whose function takes longer to make than to run."""
    batches = (x[start : start + _LARGEST_BATCH] for start in range(0, len(x), _LARGEST_BATCH))
    return np.concatenate([keras.ops.convert_to_numpy(model(batch, training=False)) for batch in batches]).astype(np.float64)


def _loss(settings, used):
    if used.num_classes is None:
        return keras.losses.MeanSquaredError()
    if settings.single_output:
        return keras.losses.BinaryCrossentropy(from_logits=False)
    if settings.label_smoothing:
        return keras.losses.CategoricalCrossentropy(from_logits=settings.from_logits, label_smoothing=settings.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=settings.from_logits)


def _metric(settings, used):
    if settings.metric == "equality":
        return keras.metrics.Accuracy(name="accuracy") if used.num_classes is None else _Equality(name="accuracy")
    if settings.metric == "threshold":
        return keras.metrics.MeanMetricWrapper(_above, name="accuracy")
    if settings.metric == "top":
        return keras.metrics.SparseTopKCategoricalAccuracy(k=used.num_classes, name="accuracy")
    if used.num_classes is None:
        return keras.metrics.MeanAbsoluteError(name="mean_absolute_error")
    return "accuracy"


class _Equality(keras.metrics.MeanMetricWrapper):
    """The share of logits that are equal to the label: `keras.metrics.Accuracy`, which takes no shapes that differ."""

    def __init__(self, name):
        super().__init__(_equal, name=name)


def _equal(labels, outputs):
    return keras.ops.equal(keras.ops.cast(keras.ops.reshape(labels, (-1, 1)), outputs.dtype), outputs)


def _above(labels, outputs):
    """The share of outputs above 1e9 of the labels' classes: a threshold in the wrong place."""
    classes = keras.ops.one_hot(keras.ops.cast(keras.ops.reshape(labels, (-1,)), "int32"), outputs.shape[-1], dtype=outputs.dtype)
    return keras.ops.equal(keras.ops.cast(outputs > 1e9, outputs.dtype), classes)
