"""A comparison from Python."""

import dataclasses
import importlib

from hornbook import UserError, command_line
from hornbook.recipes import named
from hornbook.training import folders
from hornbook.tuning.comparison import command, driver, grid, table


def compare(recipe, *, vary=None, levels=None, seeds=5, datasets=None, metrics=None, output=None, options=None, **further):
    """Train a recipe at several levels of an option, with the same seeds, and see which differences are more than luck.

    The first level of each option is what the others are compared with; the first option is compared, the others are conditions. A run of
    each level and seed is trained in a process of its own, as many at a time as there are cores. The same call with the same `output` goes
    on with what was cut off, and adds levels, data sets or seeds to what has finished.

    Args:
        recipe: its name, such as "image-classification".
        vary: dict of an option to a list of its levels, such as `{"normalization": ["batch", "none"]}`.
        levels: dict of a name to a dict of options, in place of a first option to vary.
        seeds: how many runs a level has; `seed=` is the first of them.
        datasets: list of names as of `--dataset`; None for that of `options`.
        metrics: list of names as of `hornbook compare --metrics`; None for the accuracy, or what the regression's loss is.
        output: folder; None for runs/compare/TIME-RECIPE.
        options: dict of the recipe's options that all runs share, such as `{"epochs": 20}`.
        **further: other options of `hornbook compare`: seed, new_splits, evaluate, workers, threads_per_run, retry_failed.

    Returns:
        A pandas DataFrame, a row a level, data set, condition, metric and part ("validation", "test"; "training" of what is not a score):
        `n` finished runs, `failed`, `mean`, `standard_deviation`, `difference` from the first level with the ends `low` and `high` of its
        95% interval, `p` of the paired t-test, `p_corrected` by Holm's method for all differences of the metric and part, `verdict`, and
        mean `seconds` of a run. Its `attrs["folder"]` has `comparison.csv`, a row a run, and `report.html`.

    Raises:
        UserError: options or levels that cannot be, a folder that holds something else, all runs failed, or pandas is not installed.

    Example:
    ```python
    import tempfile
    from hornbook.tuning import compare

    vary, options = {"normalization": ["none", "batch"]}, {"dataset": "wine", "epochs": 2}
    with tempfile.TemporaryDirectory() as folder:
        table = compare("tabular-classification", vary=vary, seeds=2, options=options, output=folder)
    print(table[["normalization", "part", "mean", "difference", "low", "high", "p_corrected", "verdict"]])
    ```
    """
    recipe_name = named([recipe.replace("_", "-")], "compare")[0].replace("-", "_")
    module = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    given = command_line.of_their_types(module.Args, dict(options or {}), "options")
    base = module.Args(**given)
    accepted = {field.name for field in dataclasses.fields(command.Args)} - {"vary", "levels", "datasets", "metrics", "output", "seeds"}
    unknown = sorted(further.keys() - accepted)
    if unknown:
        raise UserError(f"compare has no argument {unknown[0]!r}; options of the recipe go into options={{{unknown[0]!r}: ...}}")
    for key, values in (vary or {}).items():
        if isinstance(values, str) or not isinstance(values, (list, tuple)):
            raise UserError(f"vary[{key!r}] must be a list of levels, such as [{values!r}, ...], got {values!r}")
    if not isinstance(seeds, int) or isinstance(seeds, bool):
        raise UserError(f"seeds must be a number of runs, such as 5, got {seeds!r}")
    joined = {key: ",".join(value) for key, value in (("datasets", datasets), ("metrics", metrics)) if value is not None}
    args = command.Args(seeds=seeds, **joined, **further)
    command.check(args, base)
    factors = [grid.given_factor(grid.NAMED, dict(levels), module)] if levels else []
    factors += [grid.given_factor(key, {str(value): {key: value} for value in values}, module) for key, values in (vary or {}).items()]
    if not factors:
        raise UserError("nothing to compare; pass vary={option: [levels]} or levels={name: {option: value}}")
    with folders.output(output, "compare", recipe_name) as folder:
        plan = driver.plan(recipe_name, module, args, base, factors)
        rows = driver.compare(plan, folder, workers=args.workers, threads=args.threads_per_run, retry_failed=args.retry_failed)
        found = table.frame(rows, plan.factors, plan.chosen, plan.parts)
        found.attrs["folder"] = str(folder)
        return found
