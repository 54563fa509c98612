"""`hornbook tune RECIPE`: search the options of a recipe. Options that are not the search's are the recipe's, for every trial."""

import dataclasses
import importlib
import math
from typing import Annotated, Literal

from hornbook import UserError, endings, libraries, records
from hornbook.evaluation import thresholds
from hornbook.recipes import repeats
from hornbook.recipes.ranges import AT_LEAST_1, FEW, SEED, UP_FROM_0, Range
from hornbook.tuning import asked, kept, settings

_DESCRIPTION = """Search the options of a recipe, keep everything on disk, and report what mattered.

hornbook tune image-classification --trials 20 --workers 2

hornbook tune tabular-classification --vary learning_rate=log:1e-4..1e-1 normalization=batch,layer,none --epochs 20

Options that are not listed here are the recipe's and the same for every trial; see hornbook RECIPE --help. Validation data score the
trials; the test data are used once, at the end. The same command goes on with a search that was cut off."""

# The search sets these itself, run by run.
_OWN = ("seeds", "evaluate", "fold", "output", "tensorboard", "check_only", "remedy")


@dataclasses.dataclass(frozen=True)
class Args:
    tuner: Literal["bayesian", "random", "sobol", "hyperband", "grid"] = "bayesian"
    """How to propose configurations: bayesian learns from the earlier trials, sobol and random do not, hyperband trains many for few
    epochs and the best of them again for more, grid tries every combination."""
    trials: Annotated[int, AT_LEAST_1] | None = None
    """The most configurations to try. Default: 20; with hyperband and grid, all that they propose."""
    budget_minutes: Annotated[float, UP_FROM_0] | None = None
    """Begin no trial after so many minutes, those of earlier sittings included. Default: no limit."""
    space: str | None = None
    """What to vary, separated by commas: model (the options of its family), training, cnn, convolutional, resnet, rnn, transformer or
    mlp, or mymodule:space of your own. Default: model,training, or with --vary nothing else."""
    vary: tuple[str, ...] = ()
    """Options with their values: learning_rate=log:1e-4..1e-1 dropout=0..0.5 depth=2..6:2 normalization=batch,group,none."""
    objective: str | None = None
    """The score on the validation data to improve, as result.json names it. Default: accuracy; for regression the mean squared error or the
    quantile loss. Of a rare class balanced_accuracy, macro_f1, average_precision and matthews_correlation say more."""
    executions_per_trial: Annotated[int, FEW] = 1
    """Runs of each configuration, with different seeds; the mean is its score."""
    cross_validate: Annotated[int, Range(0, 10**4)] = 0
    """Score each configuration on so many folds of the training data; 0 for the validation part alone."""
    outer: Annotated[int, Range(0, 10**4)] = 0
    """Search once for each of so many folds of the examples, and test what was found on the fold that was left out: what a search is worth
    on data that it has not seen. 0: one search, tested on the test part."""
    prune: Literal["none", "median", "diagnosis", "both"] = "none"
    """Stop a trial before its end. median: when it is worse after some epoch than the median of the finished trials was by then.
    diagnosis: when it has learned next to nothing and a finding says that its options are to blame, such as a learning rate too high."""
    prune_after: Annotated[int, AT_LEAST_1] = 3
    """The first epoch after which --prune median may stop a trial."""
    stop_slower_than: float = 10.0
    """Stop a trial that takes so many times as long for its epochs as the median of the finished trials, once 4 have finished; 0 for
    never."""
    warm_start: tuple[str, ...] = ()
    """Folders of earlier searches with this objective; the bayesian tuner learns from their trials."""
    workers: Annotated[int, FEW] = 1
    """Trials at a time on this machine."""
    threads_per_trial: Annotated[int, FEW] | None = None
    """Processor cores of each trial. Default: an equal share."""
    gpus_per_trial: Annotated[float, Range(0, 10**4)] | None = None
    """GPUs of each trial, such as 1, or 0.5 for two trials on one. Default: an equal share."""
    ray: str | None = None
    """Run the trials on this Ray cluster, such as auto or 10.0.0.1:6379, in place of processes here. Needs pip install ray."""
    cpus_per_trial: Annotated[int, FEW] = 1
    """Processor cores of each trial on a Ray cluster."""
    final_seeds: Annotated[int, Range(0, 10**4)] = 3
    """Train the best configuration again with so many other seeds and test each run once; 0 for none."""
    stop_after_failures: Annotated[int, AT_LEAST_1] = 5
    """End the search after so many failed trials in a row."""
    seed: Annotated[int, SEED] = 0
    """Seed of the proposals, and of the first run of every trial."""
    output: str | None = None
    """Folder of the search. Default: runs/tune/TIME-RECIPE-MODEL. An unfinished search in it goes on."""


def tune(arguments):
    """The command `hornbook tune`."""
    with endings.ending("hornbook tune"):
        recipe_name, args, recipe_args, given, _ = asked.parsed(arguments, Args, "hornbook tune", _DESCRIPTION)
        main(recipe_name, args, recipe_args, given)


def main(recipe_name, args, recipe_args, given=()):
    """Search, train the best again, report.

    Args:
        recipe_name: such as "image_classification".
        args: `Args`.
        recipe_args: the recipe's own `Args`, for every trial.
        given: names of the recipe's options that the user gave, which are not varied.

    Returns:
        What `result.json` of the search holds.

    Raises:
        UserError: options, a space or a folder that cannot be used, or too many failed trials in a row.
    """
    _check(args, recipe_args)
    kind = settings.NESTED if args.outer else settings.SEARCH
    with asked.folder(args, recipe_args, recipe_name, "tune", kind.name) as folder:
        if not args.outer:
            _refuse_finished(folder, args)
        with libraries.quiet_libraries():
            from hornbook.tuning import driver, nested
        nested.check(args, recipe_args)
        search = nested.search if args.outer else driver.search
        return search(recipe_name, importlib.import_module(f"hornbook.recipes.{recipe_name}"), args, recipe_args, folder, given)


def _refuse_finished(folder, args):
    if not (folder / "result.json").exists():
        return
    if not (folder / "search.json").exists():
        raise UserError(f"{folder} holds a finished run, which is never overwritten; pass another --output")
    done = records.read(folder / "result.json", kept.Done).trials
    if args.trials is None or args.trials <= done:
        raise UserError(f"{folder} holds a finished search of {done} trials; pass more --trials to go on with it, or another --output")


def _check(args, recipe_args):
    asked.check(args, recipe_args, _OWN, "the search")
    if not (args.stop_slower_than == 0 or 1 < args.stop_slower_than < math.inf):
        raise UserError(f"--stop-slower-than must be 0 for never, or more than 1, got {args.stop_slower_than}")
    for name in ("cross_validate", "outer"):
        if getattr(args, name) == 1:
            raise UserError(f"--{name.replace('_', '-')} must be 0 or at least 2, got 1")
    if args.cross_validate and getattr(recipe_args, "threshold", thresholds.NONE) != thresholds.NONE:
        told = "each fold would have its own"
        raise UserError(f"--threshold {recipe_args.threshold} is not for --cross-validate {args.cross_validate}: {told}; leave one out")
    if args.prune != "none" and args.tuner == "hyperband":
        raise UserError(f"--prune {args.prune} is not for --tuner hyperband, which stops the worse trials itself; leave one out")
    if args.prune in ("median", "both") and (args.cross_validate or args.executions_per_trial > 1):
        other = "leave out --cross-validate and --executions-per-trial, or pass --prune diagnosis"
        raise UserError(f"--prune {args.prune} is for trials of one run; {other}")
    if args.prune in ("diagnosis", "both") and not recipe_args.diagnosis:
        raise UserError(f"--prune {args.prune} asks the diagnosis, which --no-diagnosis leaves out; leave one out")
    if args.warm_start and args.tuner != "bayesian":
        raise UserError(f"--warm-start is for --tuner bayesian: {args.tuner} learns nothing from earlier trials")
    if args.ray and (args.workers != 1 or args.threads_per_trial):
        raise UserError(
            "--ray places trials by --cpus-per-trial and --gpus-per-trial; --workers and --threads-per-trial are for this machine"
        )
    runs_of_best = f" and --final-seeds {args.final_seeds}" * (args.final_seeds > 0)
    count = args.executions_per_trial + args.final_seeds
    repeats.check_seeds(args.seed, count, f"--executions-per-trial {args.executions_per_trial}{runs_of_best}")
