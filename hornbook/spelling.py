"""The two names of an option: the flag of a command line, `--image-size`, and the argument of a function in Python, `image_size`.

Messages are written with flags. Where a program of the user's has called the function that they come from, they speak of its arguments.
"""

import contextlib
import contextvars
import dataclasses
import functools
import inspect
import re

from hornbook import UserError

_flags = contextvars.ContextVar("flags", default=False)
# A whole command, which is one in Python, too; or a flag.
_SPELT = re.compile(r"(hornbook [a-z]+(?:-[a-z]+)*(?: --[a-z-]+(?:[ =][^\s;,-][^\s;,]*)?)*)|(?<![\w-])--(no-)?([a-z]+(?:-[a-z]+)*)")
_OF_RECIPES = re.compile(r"(,? or pass| and)? --evaluate \w+( or none)?")  # What no function that loads data has.


@contextlib.contextmanager
def as_flags():
    """Tell options by their flags within the block: what is called there was asked for by a command line, or by a recipe's `Args`."""
    token = _flags.set(True)
    try:
        yield
    finally:
        _flags.reset(token)


def as_arguments(*groups, **others):
    """A decorator of a function that programs call: a `UserError` of it speaks of its arguments, but within `as_flags`.

    Args:
        *groups: dataclasses of further options, which the function takes as one or by keyword.
        **others: names of arguments by that of the flag, with underscores, where the two differ.
    """

    def decorate(function):
        names = set(inspect.signature(function).parameters)
        names |= {field.name for group in groups for field in dataclasses.fields(group)}
        known = {**{name: name for name in names}, **others}

        @functools.wraps(function)
        def told(*args, **kwargs):
            if _flags.get():
                return function(*args, **kwargs)
            try:
                with as_flags():  # Of what it calls the words are changed once, here.
                    return function(*args, **kwargs)
            except UserError as error:
                error.args = (in_python(str(error), known), *error.args[1:])
                raise

        return told

    return decorate


def in_python(text, names):
    """A message with the names of arguments in place of flags.

    Args:
        text: the message.
        names: dict of flags, with underscores, to arguments. Other flags stay as they are.
    """

    def argument(found):
        name = (found[3] or "").replace("-", "_")
        if found[1] or name not in names:
            return found[0]
        return f"{names[name]}=False" if found[2] else names[name]

    return _SPELT.sub(argument, _OF_RECIPES.sub("", text))
