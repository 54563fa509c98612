"""The same run with several seeds: how much of a score is luck."""

import dataclasses
import pathlib

from hornbook import command_line
from hornbook.evaluation import intervals
from hornbook import files
from hornbook.training import runs


def over_seeds(run_one, seeds, folder, config):
    """Run once a seed, each in a folder of its own, and summarize; finished runs are read, not run again.

    Args:
        run_one: function `(seed, folder) -> result`, result as in a run's `result.json`.
        seeds: integers.
        folder: of all; each run has `seed-N` in it.
        config: the runs' options, JSON values, apart from `seed`; a finished run of other options is refused.

    Returns:
        `{"metrics": {name: {"mean", "standard_deviation", ...}}, "seconds": total, "seeds": [...]}`, also written to `seeds.json`.

    Raises:
        UserError: `folder` has a finished run of other options.
    """
    folder = pathlib.Path(folder)
    results = []
    for seed in seeds:
        own = folder / f"seed-{seed}"
        if (own / "result.json").exists():
            runs.refuse_other_options(own, {**config, "seed": seed})
            results.append(runs.finished(own))
        else:
            results.append(run_one(seed, own))
    summary = {
        "metrics": {name: intervals.spread([result["metrics"][name] for result in results]) for name in results[0]["metrics"]},
        "seconds": sum(result["seconds"] for result in results),
        "seeds": list(seeds),
    }
    files.write_json(folder / "seeds.json", summary)
    return summary


def several_seeds(main, args, folder, recipe, callbacks=(), dataset=None):
    """A recipe's `main` with `args.seeds` seeds from `args.seed` on, each in a folder of its own; prints mean and spread.

    Args:
        main: function `(args, callbacks, dataset) -> result`.
        args: the recipe's options, with `seed`, `seeds` and `output`.
        folder: of all.
        recipe: its name.
        callbacks, dataset: passed on.

    Returns:
        As `over_seeds`.

    Raises:
        UserError: as `over_seeds`, and whatever a run raises.
    """

    def run_one(seed, own_folder):
        return main(dataclasses.replace(args, seed=seed, seeds=1, output=str(own_folder)), callbacks, dataset)

    config = command_line.to_config(recipe, dataclasses.replace(args, seeds=1))
    summary = over_seeds(run_one, range(args.seed, args.seed + args.seeds), folder, config)
    for name, spread in summary["metrics"].items():
        print(f"{name.replace('_', ' ')}: mean {spread['mean']:.4f}, standard deviation {spread['standard_deviation']:.4f}, n {args.seeds}")
    return summary
