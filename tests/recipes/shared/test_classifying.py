"""Rare classes in every classifying recipe: what the options come to, and that they train, save and go on."""

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.selection import drawing
from hornbook.inference.evaluate import evaluate
from hornbook.recipes import (
    classifying,
    image_classification,
    options,
    regression,
    sequence_classification,
    tabular_classification,
    text_classification,
)
from hornbook.recipes.steps import defaults
from hornbook.training import losses

DIGITS = {
    "model": "mlp",
    "width": 32,
    "epochs": 10,
    "batch_size": 32,
    "learning_rate": 0.01,
    "augmentation": "none",
    "imbalance_ratio": 10.0,
}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"focal_gamma": 1.0}, "--focal-gamma 1 is for --loss focal, got --loss auto; pass that too"),
        ({"class_weights_beta": 0.9, "class_weights": "balanced"}, "is for --class-weights effective, got --class-weights balanced"),
        ({"defer_class_weights": 0.8}, "--defer-class-weights 0.8 is for --class-weights balanced or effective, got --class-weights none"),
        ({"defer_class_weights": 0.8, "class_weights": "balanced", "minutes": 1.0}, "--minutes 1 may cut off"),
        ({"logit_adjustment_strength": 2.0}, "is for --logit-adjustment training or after"),
        ({"logit_adjustment": "after", "class_weights": "balanced"}, "both make up for rare classes"),
        ({"logit_adjustment": "after", "threshold": "f1"}, "--logit-adjustment after and --threshold f1 both move the decision"),
        ({"logit_adjustment": "training", "loss": "multi-label"}, "pass --class-weights balanced in its place"),
        ({"sampling": "oversample", "class_weights": "effective"}, "--class-weights effective and --sampling oversample both make up"),
        ({"sampling": "smote", "logit_adjustment": "after"}, "both make up for rare classes"),
        ({"imbalance_ratio": 10.0, "samples_per_class": 5}, "both say what is kept"),
    ],
)
def test_options_that_do_not_go_together(wrong, words):
    with pytest.raises(UserError, match=words):
        options.check(tabular_classification.Args(**wrong))


def test_recipes_whose_examples_have_one_class_offer_the_losses_of_one():
    assert set(classifying.ONE_CLASS["loss"]) < set(losses.CLASSIFICATION)
    assert set(classifying.ONE_CLASS["sampling"]) == set(drawing.NAMES) - {"smote"}
    for recipe in (image_classification, text_classification, sequence_classification):
        assert "binary" not in str(recipe.Args.__annotations__["loss"])
    assert not hasattr(regression.Args(), "imbalance_ratio")
    assert regression.Args(train_fraction=0.5).split["kept"].train_fraction == 0.5


def test_the_share_held_out_is_that_of_the_whole_set(tmp_path):
    args = image_classification.Args(**DIGITS, evaluate="validation", output=str(tmp_path))
    dataset = image_classification.load(args, None)
    chosen = defaults.choose(args, dataset)
    assert chosen["validation_fraction"] == pytest.approx(0.1)
    whole = data.images.load("digits", validation_fraction=chosen["validation_fraction"])
    np.testing.assert_array_equal(whole.validation.indices, dataset.validation.indices)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """The folders of two runs on a long tail of digits, alike but for an adjustment after training."""
    folders = {}
    for adjustment in ("none", "after"):
        folders[adjustment] = tmp_path_factory.mktemp("digits") / adjustment
        args = image_classification.Args(**DIGITS, logit_adjustment=adjustment, output=str(folders[adjustment]))
        image_classification.main(args)
    return folders


def test_an_adjustment_after_training_changes_nothing_but_the_logits(digits):
    plain, adjusted = (keras.saving.load_model(folder / "model.keras") for folder in digits.values())
    test = data.images.load("digits").test.inputs
    difference = plain.predict(test, verbose=0) - adjusted.predict(test, verbose=0)
    counts = np.bincount(image_classification.load(image_classification.Args(**DIGITS), None).train.labels)
    shift = np.log(counts / counts.sum())
    np.testing.assert_allclose(difference, np.broadcast_to(shift - shift.mean(), difference.shape), atol=1e-4)
    plain_recall, adjusted_recall = (
        np.array([row["recall"] for row in json.loads((folder / "result.json").read_text())["evaluation"]["per_class"]])
        for folder in digits.values()
    )
    rare = np.argsort(counts)[:5]
    assert adjusted_recall[rare].mean() > plain_recall[rare].mean()


def test_the_split_says_what_was_trained_on_and_evaluate_reads_it_again(digits, capsys):
    with open(digits["after"] / "split.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    trained = [row["label"] for row in rows if row["part"] == "train"]
    counts = sorted(trained.count(str(digit)) for digit in range(10))
    assert (counts[0], counts[-1]) == (12, 131)  # A tenth of the rarest digit, and all of the most frequent.
    assert sum(row["part"] == "test" for row in rows) == 360
    evaluate([str(digits["after"])])
    accuracy = json.loads((digits["after"] / "result.json").read_text())["metrics"]["accuracy"]
    assert f"accuracy\t{accuracy:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked",
    [
        {"loss": "focal", "focal_gamma": 1.0, "class_weights": "effective", "class_weights_beta": 0.99},
        {"loss": "ldam", "class_weights": "balanced", "defer_class_weights": 0.5, "members": 2},
        {"loss": "focal", "logit_adjustment": "training", "logit_adjustment_strength": 1.5, "label_smoothing": 0.1},
        {"sampling": "oversample", "augmentation": "crop", "mixup": 0.2},
    ],
    ids=["class-balanced focal", "ldam, deferred", "adjusted focal", "oversampled"],
)
def test_images(asked, digits, tmp_path, diagnosis):
    with diagnosis():
        args = image_classification.Args(**{**DIGITS, **asked}, output=str(tmp_path / "run"))
        result = image_classification.main(args)
    assert all(np.isfinite(value) for value in result["metrics"].values())
    assert json.loads((tmp_path / "run/labels.json").read_text())["loss"] == "cross-entropy"
    assert all(finding["severity"] != "error" for finding in result["findings"]), result["findings"]


def skewed(count=200, rare=20, labels=None):
    features = np.random.default_rng(0).normal(size=(count, 4))
    classes = (np.arange(count) < rare).astype(int)
    features[:, 0] += 1.5 * classes
    return data.tables.from_arrays(
        features, classes if labels is None else labels(features), features, classes if labels is None else labels(features)
    )


@pytest.mark.parametrize("asked", [{"loss": "binary"}, {"loss": "auto"}, {"loss": "binary", "logit_adjustment": "training"}])
def test_tables(asked, tmp_path):
    """The rare class is found more often once logits are adjusted, with one logit and with two, a classical model beside the network."""
    recalls = []
    for adjustment in ("none", asked.get("logit_adjustment", "after")):
        shape = {"model": "mlp", "width": 8, "epochs": 4, "batch_size": 32, "learning_rate": 0.01, "classical_share": 0.5}
        args = tabular_classification.Args(**{**shape, **asked, "logit_adjustment": adjustment, "output": str(tmp_path / adjustment)})
        tabular_classification.main(args, dataset=skewed())
        found = json.loads((tmp_path / adjustment / "result.json").read_text())["evaluation"]
        recalls.append(found["per_class"][1]["recall"])
    assert recalls[1] > recalls[0]


@pytest.mark.parametrize("loss", ["auto", "focal"])
def test_several_labels_with_weights(loss, tmp_path):
    dataset = skewed(labels=lambda features: (features[:, :2] > [1.5, 0.0]).astype(int))
    asked = {"loss": loss, "class_weights": "balanced", "defer_class_weights": 0.3, "classical_share": 0.0}
    args = tabular_classification.Args(width=8, epochs=3, batch_size=32, **asked, output=str(tmp_path / "run"))
    result = tabular_classification.main(args, dataset=dataset)
    assert np.isfinite(result["metrics"]["loss"])
    with pytest.raises(UserError, match="--loss ldam is for one class an example"):
        tabular_classification.main(dataclasses.replace(args, loss="ldam", output=str(tmp_path / "other")), dataset=dataset)


@pytest.mark.parametrize("method", ["smote", "undersample"])
def test_drawn_rows_of_tables(method, tmp_path, floors):
    args = tabular_classification.Args(width=8, epochs=3, batch_size=16, sampling=method, output=str(tmp_path / "run"))
    with floors():
        result = tabular_classification.main(args, dataset=skewed())
    assert np.isfinite(result["metrics"]["loss"])
    with open(tmp_path / "run/split.csv", newline="") as file:
        trained = [row["label"] for row in csv.DictReader(file) if row["part"] == "train"]
    assert [trained.count(name) for name in "01"] == [162, 18]  # What is drawn or made is not of the data.


def test_a_training_is_as_long_however_its_examples_are_drawn(tmp_path):
    dataset, lengths = skewed(), {}
    for method in ("none", "oversample", "undersample", "balanced-batches", "smote"):
        args = tabular_classification.Args(model="mlp", sampling=method, batch_size=16, output=str(tmp_path))
        epochs = defaults.choose(args, dataset)["epochs"]
        lengths[method] = epochs * classifying.steps(args, dataset.train)
        assert lengths["none"] <= lengths[method] < lengths["none"] + classifying.steps(args, dataset.train)
    assert classifying.steps(dataclasses.replace(args, sampling="oversample"), dataset.train) == 2 * 162 // 16


def test_several_labels_are_not_drawn(tmp_path):
    dataset = skewed(labels=lambda features: (features[:, :2] > [1.5, 0.0]).astype(int))
    args = tabular_classification.Args(sampling="oversample", output=str(tmp_path / "run"))
    with pytest.raises(UserError, match="--sampling oversample is for one class an example"):
        tabular_classification.main(args, dataset=dataset)


def test_texts(tmp_path):
    asked = {"loss": "focal", "logit_adjustment": "after", "samples_per_class": 20, "classical_share": 0.5}
    args = text_classification.Args(model="cnn1d", width=8, epochs=2, **asked, output=str(tmp_path / "run"))
    result = text_classification.main(args)
    assert np.isfinite(result["metrics"]["loss"])
    assert result["network_alone"].keys() == result["metrics"].keys()


def test_series(tmp_path):
    asked = {"loss": "ldam", "logit_adjustment": "training", "imbalance_ratio": 20.0, "classical_share": 0.5}
    args = sequence_classification.Args(model="fcn", width=8, epochs=2, **asked, output=str(tmp_path / "run"))
    result = sequence_classification.main(args)
    assert np.isfinite(result["metrics"]["loss"])
    drawn = {"sampling": "balanced-batches", "logit_adjustment": "none", "loss": "auto", "output": str(tmp_path / "drawn")}
    assert np.isfinite(sequence_classification.main(dataclasses.replace(args, **drawn))["metrics"]["loss"])


def test_a_dataset_that_is_given_is_not_thinned(tmp_path):
    args = tabular_classification.Args(train_fraction=0.5, output=str(tmp_path / "run"))
    with pytest.raises(UserError, match=r"--train-fraction 0\.5 is for a --dataset that the recipe reads"):
        tabular_classification.main(args, dataset=skewed())
    assert not (tmp_path / "run").exists()


def test_the_parts_of_a_thinned_table_are_those_that_evaluate_finds(tmp_path, capsys):
    args = tabular_classification.Args(dataset="wine", train_fraction=0.5, width=8, epochs=2, output=str(tmp_path / "run"))
    tabular_classification.main(args)
    evaluate([str(tmp_path / "run")])  # It compares the split with that of the run.
    assert "accuracy" in capsys.readouterr().out
