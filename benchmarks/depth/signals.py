"""How large are the gradients of each layer, at initialization and after training?

    python -m benchmarks.depth.signals             # about 8 minutes of one thread
    python -m benchmarks.depth.signals --table     # only the tables, from the rows there are

Plain and residual networks of 20 layers on scikit-learn's digits: every normalization and none, with ReLU, Swish, tanh and sigmoid, and the
initialization that suits the activation; then plain ones without and with batch normalization, with He's and Glorot's initialization and
with half and twice the suitable one's kernels. 100 updates of SGD with momentum, learning rate 0.01, one seed.
The norms of all gradients are collected as in `hornbook.training.Diagnostics`, at every update and before any clipping.

A row of `results/depth_signals.csv` is a network, "start" at the first update or "trained". `gradients` are those of the kernels, first
layer first, each divided by the norm of its kernel, of the first update or means over the last 25; `ratio` is the geometric mean of the
first quarter of the layers divided by that of the last quarter: small where gradients vanish on their way back, large where they explode. 0
is a gradient too small for float32.
"""

import math

import keras
import numpy as np

from benchmarks.depth import training
from benchmarks.depth.networks import network
from hornbook.models.parts.initializers import initializer_for
from hornbook.models.parts.normalization import NORMALIZATIONS

DEPTH, UPDATES, RATE, SEED = 20, 100, 0.01, 0
KINDS = ("plain", "residual")
ACTIVATIONS = ("relu", "silu", "tanh", "sigmoid")
INITIALIZERS = {"he": {"initializer": "he_normal"}, "glorot": {"initializer": "glorot_uniform"}}
SCALES = {"half": {"initial_scale": 0.5}, "twice": {"initial_scale": 2.0}}
RUNS = training.Runs(
    "depth_signals",
    ("when", "kind", "normalization", "activation", "initialization"),
    ("loss", "accuracy", "ratio", "gradients"),
)


def suitable(activation):
    """Of `INITIALIZERS` the one that "auto" takes for an activation."""
    return initializer_for(activation).partition("_")[0]


def wanted():
    """What is run: keys of `RUNS`."""
    found = [(kind, norm, activation, suitable(activation)) for kind in KINDS for norm in NORMALIZATIONS for activation in ACTIVATIONS]
    for norm in ("none", "batch"):
        for activation in ACTIVATIONS:
            found += [("plain", norm, activation, name) for name in (*INITIALIZERS, *SCALES) if name != suitable(activation)]
    return [(when, *key) for when in ("start", "trained") for key in found]


def run(when, kind, normalization, activation, initialization):
    """A row."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    options = INITIALIZERS.get(initialization) or SCALES[initialization]
    model = training.compiled(network(kind, DEPTH, normalization=normalization, activation=activation, **options), RATE)
    # One step is done sooner than it is traced.
    model.run_eagerly = when == "start"
    updates = 1 if when == "start" else UPDATES
    norms = training.Norms()
    curve = training.train(model, updates, SEED, [norms])
    shares = by_layer(norms, first=when == "start")
    ended = curve[-1][1:] if curve and curve[-1][0] == updates else (math.nan, math.nan)
    return [(when, kind, normalization, activation, initialization, *ended, ratio(shares), " ".join(f"{value:.2e}" for value in shares))]


def by_layer(norms, first):
    """Norms of the kernels' gradients as shares of the kernels', at the first update or on average over the last 25: an array."""
    gradients = norms.steps.norms[:, norms.kernels]
    return gradients[0] / norms.began if first else gradients[-training.EVERY :].mean(axis=0) / norms.ended


def ratio(values):
    """How much larger values are in the first quarter than in the last, by geometric means; 0 where one of the first is 0."""
    quarter = len(values) // 4
    first, last = (np.asarray(part, "float64") for part in (values[:quarter], values[-quarter:]))
    if not np.isfinite(values).all() or (last <= 0).any():
        return math.nan
    if (first <= 0).any():
        return 0.0
    return float(np.exp(np.log(first).mean() - np.log(last).mean()))


def table(rows, names, choose):
    """A row for each activation and each of `names`: of plain and of residual networks ratios, and the middle gradient and accuracy."""
    head = ["activation", "", *(f"{kind}: {what}" for kind in KINDS for what in ("ratio at start", "middle", "ratio after", "accuracy"))]
    found = {tuple(row[key] for key in RUNS.keys): row for row in rows}
    lines = []
    for activation in ACTIVATIONS:
        for name in names:
            cells = []
            for kind in KINDS:
                start, after = (found.get((when, kind, *choose(name, activation))) for when in ("start", "trained"))
                cells += [_short(start["ratio"]), _short(np.median(_numbers(start)))] if start else ["-"] * 2
                cells += [_short(after["ratio"]), _short(after["accuracy"])] if after else ["-"] * 2
            lines.append([activation, name, *cells])
    return training.markdown(head, lines)


def _numbers(row):
    return [float(word) for word in row["gradients"].split()]


def _short(word):
    return f"{float(word):.2g}" if math.isfinite(float(word)) else "not finite"


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), run)
    print(table(RUNS.rows(), NORMALIZATIONS, lambda name, activation: (name, activation, suitable(activation))))
    for norm in ("none", "batch"):
        print(f"\nNormalization: {norm}")
        print(table(RUNS.rows(), (*INITIALIZERS, *SCALES), lambda name, activation, norm=norm: (norm, activation, name)))
