"""A recipe's command line: options from its dataclass, errors in one line, and no chatter of the libraries. Needs no Keras."""

import ast
import contextlib
import dataclasses
import importlib.util
import inspect
import io
import itertools
import json
import logging
import os
import pathlib
import re
import shlex
import sys
import tempfile
import textwrap
import typing

from hornbook import UserError, records


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
    return name == "model" and isinstance(value, str) and ":" in value


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
        raise UserError(f"{source} has an unknown option {unknown[0]!r}; accepted are {', '.join(sorted(known))}")
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


def command(recipe, options):
    """The command that says the same: the options that differ from the defaults, quoted for a shell."""
    words = ["hornbook", recipe.replace("_", "-")]
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value != field.default and field.name != "output":
            words += _words(field.name, value)
    return shlex.join(words)


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


def require_tensorboard():
    """Refuse `--tensorboard` where the package is not installed.

    Raises:
        UserError: with how to install it.
    """
    if importlib.util.find_spec("tensorboard") is None:
        raise UserError("--tensorboard needs the package tensorboard, which is not installed: pip install tensorboard")


def run(main, options, arguments=None, *, recipe):
    """Run a recipe's `main` on command-line arguments, and end the process: 0, 2 for a `UserError`, 130 for Ctrl-C."""
    program = f"hornbook {recipe.replace('_', '-')}"
    about = (sys.modules[options.__module__].__doc__ or "").strip()
    about = about.replace("\nhornbook ", "\n\nhornbook ")  # Of lines that follow each other, tyro makes one.
    description = (
        f"{about}\n\n--config FILE takes the options from a former run's config.json; flags win over it. Where it names a builder "
    )
    description += "of your own, --trust-code with it says that this code may run."
    # A log file shows each line when it is said, and a name that its encoding lacks does not end the run.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    with ending(program, "; after a first whole epoch, the same command with the run's folder as --output goes on"):
        main(parse(options, sys.argv[1:] if arguments is None else arguments, program, description))


@contextlib.contextmanager
def ending(program, interrupted=""):
    """Turn a `UserError` of the block into one line and exit code 2, and Ctrl-C into exit code 130.

    Args:
        program: what the line begins with.
        interrupted: what an interrupted command leaves to go on with, if anything.
    """
    try:
        yield
    except UserError as error:
        print(f"{program}: {_one_line(str(error))}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{program}: interrupted{interrupted}", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # The reader of our output has left (`| head`): nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def warn_if_another_copy(script):
    """Say so when a script of a source tree runs with another, installed copy of Hornbook: its edits would have no effect."""
    installed = pathlib.Path(__file__).resolve().parent
    tree = pathlib.Path(script).resolve().parents[1]
    # A recipe that somebody copied to a place of their own is meant to run with the installed parts.
    if installed.parent != tree and (tree / "hornbook" / "command_line.py").exists():
        print(f"note: {script} runs with the copy of Hornbook installed in {installed}, not with {tree}", file=sys.stderr)


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


def _check_backend():
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    if backend not in ("tensorflow", "jax", "torch"):
        raise UserError(f"KERAS_BACKEND must be tensorflow, jax or torch, got {backend!r}")
    if backend not in sys.modules and importlib.util.find_spec(backend) is None:
        raise UserError(f"KERAS_BACKEND is {backend}, which is not installed: pip install {backend}, or unset it")


@contextlib.contextmanager
def quiet_libraries():
    """Import TensorFlow at the end of a block without what its C++ code says, as `hold_back` does.

    Raises:
        UserError: `KERAS_BACKEND` names none of Keras' backends, or one that is not installed.
    """
    _check_backend()
    if "keras" in sys.modules or _may_chatter():
        yield
        return
    with hold_back():
        yield
        _import_tensorflow()


@contextlib.contextmanager
def hold_back():
    """Hide what TensorFlow's C++ code says on standard error, in the block and later, and show what it said if the block fails.

    Nothing is hidden where the user asked for its messages (`TF_CPP_MIN_LOG_LEVEL` of 0 or 1), nor where the machine has an NVIDIA driver,
    whose troubles are news.
    """
    if _may_chatter():
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"  # Later, too: what fails raises an exception that says why.
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _may_chatter():
    return os.environ.get("TF_CPP_MIN_LOG_LEVEL") in ("0", "1") or os.path.exists("/proc/driver/nvidia")


def _import_tensorflow():
    """Import TensorFlow, as Keras itself will on any backend, and have it look for accelerators, which it remarks on when it finds none."""
    with contextlib.suppress(ModuleNotFoundError):
        import tensorflow

        tensorflow.config.list_physical_devices()
        # Buckets of texts and series have a shape each, and each shape is traced once: no trouble to tell of.
        logging.getLogger("tensorflow").addFilter(lambda record: "tf.function retracing" not in record.getMessage())


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
    open_to_data = r"Error parsing (--[\w-]+): no type matching {}\|\{{auto\}} could be instantiated from \[(.*?)\].*"
    text = re.sub(open_to_data.format("INT"), r"\1 takes a whole number or auto, got \2", text)
    text = re.sub(open_to_data.format("FLOAT"), r"\1 takes a number or auto, got \2", text)
    text = re.sub(r"Error parsing (--[\w-]+): could not convert string to float: (.*)", r"\1 takes a number, got \2", text)
    text = text.replace(", 'None')", ")").replace("'None', ", "")  # What leaves an option at its default.
    return text.replace("Expected 1 values", "Expected one").removesuffix(".")
