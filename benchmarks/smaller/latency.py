"""How much faster is the exported file of one run than that of another, one example a call?

    hornbook compare image-classification --vary prune-channels=0,0.5 --dataset digits --model resnet20 --seeds 1 --output runs/pair
    python -m benchmarks.smaller.latency RUN SMALLER ... --format litert onnx

Each run is exported, where there is no such export yet. Calls of all files take turns, so that what else the machine does hits each alike.
Printed are of each the parameters, the size, the score, the median of a call's milliseconds, and how many times as fast as the first run's
it is: the median over turns, with the smallest and the largest of ten stretches of the turns.
"""

import argparse
import pathlib
import time

import numpy as np

from hornbook import records
from hornbook.inference.export import command, verify
from hornbook.inference.finished_run import open_run
from hornbook.training import runs

STRETCHES, WARM_UP = 10, 20


def parser():
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("runs", nargs="+", type=pathlib.Path)
    made.add_argument("--format", nargs="+", default=["litert"], choices=("litert", "onnx"))
    made.add_argument("--turns", type=int, default=1000)
    return made


def main(args):
    for kind in args.format:
        calls, sizes = [], []
        for run in args.runs:
            call, size = exported(run, kind)
            calls.append(call)
            sizes.append(size)
        seconds = turns(calls, args.turns)
        for run, size, own in zip(args.runs, sizes, seconds.T, strict=True):
            parameters = records.read(run / "result.json", runs.Result).parameters
            scores = ", ".join(f"{name} {value:.4f}" for name, value in list(runs.finished(run)["metrics"].items())[:1])
            ratios = seconds[:, 0] / own
            parts = [np.median(part) for part in np.array_split(ratios, STRETCHES)]
            faster = f"{np.median(ratios):.2f} times as fast ({min(parts):.2f} to {max(parts):.2f})"
            print(f"{kind} {run}: {parameters:,} parameters, {size:,} bytes, {scores}, {1e3 * np.median(own):.3f} ms, {faster}")


def exported(run, kind):
    """A function that calls the export of a run with one example, and the size of the file."""
    folder = run / "exports" / kind
    if not folder.exists():
        command.main(command.ExportArgs(str(run), kind))
    use, (trained, medium) = verify.use_lines(folder), open_run(run)
    [raw] = verify.inputs_of(trained, medium)[0][:1]
    batch = use.stack(use.prepare(raw[0]))
    return lambda: use.run(batch), (folder / command.FILES[kind]).stat().st_size


def turns(calls, count):
    """Seconds of each call in each turn, `(turns, calls)`."""
    for call in calls:
        for _ in range(WARM_UP):
            call()
    seconds = np.empty((count, len(calls)))
    for turn in range(count):
        for place, call in enumerate(calls):
            started = time.perf_counter()
            call()
            seconds[turn, place] = time.perf_counter() - started
    return seconds


if __name__ == "__main__":
    main(parser().parse_args())
