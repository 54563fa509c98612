"""JSON files of a run, each read and written by one description: a stranger's file may hold what Hornbook writes, no more.

A description is a type: a `msgspec.Struct` or a dataclass whose annotations name kinds, ranges and lengths, or a plain
`dict[str, float]`. It stands beside the code that writes the file. Whatever else a file holds (broken JSON, `NaN`, a list a million deep, a
text for a number) is one line that names the file and the place in it.
"""

import codecs
import json
import re
from typing import Annotated, Literal

import msgspec

from hornbook import UserError, files, memory

# Layers that load code or a model of another library, whatever their file says of it.
LAYERS_OF_CODE = ("Lambda", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer", "__lambda__", "__typespec__")
LARGEST = 2**28  # Bytes of a JSON file; a tokenizer's vocabulary of millions takes tens of millions.
_BYTES_A_PLACE = 64  # Of the memory, of each list, object or value: "[]," becomes twenty times as much.

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Size = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Float32 = Annotated[float, msgspec.Meta(ge=-3.4e38, le=3.4e38)]  # What a network can be given.
Score = float | None  # JSON has no word for numbers that are not finite, which are written as null.
# What an option of a recipe can be; its own type is the recipe's to check.
Option = None | bool | int | float | str | list[str | int | float]


def read(path, kind):
    """What a JSON file holds, as an object of a kind.

    Args:
        path: of the file.
        kind: the type that describes it; keys that it does not know are left out.

    Raises:
        UserError: the file cannot be read, is no JSON, or holds something else.
    """
    return checked(raw(path), kind, path)


def values(path, kind):
    """What a JSON file holds, as JSON values with the keys that `kind` does not know, too; raises as `read`."""
    found = raw(path)
    checked(found, kind, path)
    return found


def raw(path):
    """What a JSON file holds, unchecked; raises as `read`."""
    content = files.content(path, "a JSON file as Hornbook writes it", LARGEST)
    if len(content) > LARGEST:
        raise UserError(f"{path} is larger than {LARGEST:,} bytes, which no file of a run is")
    return parsed(content.removeprefix(codecs.BOM_UTF8), path)


def parsed(content, said_of):
    """What JSON, bytes or text, holds.

    Args:
        content: the JSON.
        said_of: what the message names, such as the file's path.

    Raises:
        UserError: it is none, or takes more memory than there is.
    """
    size = _BYTES_A_PLACE * sum(map(content.count, ("[", "{", ",") if isinstance(content, str) else (b"[", b"{", b",")))
    memory.require(size, said_of, "see whether it is what Hornbook wrote")
    try:
        found = msgspec.json.decode(content)
        json.loads(content, object_pairs_hook=once)
        return found
    except UserError as error:
        raise UserError(f"{said_of} is not JSON that Hornbook wrote: {error}") from None
    except RecursionError:
        raise UserError(f"{said_of} is not JSON that Hornbook wrote: it is nested too deep") from None
    except (ValueError, MemoryError) as error:  # msgspec's own errors and those of UTF-8 are ValueErrors.
        raise UserError(f"{said_of} is not JSON: {error}") from error


def once(pairs):
    """A JSON object of these keys and values, a dict; for `json.loads`, which would take the last value of a key that occurs twice.

    Raises:
        UserError: one does: readers differ in which value they take.
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise UserError(f"it has {twice!r} twice in one place")
    return found


def checked(found, kind, said_of):
    """JSON values as an object of a kind.

    Args:
        found: JSON values.
        kind: the type that describes them.
        said_of: what the message names, such as the file's path.

    Raises:
        UserError: they are something else.
    """
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise UserError(f"{said_of} is not as Hornbook writes it: {_in_words(str(error))}") from error
    except RecursionError:
        raise UserError(f"{said_of} is not as Hornbook writes it: it is nested too deep") from None


def write(path, kind, found):
    """Write JSON that `read` will accept.

    Args:
        path: of the file.
        kind: the type that describes it.
        found: JSON values; numbers that are not finite become null.

    Raises:
        TypeError: they are not of that kind, which is a mistake of the caller.
    """
    found = json.loads(json.dumps(files.finite(found)))  # A tuple is a list in a file, NumPy's float a number.
    try:
        msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise TypeError(f"{path}: {error}") from error
    files.write_json(path, found)


def plain(found):
    """An object that `read` returned, as JSON values: what the file had of what its kind knows, and defaults."""
    return msgspec.to_builtins(found)


def _in_words(said):
    """What msgspec says, its place first: "class_names[3]: expected str, got null"."""
    said, _, place = said.partition(" - at ")
    said = re.sub(r"`object`", "an object", re.sub(r"`array`", "a list", said)).replace("`", "")
    place = re.sub(r"^\$\.?", "", place.replace("`", "")).replace("[...]", "[any]")
    said = said[:1].lower() + said[1:]
    return f"{place}: {said}" if place else said


def kind_in_words(kind):
    """The values that an option of a type takes, for a message: "a whole number or auto"."""
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", type(None): "null"}
    if kind in names:
        return names[kind]
    origin, parts = getattr(kind, "__origin__", None), getattr(kind, "__args__", ())
    if origin is Annotated or hasattr(kind, "__metadata__"):
        return kind_in_words(kind.__origin__)
    if origin is Literal:
        return " or ".join(map(str, parts))
    if origin is tuple:
        return f"a list of which each is {kind_in_words(parts[0])}"
    return " or ".join(kind_in_words(part) for part in parts) or str(kind)


def classes_named(described):
    """Every object in Keras' description of a model that names a class; a loop, since it may be nested as deep as somebody likes."""
    waiting = [described]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "class_name" in one:
                yield one
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
