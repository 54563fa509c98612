"""How far back in time do the gradients of recurrent networks reach, and does clipping change that?

    python -m benchmarks.depth.recurrence             # about 8 minutes of one thread
    python -m benchmarks.depth.recurrence --table     # only the tables, from the rows there are

The task is to recall: the first step of a series shows one of four classes, noise follows, and after 50, 200 or 1,000 steps the network is
to say the class. One recurrent layer of 24 units (`models.rnn`) on 512 made series, batches of 32: simple, LSTM and GRU; a simple one whose
orthogonal recurrent kernel is multiplied by 1.5, so that its gradients explode; and an LSTM whose gates start out to remember for 1 to all
of the steps ("chrono", Tallec and Ollivier 2018). Adam with a learning rate of 0.01, and for 50 steps also SGD with momentum and 0.1;
without clipping, and with the global norm clipped to 1. `hornbook.training.Diagnostics` takes the gradient with respect to each time step
of the input.

A row of `results/depth_recurrence.csv` is a run, or with the optimizer "start" a network before any training. `gradients` are norms in
twentieths of the time, geometric means, earliest first, before the first update, `trained` after the last; `ratio` divides the first of the
twenty by the last, 0 where the first is too small for float32. `accuracy` is on the last 25 training batches, `largest` the largest norm of
a batch's gradient before any clipping, `clipped` the share of updates that clipping changed. It needs TensorFlow for the gradients before
training.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from benchmarks.depth import training
from hornbook import models
from hornbook.training import Diagnostics

CLASSES, WIDTH, EXAMPLES, BATCH_SIZE = 4, 24, 512, 32
RATES = {"adam": 0.01, "sgd": 0.1}
# Steps of the series: updates, seeds.
LENGTHS = {50: (300, 2), 200: (150, 1), 1000: (50, 1)}
# Options, and what is done to the initial weights.
CELLS = {
    "simple": ({"cell": "simple"}, None),
    "simple, times 1.5": ({"cell": "simple"}, "enlarge"),
    "LSTM": ({"cell": "lstm"}, None),
    "LSTM, chrono": ({"cell": "lstm"}, "chrono"),
    "GRU": ({"cell": "gru"}, None),
}
CLIPPING = {"none": {}, "norm 1": {"global_clipnorm": 1.0}}
PARTS = 20
RUNS = training.Runs(
    "depth_recurrence",
    ("optimizer", "steps", "cell", "clipping", "seed"),
    ("loss", "accuracy", "ratio", "ratio_trained", "largest", "clipped", "gradients", "trained"),
)


def series(steps, seed):
    """(x, y): float32 (examples, steps, classes), of which the first step shows the class, and classes (examples,)."""
    random = np.random.default_rng(seed)
    y = random.integers(CLASSES, size=EXAMPLES)
    x = random.normal(scale=0.1, size=(EXAMPLES, steps, CLASSES)).astype("float32")
    x[:, 0] += np.eye(CLASSES, dtype="float32")[y]
    return x, y


def wanted():
    """What is run: keys of `RUNS`, short series first."""
    found = [("start", steps, cell, "none", 0) for steps in LENGTHS for cell in CELLS]
    found += [("adam", 50, cell, clip, 0) for cell in CELLS for clip in CLIPPING]
    found += [("sgd", 50, cell, clip, seed) for seed in range(2) for cell in ("simple", "simple, times 1.5", "LSTM") for clip in CLIPPING]
    for steps, (_, seeds) in LENGTHS.items():
        found += [("adam", steps, cell, clip, seed) for clip in CLIPPING for cell in CELLS for seed in range(seeds)]
    return list(dict.fromkeys(found))


def run(optimizer, steps, cell, clip, seed):
    """A row."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = network(cell, steps)
    data, updates = series(steps, seed), LENGTHS[steps][0]
    if optimizer == "start":
        first = in_parts(by_time(training.compiled(model, 0.0), *(part[:64] for part in data)))
        lost, words = [math.nan] * 4, " ".join(f"{value:.2e}" for value in first)
        return [(optimizer, steps, cell, clip, seed, *lost[:2], first[0] / first[-1], *lost[:3], words, "")]
    watching = Diagnostics(probe=data, every=10 * updates)
    training.compiled(model, RATES[optimizer], optimizer, **CLIPPING[clip])
    curve = training.train(model, updates, seed, [watching], data, BATCH_SIZE)
    looks, norms = watching.record.looks, watching.record.steps.totals
    first, last = (in_parts(look.by_time) for look in (looks[0], looks[-1]))
    ended = curve[-1] if curve and curve[-1][0] == updates else (updates, math.nan, math.nan)
    clipped = float((norms > CLIPPING[clip].get("global_clipnorm", math.inf)).mean())
    words = [" ".join(f"{value:.2e}" for value in values) for values in (first, last)]
    return [(optimizer, steps, cell, clip, seed, *ended[1:], first[0] / first[-1], last[0] / last[-1], float(norms.max()), clipped, *words)]


def network(cell, steps):
    """The uncompiled model of a cell."""
    options, change = CELLS[cell]
    model = models.rnn((steps, CLASSES), CLASSES, width=WIDTH, **options)
    for variable in model.trainable_variables:
        if change == "enlarge" and variable.name == "recurrent_kernel":
            variable.assign(variable * 1.5)
        if change == "chrono" and variable.name == "bias" and variable.shape == (4 * WIDTH,):
            # Tallec and Ollivier (2018): time constants between 1 and the length. Gates in Keras' order: input, forget, candidate, output.
            forget = np.log(np.random.default_rng(0).uniform(1, steps - 1, WIDTH))
            variable.assign(np.concatenate([-forget, forget, np.zeros(2 * WIDTH)]))
    return model


def by_time(model, x, y):
    """The norm of the loss's gradient with respect to each step of the input, an array (time,); as a look of `Diagnostics`, alone."""

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = model.compute_loss(x=x, y=y, y_pred=model(x, training=True))
        return tape.gradient(loss, x)

    return np.sqrt(np.square(gradient(tf.constant(x)).numpy(), dtype="float64").sum(axis=(0, 2)))


def in_parts(norms):
    """Geometric means of twentieths of an array (time,); 0 where a value is 0."""
    with np.errstate(divide="ignore"):
        return [float(np.exp(np.log(part).mean())) for part in np.array_split(np.asarray(norms, "float64"), PARTS)]


def start_table(rows):
    """A row for each cell, a column a length: the first twentieth's gradient divided by the last one's before any training."""
    ratios = {(row["cell"], row["steps"]): float(row["ratio"]) for row in rows if row["optimizer"] == "start"}
    lines = [[cell, *(f"{ratios.get((cell, str(steps)), math.nan):.2g}" for steps in LENGTHS)] for cell in CELLS]
    return training.markdown(["cell", *(f"{steps} steps" for steps in LENGTHS)], lines)


def table(rows, optimizer):
    """A row for each cell and length: the ratio at the start; without clipping and with it the ratio in the end, accuracy, largest norm."""
    head = ["steps", "cell", "first / last twentieth at start", "n"]
    head += [f"{what}, {clip}" for clip in ("not clipped", "clipped") for what in ("after training", "accuracy", "largest norm")]
    lines = []
    for steps in LENGTHS:
        for cell in CELLS:
            own = [row for row in rows if (row["optimizer"], row["steps"], row["cell"]) == (optimizer, str(steps), cell)]
            if not own:
                continue
            by_clip = {clip: [row for row in own if row["clipping"] == clip] for clip in CLIPPING}
            cells = [_range(by_clip["none"], "ratio"), len(by_clip["none"])]
            for chosen in by_clip.values():
                accuracies = [row["accuracy"] for row in chosen]
                accuracy = "not finite" if "nan" in accuracies else training.spread(accuracies, ".2f")
                cells += [_range(chosen, "ratio_trained"), accuracy, _range(chosen, "largest")]
            lines.append([steps, cell, *cells])
    return training.markdown(head, lines)


def _range(rows, name):
    """The smallest and the largest of a column: over powers of ten a mean says nothing."""
    values = sorted(float(row[name]) for row in rows)
    words = ["not finite" if not math.isfinite(value) else f"{value:.1e}" for value in (values[:1] + values[-1:])]
    return " to ".join(dict.fromkeys(words)) or "-"


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), run)
    print(start_table(RUNS.rows()))
    for optimizer in RATES:
        print(f"\n{optimizer}\n" + table(RUNS.rows(), optimizer))
