"""What a request sends, as inputs of the model: a JSON list, or a file as it is."""

import base64
import binascii
import contextlib
import csv
import dataclasses
import itertools
import re

import msgspec
import numpy as np

from hornbook import UserError
from hornbook.data.inputs import whole
from hornbook.inference.serve.guards import Refused

# The suffix by which the readers of a medium know a file, by the type that a request names.
_SUFFIXES = {
    "images": {"image/jpeg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/bmp": ".bmp", "image/webp": ".webp",
               "image/tiff": ".tiff", "image/x-portable-pixmap": ".ppm", "application/x-npy": ".npy"},
    "texts": {"text/plain": ".txt", "text/csv": ".csv", "text/tab-separated-values": ".tsv"},
    "series": {"audio/wav": ".wav", "audio/x-wav": ".wav", "audio/wave": ".wav", "audio/vnd.wave": ".wav", "text/csv": ".csv",
               "text/tab-separated-values": ".tsv", "application/x-npy": ".npy"},
    "tables": {"text/csv": ".csv", "text/tab-separated-values": ".tsv", "application/x-npy": ".npy"},
}  # fmt: skip
_TAKES = {
    "images": "nested lists of pixels (height, width, channels), or the file of an image in Base64",
    "texts": "texts",
    "series": "nested lists of numbers (steps, features)",
    "tables": "objects of column names to values",
}
_UPLOAD = "the request"
_numbers = itertools.count()  # Of files, several threads write at once.


class Body(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON body of a request."""

    inputs: list


def accepted(medium):
    """The types of a body that a medium takes, a list."""
    return ["application/json", *_SUFFIXES[medium]]


def is_plain(kind, medium):
    """Whether a body of a type takes no longer to read than it is long: arrays, and JSON of whatever is no packed image."""
    kind = kind.partition(";")[0].strip().lower()
    return kind == "application/x-npy" or (kind == "application/json" and medium in ("texts", "series"))


def schema(medium):
    """What an input in JSON is, as JSON Schema has it."""
    numbers = {"type": "array", "items": {"type": "array"}}
    one = {
        "images": {"oneOf": [{**numbers, "description": "(height, width, channels)"}, {"type": "string", "format": "byte"}]},
        "texts": {"type": "string"},
        "series": {**numbers, "description": "(steps, features)"},
        "tables": {"type": "object"},
    }[medium]
    items = {**one, "description": _TAKES[medium]}
    return {"type": "object", "required": ["inputs"], "properties": {"inputs": {"type": "array", "items": items}}}


def read(content, kind, trained, medium, most, folder):
    """Pairs of a name and an input of what a request sends.

    Args:
        content: the body's bytes.
        kind: its `Content-Type`.
        trained, medium: of the run, as of `open_run`.
        most: inputs.
        folder: `pathlib.Path` of a folder that is the server's own, where a body is kept for the moment that its reader takes.

    Raises:
        Refused: with what is accepted.
    """
    name = trained.about["medium"]
    kind = kind.partition(";")[0].strip().lower()
    if kind not in accepted(name):
        given = f"got {kind!r}" if kind else "there is none"
        raise Refused(415, f"Content-Type must be one of {', '.join(accepted(name))}; {given}")
    if not content:
        raise Refused(400, "the request has no body")
    # Numbers beyond float32 become infinite, which is refused.
    with np.errstate(over="ignore"):
        try:
            if kind == "application/json":
                found = _of_json(content, name, trained, medium, folder)
            else:
                found = _of_file(content, _SUFFIXES[name][kind], trained, medium, folder)
        except UserError as error:
            raise Refused(422, _without(str(error), folder)) from error
    if not found:
        raise Refused(422, "there is no input in the request")
    if len(found) > most:
        raise Refused(413, f"the request has {len(found):,} inputs; accepted are {most:,} at a time")
    return found


def _without(text, folder):
    """A message without the place that a body was kept in for a moment."""
    return re.sub(re.escape(str(folder)) + r"/[\w.]*", _UPLOAD, text)


@contextlib.contextmanager
def _kept(folder, suffix):
    """The path of a file that nobody else writes, and that is gone afterwards."""
    path = folder / f"upload{next(_numbers)}{suffix}"
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _of_file(content, suffix, trained, medium, folder):
    with _kept(folder, suffix) as path:
        path.write_bytes(content)
        return [(name.replace(str(path), _UPLOAD), one) for name, one in whole(medium.read(str(path), trained))]


def _of_json(content, name, trained, medium, folder):
    try:
        inputs = msgspec.json.decode(content, type=Body).inputs
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).replace("`", "'")
        raise Refused(400, f'the body is no JSON of the form {{"inputs": [...]}}: {reason}') from error
    if name == "tables":
        return _rows(inputs, trained, medium, folder)
    found = []
    for place, one in enumerate(inputs):
        found += [(str(place), value) for value in _one(one, place, name, trained, medium, folder)]
    return found


def _one(given, place, name, trained, medium, folder):
    """The input that one value of a JSON list is, in a list."""
    where = f"inputs[{place}]"
    if name == "texts":
        if not isinstance(given, str) or not given.strip():
            raise Refused(422, f"{where} must be a text with something in it")
        return [given]  # Never read as a path.
    if name == "images" and isinstance(given, str):
        try:
            content = base64.b64decode(given.partition("base64,")[2] if given.startswith("data:") else given, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Refused(422, f"{where} is no Base64: {error}") from error
        try:
            return [value for _, value in _of_file(content, ".image", trained, medium, folder)]
        except UserError as error:
            raise Refused(422, f"{where}: {_without(str(error), folder)}") from error
    try:
        array = np.asarray(given, np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(422, f"{where} must be {_TAKES[name]}; lists within lists must be of one length") from error
    if not isinstance(given, list):
        raise Refused(422, f"{where} must be {_TAKES[name]}")
    with _kept(folder, ".npy") as path:
        np.save(path, array[None] if name == "images" or array.ndim == 3 else array)
        try:
            return [value for _, value in whole(medium.read(str(path), trained))]
        except UserError as error:
            raise Refused(422, f"{where}: {_without(str(error), folder)}") from error


def _rows(inputs, trained, medium, folder):
    """Rows of a table, through the reader of its files: what a value means is the same however it comes."""
    features = trained.about["feature_names"]
    for place, row in enumerate(inputs):
        if not isinstance(row, dict):
            raise Refused(422, f"inputs[{place}] must be an object of column names to values")
        for name in features:
            if name not in row:
                raise Refused(422, f"inputs[{place}] lacks the column {name!r}; those of the model are {', '.join(features)}")
            if isinstance(row[name], (list, dict)):
                raise Refused(422, f"inputs[{place}] has a {type(row[name]).__name__} as {name!r}; accepted are numbers, texts and null")
    if not inputs:
        return []
    trained = dataclasses.replace(trained, config={**trained.config, "encoding": "utf-8", "header": "yes", "decimal": "point"})
    with _kept(folder, ".csv") as path:
        with open(path, "w", newline="", encoding="utf-8", errors="replace") as file:
            writer = csv.writer(file)
            writer.writerow(features)
            writer.writerows([["" if row[name] is None else row[name] for name in features] for row in inputs])
        return [(str(place), row) for place, (_, row) in enumerate(whole(medium.read(str(path), trained)))]
