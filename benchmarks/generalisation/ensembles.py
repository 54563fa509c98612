"""Is the average of five networks better than one of them? On several data sets, on five splits of each.

python benchmarks/generalisation/ensembles.py

Of each split, five runs with other seeds and their average (`hornbook ensemble`). The table has the mean score of the members, the score of
the average, and their difference with its 95% interval over the splits (Student's t). Prints it and writes results/ensembles.csv, a row a
split. The same command goes on where it was cut off, if --folder is given.
"""

import argparse
import csv
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile

from hornbook.evaluation import paired

RESULTS = pathlib.Path(__file__).parents[1] / "results/ensembles.csv"
METRICS = ("accuracy", "loss", "calibration_error")
SETTINGS = {
    "digits": "image-classification --epochs 6",
    "digits, 10 of each class": "image-classification --samples-per-class 10 --epochs 100",
    "breast_cancer": "tabular-classification --classical-share 0",
}
_SHARED = "--no-floor --no-diagnosis"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--members", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, words in SETTINGS.items():
            for split in range(args.splits):
                folder = (args.folder or pathlib.Path(scratch)) / name.replace(", ", "-").replace(" ", "-") / str(split)
                rows.append({"data": name, "split": split, **averaged(words, split, args.members, folder)})
                with open(RESULTS, "w", newline="") as file:
                    table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
                    table.writeheader()
                    table.writerows(rows)
    print(f"| data | metric | a member | the average of {args.members} | difference, n {args.splits} |\n|---|---|---|---|---|")
    for name in SETTINGS:
        own = [row for row in rows if row["data"] == name]
        for metric in METRICS:
            members, average = ([row[f"{kind}_{metric}"] for row in own] for kind in ("member", "average"))
            found = paired.difference(average, members)
            low, high = found["interval"]
            shown = f"{found['mean']:+.4f} [{low:+.4f}, {high:+.4f}]"
            print(f"| {name} | {metric} | {sum(members) / len(own):.4f} | {sum(average) / len(own):.4f} | {shown} |")


def averaged(words, split, members, folder):
    """The scores of a split: of its members in the mean, and of their average."""
    if not (folder / "average/result.json").exists():
        command = [*shlex.split(words), *shlex.split(_SHARED), "--split-seed", str(split), "--seeds", str(members), "--output"]
        _hornbook(*command, str(folder / "members"))
        _hornbook("ensemble", str(folder / "members"), "--output", str(folder / "average"))
    result = json.loads((folder / "average/result.json").read_text())
    mean = result["ensemble"]["mean_of_members"]
    return {f"{kind}_{metric}": found[metric] for kind, found in (("member", mean), ("average", result["metrics"])) for metric in METRICS}


def _hornbook(*words):
    subprocess.run([sys.executable, "-m", "hornbook", *words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
