"""What is done with a finished run: `hornbook predict RUN INPUT...` and `hornbook evaluate RUN`. Its recipe says what inputs are."""

import dataclasses
import importlib
import json
import pathlib
import re
from typing import Annotated

import numpy as np
import tyro

from hornbook import UserError, command_line
from hornbook.training import runs

BATCH = 256  # Inputs at a time; the result does not depend on it.
# By the run's recipe, the file of this folder that knows its inputs: `predict(args, about)` and `evaluate(args, about, config)`.
HOMES = {
    "image_classification": "image_afterwards",
    "text_classification": "text_afterwards",
    "tabular_classification": "table_afterwards",
    "regression": "table_afterwards",
    "sequence_classification": "series_afterwards",
}


@dataclasses.dataclass(frozen=True)
class PredictArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    inputs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """For images: image files, or .npy arrays (examples, height, width, channels) of raw pixels. For texts: a sentence in
    quotes, text files of a text a line, CSV or TSV files with the text's column. For tables: CSV or TSV files of rows as
    in training, with or without the label, or .npy arrays (rows, columns) of numbers. For series: WAV files, tables of one
    series each, or .npy arrays (steps, features)."""
    top: int = 1
    """How many classes to name for each input, the most probable first."""


@dataclasses.dataclass(frozen=True)
class EvaluateArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    dataset: str | None = None
    """As for training. Default: what the run was trained on, split as it was."""
    part: str | None = None
    """Which part of it: train, validation or test. Default: test; of another dataset without a test split, all of it."""
    skip_unreadable: bool = False
    """Leave out images that cannot be read. Default: as in training."""
    json: bool = False
    """Print everything as JSON: per-class scores, confusion matrix and calibration with it."""


def predict(arguments):
    """The command `hornbook predict`: a line an input, its name, then what is predicted, separated by tabs."""
    with command_line.ending("hornbook predict"):
        args = command_line.parse(PredictArgs, arguments, "hornbook predict", "Predict inputs with a finished run's model.")
        if not args.inputs:
            raise UserError("nothing to predict: pass files, such as images, tables or .npy arrays")
        about = labels(args.run)
        _home(args.run, about).predict(args, about)


def evaluate(arguments):
    """The command `hornbook evaluate`: the scores of a run's model on a part of a dataset."""
    with command_line.ending("hornbook evaluate"):
        args = command_line.parse(EvaluateArgs, arguments, "hornbook evaluate", "Score a finished run's model on a dataset.")
        about = labels(args.run)
        home = _home(args.run, about)
        scores, shown = home.evaluate(args, about, files.read_json(pathlib.Path(args.run, "config.json")))
        if args.json:
            print(json.dumps(scores, ensure_ascii=False))
            return
        for metric in shown:
            print(f"{metric.replace('_', ' ')}\t{scores[metric]:.4f}")
        print(f"examples\t{scores['examples']}")
        if scores.get("left_out"):
            print(f"left out\t{scores['left_out']}")


def _home(run, about):
    recipe = files.read_json(pathlib.Path(run, "config.json")).get("recipe")
    if recipe not in HOMES:
        raise UserError(f"{run} is a run of the recipe {recipe!r}; known are {', '.join(HOMES)}")
    home = "series_afterwards" if "preprocessing" in about else HOMES[recipe]  # A regression is on tables or on series.
    return importlib.import_module(f"hornbook.training.{home}")


def named_part(parts, name, part):
    """The part of another dataset than the run's own that is scored: the one that is asked for, its test split, or all of it.

    Args:
        parts: those that the source itself has, by name; nothing of it is held out.
        name: of the dataset, for messages.
        part: as of `--part`, or None.

    Raises:
        UserError: it has no such part.
    """
    if part is None:
        return "test" if "test" in parts else "train"
    alone = list(parts) == ["train"]
    if part not in parts or alone:
        has = ", ".join(parts) if not alone else "examples alone, all of which are scored without --part"
        raise UserError(f"{name} has no {part} part; it has {has}")
    return part


def labels(run):
    """The `labels.json` of a finished run."""
    runs.finished(run)
    return files.read_json(pathlib.Path(run, "labels.json"))


def load_model(run):
    """The saved model of a run.

    Raises:
        UserError: there is none, or it is broken.
    """
    with command_line.quiet_libraries():
        import keras

        import hornbook.models  # noqa: F401 - registers the layers that Keras lacks.
    path = pathlib.Path(run, "model.keras")
    try:
        return keras.saving.load_model(path)
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path} cannot be loaded: {str(error).splitlines()[0]}") from error


def array(path):
    """The numbers in a `.npy` file, an array of float32.

    Raises:
        UserError: the file cannot be read, or holds something else.
    """
    try:
        with open(path, "rb") as file:
            # Asked first, since NumPy advises to load what it does not know unsafely.
            if file.read(6) != b"\x93NUMPY":
                raise UserError(f"{path} is no NumPy array; accepted are arrays that numpy.save wrote")
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}; accepted are arrays that numpy.save wrote") from error
    except (ValueError, EOFError, MemoryError) as error:
        raise UserError(f"{path} cannot be read as a NumPy array: {error}") from error
    if array.dtype.kind not in "uifb":
        raise UserError(f"{path} holds {array.dtype}; accepted are numbers")
    return array.astype(np.float32)


def field(text):
    """Text between tabs on a line of its own, whatever a file or class is called."""
    text = re.sub(r"[\x00-\x1f\x7f\u2028\u2029]", lambda match: repr(match[0])[1:-1], text)
    return text.encode("utf-8", "backslashreplace").decode()
