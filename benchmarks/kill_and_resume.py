"""Does a run that is killed at random moments end with the weights of one that was not?

    python benchmarks/kill_and_resume.py --kills 50

Starts `hornbook image-classification` with dropout, stochastic depth, augmentation, mixup, EMA and early stopping on, kills its process
group with SIGKILL after a random time, and starts it again until it has finished; then begins another, until as many kills have been
made. Every finished run is compared with an uninterrupted one, byte by byte: weights, optimizer, averages, seed states, history and
scores.
"""

import argparse
import csv
import json
import os
import pathlib
import random
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import numpy as np

OPTIONS = shlex.split(
    "--model resnet --depth 8 --width 8 --dropout 0.2 --stochastic-depth 0.2 --augmentation crop-flip --mixup 0.2 --ema 0.99 "
    "--early-stopping 3 --class-weights balanced --epochs 12 --batch-size 128"
)


def start(output):
    return subprocess.Popen(
        ["hornbook", "image-classification", *OPTIONS, "--output", str(output)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(output):
    process = start(output)
    error = process.communicate()[1]
    if process.returncode:
        raise SystemExit(f"a run ended with {process.returncode}: {error.decode()}")


def kill_after(output, seconds):
    """Whether the run was killed; False if it had finished by then."""
    process = start(output)
    try:
        error = process.communicate(timeout=seconds)[1]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    if process.returncode:
        raise SystemExit(f"a run ended with {process.returncode}: {error.decode()}")
    return False


def state(output):
    with np.load(output / "checkpoint/last.npz") as file:
        arrays = {name: file[name].tobytes() for name in file.files if name != "about"}
    rows = [line.rsplit(",", 1)[0] for line in (output / "history.csv").read_text().splitlines()]
    result = json.loads((output / "result.json").read_text())
    return arrays, rows, result["metrics"], (output / "split.csv").read_bytes()


def epochs_done(output):
    history = output / "history.csv"
    return len(history.read_text().splitlines()) - 1 if history.exists() else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--csv", type=pathlib.Path, default=pathlib.Path(__file__).parent / "results/kill_and_resume.csv")
    arguments = parser.parse_args()
    moments = random.Random(arguments.seed)
    scratch = pathlib.Path(tempfile.mkdtemp())
    try:
        began = time.monotonic()
        finish(scratch / "uninterrupted")
        length = time.monotonic() - began
        expected = state(scratch / "uninterrupted")
        print(f"uninterrupted: {length:.1f} s, {len(expected[1]) - 1} epochs, {len(expected[0])} arrays", flush=True)
        rows, number, identical = [], 0, 0
        while len(rows) < arguments.kills:
            number += 1
            output = scratch / f"run{number}"
            while True:
                seconds = moments.uniform(0.3, length)
                if len(rows) == arguments.kills:
                    finish(output)
                    break
                if not kill_after(output, seconds):
                    break
                rows.append({"kill": len(rows) + 1, "run": number, "after_seconds": round(seconds, 2), "epochs_done": epochs_done(output)})
                print(rows[-1], flush=True)
                if (output / "result.json").exists():  # Killed when all was written.
                    break
            same = state(output) == expected
            identical += same
            print(f"run {number}: {'identical' if same else 'DIFFERENT'}", flush=True)
        with open(arguments.csv, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        print(f"{len(rows)} kills, {number} runs, {identical} identical to the uninterrupted one")
        if identical != number:
            raise SystemExit(1)
    finally:
        shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
