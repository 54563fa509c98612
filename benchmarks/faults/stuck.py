"""Is a loss that stays at log(10) = 2.303 explained by `check`, in seconds? Eleven causes, each planted in a network for digits.

    python -m benchmarks.faults.stuck

A row of `results/stuck.csv` is a cause: the training loss after 10 epochs, the first finding of `check` before any training, its seconds
(with the time to compile the step), its first remedy, and the loss after 10 epochs with the same
change made in this network. Plain Keras, scikit-learn's
digits.
"""

import csv
import dataclasses
import os
import pathlib
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from sklearn.datasets import load_digits

from hornbook.training import check

RESULTS = pathlib.Path(__file__).parents[1] / "results/stuck.csv"
COLUMNS = ("cause", "loss", "finding", "seconds", "remedy", "mended_loss")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Network:
    """A network for digits and its data; every default is sound, and the names are those of a remedy's `changes`.

    Attributes:
        depth, activation, initializer, initial_bias: of the hidden layers, 64 units each; "auto" is He et al.'s.
        frozen: whether no layer is trained.
        softmax, from_logits: how many softmaxes end the network, and what the loss takes its outputs for.
        optimizer, learning_rate, clip_norm: the optimizer's class, its rate, and the global norm it clips gradients to, 0 for never.
        divisor: of the pixels, 0 to 16. standardize: whether they have a mean of 0 and a deviation of 1 afterwards.
        shuffled: whether the labels have another order than the images.
    """

    depth: int = 2
    activation: str = "relu"
    initializer: str = "auto"
    initial_bias: float = 0.0
    frozen: float = 0.0
    softmax: int = 0
    from_logits: bool = True
    optimizer: str = "Adam"
    learning_rate: float = 1e-3
    clip_norm: float = 0.0
    divisor: float = 16.0
    standardize: bool = False
    shuffled: bool = False

    def made(self):
        """A compiled model, its inputs `(1797, 64)` and its labels."""
        keras.utils.set_random_seed(0)
        x, y = load_digits(return_X_y=True)
        x = x / self.divisor
        if self.standardize:
            x = (x - x.mean(axis=0)) / (x.std(axis=0) + 1e-7)
        y = np.random.default_rng(0).permutation(y) if self.shuffled else y
        layers = [keras.Input((64,))]
        start = {
            "kernel_initializer": "he_normal" if self.initializer == "auto" else self.initializer,
            "bias_initializer": keras.initializers.Constant(self.initial_bias),
        }
        layers += [keras.layers.Dense(64, self.activation, **start, name=f"hidden{place}") for place in range(self.depth)]
        # Small weights: the loss begins at log(10).
        layers += [keras.layers.Dense(10, kernel_initializer=keras.initializers.RandomNormal(stddev=0.01, seed=0), name="output")]
        layers += [keras.layers.Softmax() for _ in range(self.softmax)]
        model = keras.Sequential(layers)
        for layer in model.layers:
            layer.trainable = not self.frozen
        optimizer = getattr(keras.optimizers, self.optimizer)(self.learning_rate, global_clipnorm=self.clip_norm or None)
        model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=self.from_logits), metrics=["accuracy"])
        return model, x.astype("float32"), y


# The cause in words: the network, and the problem's name.
CAUSES = {
    "The learning rate is too high": (Network(learning_rate=1.0), "learning-rate-too-high"),
    "The learning rate is too low": (Network(learning_rate=1e-7), "learning-rate-too-low"),
    "Labels and images are in different orders": (Network(shuffled=True), "shuffled-labels"),
    "Pixels are divided by 255 twice too often": (Network(divisor=255.0**2 * 16), "unscaled-inputs"),
    "Two softmaxes": (Network(softmax=2, from_logits=False, optimizer="SGD", learning_rate=0.01), "softmax-twice"),
    "No softmax, and a loss that takes probabilities": (Network(from_logits=False), "logits-as-probabilities"),
    "14 layers of sigmoid": (Network(depth=14, activation="sigmoid"), "vanishing-gradients"),
    "Units that are 0 for every image": (Network(initial_bias=-30.0), "dead-relus"),
    "Weights that begin at 0": (Network(initializer="zeros"), "initialization-too-small"),
    "Clipping to a norm of 0.0001": (Network(optimizer="SGD", learning_rate=0.1, clip_norm=1e-4), "clipping-always"),
    "Layers that are frozen": (Network(frozen=1.0), "frozen-layers"),
}


def trained(network, epochs=10):
    """The training loss after some epochs."""
    model, x, y = network.made()
    return model.fit(x, y, epochs=epochs, verbose=0).history["loss"][-1]


def main():
    rows = []
    names = {field.name for field in dataclasses.fields(Network)}
    for cause, (network, _) in CAUSES.items():
        loss = trained(network)
        began = time.perf_counter()
        found = check(*network.made())
        seconds = time.perf_counter() - began
        problem, line, changes = "", "", {}
        if found:
            problem, remedy = found[0].problem, found[0].remedies[0]
            line, changes = remedy.keras, {name: value for name, value in remedy.changes.items() if name in names}
        mended = f"{trained(dataclasses.replace(network, **changes)):.3f}" if changes else ""
        rows.append((cause, f"{loss:.3f}", problem, f"{seconds:.1f}", line, mended))
        print("; ".join(rows[-1]), flush=True)
    with open(RESULTS, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
