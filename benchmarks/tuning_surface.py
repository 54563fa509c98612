"""Train every configuration of a small grid once, a table of true results to compare searches on: 756 runs of the image recipe.

python benchmarks/tuning_surface.py

Half of the digits' training images are held out, so that the validation loss of a configuration says more than its luck. A run takes about
two seconds; the script goes on where it was cut off. It writes results/tuning_surface.csv.gz: a row a configuration with its loss
(empty where the training diverged), accuracy and seconds.
"""

import csv
import gzip
import itertools
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

from hornbook import files

RESULTS = pathlib.Path(__file__).parent / "results"
SURFACE = RESULTS / "tuning_surface.csv.gz"
GRID = {
    "learning_rate": [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1],
    "weight_decay": [0.001, 0.05, 0.5],
    "dropout": [0.0, 0.2, 0.5],
    "optimizer": ["adamw", "sgd"],
    "normalization": ["batch", "layer", "none"],
    "activation": ["relu", "tanh"],
}
FIXED = {"model": "mlp", "epochs": 10, "validation_fraction": 0.5, "augmentation": "none", "evaluate": "validation"}
_IN_A_PROCESS = 100  # Configurations: a process that builds networks one after the other grows.


def main():
    rows = _recorded()
    left = [list(values) for values in itertools.product(*GRID.values()) if tuple(map(str, values)) not in rows]
    for start in range(0, len(left), _IN_A_PROCESS):
        some = json.dumps(left[start : start + _IN_A_PROCESS])
        printed = subprocess.run([sys.executable, __file__, some], check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in printed.splitlines():
            if line.startswith("row "):
                row = json.loads(line.removeprefix("row "))
                rows[tuple(map(str, row[: len(GRID)]))] = row
        _write(rows)
        print(f"{len(rows)} of {math.prod(map(len, GRID.values()))}", flush=True)


def _recorded():
    if not SURFACE.exists():
        return {}
    with gzip.open(SURFACE, "rt", newline="") as file:
        return {tuple(row[: len(GRID)]): row for row in list(csv.reader(file))[1:]}


def _write(rows):
    with files.atomic(SURFACE) as temporary, gzip.open(temporary, "wt", newline="") as file:
        csv.writer(file).writerows([(*GRID, "loss", "accuracy", "seconds"), *(rows[key] for key in sorted(rows))])


def _train(configurations):
    import keras

    from hornbook.recipes import image_classification

    for values in configurations:
        folder = pathlib.Path(tempfile.mkdtemp())
        options = dict(zip(GRID, values, strict=True))
        result = image_classification.main(image_classification.Args(**FIXED, **options, output=str(folder / "run")))
        loss, accuracy = result["metrics"]["loss"], result["metrics"]["accuracy"]
        row = [*values, loss if math.isfinite(loss) else "", accuracy, result["seconds"]]
        print("row " + json.dumps(row), flush=True)
        shutil.rmtree(folder)
        keras.backend.clear_session()


if __name__ == "__main__":
    _train(json.loads(sys.argv[1])) if len(sys.argv) > 1 else main()
