"""With what normalization can the learning rate be how large?

    python -m benchmarks.depth.rates             # about 8 minutes of one thread
    python -m benchmarks.depth.rates --table     # only the table, from the rows there are

Plain and residual networks of 20 layers with ReLU on scikit-learn's digits, 75 updates of SGD with momentum at learning rates from 0.003 to
3, a factor of about three apart, with every normalization and none. `results/depth_rates.csv` has the training loss and accuracy, means
over the last 25 updates. The table has the losses; guessing has 2.303.
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


def table(rows):
    """A row for each network and normalization, a column a rate: the loss, mean and deviation over the seeds."""
    lines = []
    for kind in KINDS:
        for norm in NORMALIZATIONS:
            cells = []
            for rate in RATES:
                own = [row for row in rows if (row["kind"], row["normalization"], float(row["rate"])) == (kind, norm, rate)]
                cells.append(
                    "not finite" if any(row["loss"] == "nan" for row in own) else training.spread([row["loss"] for row in own], ".2f")
                )
            if any(cell != "-" for cell in cells):
                lines.append([kind, norm, *cells])
    return training.markdown(["network", "normalization", *RATES], lines)


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), Trained())
    print(table(RUNS.rows()))
