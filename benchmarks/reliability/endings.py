"""End short runs by Ctrl-C, SIGTERM and SIGHUP at random moments, imports included, and see how they end and what they leave.

python benchmarks/reliability/endings.py --times 20 --output endings.csv

A run ends well that says one line on standard error, has the exit code of its signal, and leaves either nothing or a folder from which the
command that it names goes on to its end.
"""

import argparse
import collections
import csv
import pathlib
import random
import shlex
import signal
import subprocess
import sys
import tempfile
import time

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
COLUMNS = ("signal", "after_seconds", "exit_code", "lines", "left", "went_on", "ended_well", "said")
_GOING = 1.0  # Seconds in which a process that has written its result is gone.
_HORNBOOK = [sys.executable, "-m", "hornbook"]
_RUN = ["image-classification", "--model", "mlp", "--epochs", "4", "--floor"]


def uninterrupted(folder):
    """Seconds that the run takes when nobody ends it."""
    started = time.monotonic()
    subprocess.run([*_HORNBOOK, *_RUN, "--output", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def one(name, after, folder, *, go_on):
    """Send a signal after so many seconds; a row of the table."""
    process = subprocess.Popen(
        [*_HORNBOOK, *_RUN, "--output", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    time.sleep(after)
    finished = process.poll() is not None
    process.send_signal(getattr(signal, name))
    sent = time.monotonic()
    said = process.communicate()[1]
    left, went_on = folder.exists(), None
    # A signal that comes when all is done, while libraries go, says nothing; one that is not heeded would let the run go on.
    finished = finished or ((folder / "result.json").exists() and time.monotonic() - sent < _GOING)
    if left and go_on and not finished and "to go on: " in said:
        words = shlex.split(said.partition("to go on: ")[2])[1:]
        went_on = subprocess.run([*_HORNBOOK, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode == 0
    well = finished or (process.returncode == CODES[name] and said.count("\n") == 1 and went_on is not False)
    code = "finished before" if finished else process.returncode
    return dict(zip(COLUMNS, (name, round(after, 2), code, said.count("\n"), left, went_on, well, said.strip()[:300]), strict=True))


def main():
    """Try, print each row, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--signals", nargs="+", default=["SIGINT", "SIGTERM"], choices=CODES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--go-on", action="store_true", help="run the command that the line names, and see that it ends well")
    parser.add_argument("--output", default="endings.csv")
    args = parser.parse_args()
    # A shell that begins this script in the background has it ignore SIGINT, and so its children, as `nohup` wants it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    moments, rows = random.Random(args.seed), []
    with tempfile.TemporaryDirectory() as scratch:
        uninterrupted(pathlib.Path(scratch, "cold"))  # The first one reads libraries from the disk.
        length = uninterrupted(pathlib.Path(scratch, "whole"))
        print(f"uninterrupted: {length:.1f} s", flush=True)
        for name in args.signals:
            for number in range(args.times):
                rows.append(one(name, moments.uniform(0.3, length), pathlib.Path(scratch, f"{name}-{number}"), go_on=args.go_on))
                print(rows[-1], flush=True)
    with open(args.output, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    for name, count in collections.Counter((row["signal"], row["ended_well"]) for row in rows).items():
        print(*name, count)


if __name__ == "__main__":
    main()
