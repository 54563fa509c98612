"""Does every recipe's default model come out of every export as it went in? Largest difference, size and time, a row an export.

python -m benchmarks.reliability.exports                      # writes benchmarks/results/exports.csv
python -m benchmarks.reliability.exports --only texts series  # prints, and writes nothing
python -m benchmarks.reliability.exports --runs RUN...        # exports runs of your own, and writes nothing

Each recipe's default is trained for two epochs, with further networks of each medium beside it (recurrent ones in two directions, in 16
bits, transformers, tokens of every kind, series of unequal length and with gaps, sound), and exported to each format. What is compared are
64 inputs of the run's data, by `use.py` in a process that cannot import Hornbook (nor TensorFlow or Keras, where the format needs none).
Times are of the model alone, and count on a quiet machine only. About an hour on two cores.
"""

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

RESULTS = pathlib.Path(__file__).parents[1] / "results" / "exports.csv"
FORMATS = (("keras", "float32"), ("saved_model", "float32"), ("onnx", "float32"), ("litert", "float32"), ("litert", "float16"))
WALKS = {"dataset": "csv:walks.csv", "time_column": "step"}
RUNS = {
    "images": ("image_classification", {}),
    "images, airbench94": ("image_classification", {"model": "airbench94", "width": 16}),
    "images, bfloat16": ("image_classification", {"model": "resnet20", "precision": "bfloat16"}),
    "images, transformer": ("image_classification", {"model": "vision_transformer", "depth": 2, "width": 32}),
    "images, 110 layers": ("image_classification", {"model": "resnet", "depth": 110, "width": 4, "stacking": "always"}),
    "texts": ("text_classification", {}),
    "texts, pairs of words": ("text_classification", {"ngrams": 2, "model": "cnn1d", "kernel_sizes": (1,), "pooling": "mean"}),
    "texts, bpe": ("text_classification", {"model": "text_transformer", "tokenizer": "bpe", "depth": 1, "width": 32}),
    "texts, characters": ("text_classification", {"model": "cnn1d", "tokenizer": "character", "max_length": 200}),
    "texts, two directions": ("text_classification", {"model": "bidirectional_lstm", "width": 32}),
    "series": ("sequence_classification", {}),
    "series, lstm": ("sequence_classification", {"model": "lstm", "width": 32, "classical_share": 0.0}),
    "series, layer-normalized": ("sequence_classification", {"model": "lstm", "width": 16, "recurrent_normalization": "layer"}),
    "series, two directions": ("sequence_classification", {"model": "bidirectional_gru", "width": 32}),
    "series, unequal": ("sequence_classification", {**WALKS}),
    "series, unequal gru": ("sequence_classification", {**WALKS, "model": "gru", "width": 16}),
    "series, gaps in windows": ("sequence_classification", {**WALKS, "dataset": "csv:gaps.csv", "missing": "mask", "window": 16}),
    "sound": ("sequence_classification", {"dataset": "folder:tones", "model": "cnn1d", "width": 16}),
    "tables": ("tabular_classification", {}),
    "tables, categories": ("tabular_classification", {"dataset": "csv:mixed.csv", "threshold": "f1", "temperature_scaling": True}),
    "tables, tabm": ("tabular_classification", {"dataset": "csv:mixed.csv", "model": "tabm", "number_embedding": "piecewise"}),
    "numbers": ("regression", {}),
    "numbers, quantiles": ("regression", {"loss": "quantile", "quantiles": (0.1, 0.5, 0.9)}),
    "numbers, series": ("regression", {"dataset": "adding", "length": 40, "examples": 500, "model": "lstm", "width": 16}),
}
COLUMNS = ("run", "model", "format", "precision", "takes", "inputs", "difference", "bytes", "ms_1", "ms_32", "seconds", "refused")
# What the process that uses an export cannot import.
WITHOUT = {"keras": ["hornbook"], "saved_model": ["hornbook"], "onnx": ["hornbook", "keras", "tensorflow"],
           "litert": ["hornbook", "keras", "tensorflow"]}  # fmt: skip
USE = """
import json, runpy, sys
sys.modules.update(dict.fromkeys(WITHOUT))
use = runpy.run_path("use.py")
answers = use["predict"](json.load(open("inputs.json")))
json.dump({name: rows.tolist() for name, rows in answers.items()}, open("answers.json", "w"))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", help="runs whose names begin with these words; the table keeps its rows of the others")
    parser.add_argument("--runs", nargs="+", default=[], help="folders of finished runs to export instead")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        write_data(pathlib.Path(folder))
        chosen = [] if args.runs else [name for name in RUNS if not args.only or name.startswith(tuple(args.only))]
        for path in args.runs:
            exported(path, path)
        found = {name: exported(name, trained(name)) for name in chosen}
    if not args.runs:
        write(found)


def write(found):
    """Write the table, of those that were not run again with the rows that it has."""
    with open(RESULTS, newline="", encoding="utf-8") as file:
        before = list(csv.DictReader(file))
    rows = [row for name in RUNS for row in found.get(name) or [row for row in before if row["run"] == name]]
    with open(RESULTS, "w", newline="", encoding="utf-8") as file:
        csv.DictWriter(file, COLUMNS, lineterminator="\n").writeheader()
        csv.DictWriter(file, COLUMNS, lineterminator="\n").writerows(rows)


def write_data(folder):
    """Series of unequal length, with and without gaps, a table with categories and missing cells, and tones as WAV files."""
    from scipy.io import wavfile

    draw = np.random.default_rng(0)
    for name, share in (("walks", 0.0), ("gaps", 0.1)):
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "step", "a", "b", "label"])
            for unit in range(120):
                steps = np.cumsum(draw.normal(size=(int(draw.integers(32, 64)), 2)) + 0.3 * (unit % 2), axis=0).round(4)
                rows.writerows([unit, k, *("" if draw.random() < share else one for one in row), unit % 2] for k, row in enumerate(steps))
    with open(folder / "mixed.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["age", "income (CHF)", "city", "colour", "label"])
        for _ in range(600):
            age, income, city = int(draw.integers(18, 90)), draw.normal(50, 20), draw.choice(["Bern", "Zürich", "Basel"])
            said = "yes" if age + income + 10 * (city == "Bern") > 110 else "no"
            rows.writerow([age if draw.random() > 0.1 else "", round(income, 2), city, draw.choice(["red", "blue", ""]), said])
    for label, pitch in (("low", 300), ("high", 900)):
        (folder / "tones" / label).mkdir(parents=True)
        for k in range(40):
            times = np.arange(int(draw.integers(4000, 8000))) / 8000
            samples = 8000 * np.sin(2 * np.pi * pitch * times + 6 * draw.random()) + draw.normal(0, 800, len(times))
            wavfile.write(folder / "tones" / label / f"{k}.wav", 8000, samples.astype(np.int16))


def trained(name):
    """The folder of a run of two epochs."""
    import importlib

    recipe, options = RUNS[name]
    module, output = importlib.import_module(f"hornbook.recipes.{recipe}"), f"runs/{name}"
    module.main(module.Args(**{"epochs": 2, "floor": False, "diagnosis": False, **options}, output=output))
    return output


def exported(name, folder):
    """A row for each format, a dict of `COLUMNS`."""
    from hornbook import UserError
    from hornbook.inference.export import beside, command, verify
    from hornbook.inference.finished_run import load_model, open_run

    run, medium = open_run(folder)
    model = load_model(run)
    pairs, _ = verify.inputs_of(run, medium)
    wanted, found = verify.in_float32(model, pairs, run, medium), []
    for number, (format_name, precision) in enumerate(FORMATS):
        row = dict.fromkeys(COLUMNS) | {"run": name, "model": model.name, "format": format_name, "precision": precision}
        output = pathlib.Path(f"exports/{len(os.listdir('.'))}-{number}-{time.monotonic_ns()}")
        began = time.monotonic()
        try:
            told = command.main(command.ExportArgs(str(folder), format_name, str(output), precision))
            about = json.loads((output / "labels.json").read_text(encoding="utf-8"))
            times = {f"ms_{size}": round(one, 3) for size, one in told.milliseconds.items()}
            row |= {"takes": about["inputs"], "inputs": told.examples, "bytes": beside.size(output / command.FILES[format_name]), **times}
            row |= {"seconds": round(time.monotonic() - began, 1)}
            row |= {"difference": f"{difference(output, format_name, [raw for raw, _ in pairs], wanted, about):.2g}"}
        except UserError as error:
            row["refused"] = str(error)
        print(",".join("" if row[column] is None else str(row[column]) for column in COLUMNS), flush=True)
        found.append(row)
    return found


def difference(output, format_name, raw, wanted, about):
    """The largest difference of what an export says where there is no Hornbook; of numbers, as a share of the largest."""
    (output / "inputs.json").write_text(json.dumps([one.tolist() if hasattr(one, "tolist") else one for one in raw]))
    code = USE.replace("WITHOUT", repr(WITHOUT[format_name]))
    subprocess.run([sys.executable, "-c", code], cwd=output, check=True, capture_output=True)
    answers = json.loads((output / "answers.json").read_text())
    is_number = about["task"] == "regression"
    rows = np.array(answers["values" if is_number else "probabilities"])
    return np.abs(rows - wanted).max() / (np.abs(wanted).max() if is_number else 1)


if __name__ == "__main__":
    main()
