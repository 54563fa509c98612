"""Exports of small runs: their answers, in processes that have no Hornbook; what is written, and what is refused."""

import csv
import importlib.util
import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from hornbook import UserError, data, terminal
from hornbook.data.tables.encoding import Encoding
from hornbook.data.texts import tokenizing
from hornbook.evaluation import conformal
from hornbook.inference.export import answering, command, format_lines, fronts, saved_model_folder, use_file, verify
from hornbook.inference.finished_run import load_model, open_run
from hornbook.inference.predict import command as predict
from hornbook.recipes import (
    image_classification,
    regression,
    sequence_classification,
    tabular_classification,
    text_classification,
)

SMALL = {"epochs": 1, "width": 4, "floor": False, "diagnosis": False}
HAS = {name: all(importlib.util.find_spec(one) for one in needed) for name, needed in command._NEEDED.items()}
CASES = [
    ("images", "keras"), ("images", "saved_model"), ("images", "onnx"), ("images", "litert"),
    ("tables", "saved_model"), ("tables", "onnx"), ("tables", "litert"), ("texts", "saved_model"), ("texts", "litert"),
    ("series", "onnx"), ("series", "litert"), ("numbers", "litert"),
]  # fmt: skip
# What an export may be used without.
WITHOUT = {
    "keras": ["hornbook"], "saved_model": ["hornbook", "keras"], "onnx": ["hornbook", "keras", "tensorflow", "tf2onnx"],
    "litert": ["hornbook", "keras", "tensorflow"],
}  # fmt: skip


def needs(format_name):
    if not HAS.get(format_name, True):
        pytest.skip(f"the packages for {format_name} are not installed")


def write_table(path):
    draw = np.random.default_rng(0)
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["mean size (cm)", "city", "grade", "label"])
        for k in range(120):
            size = "" if k % 9 == 0 else round(draw.normal(50, 20), 2)
            rows.writerow([size, ["Bern", "Zürich", "?", " Basel "][k % 4], 1 + k % 3, "yes" if k % 2 else "no"])


def write_series(path):
    draw = np.random.default_rng(0)
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "step", "a", "b", "label"])
        for unit in range(40):
            for step, values in enumerate(np.cumsum(draw.normal(size=(12, 2)), axis=0) + unit % 2):
                rows.writerow([unit, step, *("" if draw.random() < 0.1 else round(one, 4) for one in values), unit % 2])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A function from a name to the folder of a finished run."""
    folder = tmp_path_factory.mktemp("runs")
    write_table(folder / "table.csv")
    write_series(folder / "series.csv")
    table = {"dataset": f"csv:{folder / 'table.csv'}", "label_column": "label", "categorical_columns": "grade"}
    sentences = ["the sun is warm, isn't it", "a cold rain falls", "warm sun and warm sand", "rain and cold wind"] * 10
    (folder / "texts.csv").write_text("text,label\n" + "".join(f'"{text}",{k % 2}\n' for k, text in enumerate(sentences)))
    recipes = {
        "images": (image_classification, {"model": "resnet", "depth": 8}),
        "tables": (tabular_classification, {**table, "model": "mlp", "threshold": "f1", "temperature_scaling": True}),
        "texts": (
            text_classification,
            {
                "dataset": f"csv:{folder / 'texts.csv'}",
                "model": "cnn1d",
                "kernel_sizes": (1,),
                "pooling": "mean",
                "ngrams": 2,
                "max_length": 12,
            },
        ),
        "series": (
            sequence_classification,
            {
                "dataset": f"csv:{folder / 'series.csv'}",
                "time_column": "step",
                "missing": "mask",
                "window": 5,
                "model": "bidirectional_lstm",
                "classical_share": 0.0,
            },
        ),
        "numbers": (regression, {"model": "mlp", "loss": "quantile", "quantiles": (0.1, 0.9)}),
        "16 bits": (image_classification, {"model": "mlp", "precision": "bfloat16"}),
        "own layers": (tabular_classification, {"dataset": "wine", "model": "mlp", "weight_normalization": "spectral"}),
    }

    def made(name):
        recipe, options = recipes[name]
        if not (folder / name).exists():
            recipe.main(recipe.Args(**{**SMALL, **options}, output=str(folder / name)))
        return folder / name

    return made


@pytest.fixture(scope="module")
def exported(run):
    """A function from a run's name and a format to the folder of its export."""

    def made(name, format_name):
        needs(format_name)
        folder = run(name)
        if not (folder / "exports" / format_name).exists():
            command.main(command.ExportArgs(str(folder), format_name))
        return folder / "exports" / format_name

    return made


def told(folder, use):
    """What the run says of its own inputs, and what the export says."""
    trained, medium = open_run(folder)
    pairs, real = verify.inputs_of(trained, medium)
    assert real
    return verify.expected(load_model(trained), pairs, trained, medium), use.predict([raw for raw, _ in pairs])


@pytest.mark.parametrize(("name", "format_name"), CASES)
def test_an_export_says_what_the_run_says(name, format_name, run, exported):
    wanted, found = told(run(name), verify.use_lines(exported(name, format_name)))
    answers = found["values" if name == "numbers" else "probabilities"]
    np.testing.assert_allclose(answers, wanted, atol=1e-4 * (np.abs(wanted).max() if name == "numbers" else 1))
    if name == "tables":
        [limit] = json.loads((run(name) / "labels.json").read_text())["thresholds"]
        assert found["predicted"].tolist() == (answers[:, 1] > limit).astype(int).tolist()
    elif name != "numbers":
        assert found["predicted"].tolist() == answers.argmax(axis=1).tolist()


@pytest.mark.parametrize("format_name", WITHOUT)
def test_it_is_used_without_hornbook(format_name, run, exported, tmp_path, capsys):
    shutil.copytree(exported("images", format_name), tmp_path / "handed over")
    np.save(tmp_path / "some.npy", data.images.load("digits").test.inputs[:5])
    code = f"import runpy, sys; sys.modules.update(dict.fromkeys({WITHOUT[format_name]})); runpy.run_path('use.py', run_name='__main__')"
    if format_name == "saved_model":  # TensorFlow imports Keras by itself where it is there.
        code = code.replace(", 'keras'", "")
    done = subprocess.run(
        [sys.executable, "-c", code, "../some.npy"], cwd=tmp_path / "handed over", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    capsys.readouterr()
    predict.predict([str(run("images")), str(tmp_path / "some.npy")])
    wanted = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    found = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[1] for row in found] == [row[1] for row in wanted]
    np.testing.assert_allclose([float(row[2]) for row in found], [float(row[2]) for row in wanted], atol=2e-4)


def test_what_is_in_the_folder(run, exported):
    folder = exported("tables", "saved_model")
    assert sorted(os.listdir(folder)) == ["README.md", "labels.json", "saved_model", "table.json", "use.py"]
    about = json.loads((folder / "labels.json").read_text())
    assert about["class_names"] == ["no", "yes"]
    assert about["columns"] == {"mean size (cm)": "mean_size__cm_", "city": "city", "grade": "grade"}
    readme = (folder / "README.md").read_text()
    assert "Classes: `no`, `yes`." in readme
    assert "missing values, codes of categories, scaling of numbers, probabilities, thresholds" in readme
    assert [name for name in os.listdir(run("tables") / "exports") if name.startswith(".")] == []
    compile((folder / "use.py").read_text(), "use.py", "exec")


def test_columns_may_be_written_as_in_a_file(exported):
    use = verify.use_lines(exported("tables", "saved_model"))
    rows = [{"mean size (cm)": 41, "city": "Bern", "grade": 2}, {"mean size (cm)": " 41.0", "city": " Bern ", "grade": "2"}]
    rows += [{"mean size (cm)": None, "city": None, "grade": "2"}, {"mean size (cm)": "N/A", "city": "?", "grade": 2.0}]
    found = use.predict(rows)["probabilities"]
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[2], found[3])
    assert np.abs(found[0] - found[2]).max() > 1e-4


def test_what_is_there_is_left_alone(run, exported, capsys):
    folder = exported("images", "keras")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(UserError, match="is there already; an export overwrites nothing"):
        command.main(command.ExportArgs(str(run("images")), "keras"))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_export_that_answers_otherwise_leaves_nothing(run, tmp_path, monkeypatch):
    def other(outputs, about):
        return {"probabilities": keras.ops.softmax(outputs * 1.01), "predicted": keras.ops.cast(outputs[:, 0] * 0, "int32")}

    monkeypatch.setattr(answering, "answers", other)
    with pytest.raises(UserError, match=r"the export answers otherwise than the run: .* nothing is written"):
        command.main(command.ExportArgs(str(run("images")), "keras", str(tmp_path / "deep" / "out")))
    assert os.listdir(tmp_path) == []


def test_what_a_converter_ends_with_is_one_line(run, tmp_path, monkeypatch):
    def broken(*args):
        raise KeyError("of a library\nand more")

    monkeypatch.setattr(saved_model_folder, "write", broken)
    with pytest.raises(UserError, match=r"saved_model cannot be made of this run's model, or not be used \(KeyError: "):
        command.main(command.ExportArgs(str(run("images")), "saved_model", str(tmp_path / "out")))
    assert os.listdir(tmp_path) == []


def test_other_decisions_than_the_probabilities_say_are_refused(run, tmp_path, monkeypatch):
    right = answering.answers
    monkeypatch.setattr(answering, "answers", lambda *args: {**right(*args), "predicted": 0 * right(*args)["predicted"]})
    with pytest.raises(UserError, match="predicts another class than its probabilities say"):
        command.main(command.ExportArgs(str(run("images")), "keras", str(tmp_path / "out")))
    assert os.listdir(tmp_path) == []


def test_a_run_in_16_bits_is_exported_in_float32(run, tmp_path, capsys):
    command.main(command.ExportArgs(str(run("16 bits")), "keras", str(tmp_path / "out")))
    assert "bfloat16" not in keras.saving.load_model(tmp_path / "out" / "model.keras").to_json()
    assert "the run computes in 16 bits and the export in float32: their answers differ by up to 0.0" in capsys.readouterr().out


def test_float16_takes_half_the_room(run, exported, tmp_path):
    needs("litert")
    found = command.main(command.ExportArgs(str(run("images")), "litert", str(tmp_path / "out"), "float16"))
    assert found.difference < 1e-2
    half, whole = (folder.joinpath("model.tflite").stat().st_size for folder in (tmp_path / "out", exported("images", "litert")))
    assert half < whole  # Of so small a network most is its description.


def test_layers_that_keras_lacks_are_for_formats_without_layers(run, tmp_path):
    with pytest.raises(UserError, match=r"has what Keras lacks \(SpectralDense\).* pass --format saved_model, onnx or litert"):
        command.main(command.ExportArgs(str(run("own layers")), "keras", str(tmp_path / "out")))
    assert os.listdir(tmp_path) == []


def test_without_its_data_a_run_is_compared_on_made_up_inputs(run, tmp_path, capsys):
    shutil.copytree(run("tables"), tmp_path / "run", ignore=shutil.ignore_patterns("exports"))
    (tmp_path / "run" / "files.json").unlink()
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    (tmp_path / "run" / "config.json").write_text(json.dumps({**config, "dataset": "csv:moved.csv"}))
    command.main(command.ExportArgs(str(tmp_path / "run"), "saved_model"))
    assert "cannot be read, so the export is compared on 64 inputs that are made up" in capsys.readouterr().out


def test_a_model_with_code_in_it_is_refused(run, tmp_path):
    shutil.copytree(run("images"), tmp_path / "run", ignore=shutil.ignore_patterns("exports"))
    (tmp_path / "run" / "files.json").unlink()
    inputs = keras.Input((8, 8, 1))
    outputs = keras.layers.Dense(10)(keras.layers.Flatten()(keras.layers.Lambda(lambda x: x)(inputs)))
    keras.Model(inputs, outputs).save(tmp_path / "run" / "model.keras")
    with pytest.raises(UserError, match="has a Lambda, which holds or loads code"):
        command.main(command.ExportArgs(str(tmp_path / "run"), "keras"))
    assert not (tmp_path / "run" / "exports").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "keras"], "holds no run"),
        ([], "--format"),
        (["--format", "pickle"], "--format"),
        (["--format", "onnx", "--precision", "float16"], "--precision float16 is for --format litert, got onnx"),
    ],
)
def test_one_line_and_code_2(words, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as raised:
        command.export([str(tmp_path), *words])
    assert raised.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert message in said


def test_packages_and_backend_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs tf2onnx, onnx, onnxruntime, which is not installed: pip install 'hornbook\[onnx\]'"):
        command.main(command.ExportArgs(str(tmp_path), "onnx"))
    monkeypatch.undo()
    monkeypatch.setattr(command.libraries, "backend", lambda: "jax")
    with pytest.raises(UserError, match="is made by TensorFlow, and Keras' backend is jax; set KERAS_BACKEND=tensorflow"):
        command.main(command.ExportArgs(str(tmp_path), "saved_model"))


@pytest.mark.parametrize(
    ("about", "outputs", "probabilities", "predicted"),
    [
        ({"loss": "cross-entropy"}, [[0.0, 1.0, 1.0]], [[1, np.e, np.e]] / np.float64(1 + 2 * np.e), [1]),
        ({"loss": "cross-entropy", "thresholds": [0.8]}, [[0.0, 1.0], [0.0, 2.0]], [[1, np.e], [1, np.e**2]], [0, 1]),
        ({"loss": "binary"}, [[-1.0], [0.0]], [[np.e, 1], [1, 1]], [0, 0]),
        ({"loss": "binary", "thresholds": [0.2]}, [[-1.0], [-2.0]], [[np.e, 1], [np.e**2, 1]], [1, 0]),
        ({"loss": "multi-label", "task": "multi-label"}, [[0.0, 1.0]], [[0.5, 1 / (1 + 1 / np.e)]], [[0, 1]]),
        ({"loss": "multi-label", "task": "multi-label", "thresholds": [0.4, 0.8]}, [[0.0, 1.0]], [[0.5, 1 / (1 + 1 / np.e)]], [[1, 0]]),
    ],
)
def test_answers_by_their_formulas(about, outputs, probabilities, predicted):
    found = answering.answers(keras.ops.convert_to_tensor(outputs), {"task": "classification", **about})
    probabilities = np.array(probabilities)
    if about["loss"] != "multi-label":
        probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found["probabilities"]), probabilities, atol=1e-6)
    assert keras.ops.convert_to_numpy(found["predicted"]).tolist() == predicted


@pytest.mark.parametrize(
    ("task", "loss", "rows", "limits"),
    [
        ("classification", "cross-entropy", [[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]], [0.7]),
        ("multi-label", "multi-label", [[0.9, 0.55], [0.1, 0.4]], [0.5, 0.6]),
        ("regression", "mse", [[10.0, 2.0]], [2.0, None]),
        ("regression", "quantile", [[0.0, 1.0, 3.0], [0.0, 0.1, 0.5]], [-1.0]),
    ],
)
def test_sets_are_those_of_the_run(task, loss, rows, limits, monkeypatch):
    about = {"task": task, "loss": loss, "conformal": {"coverage": 0.9, "quantiles": limits}}
    monkeypatch.setattr(format_lines, "ABOUT", about)
    found = format_lines.sets({"values" if task == "regression" else "probabilities": np.array(rows)})
    np.testing.assert_array_equal(found, conformal.sets(loss, np.array(rows), limits))


TEXTS = [
    "Don't stop, l\u2019été 北京大学 мир! x_y 3.14 mp3 1970s\u00a0e\u3000z ภาษาไทย naïve", "", "   ", "日本語テキスト",
    "a-b_c d😀👍🏽 \u0915\u094d\u0937",
    "one two three four five six seven eight nine ten eleven twelve one two",
]  # fmt: skip


@pytest.mark.parametrize("ngrams", [0, 3])
@pytest.mark.parametrize("kind", ["word", "character", "byte"])
def test_a_tokenizer_of_tensorflow_s_operations(kind, ngrams):
    tokenizer = tokenizing.fit(TEXTS * 2, kind, max_length=30)
    if ngrams:
        tokenizer = tokenizing.with_ngrams(tokenizer, TEXTS * 2, ngrams)
    texts = [*TEXTS, "one two UNSEEN words"]
    found = fronts.Texts(tokenizer)({"texts": np.array(texts, object)}).numpy()
    for row, ids in zip(found, tokenizer.encode(texts), strict=True):
        assert row[row > 0].tolist() == ids[:30].tolist()


def test_columns_have_names_that_tensorflow_takes():
    encoding = Encoding({"a b": 1.0, "a_b": 2.0, "1": 0.0, "größe": 3.0}, (), {"A_B": ("x", "y")})
    names = fronts.Columns(encoding, [""]).names
    assert len({name.lower() for name in names.values()}) == 5
    assert all(name.isascii() and name.isidentifier() for name in names.values())


def test_a_name_is_shown_as_a_terminal_shows_it():
    for text in ("plain", "a\nb\tc\r\x1b[2J\x7f\x00\u202e\u2028\u200d\u0600é🙂\U000e0001\udcff", "".join(map(chr, range(0x3100)))):
        assert format_lines.shown(text) == terminal.shown(text)


def test_lines_of_every_kind_compile():
    for format_name in command.FORMATS:
        for kind in use_file.TAKES:
            compile(use_file.text(format_name, kind), "use.py", "exec")
            assert "hornbook" not in use_file.text(format_name, kind).partition('"""\n')[2].replace("hornbook[", "")


@pytest.mark.parametrize(
    ("words", "said"), [([], "usage: python use.py INPUT..."), (["no.jpg"], "no.jpg cannot be read: No such file or directory")]
)
def test_what_use_py_cannot_read_is_one_line(words, said, exported):
    done = subprocess.run([sys.executable, "use.py", *words], cwd=exported("images", "onnx"), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (1, f"{said}\n", "")
