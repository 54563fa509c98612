"""What do weights that were learned on other classes gain on a few hundred images of two?

    python -m benchmarks.generalisation.transfer --output runs/transfer
    python -m benchmarks.generalisation.transfer --output runs/transfer --pairs bird-horse cat-horse --evaluate validation

A ResNet-20 learns six classes of CIFAR-10. Then 500 images of two of the other four classes are trained on, from nothing and from those
weights, and scored on all test images of the two (with --evaluate validation: on a fifth of the 500). Prints accuracy and seconds of each
way, and writes a row a run.
"""

import csv
import json
import pathlib

import numpy as np

from benchmarks.generalisation import levels
from hornbook import data
from hornbook.data import images
from hornbook.recipes import image_classification

RESULTS = pathlib.Path(__file__).parents[1] / "results/transfer.csv"
KNOWN = ("airplane", "automobile", "deer", "frog", "ship", "truck")
WAYS = {
    "from nothing": {},
    "head": {"unfreeze": "head"},
    "half": {"unfreeze": 0.5},
    "all": {"unfreeze": "all"},
    "all, lower rate": {"unfreeze": "all", "learning_rate": 3e-4},
    "all, layer decay": {"unfreeze": "all", "layer_decay": 0.75},
    "all, gradual": {"unfreeze": "all", "gradual_unfreezing": 0.5},
}
_NETWORK = {"model": "resnet20", "floor": False, "diagnosis": False}


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--pairs", nargs="+", default=["cat-dog"], help="of bird, cat, dog, horse")
    made.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    made.add_argument("--examples", type=int, default=500, help="of both classes together")
    made.add_argument("--pretraining-epochs", type=int, default=10)
    made.add_argument("--evaluate", default="test")
    made.add_argument("--keep", action="store_true", help="write results/transfer.csv, a row a run")
    return made


def main(args):
    cifar10 = images.load("tfds:cifar10", validation_fraction=0, in_memory="always")
    source = args.output / "source"
    run(cifar10, KNOWN, source, {"epochs": args.pretraining_epochs})
    rows = []
    for pair in args.pairs:
        for way in args.ways:
            for seed in range(args.seeds):
                folder = args.output / pair / way.replace(", ", "-").replace(" ", "-") / str(seed)
                weights = {} if way == "from nothing" else {"weights": str(source)}
                asked = {**weights, **WAYS[way], "seed": seed, "evaluate": args.evaluate}
                result = run(cifar10, pair.split("-"), folder, asked, args.examples, seed)
                rows.append({"pair": pair, "way": way, "seed": seed, **{name: result[name] for name in ("accuracy", "seconds")}})
                print(rows[-1], flush=True)
    for way in args.ways:
        print(f"{way}: {np.mean([row['seconds'] for row in rows if row['way'] == way]):.1f} s a run")
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    return levels.write(args.output, [levels.score(row["pair"], row["way"], "accuracy", row["seed"], row["accuracy"]) for row in rows])


def run(cifar10, classes, folder, options, examples=None, split_seed=0):
    """The accuracy and the seconds of a run on some classes, other training images with each seed of the split."""
    if (folder / "result.json").exists():
        found = json.loads((folder / "result.json").read_text())
    else:
        dataset = of_classes(cifar10, classes, examples, split_seed, 0.2 if options.get("evaluate") == "validation" else 0)
        found = image_classification.main(image_classification.Args(**_NETWORK, **options, output=str(folder)), dataset=dataset)
    return {"accuracy": found["metrics"]["accuracy"], "seconds": found["seconds"]}


def of_classes(cifar10, classes, examples, split_seed, validation_fraction):
    """A data set of some classes, of so many training examples of all of them together."""
    numbers = [cifar10.class_names.index(name) for name in classes]
    parts = []
    for part in (cifar10.train, cifar10.test):
        of_each = [np.flatnonzero(part.labels == number) for number in numbers]
        if part is cifar10.train and examples is not None:
            drawn = np.random.default_rng(split_seed)
            of_each = [np.sort(drawn.choice(own, examples // len(classes), replace=False)) for own in of_each]
        labels = np.concatenate([np.full(len(own), place) for place, own in enumerate(of_each)])
        parts += [part.inputs[np.concatenate(of_each)], labels]
    split = {"validation_fraction": validation_fraction, "split_seed": split_seed}
    return data.images.from_arrays(*parts, class_names=classes, name="-".join(classes), **split)


if __name__ == "__main__":
    main(parser().parse_args())
