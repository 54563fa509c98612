"""`MODEL_CARD.md` of a run: what the model is, what it was trained on, what it is worth and how to load it, for whoever is handed it.

It begins with the metadata block, YAML between `---`, that Hugging Face's Hub reads (its "model cards" page), so that a run's folder can be
uploaded as it is. Names of classes, columns and groups come from data of anybody: in the block they are quoted and stand in one line,
below it Markdown's own characters are escaped.
"""

import math
import re

from hornbook import files, terminal
from hornbook.evaluation.intervals import of_confusions, wilson_interval
from hornbook.reports import page

NAME = "MODEL_CARD.md"
_MOST_ROWS = 100
_MOST_NAMES = 50
_FILES = ("folder", "csv", "npz", "ts")  # Kinds of data behind which a path stands.
_MEDIA = {"images": "image", "texts": "text", "series": "time-series", "tables": "tabular"}
_PIPELINES = ("image-classification", "text-classification", "tabular-classification", "tabular-regression", "audio-classification")
# As the Hub calls them, where it has another name.
_HUB = {"macro_f1": "f1", "auc": "roc_auc", "r2": "r_squared", "mean_squared_error": "mse", "mean_absolute_error": "mae"}
_OUTPUTS = {
    "cross-entropy": "logits, one a class in the order of `class_names`; their softmax is the probabilities",
    "binary": "one logit, of the second class; its sigmoid is the probability",
    "multi-label": "logits, one a label in the order of `class_names`; the sigmoid of each is its probability",
    "masked-tokens": "logits, one a token of `tokenizer.json`, of what stands at each place; their softmax is the probabilities",
    "masked-steps": "values of each step, standardized",
    "nt-xent": "a vector, of two views of one image near to each other by its cosine",
    "quantile": "one number a quantile, in the order of `quantiles`",
}
_LABELLED = {"images": "image-classification", "texts": "text-classification", "series": "sequence-classification"}
_INPUTS = {
    "images": "raw pixels, as in the data: 0 to `pixel_maximum`",
    "texts": "ids of tokens, which `tokenizer.json` (Hugging Face's `tokenizers`) makes of texts, and `ngrams.json` where it is there",
    "series": "float series, prepared as `preprocessing` in `labels.json` says; of sound by `features.keras`",
    "tables": "rows that `table.json` encodes: numbers (with its medians for missing ones), indicators, codes of categories",
}


def write_model_card(path, *, title, about, options, data, result, evaluation=None):
    """Write a model card.

    - `path`: where to write; its folder must exist.
    - `title`: text, such as "mlp on wine". `about`: the run's `labels.json`. `options`: a dict of the options that are not the usual ones.
    - `data`: a dict of `name`, as spelt in `--dataset`, and any of `sizes` (part to number of examples), `split` (text: how it was split)
      and `notes` (a list of texts).
    - `result`, `evaluation`: as of `reports.write_report`.

    Example:
    ```python
    import pathlib, tempfile
    from hornbook.reports import write_model_card

    path = pathlib.Path(tempfile.mkdtemp()) / "MODEL_CARD.md"
    about = {"medium": "tables", "task": "classification", "loss": "cross-entropy", "class_names": ["a", "b"], "input_shape": [4]}
    data = {"name": "csv:rows.csv", "sizes": {"train": 80, "test": 20}}
    write_model_card(path, title="mlp on rows", about=about, options={"epochs": 3}, data=data, result={"metrics": {"accuracy": 0.9}})
    assert path.read_text().startswith("---\\nlibrary_name: keras\\n")
    ```
    """
    name, where = public(data["name"]), result.get("evaluated_on")
    sections = [
        ("Model", _model(about, result)),
        ("Data", _data(name, data)),
        ("Training", _training(options, result)),
        (f"Scores on the {where} part" if where else "Scores", _scores(result, evaluation)),
        ("By class", _classes(about, evaluation)),
        ("By group", _groups(evaluation)),
        ("Prediction sets", _sets(result.get("prediction_sets"))),
        ("Floor", _floor(result.get("floor"))),
        ("Findings", _findings(result.get("findings") or ())),
        ("How to load it", _loading(about)),
        ("Versions", _versions(result)),
    ]
    lines = [*_metadata(title, name, about, result), "", f"# {escaped(title)}"]
    for heading, own in sections:
        if own:
            lines += ["", f"## {heading}", "", *own]
    with files.atomic(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="backslashreplace")


def data_of(dataset, split_seed):
    """What a card says of a dataset: the `data` of `write_model_card`.

    Args:
        dataset: `data.dataset.Dataset`.
        split_seed: of its split.
    """
    how = [] if dataset.groups is None else ["with examples of one group in one part"]
    how += [] if dataset.times is None else ["by time, the latest examples last"]
    how += ["as a file says"] if not dataset.drawn and dataset.times is None else []
    told = f"Split with the seed {split_seed}{', ' + ', '.join(how) if how else ''}; which example went where is in split.csv."
    return {"name": dataset.name, "sizes": {name: len(part) for name, part in dataset.parts.items()}, "split": told, "notes": dataset.notes}


def public(name):
    """A value of an option for others to read: of a path in it the last part alone, `csv:houses.csv` of `csv:/home/me/houses.csv`."""
    kind, colon, path = str(name).partition(":")
    if colon and kind in _FILES:
        return f"{kind}:{_last(path)}"
    return _last(str(name)) if str(name).startswith(("/", "~")) else str(name)


def _last(path):
    return path.rstrip("/").rpartition("/")[2] or path


def _quoted(text):
    """A text as YAML in double quotes: one line, whatever is in it."""
    plain = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(plain.get(one) or (one if one.isprintable() else _code(one)) for one in str(text)) + '"'


def _code(character):
    number = ord(character)
    return "\N{REPLACEMENT CHARACTER}" if 0xD800 <= number < 0xE000 else f"\\U{number:08x}"


def escaped(text):
    """A text within a line of Markdown: cut to 120 characters, in one line, and nothing in it is markup, HTML or a link."""
    shown = re.sub(r"([\\`*_\[\]<>|~@&$])", r"\\\1", terminal.shown(page.shortened(text))).replace("://", r":\//")
    return re.sub(r"(?i)\bwww\.", r"www\\.", re.sub(r"^([-+=#])", r"\\\1", shown))


def _metadata(title, name, about, result):
    """The block that the Hub reads, lines."""
    kind = "audio" if "sample_rate" in (about.get("preprocessing") or {}) else _MEDIA[about["medium"]]
    task = f"{kind}-{'regression' if about['task'] == 'regression' else 'classification'}"
    task = f"{kind}-feature-extraction" if about.get("pretext") else task
    short = re.sub(r"[^A-Za-z0-9._-]+", "-", name.partition(":")[2] or name).strip("-.") or "data"
    numbers = {metric: float(value) for metric, value in (result.get("metrics") or {}).items() if value is not None}
    numbers = {metric: value for metric, value in numbers.items() if math.isfinite(value)}
    lines = ["---", "library_name: keras", "tags:", *(f"- {tag}" for tag in ("hornbook", "keras", task))]
    lines += [f"pipeline_tag: {task}"] if task in _PIPELINES else []
    lines += ["datasets:", f"- {_quoted(short)}"]
    if numbers:
        lines += ["metrics:", *(f"- {_HUB.get(metric, metric)}" for metric in numbers), "model-index:", f"- name: {_quoted(title)}"]
        lines += ["  results:", "  - task:", f"      type: {task}", "    dataset:", f"      name: {_quoted(name)}"]
        lines += [f"      type: {_quoted(short)}", f"      split: {result.get('evaluated_on', 'test')}", "    metrics:"]
        for metric, value in numbers.items():
            lines += [f"    - type: {_HUB.get(metric, metric)}", f"      name: {metric.replace('_', ' ')}", f"      value: {value:.6f}"]
    return [*lines, "---"]


def _model(about, result):
    said = {"classification": "Says which class an example is of", "multi-label": "Says of each label whether an example has it"}
    told = said.get(about["task"], "Predicts numbers")
    if about.get("pretext"):
        told = f"Was pretrained by {about['pretext']}, on no labels: other networks begin with its weights"
    names = about.get("target_names") if about["task"] == "regression" else about.get("class_names")
    names = None if about["task"] == "embedding" else names
    listed = ", ".join(map(escaped, names[:_MOST_NAMES])) if names else ""
    more = f" and {len(names) - _MOST_NAMES:,} more" if names and len(names) > _MOST_NAMES else ""
    kind = {"classification": "Classes", "multi-label": "Labels"}.get(about["task"], "Numbers")
    if about["task"] == "classification" and len(about.get("target_names") or ()) == 1:
        kind = f"Classes of {escaped(about['target_names'][0])}"
    parameters = f" It has {result['parameters']:,} parameters." if result.get("parameters") else ""
    return [f"{told}.{parameters}", *(["", f"{kind}: {listed}{more}."] if listed else [])]


def _data(name, data):
    sizes = ", ".join(f"{count:,} {part}" for part, count in (data.get("sizes") or {}).items())
    lines = [f"{escaped(name)}{f': {sizes} examples' if sizes else ''}.{' ' + _sentence(data['split']) if data.get('split') else ''}"]
    notes = [f"- Note: {_sentence(note)}" for note in (data.get("notes") or ())[:_MOST_ROWS]]
    return lines + (["", *notes] if notes else [])


def _sentence(text):
    """A text of any length, escaped."""
    return " ".join(escaped(word) for word in terminal.shown(text).split(" "))


def _training(options, result):
    told = [f"{key.replace('_', ' ')} {result[key]}" for key in ("epochs", "seed", "precision") if result.get(key) is not None]
    told += [f"{page.duration(result['seconds'])}"] if result.get("seconds") is not None else []
    lines = [f"{', '.join(told)[:1].upper()}{', '.join(told)[1:]}."] if told else []
    rows = [(escaped(name.replace("_", " ")), escaped(_value(value))) for name, value in options.items()]
    return [*lines, *([""] if lines and rows else []), *(_table(("option", "value"), rows) if rows else [])]


def _value(value):
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return public(value) if isinstance(value, str) else str(value)


def _scores(result, evaluation):
    evaluation = evaluation or {}
    between = {} if evaluation.get("not_finite") else of_confusions(evaluation.get("confusion_matrix") or [])
    if "at_half" in evaluation or "accuracy_interval" in evaluation:
        between["accuracy"] = evaluation["accuracy_interval"]
    between |= {name.removesuffix("_interval"): value for name, value in evaluation.items() if name.endswith("_error_interval")}
    rows = [
        (name.replace("_", " "), page.number(value), _between(between.get(name))) for name, value in (result.get("metrics") or {}).items()
    ]
    if not rows:
        return ["It was not evaluated."]
    below = [f"{evaluation['examples']:,} examples."] if "examples" in evaluation else []
    if "by_group" in evaluation:
        below.append("Examples of one group are alike, so these intervals are too narrow.")
    return [*_table(("score", "value", "95% interval"), rows), *(["", " ".join(below)] if below else [])]


def _classes(about, evaluation):
    rows, matrix = (evaluation or {}).get("per_class") or [], (evaluation or {}).get("confusion_matrix")
    said = [sum(column) for column in zip(*matrix, strict=True)] if matrix else [None] * len(rows)
    told = [
        (
            escaped(one["name"]),
            f"{one['support']:,}",
            f"{page.number(one['precision'])}{_of(one['precision'], count)}",
            f"{page.number(one['recall'])}{_of(one['recall'], one['support'])}",
            page.number(one["f1"]),
        )
        for one, count in zip(rows[:_MOST_ROWS], said, strict=False)
    ]
    headings = ("label" if about["task"] == "multi-label" else "class", "examples", "precision", "recall", "F1")
    return [*_table(headings, told), *_more(rows)] if rows else []


def _of(share, count):
    """The 95% interval of a share of so many examples in brackets; nothing where they are not known, or none."""
    return f" ({_between(wilson_interval(round(share * count), count))})" if count else ""


def _groups(evaluation):
    rows = (evaluation or {}).get("robust_groups") or (evaluation or {}).get("by_group") or []
    if not rows:
        return []
    score = "accuracy" if "accuracy" in rows[0] else "mean_absolute_error"
    told = [(escaped(one["name"]), f"{one['examples']:,}", page.number(one[score]), _between(one["interval"])) for one in rows[:_MOST_ROWS]]
    lead = f"{len(rows):,} groups, the largest first."
    return [lead, "", *_table(("group", "examples", score.replace("_", " "), "95% interval"), told), *_more(rows)]


def _more(rows):
    return ["", f"And {len(rows) - _MOST_ROWS:,} more, in `result.json`."] if len(rows) > _MOST_ROWS else []


def _sets(found):
    if not found:
        return []
    told = f"{page.percent(found['promised'])} of new examples like the {found['calibration_examples']:,} validation examples are to have"
    told += " what is true in their set or interval (`conformal` in `labels.json`)."
    return [f"{told} Reached where it was scored: {page.percent(found['coverage'])}." if "coverage" in found else told]


def _floor(found):
    if not found or found.get("model") is None:
        return []
    metric = found["metric"].replace("_", " ")
    return [
        f"The best classical model on the same examples, {found['model']}, has {metric} {page.number(found['score'])}, this one "
        f"{page.number(found['network'])} (95% interval of the difference {_between(found.get('interval'))})."
    ]


def _findings(found):
    return [f"- **{one['severity'].capitalize()}: {escaped(one['problem'])}.** {_sentence(one['evidence'])}" for one in found]


def _loading(about):
    needs = ["import hornbook.models  # For layers that Keras lacks."] if about.get("requires") else []
    shape = ", ".join("any" if size is None else str(size) for size in about.get("input_shape") or ())
    lines = ["```python", "import json, keras", *needs, "", 'model = keras.saving.load_model("model.keras")']
    lines += ['about = json.load(open("labels.json"))', "outputs = model.predict(inputs)", "```", ""]
    lines += [f"`inputs`: an array `(examples, {shape})` of {_INPUTS[about['medium']]}.", ""]
    lines += [f"`outputs`: {_OUTPUTS.get(about['loss'], 'the predicted numbers, in their own units')}."]
    if about.get("thresholds"):
        lines[-1] += " What is above the number in `thresholds` is predicted."
    if about.get("pretext"):
        return [*lines, "", f"With Hornbook: `hornbook {_LABELLED.get(about['medium'], 'RECIPE')} --weights RUN`."]
    return [*lines, "", "With Hornbook, from raw files: `hornbook predict RUN FILE...`."]


def _versions(result):
    versions = result.get("versions") or {}
    told = ", ".join(f"{escaped(name)} {escaped(version)}" for name, version in versions.items())
    backend = f"; backend {escaped(result['backend'])}" if result.get("backend") else ""
    return [f"{told}{backend}."] if told else []


def _between(interval):
    known = interval is not None and None not in interval and all(map(math.isfinite, interval))
    return f"{interval[0]:.4g} to {interval[1]:.4g}" if known else "\N{EN DASH}"


def _table(headings, rows):
    return [f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *rows)]
