"""Code of the user's own, named on the command line as `mymodule:function`: found, called, and its errors told with their file and line."""

import contextlib
import functools
import importlib.util
import os
import re
import sys
import traceback

from hornbook import UserError

_NETWORKS = ("keras:", "hub:")  # Before the name of a network of a library, which is no code of the user's.


def is_named(given):
    """Whether a name is that of code of the user's own, `mymodule:function`."""
    return ":" in given and not given.startswith(_NETWORKS)


def check_spelling(given, flag):
    """The module and the function that `mymodule:function` names, two texts; neither is looked for.

    Raises:
        UserError: one of them is empty.
    """
    module, _, name = given.partition(":")
    if not module or not name:
        raise UserError(f"{flag} {given}: what is your own is named as mymodule:function")
    return module, name


def load(given, flag):
    """The function that `mymodule:function` names, found from the current folder or installed; its errors are told as `errors` does.

    Args:
        given: what was given, with its colon.
        flag: by which, such as "--model".

    Raises:
        UserError: there is no such module or function, or the module cannot be imported.
    """
    module, name = check_spelling(given, flag)
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # As `python -m` does, and a console script does not.
    try:
        with errors(given, flag):
            found = getattr(importlib.import_module(module), name, None)
    except UserError:  # It is a ValueError.
        raise
    except ModuleNotFoundError as error:
        raise UserError(f"{flag} {given}: there is no module {error.name!r} in {os.getcwd()} or installed") from error
    except (ImportError, TypeError, ValueError) as error:  # Not of the module: of a name that cannot be one's, or a folder without code.
        raise UserError(f"{flag} {given}: {module!r} cannot be imported: {_reason(error)}") from error
    if not callable(found):
        what = "has no" if found is None else "has no function"
        raise UserError(f"{flag} {given}: module {module!r} {what} {name!r}")

    @functools.wraps(found)
    def told(*args, **kwargs):
        with errors(given, flag):
            return found(*args, **kwargs)

    return told


@contextlib.contextmanager
def errors(given, flag):
    """Tell an error of the block that comes from the user's module, or what lies beside it, in one line with its file and line.

    Args:
        given, flag: as of `load`. Of what has no colon, which is Hornbook's, no error is told so.

    Raises:
        UserError: the error of the user's code.
    """
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        place = _place(error, given.partition(":")[0]) if is_named(given) else None
        if place is None:
            raise
        raise UserError(f"{flag} {given}: {_reason(error)} ({place[0]}, line {place[1]})") from error


def _reason(error):
    """An error's kind and the line of its message that says why."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    if lines and lines[0] == "in user code:":  # TensorFlow's, of a function that it has rewritten: the error itself comes last.
        return next((line for line in reversed(lines) if re.match(r"\w+: ", line)), lines[-1])
    if len(lines) > 1 and lines[0].startswith("Exception encountered when calling"):  # Keras', before what went wrong.
        lines = lines[1:]
    return ": ".join([type(error).__name__, *lines[:1]])


def _place(error, module):
    """The file of the user's and the line in which an error arose: the innermost of its module's folder; None if there is none."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno
    found = getattr(sys.modules.get(module), "__file__", None) or _file(module)
    if found is None:
        return None
    home = os.path.dirname(os.path.abspath(found))
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    places += re.findall(r'File "([^"\n]+)", line (\d+)', str(error))
    own = [(file, line) for file, line in places if os.path.dirname(os.path.abspath(file)) == home]
    return own[-1] if own else None


def _file(module):
    """The file of a module that could not be imported, whose folder is the current one or among those of installed packages."""
    with contextlib.suppress(Exception):
        spec = importlib.util.find_spec(module)
        return spec and spec.origin
    return None
