"""`hornbook labels RUN`: the most suspect labels of a run's data, as a CSV to correct and as a page to look at."""

import dataclasses
import importlib
import math
import pathlib
from typing import Annotated

import numpy as np
import tyro

from hornbook import UserError, command_line, endings, files, libraries, records, spreadsheets, terminal, user_code
from hornbook.data.selection import corrections
from hornbook.evaluation import label_issues, predictions, scores
from hornbook.recipes import RECIPES
from hornbook.recipes.ranges import FEW, Range
from hornbook.tuning import settings

_DESCRIPTION = """Find the labels that are most probably wrong, by networks that were not trained on them.

hornbook labels runs/photos

hornbook image-classification --dataset folder:photos --label-corrections runs/photos-labels/labels.csv

RUN is a finished run, whose recipe is cross-validated first, or the folder of a hornbook cross-validate. Write the classes that you find
to be correct into the column correct_label of labels.csv, then train with --label-corrections."""

_FILES = ("labels.csv", "labels.html")
_LONGEST_TEXT = 300


@dataclasses.dataclass(frozen=True)
class Args:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run, or of a cross-validation."""
    share: Annotated[float, Range(0, 1, above=True)] = 0.05
    """Share of the examples that are listed, the most suspect ones."""
    shown: Annotated[int, Range(1, 2001)] = 200
    """How many of them the page shows."""
    folds: Annotated[int, Range(2, 10**4)] = 5
    """Folds of the cross-validation of a run."""
    workers: Annotated[int, FEW] | None = None
    """Folds at a time. Default: one a processor core, as far as the memory holds them."""
    output: str | None = None
    """Folder. Default: that of the cross-validation; of a run, its own name with -labels behind it."""


def labels(arguments):
    """The command `hornbook labels`."""
    with endings.ending("hornbook labels"):
        main(command_line.parse(Args, arguments, "hornbook labels", _DESCRIPTION))


def main(args):
    """Find suspect labels, and write `labels.csv` and `labels.html`.

    Args:
        args: `Args`.

    Returns:
        The rows of `labels.csv`, dicts.

    Raises:
        UserError: the folder, or its data, cannot be used.
    """
    if args.output:
        files.refuse_file(files.given(args.output))
    label_issues.require()
    folder = files.given(args.run)
    if not (folder / settings.CROSS_VALIDATION.name).exists():
        folder = _cross_validated(args, folder)
    out = files.given(args.output) if args.output else folder
    written = [str(out / name) for name in _FILES if (out / name).exists()]
    if written:
        raise UserError(f"{written[0]} is there already, and may have corrections in it; move it, or pass another --output")
    recipe, base = _options(folder)
    with libraries.quiet_libraries():
        found, about = _of_folds(folder)
    dataset = _loaded(recipe, base)
    rows = _rows(dataset, found, about, args)
    out.mkdir(parents=True, exist_ok=True)
    spreadsheets.save(out / "labels.csv", [list(rows[0]), *(list(row.values()) for row in rows)])
    from hornbook.tuning.cross_validation import labels_page

    labels_page.write(out / "labels.html", dataset, rows[: args.shown], found, args)
    wrong = int(found.wrong.sum())
    terminal.say(f"{wrong:,} of {len(found.labels):,} labels are taken for wrong; the {len(rows):,} most suspect: {out / 'labels.csv'}")
    if wrong > len(rows):
        share = math.ceil(100 * wrong / len(found.labels)) / 100
        terminal.say(f"for the others, without training again: hornbook labels {folder} --share {share:g} --output NEW")
    terminal.say(f"to look at: {out / 'labels.html'}")
    terminal.say(f"correct the column {corrections.COLUMN}, then: {_next(recipe, base, out)}")
    return rows


@dataclasses.dataclass(frozen=True)
class Found:
    """What the networks of the folds say of the examples, and how suspect their labels are.

    Attributes:
        indices, labels: int arrays `(examples,)`.
        probabilities: float array `(examples, classes)`, the mean over the repeats.
        order, quality, wrong: as of `evaluation.label_issues.suspects`.
    """

    indices: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    order: np.ndarray
    quality: np.ndarray
    wrong: np.ndarray


def _cross_validated(args, run):
    """The folder of a cross-validation of a run's recipe and options."""
    from hornbook.inference.finished_run import open_run
    from hornbook.training import runs
    from hornbook.tuning.cross_validation import command

    runs.finished(run)
    open_run(run)
    config = records.read(run / "config.json", runs.Options)
    if user_code.is_named(str(config.get("model"))):
        told = f"{run} is of --model {config['model']}, code that would run"
        raise UserError(f"{told}; run hornbook cross-validate yourself, and pass its folder")
    name = str(config.get("recipe"))
    if name.replace("_", "-") not in RECIPES:
        raise UserError(f"{run / 'config.json'} names no recipe; accepted are {', '.join(RECIPES)}")
    recipe = importlib.import_module(f"hornbook.recipes.{name}")
    base = command_line.from_config(recipe.Args, config, run / "config.json")
    own = {"seeds": 1, "evaluate": "test", "tensorboard": False, "remedy": False, "save_predictions": False, "output": None}
    own |= {name: usual for name, usual in {"threshold": "none", "coverage": None}.items() if hasattr(base, name)}
    base = dataclasses.replace(base, **own)
    _refuse(base)
    folder = args.output or f"{run}-labels"
    command.main(name, command.Args(folds=args.folds, workers=args.workers, output=str(folder)), base)
    return pathlib.Path(folder)


def _refuse(base):
    if not hasattr(base, "label_corrections"):
        raise UserError("hornbook labels is for classes, and the run is a regression")


def _options(folder):
    """The recipe of a cross-validation, and its options."""
    kept = records.values(folder / settings.CROSS_VALIDATION.name, settings.CROSS_VALIDATION.type)
    name = kept["recipe"]
    recipe = importlib.import_module(f"hornbook.recipes.{name}")
    base = recipe.Args(**command_line.of_their_types(recipe.Args, kept["options"], folder / settings.CROSS_VALIDATION.name))
    _refuse(base)
    return recipe, base


def _of_folds(folder):
    """The out-of-fold predictions of a finished cross-validation, a `Found`, and what the first run says of its data."""
    from hornbook.inference.finished_run import open_run

    if not (folder / "result.json").exists():
        raise UserError(f"{folder} is a cross-validation that has not finished; the command that began it goes on")
    parts = sorted(folder.glob("repeat-*-fold-*/run"))
    about = open_run(parts[0])[0].about
    if about["task"] != "classification":
        raise UserError(f"hornbook labels is for one class an example, and {folder} is of {about['task']}")
    sums, counts, labels = {}, {}, {}
    for part in parts:
        found = predictions.read(part / predictions.NAME)
        for index, label, row in zip(
            found.indices.tolist(), found.labels.tolist(), scores.answers(about["loss"], found.outputs), strict=True
        ):
            sums[index] = sums.get(index, 0) + row
            counts[index] = counts.get(index, 0) + 1
            labels[index] = label
    indices = np.array(sorted(sums))
    given = np.array([labels[index] for index in indices.tolist()])
    probabilities = np.stack([sums[index] / counts[index] for index in indices.tolist()])
    if probabilities.shape[1] != len(about["class_names"]) or given.min() < 0 or given.max() >= probabilities.shape[1]:
        raise UserError(f"the predictions in {folder} do not fit the {len(about['class_names'])} classes of its runs")
    return Found(indices, given, probabilities, *label_issues.suspects(given, probabilities)), about


def _loaded(recipe, base):
    """The data, nothing of the training examples held out."""
    whole = {"validation_fraction": 0.0, "test_fraction": 0.0, "fold": None, "test_fold": None, "evaluate": "none", "threshold": "none"}
    whole |= {"early_stopping": 0, "schedule": "constant", "temperature_scaling": False}
    with files.scratch_folder() as scratch:
        return recipe.load(dataclasses.replace(base, **whole), scratch)


def _rows(dataset, found, about, args):
    """The rows of `labels.csv`, the most suspect first."""
    place_of = {index: place for place, index in enumerate(dataset.train.indices.tolist())}
    absent = [index for index in found.indices.tolist() if index not in place_of]
    if absent or len(place_of) < len(dataset.train):
        told = "its examples are windows of series" if len(place_of) < len(dataset.train) else f"there is no example {absent[0]} any more"
        raise UserError(f"{dataset.name}: {told}; hornbook labels is for data of one label an example, as they were when they were divided")
    names, given_files, rows = about["class_names"], getattr(dataset.train, "files", None), []
    for rank, place in enumerate(found.order[: max(1, round(args.share * len(found.order)))].tolist(), start=1):
        index, label, row = int(found.indices[place]), int(found.labels[place]), found.probabilities[place]
        own = place_of[index]
        others = row.copy()
        others[label] = -1
        suggested = int(others.argmax())
        rows.append(
            {
                "rank": rank,
                "source": dataset.train.source,
                "index": index,
                **({} if given_files is None else {"file": given_files[own]}),
                **_words(dataset, own),
                "label": names[label],
                "suggested_label": names[suggested],
                "probability_of_label": round(float(row[label]), 6),
                "probability_of_suggested": round(float(row[suggested]), 6),
                "taken_for_wrong": "yes" if found.wrong[place] else "no",
                corrections.COLUMN: "",
            }
        )
    return rows


def _words(dataset, place):
    """A text, by which an example is known in a table."""
    if dataset.medium != "texts":
        return {}
    text = " ".join(dataset.in_words("train", place).split())
    return {"text": text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."}


def _next(recipe, base, out):
    return command_line.command(recipe.RECIPE, dataclasses.replace(base, label_corrections=str(out / "labels.csv")))
