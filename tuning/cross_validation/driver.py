"""A cross-validation from its options to its report: a run a fold, each in a process of its own, none that has finished run again."""

import dataclasses
import importlib
import math
import os
import pathlib

import numpy as np

from hornbook import UserError, command_line, files, spreadsheets, terminal
from hornbook.evaluation import intervals, predictions, scores
from hornbook.inference.finished_run import open_run
from hornbook.training import runs
from hornbook.tuning import kept, settings, sources
from hornbook.tuning.cross_validation import report
from hornbook.tuning.workers import many


@dataclasses.dataclass(frozen=True)
class Fold:
    """One run.

    Attributes:
        repeat, number: from 1.
        options: of the run, JSON values.
        folder: its name within the cross-validation's.
    """

    repeat: int
    number: int
    options: dict
    folder: str


def cross_validate(recipe_name, args, base, folder, said=terminal.say):
    """Train what has not been trained yet, and write `predictions.csv`, `folds.csv`, `result.json` and `report.html`.

    Args:
        recipe_name: such as "image_classification".
        args: `command.Args`.
        base: the recipe's options.
        folder: of the cross-validation.
        said: function of a line, for progress.

    Returns:
        What `result.json` holds: `metrics` of all out-of-fold predictions (of several repeats their mean), `intervals` of some of them,
        `folds` with mean and deviation over the folds, `repeats`, `seconds`.

    Raises:
        UserError: the folder holds something else, or a fold failed.
    """
    folder = pathlib.Path(folder)
    if not (folder / settings.CROSS_VALIDATION.name).exists():
        _refuse_data(recipe_name, args, base)
    shared = {name: value for name, value in command_line.to_config("", base).items() if name not in ("recipe", "output")}
    values = {"recipe": recipe_name, "options": shared, "folds": args.folds}
    paths = sources.named([vars(base)])
    lock, _ = settings.claim(folder, values, settings.CROSS_VALIDATION, paths)
    try:
        folds = _folds(args, base, shared)
        outcomes = {fold.folder: kept.ended(folder / fold.folder) for fold in folds}
        left = [fold for fold in folds if outcomes[fold.folder] is None or (args.retry_failed and "error" in outcomes[fold.folder])]
        if left:
            _train(recipe_name, args, folder, left, outcomes, said)
        for fold in folds:
            if "error" in outcomes[fold.folder]:
                told = f"fold {fold.number} of repeat {fold.repeat}: {outcomes[fold.folder]['error']}"
                raise UserError(f"{told}; the other folds are kept; once that is mended, the same command with --retry-failed goes on")
        sources.refuse_changed(folder, paths, settings.CROSS_VALIDATION.called)
        return _finish(recipe_name, args, folder, folds, outcomes)
    finally:
        os.close(lock)


def _refuse_data(recipe_name, args, base):
    """Refuse recipes without folds, data that there are not, or that do not stand in so many, before a process is begun for each."""
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    first = dataclasses.replace(base, test_fold=f"1/{args.folds}")
    recipe.check(first)
    with files.scratch_folder() as scratch:
        recipe.load(first, scratch)


def _folds(args, base, shared):
    made = []
    for repeat in range(args.repeats):
        for number in range(1, args.folds + 1):
            own = {"seed": base.seed + repeat, "split_seed": base.split_seed + repeat, "test_fold": f"{number}/{args.folds}"}
            own |= {"floor": False, "data_check": False, "save_predictions": True}
            made.append(Fold(repeat + 1, number, {**shared, **own}, f"repeat-{repeat + 1}-fold-{number}"))
    return made


def _train(recipe_name, args, folder, left, outcomes, said):
    by_folder, count = {fold.folder: fold for fold in left}, args.workers or many.workers_for(len(left))

    def end(name, outcome, done, remains):
        outcomes[name] = outcome
        score, found = next(iter(outcome.get("metrics", {}).items()), ("", [math.nan]))
        told = outcome.get("error") or f"{score.replace('_', ' ')} {_number(found[0])}"
        said(f"{done} repeat {by_folder[name].repeat}, fold {by_folder[name].number}: {told}{remains}")

    said(f"cross-validation: {len(left)} folds to train, {count} at a time; folder {folder}")
    many.train(recipe_name, folder, {fold.folder: fold.options for fold in left}, end, workers=count, threads=args.threads_per_run)


def _number(value):
    return "no number" if value is None else f"{value:.4f}"


def _finish(recipe_name, args, folder, folds, outcomes):
    about = open_run(folder / folds[0].folder / "run")[0].about
    by_repeat = {}
    for fold in folds:
        found = predictions.read(folder / fold.folder / "run" / predictions.NAME)
        by_repeat.setdefault(fold.repeat, []).append((fold, found))
    pooled = [_score(about, [found for _, found in parts], folder) for parts in by_repeat.values()]
    headlines = [scores.headline(one) for one in pooled]
    per_fold = {name: [outcomes[fold.folder]["metrics"].get(name, [None])[0] for fold in folds] for name in headlines[0]}
    result = {
        "metrics": {name: float(np.mean([one[name] for one in headlines])) for name in headlines[0]},
        "intervals": _intervals(headlines, pooled[0]["examples"], folds[0].options),
        "folds": {name: intervals.spread(values) for name, values in per_fold.items() if None not in values},
        "repeats": headlines,
        "examples": pooled[0]["examples"],
        "seconds": round(sum(outcomes[fold.folder]["seconds"] for fold in folds), 1),
        **runs.environment(),
    }
    spreadsheets.save(folder / "predictions.csv", _rows(about, by_repeat))
    names = list(headlines[0])
    table = [[fold.repeat, fold.number, *(outcomes[fold.folder]["metrics"].get(name, [None])[0] for name in names)] for fold in folds]
    spreadsheets.save(folder / "folds.csv", [["repeat", "fold", *names], *table])
    model = runs.options_of(folder / folds[0].folder / "run")["model"]
    report.write_report(folder / "report.html", recipe_name, args, folds[0].options, model, result, pooled[0], table)
    files.write_json(folder / "result.json", result)
    return result


def _intervals(headlines, examples, options):
    """Of the accuracy, the mean of the repeats': each has the same examples, so repeats do not make it narrower.

    Of groups there is none: their examples are not drawn one by one.
    """
    if "accuracy" not in headlines[0] or options.get("group_column") or options.get("group_pattern"):
        return {}
    accuracy = float(np.mean([one["accuracy"] for one in headlines]))
    return {"accuracy": intervals.wilson_interval(accuracy * examples, examples)}


def _score(about, parts, folder):
    try:
        labels, outputs = (np.concatenate([getattr(part, name) for part in parts]) for name in ("labels", "outputs"))
        return scores.of_run(about, labels, outputs)
    except (ValueError, IndexError) as error:  # A stranger may have written them.
        told = str(error).splitlines()[0]
        raise UserError(f"the {predictions.NAME} of the folds in {folder} do not fit its model ({told}); begin again in another") from error


def _rows(about, by_repeat):
    """`predictions.csv`: a row an example and repeat."""
    names = about["class_names"] or about["target_names"]
    quantiles = about.get("quantiles") or ()
    columns = [f"{names[0]} {quantile:g}" for quantile in quantiles] or names
    yield ["repeat", "fold", "index", *(["label"] if about["task"] == "classification" else [f"true {name}" for name in names]), *columns]
    for repeat, parts in by_repeat.items():
        for fold, found in parts:
            answers = scores.answers(about["loss"], found.outputs)
            for index, label, answer in zip(found.indices.tolist(), found.labels.tolist(), answers.tolist(), strict=True):
                true = label if isinstance(label, list) else [about["class_names"][label]]
                yield [repeat, fold.number, index, *true, *answer]
