"""Masked tokens: a run without labels, and runs that begin with its weights."""

import csv
import json

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.data.texts import tokenizing
from hornbook.inference.predict.command import predict
from hornbook.recipes import text_classification
from hornbook.recipes.text_pretraining import Args, check, main

SMALL = {"epochs": 2, "batch_size": 16, "minimum_count": 1, "validation_fraction": 0.1, "data_check": False}
QUIET = {"epochs": 1, "batch_size": 16, "floor": False, "diagnosis": False, "data_check": False, "classical_share": 0.0}
ORDER = [f"word{k}" for k in range(12)]


def rows(count=160, seed=0):
    """Pieces of a circle of words: what stands between two neighbours is known."""
    generator = np.random.default_rng(seed)
    for k in range(count):
        start, length = generator.integers(len(ORDER)), generator.integers(6, 14)
        yield " ".join(ORDER[(start + step) % len(ORDER)] for step in range(length)), "ab"[k % 2]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows()])
    return f"csv:{path}"


def run(folder, table, callbacks=(), **options):
    usual = {**SMALL, "dataset": table, "width": 16, "depth": 1, "heads": 2, "output": str(folder)}
    return main(Args(**{**usual, **options}), callbacks)


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("pretrained") / "run"
    own = {"model": "cnn1d", "kernel_sizes": (3,), "width": 32, "embedding_size": 16, "depth": None, "heads": None}
    return folder, run(folder, table, epochs=40, learning_rate=0.02, **own)


def test_a_network_learns_what_was_hidden(pretrained):
    folder, result = pretrained
    floor = result["floor"]
    assert floor["model"] == "the most frequent token behind its left neighbour"
    assert floor["network"] == result["metrics"]["accuracy"] > floor["score"] > floor["all"]["the most frequent token"]["accuracy"]
    labels = json.loads((folder / "labels.json").read_text())
    assert {name: labels[name] for name in ("task", "pretext", "loss", "vocabulary_size")} == {
        "task": "embedding", "pretext": "masked-tokens", "loss": "masked-tokens", "vocabulary_size": 14,
    }  # fmt: skip
    assert "text-classification --weights RUN" in (folder / "MODEL_CARD.md").read_text()
    model, tokenizer = keras.saving.load_model(folder / "model.keras"), tokenizing.load(folder / "tokenizer.json")
    ids = tokenizer.batch([" ".join(ORDER[:9])])
    ids[0, 4] = tokenizing.UNKNOWN
    outputs = model.predict(ids, verbose=0)
    assert outputs.shape == (1, ids.shape[1], 14)
    assert tokenizer.decode([outputs[0, 4].argmax()]) == ORDER[4]


def test_other_runs_begin_with_its_weights(pretrained, table, tmp_path):
    folder, _ = pretrained
    plain = {
        "dataset": table,
        "epochs": 1,
        "batch_size": 16,
        "learning_rate": 1e-9,
        "floor": False,
        "diagnosis": False,
        "data_check": False,
    }
    plain |= {"weights": str(folder), "unfreeze": "all", "classical_share": 0.0, "output": str(tmp_path / "run")}
    text_classification.main(text_classification.Args(**plain))
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert (config["model"], config["width"], config["kernel_sizes"], config["minimum_count"]) == ("cnn1d", 32, [3], 1)
    before, after = (keras.saving.load_model(one / "model.keras") for one in (folder, tmp_path / "run"))
    assert after.output_shape == (None, 2)
    own = {weight.path: np.array(weight) for weight in before.weights}
    compared = [(own[weight.path], np.array(weight)) for weight in after.weights if not weight.path.startswith("logits")]
    assert len(compared) == len(own) - 2
    for one, other in compared:
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_nothing_is_predicted_with_it(pretrained, capsys):
    folder, _ = pretrained
    with pytest.raises(SystemExit):
        predict([str(folder), "word1 word2"])
    assert f"hornbook text-classification --weights {folder}" in capsys.readouterr().err


@pytest.mark.parametrize("model", ["text_transformer", "gru", "bidirectional_lstm", "fcn", "resnet1d", "inception1d", "lite"])
def test_every_family_of_texts_can_be_pretrained(tmp_path, table, model):
    heads = 2 if model == "text_transformer" else None
    result = run(tmp_path / "run", table, model=model, width=4, depth=None, heads=heads, epochs=1, floor=False, diagnosis=False)
    assert 0 <= result["metrics"]["accuracy"] <= 1
    plain = {
        "dataset": table,
        "epochs": 1,
        "batch_size": 16,
        "floor": False,
        "diagnosis": False,
        "data_check": False,
        "classical_share": 0.0,
    }
    text_classification.main(text_classification.Args(**plain, weights=str(tmp_path / "run"), output=str(tmp_path / "next")))


def test_what_a_search_aims_at():
    from hornbook.tuning import driver

    assert driver.objective("text_pretraining", Args(), None).name == "accuracy"
    with pytest.raises(UserError, match="there are accuracy, loss"):
        driver.objective("text_pretraining", Args(), "auc")


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 2:
            raise Killed


def test_a_run_goes_on_bit_for_bit(tmp_path, table):
    options = {"epochs": 4, "dropout": 0.1}
    run(tmp_path / "whole", table, **options)
    with pytest.raises(Killed):
        run(tmp_path / "cut", table, [KillAfter()], **options)
    run(tmp_path / "cut", table, **options)
    models = [keras.saving.load_model(tmp_path / one / "model.keras") for one in ("whole", "cut")]
    for one, other in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"members": 2}, "--members 2: a pretraining begins other runs with the weights of one network"),
        ({"pooling": "mean"}, "--pooling mean: a pretraining has outputs of each token"),
        ({"coverage": 0.9}, "--coverage 0.9: a pretraining has no classes"),
        ({"model": "mine:builder"}, "--model mine:builder: text-pretraining takes models of Hornbook"),
        ({"masked_share": 0.0}, "--masked-share"),
    ],
)
def test_what_does_not_go_together_is_refused(table, options, message):
    with pytest.raises(UserError, match=message):
        check(Args(**{"dataset": table, **options}))


def test_a_training_is_watched_without_classes_to_look_for(tmp_path, table):
    result = run(tmp_path / "run", table, model="cnn1d", width=4, depth=None, heads=None, epochs=1, floor=False, diagnosis=True)
    told = {finding["problem"] for finding in result["findings"]}
    assert not told & {"labels-out-of-range", "shuffled-labels", "label-noise"}
