"""`hornbook cross-validate RECIPE`: what a recipe is worth on data of which every example counts."""

import dataclasses
from typing import Annotated

from hornbook import UserError, endings, libraries, terminal
from hornbook.evaluation import thresholds
from hornbook.recipes import repeats
from hornbook.recipes.ranges import FEW, Range
from hornbook.tuning import asked, settings

_DESCRIPTION = """Train a recipe once a fold, each time without that fold, and score what was left out: every example is predicted once.

hornbook cross-validate tabular-classification --dataset wine --folds 5

hornbook cross-validate sequence-classification --dataset csv:steps.csv --group-column person --folds 10 --repeats 3

hornbook cross-validate tabular-classification --dataset csv:orders.csv --time-column created

Folds are stratified by class and never divide a group. With --time-column they are blocks of time, and what is tested on each is trained on
all before it, so the first block is never tested. Options that are not listed here are the recipe's; see hornbook RECIPE --help.
A test split that the source has of its own stays unused. The same command goes on with what was cut off, and --repeats may grow."""

# A cross-validation sets these itself, run by run.
_OWN = ("seeds", "evaluate", "test_fold", "output", "tensorboard", "check_only", "remedy", "save_predictions")


@dataclasses.dataclass(frozen=True)
class Args:
    folds: Annotated[int, Range(2, 10**4)] = 5
    """Parts that the examples are divided into; each is left out once."""
    repeats: Annotated[int, FEW] = 1
    """Divide them so many times, by --split-seed and those behind it; with another seed each."""
    workers: Annotated[int, FEW] | None = None
    """Folds at a time. Default: one a processor core, as far as the memory holds them."""
    threads_per_run: Annotated[int, FEW] | None = None
    """Processor cores of each. Default: an equal share. Weights depend on it."""
    retry_failed: bool = False
    """Begin folds again that failed in an earlier sitting."""
    output: str | None = None
    """Folder. Default: runs/cross-validate/TIME-RECIPE-MODEL. What was cut off in it goes on."""


def cross_validate(arguments):
    """The command `hornbook cross-validate`."""
    with endings.ending("hornbook cross-validate"):
        recipe_name, args, base, _, _ = asked.parsed(arguments, Args, "hornbook cross-validate", _DESCRIPTION)
        main(recipe_name, args, base)


def check(args, base):
    """Refuse options out of range, and those of the recipe that a cross-validation sets itself.

    Args:
        args: `Args`.
        base: the recipe's options.

    Raises:
        UserError: with the flag.
    """
    asked.check(args, base, _OWN, "the cross-validation")
    for first in (base.seed, base.split_seed):
        repeats.check_seeds(first, args.repeats, f"--repeats {args.repeats}")
    if getattr(base, "threshold", thresholds.NONE) != thresholds.NONE:
        told = "each fold would have its own, and their predictions together none"
        raise UserError(f"--threshold {base.threshold} is not for a cross-validation: {told}; leave it out")
    if base.coverage is not None:
        raise UserError(f"--coverage {base.coverage:g} is not for a cross-validation: each fold would have sets of its own; leave it out")


def main(recipe_name, args, base):
    """Cross-validate, and print what was found.

    Args:
        recipe_name: such as "image_classification".
        args: `Args`.
        base: the recipe's own `Args`.

    Returns:
        What `result.json` holds.

    Raises:
        UserError: options or a folder that cannot be used, or a fold that failed.
    """
    check(args, base)
    with asked.folder(args, base, recipe_name, "cross-validate", settings.CROSS_VALIDATION.name) as folder:
        with libraries.quiet_libraries():
            from hornbook.tuning.cross_validation import driver
        result = driver.cross_validate(recipe_name, args, base, folder)
        for name, pooled in result["metrics"].items():
            spread = result["folds"][name]
            between = "" if name not in result["intervals"] else " [{:.4f}, {:.4f}]".format(*result["intervals"][name])
            deviation = f", {spread['mean']:.4f} ± {spread['standard_deviation']:.4f} over {spread['n']} folds"
            terminal.say(f"{name.replace('_', ' ')}: {pooled:.4f}{between} of {result['examples']:,} examples{deviation}")
        terminal.say(f"report: {folder / 'report.html'}")
        return result
