"""Do the inputs of layers drift less with normalization, and is that why it helps?

    python -m benchmarks.depth.drift             # about 5 minutes of one thread
    python -m benchmarks.depth.drift --table     # only the table, from the rows there are

"Internal covariate shift" is measured in two ways, in plain networks of 20 layers with ReLU on scikit-learn's digits, in 100 updates of SGD
with momentum at two learning rates:

    drift     how far the mean of each channel of a layer's input goes in 10 updates, as a share of its standard deviation before, for 256
              fixed training examples: the median over the channels of all layers and over the ten stretches (Ioffe and Szegedy 2015
              speak of these distributions)
    spread    the same of the standard deviation: the median of |log(after / before)|
    turn      how much the gradient of a layer's kernel changes when the layers before it take their step of plain gradient descent:
              1 less the cosine between before and after, the median over layers and stretches (Santurkar et al. 2018, definition 2.1)

"noisy batch" is batch normalization whose outputs are moved and stretched at random, channel by channel and anew in every update (deviation
0.2, and by 0.9 to 1.1), so that its layers' inputs drift by force, as in Santurkar et al. (2018, section 2.2), whose noise is another one
for each example. It needs TensorFlow for the gradients. `results/depth_drift.csv` has a row a run, with loss and accuracy of the last 25
updates.
"""

import math

import keras
import numpy as np
import tensorflow as tf

from benchmarks.depth import training
from benchmarks.depth.networks import network
from hornbook.models import BatchNormalization
from hornbook.training.diagnosis import probe

DEPTH, UPDATES, STRETCH, SEEDS = 20, 100, 10, 2
RATES = (0.01, 0.1)
EXAMPLES = 256


class NoisyBatchNormalization(BatchNormalization):
    """Batch normalization, in training with channels moved and stretched at random, anew at each call."""

    def __init__(self, **options):
        super().__init__(momentum=0.9, **options)
        self.noise = keras.random.SeedGenerator(0)

    def call(self, inputs, training=None, mask=None):
        outputs = super().call(inputs, training=training, mask=mask)
        if not training:
            return outputs
        shape = (1,) * (len(inputs.shape) - 1) + (inputs.shape[-1],)
        factor = keras.random.uniform(shape, 0.9, 1.1, seed=self.noise)
        return outputs * factor + keras.random.normal(shape, 0.0, 0.2, seed=self.noise)


NORMALIZATIONS = {"none": "none", "batch": "batch", "noisy batch": NoisyBatchNormalization, "layer": "layer", "group": "group"}
RUNS = training.Runs("depth_drift", ("normalization", "rate", "seed"), ("drift", "spread", "turn", "loss", "accuracy"))


def wanted():
    """What is run: keys of `RUNS`."""
    return [(normalization, rate, seed) for seed in range(SEEDS) for normalization in NORMALIZATIONS for rate in RATES]


def run(normalization, rate, seed):
    """A row."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = training.compiled(network("plain", DEPTH, normalization=NORMALIZATIONS[normalization]), rate)
    watching = Watching(rate)
    curve = training.train(model, UPDATES, seed, [watching])
    ended = curve[-1][1:] if curve and curve[-1][0] == UPDATES else (math.nan, math.nan)
    return [(normalization, rate, seed, *(float(np.median(values)) if len(values) else math.nan for values in watching.measured()), *ended)]


class Watching(keras.callbacks.Callback):
    """Looks at the network before the first update and after every `STRETCH`."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        (x, y), _ = training.digits()
        self.x, self.y = tf.constant(x[:EXAMPLES]), tf.constant(y[:EXAMPLES])
        self.looks, self.turns, self.seen = [], [], 0

    def on_train_begin(self, logs=None):
        self.gradients = tf.function(self._gradients)
        self._look()

    def on_train_batch_end(self, batch, logs=None):
        self.seen += 1
        if self.seen % STRETCH == 0:
            self._look()

    def _look(self):
        self.looks.append(self._kept(self._inputs))
        self.turns += self._turns()

    def _kept(self, function):
        """What a function returns; running statistics and random states are put back after it."""
        variables = self.model.non_trainable_variables
        values = [np.array(variable) for variable in variables]
        found = function()
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return found

    def _inputs(self):
        """Mean and deviation of every channel that a convolution but the first takes: an array (2, channels)."""
        found = []

        def see(name, about, tensor):
            if "_act" in name:
                values = keras.ops.convert_to_numpy(tensor).reshape(-1, tensor.shape[-1])
                found.append((values.mean(axis=0), values.std(axis=0)))
            return tensor

        with probe.watched(self.model, see):
            self.model(self.x, training=True)
        return np.concatenate(found, axis=1)

    def _gradients(self):
        kernels = [variable.value for variable in self._kernels()]
        with tf.GradientTape() as tape:
            loss = self.model.compute_loss(x=self.x, y=self.y, y_pred=self.model(self.x, training=True))
        return tape.gradient(loss, kernels)

    def _kernels(self):
        return [variable for variable in self.model.trainable_variables if variable.name == "kernel"]

    def _turns(self):
        """Of four layers, 1 less the cosine between their gradient before and after those in front of them take a step."""
        kernels = self._kernels()
        before = [np.array(value) for value in self._kept(self.gradients)]
        weights, turns = [np.array(kernel) for kernel in kernels], []
        for place in np.linspace(len(kernels) // 4, len(kernels) - 2, 4).astype(int):
            for kernel, weight, gradient in zip(kernels[:place], weights, before, strict=False):
                kernel.assign(weight - self.rate * gradient)
            after = np.array(self._kept(self.gradients)[place])
            norms = np.linalg.norm(after) * np.linalg.norm(before[place])
            if np.isfinite(norms) and norms > 0:
                turns.append(float(1 - (after * before[place]).sum() / norms))
            for kernel, weight in zip(kernels, weights, strict=True):
                kernel.assign(weight)
        return turns

    def measured(self):
        """Drifts, changes of spread, and turns: three arrays."""
        means, spreads = (np.array([look[part] for look in self.looks]) for part in (0, 1))
        alive = (spreads[:-1] > 1e-6) & (spreads[1:] > 1e-6) & np.isfinite(spreads[1:])
        with np.errstate(all="ignore"):
            drifts = np.abs(np.diff(means, axis=0)) / spreads[:-1]
            stretched = np.abs(np.log(spreads[1:] / spreads[:-1]))
        return drifts[alive], stretched[alive], np.array(self.turns)


def table(rows):
    """A row a normalization and rate."""
    head = ["normalization", "learning rate", "drift of means", "of spreads", "turn of gradients", "training loss", "accuracy", "n"]
    lines = []
    for rate in RATES:
        for normalization in NORMALIZATIONS:
            own = [row for row in rows if row["normalization"] == normalization and float(row["rate"]) == rate]
            if own:
                cells = [training.spread([row[name] for row in own]) for name in ("drift", "spread", "turn", "loss", "accuracy")]
                lines.append([normalization, rate, *cells, len(own)])
    return training.markdown(head, lines)


if __name__ == "__main__":
    if not training.only_table(__doc__):
        training.make(RUNS, wanted(), run)
    print(table(RUNS.rows()))
