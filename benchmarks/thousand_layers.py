"""How long until a residual network of a hundred to a thousand layers has made its first training step, and in how much memory?

    python benchmarks/thousand_layers.py                       # 164 and 1001 layers, stacked, and 164 plain: about 2 minutes on two cores
    python benchmarks/thousand_layers.py --plain 164 1001      # the plain one of 1001 layers takes minutes and many gigabytes
    python benchmarks/thousand_layers.py --depths 29 56 110 164 --plain 29 56 110 164    # from what depth a stack pays

Pre-activation bottleneck networks of the paper's widths (He et al. 2016) on batches of 8 random 32x32 RGB images, by SGD with momentum.
Each row is a process of its own:

    build           seconds of the builder's call
    first step      seconds from that call to the end of the first training step, the optimizer's variables made before it
    CPU             seconds of computation in that time, of all threads: what a busy machine does not stretch
    step            the median of the following steps, in seconds
    peak            the most memory that was resident until the first step was done, Python and TensorFlow included, in GB
    import          of that, what Python and TensorFlow took before

`other work` is the share of the machine's CPU time that other programs took before the first step was done: with much of it, the seconds
are too many.
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
import time
from pathlib import Path

RESULTS = Path(__file__).parent / "results" / "thousand_layers.csv"
SHAPE, CLASSES, BATCH_SIZE = (32, 32, 3), 10, 8
CONSTRUCTIONS = {
    "stacked": {"stacking": "always"},
    "rematerialized": {"stacking": "always", "rematerialization": True},
    "plain": {"stacking": "never"},
}


# One row, in a process of its own


def measure(depth, construction, steps):
    """Build, train and print as JSON what was seen."""
    import keras
    import numpy as np

    from hornbook import models

    generator = np.random.default_rng(0)
    images = generator.normal(size=(BATCH_SIZE, *SHAPE)).astype("float32")
    labels = generator.integers(CLASSES, size=BATCH_SIZE)
    imported, began, used, ticks = peak(), time.perf_counter(), time.process_time(), cpu_ticks()
    model = models.resnet(SHAPE, CLASSES, depth=depth, block="preactivation_bottleneck", **CONSTRUCTIONS[construction])
    built = time.perf_counter()
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.optimizer.build(model.trainable_variables)  # As recipes do: else TensorFlow traces the step twice, the first time to make these.
    model.train_on_batch(images, labels)
    seen = {"build": built - began, "first step": time.perf_counter() - began, "CPU": time.process_time() - used}
    busy, total = (after - before for after, before in zip(cpu_ticks(), ticks, strict=True))
    seen |= {"peak": peak(), "import": imported}
    seen["other work"] = max(0.0, (busy - seen["CPU"] * os.sysconf("SC_CLK_TCK")) / total)
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        model.train_on_batch(images, labels)
        times.append(time.perf_counter() - start)
    seen["step"] = statistics.median(times)
    seen["parameters"] = sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)
    print(json.dumps({"backend": keras.config.backend(), **seen}))


def peak():
    """The most memory that this process has had, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def cpu_ticks():
    """Ticks that all processors were busy, and ticks in all, since the machine started."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


# All rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--depths", type=int, nargs="+", default=[164, 1001], help="9n + 2, of the stacked networks")
    parser.add_argument("--plain", type=int, nargs="*", default=[164], help="depths of networks built layer by layer")
    parser.add_argument("--steps", type=int, default=5, help="after the first")
    parser.add_argument("--row", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.row:
        measure(int(options.row[0]), options.row[1], options.steps)
        return
    wanted = [(depth, construction) for depth in options.depths for construction in ("stacked", "rematerialized")]
    rows = []
    for depth, construction in sorted([*wanted, *((depth, "plain") for depth in options.plain)], key=lambda pair: pair[0]):
        rows.append({"depth": depth, "construction": construction, **run(depth, construction, options.steps)})
        show(rows[-1], first=len(rows) == 1)
    write(rows)


def run(depth, construction, steps):
    words = [sys.executable, __file__, "--row", str(depth), construction, "--steps", str(steps)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def show(row, first):
    if first:
        print("| depth | construction | build, s | first step, s | CPU, s | step, s | peak, GB | import, GB | parameters | other work |")
        print("|---|---|---|---|---|---|---|---|---|---|")
    cells = [f"{row[name]:.2f}" for name in ("build", "first step", "CPU", "step", "peak", "import")]
    cells = [row["depth"], row["construction"], *cells, f"{row['parameters']:,}", f"{row['other work']:.0%}"]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def write(rows):
    """Add the rows to `results/thousand_layers.csv`."""
    new = not RESULTS.exists()
    about = {"date": time.strftime("%Y-%m-%d"), "processors": os.cpu_count(), "machine": platform.machine()}
    with open(RESULTS, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*about, *rows[0]])
        if new:
            writer.writeheader()
        writer.writerows({**about, **{name: f"{x:.4g}" if isinstance(x, float) else x for name, x in row.items()}} for row in rows)


if __name__ == "__main__":
    main()
