"""How do trials go, epoch by epoch, and when would the diagnosis stop them? A table to compare ways of pruning on, without training.

python -m benchmarks.pruning.courses
python -m benchmarks.pruning.courses --most 20

Trains the configurations of tuning_surface.py with a weight decay of 0.05 and a dropout of 0.2, and further learning rates below and above
its own: 120 runs of the image recipe on digits, of 10 epochs each. The diagnosis is asked as in a search, and nothing is stopped. The
script goes on where it was cut off. It writes results/pruning_courses.csv.gz: a row an epoch of each configuration, with its validation
loss and accuracy, the seconds since training began, and for what problem the diagnosis would have stopped it by then.
"""

import argparse
import csv
import gzip
import itertools
import json
import math
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

from benchmarks import tuning_surface
from hornbook import files

COURSES = tuning_surface.RESULTS / "pruning_courses.csv.gz"
NARROW = {**tuning_surface.GRID, "weight_decay": [0.05], "dropout": [0.2]}
GRID = {**NARROW, "learning_rate": [1e-5, *NARROW["learning_rate"], 1.0, 10.0]}
COLUMNS = (*GRID, "epoch", "val_loss", "val_accuracy", "seconds", "stopped")
_IN_A_PROCESS = 60  # Configurations: a process that builds networks one after the other grows.


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, help="configurations to train in this sitting, a random sample; default: all")
    args = parser.parse_args()
    rows = recorded()
    done = {tuple(row[: len(GRID)]) for row in rows}
    left = [list(values) for values in itertools.product(*GRID.values()) if tuple(map(str, values)) not in done]
    random.Random(0).shuffle(left)
    left = left[: args.most]
    for start in range(0, len(left), _IN_A_PROCESS):
        some = json.dumps(left[start : start + _IN_A_PROCESS])
        command = [sys.executable, "-m", "benchmarks.pruning.courses", "--train", some]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            for line in process.stdout:
                if line.startswith("row "):
                    rows += json.loads(line.removeprefix("row "))
                    _write(rows)
        print(f"{len(rows) // tuning_surface.FIXED['epochs']} of {math.prod(map(len, GRID.values()))}", flush=True)


def recorded():
    """The rows of the table, lists of words; empty where there is none yet."""
    if not COURSES.exists():
        return []
    with gzip.open(COURSES, "rt", newline="") as file:
        return list(csv.reader(file))[1:]


def _write(rows):
    with files.atomic(COURSES) as temporary, gzip.open(temporary, "wt", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


def _train(configurations):
    import keras

    for values in configurations:
        folder = pathlib.Path(tempfile.mkdtemp())
        print("row " + json.dumps(_course(values, folder / "run")), flush=True)
        shutil.rmtree(folder)
        keras.backend.clear_session()


class _Enough(Exception):
    """All epochs are over; what a recipe does afterwards takes longer than they do."""


def _enough(epoch, logs=None):
    if epoch + 1 == tuning_surface.FIXED["epochs"]:
        raise _Enough(f"epoch {epoch + 1}")


def _course(values, folder):
    """Rows of a configuration, whatever becomes of its training."""
    import keras

    from hornbook import UserError
    from hornbook.recipes import image_classification
    from hornbook.training.diagnosis import StopWhenHopeless

    told, epochs = {}, tuning_surface.FIXED["epochs"]
    asked = StopWhenHopeless(stop=lambda epoch, finding: told.setdefault(epoch, finding.problem))
    args = image_classification.Args(**tuning_surface.FIXED, **dict(zip(GRID, values, strict=True)), floor=False, output=str(folder))
    try:
        image_classification.main(args, [asked, keras.callbacks.LambdaCallback(on_epoch_end=_enough)])
    except (UserError, _Enough) as error:  # A loss that is no number any more, or the end.
        print(error)
    with open(folder / "history.csv", newline="") as file:
        seen = {int(row["epoch"]): row for row in csv.DictReader(file)} if (folder / "history.csv").exists() else {}
    rows = []
    for epoch in range(1, epochs + 1):
        row = seen.get(epoch, {})
        stopped = next((problem for at, problem in sorted(told.items()) if at <= epoch), "")
        rows.append([*map(str, values), str(epoch), *(row.get(name, "") for name in ("val_loss", "val_accuracy", "seconds")), stopped])
    return rows


if __name__ == "__main__":
    _train(json.loads(sys.argv[2])) if sys.argv[1:2] == ["--train"] else main()
