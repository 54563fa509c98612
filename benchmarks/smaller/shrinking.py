"""What does `hornbook shrink --to 20%` lose, and how long does it take?

    python -m benchmarks.smaller.shrinking --output runs/shrinking --keep
    python -m benchmarks.smaller.shrinking --output runs/shrinking --recipes image-classification --seeds 1

Each recipe trains its default network on its default data, one run a seed; `hornbook shrink` makes files of it and takes one, by validation
data alone. Prints accuracy on the test part of the run in float32 and of the file that is taken, both through their files, the share of the
bytes that is left, and the seconds of the command.
"""

import csv
import importlib
import json
import pathlib
import time

from benchmarks.generalisation import levels
from hornbook import UserError, files
from hornbook.tuning.shrinking import command

RESULTS = pathlib.Path(__file__).parents[1] / "results/shrinking.csv"


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--recipes", nargs="+", default=["image-classification", "text-classification"])
    made.add_argument("--to", default="20%")
    made.add_argument("--keep", action="store_true", help="write results/shrinking.csv, a row a run")
    return made


def main(args):
    rows = []
    for recipe in args.recipes:
        for seed in range(args.seeds):
            rows.append({"recipe": recipe, "seed": seed, "to": args.to, **smaller(recipe, seed, args.to, args.output / recipe / str(seed))})
            print(rows[-1], flush=True)
    if args.keep:
        with open(RESULTS, "w", newline="") as file:
            table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    scores = [levels.score(row["recipe"], "the run", "accuracy", row["seed"], row["accuracy_of_run"]) for row in rows]
    scores += [levels.score(row["recipe"], f"--to {args.to}", "accuracy", row["seed"], row["accuracy"]) for row in rows]
    return levels.write(args.output, scores)


def smaller(recipe, seed, size, home):
    """Train a run where there is none, make it smaller, and give what came out, a dict."""
    told = home / "told.json"
    if told.exists():
        return json.loads(told.read_text())
    if not (home / "run/result.json").exists():
        module = importlib.import_module(f"hornbook.recipes.{recipe.replace('-', '_')}")
        module.main(module.Args(seed=seed, floor=False, diagnosis=False, data_check=False, output=str(home / "run")))
    began, missed = time.monotonic(), ""
    try:
        command.main(command.ShrinkArgs(str(home / "run"), to=size))
    except UserError as error:
        missed = str(error)
    seconds = time.monotonic() - began
    with open(home / "run/shrunk/candidates.csv", newline="") as file:
        found = list(csv.DictReader(file))
    taken = next(row for row in found if row["chosen"] == "True")
    tested = json.loads((home / "run/shrunk/tested.json").read_text())
    made = {
        "taken": taken["name"], "share_of_bytes": int(taken["size"]) / int(found[0]["size"]), "accuracy_of_run": tested["of_run"],
        "accuracy": tested["score"], "examples": tested["examples"], "seconds": round(seconds, 1), "missed": missed,
    }  # fmt: skip
    files.write_json(told, made)
    return made


if __name__ == "__main__":
    main(parser().parse_args())
