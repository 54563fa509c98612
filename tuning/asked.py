"""Command lines that are in part a search's or a comparison's, and in part the recipe's."""

import contextlib
import dataclasses
import difflib
import importlib
import shlex
import sys

from hornbook import UserError, command_line, endings, recipes
from hornbook.recipes import ranges
from hornbook.training import folders


def parsed(arguments, options, command, description):
    """What a command such as `hornbook tune RECIPE ...` asks for.

    Args:
        arguments: words behind the command.
        options: dataclass of the command's own options.
        command: such as "hornbook tune".
        description: of the command, for `--help`.

    Returns:
        The recipe's name such as "image_classification", the command's options, the recipe's, names of the recipe's that were given, and a
        function from further words to the recipe's options.

    Raises:
        UserError: in one line, whatever is wrong with the words.
    """
    if arguments[:1] in (["--help"], ["-h"]):
        command_line.parse(options, ["--help"], f"{command} RECIPE", description)
    name, rest = recipes.named(arguments, command)
    recipe_name = name.replace("-", "_")
    program = f"{command} {recipe_name.replace('_', '-')}"
    args, others = command_line.parse_known(options, _together(rest, "--vary"), program, description)
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    given = _given(others, (options, recipe.Args), program)

    def parse(words=()):
        _given(words, (options, recipe.Args), program)
        return command_line.parse(recipe.Args, [*others, *words], program, "")

    return recipe_name, args, parse(), given, parse


def _together(words, flag):
    """The words with all values of a flag behind its first, where it is given several times."""
    found, values, taking = [], [], False
    for word in words:
        name, equals, value = word.partition("=")
        if name == flag:
            values += [value] if equals else []
            taking = not equals
        elif taking and not word.startswith("--"):
            values.append(word)
        else:
            taking = False
            found.append(word)
    return [*found, flag, *values] if values else [*found, *([flag] if taking else [])]


def _given(words, options, program):
    """Names of the options that are among the words of a command line.

    Raises:
        UserError: none of the dataclasses `options` has one of them.
    """
    names = [field.name for one in options for field in dataclasses.fields(one)]
    found = {word.removeprefix("--").partition("=")[0].replace("-", "_") for word in words if word.startswith("--")}
    for name in sorted(found - {"config", "trust_code", "help"}):
        if name not in names and name.removeprefix("no_") not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f", did you mean --{near[0].replace('_', '-')}?" if near else ""
            raise UserError(f"there is no option --{name.replace('_', '-')}{hint}; see {program} --help")
    return found


def check(args, base, own, called):
    """Refuse options out of range, and those of the recipe that the command sets itself.

    Args:
        args: the command's options.
        base: the recipe's.
        own: names of the recipe's options that the command sets, run by run.
        called: what a message calls the command, such as "the search".

    Raises:
        UserError: with the flag.
    """
    command_line.refuse_no_text(args)
    ranges.check_numbers(args)
    plain = type(base)()
    for name in own:
        if getattr(base, name) != getattr(plain, name):
            raise UserError(f"{called} sets --{name.replace('_', '-')} itself, run by run; leave it out")


@contextlib.contextmanager
def folder(args, base, recipe_name, command, begins_with):
    """The folder of a command's results, while it is at work there; an interruption says how to go on.

    Args:
        args: the command's options, with `output`.
        base: the recipe's options, which are checked.
        recipe_name: such as "image_classification".
        command: such as "tune".
        begins_with: name of the file that what is unfinished begins with.

    Raises:
        UserError: options of the recipe that do not go together, or a folder that cannot be used.
    """
    importlib.import_module(f"hornbook.recipes.{recipe_name}").check(base)
    stem = "" if base.model == "auto" else f"-{base.model.rpartition(':')[2]}"
    with (
        folders.output(args.output, command, recipe_name + stem) as found,
        endings.goes_on(lambda: _how_to_go_on(found, command, begins_with)),
    ):
        yield found


def _how_to_go_on(folder, command, begins_with):
    """What an interrupted command has left, for the line that says so."""
    if not (folder / begins_with).exists():
        return "; nothing is kept of it"
    return f"; to go on: {again(command, sys.argv[2:], folder)}"


def again(command, words, folder=None):
    """The command line of these words, with another folder or none."""
    return shlex.join(["hornbook", command, *without(words, "output"), *([] if folder is None else ["--output", str(folder)])])


def own_command(command, leave_out=None):
    """The command line of this process, without its folder and perhaps an option more; None if it is not one of `hornbook COMMAND`."""
    return again(command, without(sys.argv[2:], leave_out)) if sys.argv[1:2] == [command] else None


def without(words, option):
    """The words of a command line without an option and its value, such as "output", a folder that is taken by now."""
    before = ["", *words]
    return [word for word, last in zip(words, before, strict=False) if last != f"--{option}" and word.partition("=")[0] != f"--{option}"]
