"""Command lines that are in part a search's or a comparison's, and in part the recipe's."""

import dataclasses
import difflib
import importlib

from hornbook import UserError, command_line, recipes


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
