"""The command line: `hornbook RECIPE`, and what is done with a run afterwards. Imports nothing heavy until it is known what for."""

import functools
import importlib
import sys

import hornbook
from hornbook import UserError, endings, terminal

SEARCHES = {
    "compare": "Train a recipe with an option on and off, with the same seeds: hornbook compare RECIPE; what is more than luck.",
    "cross-validate": "Train a recipe once a fold, and score every example by a network that was not trained on it.",
    "tune": "Search a recipe's options: hornbook tune RECIPE; trials in parallel, nothing lost, a report of what mattered.",
}
SEARCH_FILES = {
    "compare": "hornbook.tuning.comparison.command",
    "cross-validate": "hornbook.tuning.cross_validation.command",
    "tune": "hornbook.tuning.command",
}
CHECKS = {
    "check": "Look at a recipe's data and network before training: hornbook check RECIPE with the recipe's options; seconds.",
}
COMMANDS = {
    "predict": "Predict images, texts, series or rows of tables with a finished run's model.",
    "evaluate": "Score a finished run's model on a dataset.",
    "attack": "Change inputs a little, on purpose, until a finished run's classifier errs: the accuracy that is left.",
    "explain": "Show what a finished run's answers rest on, place by place, and whether the explanation says anything.",
    "export": "Write a run as one folder that takes raw inputs and needs nothing of Hornbook's: Keras, SavedModel, ONNX, LiteRT.",
    "shrink": "Make a run smaller or faster: fewer channels, fewer bits; candidates, and which of them to take.",
    "ensemble": "Average finished runs of one recipe, all or those that help, and save the average as a run.",
    "serve": "Answer HTTP requests with a finished run's model: a JSON API, and a page to drop a file on.",
    "labels": "Find the labels that are most probably wrong, to look at and to correct.",
    "runs": "List the finished runs below a folder: what differs among them, and their scores.",
}
COMMAND_FILES = {
    "predict": "inference.predict.command",
    "evaluate": "inference.evaluate",
    "attack": "inference.attack.command",
    "explain": "inference.explain.command",
    "export": "inference.export.command",
    "shrink": "tuning.shrinking.command",
    "ensemble": "inference.ensemble",
    "serve": "inference.serve.command",
    "labels": "tuning.cross_validation.labels",
    "runs": "inference.runs_table",
}


def usage():
    """The text of `hornbook --help`."""
    from hornbook.recipes import RECIPES

    rows = {**RECIPES, **CHECKS, **SEARCHES, **COMMANDS}
    width = max(map(len, rows)) + 2
    lines = [f"Hornbook {hornbook.__version__}: deep networks that train and generalise, on Keras 3.", "", "Recipes:"]
    lines += [f"  {name:{width}}{text}" for name, text in RECIPES.items()]
    lines += ["", "Before a training:"]
    lines += [f"  {name:{width}}{text}" for name, text in CHECKS.items()]
    lines += ["", "Searches:"]
    lines += [f"  {name:{width}}{text}" for name, text in SEARCHES.items()]
    lines += ["", "With finished runs:"]
    lines += [f"  {name:{width}}{text}" for name, text in COMMANDS.items()]
    return "\n".join([*lines, "", "hornbook NAME --help lists the options of each."])


def main(arguments=None):
    """Be the process of the command line, from its signals to its exit code; `arguments` default to the process's own."""
    endings.process("hornbook", functools.partial(run, sys.argv[1:] if arguments is None else arguments))


def run(arguments):
    """Run a command line, a list of words."""
    from hornbook.recipes import RECIPES

    name, *rest = arguments or ["--help"]
    if name in ("--help", "-h", "help"):
        terminal.say(*usage().split("\n"))
    elif name in ("--version", "-V"):
        terminal.say(hornbook.__version__)
    elif name in RECIPES:
        recipe = importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}")
        recipe.command_line.run(recipe.main, recipe.Args, rest, recipe=name.replace("-", "_"))
    elif name in CHECKS:
        importlib.import_module("hornbook.recipes.steps.checking").check(rest)
    elif name in SEARCHES:
        getattr(importlib.import_module(SEARCH_FILES[name]), name.replace("-", "_"))(rest)
    elif name in COMMANDS:
        getattr(importlib.import_module(f"hornbook.{COMMAND_FILES[name]}"), name)(rest)
    else:
        import difflib

        known = [*RECIPES, *CHECKS, *SEARCHES, *COMMANDS]
        close = difflib.get_close_matches(name[:100], known, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise UserError(f"no command {name!r}; {hint}there are {', '.join(known)}")


if __name__ == "__main__":
    main()
