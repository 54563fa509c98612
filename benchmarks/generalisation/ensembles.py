"""Is the average of five networks better than one of them? On several data sets, on five splits of each.

    python -m benchmarks.generalisation.ensembles --output runs/ensembles

Of each split, five runs with other seeds and their average (`hornbook ensemble`): the mean score of the members, the score of the
average, and their difference in pairs of one split.
"""

import csv
import json
import pathlib
import shlex

from benchmarks.generalisation import levels

RESULTS = pathlib.Path(__file__).parents[1] / "results/ensembles.csv"
METRICS = ("accuracy", "loss", "calibration_error")
SETTINGS = {
    "digits": "image-classification --epochs 6",
    "digits, 10 of each class": "image-classification --samples-per-class 10 --epochs 100",
    "breast_cancer": "tabular-classification --classical-share 0",
}
LEVELS = {"member": "a member", "average": "average"}
_SHARED = "--no-floor --no-diagnosis"


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--members", type=int, default=5)
    made.add_argument("--keep", action="store_true", help="write results/ensembles.csv, a row a split")
    return made


def main(args):
    rows = []
    for name, words in SETTINGS.items():
        for split in range(args.seeds):
            folder = args.output / name.replace(", ", "-").replace(" ", "-") / str(split)
            rows.append({"data": name, "split": split, **averaged(words, split, args.members, folder)})
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    return levels.write(args.output, scores(rows))


def scores(rows):
    """The scores of rows of results/ensembles.csv."""
    columns = [(level, metric, f"{kind}_{metric}") for metric in METRICS for kind, level in LEVELS.items()]
    return [levels.score(row["data"], level, metric, row["split"], row[column]) for row in rows for level, metric, column in columns]


def averaged(words, split, members, folder):
    """The scores of a split: of its members in the mean, and of their average."""
    if not (folder / "average/result.json").exists():
        words = [*shlex.split(words), *shlex.split(_SHARED), "--split-seed", split, "--seeds", members]
        levels.hornbook(*words, "--output", folder / "members")
        levels.hornbook("ensemble", folder / "members", "--output", folder / "average")
    result = json.loads((folder / "average/result.json").read_text())
    mean = result["ensemble"]["mean_of_members"]
    return {f"{kind}_{metric}": found[metric] for kind, found in (("member", mean), ("average", result["metrics"])) for metric in METRICS}


if __name__ == "__main__":
    main(parser().parse_args())
