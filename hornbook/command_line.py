"""A recipe's command line: options from its dataclass, errors in one line. Needs no Keras."""

import ast
import contextlib
import dataclasses
import importlib.util
import inspect
import io
import itertools
import json
import pathlib
import re
import shlex
import sys
import textwrap
import typing

from hornbook import UserError, endings, records, terminal, user_code

_LONGEST_NAME = 200  # Letters of an option's name.
_NUMBERS = {"[INT": "whole numbers", "[FLOAT": "numbers", "INT": "a whole number", "FLOAT": "a number"}  # In tyro's words, and in others.


def parse(options, arguments, program, description):
    """An `options` dataclass from command-line arguments; `--config FILE`, a former run's, replaces the defaults.

    A file says which options a run has, never which code runs: what names a module of the user's is taken from the command line alone, or
    from a file that somebody vouches for with `--trust-code`.

    Raises:
        UserError: whatever is wrong with the arguments, in one line.
    """
    arguments = list(arguments)
    # Only what can do without arguments can have them from a file.
    config = None
    if all(field.default is not dataclasses.MISSING for field in dataclasses.fields(options)):
        config, arguments = _config_file(arguments)
    if config is None:
        return _parse(options, arguments, program, description)
    default = from_config(options, records.raw(config), config)
    words = [word for word in arguments if word != "--trust-code"]
    if len(words) == len(arguments):
        _refuse_code(default, config, given={word.partition("=")[0] for word in words})
    return _parse(options, words, program, description, default=default)


def names_code(name, value):
    """Whether the value of an option names a module that is imported, `mymodule:builder`."""
    return name == "model" and isinstance(value, str) and user_code.is_named(value)


def _refuse_code(options, config, given):
    for name, value in _values(options).items():
        if names_code(name, value) and f"--{name}" not in given:
            raise UserError(
                f"{config} names code that would run, {name} {value!r}; look at that module, then pass --trust-code with --config, "
                f"or --{name} yourself"
            )


def parse_known(options, arguments, program, description):
    """An `options` dataclass from those of the arguments that it knows, and the list of the others.

    Raises:
        UserError: as `parse`.
    """
    return _parse(options, arguments, program, description, return_unknown_args=True)


def _parse(options, arguments, program, description, default=None, return_unknown_args=False):
    import tyro

    for word in arguments:
        # tyro compares an unknown name with all that it knows, which takes time as the square of its length.
        if re.match(rf"-[^\s=]{{{_LONGEST_NAME}}}", word):
            raise UserError(f"there is no option {word.partition('=')[0]}; see {program} --help")
    printed = io.StringIO()
    told = _with_helps(options)
    kwargs = {} if default is None else {"default": told(**_values(default))}
    try:
        # tyro draws a box around its errors; what it says is wanted as one line.
        with contextlib.redirect_stderr(printed):
            found = tyro.cli(told, args=arguments, prog=program, description=description, return_unknown_args=return_unknown_args, **kwargs)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise UserError(f"{_one_line(printed.getvalue())}; see {program} --help") from None
    if return_unknown_args:
        return options(**_values(found[0])), found[1]
    return options(**_values(found))


def _values(args):
    return {field.name: getattr(args, field.name) for field in dataclasses.fields(args)}


def _with_helps(options):
    """The same dataclass, each field with its help in one line: tyro would keep some of the line ends that the source has."""
    import tyro

    hints, texts = typing.get_type_hints(options, include_extras=True), helps(options)
    fields = []
    for field in dataclasses.fields(options):
        hint = typing.Annotated[hints[field.name], tyro.conf.arg(help=texts.get(field.name, ""))]
        own = dataclasses.field() if field.default is dataclasses.MISSING else dataclasses.field(default=field.default)
        fields.append((field.name, hint, own))
    return dataclasses.make_dataclass(options.__name__, fields, frozen=True, kw_only=True)


def helps(options):
    """The help of each option of a dataclass, in one line: the string below its field, in the class or one that it inherits from."""
    texts = {}
    for base in reversed(options.__mro__[:-1]):
        with contextlib.suppress(OSError):  # An installation without sources has no helps, and runs.
            for field, text in itertools.pairwise(ast.parse(textwrap.dedent(inspect.getsource(base))).body[0].body):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    texts[field.target.id] = " ".join(text.value.value.split())
    return texts


def _config_file(arguments):
    """Take `--config FILE` or `--config=FILE` out of the arguments."""
    for place, argument in enumerate(arguments):
        if argument == "--config":
            if place + 1 == len(arguments):
                raise UserError("--config needs a file: the config.json of a former run")
            return arguments[place + 1], arguments[:place] + arguments[place + 2 :]
        if argument.startswith("--config="):
            return argument.removeprefix("--config="), arguments[:place] + arguments[place + 1 :]
    return None, arguments


def from_config(options, values, source):
    """An `options` dataclass from a run's `config.json`; where that run was kept is left out.

    Raises:
        UserError: the file names an option that there is not, or gives one a value that it does not take.
    """
    known = {field.name for field in dataclasses.fields(options)}
    if not isinstance(values, dict):
        raise UserError(f"{source} must hold an object of options, as a run's config.json does")
    unknown = sorted(values.keys() - known - {"recipe"})
    if unknown:
        raise UserError(f"{source} has an unknown option {unknown[0]!r}; accepted are {terminal.accepted(sorted(known), unknown[0])}")
    kept = {name: value for name, value in values.items() if name not in ("recipe", "output")}
    return options(**of_their_types(options, kept, source))


def of_their_types(options, values, source):
    """JSON values of options, each as what its option takes: a list is a tuple there.

    Args:
        options: the dataclass.
        values: dict by option.
        source: the file, for messages.

    Raises:
        UserError: an option does not take its value.
    """
    hints, found = typing.get_type_hints(options, include_extras=True), {}
    for name, value in values.items():
        if name not in hints:
            raise UserError(f"{source} has an unknown option {name!r}")
        try:
            found[name] = records.checked(value, hints[name], source)
        except UserError as error:
            taken = records.kind_in_words(hints[name])
            raise UserError(f"{source}: --{name.replace('_', '-')} takes {taken}, got {json.dumps(value)}") from error
    return found


def with_options(args, values):
    """Options with some replaced by `values`, each of its option's type.

    Raises:
        UserError: an option that there is not, a value that it does not take, or code that `args` do not name.
    """
    for name, value in values.items():
        if names_code(name, value) and value != getattr(args, name, None):
            raise UserError(f"the options name code that would run, {name} {value!r}; pass --{name} yourself")
    return from_config(type(args), {**to_config("", args), **values}, "the options")


def to_config(recipe, options):
    """JSON values for `config.json`: every option, and the recipe's name."""
    values = dataclasses.asdict(options)
    return {"recipe": recipe, **{name: str(value) if isinstance(value, pathlib.Path) else value for name, value in values.items()}}


def command(recipe, options, output=None):
    """The command that says the same: the options that differ from the defaults, quoted for a shell; with a folder, if one is given."""
    words = ["hornbook", recipe.replace("_", "-")]
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value != field.default and field.name != "output":
            words += _words(field.name, value)
    return shlex.join(words if output is None else [*words, *_words("output", str(output))])


def flags(values):
    """Options, a dict, as words of a command line."""
    return [word for name, value in values.items() for word in _words(name, value)]


def _words(name, value):
    """An option as it is written on a command line."""
    name = name.replace("_", "-")
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    if isinstance(value, list | tuple):
        return [f"--{name}", *map(str, value)]
    # What begins with a dash would be taken for an option.
    return [f"--{name}={value}"] if str(value).startswith("-") else [f"--{name}", str(value)]


def refuse_no_text(options):
    """Refuse what is no text, bytes of a command line or a NUL of a file: the run's files, which hold every option, are UTF-8.

    Raises:
        UserError: with the flag.
    """
    for name, value in _values(options).items():
        for text in value if isinstance(value, tuple) else (value,):
            try:
                str(text).encode()
            except UnicodeEncodeError:
                raise UserError(f"--{name.replace('_', '-')} {text!r} is not UTF-8; rename what it names, or pass a link to it") from None
            if "\0" in str(text):
                raise UserError(f"--{name.replace('_', '-')} {text!r} has a NUL in it, which no path and no name has; remove it")


def require_tensorboard():
    """Refuse `--tensorboard` where the package is not installed.

    Raises:
        UserError: with how to install it.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs the package tensorboard, which is not installed: pip install tensorboard")


def run(main, options, arguments=None, *, recipe):
    """Run a recipe's `main` on command-line arguments, which default to the process's own; ends as `endings.ending` says."""
    program = f"hornbook {recipe.replace('_', '-')}"
    about = (sys.modules[options.__module__].__doc__ or "").strip()
    about = about.replace("\nhornbook ", "\n\nhornbook ")  # Of lines that follow each other, tyro makes one.
    description = (
        f"{about}\n\n--config FILE takes the options from a former run's config.json; flags win over it. Where it names a builder "
        "of your own, --trust-code with it says that this code may run."
    )
    with endings.ending(program):
        main(parse(options, sys.argv[1:] if arguments is None else arguments, program, description))


def script(main, options, *, recipe, file):
    """Run a recipe's `main` as all that a script does, as `hornbook RECIPE` does; `file` is the script."""

    def command():
        warn_if_another_copy(file)
        run(main, options, recipe=recipe)

    endings.process(f"hornbook {recipe.replace('_', '-')}", command)


def warn_if_another_copy(script):
    """Say so when a script of a source tree runs with another, installed copy of Hornbook: its edits would have no effect."""
    installed = pathlib.Path(__file__).resolve().parent
    tree = pathlib.Path(script).resolve().parents[1]
    # A recipe that somebody copied to a place of their own is meant to run with the installed parts.
    if installed.parent != tree and (tree / "hornbook" / "command_line.py").exists():
        terminal.complain(f"note: {script} runs with the copy of Hornbook installed in {installed}, not with {tree}")


@contextlib.contextmanager
def enough_memory(flags):
    """Say in one line that a batch of such inputs through such a model takes more memory than there is, and which `flags` need less."""
    try:
        yield
    except Exception as error:
        # Of NumPy, TensorFlow, PyTorch and JAX; the classes of the backends that are not used must not be imported.
        first = error
        while first.__cause__ is not None:
            first = first.__cause__
        kinds = {kind.__name__ for kind in type(first).__mro__} & {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
        if not kinds and "RESOURCE_EXHAUSTED" not in str(first):
            raise
        wanted = re.search(r"(?:shape ?[\[(][\d, ]+[\])]|[\d.]+ [KMGT]i?B)", str(first))
        array = f" for an array of {wanted[0]}" if wanted else ""
        raise UserError(f"there is not enough memory{array}; pass a smaller {flags}") from error


def _one_line(text):
    """The text in one line; of one of tyro's boxes, what went wrong without its frame, title and help."""
    # Where the terminal has no such characters, the box is drawn with hyphens.
    text = " ".join(re.sub(r"[─-╿]+|-{9,}", " ", text).split())
    titles = "Value error|Unrecognized options|Required options|Invalid choice|Missing required arguments|Missing argument"
    text = re.sub(rf"^({titles}) (?=\S)", "", text)
    unknown = re.match(r"Unrecognized options: (-[^\s,]*)(?:.*? Perhaps you meant: (.*))?", text)
    if unknown:
        # Each suggestion comes with its whole help.
        near = list(dict.fromkeys(re.findall(r"(--[\w-]+)(?= [{A-Z])", unknown[2] or "")))[:2]
        return f"there is no option {unknown[1]}" + (f", did you mean {' or '.join(near)}?" if near else "")
    text = re.sub(r"\s*(Argument helptext:|For full helptext,).*$", "", text)
    text = re.sub(r"Error parsing (--[\w-]+): invalid literal for int\(\) with base 10: (.*)", r"\1 takes a whole number, got \2", text)
    text = re.sub(
        r"Error parsing (--[\w-]+): Exceeds the limit .* value has (\d+) digits.*", r"\1 takes a whole number, got \2 digits", text
    )
    text = re.sub(r"Error parsing (--[\w-]+): no type matching (.*?) could be instantiated from \[(.*?)\].*", _of_several_kinds, text)
    text = re.sub(r"Error parsing (--[\w-]+): could not convert string to float: (.*)", r"\1 takes a number, got \2", text)
    text = re.sub(r"(invalid choice .* for argument .*)\. Expected one of \((.*)\)", _few_choices, text)
    text = text.replace(", 'None')", ")").replace("'None', ", "")  # What leaves an option at its default.
    return text.replace("Expected 1 values", "Expected one").removesuffix(".")


def _of_several_kinds(found):
    """What an option takes that takes one of several kinds, such as a number or auto, and what it was given."""
    flag, kinds, given = found.groups()
    number = next((words for kind, words in _NUMBERS.items() if kind in kinds), None)
    named = [word for group in re.findall(r"{(.*?)}", kinds) for word in group.split(",") if word != "None"]
    words = f" or {', '.join(named)}" if named else ""
    return f"{flag} takes {number}{words}, got {given}" if number else found[0]


def _few_choices(found):
    """An invalid choice in words, with those that there are, in an order that stays, or the nearest of many."""
    given = re.match(r"invalid choice '(.*?)'", found[1])
    choices = sorted(set(re.findall(r"'(.*?)'", found[2])) - {"None"})
    return f"{found[1]}; accepted are {terminal.accepted(choices, given[1] if given else '')}"
