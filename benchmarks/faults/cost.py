"""What does watching a training cost? The time of a step with `Diagnostics` against without, in turns.

    python -m benchmarks.faults.cost            # minutes on two cores

A row of `results/diagnosis_cost.csv` is a network: the time of a step of both, medians over pairs, and the ratio's median with its
quartiles over the pairs. A pair is a fraction of a second of each, in turns, so that a machine that is busy at times slows down both. The
weights' updates, measured every 200 steps, are in it; the looks at the network after epochs 1, 2, 4, 8, ... are measured apart, in seconds
each.
"""

import argparse
import csv
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from hornbook import models
from hornbook.training import Diagnostics, optimizer

RESULTS = pathlib.Path(__file__).parents[1] / "results/diagnosis_cost.csv"
COLUMNS = ("network", "batch_size", "variables", "plain_ms", "watched_ms", "ratio", "quartiles", "look_seconds", "pairs")
# name: input shape, batch size, steps of a pair's half.
NETWORKS = {
    "mlp": ((30,), 32, 100),
    "cnn": ((8, 8, 1), 64, 20),
    "resnet20": ((32, 32, 3), 128, 2),
    "gru": ((64, 1), 64, 10),
    "h_inception1d": ((128, 1), 16, 5),
}


def made(name):
    """A compiled network and its arrays."""
    shape, batch_size, steps = NETWORKS[name]
    random = np.random.default_rng(0)
    x = random.normal(size=(batch_size * max(steps, 8), *shape)).astype("float32")
    y = random.integers(0, 4, len(x))
    keras.utils.set_random_seed(0)
    model = models.build(name, input_shape=shape, num_outputs=4)
    model.compile(optimizer("adamw", 1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, x, y


class _Training:
    """A network in the middle of its training, watched or not, that takes so many steps when it is told to."""

    def __init__(self, name, watched):
        self.model, x, y = made(name)
        self.batches = iter(tf.data.Dataset.from_tensor_slices((x, y)).batch(NETWORKS[name][1]).repeat())
        self.watching = Diagnostics((x, y)) if watched else None
        if watched:
            self.watching.set_model(self.model)
        self.model.make_train_function()
        if watched:
            self.watching.on_train_begin()

    def seconds(self, steps):
        """Seconds a step, with the reading of what was seen, which an epoch ends with."""
        began = time.perf_counter()
        for _ in range(steps):
            logs = self.model.train_function(self.batches)
        if self.watching:
            self.watching.record.steps.fetch()
        float(logs["loss"])
        return (time.perf_counter() - began) / steps


def measure(name, pairs):
    """A row: two trainings of the same network take a few steps in turns, so that a busy moment of the machine meets both."""
    _, batch_size, steps = NETWORKS[name]
    plain, watched = _Training(name, False), _Training(name, True)
    for training in (plain, watched):
        training.seconds(70)  # The first 64 steps keep the norm of each variable.
    seconds = []
    for turn in range(pairs):
        order = (plain, watched) if turn % 2 else (watched, plain)
        times = {training: training.seconds(steps) for training in order}
        seconds.append((times[plain], times[watched]))
    own, other = np.array(seconds).T
    low, middle, high = np.quantile(other / own, [0.25, 0.5, 0.75])
    looks = []
    for _ in range(5):
        began = time.perf_counter()
        watched.watching._look(2)
        looks.append(time.perf_counter() - began)
    values = (name, batch_size, len(plain.model.trainable_variables), f"{1e3 * np.median(own):.3f}", f"{1e3 * np.median(other):.3f}")
    return dict(zip(COLUMNS, (*values, f"{middle:.3f}", f"{low:.3f} {high:.3f}", f"{np.median(looks):.3f}", pairs), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--pairs", type=int, default=100)
    args = parser.parse_args()
    rows = []
    for name in args.networks:
        rows.append(measure(name, args.pairs))
        print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    with open(RESULTS, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
