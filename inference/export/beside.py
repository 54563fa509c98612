"""What stands beside an exported model: labels.json and a README that says what it takes, what it gives, and how it was compared."""

import pathlib

import hornbook
from hornbook import files, terminal
from hornbook.inference.export import quantized, use_file

_INSIDE = {
    "images": "scaling of pixels",
    "texts": "nothing of the tokenizer, which stands in tokenizer.json",
    "strings": "the tokenizer",
    "series": "scaling of features; missing values and windows are use.py's",
    "sound": "log-mel features of the waveform",
    "tables": "scaling of numbers; missing values and codes of categories are use.py's, by table.json",
    "columns": "missing values, codes of categories, scaling of numbers",
}

_NAMES = 8  # Of layers, in a line; README.md has all.


def size(path):
    """Bytes of a file, or of all files of a folder."""
    path = pathlib.Path(path)
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file()) if path.is_dir() else path.stat().st_size


def write_labels(folder, about):
    """Write `labels.json`: the run's, and of this export `format`, `inputs` (what the model takes), `outputs` and
    `batch_size` (how many examples use.py computes at a time); of tables `missing_values`, and the names of the `columns` of a SavedModel.
    """
    files.write_json(folder / "labels.json", {key: value for key, value in about.items() if value is not None or key == "thresholds"})


def in_words(output, file, about, found, bytes_of_model):
    """What the command says at its end, a line each."""
    return [
        f"{output}: {file}, labels.json, use.py and README.md",
        f"inside: {_inside(about)}",
        f"compared with the run on {_examples(found)}, by use.py: largest difference {found.difference:.2g}",
        *(quantized.in_words(about["quantization"], _NAMES) if "quantization" in about else []),
        f"size {_size(about, bytes_of_model)}; {_times(found)}",
        f"use: python {output}/use.py INPUT...  (pip install {' '.join(use_file.packages(about['format'], about['inputs']))})",
    ]


def _size(about, bytes_of_model):
    whole = about.get("quantization", {}).get("size_in_float32")
    return f"{bytes_of_model / 2**20:.2f} MiB" + (f", {bytes_of_model / whole:.2f} of float32's" if whole else "")


def _examples(found):
    return f"{found.examples} {'of its own' if found.real else 'made-up'} inputs"


def _inside(about):
    decided = "" if about["task"] == "regression" else ", probabilities, " + ("thresholds" if about["thresholds"] else "the decision")
    return _INSIDE[about["inputs"]] + decided


def _times(found):
    return ", ".join(
        f"{time:.3g} ms for {size} at once" if size > 1 else f"{time:.3g} ms for one" for size, time in found.milliseconds.items()
    )


def write_readme(folder, format_name, file, about, found, bytes_of_model):
    """Write `README.md`."""
    kind = about["inputs"]
    further = {"texts": "tokenizer.json", "tables": "table.json", "columns": "table.json"}.get(kind)
    lines = [
        "# An exported model",
        "",
        f"Written by Hornbook {hornbook.__version__}, which is not needed to use it:",
        "",
        "```",
        f"pip install {' '.join(use_file.packages(format_name, kind))}",
        "python use.py INPUT...",
        "```",
        "",
        "```python",
        "import use",
        "",
        f"answers = use.predict(inputs)  # A list of {use_file.TAKES[kind]}.",
        *_example(about),
        "```",
        "",
        f"- `{file}`: the model, {_size(about, bytes_of_model)}. Inside: {_inside(about)}.",
        "- `labels.json`: names of what is predicted, in their order; what the model takes and gives.",
        *([f"- `{further}`: read by use.py."] if further else []),
        "- `use.py`: the lines that use it.",
        "",
        f"Compared with the run that it was made of on {_examples(found)}, by use.py: the largest difference is {found.difference:.2g}"
        f"{_of_what(about)}. On the machine that wrote it: {_times(found)}.",
        "",
        *(f"- {line}" for line in (quantized.in_words(about["quantization"]) if "quantization" in about else [])),
        *([""] if "quantization" in about else []),
        *_predicts(about),
    ]
    (folder / "README.md").write_text("\n".join(lines), encoding="utf-8")


def _of_what(about):
    return " of the largest number" if about["task"] == "regression" else " of a probability"


def _example(about):
    if about["task"] == "regression":
        return ['print(answers["values"])  # A row for each input.']
    if about["task"] == "multi-label":
        return ['print(answers["probabilities"], answers["predicted"])  # A row for each input, a column for each label; 0 or 1.']
    return ['print([use.ABOUT["class_names"][k] for k in answers["predicted"]], answers["probabilities"])']


def _predicts(about):
    names = about["class_names"] or about["target_names"] or about.get("quantiles") or []
    # As code, so that nothing in a name is taken for Markdown.
    shown = ["`" + terminal.shown(str(name)).replace("`", "'") + "`" for name in names[:20]] + ["..."] * (len(names) > 20)
    what = {"regression": "Predicts", "multi-label": "Labels"}.get(about["task"], "Classes")
    lines = [f"{what}: {', '.join(shown)}."]
    if about["thresholds"]:
        limits = ", ".join(f"{limit:.4g}" for limit in about["thresholds"][:20])
        of = "each label" if about["task"] == "multi-label" else "the second class"
        lines += ["", f"What is predicted: {of} where its probability is above {limits}."]
    return [*lines, ""]
