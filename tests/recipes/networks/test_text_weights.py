"""Runs on texts that begin with the weights, and the tokenizer, of another run."""

import csv
import json

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.data.texts import tokenizing
from hornbook.inference.predict.command import predict
from hornbook.recipes.text_classification import Args, main

SMALL = {"epochs": 2, "batch_size": 16, "minimum_count": 1, "floor": False, "diagnosis": False, "data_check": False}
WORDS = (("fine", "great", "lovely", "clever"), ("dull", "weak", "tedious", "flat"))


def table(path, fillers, count=120, seed=0):
    generator = np.random.default_rng(seed)
    words = [f"{fillers}{k}" for k in range(12)]
    rows = [(" ".join([*generator.choice(words, 5), generator.choice(WORDS[k % 2])]), "ab"[k % 2]) for k in range(count)]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return f"csv:{path}"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run whose network is mixed with a classical model, as by default."""
    folder = tmp_path_factory.mktemp("source")
    own = {"model": "cnn1d", "width": 6, "embedding_size": 5, "kernel_sizes": (1, 2), "max_length": 9, "vocabulary_size": 40}
    own |= {"learning_rate": 0.02, "lowercase": False}
    main(Args(**SMALL, **own, dataset=table(folder / "a.csv", "Old"), output=str(folder / "run")))
    return folder / "run"


def run(tmp_path, source, name="run", **options):
    options = {"weights": str(source), "dataset": table(tmp_path / "b.csv", "New", 60), "classical_share": 0.0, **options}
    folder = tmp_path / name
    result = main(Args(**{**SMALL, **options, "output": str(folder)}))
    return folder, result


def weights_of(folder):
    model = keras.saving.load_model(folder / "model.keras")
    network = next((layer for layer in model.layers if layer.name == "cnn1d_network"), model)
    return {weight.path: np.array(weight) for weight in network.weights}


def changed(folder, source):
    before = weights_of(source)
    return {path.split("/")[0].split("_")[0] for path, now in weights_of(folder).items() if not np.array_equal(now, before[path])}


def test_a_run_has_the_network_the_tokenizer_and_the_options_of_its_source(tmp_path, source, capsys):
    folder, result = run(tmp_path, source, unfreeze="all", learning_rate=1e-9)
    config = json.loads((folder / "config.json").read_text())
    kept = {"model": "cnn1d", "width": 6, "embedding_size": 5, "lowercase": False, "vocabulary_size": 40, "max_length": 9}
    assert {name: config[name] for name in kept} == kept
    before, after = weights_of(source), weights_of(folder)
    for path, now in after.items():
        if not path.startswith("logits"):
            np.testing.assert_allclose(now, before[path], atol=1e-6)
    own, other = (tokenizing.load(one / "tokenizer.json") for one in (folder, source))
    assert own.fast.get_vocab() == other.fast.get_vocab()
    assert (own.max_length, own.ngrams) == (9, {})  # The source's pairs are its classical model's alone.
    [unknown] = [one for one in result["findings"] if one["problem"] == "unknown-tokens"]
    assert "--weights of a run whose tokenizer knows them" in unknown["advice"]
    predict([str(folder), "Old1 great"])
    assert "Old1 great" in capsys.readouterr().out


def test_what_is_trained_is_what_was_asked_for(tmp_path, source):
    assert changed(run(tmp_path, source, "auto", learning_rate=0.01)[0], source) == {"branch1", "branch2", "logits"}
    every = {"embedding", "branch1", "branch2", "logits"}
    assert changed(run(tmp_path, source, "all", unfreeze="all", gradual_unfreezing=0.5, learning_rate=0.01)[0], source) == every


def test_a_head_is_trained_on_features_that_are_kept(tmp_path, source):
    options = {"unfreeze": "head", "learning_rate": 0.05, "epochs": 4, "validation_fraction": 0.2}
    folder, result = run(tmp_path, source, **options)
    assert changed(folder, source) == {"logits"}
    assert json.loads((folder / "config.json").read_text())["word_dropout"] == 0.0
    kept = sorted(file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.npy"))
    assert len(kept) == 2  # Of training and validation texts.
    again, other = run(tmp_path, source, "again", **options)
    assert sorted(file.stat().st_mtime_ns for file in (tmp_path / "cache").rglob("*.npy")) == kept
    assert other["metrics"] == result["metrics"]
    for path, now in weights_of(again).items():
        np.testing.assert_array_equal(now, weights_of(folder)[path])


def test_a_mixture_has_pairs_of_its_own_texts(tmp_path, source):
    folder, _ = run(tmp_path, source, classical_share=0.5, max_length=7)
    reading = tokenizing.load(folder / "tokenizer.json")
    assert reading.max_length == 14
    assert reading.ngrams


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "imagenet"}, "--weights imagenet: there is no such folder; accepted are a finished run's folder, of texts, and none"),
        ({"weights": "b.csv"}, "--weights b.csv: there is no such folder"),
        ({"weights": None, "unfreeze": "head"}, "--unfreeze head is for a network with --weights"),
        ({"tokenizer": "bpe"}, "--tokenizer bpe: --weights .* were trained with --tokenizer word, which holds; leave it out"),
        ({"vocabulary_size": 90}, "--vocabulary-size 90: --weights .* were trained with --vocabulary-size 40"),
        ({"unfreeze": "head", "word_swap": 0.1}, "--word-swap 0.1 changes texts, whose features --unfreeze head computes once"),
        ({"members": 2}, "--members 2 would begin with the same weights"),
        ({"embedding_size": 7}, "has embedding/embeddings of shape"),
        ({"model": "gru"}, "are of --model cnn1d, got gru; leave --model out"),
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, source, options, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, source, **options)


def test_a_run_on_another_medium_is_refused(tmp_path, source):
    from hornbook.recipes import image_classification

    with pytest.raises(UserError, match="is a run on texts; accepted are runs on images"):
        image_classification.main(image_classification.Args(weights=str(source), output=str(tmp_path / "run"), **{"floor": False}))
