"""Speed of normalization layers on a CPU: Keras', this project's, and what was tried beside them.

    python benchmarks/normalization.py                       # each layer alone, forward and backward: about 3 minutes on two cores
    python benchmarks/normalization.py --whole-step          # in a training step of ResNet-20 at 32x32x3, batch 128: about 5 minutes
    python benchmarks/normalization.py --precision bfloat16

All in one TensorFlow process. Every candidate is measured in turns with Keras' layer (each pair of turns in the other order than the one
before), and a gain is the ratio of the times within a pair; shown is the median of the pairs with their range, for wall and for CPU time.
`error` is the largest difference to Keras' outputs and gradients, as a share of the largest value among each; with bfloat16, 0.004 is one
unit in the last place. A candidate is worth a layer in `hornbook.models` when it gains more than 1.15 in a whole step with equal results.
"""

import argparse
import csv
import os
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy
import tensorflow as tf

from hornbook.models import BatchNormalization, resnet20
from hornbook.models.layers.group_normalization import GroupNormalization
from hornbook.models.layers.layer_normalization import LayerNormalization
from hornbook.models.parts.normalization import group_count

BATCH_SIZE = 128
SHAPES = ((BATCH_SIZE, 32, 32, 16), (BATCH_SIZE, 16, 16, 32), (BATCH_SIZE, 8, 8, 64))
EPSILON = 1e-5
RESULTS = Path(__file__).parent / "results"


def grouped(layer_class):
    """A subclass with as many groups as `hornbook.models` gives a layer of its channels, known when it is built."""

    class Grouped(layer_class):
        def build(self, input_shape):
            self.groups = group_count(input_shape[-1])
            super().build(input_shape)

    return Grouped


# The candidates that are not in hornbook.models. All have Keras' weights and formula.


def fused_kernel(rows):
    """Normalization of each row of `(rows, values)` by TensorFlow's kernel for batch normalization, with the rows as its channels."""
    rows = tf.reshape(rows, (1, tf.shape(rows)[0], tf.shape(rows)[1], 1))
    count = tf.shape(rows)[1]
    empty = tf.zeros((0,))
    ones, zeros = tf.ones((count,)), tf.zeros((count,))
    return tf.raw_ops.FusedBatchNormV3(
        x=rows, scale=ones, offset=zeros, mean=empty, variance=empty, epsilon=EPSILON, data_format="NCHW", is_training=True
    )[0]


class GroupByKernel(keras.layers.GroupNormalization):
    """The channels of a group are moved beside each other and become one row of the fused kernel: two transpositions each way."""

    def call(self, inputs):
        shape, channels = tf.shape(inputs), inputs.shape[-1]
        positions = shape[1] * shape[2]
        rows = tf.transpose(tf.reshape(inputs, (shape[0], positions, channels)), (0, 2, 1))
        rows = fused_kernel(tf.reshape(rows, (shape[0] * self.groups, positions * (channels // self.groups))))
        outputs = tf.reshape(tf.transpose(tf.reshape(rows, (shape[0], channels, positions)), (0, 2, 1)), shape)
        return outputs * tf.cast(self.gamma, outputs.dtype) + tf.cast(self.beta, outputs.dtype)


class GroupByGradient(keras.layers.GroupNormalization):
    """Statistics channel by channel, and a gradient of our own: from two sums a channel and three passes."""

    def call(self, inputs):
        channels = inputs.shape[-1]

        def over_groups(means):
            grouped_means = tf.reduce_mean(tf.reshape(means, (-1, self.groups, channels // self.groups)), axis=-1, keepdims=True)
            return tf.reshape(tf.repeat(grouped_means, channels // self.groups, axis=-1), (-1, 1, 1, channels))

        @tf.custom_gradient
        def normalize(inputs, gamma, beta):
            values = tf.cast(inputs, tf.float32)
            mean = over_groups(tf.reduce_mean(values, axis=(1, 2)))
            variance = over_groups(tf.reduce_mean(tf.math.squared_difference(values, mean), axis=(1, 2)))
            inverse = tf.math.rsqrt(variance + EPSILON)
            factor = inverse * gamma
            outputs = tf.cast(values * factor + (beta - mean * factor), inputs.dtype)

            def gradient(upstream):
                upstream = tf.cast(upstream, tf.float32)
                positions = tf.cast(tf.shape(values)[1] * tf.shape(values)[2], tf.float32)
                means = tf.reduce_mean(upstream, axis=(1, 2))
                products = tf.reduce_mean(upstream * values, axis=(1, 2)) - mean[:, 0, 0] * means
                slope = -tf.square(inverse) * over_groups(products * gamma) * inverse
                inputs_gradient = upstream * factor + (values * slope - (inverse * over_groups(means * gamma) + slope * mean))
                gamma_gradient = positions * tf.reduce_sum(products * inverse[:, 0, 0], axis=0)
                return tf.cast(inputs_gradient, inputs.dtype), gamma_gradient, positions * tf.reduce_sum(means, axis=0)

            return outputs, gradient

        return normalize(inputs, tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta))


class LayerByKernel(keras.layers.LayerNormalization):
    """Every position is one row of the fused kernel, which then has as many channels as there are positions."""

    def call(self, inputs):
        outputs = tf.reshape(fused_kernel(tf.reshape(inputs, (-1, inputs.shape[-1]))), tf.shape(inputs))
        return outputs * tf.cast(self.gamma, outputs.dtype) + tf.cast(self.beta, outputs.dtype)


def compiled(layer_class):
    """A subclass whose `call` is compiled by XLA on its own, inside the step."""

    class Compiled(layer_class):
        def call(self, inputs):
            return tf.function(super().call, jit_compile=True, autograph=False)(inputs)

    return Compiled


def batch(layer_class):
    return lambda name=None: layer_class(momentum=0.9, name=name)


def group(layer_class):
    return lambda name=None: grouped(layer_class)(groups=1, epsilon=EPSILON, name=name)


def instance(layer_class):
    return lambda name=None: layer_class(groups=-1, epsilon=EPSILON, name=name)


def over_channels(layer_class):
    return lambda name=None: layer_class(epsilon=EPSILON, name=name)


# Keras' layer first, then the candidates: factories `(name) -> layer`.
KERAS = keras.layers
CANDIDATES = {
    "batch": {"Keras": batch(KERAS.BatchNormalization), "hornbook": batch(BatchNormalization)},
    "group": {
        "Keras": group(KERAS.GroupNormalization),
        "hornbook": group(GroupNormalization),
        "own gradient": group(GroupByGradient),
        "fused kernel": group(GroupByKernel),
        "XLA": group(compiled(KERAS.GroupNormalization)),
    },
    "instance": {
        "Keras": instance(KERAS.GroupNormalization),
        "own gradient": instance(GroupByGradient),
        "fused kernel": instance(GroupByKernel),
        "XLA": instance(compiled(KERAS.GroupNormalization)),
    },
    "layer": {
        "Keras": over_channels(KERAS.LayerNormalization),
        "hornbook": over_channels(LayerNormalization),
        "fused kernel": over_channels(LayerByKernel),
        "XLA": over_channels(compiled(KERAS.LayerNormalization)),
    },
    "rms": {"Keras": over_channels(KERAS.RMSNormalization), "XLA": over_channels(compiled(KERAS.RMSNormalization))},
}


# Measuring


def layer_step(factory, shape):
    """A function of no arguments that runs a layer forward and backward, and returns outputs and gradients."""
    layer = factory()
    layer.build(shape)
    generator = numpy.random.default_rng(0)
    inputs, upstream = (tf.cast(generator.normal(loc, size=shape), layer.compute_dtype) for loc in (1.0, 0.0))
    weights = [weight.value for weight in layer.trainable_weights]

    @tf.function(autograph=False)
    def step(inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            # The layer before is part of every network, and keeps TensorFlow from working on a constant.
            outputs = layer(tf.nn.relu(inputs), training=True) if "Batch" in type(layer).__name__ else layer(tf.nn.relu(inputs))
        return [outputs, *tape.gradient(outputs, [inputs, *weights], output_gradients=upstream)]

    return lambda: step(inputs)


def network_step(factory):
    """A function of no arguments that trains ResNet-20 for 5 steps, and returns the loss."""
    keras.utils.set_random_seed(0)
    model = resnet20((32, 32, 3), 10, normalization=factory)
    model.compile(
        keras.optimizers.SGD(0.001, momentum=0.9, nesterov=True),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    generator = numpy.random.default_rng(0)
    images = generator.normal(size=(BATCH_SIZE, 32, 32, 3)).astype("float32")
    options = tf.data.Options()
    options.autotune.enabled = False
    labels = generator.integers(10, size=BATCH_SIZE)
    batches = tf.data.Dataset.from_tensors((images, labels)).repeat().with_options(options)
    return lambda: [tf.constant(model.fit(batches, steps_per_epoch=5, shuffle=False, verbose=0).history["loss"][-1])]


def seconds(function, repetitions):
    """Wall and CPU seconds of one call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repetitions):
        results = function()
    results[0].numpy()
    return (time.perf_counter() - wall) / repetitions, (time.process_time() - cpu) / repetitions


def largest_difference(ours, reference):
    differences = []
    for one, other in zip(ours, reference, strict=True):
        one, other = tf.cast(one, tf.float32), tf.cast(other, tf.float32)
        differences.append(float(tf.reduce_max(tf.abs(one - other)) / tf.reduce_max(tf.abs(other))))
    return max(differences)


def measure(name, place, functions, pairs, least_seconds):
    """Rows of results: one a candidate, beside the first of `functions`."""
    (_, reference), *others = functions.items()
    expected = reference()
    rows = []
    for candidate, function in others:
        error = largest_difference(function(), expected)
        function()
        repetitions = max(1, round(least_seconds / seconds(reference, 1)[0]))
        turns = []
        for pair in range(pairs):
            order = (function, reference) if pair % 2 == 0 else (reference, function)
            times = [seconds(each, repetitions) for each in order]
            turns.append(times if pair % 2 == 0 else times[::-1])
        row = {"normalization": name, "candidate": candidate, "where": place, "n": pairs}
        row["milliseconds"] = round(statistics.median(ours[0] for ours, _ in turns) * 1000, 2)
        row["keras_milliseconds"] = round(statistics.median(theirs[0] for _, theirs in turns) * 1000, 2)
        for column, index in (("gain", 0), ("cpu_gain", 1)):
            gains = [theirs[index] / ours[index] for ours, theirs in turns]
            row |= {column: round(statistics.median(gains), 2), f"{column}_range": f"{min(gains):.2f}-{max(gains):.2f}"}
        rows.append(row | {"error": f"{error:.0e}"})
        print("| " + " | ".join(str(value) for value in rows[-1].values()) + " |", flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--whole-step", action="store_true", help="in a training step of ResNet-20 instead of alone")
    parser.add_argument("--normalization", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--output", type=Path, help="CSV file; default: beside this script, in results/")
    args = parser.parse_args()
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[args.precision])
    columns = ["normalization", "candidate", "where", "n", "ms", "Keras ms", "gain", "range", "CPU gain", "range", "error"]
    print(f"{os.cpu_count()} cores, {args.precision}\n", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|", sep="\n")
    rows = []
    for name in args.normalization:
        if args.whole_step:
            functions = {candidate: network_step(factory) for candidate, factory in CANDIDATES[name].items()}
            rows += measure(name, "ResNet-20", functions, args.pairs, least_seconds=0)
            keras.backend.clear_session()
            continue
        for shape in SHAPES:
            functions = {candidate: layer_step(factory, shape) for candidate, factory in CANDIDATES[name].items()}
            rows += measure(name, "x".join(map(str, shape)), functions, args.pairs, least_seconds=0.03)
    what = "step" if args.whole_step else "layers"
    output = args.output or RESULTS / f"normalization-{what}-{args.precision}.csv"
    output.parent.mkdir(parents=True, exist_ok=True)
    with open(output, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    print(f"\nwritten to {output}", file=sys.stderr)


if __name__ == "__main__":
    main()
