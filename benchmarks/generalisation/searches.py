"""Does a search find better options than the defaults, and a Bayesian one better options than a random one?

    python -m benchmarks.generalisation.searches --recipe image-classification --flags '--dataset digits --samples-per-class 20' \
        --vary 'learning_rate=log:1e-4..1e-1 dropout=0..0.5' --trials 12 --output runs/searches

Of each seed a random and a Bayesian search of as many trials over the same space, and the recipe with its defaults. Both searches begin
with the defaults. What each found is trained again with three seeds that no trial had, the defaults with the same three, and tested.
`validation` is the search's own best score, `test` the mean of the three.
"""

import json

from benchmarks.generalisation import levels

TUNERS = ("random", "bayesian")
RUNS = 3  # Of what was found, and of the defaults.
_APART = 10  # So that the runs of one search's seeds are not those of another's.
_SHARED = "--no-floor --no-diagnosis"


def parser():
    made = levels.parser(__doc__)
    made.add_argument("--recipe", required=True)
    made.add_argument("--flags", required=True, help="of the recipe, one text")
    made.add_argument("--vary", required=True, help="of the search, one text")
    made.add_argument("--trials", type=int, default=12)
    made.add_argument("--metric", default="accuracy")
    return made


def main(args):
    scores = []
    for seed in range(args.seeds):
        for tuner in TUNERS:
            found = searched(args, tuner, seed)
            scores.append(_score(args, tuner, seed, found["validation"], found["seconds"], part="validation"))
            scores.append(_score(args, tuner, seed, found["test"]["metrics"][args.metric]["mean"], found["seconds"]))
        mean, seconds = defaults(args, seed)
        scores.append(_score(args, "defaults", seed, mean, seconds))
    return levels.write(args.output, scores)


def _score(args, level, seed, value, seconds, part="test"):
    words = args.flags.split()
    return levels.score(words[words.index("--dataset") + 1], level, args.metric, seed, value, part=part, seconds=seconds)


def searched(args, tuner, seed):
    """What a search leaves as `result.json`."""
    folder = args.output / f"{tuner}-{seed}"
    if not (folder / "result.json").exists():
        own = ["--tuner", tuner, "--trials", args.trials, "--seed", _APART * seed, "--final-seeds", RUNS, "--workers", 2]
        words = ["--objective", args.metric, "--vary", [args.vary], "--output", folder]
        levels.hornbook("tune", args.recipe, [args.flags], [_SHARED], *own, *words)
    return json.loads((folder / "result.json").read_text())


def defaults(args, seed):
    """The mean score and the seconds of runs with the options as they are, with the seeds that what a search found has."""
    found = []
    for run in range(RUNS):
        folder = args.output / f"defaults-{seed}" / str(run)
        if not (folder / "result.json").exists():
            levels.hornbook(args.recipe, [args.flags], [_SHARED], "--seed", _APART * seed + 1 + run, "--output", folder)
        found.append(json.loads((folder / "result.json").read_text()))
    return sum(one["metrics"][args.metric] for one in found) / RUNS, sum(one["seconds"] for one in found)


if __name__ == "__main__":
    main(parser().parse_args())
