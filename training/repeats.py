"""The same run with several seeds: how much of a score is luck."""

import pathlib

from hornbook.training import evaluation, files, runs


def over_seeds(run_one, seeds, folder):
    """Run once a seed, each in a folder of its own, and summarize; finished runs are read, not run again.

    Args:
        run_one: function `(seed, folder) -> result`, result as in a run's `result.json`.
        seeds: integers.
        folder: of all; each run has `seed-N` in it.

    Returns:
        `{"metrics": {name: {"mean", "standard_deviation", ...}}, "seconds": total, "seeds": [...]}`, also written to `seeds.json`.
    """
    folder = pathlib.Path(folder)
    results = []
    for seed in seeds:
        own = folder / f"seed-{seed}"
        results.append(runs.finished(own) if (own / "result.json").exists() else run_one(seed, own))
    summary = {
        "metrics": {name: evaluation.spread([result["metrics"][name] for result in results]) for name in results[0]["metrics"]},
        "seconds": sum(result["seconds"] for result in results),
        "seeds": list(seeds),
    }
    files.write_json(folder / "seeds.json", summary)
    return summary
