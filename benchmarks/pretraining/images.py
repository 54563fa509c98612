"""What does a pretraining on unlabelled images gain where few have labels?

    python -m benchmarks.pretraining.images --output runs/pretraining --keep

A network learns from 10,000 training images of Fashion-MNIST without their labels: which way up they are, or which views are of one image.
Then 10 or 40 images of each class are trained on, others with each seed, from nothing and from those weights; 2,000 test images are scored.
Prints accuracies and what the pretraining itself scored, and writes a row a run.
"""

import csv
import json
import pathlib

import numpy as np

from benchmarks.generalisation import levels
from hornbook import data
from hornbook.data import images
from hornbook.recipes import image_classification, image_pretraining

RESULTS = pathlib.Path(__file__).parents[1] / "results/pretraining.csv"
NOTHING = "from nothing"
# Of each way the task of its pretraining, and what is trained afterwards.
WAYS = {
    NOTHING: (None, {}),
    "rotation": ("rotation", {}),
    "contrastive": ("contrastive", {}),
    "rotation, all": ("rotation", {"unfreeze": "all"}),
    "contrastive, all": ("contrastive", {"unfreeze": "all"}),
}
_PLAIN = {"floor": False, "diagnosis": False, "data_check": False}


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--data", default="fashion_mnist", help="a set of TensorFlow Datasets with small images")
    made.add_argument("--model", default="cnn")
    made.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    made.add_argument("--unlabelled", type=int, default=10_000, help="images that are pretrained on")
    made.add_argument("--labelled", type=int, nargs="+", default=[10, 40], help="images of each class that are trained on afterwards")
    made.add_argument("--tested", type=int, default=2000)
    made.add_argument("--pretraining-epochs", type=int, default=10, help="passes over the images, for rotation in four turns each")
    made.add_argument("--epochs", type=int, default=None, help="of the training on few labels; default: the recipe's own")
    made.add_argument("--keep", action="store_true", help="write results/pretraining.csv, a row a run")
    return made


def main(args):
    whole = images.load(f"tfds:{args.data}[:{args.unlabelled}]", validation_fraction=0, in_memory="always")
    tested = slice(0, args.tested)
    test = whole.test.inputs[tested], whole.test.labels[tested]
    sources, rows = {}, []
    for way in args.ways:
        task = WAYS[way][0]
        if task is not None and task not in sources:
            sources[task] = args.output / task
            pretrain(args, task, whole, test, sources[task])
    for count in args.labelled:
        for way in args.ways:
            task, options = WAYS[way]
            for seed in range(args.seeds):
                folder = args.output / f"{count}-a-class" / way.replace(", ", "-").replace(" ", "-") / str(seed)
                weights = {"model": args.model} if task is None else {"weights": str(sources[task])}
                length = {} if args.epochs is None else {"epochs": args.epochs}
                dataset = few(whole, test, count, seed)
                found = scored(folder, image_classification, dataset, {**weights, **options, **length, "seed": seed})
                rows.append({"data": args.data, "labelled": count, "way": way, "seed": seed, "accuracy": found["metrics"]["accuracy"],
                             "seconds": found["seconds"]})  # fmt: skip
                print(rows[-1], flush=True)
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    made = [levels.score(f"{row['data']}, {row['labelled']}", row["way"], "accuracy", row["seed"], row["accuracy"]) for row in rows]
    return levels.write(args.output, made)


def pretrain(args, task, whole, test, folder):
    """Pretrain on all images, without labels, and print what was learned of the task."""
    epochs = max(1, args.pretraining_epochs // 4) if task == "rotation" else args.pretraining_epochs
    dataset = images.from_arrays(whole.train.inputs, whole.train.labels, *test, validation_fraction=0, name=f"{args.data}-unlabelled")
    found = scored(folder, image_pretraining, dataset, {"model": args.model, "task": task, "epochs": epochs})
    print(f"{task}: accuracy {found['metrics']['accuracy']:.4f}, {found['seconds']:.0f} s", flush=True)


def few(whole, test, count, seed):
    """The dataset of so many training images of each class, others with each seed."""
    drawn = np.random.default_rng(seed)
    of_each = [np.flatnonzero(whole.train.labels == label) for label in range(whole.num_classes)]
    chosen = np.sort(np.concatenate([drawn.choice(own, count, replace=False) for own in of_each]))
    parts = (whole.train.inputs[chosen], whole.train.labels[chosen], *test)
    return data.images.from_arrays(*parts, class_names=whole.class_names, validation_fraction=0, name=f"{count}-a-class")


def scored(folder, recipe, dataset, options):
    """What `result.json` of a run holds; a finished one is read."""
    if (folder / "result.json").exists():
        return json.loads((folder / "result.json").read_text())
    return recipe.main(recipe.Args(**_PLAIN, **options, output=str(folder)), dataset=dataset)


if __name__ == "__main__":
    main(parser().parse_args())
