"""`hornbook compare RECIPE`: a recipe with an option on and off, with the same seeds, and whether it made a difference."""

import dataclasses
import importlib
from typing import Annotated, Literal

from hornbook import UserError, endings, libraries, terminal
from hornbook.recipes import repeats
from hornbook.recipes.ranges import FEW, SEED
from hornbook.tuning import asked, settings
from hornbook.tuning.comparison import grid

_DESCRIPTION = """Train a recipe at several levels of an option, with the same seeds, and say which differences are more than luck.

hornbook compare image-classification --vary normalization=batch,group,none --seeds 5

hornbook compare tabular-classification --datasets wine,breast_cancer --vary dropout=0,0.2,0.5 optimizer=sgd,adamw

hornbook compare image-classification --levels plain 'smoothed: --label-smoothing 0.1' 'mixed: --mixup 0.2 --epochs 40'

The first --vary, or --levels, is compared with its first level; each further --vary is a condition under which that is done. Options that
are not listed here are the recipe's and the same for all runs; see hornbook RECIPE --help. The same command goes on with a comparison that
was cut off; one with more levels, data sets or seeds adds them. What has finished is not run again."""

# The comparison sets these itself, run by run.
_OWN = ("seeds", "evaluate", "fold", "output", "tensorboard", "check_only", "remedy")


@dataclasses.dataclass(frozen=True)
class Args:
    vary: tuple[str, ...] = ()
    """Options with their levels: normalization=batch,group,none learning_rate=0.001,0.01; `default` leaves an option as it is."""
    levels: tuple[str, ...] = ()
    """Sets of options with names, in place of a first --vary: plain 'weighted: --class-weights balanced'."""
    seeds: Annotated[int, FEW] = 5
    """Runs of each level, with --seed and those behind it. The difference of two levels is taken seed by seed."""
    seed: Annotated[int, SEED] = 0
    """The first seed."""
    new_splits: bool = False
    """Split the data anew for each seed, so that the spread has the luck of the split in it. Default: all on one split."""
    datasets: str | None = None
    """Data sets, separated by commas, in place of --dataset: levels are ranked over them and tested by Friedman's test."""
    metrics: str | None = None
    """What is compared, separated by commas: scores such as accuracy, auc or loss, recall:CLASS; seconds, seconds_an_epoch, epochs,
    parameters; epochs_to:val_accuracy>=0.9; best:val_loss, last:loss or gap:accuracy of a column of history.csv; first_gradient,
    gradient_ratio, dead, saturated. Default: accuracy; for regression the mean squared error or the quantile loss."""
    evaluate: Literal["both", "validation", "test"] = "both"
    """The part that scores are taken on. both: levels are compared on validation data, and the test data are scored once a run."""
    workers: Annotated[int, FEW] | None = None
    """Runs at a time. Default: one a processor core, as far as the memory holds them."""
    threads_per_run: Annotated[int, FEW] | None = None
    """Processor cores of each run. Default: an equal share. Weights depend on it."""
    retry_failed: bool = False
    """Begin runs again that failed in an earlier sitting. Default: what failed is a result as well."""
    output: str | None = None
    """Folder of the comparison. Default: runs/compare/TIME-RECIPE-MODEL. An unfinished comparison in it goes on."""


_TOO_GOOD = (
    "note: --threshold and --temperature-scaling are chosen on the validation data, on which their scores are too good: compare test scores"
)


def _chosen_on_validation(options):
    return options.get("threshold", "none") != "none" or options.get("temperature_scaling", False)


def compare(arguments):
    """The command `hornbook compare`."""
    with endings.ending("hornbook compare"):
        recipe_name, args, base, _, parse = asked.parsed(arguments, Args, "hornbook compare", _DESCRIPTION)
        recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
        check(args, base)
        main(recipe_name, args, base, factors_of(args, base, recipe, parse))


def factors_of(args, base, recipe, parse):
    """The list of `grid.Factor` that the options name.

    Args:
        args: `Args`.
        base: the recipe's options that all runs share.
        recipe: the recipe's module.
        parse: as of `asked.parsed`.

    Raises:
        UserError: there is none, or one twice.
    """
    factors = [grid.levels_factor(args.levels, parse, base)] if args.levels else []
    factors += [grid.vary_factor(written, recipe) for written in args.vary]
    if not factors:
        raise UserError("nothing to compare; pass --vary NAME=A,B, such as --vary normalization=batch,none, or --levels")
    names = [factor.name for factor in factors]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise UserError(f"--vary {twice} is given twice; list all of its values behind one")
    return factors


def check(args, base):
    """Refuse options out of range, and those of the recipe that a comparison sets itself.

    Args:
        args: `Args`.
        base: the recipe's options.

    Raises:
        UserError: with the flag.
    """
    asked.check(args, base, _OWN, "the comparison")
    repeats.check_seeds(args.seed, args.seeds, f"--seeds {args.seeds}")


def main(recipe_name, args, base, factors):
    """Compare, and print what was found.

    Args:
        recipe_name: such as "image_classification".
        args: `Args`.
        base: the recipe's own `Args`, for all runs.
        factors: list of `grid.Factor`.

    Returns:
        The comparison's `driver.Plan` and a list of `table.Row`.

    Raises:
        UserError: options, levels or a folder that cannot be used, or all runs failed.
    """
    with asked.folder(args, base, recipe_name, "compare", settings.COMPARISON.name) as folder:
        if (folder / "result.json").exists():
            raise UserError(f"{folder} holds a finished run, which is never overwritten; pass another --output")
        with libraries.quiet_libraries():
            from hornbook.tuning.comparison import driver, report
        recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
        plan = driver.plan(recipe_name, recipe, args, base, factors, asked.own_command("compare"))
        if args.evaluate != "test" and any(_chosen_on_validation(cell.options) for cell in plan.cells):
            terminal.say(_TOO_GOOD)
        rows = driver.compare(plan, folder, workers=args.workers, threads=args.threads_per_run, retry_failed=args.retry_failed)
        failed = sum(row.state == "failed" for row in rows)
        if failed:
            terminal.say(f"{failed} of {len(rows)} runs failed, see comparison.csv; the same command with --retry-failed begins them again")
        terminal.say(*report.in_words(plan, rows), f"report: {folder / 'report.html'}")
        return plan, rows
