import json
import pathlib
import signal
import subprocess
import sys
import typing

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.tables import csv as table_csv
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import regression, tabular_classification
from hornbook.recipes.tabular_classification import Args, main
from hornbook.training import imbalance, losses

SMALL = {"width": 8, "epochs": 2, "batch_size": 32}


def write(path, count=90, *, broken=None, header="age;height;colour;code;label"):
    """A European table of numbers, a category, and a class that height tells; every seventh age is missing."""
    generator = np.random.default_rng(0)
    lines = [header] if header else []
    for k in range(count):
        age = "" if k % 7 == 0 else str(generator.integers(20, 70))
        height = f"{generator.normal() + 3 * (k % 2):.3f}".replace(".", ",")
        lines.append(";".join((age, height, ("red", "blue", "green")[k % 3], str(k % 4), ("no", "yes")[k % 2])))
    if broken:
        lines[broken[0] - 1] = broken[1]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"csv:{path}"


def run(tmp_path, own=None, /, **options):
    folder = tmp_path / "run"
    result = main(Args(**{**SMALL, "output": str(folder), **options}), dataset=own)
    return folder, result


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write(tmp_path_factory.mktemp("table") / "table.csv")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, table, floors, diagnosis):
    options = {"dataset": table, "categorical_columns": "code", "epochs": 20, "learning_rate": 0.01, "class_weights": "balanced"}
    options |= {"number_embedding": "piecewise", "bins": 4, "number_features": 8, "number_scaling": "robust", "members": 2}
    with floors(), diagnosis():
        return run(tmp_path_factory.mktemp("finished"), **options)


def said(capsys, command, *words):
    capsys.readouterr()
    command([str(word) for word in words])
    return capsys.readouterr().out.splitlines()


def refusal(capsys, command, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        command([str(word) for word in words])
    assert raised.value.code == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


def test_a_run_leaves_what_the_documents_promise(finished, promised):
    folder, result = finished
    assert {entry.name for entry in folder.iterdir()} == promised | {"table.json"}
    assert result["metrics"]["accuracy"] > 0.7
    assert result["metrics"]["auc"] > 0.8
    about = json.loads((folder / "labels.json").read_text())
    assert about["feature_names"] == ["age", "height", "colour", "code"]
    encoding = json.loads((folder / "table.json").read_text())
    assert encoding["categories"]["code"] == ["0", "1", "2", "3"]
    report = (folder / "report.html").read_text()
    assert "Reliability diagram" in report
    floor = json.loads((folder / "result.json").read_text())["floor"]
    assert list(floor["all"]) == ["most frequent class", "logistic regression", "gradient boosting"]
    assert floor["network"] == result["metrics"]["accuracy"]
    assert floor["alone"]["network"] == result["network_alone"]["accuracy"]
    assert floor["all"]["logistic regression"]["accuracy"] > 0.8
    assert (floor["examples"], floor["notes"]) == (18, [])
    assert ">logistic regression<" in report


def test_the_saved_model_outlives_hornbook(finished, tmp_path):
    folder, result = finished
    dataset = data.tables.load(json.loads((folder / "config.json").read_text())["dataset"], categorical_columns="code")
    np.save(tmp_path / "inputs.npy", dataset.test.inputs)
    script = (
        "import sys; sys.modules['hornbook'] = None\n"
        "import keras, numpy\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "numpy.save(sys.argv[3], model.predict(numpy.load(sys.argv[2]), verbose=0))\n"
    )
    files = [str(folder / "model.keras"), str(tmp_path / "inputs.npy"), str(tmp_path / "outputs.npy")]
    done = subprocess.run([sys.executable, "-c", script, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (np.load(files[2]).argmax(axis=1) == dataset.test.labels).mean() == pytest.approx(result["metrics"]["accuracy"])


def test_raw_rows_are_predicted(finished, table, tmp_path, capsys):
    folder, _ = finished
    path = table.removeprefix("csv:")
    lines = [line.split("\t") for line in said(capsys, predict, folder, path)]
    assert [name for name, *_ in lines] == [f"{path}:{line}" for line in range(2, 92)]
    assert np.mean([word == ("no", "yes")[k % 2] for k, (_, word, _) in enumerate(lines)]) > 0.8
    # The same rows without the label, in another order, in English.
    other = tmp_path / "other.csv"
    rows = [line.split(";") for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines()]
    other.write_text("\n".join(",".join((row[3], row[2], row[1].replace(",", "."), row[0], "more")) for row in rows))
    again = [line.split("\t")[1:] for line in said(capsys, predict, folder, other, "--top", "2")]
    assert [row[:2] for row in again] == [row[1:] for row in lines]
    assert all(float(row[1]) + float(row[3]) == pytest.approx(1, abs=2e-4) for row in again)
    bare = tmp_path / "bare.csv"
    bare.write_text("\n".join(";".join(row[:4]) for row in rows[1:]))
    assert [line.split("\t")[1:] for line in said(capsys, predict, folder, bare)] == [row[1:] for row in lines]


def test_rows_that_are_wrong_are_refused(finished, tmp_path, capsys):
    folder, _ = finished
    write(tmp_path / "text.csv", 12, broken=(4, "old;1,5;red;1;no"))
    assert "text.csv line 4, column 'age': 'old' is no number" in refusal(capsys, predict, folder, tmp_path / "text.csv")
    (tmp_path / "fewer.csv").write_text("age;colour;code\n1;red;2\n")
    assert "has no column 'height', which the training table had" in refusal(capsys, predict, folder, tmp_path / "fewer.csv")
    (tmp_path / "bare.csv").write_text("1;2\n3;4\n")
    assert "has 2 columns without names; accepted are the 4" in refusal(capsys, predict, folder, tmp_path / "bare.csv")
    np.save(tmp_path / "rows.npy", np.ones((3, 9)))
    assert "has shape (3, 9); the run takes (rows, 4)" in refusal(capsys, predict, folder, tmp_path / "rows.npy")
    assert "cannot be read" in refusal(capsys, predict, folder, tmp_path / "nowhere.csv")


def test_evaluate(finished, table, tmp_path, capsys):
    folder, result = finished
    rows = dict(line.split("\t") for line in said(capsys, evaluate, folder))
    assert rows.pop("examples") == "18"
    assert rows.pop("average precision is of") == "yes"
    assert rows == {name.replace("_", " "): f"{value:.4f}" for name, value in result["metrics"].items()}
    scores = json.loads(said(capsys, evaluate, folder, "--part", "train", "--json")[0])
    assert scores["examples"] == 72
    other = write(tmp_path / "other.csv", 12)
    assert "examples\t12" in said(capsys, evaluate, folder, "--dataset", other)
    unknown = write(tmp_path / "unknown.csv", 12, broken=(4, "3;1,5;red;1;maybe"))
    message = refusal(capsys, evaluate, folder, "--dataset", unknown)
    assert "unknown.csv line 4, column 'label': the class 'maybe' is unknown in training" in message
    assert "has no exam part" in refusal(capsys, evaluate, folder, "--part", "exam")
    assert "has no exam part" in refusal(capsys, evaluate, folder, "--dataset", other, "--part", "exam")


def test_a_table_that_stays_in_its_file_makes_the_same_model(finished, table, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(table_csv, "_BLOCK", 16)
    folder, result = finished
    config = json.loads((folder / "config.json").read_text())
    options = {key: value for key, value in config.items() if key not in ("recipe", "output")}
    streamed, same = run(tmp_path, **{**options, "in_memory": "never"})
    assert same["metrics"] == result["metrics"]
    assert (streamed / "split.csv").read_text() == (folder / "split.csv").read_text()
    for one, other in zip(*(keras.saving.load_model(run / "model.keras").get_weights() for run in (folder, streamed)), strict=True):
        np.testing.assert_array_equal(one, other)
    rows = dict(line.split("\t") for line in said(capsys, evaluate, streamed))
    assert rows["accuracy"] == f"{result['metrics']['accuracy']:.4f}"
    other = write(tmp_path / "other.csv", 40)
    assert said(capsys, evaluate, streamed, "--dataset", other) == said(capsys, evaluate, folder, "--dataset", other)
    assert not [file for file in streamed.iterdir() if file.name.startswith("tmp")]


def test_evaluate_refuses_a_table_that_has_changed(tmp_path, capsys):
    name = write(tmp_path / "table.csv")
    folder, _ = run(tmp_path, dataset=name)
    write(tmp_path / "table.csv", 120)
    assert "pass other data as --dataset" in refusal(capsys, evaluate, folder)


@pytest.mark.parametrize(
    "options",
    [
        {"loss": "binary", "mixup": 0.4, "class_weights": "balanced", "precision": "bfloat16", "ema": 0.9, "number_embedding": "periodic"},
        {
            "dataset": "wine",
            "optimizer": "sgd",
            "schedule": "one-cycle",
            "label_smoothing": 0.1,
            "normalization": "layer",
            "evaluate": "validation",
        },
        {"dataset": "wine", "depth": 1, "evaluate": "none", "validation_fraction": 0.0, "batch_size": 5000},
    ],
    ids=str,
)
def test_options_run(options, table, tmp_path, capsys):
    folder, result = run(tmp_path, **{"dataset": table, **options})
    assert ("note: --batch-size 5,000 is more than" in capsys.readouterr().out) == (options.get("batch_size") == 5000)
    assert (folder / "report.html").stat().st_size > 5_000
    assert all(np.isfinite(value) for value in result["metrics"].values())


def test_several_labels(tmp_path, capsys):
    generator = np.random.default_rng(0)
    features = generator.normal(size=(80, 3))
    dataset = data.tables.from_arrays(features, (features[:, :2] > 0).astype(int), features, (features[:, :2] > 0), class_names=("a", "b"))
    folder, result = run(tmp_path, dataset, epochs=15, learning_rate=0.03)
    assert result["metrics"]["macro_f1"] > 0.7
    np.save(tmp_path / "rows.npy", features[:4])
    lines = said(capsys, predict, folder, tmp_path / "rows.npy")
    assert [line.split("\t")[1::2] for line in lines] == [["a", "b"]] * 4
    with pytest.raises(UserError, match="one class an example"):
        run(tmp_path / "adjusted", dataset, logit_adjustment="after")
    with pytest.raises(UserError, match="pass --loss multi-label"):
        run(tmp_path / "other", dataset, loss="cross-entropy")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "binary", "dataset": "wine"}, "pass --loss cross-entropy"),
        ({"loss": "multi-label"}, "pass --loss cross-entropy"),
        ({"dataset": "diabetes"}, "hornbook regression"),
        ({"dataset": "digits"}, "--dataset must be breast_cancer, wine, diabetes, csv:PATH or tfds:NAME"),
        ({"model": "cnn"}, "--model cnn"),
        ({"bins": 0}, "--bins"),
        ({"mixup": -0.1}, "--mixup"),
        ({"rare_categories": 0}, "--rare-categories"),
        ({"early_stopping": 2, "validation_fraction": 0.0}, "no validation part"),
        ({"label_column": "color"}, "has no column 'color'"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line_before_training(options, message, tmp_path):
    with pytest.raises(UserError) as caught:
        run(tmp_path, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_finished_run_and_a_folder_that_cannot_be_written(finished, tmp_path):
    with pytest.raises(UserError, match="finished run"):
        main(Args(**SMALL, output=str(finished[0])))
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"leads through .*file, which is a file"):
        main(Args(**SMALL, output=str(tmp_path / "file/run")))


def test_a_killed_run_ends_with_the_same_weights(table, tmp_path):
    options = {**SMALL, "dataset": table, "dropout": 0.2, "mixup": 0.2, "ema": 0.9, "epochs": 3, "early_stopping": 5}
    options |= {"sampling": "oversample", "imbalance_ratio": 3.0, "threshold": "f1", "temperature_scaling": True}
    script = """
import os, signal, sys, json, keras
from hornbook.recipes.tabular_classification import Args, main
class Killer(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            os.kill(os.getpid(), signal.SIGKILL)
main(Args(**json.loads(sys.argv[1])), callbacks=[Killer()])
"""
    killed = {**options, "output": str(tmp_path / "killed")}
    done = subprocess.run([sys.executable, "-c", script, json.dumps(killed)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    results = [main(Args(**{**options, "output": str(tmp_path / name)})) for name in ("killed", "whole")]
    assert results[0]["metrics"] == results[1]["metrics"]
    weights = [keras.saving.load_model(tmp_path / name / "model.keras").get_weights() for name in ("killed", "whole")]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
    assert results[0]["temperature"] == results[1]["temperature"]
    assert (tmp_path / "killed/labels.json").read_text() == (tmp_path / "whole/labels.json").read_text()


@pytest.mark.parametrize(
    ("recipe", "accepted"),
    [
        (tabular_classification, {"loss": losses.CLASSIFICATION, "class_weights": imbalance.NAMES}),
        (regression, {"loss": losses.REGRESSION}),
    ],
    ids=["classification", "regression"],
)
def test_the_flags_offer_what_the_parts_accept(recipe, accepted):
    hints = typing.get_type_hints(recipe.Args)
    for name, offered in accepted.items():
        assert set(typing.get_args(hints[name])) == set(offered), name


def test_categories_can_be_embedded(table, tmp_path, capsys):
    folder, result = run(
        tmp_path, dataset=table, categories="embedding", categorical_columns="code", number_embedding="piecewise", precision="bfloat16"
    )
    assert np.isfinite(result["metrics"]["loss"])
    assert '"Embedding"' in keras.saving.load_model(folder / "model.keras").to_json()
    assert len(said(capsys, predict, folder, table.removeprefix("csv:"))) == 90
