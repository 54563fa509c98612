"""Is the estimate of a cross-validation nearer to what a network is worth than that of one split?

    python -m benchmarks.generalisation.estimates --data digits --examples 200 --output runs/estimates

Of each seed so many examples are drawn, and the others are a large part that neither estimate sees. A cross-validation of five folds
scores the recipe on the drawn examples, its first fold alone is one split of 80 to 20, and a network that is trained on all of them is
scored on the others, which is what both estimate. `error` is the distance of an estimate from that, `bias` the signed difference,
`accuracy` the scores themselves: theirs are of networks that were trained on four fifths of the examples.
"""

import csv
import json

import numpy as np

from benchmarks.generalisation import levels

FOLDS = 5
LEVELS = ("one split", "cross-validation")
RECIPES = {
    "digits": "image-classification --model cnn --width 8 --augmentation none --epochs 30",
    "fashion": "image-classification --model cnn --width 8 --augmentation none --epochs 15",
    "breast_cancer": "tabular-classification --model mlp --width 64 --classical-share 0 --epochs 30",
}
_HELD_OUT = 5000  # The most: more take time and say no more.
_SHARED = "--no-floor --no-diagnosis"


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--data", choices=RECIPES, required=True)
    made.add_argument("--examples", type=int, default=200)
    return made


def main(args):
    scores = []
    for seed in range(args.seeds):
        held_out, folds, seconds = measured(args, seed)
        found = dict(zip(LEVELS, (folds[0], sum(folds) / len(folds)), strict=True))
        times = dict(zip(LEVELS, (seconds / len(folds), seconds), strict=True))
        scores.append(levels.score(args.data, "held out", "accuracy", seed, held_out))
        for name, estimate in found.items():
            own = {"accuracy": estimate, "error": abs(estimate - held_out), "bias": estimate - held_out}
            scores += [levels.score(args.data, name, metric, seed, value, seconds=times[name]) for metric, value in own.items()]
    return levels.write(args.output, scores)


def measured(args, seed):
    """The accuracy on what was held out, that of each fold, and the seconds of all folds."""
    folder = args.output / str(seed)
    whole, folds = folder / "all", folder / "folds"
    if not (whole / "result.json").exists() or not (folds / "result.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        drawn, others = written(args.data, args.examples, seed, folder)
        own = [[RECIPES[args.data]], [_SHARED], "--seed", seed]
        if not (folds / "result.json").exists():
            levels.hornbook("cross-validate", *own, "--folds", FOLDS, "--split-seed", seed, *drawn, "--output", folds)
        if not (whole / "result.json").exists():
            levels.hornbook(*own, "--validation-fraction", 0, *drawn, *others, "--output", whole)
    result = json.loads((folds / "result.json").read_text())
    by_fold = [json.loads((folds / f"repeat-1-fold-{fold}/run/result.json").read_text()) for fold in range(1, FOLDS + 1)]
    accuracies = [one["metrics"]["accuracy"] for one in by_fold]
    return json.loads((whole / "result.json").read_text())["metrics"]["accuracy"], accuracies, result["seconds"]


def written(name, count, seed, folder):
    """Write the drawn examples and the others as files; the flags that name the former, and the latter where one file has not both."""
    random = np.random.default_rng(seed)
    if name == "breast_cancer":
        from sklearn.datasets import load_breast_cancer

        bunch = load_breast_cancer()
        order = random.permutation(len(bunch.target))
        names = [f"x{place}" for place in range(bunch.data.shape[1])]
        for part, places in (("drawn", order[:count]), ("others", order[count:])):
            with open(folder / f"{part}.csv", "w", newline="") as file:
                rows = zip(bunch.data[places].tolist(), bunch.target[places].tolist(), strict=True)
                csv.writer(file).writerows([[*names, "label"], *([*values, label] for values, label in rows)])
        return ("--dataset", f"csv:{folder}/drawn.csv"), ("--test-dataset", f"csv:{folder}/others.csv")
    images, labels = pictures(name)
    order = random.permutation(len(labels))
    drawn, others = order[:count], order[count : count + _HELD_OUT]
    np.savez(folder / "images.npz", x_train=images[drawn], y_train=labels[drawn], x_test=images[others], y_test=labels[others])
    return ("--dataset", f"npz:{folder}/images.npz"), ()


def pictures(name):
    """All images of a data set, uint8 `(images, height, width, 1)`, and their labels `(images,)`."""
    from hornbook import data

    found = data.images.load({"fashion": "tfds:fashion_mnist"}.get(name, name))
    parts = [part for part in (found.train, found.validation, found.test) if part is not None]
    return np.concatenate([part.inputs for part in parts]), np.concatenate([part.labels for part in parts])


if __name__ == "__main__":
    main(parser().parse_args())
