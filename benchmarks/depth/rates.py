"""With what normalization can the learning rate be how large?

    python -m benchmarks.depth.rates             # about 8 minutes of one thread
    python -m benchmarks.depth.rates --table     # only the table, from the rows there are

Plain and residual networks of 20 layers with ReLU on scikit-learn's digits, 100 updates of SGD with momentum at learning rates of 0.001 to
10, a factor of about three apart, with every normalization and none. `results/depth_rates.csv` has the training loss and accuracy, means
over the last 25 updates. A rate trains where that loss is under 1.15, half of guessing's: the table has for each network the largest rate
that does, the rate of the lowest loss, and that loss, all seed by seed.
"""

import math

import keras

from benchmarks.depth import training
from benchmarks.depth.networks import network
from hornbook.models.parts.normalization import NORMALIZATIONS

DEPTH, UPDATES = 20, 75
KINDS = ("plain", "residual")
RATES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
SEEDS = 2
TRAINS = math.log(10) / 2
RUNS = training.Runs("depth_rates", ("kind", "normalization", "seed", "rate"), ("loss", "accuracy"))


def wanted():
    """What is run: keys of `RUNS`, all rates of a network one after the other."""
    return [(kind, norm, seed, rate) for seed in range(SEEDS) for kind in KINDS for norm in NORMALIZATIONS for rate in RATES]


class Trained:
    """Runs settings, and traces a network only when it is another one than before."""

    def __init__(self):
        self.of, self.model, self.start = None, None, None

    def __call__(self, kind, normalization, seed, rate):
        """A row."""
        if self.of != (kind, normalization, seed):
            keras.backend.clear_session()
            keras.utils.set_random_seed(seed)
            self.of = kind, normalization, seed
            self.model = training.compiled(network(kind, DEPTH, normalization=normalization), rate)
            self.start = self.model.get_weights()
        curve = training.train(training.restarted(self.model, self.start, rate), UPDATES, seed)
        ended = curve[-1][1:] if curve and curve[-1][0] == UPDATES else (math.nan, math.nan)
        return [(kind, normalization, seed, rate, *ended)]


def summary(rows):
    """Of the rows of one network and seed: the largest rate that trains, the best rate, its loss and accuracy."""
    losses = {float(row["rate"]): float(row["loss"]) for row in rows if row["loss"] != "nan"}
    training_rates = [rate for rate, loss in losses.items() if loss < TRAINS]
    best = min(losses, key=losses.get)
    return max(training_rates, default=None), best, losses[best]


def table(rows):
    """A row a normalization."""
    head = ["network", "normalization", "largest rate that trains", "best rate", "loss at the best rate", "n"]
    lines = []
    for kind in KINDS:
        for normalization in NORMALIZATIONS:
            own = [row for row in rows if (row["kind"], row["normalization"]) == (kind, normalization)]
            found = [summary([row for row in own if row["seed"] == seed]) for seed in sorted({row["seed"] for row in own})]
            if found:
                words = [
                    ", ".join("none" if value is None else f"{value:g}" for value in values)
                    for values in list(zip(*found, strict=True))[:2]
                ]
                lines.append([kind, normalization, *words, ", ".join(f"{loss:.3f}" for _, _, loss in found), len(found)])
    return training.markdown(head, lines)


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), Trained())
    print(table(RUNS.rows()))
