"""Training speed of ResNet-20 on a CPU: this project beside plain Keras and PyTorch, and with the recipe's input pipeline.

    python benchmarks/throughput.py                 # every comparison, 10 pairs each: about 8 minutes on two cores
    python benchmarks/throughput.py --precision bfloat16 --pairs 3
    python benchmarks/throughput.py --pipeline      # only the input pipeline

One training step is forward, backward and an update by SGD with Nesterov momentum, on 128 images of 32x32x3 that are already in memory.
The sides train the same network with the same number of parameters:

    hornbook          `hornbook.models.resnet20`
    keras             the network in plain Keras, as its users write it (`plain_keras_resnet20` below)
    torch             the network in PyTorch with channels_last memory (`torch_resnet20` below)
    no-normalization  `hornbook.models.resnet20(normalization="none")`: what normalization costs at all

And two that train the image classification recipe's model, resnet20 behind a standardization of the pixels, on uint8 images:

    pipeline          fed as the recipe feeds it: shuffled, cropped and mirrored batches of images in memory
    one-batch         fed the same one of those batches again and again: what the steps take when the data cost nothing

Each side lives in a process of its own, because the thread pools of TensorFlow and PyTorch disturb each other in one; it is built and
warmed up once, then told over a pipe to train a number of steps while the others sleep. (`idle CPU` shows that they do: the CPU seconds
that a side used between its turns.) A round is a turn of every side, in the reverse order every second round; a ratio is taken within a
round, so that what else the machine does in those seconds meets both. Reported are the medians over the rounds, with the range of the
ratios. tf.data's autotuning is off on every side: it rounds the end of a `fit` up to a multiple of 10 ms times a power of two.

Every turn is written to `results/throughput.csv` and `results/input_pipeline.csv`.

`other work` is the share of the machine's CPU time that other programs took during a side's turns. Above a few per cent the ratios are
worth little: PyTorch's threads wait for each other actively, and on a machine without a free core it can fall to a tenth of its speed.
"""

import argparse
import csv
import json
import math
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

BATCH_SIZE = 128
INPUT_SHAPE = (32, 32, 3)
NUM_CLASSES = 10
# Small enough for the network without normalization.
LEARNING_RATE = 0.001
MOMENTUM = 0.9
WARM_UP_STEPS = 5
# The first of a comparison is measured against each of the others.
NETWORKS = ("hornbook", "keras", "torch", "no-normalization")
FEEDS = ("pipeline", "one-batch")
PIPELINE_IMAGES = 100 * BATCH_SIZE
RESULTS = Path(__file__).parent / "results"


# The networks


def plain_keras_resnet20(input_shape, num_classes):
    """ResNet-20 of He et al. (2015), section 4.2, with identity shortcuts (option A), by Keras' own layers alone."""
    import keras
    from keras import layers, ops

    def convolution(inputs, filters, stride=1):
        return layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, kernel_initializer="he_normal")(inputs)

    inputs = outputs = keras.Input(input_shape)
    outputs = layers.ReLU()(layers.BatchNormalization()(convolution(outputs, 16)))
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage > 0 and block == 0 else 1
            shortcut = outputs
            if stride == 2:
                shortcut = ops.pad(outputs[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, filters - outputs.shape[-1])))
            outputs = layers.ReLU()(layers.BatchNormalization()(convolution(outputs, filters, stride)))
            outputs = layers.BatchNormalization()(convolution(outputs, filters))
            outputs = layers.ReLU()(layers.Add()([outputs, shortcut]))
    outputs = layers.GlobalAveragePooling2D()(outputs)
    return keras.Model(inputs, layers.Dense(num_classes, dtype="float32")(outputs))


def torch_resnet20(num_classes):
    """The same network in PyTorch."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, in_channels, channels, stride):
            super().__init__()
            self.conv1 = nn.Conv2d(in_channels, channels, 3, stride=stride, padding=1, bias=False)
            self.norm1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
            self.norm2 = nn.BatchNorm2d(channels)
            self.stride = stride
            self.new_channels = channels - in_channels

        def forward(self, inputs):
            outputs = torch.relu(self.norm1(self.conv1(inputs)))
            outputs = self.norm2(self.conv2(outputs))
            shortcut = inputs
            if self.stride != 1:
                shortcut = nn.functional.pad(inputs[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
            return torch.relu(outputs + shortcut)

    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    channels = 16
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(3):
            layers.append(Block(channels, filters, stride=2 if stage > 0 and block == 0 else 1))
            channels = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes))


# One side, in a process of its own: train(steps) -> last loss


def repeated(batch):
    """A dataset of one batch without end."""
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return tf.data.Dataset.from_tensors(batch).repeat().with_options(options)


def trainable_parameters(model):
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def feed_side(side):
    """A function that trains the recipe's model by `fit`, and the number of its trainable parameters."""
    import keras
    import numpy

    from hornbook.recipes import image_classification
    from hornbook.training import augmenter, data, training_batches

    generator = numpy.random.default_rng(0)
    images = generator.integers(256, size=(PIPELINE_IMAGES, *INPUT_SHAPE), dtype="uint8")
    dataset = data.from_arrays(images, generator.integers(NUM_CLASSES, size=PIPELINE_IMAGES), validation_fraction=0)
    model = image_classification.build(image_classification.Args(model="resnet20"), dataset)
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    # More epochs than any number of turns needs.
    batches = training_batches(dataset.train, batch_size=BATCH_SIZE, num_classes=NUM_CLASSES, epochs=1000, augment=augmenter("crop-flip"))
    if side == "one-batch":
        batches = repeated(next(iter(batches)))

    def train(steps):
        return model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0).history["loss"][-1]

    return train, trainable_parameters(model)


def network_side(side):
    """A function that trains a Keras model by `fit`, and the number of its trainable parameters."""
    import keras
    import numpy

    if side == "keras":
        model = plain_keras_resnet20(INPUT_SHAPE, NUM_CLASSES)
    else:
        from hornbook.models import resnet20

        model = resnet20(INPUT_SHAPE, NUM_CLASSES, normalization="none" if side == "no-normalization" else "batch")
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=False,
    )
    generator = numpy.random.default_rng(0)
    images = generator.normal(size=(BATCH_SIZE, *INPUT_SHAPE)).astype("float32")
    labels = generator.integers(NUM_CLASSES, size=BATCH_SIZE)
    batches = repeated((images, labels))

    def train(steps):
        return model.fit(batches, steps_per_epoch=steps, verbose=0).history["loss"][-1]

    return train, trainable_parameters(model)


def keras_side(side, precision, threads):
    """A function that trains a Keras model by `fit`, and the number of its trainable parameters."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
    return feed_side(side) if side in FEEDS else network_side(side)


def torch_side(precision, threads):
    """A function that trains the PyTorch network by the usual loop, and the number of its trainable parameters."""
    import numpy
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = torch_resnet20(NUM_CLASSES).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM, nesterov=True)
    generator = numpy.random.default_rng(0)
    channels_first = (BATCH_SIZE, INPUT_SHAPE[-1], *INPUT_SHAPE[:-1])
    images = torch.from_numpy(generator.normal(size=channels_first).astype("float32")).to(memory_format=torch.channels_last)
    labels = torch.from_numpy(generator.integers(NUM_CLASSES, size=BATCH_SIZE))

    def train(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                loss = torch.nn.functional.cross_entropy(model(images), labels)
            loss.backward()
            optimizer.step()
        return loss.item()

    return train, sum(parameter.numel() for parameter in model.parameters())


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def machine_cpu_seconds():
    """CPU seconds that the whole machine has spent working, hypervisor's theft included; NaN where the system does not say."""
    try:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    except OSError:
        return float("nan")
    user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen = map(int, fields[:8])
    return (user + nice + system + interrupts + soft_interrupts + stolen) / os.sysconf("SC_CLK_TCK")


def run_side(side, precision, threads):
    """Answers each line of standard input, a number of steps, by a line of JSON: the seconds that they took, and the CPU seconds."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    train, parameters = torch_side(precision, threads) if side == "torch" else keras_side(side, precision, threads)
    train(WARM_UP_STEPS)
    train(WARM_UP_STEPS)
    answers.write(json.dumps({"parameters": parameters}) + "\n")
    answers.flush()
    cpu_at_rest = cpu_seconds()
    for line in sys.stdin:
        machine, cpu, start = machine_cpu_seconds(), cpu_seconds(), time.perf_counter()
        loss = train(int(line))
        seconds, spent, machine_spent = time.perf_counter() - start, cpu_seconds() - cpu, machine_cpu_seconds() - machine
        answer = {
            "seconds": seconds,
            "cpu_seconds": spent,
            "idle_cpu_seconds": cpu - cpu_at_rest,
            "other_work": (machine_spent - spent) / (seconds * os.cpu_count()),
            "loss": loss,
        }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        cpu_at_rest = cpu_seconds()


# All sides together


class Side:
    """A process that trains one network when asked to."""

    def __init__(self, name, precision, threads):
        self.name = name
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, __file__, "--side", name, "--precision", precision, "--threads", str(threads)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, text=True, env=environment, **pipes)
        self.parameters = self._answer()["parameters"]

    def train(self, steps):
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the process of {self.name!r} ended; see why with: {' '.join(self.process.args)}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(sides, precision, pairs, steps, threads):
    """A list of one dict a turn: side, round, images a second, CPU seconds for 1000 images, idle CPU seconds."""
    running, turns = [], []
    try:
        for name in sides:
            # One after another: building and warming up side by side would only take longer.
            running.append(Side(name, precision, threads))
        for pair in range(pairs):
            for side in running if pair % 2 == 0 else reversed(running):
                answer = side.train(steps)
                images = steps * BATCH_SIZE
                turns.append(
                    {
                        "precision": precision,
                        "side": side.name,
                        "parameters": side.parameters,
                        "round": pair,
                        "images_per_second": round(images / answer["seconds"], 1),
                        "cpu_seconds_per_1000_images": round(answer["cpu_seconds"] / images * 1000, 3),
                        "idle_cpu_seconds": round(answer["idle_cpu_seconds"], 3),
                        "other_work": round(answer["other_work"], 3),
                        "loss": answer["loss"],
                    }
                )
                speed = turns[-1]["images_per_second"]
                print(f"{precision} round {pair + 1}/{pairs} {side.name:16} {speed:8.1f} images/s", file=sys.stderr)
    finally:
        for side in running:
            side.close()
    return turns


def table(turns, first):
    """A Markdown table of the turns: a row a precision and side, and the ratio of the side called `first` to it."""
    columns = ["precision", "side", "images/s, median (range)", "CPU s per 1000 images", f"{first} / side, median (range)"]
    columns += ["idle CPU s", "other work", "n"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for precision, side in dict.fromkeys((turn["precision"], turn["side"]) for turn in turns):
        ours, theirs = ([turn for turn in turns if turn["precision"] == precision and turn["side"] == name] for name in (first, side))
        speeds = [turn["images_per_second"] for turn in theirs]
        theirs_by_round = {turn["round"]: turn["images_per_second"] for turn in theirs}
        ratios = [turn["images_per_second"] / theirs_by_round[turn["round"]] for turn in ours]
        cpu = statistics.median(turn["cpu_seconds_per_1000_images"] for turn in theirs)
        idle = max(turn["idle_cpu_seconds"] for turn in theirs)
        others = statistics.median(turn["other_work"] for turn in theirs)
        ratio = "" if side == first else f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"
        speed = f"{statistics.median(speeds):.0f} ({min(speeds):.0f}-{max(speeds):.0f})"
        lines.append(f"| {precision} | {side} | {speed} | {cpu:.2f} | {ratio} | {idle:.2f} | {others:.0%} | {len(speeds)} |")
    return "\n".join(lines)


def write(turns, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(turns[0]))
        writer.writeheader()
        writer.writerows(turns)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=("float32", "bfloat16"))
    parser.add_argument("--pipeline", action="store_true", help="only the recipe's input pipeline against one batch in memory")
    parser.add_argument("--pairs", type=int, default=10, help="rounds, a turn of every side in each")
    parser.add_argument("--steps", type=int, default=12, help="training steps in a turn (three times as many with a pipeline)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every side")
    parser.add_argument("--side", choices=NETWORKS + FEEDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        run_side(args.side, args.precision[0], args.threads)
        return
    networks, feeds = [], []
    for precision in args.precision:
        if not args.pipeline:
            networks += measure(NETWORKS, precision, args.pairs, args.steps, args.threads)
        # `fit` starts the pipeline anew in every turn: longer turns make that small.
        feeds += measure(FEEDS, precision, args.pairs, 3 * args.steps, args.threads)
    machine = f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, {args.threads} threads, batch {BATCH_SIZE}, {args.steps} steps a turn ({3 * args.steps} with a pipeline)\n")
    if networks:
        write(networks, RESULTS / "throughput.csv")
        print(table(networks, NETWORKS[0]) + "\n")
    write(feeds, RESULTS / "input_pipeline.csv")
    print(table(feeds, FEEDS[0]))


if __name__ == "__main__":
    main()
