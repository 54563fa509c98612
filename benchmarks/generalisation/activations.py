"""Is ReLU cheaper than other activations, and does it leave activations sparse?

    python -m benchmarks.generalisation.activations --data digits --output runs/activations

A perceptron of six layers with batch normalization, trained with each activation with the same seeds and batches. `zeros` is the share of
hidden activations on test data that are exactly 0. `milliseconds_a_step` is what a training step on 1,024 examples takes of the processor,
the median of steps that the activations take in turns; other work on the machine has little to do with it.
"""

import statistics
import time

import keras
import numpy as np

from benchmarks.generalisation import estimates, levels
from hornbook import models

LEVELS = ("relu", "silu", "tanh", "sigmoid")
_TRAINED = 0.8  # Of the examples.
_TIMED = 1024


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--data", choices=("digits", "breast_cancer"), required=True)
    made.add_argument("--width", type=int, default=512)
    made.add_argument("--epochs", type=int, default=10)
    made.add_argument("--turns", type=int, default=10)
    return made


def main(args):
    x, y = examples(args.data)
    found, count = [], int(_TRAINED * len(x))
    for seed in range(args.seeds):
        keras.backend.clear_session()
        networks = {name: trained(name, x[:count], y[:count], args.width, args.epochs, seed) for name in LEVELS}
        times = milliseconds(networks, np.resize(x, (_TIMED, *x.shape[1:])), np.resize(y, _TIMED), args.turns)
        for name, model in networks.items():
            found.append(levels.score(args.data, name, "accuracy", seed, model.evaluate(x[count:], y[count:], verbose=0)[1]))
            found.append(levels.score(args.data, name, "zeros", seed, zeros(model, x[count:])))
            found.append(levels.score(args.data, name, "milliseconds_a_step", seed, times[name]))
    return levels.write(args.output, found)


def examples(name):
    """Inputs, standardized, float32 `(examples, features)`, and classes."""
    if name == "breast_cancer":
        from sklearn.datasets import load_breast_cancer

        x, y = load_breast_cancer(return_X_y=True)
    else:
        images, y = estimates.pictures(name)
        x = images.reshape(len(images), -1)
    order = np.random.default_rng(0).permutation(len(y))
    return ((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-6))[order].astype("float32"), y[order]


def trained(activation, x, y, width, epochs, seed):
    """A network of this activation."""
    keras.utils.set_random_seed(seed)
    model = models.mlp(x.shape[1:], int(y.max()) + 1, depth=7, width=width, activation=activation, name=activation)
    model.compile(keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model


def zeros(model, x):
    """The share of hidden activations that are exactly 0."""
    hidden = [layer.output for layer in model.layers if isinstance(layer, keras.layers.Activation)]
    outputs = keras.Model(model.inputs, hidden).predict(x, verbose=0)
    return float(np.mean([np.mean(output == 0) for output in outputs]))


def milliseconds(networks, x, y, turns):
    """The time of the processor that a step takes, by network: medians of steps in turns; the first, which traces, does not count."""
    taken = {name: [] for name in networks}
    for turn in range(turns + 1):
        for name, model in networks.items():
            start = time.process_time()
            model.train_on_batch(x, y)
            if turn:
                taken[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(found) for name, found in taken.items()}


if __name__ == "__main__":
    main(parser().parse_args())
