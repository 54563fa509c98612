"""A search within each fold of the examples: what a search is worth on data that it has not seen (Cawley and Talbot 2010).

The score of the best of many trials is too good, and that of one test part is one draw. Here each outer fold is tested on by the best
options of a search that had the other folds alone.
"""

import dataclasses
import os

import numpy as np

from hornbook import UserError, command_line, files, records, spreadsheets, terminal
from hornbook.evaluation import intervals
from hornbook.training import runs
from hornbook.tuning import asked, driver, kept, settings, sources


def search(recipe_name, recipe, args, recipe_args, folder, given=()):
    """Search once an outer fold, and test what was found on that fold.

    Args:
        recipe_name, recipe: the recipe's name and module.
        args: `command.Args`, whose `outer` is how many folds.
        recipe_args: the recipe's options, for every trial.
        folder: of all searches; each has a folder in it, in which it goes on.
        given: names of the recipe's options that the user gave.

    Returns:
        What `result.json` holds: `metrics` {name: mean, deviation over the folds}, `folds` with each search's best values and test scores,
        `seconds`, `trials`.

    Raises:
        UserError: as `driver.search`, or the folder holds something else.
    """
    shared = command_line.to_config(recipe_name, dataclasses.replace(recipe_args, output=None))
    values = {"recipe": recipe_name, "options": shared, "folds": args.outer}
    lock, _ = settings.claim(folder, values, settings.NESTED, sources.named([vars(recipe_args)]))
    try:
        found = []
        for number in range(1, args.outer + 1):
            own = folder / f"outer-{number}"
            if not (own / "result.json").exists():
                terminal.say(f"outer fold {number} of {args.outer}")
                fold = dataclasses.replace(recipe_args, test_fold=f"{number}/{args.outer}")
                driver.search(recipe_name, recipe, args, fold, own, given)
            found.append(records.read(own / "result.json", kept.Searched))
        return _finish(args, folder, found)
    finally:
        os.close(lock)


def _finish(args, folder, found):
    names = [name for name in found[0].test.metrics if all(name in one.test.metrics for one in found)]
    scores = {name: [one.test.metrics[name].mean for one in found] for name in names}
    metrics = {name: intervals.spread(own) for name, own in scores.items() if None not in own}
    aim = found[0].objective
    own = [
        {"values": one.values, "validation": one.validation, "test": {name: scores[name][k] for name in names}}
        for k, one in enumerate(found)
    ]
    result = {
        "metrics": metrics,
        "objective": aim,
        "folds": own,
        "trials": sum(one.trials for one in found),
        "seconds": round(sum(one.seconds for one in found), 1),
        **runs.environment(),
    }
    options = list(dict.fromkeys(name for one in found for name in one.values))
    rows = [(k, one.validation, *(scores[name][k - 1] for name in names), *(one.values.get(name, "") for name in options))
            for k, one in enumerate(found, start=1)]  # fmt: skip
    spreadsheets.save(folder / "outer.csv", [("fold", f"validation_{aim}", *names, *options), *rows])
    files.write_json(folder / "result.json", result)
    for name, spread in metrics.items():
        terminal.say(
            f"{name.replace('_', ' ')}: mean {spread['mean']:.4f}, standard deviation {spread['standard_deviation']:.4f} over "
            f"{args.outer} outer folds"
        )
    if aim in metrics:
        own_best = float(np.mean([one.validation for one in found]))
        terminal.say(f"the searches' own best scores were {own_best:.4f} in the mean; see {folder / 'outer.csv'} for what each chose")
    if again := asked.own_command("tune", "outer"):
        terminal.say(f"next: a search of all examples, which finds the options to use: {again}")
    return result


def check(args, recipe_args):
    """Refuse options that do not go with outer folds.

    Raises:
        UserError: with the flag.
    """
    if not args.outer:
        return
    if args.final_seeds < 1:
        raise UserError(f"--outer {args.outer} tests what each search found, which --final-seeds 0 leaves out; pass --final-seeds 1")
    if recipe_args.test_fold is not None:
        raise UserError(f"--outer {args.outer} sets --test-fold itself, fold by fold; leave it out")
    if args.ray:
        raise UserError("--outer is for searches on this machine; leave --ray out")
