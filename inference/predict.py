"""`hornbook predict RUN INPUT...`: what a finished run's model says of images, texts, series or rows of tables."""

import dataclasses
import json
import math
from typing import Annotated

import numpy as np
import tyro

from hornbook import UserError, command_line, endings, terminal
from hornbook.evaluation import conformal, scores
from hornbook.inference import saved_model
from hornbook.inference.finished_run import load_model, open_run

_AT_A_TIME = 4096  # Inputs; the result does not depend on it.


@dataclasses.dataclass(frozen=True)
class PredictArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    inputs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """What to predict. Images: image files, or .npy arrays (examples, height, width, channels) of raw pixels. Texts: a sentence in quotes,
    text files with a text a line, CSV or TSV files with the text's column. Tables: CSV or TSV files of rows as in training, with or without
    the label, or .npy arrays (rows, columns) of numbers. Series: WAV files, tables of one series each, .ts
    files, or .npy arrays (steps, features)."""
    top: int = 1
    """How many classes to name for each input: the one that is predicted, then the most probable."""


def predict(arguments):
    """The command `hornbook predict`: a line an input, its name, then what is predicted, separated by tabs."""
    with endings.ending("hornbook predict"):
        args = command_line.parse(PredictArgs, arguments, "hornbook predict", "Predict inputs with a finished run's model.")
        if args.top < 1:
            raise UserError(f"--top must be at least 1, got {args.top}")
        if not args.inputs:
            raise UserError("nothing to predict: pass files, such as images, tables or .npy arrays")
        trained, medium = open_run(args.run)
        named = [entry for given in args.inputs for entry in medium.read(given, trained)]
        model = load_model(trained)
        for start in range(0, len(named), _AT_A_TIME):
            some = named[start : start + _AT_A_TIME]
            answers = outputs(model, [given for _, given in some], trained, medium)
            for (name, _), row in zip(some, answers, strict=True):
                terminal.say_fields(name, *_in_words(row, trained.about, args.top))


def outputs(model, inputs, trained, medium):
    """Probabilities of classes or labels, or predicted numbers: float64 `(inputs, outputs)`; of a series in windows, their mean.

    Args:
        model: the run's.
        inputs: as `medium.read` gives them, without their names.
        trained, medium: as of `open_run`.
    """
    examples, sizes = medium.examples(inputs, trained)
    rows = scores.answers(trained.about["loss"], saved_model.outputs(model, examples, trained))
    if sizes is None:
        return rows
    return np.stack([part.mean(axis=0) for part in np.split(rows, np.cumsum(sizes)[:-1])])


def _in_words(row, about, top):
    """The fields of a line: names and probabilities, first of the class that is predicted, or of all labels; or numbers.

    Where there are prediction sets, a further field has the classes of the set as a JSON list, the most probable first; of each label what
    it may be; and two further fields the ends of each number's interval.
    """
    promised = conformal.named(about, row)
    if about["task"] == "regression":
        ends = promised.get("intervals", {}).values()
        bounds = [end if end is not None else sign * math.inf for pair in ends for end, sign in zip(pair, (-1, 1), strict=True)]
        return [f"{value:.6g}" for value in (*row, *bounds)]
    names, limits = about["class_names"], about.get("thresholds")
    if about["task"] != "multi-label":
        listed = [json.dumps(promised["set"], ensure_ascii=False)] if promised else []
        return [*(field for k in scores.ranked(about, row)[:top] for field in (names[k], f"{row[k]:.4f}")), *listed]
    # Each label has a probability of its own, and with thresholds of their own it is not to be seen which of them are predicted.
    said = [[] for _ in row] if limits is None else [["yes" if one > limit else "no"] for one, limit in zip(row, limits, strict=True)]
    may = [[" or ".join(promised["sets"][name]) or "neither"] if promised else [] for name in names]
    return [field for k, one in enumerate(row) for field in (names[k], f"{one:.4f}", *said[k], *may[k])]
