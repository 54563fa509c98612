"""A folder of small JPEGs: how long to the first step, how much memory, and whether reading from disk keeps up with reading from memory.

    python benchmarks/large/image_folder.py                    # 100,000 images, 2 rounds: about 15 minutes on two cores
    python benchmarks/large/image_folder.py --images 10000 --rounds 1

The folder (ten classes, 32x32, the same bytes every time) is a temporary one, or kept with `--folder PATH` for the next time. Each turn is
a process of its own that runs the image classification recipe on it, in a round once with the images in memory and once streamed:

    first step      seconds from the start of the process to the end of its first training step: imports, listing, looking at the size of
                    every file, decoding each once to find broken ones, building and compiling the model
    peak memory     the most that was resident, up to the last timed step
    steps/s         of `--steps` training steps after 20 to warm up; the ratio of a round is streamed to in memory

`other work` is the share of the machine's CPU time that other programs took during a turn's timed steps. Above a few per cent the step
rates are worth little.
"""

import argparse
import csv
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLASSES = 10
SIZE = 32
WARM_UP_STEPS = 20
RESULTS = Path(__file__).parents[1] / "results" / "image_folder.csv"
SOURCES = {"in memory": "always", "streamed": "never"}


# The images


def make_folder(folder, images):
    """Write `images` JPEGs into class folders below `folder`; those that are there are left as they are."""
    for label in range(CLASSES):
        (folder / f"class {label}").mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        for start in range(0, images, 10_000):
            list(pool.map(lambda number: make_image(folder, number), range(start, min(start + 10_000, images))))


def make_image(folder, number):
    """One image of smooth noise, brighter with its class, by its number alone."""
    import numpy as np
    from PIL import Image

    path = folder / f"class {number % CLASSES}" / f"{number:06}.jpg"
    if not path.exists():
        coarse = np.random.default_rng(number).integers(0, 160, (8, 8, 3)) + 9 * (number % CLASSES)
        Image.fromarray(coarse.astype(np.uint8)).resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(path, quality=90)


# One turn, in a process of its own


class Measured(Exception):
    """Enough steps are timed."""


def turn(folder, in_memory, options):
    """Train, and print as JSON what was seen; `options` are the command's."""
    import keras

    from hornbook.recipes import image_classification

    seen = {}

    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.step = 0

        def on_train_batch_end(self, batch, logs=None):
            self.step += 1
            if self.step == 1:
                seen["first step"] = time.time() - options.started
            if self.step == WARM_UP_STEPS:
                self.began, self.used, self.ticks = time.perf_counter(), time.process_time(), cpu_ticks()
            if self.step == WARM_UP_STEPS + options.steps:
                seconds, used = time.perf_counter() - self.began, time.process_time() - self.used
                busy, total = (after - before for after, before in zip(cpu_ticks(), self.ticks, strict=True))
                seen["steps/s"] = options.steps / seconds
                seen["cpu s/1000 images"] = used / (options.steps * options.batch_size) * 1000
                own = used * os.sysconf("SC_CLK_TCK")
                seen["other work"] = max(0.0, (busy - own) / total) if total else 0.0
                seen["peak GB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
                raise Measured

    args = image_classification.Args(
        dataset=f"folder:{folder}",
        model=options.model,
        in_memory=in_memory,
        batch_size=options.batch_size,
        epochs=1000,
        test_fraction=0.0,
        evaluate="none",
        output=str(Path(tempfile.mkdtemp(), "run")),
    )
    try:
        image_classification.main(args, callbacks=[Watch()])
    except Measured:
        print(json.dumps(seen))


def cpu_ticks():
    """Ticks that all processors were busy, and ticks in all, since the machine started."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


# All turns


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--model", default="resnet20")
    parser.add_argument("--folder", type=Path, help="where the images are made and kept; default: a temporary folder")
    parser.add_argument("--turn", choices=SOURCES.values(), help=argparse.SUPPRESS)
    parser.add_argument("--started", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        turn(options.folder, options.turn, options)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary, "images")
        started = time.time()
        make_folder(folder, options.images)
        print(f"{options.images:,} images in {folder}, made in {time.time() - started:.0f} s")
        rows = [
            {"round": number, "source": source, **run_turn(folder, in_memory, options)}
            for number in range(options.rounds)
            for source, in_memory in sorted(SOURCES.items(), reverse=bool(number % 2))
        ]
    show(rows)
    write(rows, options)


def run_turn(folder, in_memory, options):
    words = [sys.executable, __file__, "--turn", in_memory, "--folder", str(folder), "--started", str(time.time())]
    words += ["--model", options.model, "--steps", str(options.steps), "--batch-size", str(options.batch_size)]
    with tempfile.TemporaryDirectory() as temporary:  # The run's folder goes with it.
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "TMPDIR": temporary})
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def show(rows):
    print("\n| source | first step, s | peak memory, GB | steps/s | CPU s per 1000 images | other work |\n|---|---|---|---|---|---|")
    for source in SOURCES:
        own = [row for row in rows if row["source"] == source]
        first, peak, rate, used, other = (
            statistics.median(row[name] for row in own) for name in ("first step", "peak GB", "steps/s", "cpu s/1000 images", "other work")
        )
        print(f"| {source} | {first:.1f} | {peak:.2f} | {rate:.2f} | {used:.2f} | {other:.0%} |")
    ratios = []
    for number in {row["round"] for row in rows}:
        rate = {row["source"]: row["steps/s"] for row in rows if row["round"] == number}
        ratios.append(rate["streamed"] / rate["in memory"])
    print(f"\nstreamed / in memory: {statistics.median(ratios):.3f} ({min(ratios):.3f}-{max(ratios):.3f}), n = {len(ratios)}")


def write(rows, options):
    """Add the turns to `results/image_folder.csv`."""
    new = not RESULTS.exists()
    about = {"date": time.strftime("%Y-%m-%d"), "images": options.images, "model": options.model, "batch size": options.batch_size}
    about |= {"steps": options.steps, "processors": os.cpu_count(), "machine": platform.machine()}
    with open(RESULTS, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*about, *rows[0]])
        if new:
            writer.writeheader()
        writer.writerows({**about, **{name: f"{x:.4g}" if isinstance(x, float) else x for name, x in row.items()}} for row in rows)


if __name__ == "__main__":
    main()
