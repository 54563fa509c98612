"""`--embeddings`: runs on texts whose words begin with vectors from a file."""

import csv
import json

import keras
import numpy as np
import pytest

from hornbook import UserError
from hornbook.data.texts import tokenizing
from hornbook.inference.predict.command import predict
from hornbook.recipes.text_classification import Args, check, main

SMALL = {"epochs": 1, "batch_size": 16, "floor": False, "diagnosis": False, "data_check": False, "minimum_count": 1, "classical_share": 0.0}
GOOD, BAD, FILLERS = ("fine", "great", "lovely"), ("dull", "weak", "tedious"), tuple(f"word{k}" for k in range(6))
SIZE = 4


def rows(count=60, seed=0):
    generator = np.random.default_rng(seed)
    for k in range(count):
        yield " ".join([*generator.choice(FILLERS, 4), generator.choice((GOOD, BAD)[k % 2])]), "ab"[k % 2]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("texts") / "texts.csv"
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows()])
    return f"csv:{path}"


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """Vectors of all words of the texts but the fillers."""
    path, generator = tmp_path_factory.mktemp("vectors") / "vectors.txt", np.random.default_rng(0)
    vectors = {word: (1 if word in GOOD else -1) + generator.normal(size=SIZE) for word in GOOD + BAD}
    path.write_text("".join(f"{word.capitalize()} {' '.join(map(str, numbers))}\n" for word, numbers in vectors.items()))
    return path, vectors


def run(tmp_path, table, learned, name="run", callbacks=(), **options):
    folder = tmp_path / name
    usual = {**SMALL, "model": "cnn1d", "width": 3, "dataset": table, "embeddings": str(learned[0]), "output": str(folder)}
    result = main(Args(**{**usual, **options}), callbacks)
    return folder, result, keras.saving.load_model(folder / "model.keras")


def tables(model, size):
    found = []
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found += tables(layer, size)
        elif isinstance(layer, keras.layers.Embedding) and layer.output_dim == size:
            found.append(layer)
    return found


def rows_of(table, folder, words):
    vocabulary = tokenizing.load(folder / "tokenizer.json").vocabulary
    return np.array(table.embeddings)[[vocabulary[word] for word in words]]


def assert_proportional(found, vectors):
    """Whether vectors are those of a file, but for one factor."""
    expected = np.array([vectors[word] for word in GOOD + BAD])
    np.testing.assert_allclose(found / found.std(), expected / expected.std(), rtol=1e-4)


MODELS = {
    "cnn1d": {"width": 3},
    "fcn": {"width": 3},
    "resnet1d": {"width": 3},
    "inception1d": {"width": 2, "depth": 3},
    "lite": {"width": 2},
    "rnn": {"width": 3},
    "bidirectional_gru": {"width": 3},
    "text_transformer": {"heads": 2, "depth": 1, "width": None},
}


@pytest.mark.parametrize(("model", "options"), [*((name, {"model": name, **own}) for name, own in MODELS.items()), ("two", {"members": 2})])
def test_the_saved_model_of_each_family_holds_the_vectors(tmp_path, table, learned, model, options):
    folder, result, saved = run(tmp_path, table, learned, embedding_training="frozen", **options)
    found = tables(saved, SIZE)
    assert len(found) == options.get("members", 1)
    for one in found:
        assert not one.trainable
        assert_proportional(rows_of(one, folder, GOOD + BAD), learned[1])
        others = rows_of(one, folder, FILLERS)
        assert 0.3 < others.std() / rows_of(one, folder, GOOD + BAD).std() < 3
    config = json.loads((folder / "config.json").read_text())
    assert config["width" if model == "text_transformer" else "embedding_size"] == SIZE
    assert result["embeddings"] == {"file": str(learned[0]), "size": SIZE, "found": 6, "tokens": 12}


def test_tuned_vectors_are_trained_and_of_both_one(tmp_path, table, learned):
    folder, _, saved = run(tmp_path, table, learned, learning_rate=0.1)
    [tuned] = tables(saved, SIZE)
    with pytest.raises(AssertionError):
        assert_proportional(rows_of(tuned, folder, GOOD + BAD), learned[1])
    folder, _, saved = run(tmp_path, table, learned, "both", embedding_training="both", learning_rate=0.1)
    tuned, frozen = tables(saved, SIZE)
    assert (tuned.trainable, frozen.trainable) == (True, False)
    assert_proportional(rows_of(frozen, folder, GOOD + BAD), learned[1])
    assert not np.allclose(tuned.embeddings, frozen.embeddings)


def test_a_run_without_the_file_predicts_and_is_gone_on_with_and_lent(tmp_path, table, learned, capsys):
    """What a run has learned needs no file of vectors any more."""
    copy = tmp_path / "vectors.txt"
    copy.write_bytes(learned[0].read_bytes())
    own = {"embeddings": str(copy), "embedding_training": "both", "classical_share": 0.5}
    folder, _, _ = run(tmp_path, table, learned, **own)
    copy.unlink()
    predict([str(folder), "a lovely text"])
    assert "a lovely text" in capsys.readouterr().out
    own = {"weights": str(folder), "embeddings": None, "model": "auto", "width": None, "classical_share": 0.5}
    again, _, saved = run(tmp_path, table, learned, "again", **own)
    assert json.loads((again / "config.json").read_text())["embedding_training"] == "both"
    assert_proportional(rows_of(tables(saved, SIZE)[1], again, GOOD + BAD), learned[1])


class Killed(Exception):
    pass


class KillAfter(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 5:
            raise Killed


@pytest.mark.parametrize("training", ["frozen", "both"])
def test_a_run_goes_on_with_the_vectors_that_it_began_with(tmp_path, table, learned, training):
    options = {"epochs": 8, "embedding_training": training}
    _, _, whole = run(tmp_path, table, learned, "whole", **options)
    with pytest.raises(Killed):
        run(tmp_path, table, learned, "cut", [KillAfter()], **options)
    _, _, cut = run(tmp_path, table, learned, "cut", **options)
    for one, other in zip(whole.get_weights(), cut.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_few_vectors_are_a_finding(tmp_path, table, learned, capsys):
    few = tmp_path / "few.txt"
    few.write_text("fine 1 2 3 4\nGREAT 1 2 3 5\n")
    _, result, _ = run(tmp_path, table, learned, embeddings=str(few), width=2)
    [finding] = [one for one in result["findings"] if one["problem"] == "few-vectors"]
    assert "has vectors of 2 of the 12 tokens, 16.7%, with 4 numbers each alone" in finding["evidence"]
    assert "vectors of 2 of the 12 tokens" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": "bpe"}, "has vectors of words, got --tokenizer bpe; pass --tokenizer word"),
        ({"embedding_size": 5}, "--embedding-size 5: --embeddings .* has vectors of 4 numbers; pass 4, or leave it out"),
        ({"model": "text_transformer", "width": 4, "embedding_training": "both"}, "--width 4: .* 4 numbers, and two of each token; pass 8"),
        ({"embeddings": "nothing.txt"}, "--embeddings nothing.txt is not there; accepted is a file of vectors of words"),
        ({"embeddings": None, "embedding_training": "frozen"}, "--embedding-training frozen is about vectors that were learned before"),
        ({"weights": "."}, "--embeddings .* and --weights . both say which vectors tokens begin with"),
    ],
)
def test_what_does_not_go_together_is_refused(table, learned, options, message):
    with pytest.raises(UserError, match=message):
        check(Args(**{"dataset": table, "embeddings": str(learned[0]), **options}))


def test_a_builder_without_such_a_table_is_refused(tmp_path, table, learned, monkeypatch):
    (tmp_path / "bag_of_words_builder.py").write_text(
        "import keras\n\n\ndef bag(input_shape, num_outputs, **options):\n"
        "    inputs = keras.Input(input_shape, dtype='int32')\n"
        "    x = keras.layers.Embedding(options['vocabulary_size'], 3, name='words')(inputs)\n"
        "    return keras.Model(inputs, keras.layers.Dense(num_outputs)(keras.ops.mean(x, axis=1)), name='bag')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    message = r"the network bag has no keras.layers.Embedding of 14 tokens by 4 features, which vectors go to; it has words of 14 by 3"
    with pytest.raises(UserError, match=message):
        run(tmp_path, table, learned, model="bag_of_words_builder:bag", width=None)
