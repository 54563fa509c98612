"""What recipes choose where no flag says otherwise: nothing stays open, flags win, small sets get their updates, a resumed run its own."""

import dataclasses
import importlib
import json
import typing

import numpy as np
import pytest

from hornbook import data, models
from hornbook.data.images.pretraining import rotation
from hornbook.data.series.pretraining import masking
from hornbook.data.texts.pretraining import unlabelled
from hornbook.recipes import RECIPES, image_classification, options, sequence_classification, tabular_classification
from hornbook.recipes.sequence_classification import Args, main
from hornbook.recipes.steps import defaults


def series(count, steps=12):
    return data.series.from_arrays(list(np.random.default_rng(0).normal(size=(count, steps, 1)).astype(np.float32)), np.arange(count) % 2)


TEXTS = data.texts.from_texts(["good day", "bad day", "fine night", "dull night"] * 20, [1, 0, 1, 0] * 20)
DATASETS = {
    "image_classification": data.images.load("digits"),
    "image_pretraining": rotation.dataset(data.images.load("digits")),
    "text_classification": TEXTS,
    "text_pretraining": unlabelled.without_labels(TEXTS),
    "sequence_classification": series(60),
    "sequence_pretraining": masking.dataset(series(60)),
    "tabular_classification": data.tables.load("wine", task="classification"),
    "regression": data.tables.load("diabetes", task="regression"),
}


def test_every_recipe_has_data_here():
    assert DATASETS.keys() == {name.replace("-", "_") for name in RECIPES}


@pytest.mark.parametrize("recipe", DATASETS)
def test_nothing_stays_open(recipe):
    module = importlib.import_module(f"hornbook.recipes.{recipe}")
    hints = typing.get_type_hints(module.Args)
    by_data = [name for name in defaults.OPEN if name in hints and options.Auto in typing.get_args(hints[name])]
    assert {"epochs", "batch_size", "learning_rate", "dropout"} <= set(by_data)
    args = module.Args()
    settled = dataclasses.replace(args, **defaults.choose(args, DATASETS[recipe]))
    assert [name for name in ("model", *by_data) if getattr(settled, name) == "auto"] == []
    assert settled.model in models.names()


@pytest.mark.parametrize("medium", defaults.ROWS)
def test_every_model_has_a_row(medium):
    for name in (*models.names(), "mymodule:builder"):
        for task in ("classification", "multi-label", "regression"):
            assert all(defaults.row_of(medium, task, name, size).updates > 0 for size in (1, 10**6))


@pytest.mark.parametrize("window", [None, 6])
def test_no_more_than_enough_is_held_out_and_what_was_chosen_splits_the_same(window, monkeypatch, tmp_path):
    monkeypatch.setattr(data.splits.IfEnough, "least", 2)
    monkeypatch.setattr(data.splits.IfEnough, "most", 3)
    series = np.random.default_rng(0).normal(size=(70, 12, 1)).astype(np.float32)
    np.savez(tmp_path / "series.npz", x_train=series, y_train=np.arange(70) % 2, x_test=series, y_test=np.arange(70) % 2)
    args = Args(dataset=f"npz:{tmp_path / 'series.npz'}", window=window)
    found = sequence_classification.load(args, tmp_path)
    assert len(set(found.validation.units)) == 3
    chosen = defaults.settle(args, found)
    assert chosen.validation_fraction == pytest.approx(3 / 70)
    again = sequence_classification.load(chosen, tmp_path)
    assert again.validation.indices.tolist() == found.validation.indices.tolist()
    # What needs validation data has a tenth.
    assert len(set(sequence_classification.load(dataclasses.replace(args, early_stopping=2), tmp_path).validation.units)) == 7


def test_flags_win():
    args = Args(model="gru", batch_size=8, learning_rate=0.5, dropout=0.7, jitter=0.01)
    chosen = defaults.choose(args, DATASETS["sequence_classification"])
    assert chosen.keys() - options.USUAL.keys() == {"epochs", "validation_fraction", "mixup", "classical_share"}
    assert chosen["mixup"] == defaults.row_of("series", "classification", "gru", 60).options["mixup"]


def test_a_builder_of_the_users_is_given_no_option():
    chosen = defaults.choose(Args(model="mymodule:builder"), DATASETS["sequence_classification"])
    assert chosen["dropout"] is None
    assert chosen["learning_rate"] > 0


def images(channels, count=200, side=32):
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, channels)).astype(np.uint8)
    return data.images.from_arrays(pixels, np.arange(count) % 2, pixels[:20], np.arange(20) % 2, validation_fraction=0)


def test_airbench_has_its_own_training_and_loses_it_with_another_optimizer():
    own = defaults.row_of("images", "classification", "airbench94", 200).options
    chosen = defaults.choose(image_classification.Args(model="airbench94", epochs=50), images(3))
    assert {name: chosen[name] for name in ("optimizer", "momentum", "flip", "precision")} == {
        name: own[name] for name in ("optimizer", "momentum", "flip", "precision")
    }
    assert chosen["learning_rate"] == pytest.approx(own["learning_rate"] * chosen["batch_size"] / 512)
    assert chosen["warmup_epochs"] == pytest.approx(11.5)
    assert chosen["crop_padding"] == 2
    chosen = defaults.choose(image_classification.Args(model="airbench94", optimizer="adam"), images(3))
    assert (chosen["learning_rate"], chosen["schedule"]) == (3e-3, "cosine")
    assert "warmup_epochs" not in chosen


@pytest.mark.parametrize(
    ("channels", "count", "side", "expected"),
    [(3, 10_000, 16, "airbench94"), (3, 9_999, 16, "cnn"), (1, 10_000, 16, "cnn"), (3, 10_000, 8, "cnn"), (3, 10_000, 65, "cnn")],
)
def test_many_small_images_in_colour_have_airbench(channels, count, side, expected):
    pixels = np.broadcast_to(np.uint8(0), (count, side, side, channels))
    dataset = data.images.from_arrays(pixels, np.arange(count) % 2, pixels[:20], np.arange(20) % 2, validation_fraction=0)
    assert defaults.choose(image_classification.Args(), dataset)["model"] == expected


def test_what_may_be_a_letter_is_not_mirrored():
    args = image_classification.Args(model="airbench94")
    assert (defaults.choose(args, images(3))["augmentation"], defaults.choose(args, images(3))["flip"]) == ("crop-flip", "alternating")
    assert (defaults.choose(args, images(1))["augmentation"], defaults.choose(args, images(1))["flip"]) == ("crop", "random")


def test_the_precision_auto_is_a_choice_of_the_user():
    assert "precision" not in defaults.choose(image_classification.Args(precision="auto"), images(1))
    assert defaults.choose(image_classification.Args(), images(1, side=8))["precision"] == "float32"


def test_a_run_says_what_is_not_usual():
    dataset = images(1)
    assert defaults.in_words(dict(options.USUAL), dataset, 1) == ""
    line = defaults.in_words({"optimizer": "sgd", "momentum": 0.9, "epochs": 3}, dataset, 10)
    assert line == "chosen: 30 updates in 3 epochs, optimizer sgd (for 200 images of 32x32 pixels)"


def test_what_was_settled_passes_the_check():
    for recipe, dataset in DATASETS.items():
        module = importlib.import_module(f"hornbook.recipes.{recipe}")
        settled = defaults.settle(module.Args(), dataset)
        module.check(settled)
        # What was settled does not count as asked for, so it is refused beside no other option.
        assert not any(options.is_asked_for(settled, name) for name in options.USUAL if hasattr(settled, name))
    grey = defaults.settle(image_classification.Args(model="airbench94"), images(1))
    image_classification.check(grey)
    assert (grey.augmentation, grey.flip, grey.optimizer) == ("crop", "random", "sgd")


def test_the_length_is_counted_in_updates_until_passes_are_more():
    row = defaults.row_of("series", "classification", "fcn", 60)
    epochs = {}
    for count in (30, 300, 3000):
        dataset = series(count, steps=2)
        chosen = defaults.choose(Args(model="fcn"), dataset)
        steps = max(1, len(dataset.train) // chosen["batch_size"])
        assert chosen["epochs"] * steps >= row.updates
        assert chosen["epochs"] >= row.passes
        assert chosen["epochs"] == row.passes or (chosen["epochs"] - 1) * steps < row.updates
        epochs[count] = chosen["epochs"]
    assert epochs[30] > epochs[300] > epochs[3000]


def test_a_run_that_goes_on_keeps_what_was_chosen(tmp_path, capsys, monkeypatch):
    class Cut(Exception):
        pass

    def cut(epoch, logs):
        if epoch == 4:  # Behind the first checkpoint, which comes after ten steps at the most.
            raise Cut

    import keras

    args = Args(model="fcn", width=4, evaluate="validation", output=str(tmp_path / "run"))
    short = dataclasses.replace(defaults.ROWS["series"][0], families=(), updates=30, passes=1)
    monkeypatch.setitem(defaults.ROWS, "series", (short,))
    with pytest.raises(Cut):
        main(args, dataset=series(60), callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=cut)])
    chosen = json.loads((tmp_path / "run/chosen.json").read_text())
    assert "chosen: 30 updates in 10 epochs, batch size 16, validation fraction 0.1, learning rate 0.001" in capsys.readouterr().out
    # Other rules, such as a later version's, do not change a run that has begun.
    monkeypatch.setitem(defaults.ROWS, "series", (dataclasses.replace(short, updates=900),))
    result = main(args, dataset=series(60))
    assert result["epochs"] == chosen["epochs"] == 10
    assert json.loads((tmp_path / "run/config.json").read_text())["epochs"] == "auto"


@pytest.mark.parametrize(("model", "depth", "dropout"), [
    ("mlp", None, 0.3), ("mlp", 2, 0.3), ("mlp", 3, 0.3), ("mlp", 6, 0.133), ("mlp", 12, 0.063), ("tabm", 12, 0.3),
])  # fmt: skip
def test_a_deep_perceptron_keeps_as_much_in_all_as_a_shallow_one(model, depth, dropout):
    args = tabular_classification.Args(dataset="wine", model=model, depth=depth)
    chosen = defaults.choose(args, DATASETS["tabular_classification"])["dropout"]
    assert chosen == dropout
    if dropout < 0.3:
        assert (1 - chosen) ** (depth - 1) == pytest.approx(0.7**2, abs=0.01)


def test_a_dropout_that_was_asked_for_stays():
    args = tabular_classification.Args(dataset="wine", depth=12, dropout=0.3)
    assert defaults.settle(args, DATASETS["tabular_classification"]).dropout == 0.3
