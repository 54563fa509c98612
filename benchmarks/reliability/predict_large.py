"""`hornbook predict` on a CSV of 2 GB and on 100,000 images: inputs a second, memory, and whether a killed one ends with the same bytes.

    python -m benchmarks.reliability.predict_large                              # 2 GB of CSV; 6 GB of disk, an hour on two cores
    python -m benchmarks.reliability.predict_large --megabytes 100 --images 5000 --kills 5

A network for tables and one for images of 32x32 pixels are trained for a moment. Each is then used on many inputs, made the same every
time, by a process of its own, whose largest resident memory the system tells. `--kills N` predicts `--kill-megabytes` of rows once to the
end, then kills the same command with SIGKILL at N random moments, from Python's start on, starts it again after each, and compares the file
with the first. The moments are spread over the seconds that the first took, so that some come when all is done. A row of
`benchmarks/results/predict_large.csv` is a command, or a file that was killed.
"""

import argparse
import csv
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.large import large_csv

RESULTS = Path(__file__).parents[1] / "results" / "predict_large.csv"
COLUMNS = (
    "date",
    "machine",
    "what",
    "format",
    "megabytes",
    "inputs",
    "seconds",
    "inputs_per_s",
    "peak_mb",
    "kills",
    "went_on",
    "identical",
)
_HORNBOOK = [sys.executable, "-m", "hornbook"]
_SMALL = ["--epochs", "1", "--no-floor", "--no-diagnosis", "--classical-share", "0"]
_CLASSES, _OF_CLASS = 2, 40


def make_images(folder, count):
    """Write PNGs of 32x32 random colours, many of them in folders of 1,000; those that are there are left as they are."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for place in range(count):
        path = (folder / f"{place // 1000:04}" if count > 1000 else folder) / f"{place:07}.png"
        pixels = np.repeat(np.repeat(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8), 4, axis=0), 4, axis=1)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)


def train(scratch):
    """The folders of two runs, of tables and of images."""
    large_csv.make_file(scratch / "small.csv", 3, "table")
    for name in range(_CLASSES):
        make_images(scratch / "classes" / f"class {name}", _OF_CLASS)
    table = ["tabular-classification", "--dataset", f"csv:{scratch / 'small.csv'}", "--model", "mlp", *_SMALL]
    images = ["image-classification", "--dataset", f"folder:{scratch / 'classes'}", "--model", "cnn", "--width", "8", *_SMALL[:-2]]
    for name, words in (("table", table), ("images", images)):
        if not (scratch / name / "result.json").exists():
            done = subprocess.run([*_HORNBOOK, *words, "--output", str(scratch / name)], capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stdout + done.stderr)
    return scratch / "table", scratch / "images"


def measured(run, given, output):
    """Seconds and megabytes of one prediction, a process of its own."""
    began = time.monotonic()
    process = subprocess.Popen([*_HORNBOOK, "predict", str(run), str(given), "--output", str(output)], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"hornbook predict {given} ended with {status}")
    return time.monotonic() - began, used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def killed(run, given, output, moments):
    """How often a prediction was killed before its end, and how often one went on from rows that were there; it has ended afterwards."""
    words, kills, went_on = [*_HORNBOOK, "predict", str(run), str(given), "--output", str(output)], 0, 0
    for moment in [*moments, None]:
        if output.exists():
            break
        went_on += Path(f"{output}.part", "state.json").exists()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            process.wait(moment)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    if not output.exists() or Path(f"{output}.part").exists():
        subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # Killed between the file's new name and the end.
    return kills, went_on


def same(first, second):
    """Whether two files have the same bytes."""
    return subprocess.run(["cmp", "-s", str(first), str(second)]).returncode == 0


def row(what, given, output, **figures):
    """A row of the results."""
    size = given.stat().st_size / 1e6 if given.is_file() else sum(one.stat().st_size for one in given.rglob("*.png")) / 1e6
    found = dict.fromkeys(COLUMNS, "") | {"date": time.strftime("%Y-%m-%d"), "machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    found |= {"what": what, "format": output.suffix[1:], "megabytes": round(size, 1), **figures}
    print({key: value for key, value in found.items() if value != ""}, flush=True)
    return found


def plain(what, run, given, output):
    """Predict once, and say how fast and with how much memory."""
    seconds, peak = measured(run, given, output)
    if output.suffix == ".parquet":
        from pyarrow import parquet

        count = parquet.ParquetFile(output).metadata.num_rows
    else:
        with open(output, "rb") as file:
            count = sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b"")) - 1
    figures = {"inputs": count, "seconds": round(seconds, 1), "inputs_per_s": round(count / seconds), "peak_mb": round(peak)}
    return row(what, given, output, **figures)


def main():
    """Make, train, predict, kill; print each row and add it to the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=2000, help="of the CSV; 0: none")
    parser.add_argument("--images", type=int, default=100_000, help="0: none")
    parser.add_argument("--kills", type=int, default=5, help="of one file")
    parser.add_argument("--files", type=int, default=1, help="that are killed, one after the other, each with moments of its own")
    parser.add_argument("--kill-megabytes", type=float, default=60)
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--scratch", type=Path, help="keep what is made here for the next time")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    moments = random.Random(args.seed)
    with tempfile.TemporaryDirectory(dir=args.scratch) as temporary:
        scratch, out = args.scratch or Path(temporary), Path(temporary)
        table, images = train(scratch)
        rows = []
        if args.megabytes:
            large_csv.make_file(scratch / f"{args.megabytes:g}.csv", args.megabytes, "table")
            rows.append(plain("rows of a table", table, scratch / f"{args.megabytes:g}.csv", out / f"rows.{args.format}"))
        if args.images:
            make_images(scratch / f"{args.images}", args.images)
            rows.append(plain("images of 32x32", images, scratch / f"{args.images}", out / f"images.{args.format}"))
        if args.kills:
            given, whole = scratch / f"{args.kill_megabytes:g}.csv", out / f"whole.{args.format}"
            large_csv.make_file(given, args.kill_megabytes, "table")
            rows.append(plain("rows of a table", table, given, whole))
            for number in range(args.files):
                output = out / f"killed-{number}.{args.format}"
                kills, went_on = killed(table, given, output, [moments.uniform(0.3, rows[-1]["seconds"] or 9) for _ in range(args.kills)])
                figures = {"inputs": rows[-1]["inputs"], "kills": kills, "went_on": went_on, "identical": same(whole, output)}
                rows.append({**row("rows of a table, killed", given, output, **figures), "seconds": rows[-1]["seconds"]})
    new = not args.output.exists()
    args.output.parent.mkdir(exist_ok=True)
    with open(args.output, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if new:
            writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
