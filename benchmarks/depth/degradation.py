"""Do plain networks train worse the deeper they are, and residual ones not?

    python -m benchmarks.depth.degradation             # about 20 minutes of one thread
    python -m benchmarks.depth.degradation --table     # only the table, from the rows there are

Plain and residual networks of 20 to 1001 layers on scikit-learn's digits, the same number of updates and the same batches for all: SGD with
momentum, batches of 64, batch normalization, two learning rates. `results/depth_degradation.csv` has the loss and accuracy on the training
batches, means over 25 updates each; a run whose loss is not finite any more ends there. The table has for each network the better rate, by
the mean loss over the seeds.
"""

import math

import keras

from benchmarks.depth import training
from benchmarks.depth.networks import network

DEPTHS = (20, 56, 110, 164, 1001)
RATES = (0.1, 0.01)
# By kind of network its normalization.
KINDS = {"plain": "batch", "residual": "batch", "bottleneck": "batch", "plain, no normalization": "none"}
# Of 1001 layers there are half of the updates, and neither basic blocks, which need 6n + 2, nor one without normalization.
UPDATES, UPDATES_OF_DEEPEST = 200, 100
LEFT_OUT = ("residual", "plain, no normalization")
RUNS = training.Runs("depth_degradation", ("kind", "depth", "rate", "seed", "updates"), ("loss", "accuracy"))


def wanted():
    """What is run: (kind, depth, rate, seed), runs of one network one after the other."""
    found = []
    for depth in DEPTHS:
        for kind in KINDS:
            if depth == DEPTHS[-1] and kind in LEFT_OUT:
                continue
            seeds = 3 if depth <= 56 and kind in ("plain", "residual") else 1
            found += [(kind, depth, rate, seed) for rate in RATES for seed in range(seeds)]
    return found


class Trained:
    """Runs settings, and traces a network only when it is another one than before."""

    def __init__(self):
        self.of, self.model = None, None

    def __call__(self, kind, depth, rate, seed):
        """The rows of a run."""
        if self.of != (kind, depth):
            keras.backend.clear_session()
        keras.utils.set_random_seed(seed)
        built = network(kind.split(",")[0], depth, stacked=True, normalization=KINDS[kind])
        if self.of != (kind, depth):
            self.of, self.model = (kind, depth), training.compiled(built, rate)
        else:
            training.restarted(self.model, built.get_weights(), rate)
        updates = UPDATES_OF_DEEPEST if depth == DEPTHS[-1] else UPDATES
        curve = training.train(self.model, updates, seed)
        return [(kind, depth, rate, seed, *point) for point in curve or [(training.EVERY, math.nan, math.nan)]]


def best(rows, kind, depth, updates):
    """The rate of the lowest mean loss after so many updates, and the rows of its runs; ("-", []) where no rate has all its seeds there."""
    found = {}
    for rate in RATES:
        own = [row for row in rows if (row["kind"], int(row["depth"]), float(row["rate"])) == (kind, depth, rate)]
        there = [row for row in own if int(row["updates"]) == updates and row["loss"] != "nan"]
        if there and len(there) == len({row["seed"] for row in own}):
            found[rate] = there
    if not found:
        return "-", []
    rate = min(found, key=lambda rate: sum(float(row["loss"]) for row in found[rate]) / len(found[rate]))
    return rate, found[rate]


def table(rows):
    """A row a network: training loss and accuracy over the updates 76 to 100, and 176 to 200."""
    head = ["network", "layers", "rate", "loss by update 100", "accuracy", "rate", "loss by update 200", "accuracy", "n"]
    lines = []
    for kind in KINDS:
        for depth in DEPTHS:
            if not any(row["kind"] == kind and int(row["depth"]) == depth for row in rows):
                continue
            cells, count = [], 0
            for updates in (UPDATES_OF_DEEPEST, UPDATES):
                rate, own = best(rows, kind, depth, updates)
                cells += [rate, *(training.spread([row[name] for row in own]) for name in ("loss", "accuracy"))]
                count = count or len(own)
            lines.append([kind, depth, *cells, count])
    return training.markdown(head, lines)


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), Trained())
    print(table(RUNS.rows()))
