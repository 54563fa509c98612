"""How long does a head train on features that were computed before?

    python -m benchmarks.generalisation.cached_features --output runs/cached-features

Writes 3,000 JPEG files of 224x224 pixels (CIFAR-10's, enlarged), trains the head of a backbone of keras.applications on them twice, and
prints the seconds of both runs, from the start of the process to its end: the first computes the features, the second finds them on disk.
The backbone's weights are at random, which takes as long.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

from PIL import Image

from hornbook.data import images


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--backbone", default="keras:MobileNetV3Small")
    parser.add_argument("--images", type=int, default=3000)
    args = parser.parse_args()
    photos = args.output / "photos"
    if not photos.exists():
        write(photos, args.images)
    weights = save_weights(args)
    words = ["image-classification", "--dataset", f"folder:{photos}", "--model", args.backbone, "--weights", str(weights)]
    words += ["--unfreeze", "head", "--image-size", "224", "--no-floor", "--no-diagnosis", "--no-data-check", "--evaluate", "validation"]
    for number, what in enumerate(("features computed", "features found"), start=1):
        started = time.perf_counter()
        run = [sys.executable, "-m", "hornbook", *words, "--output", str(args.output / f"run{number}")]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "XDG_CACHE_HOME": str(args.output / "cache")})
        print(f"{what}: {time.perf_counter() - started:.1f} s for {args.images:,} images")


def save_weights(args):
    """The file of a backbone's weights at random, so that both runs have the same."""
    from hornbook import models

    path = args.output / "backbone.weights.h5"
    if not path.exists():
        models.pretrained(args.backbone, (224, 224, 3), 2, weights=None).get_layer("backbone").save_weights(path)
    return path


def write(folder, count):
    cifar10 = images.load("tfds:cifar10", validation_fraction=0, in_memory="always").train
    for place in range(count):
        path = folder / str(cifar10.labels[place] % 2) / f"{place}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(cifar10.inputs[place]).resize((224, 224), Image.Resampling.BILINEAR).save(path, quality=90)


if __name__ == "__main__":
    main()
