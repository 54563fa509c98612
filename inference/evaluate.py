"""`hornbook evaluate RUN`: the scores of a finished run's model on a part of its own or of other data."""

import contextlib
import dataclasses
import glob
import json
import os
from typing import Annotated

import tyro

from hornbook import UserError, command_line, endings, files, records, terminal
from hornbook.evaluation import scores
from hornbook.inference import saved_model
from hornbook.inference.corruptions import measuring, subjects
from hornbook.inference.finished_run import load_model, open_run, results_folder
from hornbook.training import runs

_EXAMPLES = 1000
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
    corruptions: bool = False
    """Score it on inputs that have become worse, too, at five strengths each. Images: noise, blur, contrast, brightness, JPEG, elastic
    changes; series: missing, noisy and shifted values; tables: these, and wrong categories; texts: typing errors. Writes
    corruptions.json, .csv and .html."""
    examples: int | None = None
    """With --corruptions: how many examples are corrupted, drawn at random where there are more. Default: 1,000."""
    seed: int = 0
    """With --corruptions: of these examples, and of what is drawn for each."""
    output: str | None = None
    """With --corruptions: folder for what is written, which must not be there. Default: corruptions/TIME in the run's folder."""


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
        if "corruptions" in found:
            measuring.say(found["corruptions"])
            terminal.say(f"page: {found['corruptions']['page']}")


def score(args):
    """The scores that `EvaluateArgs` ask for, a dict as of `evaluation.scores.scores`; with `corruptions` as of `measuring.measured`.

    Raises:
        UserError: no finished run, data that do not fit it, or options that do not go together.
    """
    _refuse_without_corruptions(args)
    trained, medium = open_run(args.run, ["split.csv"])
    if trained.is_own(args.dataset or trained.config["dataset"]):
        _refuse_folds(trained)
    if args.dataset is None:
        _refuse_moved_data(trained)
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(results_folder(args.output, trained, "corruptions")) if args.corruptions else None
        return _scored(args, trained, medium, output)


def _scored(args, trained, medium, output):
    name = args.dataset or trained.config["dataset"]
    examples, left_out = medium.scored(name, args.part, trained, args.skip_unreadable)
    model = load_model(trained)
    outputs = saved_model.outputs(model, examples, trained)
    found = scores.of_run(trained.about, examples.labels, outputs)
    copies = trained.config["test_time_augmentation"]
    found |= {"test_time_augmentation": copies} if copies != "none" else {}
    found |= {"left_out": left_out} if left_out else {}
    if output is None:
        return found
    of_part = subjects.subject(trained, name, args.part, (examples, left_out), seed=args.seed)
    corrupted, shown = measuring.measured(model, trained, medium, of_part, examples=args.examples or _EXAMPLES, seed=args.seed)
    corrupted = {**corrupted, "dataset": name, "part": args.part}
    measuring.write(output, corrupted, shown, trained)
    return {**found, "corruptions": {**corrupted, "page": str(output / "corruptions.html")}}


def _refuse_without_corruptions(args):
    """Refuse options that are for corruptions alone, and those out of range."""
    given = [name for name, default in (("examples", None), ("seed", 0), ("output", None)) if getattr(args, name) != default]
    if given and not args.corruptions:
        raise UserError(f"--{given[0]} is for --corruptions; pass that too, or leave it out")
    for name, least in (("examples", 1), ("seed", 0)):
        if getattr(args, name) is not None and getattr(args, name) < least:
            raise UserError(f"--{name} must be at least {least}, got {getattr(args, name)}")


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
