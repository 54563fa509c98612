"""Does `hornbook compare` keep the cores busy? Its time beside the processor's seconds that its runs take alone.

python benchmarks/generalisation/comparison_cores.py --turns 3

A turn is a comparison of two levels and six seeds on scikit-learn's digits, as many runs at a time as there are cores, then three seeds of
each level alone, as commands on one core. The bar: the comparison takes at most 1.15 times the seconds of the processor that its runs alone
would take, divided by the cores. Also printed: the same by the seconds of the processor that the comparison took itself. Needs a quiet
machine; writes results/comparison_cores.csv.
"""

import argparse
import csv
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

RESULTS = pathlib.Path(__file__).parents[1] / "results/comparison_cores.csv"
SEEDS = 6
_OPTIONS = ["--epochs", "30", "--model", "cnn", "--depth", "6"]
_ALONE = 3


def measured(words, cores):
    """Seconds, and seconds of the processor of a command and all its children, on some cores."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "hornbook", *words], check=True, stdout=subprocess.DEVNULL, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    args = parser.parse_args()
    cores, rows = os.sched_getaffinity(0), []
    for turn in range(args.turns):
        with tempfile.TemporaryDirectory() as folder:
            vary = ["--vary", "normalization=batch,none", "--seeds", str(SEEDS), "--output", f"{folder}/comparison"]
            seconds, own = measured(["compare", "image-classification", *vary, *_OPTIONS], cores)
            single = ["image-classification", *_OPTIONS, "--no-floor", "--evaluate", "validation", "--normalization"]
            alone = [
                measured([*single, level, "--seed", str(seed), "--output", f"{folder}/{level}-{seed}"], {min(cores)})[1]
                for seed in range(_ALONE)
                for level in ("batch", "none")
            ]
        runs = 2 * SEEDS * statistics.fmean(alone)
        rows.append({
            "turn": turn, "runs": 2 * SEEDS, "cores": len(cores), "seconds": round(seconds, 2), "own_processor_seconds": round(own, 2),
            "processor_seconds_of_runs_alone": round(runs, 2), "ratio": round(seconds / (runs / len(cores)), 3),
            "ratio_to_own": round(seconds / (own / len(cores)), 3),
        })  # fmt: skip
        print(rows[-1], flush=True)
    with open(RESULTS, "w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    for name in ("ratio", "ratio_to_own"):
        own = [row[name] for row in rows]
        print(f"{name}: median {statistics.median(own):.3f} ({min(own):.3f} to {max(own):.3f})")


if __name__ == "__main__":
    main()
