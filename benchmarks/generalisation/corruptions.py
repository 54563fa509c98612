"""Do normalization, dropout and weight decay help against corrupted inputs: noise, blur, a loss of contrast?

    python -m benchmarks.generalisation.corruptions --dataset digits --flags '--epochs 20' --output runs/corruptions

`hornbook compare` trains the levels on clean images; their models are then scored on clean and corrupted test images, each corruption
with its five severities after one another (Hendrycks and Dietterich 2019): the accuracy is the mean over them. Noise and contrast are as
strong as those of their ImageNet-C, blur, whose width counts in pixels, as that of their CIFAR-10-C. The network is a `cnn`; dropout
stands before its outputs.
"""

import csv
import logging

import numpy as np

from benchmarks.generalisation import levels

LEVELS = {
    "none": "",
    "batch": "--normalization batch",
    "group": "--normalization group",
    "instance": "--normalization instance",
    "dropout": "--dropout 0.3",
    "weight decay": "--weight-decay 0.3",
}
_BASE = "--model cnn --depth 6 --width 16 --normalization none --dropout 0 --weight-decay 0 --augmentation none"
NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)  # Standard deviations, of white 1.
BLUR = (0.4, 0.6, 0.7, 0.8, 1.0)  # Of the Gaussian, in pixels.
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)  # What is left of it.
_IMAGES = 2000  # The most of which copies are made.


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--dataset", required=True)
    made.add_argument("--flags", default="", help="further flags of image-classification, one text")
    return made


def main(args):
    args.output.mkdir(parents=True, exist_ok=True)
    words = [f"{name}: {flags}" if flags else name for name, flags in LEVELS.items()]
    own = ["--dataset", args.dataset, [_BASE], [args.flags], "--seeds", args.seeds, "--output", args.output / "trained"]
    levels.hornbook("compare", "image-classification", "--levels", *words, *own)
    files = written(args.dataset, args.output / "corrupted")
    logging.getLogger("tensorflow").setLevel("ERROR")  # It warns of many models one after the other.
    with open(args.output / "trained/comparison.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["state"] == "finished"]
    scores = []
    for row in rows:
        for name, accuracy in accuracies(args.output / "trained/runs" / row["folder"] / "run", files).items():
            further = {"seconds": float(row["run_seconds"]), "corruption": name}
            scores.append(levels.score(args.dataset, row["level"], "accuracy", int(row["seed"]), accuracy, **further))
    return levels.write(args.output, scores, ["corruption"])


def accuracies(run, files):
    """The accuracy of a run on each file of images, by its name."""
    import keras

    from hornbook.inference import evaluate

    keras.backend.clear_session()
    return {name: evaluate.score(evaluate.EvaluateArgs(str(run), dataset=f"npz:{path}"))["accuracy"] for name, path in files.items()}


def written(name, folder):
    """Write the test images of a data set, clean and corrupted; a dict of a corruption's name to the path of its file."""
    from hornbook import data

    found = data.images.load(name)
    folder.mkdir(parents=True, exist_ok=True)
    images, labels = found.test.inputs[:_IMAGES], np.array(found.class_names)[found.test.labels[:_IMAGES]]
    made = {"clean": images, **corrupted(images, found.pixel_maximum)}
    for kind, pictures in made.items():
        np.savez(folder / f"{kind}.npz", images=pictures, labels=np.tile(labels, len(pictures) // len(labels)))
    return {kind: folder / f"{kind}.npz" for kind in made}


def corrupted(images, white):
    """Images at five severities of each corruption, a dict of uint8 arrays `(5 * images, height, width, channels)`.

    Args:
        images: uint8 `(images, height, width, channels)`.
        white: the number of white.
    """
    from scipy import ndimage

    clean, random = images / white, np.random.default_rng(0)
    mean = clean.mean(axis=(1, 2), keepdims=True)
    made = {
        "noise": [clean + random.normal(scale=deviation, size=clean.shape) for deviation in NOISE],
        "blur": [ndimage.gaussian_filter(clean, (0, width, width, 0), mode="nearest") for width in BLUR],
        "contrast": [(clean - mean) * left + mean for left in CONTRAST],
    }
    return {name: np.rint(np.clip(np.concatenate(parts), 0, 1) * white).astype(np.uint8) for name, parts in made.items()}


if __name__ == "__main__":
    main(parser().parse_args())
