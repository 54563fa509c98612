"""`hornbook evaluate RUN`: the scores of a finished run's model on a part of its own or of other data."""

import dataclasses
import glob
import json
import os
from typing import Annotated

import tyro

from hornbook import UserError, command_line, endings, files, records, terminal
from hornbook.evaluation import scores
from hornbook.inference import saved_model
from hornbook.inference.finished_run import load_model, open_run
from hornbook.training import runs

_OF_SETS = {
    "promised": "coverage that was promised",
    "coverage": "coverage of the prediction sets",
    "mean_size": "mean size of a set",
    "mean_width": "mean width of an interval",
    "empty": "empty sets",
    "single": "sets of one class",
}


@dataclasses.dataclass(frozen=True)
class EvaluateArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    dataset: str | None = None
    """Data to score, spelt as for training. Default: what the run was trained on, split as it was."""
    part: str | None = None
    """Part of the data: train, validation or test. Default: test; of another dataset without a test split, all of it."""
    skip_unreadable: bool = False
    """Leave out images and sounds that cannot be read. Default: as in training."""
    json: bool = False
    """Print everything as JSON: with scores of each class, confusion matrix and calibration."""


def evaluate(arguments):
    """The command `hornbook evaluate`: a line a score."""
    with endings.ending("hornbook evaluate"):
        args = command_line.parse(EvaluateArgs, arguments, "hornbook evaluate", "Score a finished run's model on a dataset.")
        found = score(args)
        if args.json:
            terminal.say(json.dumps(files.finite(found), ensure_ascii=False))
            return
        for name, value in scores.headline(found).items():
            terminal.say_fields(name.replace("_", " "), f"{value:.4f}")
        for name, value in scores.headline(found.get("at_half", {})).items():
            terminal.say_fields(f"{name.replace('_', ' ')} at 0.5", f"{value:.4f}")
        if "positive_class" in found:
            terminal.say_fields("average precision is of", found["positive_class"])
        for name, value in found.get("thresholds", {}).items():
            terminal.say_fields(f"threshold of {name}", f"{value:.4g}")
        for name, value in found.get("prediction_sets", {}).items():
            if isinstance(value, float):
                terminal.say_fields(_OF_SETS[name], f"{value:.4f}")
        terminal.say_fields("examples", found["examples"])
        if "test_time_augmentation" in found:
            terminal.say_fields("test-time augmentation", found["test_time_augmentation"])
        if found.get("left_out"):
            terminal.say_fields("left out", found["left_out"])


def score(args):
    """The scores that `EvaluateArgs` ask for, a dict as of `evaluation.scores.scores`.

    Raises:
        UserError: no finished run, or data that do not fit it.
    """
    trained, medium = open_run(args.run, ["split.csv"])
    if trained.is_own(args.dataset or trained.config["dataset"]):
        _refuse_folds(trained)
    if args.dataset is None:
        _refuse_moved_data(trained)
    examples, left_out = medium.scored(args.dataset or trained.config["dataset"], args.part, trained, args.skip_unreadable)
    outputs = saved_model.outputs(load_model(trained), examples, trained)
    found = scores.of_run(trained.about, examples.labels, outputs)
    copies = trained.config["test_time_augmentation"]
    found |= {"test_time_augmentation": copies} if copies != "none" else {}
    return {**found, "left_out": left_out} if left_out else found


def _refuse_folds(trained):
    """Refuse to score an average of folds on what its members were trained on."""
    result = records.read(trained.folder / "result.json", runs.Result)
    if result.ensemble is not None and result.evaluated_on == "none":
        told = "some of its members were trained on every example of its own data"
        raise UserError(f"{trained.folder} is an average of folds: {told}; pass other data as --dataset")


def _refuse_moved_data(trained):
    """Refuse to look for the run's own data where they are not: a path may be relative to the folder in which the run was started."""
    name = trained.config["dataset"]
    kind, _, path = name.partition(":")
    relative = kind in ("folder", "csv", "npz", "ts") and not os.path.isabs(os.path.expanduser(path))
    if relative and not glob.glob(f"{glob.escape(path)}*"):  # What ts:PATH names may end in _TRAIN.ts.
        raise UserError(
            f"the run was trained on {name}, which is not there, seen from {os.getcwd()}; go to the folder in which the run was started, "
            "or pass the data as --dataset"
        )
