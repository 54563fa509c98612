"""What do the checks of files take? Seconds of them within a `predict` and within a short run, and their share of the whole command.

    python benchmarks/reliability/costs.py --times 7

Each command is run in a process of its own, in which the functions that look at files are timed, each without those of other parts that it
calls; nothing else is changed. Counted are: reading and checking the JSON files (a command without checks would read some, too), looking
into `model.keras` before it is loaded, checksums, counting weights before they are made, looking at each weight, ranges of flags, looking
through the run's folder, and what a training will take of the memory. A row of `results/reliability_costs.csv` is a part of the
checks, or all of them, in one command on one network: quartiles over the turns of its seconds, the median of its seconds of the processor,
and the median of its share of the command's time.
"""

import argparse
import contextlib
import csv
import functools
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

RESULTS = pathlib.Path(__file__).parents[1] / "results/reliability_costs.csv"
COLUMNS = ("network", "command", "part", "n", "first_quartile", "seconds", "third_quartile", "processor_seconds", "share_of_command")
# By part, the functions whose time it is: of modules that import neither Keras nor TensorFlow.
PARTS = {
    "JSON files": ("hornbook.records.read", "hornbook.records.values", "hornbook.records.raw", "hornbook.records.checked"),
    "look into model.keras": ("hornbook.inference.saved_model.check",),
    "count weights": (
        "hornbook.inference.saved_model._refuse_larger_than_its_file",
        "hornbook.inference.saved_model._refuse_packed_weights",
    ),
    "look at weights": ("hornbook.inference.saved_model._refuse_weights",),
    "checksums": ("hornbook.training.manifest.check", "hornbook.training.manifest.write"),
    "footprint": ("hornbook.training.diagnosis.footprint.require", "hornbook.memory.require"),
    "ranges of flags": ("hornbook.recipes.ranges.check",),
    "look through the folder": ("hornbook.files.refuse_links", "hornbook.files.remove_temporary"),
}
_SHORT = ("--epochs", "2", "--no-floor", "--no-diagnosis")
NETWORKS = {
    "images": ("image-classification", "--model", "mlp", "--width", "8", *_SHORT),
    "texts": ("text-classification", "--model", "cnn1d", "--width", "8", *_SHORT),
    "series": ("sequence-classification", "--model", "gru", "--width", "8", *_SHORT),
    "tables": ("tabular-classification", "--model", "mlp", "--width", "8", *_SHORT),
    "numbers": ("regression", "--model", "mlp", "--width", "8", *_SHORT),
    "resnet20": ("image-classification", "--model", "resnet20", *_SHORT),
    # A hundred megabytes of weights, as a ResNet-50 has.
    "26 million weights": ("image-classification", "--model", "mlp", "--width", "3600", "--depth", "4", "--batch-size", "512", *_SHORT),
}
INPUTS = {
    "images": ("image.npy", (1, 8, 8, 1)), "texts": ("Return the sum of two numbers.", None), "series": ("series.npy", (64, 1)),
    "tables": ("table.npy", (1, 30)), "numbers": ("table10.npy", (1, 10)),
}  # fmt: skip


class Clock:
    """Seconds of each part, of the wall and of the processor; what a function calls of another part is the other's."""

    def __init__(self):
        self.seconds, self.processor = dict.fromkeys(PARTS, 0.0), dict.fromkeys(PARTS, 0.0)
        self._stack = []

    @contextlib.contextmanager
    def of(self, part):
        """Time a block for a part."""
        self._pass_to(part)
        try:
            yield
        finally:
            self._charge()
            self._stack.pop()
            self._since = time.perf_counter(), time.process_time()

    def _pass_to(self, part):
        self._charge()
        self._stack.append(part)
        self._since = time.perf_counter(), time.process_time()

    def _charge(self):
        if self._stack:
            self.seconds[self._stack[-1]] += time.perf_counter() - self._since[0]
            self.processor[self._stack[-1]] += time.process_time() - self._since[1]


def timed(words, output):
    """Be a command line whose checks are timed; writes what they took."""
    clock = Clock()
    for part, names in PARTS.items():
        for name in names:
            module, _, function = name.rpartition(".")
            module = importlib.import_module(module)
            setattr(module, function, _wrapped(getattr(module, function), clock, part))
    from hornbook.__main__ import main

    try:
        main(words)
    finally:
        output.write_text(json.dumps({"seconds": clock.seconds, "processor": clock.processor, "whole_processor": time.process_time()}))


def _wrapped(function, clock, part):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        with clock.of(part):
            return function(*args, **kwargs)

    return wrapped


def turn(words, folder):
    """Run a command once: what `timed` writes, with the seconds of the whole command."""
    output = folder / "times.json"
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, os.path.abspath(__file__), "--inside", str(output), *words], cwd=folder, check=True, stdout=subprocess.DEVNULL
    )
    return {**json.loads(output.read_text()), "whole": time.perf_counter() - began}


def rows_of(network, command, turns):
    """Rows of the table: each part that took anything, and all of them together."""
    for part in (*PARTS, "all checks"):
        names = PARTS if part == "all checks" else [part]
        seconds = [sum(one["seconds"][name] for name in names) for one in turns]
        if not any(seconds):
            continue
        first, middle, third = statistics.quantiles(seconds, n=4, method="inclusive") if len(seconds) > 1 else seconds * 3
        processor = statistics.median(sum(one["processor"][name] for name in names) for one in turns)
        share = statistics.median(given / one["whole"] for given, one in zip(seconds, turns, strict=True))
        values = (network, command, part, len(turns), *(f"{value:.4f}" for value in (first, middle, third, processor, share)))
        yield dict(zip(COLUMNS, values, strict=True))
    whole = statistics.median(one["whole"] for one in turns)
    processor = statistics.median(one["whole_processor"] for one in turns)
    values = (network, command, "the whole command", len(turns), "", f"{whole:.4f}", "", f"{processor:.4f}", "1")
    yield dict(zip(COLUMNS, values, strict=True))


def measure(network, times, folder):
    """Rows of a network: of its run, and of a `predict` with it."""
    import numpy as np

    words = NETWORKS[network]
    given, shape = INPUTS.get(network, INPUTS["images"])
    if shape:
        np.save(folder / given, np.random.default_rng(0).uniform(0, 16, shape).astype("float32"))
    runs = [turn([*words, "--output", f"{network}-{number}"], folder) for number in range(times)]
    yield from rows_of(network, "a run of two epochs", runs)
    predictions = [turn(["predict", f"{network}-0", given], folder) for _ in range(times)]
    yield from rows_of(network, "predict", predictions)


def main():
    """Measure, print each row, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=7)
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--output", type=pathlib.Path, default=RESULTS)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        turn([*NETWORKS["images"], "--output", "cold"], folder)  # The first reads libraries from the disk.
        for network in args.networks:
            for row in measure(network, args.times, folder):
                rows.append(row)
                print(*row.values(), sep=", ", flush=True)
    with open(args.output, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--inside"]:
        timed(sys.argv[3:], pathlib.Path(sys.argv[2]))
    else:
        main()
