"""What mends gradients that vanish or explode: clipping, shortcuts, normalization, another initialization or activation?

    python -m benchmarks.depth.remedies             # about 4 minutes of one thread
    python -m benchmarks.depth.remedies --table     # only the table, from the rows there are

Two faults in networks of 20 layers on scikit-learn's digits: gradients that vanish (plain convolutions with sigmoid) and gradients that
explode (plain convolutions with ReLU and kernels of 1.5 times He's size). Each is trained as it is and with one remedy, 100 updates of
SGD with momentum, learning rate 0.01. The norms of all gradients are collected as in `hornbook.training.Diagnostics`, before any clipping.

A row of `results/depth_remedies.csv` is a run: training loss and accuracy, means over the last 25 updates; `ratio`, of the kernels'
gradients at the first update as in benchmarks/depth/signals.py, first quarter of the layers to last quarter; `norm`, of the whole gradient
then; `moved`, how far the first quarter's kernels went in all, as a share of their size, the geometric mean; `clipped`, the share of
updates whose gradient was larger than the norm to clip to.

Clipping a global norm multiplies all gradients by one number of at most 1, so `ratio` is the same with it and without.
"""

import math

import keras
import numpy as np

from benchmarks.depth import signals, training
from benchmarks.depth.networks import network

DEPTH, UPDATES, RATE, SEEDS = 20, 100, 0.01, 2
# Network, options of the builder.
FAULTS = {
    "vanishing": ("plain", {"normalization": "none", "activation": "sigmoid"}),
    "exploding": ("plain", {"normalization": "none", "initializer": "he_normal", "initial_scale": 1.5}),
}
# What changes: the network, options of the builder, options of the optimizer. None for the network as it is.
REMEDIES = {
    "none": (None, {}, {}),
    "clip norm 1": (None, {}, {"global_clipnorm": 1.0}),
    "clip norm 0.01": (None, {}, {"global_clipnorm": 0.01}),
    "clip value 0.01": (None, {}, {"clipvalue": 0.01}),
    "shortcuts": ("residual", {}, {}),
    "shortcuts, pre-activation": ("preactivation", {}, {}),
    "batch normalization": (None, {"normalization": "batch"}, {}),
    "shortcuts and batch normalization": ("residual", {"normalization": "batch"}, {}),
    "He's initialization": (None, {"initializer": "he_normal", "initial_scale": 1.0}, {}),
    "tanh": (None, {"activation": "tanh"}, {}),
}
RUNS = training.Runs("depth_remedies", ("fault", "remedy", "seed"), ("loss", "accuracy", "ratio", "norm", "moved", "clipped"))


def wanted():
    """What is run: keys of `RUNS`."""
    return [(fault, remedy, seed) for seed in range(SEEDS) for fault in FAULTS for remedy in REMEDIES]


def run(fault, remedy, seed):
    """A row."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    (kind, options), (other, changes, rule) = FAULTS[fault], REMEDIES[remedy]
    model = training.compiled(network(other or kind, DEPTH, **{**options, **changes}), RATE, **rule)
    watching = training.Norms()
    curve = training.train(model, UPDATES, seed, [watching])
    first = signals.by_layer(watching, first=True)
    with np.errstate(divide="ignore"):
        moved = float(np.exp(np.log(watching.moved[: len(watching.moved) // 4]).mean()))
    norms = watching.steps.totals
    ended = curve[-1][1:] if curve and curve[-1][0] == UPDATES else (math.nan, math.nan)
    clipped = float((norms > rule.get("global_clipnorm", math.inf)).mean())
    return [(fault, remedy, seed, *ended, signals.ratio(first), float(norms[0]), moved, clipped)]


def table(rows):
    """A row a remedy, for each fault."""
    head = [
        "gradients",
        "remedy",
        "first / last quarter at start",
        "norm at start",
        "first quarter moved",
        "updates clipped",
        "accuracy",
        "n",
    ]
    lines = []
    for fault in FAULTS:
        for remedy in REMEDIES:
            own = [row for row in rows if (row["fault"], row["remedy"]) == (fault, remedy)]
            if not own:
                continue
            lost = sum(row["loss"] == "nan" for row in own)
            kept = [float(row["accuracy"]) for row in own if row["loss"] != "nan"]
            accuracy = training.spread(kept, ".2f") + (f"; {lost} not finite" if lost else "")
            clipped = f"{sum(float(row['clipped']) for row in own) / len(own):.0%}" if "norm" in remedy.split() else "-"
            lines.append([fault, remedy, middle(own, "ratio"), middle(own, "norm"), middle(own, "moved"), clipped, accuracy, len(own)])
    return training.markdown(head, lines)


def middle(rows, name):
    """The median of a column, which may have what is not finite."""
    values = sorted((float(row[name]) for row in rows), key=lambda value: (math.isnan(value), value))
    value = values[len(values) // 2]
    return f"{value:.2g}" if math.isfinite(value) else "not finite"


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), run)
    print(table(RUNS.rows()))
