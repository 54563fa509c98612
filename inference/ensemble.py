"""`hornbook ensemble RUN RUN...`: finished runs averaged, as one run: its model, its scores, and what each member scores alone."""

import dataclasses
import pathlib
import shlex
import shutil
import time
from typing import Annotated

import numpy as np
import tyro

from hornbook import UserError, command_line, endings, files, records, terminal
from hornbook.data.tables.encoding import Encoding
from hornbook.evaluation import scores, selection
from hornbook.inference import saved_model
from hornbook.inference.finished_run import load_model, open_run
from hornbook.training import folders, manifest, runs

# What a run needs to read other data, and what says which example went where.
_BESIDE = ("table.json", "tokenizer.json", "ngrams.json", "features.keras")
_COPIED = ("config.json", "chosen.json", *_BESIDE, "split.csv")
_MOST = 1000
# What the folds of one cross-validation, and its repeats, are told differently.
_OF_FOLDS = ("test_fold", "seed", "split_seed", "output")
_NOT_SCORED = {
    "problem": "not-scored",
    "severity": "note",
    "evidence": "Every example of the folds was trained on by some of the members, so none of them can test their average.",
    "layers": [],
    "advice": "The out-of-fold scores of the cross-validation say what one member is worth.",
    "changes": {},
}


@dataclasses.dataclass(frozen=True)
class EnsembleArgs:
    runs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """Folders of finished runs of one recipe on one split, or folders with such runs in them: of several seeds, of a search, of a
    comparison; or of one cross-validation, whose folds are averaged for new data and not scored."""
    select: int = 0
    """Choose members by the validation part: add the run that improves the average most, so many times, each as often as it helps (Caruana
    et al. 2004). 0: all runs, each alike."""
    output: str | None = None
    """Folder of the ensemble. Default: runs/ensemble/TIME-MODEL."""


@dataclasses.dataclass(frozen=True)
class Member:
    """A run of an ensemble.

    Attributes:
        folder: of the run.
        trained, medium: as of `finished_run.open_run`.
        weight: its share in the mean.
    """

    folder: pathlib.Path
    trained: object
    medium: object
    weight: float


def ensemble(arguments):
    """The command `hornbook ensemble`."""
    with endings.ending("hornbook ensemble"):
        about = "Average finished runs of one recipe on one split, or the folds of a cross-validation, and save the average as a run."
        args = command_line.parse(EnsembleArgs, arguments, "hornbook ensemble", about)
        if not 0 <= args.select <= _MOST:
            raise UserError(f"--select must be at least 0 and at most {_MOST:,}, got {args.select}")
        main(args)


def main(args):
    """Average runs, score the average, and write it as a run.

    Args:
        args: `EnsembleArgs`.

    Returns:
        What `result.json` of the ensemble holds.

    Raises:
        UserError: the runs do not go together, or the folder cannot be used.
    """
    began = time.monotonic()
    members = _members(args.runs)
    first = members[0]
    model_name = str(runs.options_of(first.folder)["model"]).rpartition(":")[2]
    with folders.output(args.output, "ensemble", "" if model_name == "auto" else model_name) as folder:
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty; an ensemble begins in a folder of its own, pass another --output")
        folds = _are_folds(members)
        if args.select and folds:
            raise UserError(f"--select {args.select} chooses by validation data, of which each fold has others; leave it out")
        if args.select:
            members = _selected(members, args.select)
        about = {**first.trained.about, "thresholds": None, "conformal": None}
        if folds:
            model, found = _averaged([load_model(member.trained) for member in members], members), None
            alone = [records.read(member.folder / "result.json", runs.Result).metrics for member in members]
        else:
            model, found, alone = _scored(first, members, about)
        result = _result(args, members, alone, found, model, time.monotonic() - began)
        _write(folder, first, model, about, result, found, members)
        for line in (*_notes(members), *_in_words(result, folder)):
            terminal.say(line)
        return result


def _scored(first, members, about):
    """The average of the members, its scores on the test part, and the headline of each member's."""
    part, own, models = _part(first, "test"), [], []
    for member in members:
        model = load_model(member.trained)
        own.append(saved_model.outputs(model, part, member.trained))
        models.append(model)
    model = _averaged(models, members)
    found = scores.of_run(about, part.labels, saved_model.outputs(model, part, first.trained))
    return model, found, [scores.headline(scores.of_run(about, part.labels, one)) for one in own]


def _members(given):
    """The runs that are named, or that lie in the folders that are named, each of them once.

    Raises:
        UserError: fewer than two, or runs that do not go together.
    """
    if "" in given:
        raise UserError("a folder of a run has no name; pass those of finished runs")
    paths = list(dict.fromkeys(path for name in given for path in _runs_of(pathlib.Path(name))))
    if len(paths) < 2:
        raise UserError(f"an ensemble has two runs or more, got {len(paths)}: {' '.join(given) or 'no folder'}")
    if len(paths) > _MOST:
        raise UserError(f"{len(paths):,} runs are more than the {_MOST:,} that an ensemble has at most")
    members = [Member(path, *open_run(path, _COPIED), 1 / len(paths)) for path in paths]
    first, folds = members[0], _are_folds(members)
    for member in members[1:]:
        _refuse_other_kind(first, member, folds)
    return members


def _are_folds(members):
    """Whether runs are folds of one cross-validation, that differ in what they were tested on."""
    if any(_is_average(member.folder) for member in members):
        return False
    given = [records.read(member.folder / "config.json", runs.Options) for member in members]
    tested = {(one.get("test_fold"), one.get("split_seed")) for one in given}
    alike = [{name: value for name, value in one.items() if name not in _OF_FOLDS} for one in given]
    count = {str(fold).partition("/")[2] for fold, _ in tested}
    return len(tested) > 1 and count != {""} and len(count) == 1 and all(one == alike[0] for one in alike)


def _runs_of(folder):
    """A finished run's folder, or those below a folder of runs."""
    if not folder.is_dir():
        raise UserError(f"there is no folder {folder}; pass those of finished runs")
    if (folder / "model.keras").exists():
        return [folder]
    found = sorted(path.parent for path in folder.rglob("model.keras") if (path.parent / "result.json").is_file())
    for is_other, told in ((_is_final, "that a search trained again from its best trial"), (_is_average, "that are averages of others")):
        others = [run for run in found if is_other(run, folder)]
        if others and len(others) < len(found):
            terminal.say(f"note: left out are {len(others)} runs in {folder} {told}; name them to have them")
            found = [run for run in found if run not in others]
    if not found:
        raise UserError(f"{folder} has no finished run in it")
    return found


def _is_final(run, folder):
    """Whether a run below a folder is none of a search's trials, but its best one trained again."""
    parents = [run, *run.parents]
    below = parents[: parents.index(folder)]
    return any(one.name == "final" and (one.parent / "search.json").is_file() for one in below)


def _is_average(run, folder=None):
    """Whether a run is an ensemble, whose members would count twice beside it."""
    return records.read(run / "result.json", runs.Result).ensemble is not None


def _refuse_other_kind(first, member, folds):
    """Refuse a run whose inputs, outputs or, but of folds, test examples are others than those of the first."""
    left_out = ("requires", "thresholds", "conformal")
    mine, its = ({key: value for key, value in one.trained.about.items() if key not in left_out} for one in (first, member))
    for key in sorted(mine.keys() | its.keys()):
        if mine.get(key) != its.get(key):
            raise UserError(f"{member.folder} and {first.folder} do not go together: their labels.json differ in {key}")
    for name in _BESIDE:
        if folds and name == "table.json" and _same_inputs(first.folder / name, member.folder / name):
            continue
        if _digest(first.folder / name) != _digest(member.folder / name):
            told = "they were trained on other splits, so what the inputs mean was learned from other examples"
            raise UserError(f"{member.folder} and {first.folder} do not go together: {name} differs; {told}")
    if not folds and _digest(first.folder / "split.csv") != _digest(member.folder / "split.csv"):
        told = "what one is tested on, another was trained on; train them with one --split-seed and without --fold, or pass folds of one "
        told += "cross-validation"
        raise UserError(f"{member.folder} and {first.folder} do not go together: split.csv differs; {told}")


def _same_inputs(first, second):
    """Whether two `table.json`s make inputs of rows that mean the same, whatever stands for a missing number."""
    if not (first.is_file() and second.is_file()):
        return False
    one, other = (records.read(path, Encoding) for path in (first, second))
    return list(one.numbers) == list(other.numbers) and dataclasses.replace(one, numbers=other.numbers) == other


def _write_encoding(path, members):
    """Write the `table.json` of folds: for a missing number stands the mean of what stands for it in each."""
    each = [records.read(member.folder / "table.json", Encoding) for member in members]
    numbers = {name: float(np.mean([one.numbers[name] for one in each])) for name in each[0].numbers}
    dataclasses.replace(each[0], numbers=numbers).save(path)


def _digest(path):
    return manifest.digest(path) if path.is_file() else None


def _notes(members):
    """What should be known of the members, a line each."""
    if len(members) == 1:
        yield f"note: one run alone was kept, so nothing is averaged, and nothing gained: the ensemble is {members[0].folder}"
        return
    count, said = f"of {len(members)} runs", []
    cut = sum(member.trained.about.get("thresholds") is not None for member in members)
    if cut:
        said.append(f"the thresholds of {cut} {count} are left out, and the average has none")
    promised = sum(member.trained.about.get("conformal") is not None for member in members)
    if promised:
        said.append(f"the prediction sets of {promised} {count} are left out, and the average makes none")
    adjusted = sum(runs.options_of(member.folder).get("logit_adjustment", "none") != "none" for member in members)
    if 0 < adjusted < len(members):
        said.append(
            f"{adjusted} {count} answer as if all classes were equally frequent (--logit-adjustment), and the average stands between"
        )
    if said:
        yield f"note: {'; '.join(said)}"


def _part(member, name):
    """A part of the data that a run was trained on."""
    config = member.trained.config
    examples, _ = member.medium.scored(config["dataset"], name, member.trained, False)
    return examples


def _selected(members, steps):
    """The members that greedy selection on the validation part keeps, with their weights."""
    part, answers = _part(members[0], "validation"), []
    loss = members[0].trained.about["loss"]
    for member in members:
        outputs = saved_model.outputs(load_model(member.trained), part, member.trained)
        answers.append(scores.answers(loss, outputs))
    quantiles = members[0].trained.about.get("quantiles")
    counts, losses = selection.greedy(answers, part.labels, loss, steps=steps, quantiles=quantiles)
    kept = [place for place in range(len(members)) if counts[place]]
    terminal.say(
        f"{len(kept)} of {len(members)} runs chosen on validation data: loss {losses[0]:.4f} of the best run, {min(losses):.4f} of them"
    )
    return [dataclasses.replace(members[place], weight=float(counts[place] / counts.sum())) for place in kept]


def _averaged(models, members):
    """One model of all, from their inputs to the outputs of the mean of their probabilities, or numbers."""
    import keras

    from hornbook.training.builders import activation_for
    from hornbook.training.classical.mixing import weighted_mean

    [received] = models[0].inputs
    inputs = keras.Input(received.shape[1:], dtype=received.dtype, name=received.name)
    # Each under a name of its own; two layers of one name cannot stand in a model.
    networks = [keras.Model(model.inputs[0], model.outputs[0], name=f"member{number}") for number, model in enumerate(models, start=1)]
    activation = activation_for(members[0].trained.about["task"], models[0].output_shape[-1])
    if len(models) == 1:
        return keras.Model(inputs, networks[0](inputs), name="ensemble")
    outputs = weighted_mean([network(inputs) for network in networks], [member.weight for member in members], activation)
    return keras.Model(inputs, outputs, name="ensemble")


def _result(args, members, alone, found, model, seconds):
    metrics = scores.headline(found or {})
    listed = [{"run": str(member.folder), "weight": member.weight, "metrics": own} for member, own in zip(members, alone, strict=True)]
    means = {name: _mean([own.get(name) for own in alone]) for name in alone[0]}
    return {
        "metrics": metrics,
        "evaluated_on": "test" if found else "none",
        "seconds": round(seconds, 1),
        "seed": runs.options_of(members[0].folder)["seed"],
        "parameters": model.count_params(),
        "findings": [] if found else [_NOT_SCORED],
        "floor": None,
        "ensemble": {"members": listed, "mean_of_members": means, "selected": bool(args.select)},
        **runs.environment(),
    }


def _mean(values):
    return None if None in values else float(np.mean(values))


def _write(folder, first, model, about, result, found, members):
    """Write the ensemble's files, all or none."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write_files(folder, first, model, about, result, found, members)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _write_files(folder, first, model, about, result, found, members):
    for name in _COPIED if found else [name for name in _COPIED if name != "split.csv"]:
        if (first.folder / name).is_file():
            with files.atomic(folder / name) as temporary:
                shutil.copyfile(first.folder / name, temporary)
    if not found and (folder / "table.json").is_file():
        _write_encoding(folder / "table.json", members)
    kind = type(first.trained.labels)
    own = {key: value for key, value in about.items() if key not in ("input_shape", "requires")}
    about = {**about, "requires": runs.save_model(folder, model, kind, **own)}
    _report(folder, first, about, result, found)
    manifest.write(folder)
    records.write(folder / "result.json", runs.Result, {**result, "evaluation": found})


def _report(folder, first, about, result, found):
    from hornbook.reports import model_card, report

    words = ["hornbook", "ensemble", *(member["run"] for member in result["ensemble"]["members"])]
    config = runs.options_of(first.folder)
    title = f"Ensemble of {len(result['ensemble']['members'])} on {str(config['dataset']).rpartition('/')[2]}"
    options = {f"member {place}": f"{one['run']}, weight {one['weight']:.3f}" for place, one in enumerate(result["ensemble"]["members"], 1)}
    told = {"title": title, "about": about, "options": options, "data": {"name": config["dataset"]}, "result": result, "evaluation": found}
    model_card.write_model_card(folder / model_card.NAME, **told)
    report.write_report(
        folder / "report.html", title=title, command=shlex.join(words), config=config, history=[], result=result, evaluation=found
    )


def _in_words(result, folder):
    told, means = result["ensemble"], result["ensemble"]["mean_of_members"]
    for member in told["members"]:
        name, value = next(iter(member["metrics"].items()))
        own = "" if result["metrics"] else " on its own fold"
        yield f"{member['run']}: {name.replace('_', ' ')} {_number(value)}{own}, weight {member['weight']:.3f}"
    for name, mean in means.items():
        scored = f"ensemble {_number(result['metrics'][name])}, mean of its members" if result["metrics"] else "mean of the folds"
        yield f"{name.replace('_', ' ')}: {scored} {_number(mean)}"
    for finding in result["findings"]:
        yield runs.in_words(finding)
    yield f"report: {folder / 'report.html'}"


def _number(value):
    return "no number" if value is None else f"{value:.4f}"
