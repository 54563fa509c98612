"""What do weights gain where few series have labels: those of other classes, and those of a pretraining without labels?

    python -m benchmarks.pretraining.series --output runs/series-pretraining --keep

Spoken digits (`tfds:free_spoken_digit`, 2,700 recordings to learn from, 300 to test on) as 48 steps of 40 log-mel bands, longer ones cut
and shorter ones continued with their last step. A network learns the digits 0 to 5 with their labels; another learns, of all ten without
labels, what stands in hidden steps. Then 5 or 20 recordings of each of the digits 6 to 9 are trained on, others with each seed, from
nothing and from those weights, and all test recordings of these four are scored. Networks alone (`--classical-share 0`).
"""

import csv
import json
import pathlib

import numpy as np

from benchmarks.generalisation import levels
from hornbook.data import series
from hornbook.recipes import sequence_classification, sequence_pretraining

RESULTS = pathlib.Path(__file__).parents[1] / "results/pretraining_series.csv"
KNOWN, NEW = (0, 1, 2, 3, 4, 5), (6, 7, 8, 9)
STEPS = 48
NOTHING = "from nothing"
# Of each way where its weights are from, and what is trained afterwards.
WAYS = {
    NOTHING: (None, {}),
    "other classes": ("classes", {}),
    "other classes, all": ("classes", {"unfreeze": "all"}),
    "other classes, head": ("classes", {"unfreeze": "head"}),
    "hidden steps": ("hidden", {}),
    "hidden steps, all": ("hidden", {"unfreeze": "all"}),
}
_PLAIN = {"floor": False, "diagnosis": False, "data_check": False}
_ALONE = {"classical_share": 0}


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--model", default="h_inception1d", help="the recipe's default")
    made.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    made.add_argument("--labelled", type=int, nargs="+", default=[5, 20], help="recordings of each class that are trained on")
    made.add_argument("--source-epochs", type=int, default=None, help="of the training on other classes; default: the recipe's own")
    made.add_argument("--pretraining-epochs", type=int, default=None, help="default: the recipe's own")
    made.add_argument("--keep", action="store_true", help="write results/pretraining_series.csv, a row a run")
    return made


def main(args):
    whole = series.load("tfds:free_spoken_digit", validation_fraction=0)
    parts = {part: (of_equal_length(getattr(whole, part).series), getattr(whole, part).labels) for part in ("train", "test")}
    sources, rows = {}, []
    for way in args.ways:
        kind = WAYS[way][0]
        if kind is not None and kind not in sources:
            sources[kind] = args.output / kind
            learn(args, kind, parts, sources[kind])
    for count in args.labelled:
        for way in args.ways:
            kind, options = WAYS[way]
            for seed in range(args.seeds):
                folder = args.output / f"{count}-a-class" / way.replace(", ", "-").replace(" ", "-") / str(seed)
                weights = {"model": args.model} if kind is None else {"weights": str(sources[kind])}
                dataset = of_classes(parts, NEW, count, seed)
                found = scored(folder, sequence_classification, dataset, {**_ALONE, **weights, **options, "seed": seed})
                rows.append({"labelled": count, "way": way, "seed": seed, "accuracy": found["metrics"]["accuracy"],
                             "seconds": found["seconds"]})  # fmt: skip
                print(rows[-1], flush=True)
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    made = [levels.score(f"{row['labelled']} a class", row["way"], "accuracy", row["seed"], row["accuracy"]) for row in rows]
    return levels.write(args.output, made)


def learn(args, kind, parts, folder):
    """Train what weights are taken from, and print what it scored."""
    if kind == "classes":
        recipe, dataset, epochs, options = sequence_classification, of_classes(parts, KNOWN), args.source_epochs, _ALONE
    else:
        recipe, dataset, epochs, options = sequence_pretraining, of_classes(parts, KNOWN + NEW), args.pretraining_epochs, {}
    length = {} if epochs is None else {"epochs": epochs}
    found = scored(folder, recipe, dataset, {**options, **length, "model": args.model})
    print(f"{kind}: {found['metrics']}, {found['seconds']:.0f} s", flush=True)


def of_equal_length(recordings):
    """Cut or continued to STEPS steps: float32 array `(examples, steps, features)`."""
    return np.stack([np.pad(one[:STEPS], ((0, max(0, STEPS - len(one))), (0, 0)), mode="edge") for one in recordings])


def of_classes(parts, classes, count=None, seed=0):
    """A dataset of some classes, of so many training recordings of each, others with each seed."""
    drawn, arrays = np.random.default_rng(seed), []
    for part, (recordings, labels) in parts.items():
        of_each = [np.flatnonzero(labels == label) for label in classes]
        if part == "train" and count is not None:
            of_each = [np.sort(drawn.choice(own, count, replace=False)) for own in of_each]
        arrays += [recordings[np.concatenate(of_each)], np.repeat(np.arange(len(classes)), [len(own) for own in of_each])]
    names = tuple(map(str, classes))
    return series.from_arrays(*arrays, class_names=names, validation_fraction=0, name=f"spoken-{'-'.join(names)}")


def scored(folder, recipe, dataset, options):
    """What `result.json` of a run holds; a finished one is read."""
    if (folder / "result.json").exists():
        return json.loads((folder / "result.json").read_text())
    return recipe.main(recipe.Args(**_PLAIN, **options, output=str(folder)), dataset=dataset)


if __name__ == "__main__":
    main(parser().parse_args())
