"""What every technique against overfitting does alone: one model on 10,000 images of Fashion-MNIST, each technique on against all off.

    python benchmarks/regularization.py                    # every technique, 3 seeds: about 40 minutes on two cores
    python benchmarks/regularization.py --rows none mixup --seeds 5
    python benchmarks/regularization.py --table            # only the table, from the runs there are

Needs Fashion-MNIST prepared for TensorFlow Datasets (`TFDS_DATA_DIR`). A run is the image classification recipe, trained on 10,000 of the
60,000 training images, 1,000 of each class and the same ones always, for as many epochs in every row, with nothing held out and nothing
tuned; it is scored once on all 10,000 test images. The seed decides initial weights and order, and is the same ones in every row: a
gain is a mean of differences between runs of one seed, with their standard deviation.

`--workers` runs train side by side, with one thread each, which on two cores takes less time than one after the other with two. A row a
run is written to `results/regularization.csv` as soon as it has ended; runs that stand there already are not made again.
"""

import argparse
import contextlib
import csv
import functools
import io
import multiprocessing
import os
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

DATASET = "tfds:fashion_mnist"
IMAGES = 10_000
# Everything that the rows are about is off. The optimizer is one whose weight decay is small enough to be left out.
BASE = {
    "model": "resnet",
    "depth": 8,
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "batch_size": 128,
    "epochs": 20,
    "augmentation": "none",
    "weight_decay": 0.0,
    "precision": "bfloat16",
}
ROWS = {
    "none": {},
    "flip": {"augmentation": "flip"},
    "crop": {"augmentation": "crop"},
    "crop and flip": {"augmentation": "crop-flip"},
    "crop, flip and TrivialAugment": {"augmentation": "trivial"},
    "crop, flip and RandAugment": {"augmentation": "randaugment"},
    "crop, flip and AugMix": {"augmentation": "augmix"},
    "random erasing 0.5": {"random_erasing": 0.5},
    "brightness and contrast 0.4": {"colour": 0.4},
    "mixup 0.2": {"mixup": 0.2},
    "CutMix 1": {"cutmix": 1.0},
    "label smoothing 0.1": {"label_smoothing": 0.1},
    "dropout 0.3": {"dropout": 0.3},
    "stochastic depth 0.2": {"stochastic_depth": 0.2},
    "L2 0.0005": {"l2": 5e-4},
    "weight decay 0.005": {"weight_decay": 5e-3},
    "EMA 0.99": {"ema": 0.99},
    # Not against overfitting, but measured in the same way: options of residual networks.
    "blurred down-sampling": {"downsampling": "blur"},
    "shortcuts by projection": {"shortcut": "projection"},
}
RESULTS = Path(__file__).parent / "results" / "regularization.csv"
COLUMNS = ("technique", "seed", "test accuracy", "test loss", "calibration error", "training accuracy", "seconds")


def use_one_thread():
    """Before TensorFlow is imported, in each worker."""
    os.environ["TF_NUM_INTRAOP_THREADS"] = os.environ["TF_NUM_INTEROP_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@functools.cache
def dataset():
    import dataclasses

    import numpy as np

    from hornbook import data

    whole = data.images.load(DATASET, validation_fraction=0)
    each = IMAGES // whole.num_classes
    chosen = np.sort(np.concatenate([np.flatnonzero(whole.train.labels == label)[:each] for label in range(whole.num_classes)]))
    return dataclasses.replace(whole, train=whole.train.subset(chosen))


def run(technique, seed):
    """One row of the CSV."""
    from hornbook.recipes import image_classification

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        args = image_classification.Args(**{**BASE, **ROWS[technique]}, seed=seed, output=str(Path(folder, "run")))
        result = image_classification.main(args, dataset=dataset())
        with open(Path(folder, "run", "history.csv"), newline="") as file:
            last = list(csv.DictReader(file))[-1]
    metrics = result["metrics"]
    scores = (metrics["accuracy"], metrics["loss"], metrics["calibration_error"], float(last["accuracy"]), result["seconds"])
    return dict(zip(COLUMNS, (technique, seed, *(round(score, 5) for score in scores)), strict=True))


def table(rows):
    """Markdown: means over the seeds and standard deviations, in the order of `ROWS`."""
    base = {row["seed"]: row for row in rows if row["technique"] == "none"}
    lines = ["| technique | test accuracy | gain | test loss | calibration error | training accuracy | n |", "|---" * 7 + "|"]
    for technique in ROWS:
        own = [row for row in rows if row["technique"] == technique]
        if not own:
            continue
        gains = [float(row["test accuracy"]) - float(base[row["seed"]]["test accuracy"]) for row in own if row["seed"] in base]
        gain = "" if technique == "none" else f"{_mean(gains, '+.4f')}"
        scores = {column: [float(row[column]) for row in own] for column in COLUMNS[2:6]}
        cells = [_mean(scores["test accuracy"], ".4f"), gain, _mean(scores["test loss"], ".3f"), _mean(scores["calibration error"], ".3f")]
        lines.append(f"| {technique} | {' | '.join(cells)} | {statistics.mean(scores['training accuracy']):.3f} | {len(own)} |")
    return "\n".join(lines)


def _mean(values, form):
    if not values:
        return ""
    return f"{statistics.mean(values):{form}}" + (f" ± {statistics.stdev(values):{form.lstrip('+')}}" if len(values) > 1 else "")


def read():
    with contextlib.suppress(FileNotFoundError), open(RESULTS, newline="") as file:
        return list(csv.DictReader(file))
    return []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="TECHNIQUE", help=", ".join(ROWS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--table", action="store_true", help="train nothing")
    options = parser.parse_args()
    made = {(row["technique"], int(row["seed"])) for row in read()}
    missing = [(technique, seed) for seed in range(options.seeds) for technique in options.rows if (technique, seed) not in made]
    if missing and not options.table:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(options.workers, mp_context=context, initializer=use_one_thread) as pool:
            for done in as_completed([pool.submit(run, *one) for one in missing]):
                row = done.result()
                new = not RESULTS.exists()
                with open(RESULTS, "a", newline="") as file:
                    writer = csv.DictWriter(file, COLUMNS)
                    if new:
                        writer.writeheader()
                    writer.writerow(row)
                print(", ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    print(table(read()))


if __name__ == "__main__":
    main()
