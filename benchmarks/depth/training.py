"""The trainings of the study: digits, so many updates of stochastic gradient descent, and a table of what came of each."""

import argparse
import csv
import functools
import os
import pathlib
import statistics

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from hornbook.training.diagnosis import steps

RESULTS = pathlib.Path(__file__).parents[1] / "results"
BATCH_SIZE = 64
# A row of a curve is the mean over so many updates.
EVERY = 25


@functools.cache
def digits():
    """Scikit-learn's digits, (x, y) of 1,437 training and 360 test examples: scaled by the training part's mean and deviation."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=360, random_state=0, stratify=y)
    mean, deviation = x_train.mean(), x_train.std()
    parts = [((x - mean) / deviation).astype("float32").reshape(-1, 8, 8, 1) for x in (x_train, x_test)]
    return (parts[0], y_train), (parts[1], y_test)


def batches(x, y, updates, seed, batch_size=BATCH_SIZE):
    """A `tf.data.Dataset` of so many batches, the examples in an order that the seed decides; any backend of Keras takes it."""
    random = np.random.default_rng(seed)
    orders = [random.permutation(len(x)) for _ in range(-(-updates * batch_size // len(x)))]
    order = np.concatenate(orders)[: updates * batch_size]
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return tf.data.Dataset.from_tensor_slices((x[order], y[order])).batch(batch_size).with_options(options)


def compiled(model, rate, optimizer="sgd", **options):
    """The model, compiled for classes: "sgd" with momentum 0.9 or "adam", and options such as `global_clipnorm`."""
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    made = keras.optimizers.Adam(rate, **options) if optimizer == "adam" else keras.optimizers.SGD(rate, momentum=0.9, **options)
    model.compile(made, loss, metrics=["accuracy"])
    model.optimizer.build(model.trainable_variables)  # Else TensorFlow traces the first step twice.
    return model


def restarted(model, weights, rate):
    """A compiled model with other weights, as of `get_weights`, and its optimizer as new: what was traced is kept."""
    model.set_weights(weights)
    for variable in model.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    model.optimizer.learning_rate = rate
    return model


def train(model, updates, seed, callbacks=(), data=None, batch_size=BATCH_SIZE):
    """Train a compiled model on the digits, or on data (x, y): a list of (updates, loss, accuracy), means over each `EVERY` updates.

    The list ends where the loss is not finite.
    """
    x, y = data or digits()[0]
    every = min(EVERY, updates)
    stopping = [keras.callbacks.TerminateOnNaN(), *callbacks]
    data = batches(x, y, updates, seed, batch_size)
    done = model.fit(data, steps_per_epoch=every, epochs=updates // every, callbacks=stopping, shuffle=False, verbose=0)
    pairs = zip(done.history["loss"], done.history["accuracy"], strict=True)
    curve = [((place + 1) * every, float(loss), float(accuracy)) for place, (loss, accuracy) in enumerate(pairs)]
    return [point for point in curve if np.isfinite(point[1])]


class Norms(keras.callbacks.Callback):
    """The norms of all gradients, before any clipping, and how far the weights go: what `hornbook.training.Diagnostics` keeps of steps.

    Attributes:
        steps: `hornbook.training.diagnosis.steps.Steps`.
        kernels: places of the kernels among the trainable variables, first layer first.
        began, ended: norms of the kernels before the first update and after the last, arrays.
        moved: how far each kernel went in all, as a share of its norm, an array.
    """

    def set_model(self, model):
        super().set_model(model)
        self.steps = steps.Steps(every=1 << 30, first=1 << 30)
        steps.instrument(model, self.steps)
        self.kernels = [place for place, variable in enumerate(model.trainable_variables) if variable.name == "kernel"]

    def on_train_begin(self, logs=None):
        steps.listen(self.model, self.steps)
        self._before = self._weights()
        self.began = np.array([np.linalg.norm(weight) for weight in self._before])

    def on_epoch_end(self, epoch, logs=None):
        self.steps.fetch()

    def on_train_end(self, logs=None):
        steps.restore(self.model)
        after = self._weights()
        self.ended = np.array([np.linalg.norm(weight) for weight in after])
        self.moved = np.array([np.linalg.norm(new - old) for old, new in zip(self._before, after, strict=True)]) / self.began

    def _weights(self):
        return [np.array(keras.ops.convert_to_numpy(self.model.trainable_variables[place]), "float64") for place in self.kernels]


# What came of it: a row a run in a CSV file, written as soon as the run has ended; runs that stand there are not made again.


class Runs:
    """The rows of `results/NAME.csv`.

    Args:
        name: of the file.
        keys: columns that tell runs apart.
        values: the others.
    """

    def __init__(self, name, keys, values):
        self.path, self.keys, self.columns = RESULTS / f"{name}.csv", keys, (*keys, *values)

    def rows(self):
        """All rows, dicts of words."""
        if not self.path.exists():
            return []
        with open(self.path, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def missing(self, wanted):
        """Those of `wanted`, tuples of the first keys, of which there is no row."""
        made = {tuple(row[key] for key in self.keys[:count]) for row in self.rows() for count in range(1, len(self.keys) + 1)}
        return [one for one in wanted if tuple(str(_written(value)) for value in one) not in made]

    def add(self, rows):
        """Append rows, tuples in the order of the columns; numbers with four digits."""
        new = not self.path.exists()
        with open(self.path, "a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(self.columns)
            writer.writerows([_written(value) for value in row] for row in rows)


def _written(value):
    return f"{value:.4g}" if isinstance(value, float) else value


def make(runs, wanted, run):
    """Run what is missing, `run(*key)` to a list of rows, and print each as it is done."""
    for key in runs.missing(wanted):
        rows = run(*key)
        runs.add(rows)
        print(", ".join(map(str, key)), "->", *map(_written, rows[-1][len(key) :]), flush=True)


def only_table(doc):
    """Whether the command asks for the table alone, from the rows that there are."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="train nothing")
    return parser.parse_args().table


def markdown(head, rows):
    """A table as Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def spread(values, form=".3f"):
    """Mean and standard deviation in words; of one value the value, of none a dash."""
    values = [float(value) for value in values]
    if not values:
        return "-"
    return f"{statistics.mean(values):{form}}" + (f" ± {statistics.stdev(values):{form}}" if len(values) > 1 else "")
