"""Images per second of every augmentation on one thread, beside Keras' layer of the same name.

    python benchmarks/augmentation.py                  # 32x32x3 and 224x224x3, 5 turns each: about 4 minutes on one core
    python benchmarks/augmentation.py --turns 9 --sizes 32

Prints a table and writes `results/augmentation.csv`, a row a turn. Both sides take uint8 batches in memory (128 images of 32x32, 16 of
224x224) with one-hot labels. Ours is called batch after batch, with the numbers it draws; Keras' layer is mapped over a `tf.data`
pipeline of uint8 batches with autotuning off and no parallel calls, with one thread in each of TensorFlow's pools. Its MixUp and CutMix
need float32, to which the pipeline converts. A turn lasts `--seconds`; the two sides take turns, and the order changes every time. Shown
is the median of the turns with their range. A second is one of the process' processor time, all threads together, so that other work
on the machine takes less from either.

What is compared is not always the same work: `keras.layers.RandAugment` and `AugMix` draw from other lists of operations and interpolate
bilinearly, `RandomCrop` takes one place for a whole batch of images that are padded before, `RandomErasing` puts a rectangle on every
image, as ours is asked to here, `RandomColorJitter` is given the strengths of ours.
"""

import argparse
import csv
import os
import statistics
import time
from pathlib import Path

# Before NumPy and TensorFlow are imported, which read them then.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "KERAS_BACKEND": "tensorflow"})
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from hornbook.data import randomness
from hornbook.data.images import augmentation

RESULTS = Path(__file__).parent / "results" / "augmentation.csv"
BATCH_SIZES = {32: 128, 224: 16}
CLASSES = 10

# Ours by name: arguments of `augmentation.augmenter`.
OURS = {
    "flip": ("flip", {}),
    "crop": ("crop", {}),
    "crop-flip": ("crop-flip", {}),
    "trivial": ("trivial", {}),
    "randaugment": ("randaugment", {}),
    "augmix": ("augmix", {}),
    "colour": ("none", {"colour_strength": 0.4}),
    "random erasing": ("none", {"random_erasing_probability": 1.0}),
    "mixup": ("none", {"mixup_alpha": 0.2}),
    "cutmix": ("none", {"cutmix_alpha": 1.0}),
    "mixup and cutmix": ("none", {"mixup_alpha": 0.2, "cutmix_alpha": 1.0}),
}


def keras_layers(size):
    """Keras' layers by our names: (layer's name, layer, whether it takes a dict of images and labels)."""
    jitter = {"brightness_factor": 0.4, "contrast_factor": 0.4, "saturation_factor": (0.3, 0.7), "hue_factor": 0.1}
    return {
        "flip": ("RandomFlip", keras.layers.RandomFlip("horizontal", seed=0), False),
        "crop": ("RandomCrop", keras.layers.RandomCrop(size, size, seed=0), False),
        "randaugment": ("RandAugment", keras.layers.RandAugment(num_ops=2, factor=0.9, seed=0), False),
        "augmix": ("AugMix", keras.layers.AugMix(seed=0), False),
        "colour": ("RandomColorJitter", keras.layers.RandomColorJitter(**jitter, seed=0), False),
        "random erasing": ("RandomErasing", keras.layers.RandomErasing(seed=0), False),
        "mixup": ("MixUp", keras.layers.MixUp(seed=0), True),
        "cutmix": ("CutMix", keras.layers.CutMix(seed=0), True),
    }


def batch(size, padding=0):
    """Smooth images with noise, which have edges and levels as photographs do, and one-hot labels."""
    generator = np.random.default_rng(0)
    count, side = BATCH_SIZES[size], size + 2 * padding
    coarse = generator.integers(0, 256, (count, 8, 8, 3))
    rows = np.arange(side) * 8 // side
    images = coarse[:, rows][:, :, rows] + generator.normal(0, 12, (count, side, side, 3))
    labels = np.eye(CLASSES, dtype=np.float32)[generator.integers(0, CLASSES, count)]
    return np.clip(images, 0, 255).astype(np.uint8), labels


def our_batches(name, size):
    """An endless iterator of augmented batches."""
    images, labels = batch(size)
    kind, options = OURS[name]
    augment = augmentation.augmenter(kind, **options)
    indices = np.arange(len(images))
    epoch = 0
    while True:
        yield augment(images, labels, lambda stream, epoch=epoch: randomness.uniform(0, epoch, indices, stream))
        epoch += 1


def keras_batches(layer, as_dict, size, padding):
    images, labels = batch(size, padding)
    dataset = tf.data.Dataset.from_tensors((images, labels)).cache().repeat()
    if as_dict:
        dataset = dataset.map(lambda x, y: layer({"images": tf.cast(x, tf.float32), "labels": y}, training=True))
    else:
        dataset = dataset.map(lambda x, y: (layer(x, training=True), y))
    options = tf.data.Options()
    options.autotune.enabled = False
    options.threading.private_threadpool_size = 1
    return iter(dataset.with_options(options))


def images_per_second(batches, size, seconds):
    """Over as many batches as are made within `seconds` of processor time, at least one."""
    done, started = 0, time.process_time()
    while True:
        next(batches)
        done += BATCH_SIZES[size]
        elapsed = time.process_time() - started
        if elapsed > seconds:
            return done / elapsed


def measure(size, turns, seconds):
    """Rows of (size, augmentation, side, turn, images/s)."""
    rows, layers = [], keras_layers(size)
    for name in OURS:
        sides = {"hornbook": our_batches(name, size)}
        if name in layers:
            layer_name, layer, as_dict = layers[name]
            sides[f"keras {layer_name}"] = keras_batches(layer, as_dict, size, size // 8 if name == "crop" else 0)
        for batches in sides.values():
            next(batches), next(batches)  # Traced and warm.
        for turn in range(turns):
            for side in list(sides)[:: 1 if turn % 2 else -1]:
                rows.append((size, name, side, turn, round(images_per_second(sides[side], size, seconds), 1)))
        print(f"{size}x{size}x3 {name}: done", flush=True)
    return rows


def table(rows, size):
    """A Markdown table of medians with ranges."""
    lines = [f"| {size}x{size}x3 | images/s | Keras' layer | images/s | ratio |", "|---|---|---|---|---|"]
    for name in OURS:
        sides = {}
        for _, _, side, _, rate in (row for row in rows if row[:2] == (size, name)):
            sides.setdefault(side, []).append(rate)
        (_, ours), *others = sorted(sides.items())  # "hornbook" comes before "keras ...".
        cells = [name, shown(ours), "", "", ""]
        for side, theirs in others:
            cells[2:] = [side.removeprefix("keras "), shown(theirs), f"{statistics.median(ours) / statistics.median(theirs):.1f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def shown(rates):
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", choices=sorted(BATCH_SIZES), default=sorted(BATCH_SIZES))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rows = [row for size in arguments.sizes for row in measure(size, arguments.turns, arguments.seconds)]
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("w", newline="") as file:
        csv.writer(file).writerows([("size", "augmentation", "side", "turn", "images_per_second"), *rows])
    for size in arguments.sizes:
        print(f"\n{table(rows, size)}")
    print(f"\nMedian of {arguments.turns} turns of {arguments.seconds:g} s (range); load average at the end {os.getloadavg()[0]:.1f}.")


if __name__ == "__main__":
    main()
