"""`ts:PATH`: series in the text formats of the UCR and UEA archives, with training and test files beside each other.

`.ts` files (timeseriesclassification.com) begin with a header, whose lines start with `@`. Then comes a series a line: dimensions separated
by colons, their values by commas, and the label last. `.tsv` and `.txt` files (Dau et al. 2019) have a series a line, the label first.
"""

import pathlib
import re

import numpy as np

from hornbook import UserError, files, memory
from hornbook.data import naming
from hornbook.data.series.source import Series, Source, float32, is_number, without_padding

_SUFFIXES = (".ts", ".tsv", ".txt")
_ACCEPTED = "accepted are .ts, .tsv and .txt files of the UCR or UEA archive, a folder with NAME_TRAIN and NAME_TEST, or their path to NAME"
_NO_LABEL = (*naming.MISSING_LABELS, "?")


def check(path):
    """Refuse a path where there is no file of series.

    Raises:
        UserError: with what is accepted.
    """
    _paths(path)


def read(path, options):
    """A `source.Source` of a file, or of a pair of files.

    Args:
        path: of a file, of a folder with a pair in it, or of a pair without `_TRAIN.ts`.
        options: `source.Options`.

    Raises:
        UserError: something is wrong with a file, with the line.
    """
    parts = {part: _file(file, options) for part, file in _paths(path).items()}
    features = next(iter(parts.values()))[0].values.shape[1] if all(parts.values()) else 1
    return Source(parts, ("value",) if features == 1 else tuple(f"dimension {k + 1}" for k in range(features)))


def to_predict(path):
    """The `source.Series` of a `.ts` file, a list; their labels are not looked at, and need not be there.

    Raises:
        UserError: something is wrong with the file, with the line.
    """
    return _file(pathlib.Path(path), None)


def _paths(path):
    """The files by part: one called "all", or "train" and "test"."""
    given = files.given(path)
    if path and given.is_dir():
        pairs = sorted({entry for suffix in _SUFFIXES for entry in given.glob(f"*_TRAIN{suffix}")}, key=lambda one: one.suffix)
        if len({entry.stem for entry in pairs}) != 1:
            state = f"several ({pairs[0].name}, {pairs[-1].name})" if pairs else "none"
            raise UserError(f"--dataset ts:{path} is a folder that must have one NAME_TRAIN file, it has {state}; {_ACCEPTED}")
        given = pairs[0]
    elif path and not given.is_file():
        beside = [given.with_name(f"{given.name}_TRAIN{suffix}") for suffix in _SUFFIXES]
        given = next((one for one in beside if one.is_file()), None)
    if not path or given is None:
        raise UserError(f"--dataset ts:{path}: {path!r} is not there; {_ACCEPTED}")
    if given.suffix.lower() not in _SUFFIXES:
        raise UserError(f"--dataset ts:{path}: {given.name} is of another format; {_ACCEPTED}")
    if given.stem.endswith("_TRAIN"):
        test = given.with_name(f"{given.stem.removesuffix('_TRAIN')}_TEST{given.suffix}")
        if test.is_file():
            return {"train": given, "test": test}
    return {"all": given}


def _file(path, options):
    text, _ = files.decoded(path, files.content(path, "a file of series"), None)
    memory.require(3 * len(text), path, "split the file")  # The lines, and the numbers of them.
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    series = list((_ts if path.suffix.lower() == ".ts" else _tsv)(path, lines, options))
    if not series:
        raise UserError(f"{path} has no series in it; {_ACCEPTED}")
    return series


def _tsv(path, lines, options):
    separator = next((one for one in ("\t", ",") if lines and one in lines[0][1]), None)
    for number, line in lines:
        label, *fields = line.rstrip("\r\n").split(separator) if separator else line.split()
        values = _numbers(fields, lambda k, number=number: f"{path} line {number}, column {k + 2}")
        yield _series(path, number, _label(label, options, f"{path} line {number}, column 1"), values[:, None], _tsv_place(path, number))


def _tsv_place(path, number):
    return lambda step, feature: f"{path} line {number}, column {step + 2}"


def _ts(path, lines, options):
    header, start = {}, None
    for place, (number, line) in enumerate(lines):
        if line.lstrip().startswith("#"):
            continue
        if not line.lstrip().startswith("@"):
            raise UserError(
                f"{path} line {number} stands before @data and does not begin with @; accepted are lines such as @classLabel true"
            )
        key, _, value = line.strip().lower().partition(" ")
        if key == "@data":
            start = place + 1
            break
        header[key] = value.strip()
    if start is None:
        raise UserError(f"{path} has no line @data, behind which the series stand; it may be cut off")
    if header.get("@timestamps") == "true":
        raise UserError(f"{path} has time stamps (@timeStamps true); accepted are series of values alone, or csv:PATH with --time-column")
    labels = [name for name in ("@targetLabel", "@classLabel") if header.get(name.lower(), "").split(" ")[0] == "true"]
    if options is not None:
        wanted = "@targetLabel" if options.numbers else "@classLabel"
        if wanted not in labels:
            has_no, other = ("numbers", "sequence-classification") if options.numbers else ("classes", "regression")
            raise UserError(f"{path} has no line '{wanted} true', so it has no {has_no} to predict; try hornbook {other}")
    for number, line in lines[start:]:
        dimensions = line.strip().split(":")
        label = dimensions.pop() if labels else ""
        columns = [
            _numbers(one.split(","), lambda k, d=d, number=number: f"{path} line {number}, dimension {d + 1}, value {k + 1}")
            for d, one in enumerate(dimensions)
        ]
        if not columns:
            raise UserError(f"{path} line {number} has no colon before its label; accepted is VALUE,VALUE,...:LABEL")
        lengths = [len(column) for column in columns]
        if len(set(lengths)) > 1:
            raise UserError(f"{path} line {number} has dimensions of {min(lengths)} and {max(lengths)} values; all must be of one length")
        label = None if options is None else _label(label, options, f"{path} line {number}")
        yield _series(path, number, label, np.stack(columns, axis=1), _ts_place(path, number))


def _ts_place(path, number):
    return lambda step, feature: f"{path} line {number}, dimension {feature + 1}, value {step + 1}"


def _series(path, number, label, values, place):
    unit = f"{path} line {number}"
    return Series(without_padding(values), label, unit, unit, place)


def _numbers(fields, place):
    """float32 numbers of text, NaN where one is missing."""
    fields = ["nan" if field.strip().lower() in naming.MISSING_NUMBERS else field for field in fields]
    try:
        return float32(np.array(fields, np.float64))
    except ValueError:
        wrong = next(k for k, field in enumerate(fields) if not is_number(field))
        raise UserError(f"{place(wrong)} is {fields[wrong]!r}, no number; accepted are numbers, and ? where one is missing") from None


def _label(text, options, place):
    text = text.strip()
    if not text or text.lower() in _NO_LABEL:
        raise UserError(f"{place} has no label; fill it in, or remove the line")
    if options.numbers:
        if not is_number(text) or not np.isfinite(np.float64(text)):
            raise UserError(f"{place} has the label {text!r}, no finite number")
        return float(text)
    # The archive writes one class as 1, 1.0 and 1.0000000e+00.
    if re.fullmatch(r"[+-]?\d+\.?\d*(e[+-]?\d+)?", text, re.ASCII | re.IGNORECASE) and float(text).is_integer():
        return str(int(float(text)))
    return text
