"""What is the largest learning rate at which a network trains?

    python -m benchmarks.generalisation.largest_rates --recipe image-classification --flags '--dataset digits --model cnn' \
        --vary normalization=none,batch --output runs/rates

`hornbook compare` trains the levels at learning rates a factor of 2 apart. A rate trains where the run finished with an accuracy of at
least --least on validation data; the largest is the last below which none fails. The measure is its logarithm to base 10, so a difference
of 1 is ten times the rate; a level that trains at no rate has that of half the smallest.
"""

import csv
import math

from benchmarks.generalisation import levels

METRIC = "largest_learning_rate_log10"


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--recipe", required=True)
    made.add_argument("--flags", required=True, help="of the recipe, one text")
    made.add_argument("--vary", required=True, help="the levels, such as normalization=none,batch")
    made.add_argument("--first", type=float, default=0.05, help="the smallest learning rate")
    made.add_argument("--rates", type=int, default=10, help="how many")
    made.add_argument("--least", type=float, default=0.5)
    return made


def main(args):
    rates = [args.first * 2**place for place in range(args.rates)]
    folder, factor = args.output / "trained", args.vary.partition("=")[0]
    tried = f"learning_rate={','.join(f'{rate:g}' for rate in rates)}"
    own = ["--vary", args.vary, tried, "--evaluate", "validation", "--metrics", "accuracy", "--seeds", args.seeds, "--output", folder]
    levels.hornbook("compare", args.recipe, [args.flags], *own)
    with open(folder / "comparison.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = {}
    for row in rows:
        runs.setdefault((row["dataset"], row[factor], int(row["seed"])), {})[float(row["learning_rate"])] = row
    scores = []
    for (dataset, level, seed), own in runs.items():
        accuracies = {rate: float(row["accuracy"] or 0) if row["state"] == "finished" else 0.0 for rate, row in own.items()}
        scores.append(levels.score(dataset, level, METRIC, seed, math.log10(largest(accuracies, args.least)), part="validation"))
    return levels.write(args.output, scores)


def largest(accuracies, least):
    """The largest rate below which all train, of a dict of rates to accuracies; half the smallest where it does not."""
    found = min(accuracies) / 2
    for rate in sorted(accuracies):
        if accuracies[rate] < least:
            break
        found = rate
    return found


if __name__ == "__main__":
    main(parser().parse_args())
