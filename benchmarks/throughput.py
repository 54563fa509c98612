"""Training speed on a CPU: this project beside plain Keras and PyTorch, and with the recipe's input pipeline.

    python benchmarks/throughput.py                 # every comparison, 10 pairs each: some 25 minutes on two free cores (an estimate)
    python benchmarks/throughput.py --networks lstm gru --precision float32 --pairs 3
    python benchmarks/throughput.py --networks pipeline      # only the input pipeline

The networks, each with the same number of parameters on every side (but for PyTorch's LSTM, which has a second bias):

    resnet20          128 images of 32x32x3
    lstm, gru         one layer of 128 units, 64 series of 100 steps with 32 features
    layer-norm-lstm   the same with layer normalization inside the recurrence
    encoder           a transformer encoder: two blocks 128 wide, 4 heads, 32 texts of 128 tokens

One training step is forward, backward and an update, by SGD with Nesterov momentum (resnet20) or by Adam, on a batch that is already in
memory. The sides, written out in `throughput_networks.py`:

    hornbook          `hornbook.models`
    keras             the network in plain Keras, as its users write it
    torch             the network in PyTorch, as its users write it; images in channels_last memory
    no-normalization  `hornbook.models.resnet20(normalization="none")`: what normalization costs at all

`pipeline` trains the image classification recipe's model, resnet20 behind a standardization of the pixels, on uint8 images:

    pipeline          fed as the recipe feeds it: shuffled, cropped and mirrored batches of images in memory
    one-batch         fed the same one of those batches again and again: what the steps take when the data cost nothing

Each side lives in a process of its own, because the thread pools of TensorFlow and PyTorch disturb each other in one; it is built and
warmed up once, then told over a pipe to train a number of steps while the others sleep. (`idle CPU` shows that they do: the CPU seconds
that a side used between its turns.) A round is a turn of every side, in the reverse order every second round; a ratio is taken within a
round, so that what else the machine does in those seconds meets both. Reported are the medians over the rounds, with the range of the
ratios. tf.data's autotuning is off on every side: it rounds the end of a `fit` up to a multiple of 10 ms times a power of two.

Every turn is written to `results/throughput_NETWORK.csv` and `results/input_pipeline.csv`.

`other work` is the share of the machine's CPU time that other programs took during a side's turns. Above a few per cent the ratios are
worth little: PyTorch's threads wait for each other actively, and on a machine without a free core it can fall to a tenth of its speed.
There, `--threads 1` and the ratio of the CPU seconds say more: one thread waits for nobody, and what others do takes none of its CPU time.
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

from throughput_networks import CLASSES, NETWORKS, VOCABULARY

# Small enough for the network without normalization.
LEARNING_RATE = 0.001
MOMENTUM = 0.9
WARM_UP_STEPS = 5
# The first of a comparison is measured against each of the others.
FEEDS = ("pipeline", "one-batch")
PIPELINE_IMAGES = 100 * NETWORKS["resnet20"].batch_size
# `fit` starts the pipeline anew in every turn: longer turns make that small.
PIPELINE_STEPS = 3 * NETWORKS["resnet20"].steps
RESULTS = Path(__file__).parent / "results"


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

    from hornbook import data
    from hornbook.data import training_batches
    from hornbook.data.images import augmenter
    from hornbook.recipes import image_classification

    network = NETWORKS["resnet20"]
    generator = numpy.random.default_rng(0)
    images = generator.integers(256, size=(PIPELINE_IMAGES, *network.input_shape), dtype="uint8")
    dataset = data.images.from_arrays(images, generator.integers(CLASSES, size=PIPELINE_IMAGES), validation_fraction=0)
    model = image_classification.build(image_classification.Args(model="resnet20"), dataset)
    model.compile(
        optimizer=keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    options = {"batch_size": network.batch_size, "num_classes": CLASSES, "augment": augmenter("crop-flip")}
    # More epochs than any number of turns needs.
    batches = training_batches(dataset.train, epochs=1000, **options)
    if side == "one-batch":
        batches = repeated(next(iter(batches)))

    def train(steps):
        return model.fit(batches, steps_per_epoch=steps, shuffle=False, verbose=0).history["loss"][-1]

    return train, trainable_parameters(model)


def examples(network):
    """One batch of a network's inputs and labels, in NumPy."""
    import numpy

    generator = numpy.random.default_rng(0)
    shape = (network.batch_size, *network.input_shape)
    inputs = generator.integers(1, VOCABULARY, size=shape) if network.tokens else generator.normal(size=shape).astype("float32")
    return inputs, generator.integers(CLASSES, size=network.batch_size)


def network_side(network, side):
    """A function that trains a Keras model by `fit`, and the number of its trainable parameters."""
    import keras

    model = network.sides[side](network.input_shape)
    if network.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(LEARNING_RATE, momentum=MOMENTUM, nesterov=True)
    else:
        optimizer = keras.optimizers.Adam(LEARNING_RATE)
    model.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True), jit_compile=False)
    batches = repeated(examples(network))

    def train(steps):
        return model.fit(batches, steps_per_epoch=steps, verbose=0).history["loss"][-1]

    return train, trainable_parameters(model)


def keras_side(name, side, precision, threads):
    """A function that trains a Keras model by `fit`, and the number of its trainable parameters."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy({"float32": "float32", "bfloat16": "mixed_bfloat16"}[precision])
    return feed_side(side) if name == "pipeline" else network_side(NETWORKS[name], side)


def torch_side(network, precision, threads):
    """A function that trains the PyTorch network by the usual loop, and the number of its trainable parameters."""
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = network.sides["torch"](network.input_shape).train()
    if network.optimizer == "sgd":
        optimizer = torch.optim.SGD(model.parameters(), LEARNING_RATE, momentum=MOMENTUM, nesterov=True)
    else:
        optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    inputs, labels = map(torch.from_numpy, examples(network))

    def train(steps):
        for _ in range(steps):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
                loss = torch.nn.functional.cross_entropy(model(inputs), labels)
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


def run_side(name, side, precision, threads):
    """Answers each line of standard input, a number of steps, by a line of JSON: the seconds that they took, and the CPU seconds."""
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    train, parameters = torch_side(NETWORKS[name], precision, threads) if side == "torch" else keras_side(name, side, precision, threads)
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

    def __init__(self, network, name, precision, threads):
        self.name = name
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow", "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, __file__, "--networks", network, "--side", name, "--precision", precision, "--threads", str(threads)]
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


def measure(network, sides, batch_size, precision, pairs, steps, threads):
    """A list of one dict a turn: side, round, examples a second, CPU seconds for 1000 examples, idle CPU seconds."""
    running, turns = [], []
    try:
        for name in sides:
            # One after another: building and warming up side by side would only take longer.
            running.append(Side(network, name, precision, threads))
        for pair in range(pairs):
            for side in running if pair % 2 == 0 else reversed(running):
                answer = side.train(steps)
                count = steps * batch_size
                turns.append(
                    {
                        "precision": precision,
                        "side": side.name,
                        "parameters": side.parameters,
                        "round": pair,
                        "examples_per_second": round(count / answer["seconds"], 1),
                        "cpu_seconds_per_1000_examples": round(answer["cpu_seconds"] / count * 1000, 3),
                        "idle_cpu_seconds": round(answer["idle_cpu_seconds"], 3),
                        "other_work": round(answer["other_work"], 3),
                        "loss": answer["loss"],
                    }
                )
                speed = turns[-1]["examples_per_second"]
                print(f"{network} {precision} round {pair + 1}/{pairs} {side.name:16} {speed:8.1f} examples/s", file=sys.stderr)
    finally:
        for side in running:
            side.close()
    return turns


def table(turns, first):
    """A Markdown table of the turns: a row a precision and side, and the ratio of the side called `first` to it."""
    columns = ["precision", "side", "examples/s, median (range)", "CPU s per 1000 examples", f"{first} / side, median (range)"]
    columns += ["the same by CPU s", "idle CPU s", "other work", "n"]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for precision, side in dict.fromkeys((turn["precision"], turn["side"]) for turn in turns):
        ours, theirs = ([turn for turn in turns if turn["precision"] == precision and turn["side"] == name] for name in (first, side))
        speeds = [turn["examples_per_second"] for turn in theirs]
        theirs_by_round = {turn["round"]: turn["examples_per_second"] for turn in theirs}
        ratios = [turn["examples_per_second"] / theirs_by_round[turn["round"]] for turn in ours]
        cpu_by_round = {turn["round"]: turn["cpu_seconds_per_1000_examples"] for turn in theirs}
        cpu_ratios = [cpu_by_round[turn["round"]] / turn["cpu_seconds_per_1000_examples"] for turn in ours]
        cpu = statistics.median(turn["cpu_seconds_per_1000_examples"] for turn in theirs)
        idle = max(turn["idle_cpu_seconds"] for turn in theirs)
        others = statistics.median(turn["other_work"] for turn in theirs)
        ratio, cpu_ratio = ("" if side == first else _range(values) for values in (ratios, cpu_ratios))
        speed = f"{statistics.median(speeds):.0f} ({min(speeds):.0f}-{max(speeds):.0f})"
        lines.append(f"| {precision} | {side} | {speed} | {cpu:.2f} | {ratio} | {cpu_ratio} | {idle:.2f} | {others:.0%} | {len(speeds)} |")
    return "\n".join(lines)


def _range(values):
    return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def write(turns, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(turns[0]))
        writer.writeheader()
        writer.writerows(turns)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = (*NETWORKS, "pipeline")
    parser.add_argument("--networks", nargs="+", choices=names, default=names, help="what to compare")
    parser.add_argument("--precision", nargs="+", choices=("float32", "bfloat16"), default=("float32", "bfloat16"))
    parser.add_argument("--pairs", type=int, default=10, help="rounds, a turn of every side in each")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of every side")
    parser.add_argument("--side", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        run_side(args.networks[0], args.side, args.precision[0], args.threads)
        return
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, {args.threads} threads")
    for name in args.networks:
        network = NETWORKS["resnet20" if name == "pipeline" else name]
        sides, steps = (FEEDS, PIPELINE_STEPS) if name == "pipeline" else (tuple(network.sides), network.steps)
        turns = []
        for precision in args.precision:
            turns += measure(name, sides, network.batch_size, precision, args.pairs, steps, args.threads)
        write(turns, RESULTS / ("input_pipeline.csv" if name == "pipeline" else f"throughput_{name}.csv"))
        print(f"\n{name}: batch {network.batch_size}, {steps} steps a turn\n\n{table(turns, sides[0])}")


if __name__ == "__main__":
    main()
