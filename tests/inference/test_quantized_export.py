"""Exports in int8 of small runs: what is int8, what stays, what is said of it, and what is refused."""

import csv
import importlib.util
import json
import os
import shutil
import stat
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from hornbook import UserError, files
from hornbook.inference.export import answering, command, int8_file, litert_file, models, quantized, saved_model_folder, use_file, verify
from hornbook.inference.finished_run import load_model, open_run
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification

SMALL = {"epochs": 1, "floor": False, "diagnosis": False}


@pytest.fixture(autouse=True)
def _installed():
    if not all(importlib.util.find_spec(name) for name in ("ai_edge_litert", "ai_edge_quantizer")):
        pytest.skip("the packages for int8 are not installed")


def write_table(path):
    """Two features of sizes that no one scale of int8 holds, both of which tell the class."""
    draw = np.random.default_rng(0)
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["tiny", "huge", "label"])
        for k in range(200):
            rows.writerow([1e-3 * (draw.normal() + 2 * (k % 2)), 1e6 * (draw.normal() - 2 * (k % 2)), "yes" if k % 2 else "no"])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function from a name to the folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs")
    write_table(folder / "table.csv")
    sentences = ["the sun is warm", "a cold rain falls", "warm sun and warm sand", "rain and cold wind"] * 10
    (folder / "texts.csv").write_text("text,label\n" + "".join(f'"{text}",{k % 2}\n' for k, text in enumerate(sentences)))
    table = {"dataset": f"csv:{folder / 'table.csv'}", "label_column": "label", "model": "mlp", "width": 16, "epochs": 20}
    recipes = {
        "images": (image_classification, {"model": "resnet", "depth": 8, "width": 4, "epochs": 3}),
        "tables": (tabular_classification, table),
        "texts": (text_classification, {"dataset": f"csv:{folder / 'texts.csv'}", "model": "cnn1d", "width": 8, "epochs": 5}),
        "series": (sequence_classification, {"model": "lstm", "width": 8, "classical_share": 0.0}),
        "numbers": (regression, {"model": "mlp", "width": 8, "classical_share": 0.0, "epochs": 10}),
    }

    def made(name):
        recipe, options = recipes[name]
        if not (folder / name).exists():
            recipe.main(recipe.Args(**{**SMALL, **options}, output=str(folder / name)))
        return folder / name

    return made


@pytest.fixture(scope="module")
def exported(run):
    """A function from a run's name and a precision to the folder of its export."""

    def made(name, precision):
        output = run(name).parent / f"{name} in {precision}"
        if not output.exists():
            command.main(command.ExportArgs(str(run(name)), "litert", str(output), precision))
        return output

    return made


def kernels(folder):
    """Of each operation with a kernel, the types of its kernel and of what it gives."""
    graph = int8_file.Graph(folder / "model.tflite")
    found = [one for one in graph.operations() if one.kind in int8_file.KERNELS]
    return [(one.kind, {values.dtype.name for values in one.constants().values()}, one.is_float) for one in found]


def test_images_are_computed_in_int8(run, exported):
    folder = exported("images", "int8")
    found = kernels(folder)
    assert len(found) == 8
    assert all("int8" in types for _, types, _ in found)
    assert [gives_float for *_, gives_float in found] == [False] * 7 + [True]  # The last one's outputs are not rounded to int8.
    about = json.loads((folder / "labels.json").read_text())["quantization"]
    assert about["precision"] == "int8"
    assert about["calibrated_on"] == 256
    weights = load_model(open_run(run("images"))[0]).trainable_weights
    assert about["weights"] == sum(np.prod(weight.shape) for weight in weights if len(weight.shape) > 1)
    assert about["float16"] == about["float32"] == []
    assert about["agreement"]["part"] == "test"
    assert about["agreement"]["examples"] == 360
    assert (folder / "use.py").read_text() == use_file.text("litert", "images")
    readme = (folder / "README.md").read_text()
    assert f"accuracy on 360 test examples: {about['agreement']['of_export']:.4f}, the run's" in readme
    assert "of float32's" in readme


def test_what_is_scored_is_the_file(run, exported):
    found = json.loads((exported("images", "int8") / "labels.json").read_text())["quantization"]["agreement"]
    trained, medium = open_run(run("images"))
    examples, _ = medium.scored(trained.config["dataset"], "test", trained, True)
    use = verify.use_lines(exported("images", "int8"))
    assert (use.predict(list(examples.inputs))["predicted"] == examples.labels).mean() == pytest.approx(found["of_export"])
    assert json.loads((run("images") / "result.json").read_text())["metrics"]["accuracy"] == pytest.approx(found["of_run"])


def test_weights_alone_are_kept_in_int8(exported):
    for _, types, gives_float in kernels(exported("images", "int8-weights")):
        assert "int8" not in types  # They are made float32 before.
        assert gives_float
    about = json.loads((exported("images", "int8-weights") / "labels.json").read_text())["quantization"]
    assert about["weights"] == json.loads((exported("images", "int8") / "labels.json").read_text())["quantization"]["weights"]
    assert about["calibrated_on"] == 0
    assert about["agreement"]["difference"] < 0.05


@pytest.mark.parametrize("precision", quantized.PRECISIONS)
def test_features_of_other_sizes_and_trees_keep_their_numbers(precision, run, exported):
    about = json.loads((exported("tables", precision) / "labels.json").read_text())["quantization"]
    assert about["agreement"]["difference"] < 0.05
    assert {"boosting_trees", "linear"} <= set(about["float32"])
    assert "standardize" in about["computed"]


def test_the_scaling_would_have_come_into_the_kernel(run, tmp_path, monkeypatch):
    monkeypatch.setattr(answering, "keep_scaling_apart", lambda model: None)
    found = command.main(command.ExportArgs(str(run("tables")), "litert", str(tmp_path / "out"), "int8-weights", accuracy_drop=1.0))
    assert found.difference > 0.1


@pytest.mark.parametrize("precision", quantized.PRECISIONS)
def test_recurrent_layers(precision, exported):
    found = kernels(exported("series", precision))
    about = json.loads((exported("series", precision) / "labels.json").read_text())["quantization"]
    assert len(found) == 3  # Of the inputs and of the state, in the loop, and the last layer.
    assert all(("int8" in types) == (precision == "int8") for _, types, _ in found)
    assert about["weights"] == 8 * 4 * (1 + 8) + 8 * 10
    assert about["agreement"]["difference"] < 0.05


@pytest.mark.parametrize("precision", quantized.PRECISIONS)
def test_tables_of_embeddings(precision, exported):
    about = json.loads((exported("texts", precision) / "labels.json").read_text())["quantization"]
    graph = int8_file.Graph(exported("texts", precision) / "model.tflite")
    tables = [one for one in graph.operations() if one.kind == "GATHER" and one.constants()]
    assert len(tables) == 2  # Embeddings, and the votes of words beside the network.
    assert all(values.dtype == np.int8 for one in tables for values in one.constants().values())
    assert about["float32"] == []
    assert about["agreement"]["same"] == 1


def test_numbers(exported):
    about = json.loads((exported("numbers", "int8") / "labels.json").read_text())["quantization"]["agreement"]
    assert about["score"] == "r2"
    assert about["same"] > 0.99
    assert about["of_export"] == pytest.approx(about["of_run"], abs=0.02)


def test_normalization_of_layers_and_products_of_attention_stay():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6, 8))
    x = keras.layers.Dense(8, name="first")(inputs)
    x = keras.layers.LayerNormalization(name="norm")(x)
    x = keras.layers.MultiHeadAttention(2, 4, name="attention")(x, x)
    x = keras.layers.Dense(8, activation="relu", name="second")(x)
    outputs = keras.layers.Dense(3, name="third")(x)
    model = answering.answering(keras.Model(inputs, keras.ops.mean(outputs, axis=1)), {"task": "regression"})
    answering.ready_for_converters(model)
    batches = [{"inputs": np.random.default_rng(0).normal(size=(16, 6, 8)).astype("float32")}]
    with files.scratch_folder() as folder:
        (folder / "float32.tflite").write_bytes(litert_file.content(model, saved_model_folder.Plain(model)))
        found = int8_file.about(int8_file.quantized(folder / "float32.tflite", "int8", batches))
    named = {kind: quantized.layers_named(model, found[kind]) for kind in ("int8", "computed", "float32")}
    of_attention = {f"attention/{name}" for name in ("query", "key", "value", "attention_output")}
    assert set(named["int8"]) == {"first", "second", "third", *of_attention}
    assert {"norm", "attention"} <= set(named["computed"])
    assert named["float32"] == []


def test_only_the_network_is_int8():
    def named(*scopes):
        return [SimpleNamespace(scope=f"answers_1/{scope}/MatMul;") for scope in scopes]

    beside = named("series_1/ridge_1", "series_1/series_network_1/dense_1", "mel_spectrogram_19_1")
    assert int8_file.of_network(beside) == beside[1:2]
    alone = named("series_1/dense_1", "mel_spectrogram_19_1", "mel_spectrogram_1")
    assert int8_file.of_network(alone) == alone[:1]


def test_an_export_that_is_worse_leaves_nothing(run, tmp_path, monkeypatch):
    def worse(*args):
        return {"part": "test", "examples": 360, "score": "accuracy", "of_run": 0.9, "of_export": 0.8}

    monkeypatch.setattr(quantized, "on_labels", worse)
    message = r"accuracy falls from 0.9000 to 0.8000 on 360 test examples, and 0.05 is accepted; nothing is written. Pass --accuracy-drop"
    with pytest.raises(UserError, match=message):
        command.main(command.ExportArgs(str(run("images")), "litert", str(tmp_path / "out"), "int8-weights"))
    assert os.listdir(tmp_path) == []
    command.main(command.ExportArgs(str(run("images")), "litert", str(tmp_path / "out"), "int8-weights", accuracy_drop=0.2))
    assert (tmp_path / "out" / "model.tflite").exists()


def test_a_process_that_ends_is_one_line(run, tmp_path, monkeypatch):
    (tmp_path / "python").write_text("#!/bin/sh\nkill -SEGV $$\n")
    (tmp_path / "python").chmod(stat.S_IRWXU)
    monkeypatch.setattr(quantized.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match=r"int8 cannot be made of this run's model \(LiteRT ended the process that makes it, signal 11\)"):
        command.main(command.ExportArgs(str(run("images")), "litert", str(tmp_path / "out"), "int8"))
    assert os.listdir(tmp_path) == ["python"]


def test_calibrated_on_training_inputs(run, monkeypatch):
    trained, medium = open_run(run("images"))
    parts, original = [], medium.scored
    monkeypatch.setattr(medium, "scored", lambda name, part, *args: parts.append(part) or original(name, part, *args))
    made = models.made(load_model(trained), trained, "litert", [], for_int8=True)
    batches = quantized.calibration(made, trained, medium)
    assert parts == ["train"]
    assert sum(map(len, batches)) == 256
    assert {batch.shape[1:] for batch in batches} == {(8, 8, 1)}


def test_without_its_data_weights_alone(run, tmp_path):
    shutil.copytree(run("tables"), tmp_path / "run")
    (tmp_path / "run" / "files.json").unlink()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "dataset": "csv:moved.csv"}))
    message = r"int8 is calibrated on the run's own data, which cannot be read: .*; pass --precision int8-weights"
    with pytest.raises(UserError, match=message):
        command.main(command.ExportArgs(str(tmp_path / "run"), "litert", precision="int8"))
    command.main(command.ExportArgs(str(tmp_path / "run"), "litert", precision="int8-weights"))
    about = json.loads((tmp_path / "run" / "exports" / "litert-int8-weights" / "labels.json").read_text())["quantization"]
    assert about["agreement"]["score"] is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "onnx", "--precision", "int8"], "--precision int8 is for --format litert, got onnx"),
        (["--format", "litert", "--accuracy-drop", "0.1"], "--accuracy-drop is for --precision int8 and int8-weights, got float32"),
        (["--format", "litert", "--precision", "int8", "--accuracy-drop", "5"], "--accuracy-drop must be a share from 0 to 1, got 5"),
    ],
)
def test_one_line_and_code_2(words, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as raised:
        command.export([str(tmp_path), *words])
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said
