"""Does a change of the code leave what is computed alone? SHA-256 of the weights of eight short runs.

python benchmarks/short_runs.py                        # compares with benchmarks/results/short_runs.csv
python benchmarks/short_runs.py --write                # after a change that is meant to change them

Each run is the command line in a process of its own: the default of every recipe for two epochs, a ResNet with mixup and an average of
weights, a GRU with masks on series of unequal length, and a set of TensorFlow Datasets that is made here. About two minutes on two cores.
Weights are the same on the same machine with the same versions and threads alone, so make the reference with `--write` where you compare.
"""

import argparse
import csv
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

RESULTS = pathlib.Path(__file__).with_name("results") / "short_runs.csv"
SHORT = ("--epochs", "2")
RUNS = {
    "images": ("image-classification", *SHORT),
    "texts": ("text-classification", *SHORT),
    "series": ("sequence-classification", *SHORT),
    "tables": ("tabular-classification", *SHORT),
    "numbers": ("regression", *SHORT),
    "resnet, mixup, average of weights": (
        "image-classification", *SHORT, "--model", "resnet", "--depth", "8", "--width", "8", "--mixup", "0.2", "--ema", "0.99",
    ),
    "masked gru": ("sequence-classification", *SHORT, "--dataset", "csv:walks.csv", "--model", "gru", "--width", "16", "--jitter", "0"),
    "tfds": ("image-classification", *SHORT, "--dataset", "tfds:animals", "--augmentation", "crop-flip"),
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the hashes as the new reference")
    write = parser.parse_args().write
    known = {}
    if RESULTS.exists() and not write:
        with open(RESULTS, newline="", encoding="utf-8") as file:
            known = {row["run"]: row["sha256"] for row in csv.DictReader(file)}
    with tempfile.TemporaryDirectory() as folder:
        write_walks(pathlib.Path(folder, "walks.csv"))
        write_animals(pathlib.Path(folder, "tfds"))
        found = {name: weights_of(command, pathlib.Path(folder), known.get(name)) for name, command in RUNS.items()}
    if write:
        with open(RESULTS, "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("run", "sha256"), *found.items()])
    changed = [name for name in found if not write and found[name] != known.get(name)]
    sys.exit(f"other weights than in {RESULTS.name}: {', '.join(changed)}" if changed else 0)


def weights_of(command, folder, known):
    """Run a command in `folder` and print the SHA-256 of the weights that it leaves."""
    output = folder / f"run-{hashlib.sha256(' '.join(command).encode()).hexdigest()[:8]}"
    environment = {**os.environ, "TFDS_DATA_DIR": str(folder / "tfds")}
    words = [sys.executable, "-m", "hornbook", *command, "--output", str(output)]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    import hornbook.models  # noqa: F401 - registers the layers that Keras lacks.

    digest = hashlib.sha256()
    for array in keras.saving.load_model(output / "model.keras").get_weights():
        digest.update(repr((array.shape, str(array.dtype))).encode() + np.ascontiguousarray(array).tobytes())
    told = "" if known is None else "  the same" if digest.hexdigest() == known else "  DIFFERS"
    print(f"{digest.hexdigest()[:16]}{told}  {' '.join(command)}", flush=True)
    return digest.hexdigest()


def write_walks(path):
    """Sixty random walks of 10 to 29 steps in two classes, a row a step."""
    generator = np.random.default_rng(0)
    rows = [("id", "label", "x", "y")]
    for walk in range(60):
        steps = generator.normal(0.5 * (walk % 2), 1.0, (10 + walk % 20, 2)).cumsum(axis=0)
        rows += [(walk, "up" if walk % 2 else "level", *step) for step in steps.round(4).tolist()]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def write_animals(root):
    """A prepared image set of TensorFlow Datasets: three classes of grey images, their brightness the class's."""
    import tensorflow_datasets as tfds

    folder = root / "animals" / "1.0.0"
    folder.mkdir(parents=True)
    features = {"image": tfds.features.Image(shape=(12, 12, 1)), "label": tfds.features.ClassLabel(names=("cat", "dog", "owl"))}
    identity = tfds.core.dataset_info.DatasetIdentity(
        name="animals", version=tfds.core.Version("1.0.0"), data_dir=str(folder), module_name="none"
    )
    info = tfds.core.DatasetInfo(builder=identity, features=tfds.features.FeaturesDict(features))
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=200)
    writer.initialize_splits(["train", "test"])
    generator = np.random.default_rng(0)
    for split, size in (("train", 300), ("test", 60)):
        labels = np.arange(size) % 3
        images = np.clip(generator.normal(60 + 60 * labels[:, None, None, None], 40, (size, 12, 12, 1)), 0, 255).astype(np.uint8)
        writer.add_examples({split: [{"image": image, "label": int(label)} for image, label in zip(images, labels, strict=True)]})
    writer.close_all()


if __name__ == "__main__":
    main()
