"""A cross-validation's `report.html`: the scores of all out-of-fold predictions, those of each fold, and what was mistaken for what."""

import datetime
import importlib
import shlex

from hornbook import command_line, files
from hornbook.reports import classification, page, regression

_HOW = (
    "Each example is predicted by the network of the fold that left it out. The scores of all these predictions say what such a network is "
    "worth on data like these; the deviation over folds says how much the luck of a fold makes. Folds share most of their training "
    "examples, so their deviation is no measure of how sure the mean is."
)


def write_report(path, recipe_name, args, options, model, result, pooled, rows):
    """Write the report, a page that loads nothing.

    Args:
        path: of the file.
        recipe_name: such as "image_classification".
        args: `command.Args`.
        options: of the first fold, JSON values.
        model: its name, also where `options` have "auto".
        result: as of `driver.cross_validate`.
        pooled: scores of the first repeat's predictions, as of `evaluation.scores.scores`.
        rows: a list a fold: repeat, fold, its metrics.
    """
    name, score = next(iter(result["metrics"].items()))
    between = result["intervals"].get(name)
    told = f"{name.replace('_', ' ')} of {result['examples']:,} out-of-fold predictions"
    told += "" if between is None else f", 95% interval {page.number(between[0])} to {page.number(between[1])}"
    introduction = f'<div class="score"><strong>{page.number(score)}</strong><p>{page.escape(told)}</p></div>'
    facts = [
        ("Data", options["dataset"]),
        ("Model", options["model"] if model == options["model"] else f"{model}, chosen"),
        ("Folds", page.number(args.folds)),
        ("Repeats", page.number(args.repeats)),
        ("Examples", page.number(result["examples"])),
        ("Time of all folds", page.duration(result["seconds"])),
    ]
    names, first = list(result["metrics"]), ", first repeat" if args.repeats > 1 else ""
    cells = [(f"repeat {repeat}, {fold}" if args.repeats > 1 else str(fold), *map(_figure, values)) for repeat, fold, *values in rows]
    sections = [
        ("Scores", f'<p class="lead">{page.escape(_HOW)}</p>{_scores(result)}'),
        ("Folds", page.table(["Fold", *(page.escape(one.replace("_", " ")) for one in names)], cells)),
        (f"Predictions{first}", regression.predictions(pooled)),
        (f"Quantiles{first}", regression.quantiles(pooled)),
        (f"Confusions{first}", classification.confusions(pooled)),
        (f"Classes{first}", classification.classes(pooled)),
        (f"Calibration{first}", classification.calibration(pooled)),
        ("Make it again", f"<pre>{page.escape(_command(recipe_name, args, options))}</pre>"),
    ]
    versions = ", ".join(f"{key} {value}" for key, value in result["versions"].items())
    title = f"Cross-validation of {recipe_name.replace('_', ' ')}"
    foot = f"{versions}; {datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
    files.write_text(path, page.of_sections(title, introduction, facts, sections, foot))


def _figure(value):
    return page.number(None) if value is None else f"{value:.4f}"


def _scores(result):
    rows = []
    for name, value in result["metrics"].items():
        spread = result["folds"].get(name)
        over_folds = "" if spread is None else f"{_figure(spread['mean'])} \N{PLUS-MINUS SIGN} {_figure(spread['standard_deviation'])}"
        repeats = ", ".join(_figure(one[name]) for one in result["repeats"])
        rows.append((page.escape(name.replace("_", " ")), _figure(value), over_folds, repeats))
    return page.table(["Score", "All predictions", "Mean \N{PLUS-MINUS SIGN} deviation over folds", "Of each repeat"], rows)


def _command(recipe_name, args, options):
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    own = {**options, "test_fold": None, "floor": True, "data_check": True, "save_predictions": False}
    base = recipe.Args(**command_line.of_their_types(recipe.Args, own, "the options"))
    words = shlex.split(command_line.command(recipe_name, base))
    return shlex.join([words[0], "cross-validate", *words[1:], "--folds", str(args.folds), "--repeats", str(args.repeats)])
