"""A CSV larger than the memory: how much is resident while a recipe trains on it, and how long until it does.

    python benchmarks/large/large_csv.py                     # 2 GB of texts, half an hour on two cores, 4 GB of disk
    python benchmarks/large/large_csv.py --rows table        # 2 GB of numbers and categories, 6 GB of disk
    python benchmarks/large/large_csv.py --megabytes 100

The file is a temporary one, the same bytes every time, or kept with `--file PATH` for the next time. Texts have 5 to 150 words by a power
law, and four classes that differ in some words; the rows of a table have 16 numbers, one of them missing now and then, two categories, and
a class that the first numbers tell. A process of its own runs text-classification or tabular-classification on it with `--in-memory never`,
until `--steps` steps are done after 20 to warm up, and says what was resident at most and how many seconds it took to the first step: rows
checked, what is learned from them, model. `--in-memory always` shows the other way, for comparison.
"""

import argparse
import contextlib
import csv
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLASSES = 4
VOCABULARY = 60_000
WARM_UP_STEPS = 20
NUMBERS = 16
BLOCK = 20_000  # Rows made at a time.
MODELS = {"text": "cnn1d", "table": "mlp"}
RESULTS = Path(__file__).parents[1] / "results" / "large_csv.csv"


def make_file(path, megabytes, rows):
    """Write rows until the file has so many megabytes (of 10^6); one that is there is left as it is."""
    import numpy as np

    if path.exists():
        return
    header, block = {"text": (TEXT_HEADER, texts), "table": (TABLE_HEADER, table)}[rows]
    generator = np.random.default_rng(0)
    temporary = path.with_suffix(".writing")
    with open(temporary, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        while file.tell() < megabytes * 1e6:
            writer.writerows(block(generator))
    os.replace(temporary, path)


TEXT_HEADER = ("text", "label")
TABLE_HEADER = (*(f"x{number}" for number in range(NUMBERS)), "town", "kind", "label")


def texts(generator):
    """A block of texts with their classes."""
    import numpy as np

    words = np.array([f"w{number:x}" for number in range(VOCABULARY)], object)
    lengths = generator.integers(5, 151, BLOCK)
    labels = generator.integers(0, CLASSES, BLOCK)
    # A power law, as words have; every class shifts one word in ten.
    ranks = np.minimum(generator.zipf(1.2, lengths.sum()) - 1, VOCABULARY - 1)
    shift = np.repeat(labels, lengths) * (generator.random(len(ranks)) < 0.1)
    made = np.split(words[(ranks + 7 * shift) % VOCABULARY], np.cumsum(lengths)[:-1])
    # A comma in each text, so that every one of them is quoted.
    return [(f"{' '.join(text[:3])}, {' '.join(text[3:])}", f"class {label}") for text, label in zip(made, labels, strict=True)]


def table(generator):
    """A block of rows of numbers, categories and a class."""
    numbers = generator.normal(size=(BLOCK, NUMBERS))
    labels = (numbers[:, :3].sum(axis=1) + generator.normal(size=BLOCK) > 0).astype(int)
    missing = generator.random(BLOCK) < 0.01
    towns, kinds = generator.zipf(1.5, BLOCK) % 2000, generator.integers(0, 5, BLOCK)
    rows = []
    for row in range(BLOCK):
        cells = [f"{value:.4f}" for value in numbers[row]]
        cells[NUMBERS - 1] = "" if missing[row] else cells[NUMBERS - 1]
        rows.append((*cells, f"town {towns[row]}", f"kind {kinds[row]}", f"class {labels[row]}"))
    return rows


def turn(options):
    """One process: run the recipe until the steps are done; prints a line of JSON."""
    started = time.monotonic()
    import keras

    from hornbook.recipes import tabular_classification, text_classification

    recipe = {"text": text_classification, "table": tabular_classification}[options["rows"]]

    class Enough(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.done = getattr(self, "done", 0) + 1
            now = time.monotonic()
            if self.done == 1:
                self.first = now - started
            if self.done == WARM_UP_STEPS:
                self.warm = now
            if self.done == WARM_UP_STEPS + options["steps"]:
                rate = options["steps"] / (now - self.warm)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
                print(json.dumps({"first_step_s": self.first, "steps_per_s": rate, "peak_mb": peak / 1e6}), flush=True)
                raise KeyboardInterrupt

    with tempfile.TemporaryDirectory(dir=options["scratch"]) as scratch:
        args = recipe.Args(
            dataset=f"csv:{options['file']}",
            model=options["model"],
            in_memory=options["in_memory"],
            batch_size=options["batch_size"],
            output=os.path.join(scratch, "run"),
            epochs=1000,
        )
        with contextlib.suppress(KeyboardInterrupt):
            recipe.main(args, callbacks=[Enough()])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", choices=tuple(MODELS), default="text")
    parser.add_argument("--megabytes", type=float, default=2000)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--model", help="default: cnn1d for texts, mlp for a table")
    parser.add_argument("--in-memory", choices=("never", "always"), default="never")
    parser.add_argument("--file", type=Path, help="keep the file here for the next time")
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.turn:
        turn(json.loads(args.turn))
        return
    model = args.model or MODELS[args.rows]
    with tempfile.TemporaryDirectory() as scratch:
        path = args.file or Path(scratch, "large.csv")
        make_file(path, args.megabytes, args.rows)
        options = {"file": str(path), "scratch": str(path.parent), "rows": args.rows, "model": model, "in_memory": args.in_memory}
        options |= {"steps": args.steps, "batch_size": args.batch_size}
        done = subprocess.run([sys.executable, __file__, "--turn", json.dumps(options)], capture_output=True, text=True)
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        if not lines:
            sys.exit(done.stdout + done.stderr)
        result = json.loads(lines[-1])
        size = path.stat().st_size / 1e6
    print(
        f"{size:,.0f} MB, {model}, in memory {args.in_memory}: at most {result['peak_mb']:,.0f} MB resident, first step after "
        f"{result['first_step_s']:.0f} s, then {result['steps_per_s']:.1f} steps/s of {args.batch_size} rows"
    )
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with open(RESULTS, "a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(("date", "machine", "megabytes", "model", "in_memory", "batch_size", "peak_mb", "first_step_s", "steps_per_s"))
        figures = (round(result["peak_mb"]), round(result["first_step_s"], 1), round(result["steps_per_s"], 1))
        date, machine = time.strftime("%Y-%m-%d"), f"{platform.machine()}, {os.cpu_count()} cores"
        writer.writerow((date, machine, round(size), model, args.in_memory, args.batch_size, *figures))


if __name__ == "__main__":
    main()
