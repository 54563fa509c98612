"""How large are the gradients of each layer, at initialization and after training?

    python -m benchmarks.depth.signals             # about 8 minutes of one thread
    python -m benchmarks.depth.signals --table     # only the tables, from the rows there are

Plain and residual networks of 20 layers on scikit-learn's digits: every normalization and none, with ReLU, Swish, tanh and sigmoid, and the
initialization that suits the activation; then plain ones without and with batch normalization, with He's and Glorot's initialization and
with half and twice the suitable one's kernels. 100 updates of SGD with momentum, learning rate 0.01, one seed.
The norms of all gradients are collected as in `hornbook.training.Diagnostics`, at every update and before any clipping.

A row of `results/depth_signals.csv` is a network. `gradients` are those of the kernels, first layer first, each divided by the norm of
its kernel, at the first update; `trained` are means over the last 25 updates. `ratio` is the geometric mean of the first quarter of the
layers divided by that of the last quarter: small where gradients vanish on their way back, large where they explode. 0 is a gradient too
small for float32.
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
    ("kind", "normalization", "activation", "initialization"),
    ("loss", "accuracy", "ratio", "ratio_trained", "gradients", "trained"),
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
    return found


def run(kind, normalization, activation, initialization):
    """A row."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(SEED)
    options = INITIALIZERS.get(initialization) or SCALES[initialization]
    model = training.compiled(network(kind, DEPTH, normalization=normalization, activation=activation, **options), RATE)
    norms = training.Norms()
    curve = training.train(model, UPDATES, SEED, [norms])
    first, last = by_layer(norms)
    ended = curve[-1] if curve and curve[-1][0] == UPDATES else (UPDATES, math.nan, math.nan)
    words = [" ".join(f"{value:.2e}" for value in values) for values in (first, last)]
    return [(kind, normalization, activation, initialization, *ended[1:], ratio(first), ratio(last), *words)]


def by_layer(norms):
    """Norms of the kernels' gradients as shares of the kernels', at the first update and on average over the last 25: two arrays."""
    gradients = norms.steps.norms[:, norms.kernels]
    return gradients[0] / norms.began, gradients[-training.EVERY :].mean(axis=0) / norms.ended


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
    """A row for each activation and each of `names`; of plain and of residual networks the ratios and the accuracy."""
    head = ["activation", "", *(f"{kind}: {what}" for kind in KINDS for what in ("ratio at start", "after", "accuracy"))]
    found = {tuple(row[key] for key in RUNS.keys): row for row in rows}
    lines = []
    for activation in ACTIVATIONS:
        for name in names:
            cells = []
            for kind in KINDS:
                row = found.get((kind, *choose(name, activation)))
                cells += [_short(row["ratio"]), _short(row["ratio_trained"]), _short(row["accuracy"])] if row else ["-"] * 3
            lines.append([activation, name, *cells])
    return training.markdown(head, lines)


def _short(word):
    return "not finite" if word == "nan" else f"{float(word):.2g}"


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), run)
    print(table(RUNS.rows(), NORMALIZATIONS, lambda name, activation: (name, activation, suitable(activation))))
    for norm in ("none", "batch"):
        print(f"\nNormalization: {norm}")
        print(table(RUNS.rows(), (*INITIALIZERS, *SCALES), lambda name, activation, norm=norm: (norm, activation, name)))
