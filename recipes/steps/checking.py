"""`hornbook check RECIPE`: a look at data and network before the training, in seconds. Nothing is trained for good, nothing written."""

import dataclasses
import importlib
import sys

from hornbook import command_line, endings, files, recipes, terminal
from hornbook.training import runs

_DESCRIPTION = """Look at a recipe's data and network before training, and say what is wrong and which flag mends it.

hornbook check image-classification --dataset folder:photos --learning-rate 0.3

It builds the network, looks at inputs, labels and initial weights, trains on one batch of 32 examples until it should know it by heart, and
forgets all that. The exit code is 1 where it finds an error. The options are the recipe's; see hornbook RECIPE --help."""


class Checked(Exception):
    """Ends a recipe before its training, with what a check has found: `findings`, a list of `diagnosis.Finding`."""

    def __init__(self, findings):
        super().__init__("checked, not trained")
        self.findings = findings


def check(arguments):
    """The command `hornbook check`; ends the process with 1 where there is a finding of severity "error"."""
    with endings.ending("hornbook check"):
        if arguments[:1] in (["--help"], ["-h"]):
            terminal.say(*_DESCRIPTION.split("\n"))
            return
        name, rest = recipes.named(arguments, "hornbook check")
        recipe = importlib.import_module(f"hornbook.recipes.{name.replace('-', '_')}")
        args = command_line.parse(recipe.Args, rest, f"hornbook check {name}", recipe.__doc__)
        result = recipe.main(dataclasses.replace(args, check_only=True))
    if any(finding["severity"] == "error" for finding in result["findings"]):
        sys.exit(1)


def checked(once, args):
    """Run a recipe to the beginning of its training, check it, and print what was found.

    Args:
        once: function `(args, folder) -> result`, which raises `Checked`.
        args: the recipe's options.

    Returns:
        {"findings": the findings, JSON values}.
    """
    findings = []
    with files.scratch_folder() as scratch:
        try:
            once(dataclasses.replace(args, floor=False, tensorboard=False, output=None), scratch / "run")
        except Checked as stopped:
            findings = [finding.to_json() for finding in stopped.findings]
    for finding in findings:
        terminal.say(runs.in_words(finding))
    if not findings:
        terminal.say("nothing stands out: one batch is learned, gradients reach every layer, inputs and labels are as they should be")
    return {"findings": findings}
