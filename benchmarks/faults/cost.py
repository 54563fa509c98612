"""What does watching a training cost? The time of a step with `Diagnostics` against without, in turns.

    python -m benchmarks.faults.cost            # minutes on two cores

A row of `results/diagnosis_cost.csv` is a network: the time of a step of both, medians over rounds, and the ratio's median with its
quartiles over the pairs. A round is an epoch of each, in turns, so that a machine that is busy at times slows down both. The looks at the
network after epochs 1, 2, 4, 8, ... are measured apart, in seconds each.
"""

import argparse
import csv
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from hornbook import models
from hornbook.training import Diagnostics, optimizer

RESULTS = pathlib.Path(__file__).parents[1] / "results/diagnosis_cost.csv"
COLUMNS = ("network", "batch_size", "variables", "plain_ms", "watched_ms", "ratio", "quartiles", "look_seconds", "rounds")
# name: input shape, batch size, steps of a round.
NETWORKS = {
    "mlp": ((30,), 32, 400),
    "cnn": ((8, 8, 1), 64, 100),
    "resnet20": ((32, 32, 3), 128, 8),
    "gru": ((64, 1), 64, 60),
    "h_inception1d": ((128, 1), 16, 30),
}


class _Rounds(keras.callbacks.Callback):
    """Seconds of each epoch's steps, without what follows them."""

    def __init__(self):
        super().__init__()
        self.seconds = []

    def on_epoch_begin(self, epoch, logs=None):
        self._began = None

    def on_train_batch_begin(self, batch, logs=None):
        self._began = self._began or time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self._last = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(self._last - self._began)


def made(name):
    """A compiled network and its arrays."""
    shape, batch_size, steps = NETWORKS[name]
    random = np.random.default_rng(0)
    x = random.normal(size=(batch_size * steps, *shape)).astype("float32")
    y = random.integers(0, 4, len(x))
    keras.utils.set_random_seed(0)
    model = models.build(name, input_shape=shape, num_outputs=4)
    model.compile(optimizer("adamw", 1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, x, y


def measure(name, rounds):
    """A row: both networks are fitted an epoch at a time, in turns."""
    _, batch_size, steps = NETWORKS[name]
    pair = {watched: made(name) for watched in (False, True)}
    seconds, looks = {False: [], True: []}, []
    for turn in range(rounds + 1):
        for watched in (turn % 2 == 0, turn % 2 == 1):
            model, x, y = pair[watched]
            # Both compile the step anew, in the first epoch: what was compiled long ago is a little faster.
            model.train_function = None
            clock, watching = _Rounds(), [Diagnostics((x, y))] if watched else []
            model.fit(x, y, batch_size=batch_size, epochs=2, shuffle=False, verbose=0, callbacks=[*watching, clock])
            if turn:
                seconds[watched].append(clock.seconds[1] / steps)
            for one in watching:
                began = time.perf_counter()
                one._look(2)
                looks.append(time.perf_counter() - began)
    ratios = np.array(seconds[True]) / np.array(seconds[False])
    low, high = np.quantile(ratios, [0.25, 0.75])
    plain, watched, look = 1e3 * np.median(seconds[False]), 1e3 * np.median(seconds[True]), np.median(looks)
    values = (name, batch_size, len(pair[True][0].trainable_variables), f"{plain:.3f}", f"{watched:.3f}", f"{np.median(ratios):.3f}")
    return dict(zip(COLUMNS, (*values, f"{low:.3f} {high:.3f}", f"{look:.3f}", rounds), strict=True))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    rows = []
    for name in args.networks:
        rows.append(measure(name, args.rounds))
        print(", ".join(f"{key} {value}" for key, value in rows[-1].items()), flush=True)
    with open(RESULTS, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
