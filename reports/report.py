"""A training run as one HTML file for people who would rather look than read: `write_report`."""

import math
from collections.abc import Mapping

import numpy as np

import hornbook
from hornbook import command_line, files
from hornbook.reports import charts, classification, decisions, floor, inputs, inside, page, prediction_sets, regression

# Of further metrics the curves are not drawn, only kept in the history: hundreds would make a file that no phone opens.
_MOST_CHARTS = 12
_NOT_DRAWN = ("epoch", "seconds", "learning_rate")
_SHOWN_ELSEWHERE = ("metrics", "seconds", "seed", "versions", "findings", "evaluated_on", "parameters", "epochs", "best_epoch")
_DATA = {"test": "the test data, which training never saw", "validation": "the validation data"}


def write_report(path, *, title, command, config, history, result, evaluation=None, examples=(), augmented=(), tokens=None, seen=None):
    """Write `report.html`: headline, findings, floor, curves, the network's inside, scores, mistakes, options, versions.

    The file is self-contained (inline SVG and PNG, no script, nothing loaded), stays under 3 MB, and is replaced as a whole: a reader
    never sees half of one. Every name is escaped. The same arguments give the same bytes.

    - `path`: where to write; its folder must exist.
    - `title`: text. `command`: the command that makes the run again, text. `config`: a dict of the run's options.
    - `history`: a list of dicts, one an epoch: `epoch`, `loss`, `accuracy`, `val_loss`, `val_accuracy`, `learning_rate`, `seconds` (since
      the run began), and any further metric. Keys may be missing, values None or NaN. Without `epoch`, rows are counted from 1.
    - `result`: a dict with any of `metrics` (name to number), `seconds`, `seed`, `versions` (name to text),
      `findings` (a list of texts, or of dicts with `problem`, `severity`, `evidence` and `advice`),
      `evaluated_on` ("test", "validation"), `parameters`, `best_epoch` (in the numbering of `history`; None marks the epoch of the
      lowest `val_loss`), `floor` (as of `evaluation.floors.compare`), `network_alone` (metrics without the
      classical model that is mixed with it), `threshold`, `temperature`, `prediction_sets` and `routing` (what was chosen on validation
      data, see `recipes.steps.decisions`), `remedied` (of a run that tries a remedy: `first_run`, its folder, the `problem` that it had,
      and `changes`, a dict of options). Other plain values are listed among the run's details.
    - `evaluation`: what `classification.classification`, `scores.scores` or `regression.regression` returned, or None.
    - `examples`: dicts of `image` (uint8 array (height, width, channels), 1 or 3 channels, or an SVG string) or `text`, `true`, `predicted`
      (names), `confidence` (0 to 1): the most confident mistakes, the worst first (`examples.mistakes`). As many as 24 are shown, and no
      more than fit. `heat`, where there is one, is HTML of the example under what spoke for the class that was said.
    - `augmented`: dicts of `image`, `versions` (a list of images as above) and `label` (`examples.augmented`): training images beside what
      augmentation makes of them. Left out where nothing was changed.
    - `tokens`: a dict from a part's name to the `statistics` of its `tokens.Tokens`, or None.
    - `seen`: what was seen within the network, as of `training.diagnosis.inside`, or None.

    Example:
    ```python
    import keras, numpy, pathlib, tempfile
    from hornbook.reports import write_report

    model = keras.Sequential([keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    fitted = model.fit(numpy.ones((64, 3)), numpy.ones((64, 1)), epochs=3, verbose=0)
    history = [{"loss": loss} for loss in fitted.history["loss"]]
    path = pathlib.Path(tempfile.mkdtemp()) / "report.html"
    write_report(path, title="ones", command="python ones.py", config={"epochs": 3}, history=history, result={"seed": 0})
    ```
    """
    sections = [
        ("findings", "Findings", _findings(result, evaluation)),
        ("floor", "Floor", floor.floor(result.get("floor"), _metrics_at_half(result), result.get("network_alone"))),
        ("curves", "Curves", _curves(history, result.get("best_epoch"))),
        ("inside", "Inside the network", inside.inside(seen)),
        ("predictions", "Predictions", regression.predictions(evaluation)),
        ("residuals", "Residuals", regression.residuals(evaluation)),
        ("quantiles", "Quantiles", regression.quantiles(evaluation)),
        ("threshold", "Threshold", decisions.threshold(result.get("threshold"), evaluation)),
        ("confusions", "Confusions", classification.confusions(evaluation)),
        ("classes", "Classes", classification.classes(evaluation)),
        ("groups", "Groups", classification.groups(evaluation)),
        ("calibration", "Calibration", classification.calibration(evaluation) + decisions.temperature(result.get("temperature"))),
        ("prediction-sets", "Prediction sets", prediction_sets.prediction_sets(result.get("prediction_sets"), evaluation)),
        ("routing", "Answers that can be taken", prediction_sets.routing(result.get("routing"), result.get("evaluated_on"))),
        ("mistakes", "Most confident mistakes", classification.mistakes(examples)),
        ("tokens", "Texts and tokens", inputs.tokens(tokens)),
        ("augmented", "Augmented input", inputs.sheet(augmented)),
        ("options", "Options", _options(config)),
        ("run", "The run", _run(command, result)),
    ]
    sections = [(key, heading, content) for key, heading, content in sections if content]
    body = "\n".join(
        [
            _headline(title, history, result, evaluation, [(key, heading) for key, heading, _ in sections]),
            "<main>",
            *(f'<section id="{key}"><h2>{heading}</h2>\n{content}\n</section>' for key, heading, content in sections),
            "</main>",
            f"<footer>Made by Hornbook {page.escape(hornbook.__version__)}. This file loads nothing from anywhere.</footer>",
        ]
    )
    with files.atomic(path) as temporary:
        # A file name with bytes that are no text reaches Python as lone surrogates, which UTF-8 does not take.
        temporary.write_text(page.document(title, body), encoding="utf-8", errors="backslashreplace")


def _metrics_at_half(result):
    """The metrics with a threshold of 0.5, as classical models have it."""
    return {**(result.get("metrics") or {}), **(result.get("threshold") or {}).get("metrics_at_half", {})}


def _headline(title, history, result, evaluation, sections):
    metric, value, where = _main_score(history, result)
    interval = ""
    if metric == "accuracy" and evaluation and evaluation["accuracy"] == value:
        low, high = evaluation["accuracy_interval"]
        interval = f" ({page.number(evaluation['examples'])} examples; 95% interval {page.percent(low)} to {page.percent(high)})"
    score = page.escape(_written(metric, value)) if metric else "\N{EN DASH}"
    told = f"{page.escape(_words(metric) + where)}{interval}" if metric else "This run was not evaluated."
    links = "".join(f'<a href="#{key}">{heading}</a>' for key, heading in sections)
    return (
        f'<header>\n<p class="over">Hornbook training report</p>\n<h1>{page.isolated(title)}</h1>\n'
        f'<div class="score"><strong>{score}</strong><p>{told}</p></div>\n'
        f"{page.definitions(_facts(metric, history, result, evaluation))}\n"
        f'<nav aria-label="Sections">{links}</nav>\n</header>'
    )


def _main_score(history, result):
    """(metric, value, words for the data it was taken on), from the result, else from the history's best or last epoch, else Nones."""
    metrics = {name: value for name, value in (result.get("metrics") or {}).items() if _is_number(value)}
    if metrics:
        metric = next((name for name in ("accuracy", "r2", *metrics) if name in metrics and name != "loss"), "loss")
        where = result.get("evaluated_on")
        copies = f", with test-time augmentation ({result['test_time_augmentation']})" if "test_time_augmentation" in result else ""
        return metric, float(metrics[metric]), (f" on {_DATA.get(where, where)}" if where else "") + copies
    best = result.get("best_epoch")
    epoch, row = next(((epoch, row) for epoch, row in reversed(_numbered(history)) if best is None or epoch == best), (None, {}))
    for metric in ("accuracy", "loss"):
        if _is_number(row.get(f"val_{metric}")):
            return metric, float(row[f"val_{metric}"]), f" on the validation data, epoch {epoch}; no other evaluation was asked for"
    return None, None, None


def _facts(shown, history, result, evaluation):
    scores = {name: value for name, value in (result.get("metrics") or {}).items() if name != shown and _is_number(value)}
    if evaluation:
        scores = {**{name: evaluation[name] for name in ("macro_f1", "calibration_error") if name in evaluation}, **scores}
    facts = [(_heading(name), _written(name, value)) for name, value in scores.items()]
    single = (result.get("single_images") or {}).get(shown)
    if _is_number(single):
        facts.insert(0, ("Single images", _written(shown, single)))
    if history:
        facts.append(("Epochs", page.number(len(history))))
    for name, key, write in (
        ("Best epoch", "best_epoch", page.number),
        ("Time", "seconds", page.duration),
        ("Parameters", "parameters", page.number),
        ("Seed", "seed", str),
    ):
        if _is_number(result.get(key)):
            facts.append((name, write(result[key])))
    return facts


def _findings(result, evaluation):
    findings = list(result.get("findings") or ())
    if evaluation and evaluation["not_finite"]:
        lost, total = page.number(evaluation["not_finite"]), page.number(evaluation["examples"])
        findings.append(f"The outputs for {lost} of {total} examples are not finite numbers. They count as mistakes.")
    told = list(dict.fromkeys(_finding(finding) for finding in findings))
    if result.get("remedied"):
        told.insert(0, _remedied(**result["remedied"]))
    if not told:
        return ""
    return '<ul class="findings">\n' + "\n".join(f"<li>{one}</li>" for one in told) + "\n</ul>"


def _remedied(first_run, problem, changes):
    """What a second run changes of the first, as an HTML paragraph."""
    flags = " ".join(command_line.flags(changes))
    return f"<p><b>Remedy tried</b></p><p>{page.with_flags(f'This run has {flags} against {problem}, which {first_run} had.')}</p>"


def _finding(finding):
    """A finding as HTML paragraphs: a text, or a dict whose problem and severity stand out, evidence and advice below."""
    if not isinstance(finding, Mapping):
        return f"<p>{page.with_flags(str(finding))}</p>"
    title = f"{finding['severity'].capitalize()}: {finding['problem'].replace('-', ' ')}"
    texts = [finding[name] for name in ("evidence", "advice") if finding.get(name)]
    return f"<p><b>{page.with_flags(title)}</b></p>" + "".join(f"<p>{page.with_flags(text)}</p>" for text in texts)


def _curves(history, best_epoch):
    if not history:
        return ""
    names = [name for name in dict.fromkeys(name for row in history for name in row) if _column(history, name)]
    measured = [name for name in names if name not in _NOT_DRAWN and not name.startswith("val_")]
    measured += [name[4:] for name in names if name.startswith("val_") and name[4:] not in measured]
    measured.sort(key=lambda name: {"loss": 0, "accuracy": 1}.get(name, 2))
    best_epoch = _lowest(_column(history, "val_loss")) if best_epoch is None else best_epoch
    figures = [_metric_figure(name, history, best_epoch) for name in measured[:_MOST_CHARTS]]
    if "learning_rate" in names:
        series = [("learning rate", "validation", _column(history, "learning_rate"))]
        figures.append(_figure("Learning rate", "", charts.line_chart("Learning rate by epoch", series, logarithmic=False)))
    figures.append(_epoch_table(measured, history, best_epoch))
    return '<div class="charts">\n' + "\n".join(figures) + "\n</div>"


def _lowest(points):
    """The epoch of the lowest finite value, None where there is none."""
    return min(((value, epoch) for epoch, value in points if math.isfinite(value)), default=(None, None))[1]


def _metric_figure(name, history, best_epoch):
    series = [("train", "train", _column(history, name)), ("validation", "validation", _column(history, f"val_{name}"))]
    series = [one for one in series if one[2]]
    ends = ", ".join(f"{kind} ends at {_written(name, points[-1][1])}" for kind, _, points in series)
    label = f"{_heading(name)} by epoch: {ends}"
    keys = "".join(f'<span class="key {css_class}">{kind}</span>' for kind, css_class, _ in series)
    drawn = charts.line_chart(label, series, marked=best_epoch, as_percent=_is_share(name))
    return _figure(page.escape(_heading(name)), f"<span>{keys}</span>", drawn)


def _figure(heading, keys, drawn):
    return f"<figure><figcaption><b>{heading}</b>{keys}</figcaption>{drawn}</figure>"


def _epoch_table(measured, history, best_epoch):
    """The figures behind the curves, at the best epoch and the last."""
    numbered = _numbered(history)
    chosen = {numbered[-1][0]: ("last", numbered[-1][1])}
    for epoch, row in numbered:
        if epoch == best_epoch:
            chosen = {epoch: ("best and last" if epoch in chosen else "best", row), **{k: v for k, v in chosen.items() if k != epoch}}
    kinds = {"train": "", "validation": "val_"}
    kinds = {kind: prefix for kind, prefix in kinds.items() if any(_column(history, prefix + name) for name in measured)}
    rows = [
        (
            f'{page.escape(_heading(name))}<br><span class="soft">{which}, epoch {epoch:,}</span>',
            *(page.escape(_written(name, row.get(prefix + name))) for prefix in kinds.values()),
        )
        for name in measured[:4]
        for epoch, (which, row) in chosen.items()
    ]
    seconds = np.diff([0.0, *(value for _, value in _column(history, "seconds") if math.isfinite(value))])
    below = f'<p class="note">An epoch took {page.duration(float(np.median(seconds)))} (median).</p>' if len(seconds) else ""
    return f"<div>{page.table(['', *kinds], rows)}{below}</div>"


def _options(config):
    return page.definitions([(_words(name), _value(value)) for name, value in config.items()], "options") if config else ""


def _run(command, result):
    details = [(_words(name), _value(value)) for name, value in result.items() if name not in _SHOWN_ELSEWHERE and _is_plain(value)]
    versions = [(name, _value(value)) for name, value in (result.get("versions") or {}).items()]
    parts = ['<p class="lead">The command that makes this run again:</p>', f"<pre>{page.escape(command)}</pre>"]
    parts += [page.definitions(pairs, "options") for pairs in ([*versions, *details],) if pairs]
    return "\n".join(parts)


def _numbered(history):
    """(epoch, row) of every row, the epoch being the row's own or its place from 1."""
    return [(int(float(row["epoch"])) if _is_number(row.get("epoch")) else place, row) for place, row in enumerate(history, start=1)]


def _column(history, name):
    """(epoch, value) wherever a number was recorded under this name, NaN and infinity being such."""
    pairs = ((epoch, _float(row.get(name))) for epoch, row in _numbered(history))
    return [(epoch, value) for epoch, value in pairs if value is not None]


def _float(value):
    """A float of whatever says one, text from a CSV file included; None where nothing does."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _is_number(value):
    return _float(value) is not None and not isinstance(value, bool)


def _is_share(metric):
    return "accuracy" in metric or metric.removeprefix("macro_") in ("precision", "recall", "f1", "calibration_error")


def _is_plain(value):
    return value is None or isinstance(value, (str, int, float, bool))


def _words(name):
    return str(name).replace("_", " ")


def _heading(name):
    return _words(name).capitalize().replace(" f1", " F1").replace("Auc", "AUC")


def _written(metric, value):
    return page.percent(_float(value)) if _is_share(metric) else page.number(_float(value))


def _value(value):
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == "":
        return "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(_value(one) for one in value) or "none"
    return str(value)
