"""Weights of training examples, and groups, in every recipe: what counts nothing teaches nothing, scores stay unweighted, runs go on."""

import csv

import keras
import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import image_classification, regression, sequence_classification, tabular_classification, text_classification

SMALL = {"epochs": 12, "batch_size": 16, "learning_rate": 0.02, "floor": False, "diagnosis": False}
WORDS = ("a fine and merry film", "a dull and dreary film")


def rows_of_two_kinds(count=160, seed=0):
    """Rows of which half are wrong and count nothing: (number, class, weight)."""
    generator = np.random.default_rng(seed)
    for place in range(count):
        kind, wrong = place % 2, place // 2 % 2
        yield generator.normal(2 * kind - 1, 0.3), (1 - kind if wrong else kind), 0.0 if wrong else 1.0 + generator.random(), kind


def write(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return f"csv:{path}"


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_tables(tmp_path, capsys, in_memory):
    rows = [(x, y, "yes" if label else "no", place // 4, weight) for place, (x, label, weight, y) in enumerate(rows_of_two_kinds())]
    name = write(tmp_path / "t.csv", ("x", "truth", "label", "visit", "trust"), rows)
    asked = {"dataset": name, "label_column": "label", "id_column": "truth", "weight_column": "trust", "group_column": "visit"}
    asked |= {"model": "mlp", "width": 8, "in_memory": in_memory, "classical_share": 0.5, "class_weights": "balanced", "members": 2}
    result = tabular_classification.main(tabular_classification.Args(**asked, **SMALL, output=str(tmp_path / "run")))
    assert 0.3 < result["metrics"]["accuracy"] < 0.7  # Test rows that are wrong count as all others.
    evaluate([str(tmp_path / "run")])
    assert f"accuracy\t{result['metrics']['accuracy']:.4f}" in capsys.readouterr().out
    true = [(x, y, "yes" if y else "no") for x, _, _, y in rows_of_two_kinds(seed=1)]
    evaluate([str(tmp_path / "run"), "--dataset", write(tmp_path / "true.csv", ("x", "truth", "label"), true)])
    accuracy = float(capsys.readouterr().out.partition("accuracy\t")[2].split()[0])
    assert accuracy > 0.95  # What counts nothing teaches neither the network nor the trees beside it.
    with open(tmp_path / "run/split.csv", newline="") as file:
        split = list(csv.DictReader(file))
    assert all((row["weight"] != "") == (row["part"] == "train") for row in split)


def test_numbers(tmp_path):
    rows = [(x, -x if weight == 0 else x, weight) for x, _, weight, _ in rows_of_two_kinds(240)]
    name = write(tmp_path / "t.csv", ("x", "target", "trust"), rows)
    args = {"dataset": name, "weight_column": "trust", "model": "mlp", "width": 16, "output": str(tmp_path / "run")}
    regression.main(regression.Args(**args, **{**SMALL, "epochs": 20, "save_predictions": True}))
    found = data.tables.load(name, task="regression", weight_column="trust", validation_fraction=0)
    saved = np.load(tmp_path / "run/predictions.npz")
    np.testing.assert_array_equal(saved["indices"], found.test.indices)
    inputs = np.array([row[0] for row in rows])[saved["indices"]]
    outputs = saved[next(name for name in saved.files if name in ("outputs", "predictions"))].ravel()
    assert np.corrcoef(inputs, outputs)[0, 1] > 0.9


def test_texts(tmp_path, capsys):
    rows = [
        (f"{WORDS[y]} {place % 5}", label, f"author {place // 8}", weight)
        for place, (_, label, weight, y) in enumerate(rows_of_two_kinds())
    ]
    name = write(tmp_path / "t.csv", ("said", "label", "author", "trust"), rows)
    asked = {"dataset": name, "weight_column": "trust", "group_column": "author", "model": "cnn1d", "width": 8, "embedding_size": 8}
    result = text_classification.main(text_classification.Args(**asked, **SMALL, output=str(tmp_path / "run")))
    assert 0.3 < result["metrics"]["accuracy"] < 0.7
    evaluate([str(tmp_path / "run")])
    assert f"accuracy\t{result['metrics']['accuracy']:.4f}" in capsys.readouterr().out
    true = write(tmp_path / "true.csv", ("said", "label"), [(f"{WORDS[y]} {place}", y) for place in range(20) for y in (0, 1)])
    evaluate([str(tmp_path / "run"), "--dataset", true])
    assert float(capsys.readouterr().out.partition("accuracy\t")[2].split()[0]) == 1
    # Columns of groups and weights are no texts here either, whether a table has them or not.
    write(tmp_path / "new.csv", ("said", "author", "trust"), [(WORDS[y], "somebody", 1) for y in (0, 1)])
    write(tmp_path / "alone.csv", ("said",), [(WORDS[y],) for y in (0, 1)])
    predict([str(tmp_path / "run"), str(tmp_path / "new.csv"), str(tmp_path / "alone.csv")])
    assert [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()] == ["0", "1"] * 2


def test_images(tmp_path, capsys):
    rows = []
    for place, (_, label, weight, y) in enumerate(rows_of_two_kinds(96)):
        Image.new("L", (4, 4), 40 + 120 * y + place % 9).save(tmp_path / f"{place}.png")
        rows.append((f"{place}.png", label, f"camera {place // 8}", weight))
    name = write(tmp_path / "t.csv", ("path", "label", "camera", "trust"), rows)
    asked = {"dataset": name, "weight_column": "trust", "group_column": "camera", "model": "mlp", "width": 8, "augmentation": "none"}
    result = image_classification.main(image_classification.Args(**asked, **SMALL, in_memory="never", output=str(tmp_path / "run")))
    assert 0.3 < result["metrics"]["accuracy"] < 0.7
    evaluate([str(tmp_path / "run")])
    assert f"accuracy\t{result['metrics']['accuracy']:.4f}" in capsys.readouterr().out
    clean = write(tmp_path / "true.csv", ("path", "label"), [(f"{place}.png", place % 2) for place in range(96)])
    evaluate([str(tmp_path / "run"), "--dataset", clean])
    assert float(capsys.readouterr().out.partition("accuracy\t")[2].split()[0]) == 1


def test_series(tmp_path, capsys):
    found = list(rows_of_two_kinds(96))
    series = np.array([np.full((8, 1), x) for x, *_ in found], np.float32)
    arrays = {"x_train": series, "y_train": np.array([row[1] for row in found]), "trust": np.array([row[2] for row in found])}
    np.savez(tmp_path / "a.npz", **arrays)
    asked = {"dataset": f"npz:{tmp_path / 'a.npz'}", "weight_column": "trust", "model": "fcn", "width": 4, "classical_share": 0.0}
    result = sequence_classification.main(sequence_classification.Args(**asked, **SMALL, output=str(tmp_path / "run")))
    assert 0.3 < result["metrics"]["accuracy"] < 0.7
    evaluate([str(tmp_path / "run")])
    assert f"accuracy\t{result['metrics']['accuracy']:.4f}" in capsys.readouterr().out
    np.savez(tmp_path / "true.npz", x_train=series, y_train=np.array([row[3] for row in found]))
    evaluate([str(tmp_path / "run"), "--dataset", f"npz:{tmp_path / 'true.npz'}"])
    assert float(capsys.readouterr().out.partition("accuracy\t")[2].split()[0]) > 0.9


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 5:
            raise Killed


def test_a_run_goes_on_with_the_weights_that_it_began_with(tmp_path, capsys):
    rows = [(x, label, weight) for x, label, weight, _ in rows_of_two_kinds(60)]
    name = write(tmp_path / "t.csv", ("x", "label", "trust"), rows)
    asked = {"dataset": name, "weight_column": "trust", "model": "mlp", "width": 4, "classical_share": 0.0, "mixup": 0.2}
    whole, cut = (tabular_classification.Args(**asked, **SMALL, output=str(tmp_path / one)) for one in ("whole", "cut"))
    tabular_classification.main(whole)
    with pytest.raises(Killed):
        tabular_classification.main(cut, [KillAfter()])
    write(tmp_path / "t.csv", ("x", "label", "trust"), [(x, label, weight + 1) for x, label, weight in rows])
    with pytest.raises(UserError, match="has changed since the run began"):
        tabular_classification.main(cut)
    with pytest.raises(SystemExit):
        evaluate([str(tmp_path / "whole")])
    assert "has changed since the run began" in capsys.readouterr().err
    write(tmp_path / "t.csv", ("x", "label", "trust"), rows)
    tabular_classification.main(cut)
    models = [keras.saving.load_model(tmp_path / one / "model.keras") for one in ("whole", "cut")]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_does_not_go_with_weights(tmp_path):
    with pytest.raises(UserError, match="--sampling smote makes rows that have no weight, got --weight-column trust; pass one of them"):
        tabular_classification.check(tabular_classification.Args(sampling="smote", weight_column="trust"))
    dataset = data.tables.from_arrays(np.random.default_rng(0).random((60, 2)), np.arange(60) % 2)
    weighted = data.weighted(dataset, np.arange(60))
    with pytest.raises(UserError, match="--sampling smote makes rows that have no weight, and the training rows have weights"):
        tabular_classification.main(
            tabular_classification.Args(sampling="smote", evaluate="none", output=str(tmp_path / "run"), floor=False), dataset=weighted
        )
    assert not list(tmp_path.iterdir())
