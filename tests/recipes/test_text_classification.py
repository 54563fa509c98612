import csv
import dataclasses
import json
import subprocess
import sys
import typing

import keras
import numpy as np
import pytest
import tokenizers

from hornbook import UserError, command_line, data
from hornbook.data.texts import tokenizing
from hornbook.inference.evaluate import evaluate
from hornbook.inference.predict.command import predict
from hornbook.recipes import text_classification
from hornbook.recipes.text_classification import Args, main
from hornbook.training import imbalance, optimization, schedules

BUILDER = """
import keras

def small(input_shape, num_outputs, *, vocabulary_size, embedding_size=8, dropout=0.0, **options):
    inputs = keras.Input(input_shape, dtype="int32")
    x = keras.layers.Embedding(vocabulary_size, embedding_size)(inputs)
    mask = keras.ops.cast(keras.ops.expand_dims(keras.ops.not_equal(inputs, 0), -1), x.dtype)
    x = keras.ops.sum(x * mask, axis=1) / keras.ops.sum(mask, axis=1)
    x = keras.layers.Dropout(dropout)(x)
    return keras.Model(inputs, keras.layers.Dense(num_outputs, dtype="float32", name="logits")(x))
"""
WORDS = {"<good>": ("fine", "great", "lovely", "clever"), "bad & dull": ("dull", "weak", "tedious", "flat")}


def rows(count=240, seed=0):
    """Sentences of which one word tells the class."""
    generator = np.random.default_rng(seed)
    fillers = [f"word{k}" for k in range(30)]
    found = []
    for k in range(count):
        label = list(WORDS)[k % 2]
        words = [*generator.choice(fillers, generator.integers(3, 25)), generator.choice(WORDS[label])]
        found.append((" ".join(generator.permutation(words)), label))
    return found


@pytest.fixture(autouse=True)
def builder(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("builder")
    (folder / "small_text_builder.py").write_text(BUILDER)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))


@pytest.fixture
def table(tmp_path):
    with open(tmp_path / "films.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *rows()])
    return f"csv:{tmp_path / 'films.csv'}"


SMALL = {
    "model": "small_text_builder:small",
    "epochs": 3,
    "batch_size": 16,
    "learning_rate": 3e-2,
    "dropout": 0.1,
    "minimum_count": 1,
    "word_dropout": 0.0,
    "validation_fraction": 0.1,
    "classical_share": 0.0,
}


def run(tmp_path, dataset, name="run", **options):
    folder = tmp_path / name
    return folder, main(Args(**{**SMALL, "dataset": dataset, "output": str(folder), **options}))


def test_from_a_table_to_a_prediction(table, tmp_path, capsys, floors, diagnosis, promised):
    with floors(), diagnosis():
        folder, result = run(tmp_path, table, epochs=8)
    assert result["metrics"]["accuracy"] >= 0.9
    assert "\nfloor: " in capsys.readouterr().out
    assert all(result["floor"]["all"][name]["accuracy"] > 0.9 for name in ("naive-Bayes ratios", "TF-IDF"))
    left = {entry.name for entry in folder.iterdir()}
    assert left == promised | {"tokenizer.json"}
    written = json.loads((folder / "result.json").read_text())
    assert written["tokens"]["train"]["texts"] == 172
    assert {"train", "validation", "test"} == written["tokens"].keys()
    report = (folder / "report.html").read_text()
    assert "Texts and tokens" in report
    assert "&lt;good&gt;" in report
    assert "<good>" not in report

    capsys.readouterr()
    (tmp_path / "lines.txt").write_text("a fine and lovely film\n\nhow dull\n")
    (tmp_path / "rows.csv").write_text('text\n"tedious, flat"\ngreat\n')
    predict([str(folder), "a great  film", str(tmp_path / "lines.txt"), str(tmp_path / "rows.csv")])
    lines = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [line[1] for line in lines] == ["<good>", "<good>", "bad & dull", "bad & dull", "<good>"]
    assert [line[0].rpartition("/")[2] for line in lines] == ["a great film", "lines.txt:1", "lines.txt:3", "rows.csv:2", "rows.csv:3"]
    predict([str(folder), "great", "--top", "2"])
    _, first, sure, second, unsure = capsys.readouterr().out.strip().split("\t")
    assert (first, second) == ("<good>", "bad & dull")
    assert float(sure) + float(unsure) == pytest.approx(1, abs=2e-4)

    evaluate([str(folder), "--json"])
    assert json.loads(capsys.readouterr().out)["accuracy"] == pytest.approx(result["metrics"]["accuracy"])
    evaluate([str(folder), "--part", "train"])
    assert "examples\t172" in capsys.readouterr().out
    other = tmp_path / "other.csv"
    other.write_text("text,label\nfine film,<good>\nflat film,bad & dull\nlovely,<good>\n")
    evaluate([str(folder), "--dataset", f"csv:{other}", "--json"])
    assert json.loads(capsys.readouterr().out)["examples"] == 3
    other.write_text("text,label\nfine film,<good>\nflat film,neutral\n")
    with pytest.raises(SystemExit) as stop:
        evaluate([str(folder), "--dataset", f"csv:{other}"])
    assert stop.value.code == 2
    assert "line 3, column 'label': the class 'neutral' is unknown in training" in capsys.readouterr().err
    (tmp_path / "nothing").mkdir()
    for given, message in (
        (" ", "has nothing in it"),
        (str(tmp_path / "no.txt"), "is not there"),
        (str(tmp_path / "nothing"), "is a folder"),
    ):
        with pytest.raises(SystemExit):
            predict([str(folder), given])
        assert message in capsys.readouterr().err


def test_a_network_mixed_with_a_linear_model_is_saved_as_one(table, tmp_path):
    folder, _ = run(tmp_path, table, epochs=1, classical_share=0.5, max_length=6)
    assert (folder / "ngrams.json").exists()
    saved, tokenizer = keras.saving.load_model(folder / "model.keras"), tokenizing.load(folder / "tokenizer.json")
    assert tokenizer.max_length == 12  # For as many pairs as there are tokens.
    assert saved.get_layer("naive_bayes_weights").get_weights()[0].shape == (tokenizer.vocabulary_size, 2)
    probabilities = np.exp(saved.predict(tokenizer.batch([text for text, _ in rows()[:9]]), verbose=0))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert json.loads((folder / "labels.json").read_text())["requires"] == []


@pytest.mark.parametrize(("model", "rate"), [("cnn1d", 0.5), ("gru", 0.5), ("text_transformer", 0.1)])
def test_the_dropout_that_nobody_asked_for_is_the_model_s(model, rate):
    dataset = data.texts.from_texts([text for text, _ in rows(20)], [k % 2 for k in range(20)])
    tokenizer = tokenizing.fit(dataset.train.texts())
    for asked, expected in (("auto", rate), (0.2, 0.2)):
        built = text_classification.build(Args(model=model, width=8, dropout=asked), dataset, tokenizer)
        assert {layer.rate for layer in built.layers if isinstance(layer, keras.layers.Dropout)} == {expected}


def test_the_saved_model_and_tokenizer_outlive_hornbook(table, tmp_path):
    folder, _ = run(tmp_path, table, epochs=1, max_length=12)
    texts = [text for text, _ in rows()[:9]]
    logits = keras.saving.load_model(folder / "model.keras").predict(tokenizing.load(folder / "tokenizer.json").batch(texts), verbose=0)
    script = (
        "import sys; sys.modules['hornbook'] = None\n"
        "import json, keras, numpy, tokenizers\n"
        "model = keras.saving.load_model(sys.argv[1] + '/model.keras')\n"
        "encoded = tokenizers.Tokenizer.from_file(sys.argv[1] + '/tokenizer.json').encode_batch(json.loads(sys.argv[2]))\n"
        "print(json.dumps(model.predict(numpy.array([one.ids for one in encoded]), verbose=0).tolist()))\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(folder), json.dumps(texts)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    np.testing.assert_allclose(json.loads(done.stdout.splitlines()[-1]), logits, atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"tokenizer": "bpe", "vocabulary_size": 300, "word_dropout": 0.1, "word_swap": 0.1, "ema": 0.9, "class_weights": "balanced"},
        {"tokenizer": "character", "max_length": 40, "schedule": "one-cycle", "optimizer": "sgd", "evaluate": "validation"},
        {"tokenizer": "byte", "label_smoothing": 0.1, "clip_norm": 1.0, "schedule": "plateau", "early_stopping": 2},
        {"evaluate": "none", "validation_fraction": 0.0, "accumulate_steps": 2, "precision": "bfloat16", "in_memory": "never"},
        {"lowercase": False, "minimum_count": 3, "embedding_size": 4, "batch_size": 5000, "l2": 1e-4, "embedding_dropout": 0.1},
        {"model": "text_transformer", "depth": 1, "width": 8, "heads": 2, "positions": "rotary", "pooling": "max"},
    ],
    ids=lambda options: "-".join(map(str, options.values())),
)
def test_options_run(options, table, tmp_path):
    folder, result = run(tmp_path, table, **{"epochs": 2, **options})
    assert (folder / "report.html").stat().st_size > 5_000
    assert all(np.isfinite(value) for value in result["metrics"].values())


def test_texts_cut_and_unknown_are_said(table, tmp_path, capsys):
    _, result = run(tmp_path, table, epochs=1, max_length=5, vocabulary_size=6, batch_size=5000)
    out = capsys.readouterr().out
    assert "cut at 5: " in out
    assert "note: --batch-size 5,000 is more than" in out
    findings = " ".join(finding["evidence"] for finding in result["findings"])
    assert "texts were cut at 5 tokens" in findings
    assert "of the test tokens are unknown" in findings


class Interrupt(keras.callbacks.Callback):
    """Stop a run after its first epoch and the checkpoint of it."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_an_interrupted_run_ends_with_the_same_weights_in_memory_or_not(table, tmp_path):
    options = {"word_dropout": 0.2, "word_swap": 0.2, "dropout": 0.3}
    whole, result = run(tmp_path, table, "whole", **options)
    args = Args(**{**SMALL, **options, "dataset": table, "in_memory": "never", "output": str(tmp_path / "cut")})
    with pytest.raises(KeyboardInterrupt):
        main(args, callbacks=[Interrupt()])
    resumed = main(args)
    weights = [keras.saving.load_model(folder / "model.keras").get_weights() for folder in (whole, tmp_path / "cut")]
    assert all(first.tobytes() == second.tobytes() for first, second in zip(*weights, strict=True))
    assert resumed["metrics"] == result["metrics"]
    rows_of = ((folder / "history.csv").read_text().splitlines() for folder in (whole, tmp_path / "cut"))
    history = [[row.rpartition(",")[0] for row in rows] for rows in rows_of]  # Without the seconds.
    assert history[0] == history[1]


def test_lists_from_python_and_several_seeds(tmp_path):
    texts, labels = zip(*rows(120), strict=True)
    dataset = data.texts.from_texts(texts, labels, texts[:20], labels[:20], validation_fraction=0)
    args = Args(**{**SMALL, "epochs": 1, "seeds": 2, "output": str(tmp_path / "run")})
    summary = main(args, dataset=dataset)
    assert summary["metrics"]["accuracy"]["n"] == 2
    result = json.loads((tmp_path / "run/seed-0/result.json").read_text())
    assert any("20 of 20 test texts stand in training too" in finding["evidence"] for finding in result["findings"])
    assert json.loads((tmp_path / "run/seed-1/config.json").read_text())["dataset"] == dataset.name


def test_a_model_of_the_zoo(table, tmp_path):
    folder, _ = run(tmp_path, table, epochs=1, model="text_transformer", depth=1, width=8)
    padded = np.array([[3, 4, 5, 0, 0, 0, 0, 0], [3, 4, 5, 6, 7, 8, 9, 10]])
    model = keras.saving.load_model(folder / "model.keras")
    alone, together = model.predict(padded[:1, :3], verbose=0)[0], model.predict(padded, verbose=0)[0]
    np.testing.assert_allclose(alone, together, atol=1e-5)  # Padding changes no output.


def test_kernels_and_pooling_reach_the_network(table, tmp_path):
    folder, _ = run(tmp_path, table, epochs=1, model="cnn1d", kernel_sizes=(1, 2), pooling="mean", width=8)
    model = keras.saving.load_model(folder / "model.keras")
    assert [layer.kernel_size for layer in model.layers if hasattr(layer, "kernel_size")] == [(1,), (2,)]
    words = np.array([[3, 4, 5, 6], [6, 5, 4, 3]])
    logits = model.predict(words, verbose=0)
    assert not np.allclose(logits[0], logits[1], atol=1e-6)  # Pairs know the order,
    folder, _ = run(tmp_path / "words", table, epochs=1, model="cnn1d", kernel_sizes=(1,), pooling="mean", width=8)
    logits = keras.saving.load_model(folder / "model.keras").predict(words, verbose=0)
    np.testing.assert_allclose(logits[0], logits[1], atol=1e-5)  # a mean of single words does not.


def test_pairs_of_words_are_tokens_of_a_bag(table, tmp_path, capsys):
    folder, result = run(tmp_path, table, epochs=2, model="cnn1d", kernel_sizes=(1,), pooling="mean", width=8, ngrams=2)
    tokenizer = tokenizing.load(folder / "tokenizer.json")
    assert tokenizer.ngrams
    assert tokenizer.vocabulary_size == tokenizer.fast.get_vocab_size() + len(tokenizer.ngrams)
    capsys.readouterr()
    evaluate([str(folder)])
    assert f"accuracy\t{result['metrics']['accuracy']:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "docstring"}, "did you mean 'docstrings'"),
        ({"dataset": "csv:nowhere.csv"}, "is not there"),
        ({"model": "nowhere:builder"}, "no module"),
        ({"model": "cnn"}, "--model cnn"),
        ({"model": "cnn1d", "kernel_sizes": (2, 0)}, "--kernel-sizes must be at least 1"),
        ({"model": "gru", "kernel_sizes": (2,)}, "--model gru does not take --kernel-sizes"),
        ({"model": "gru", "ngrams": 2}, "pass --model cnn1d --kernel-sizes 1 --pooling mean, or --model text_transformer --positions none"),
        ({"ngrams": 0}, "--ngrams"),
        ({"max_length": 0}, "--max-length must be at least 1"),
        ({"minimum_count": 0}, "--minimum-count"),
        ({"vocabulary_size": 1}, "--vocabulary-size must be at least 3"),
        ({"word_dropout": 1.0}, "--word-dropout"),
        ({"epochs": 0}, "--epochs"),
        ({"early_stopping": 2, "validation_fraction": 0.0}, "no validation part"),
        ({"label_column": "class"}, "has no column 'class' (--label-column)"),
    ],
    ids=str,
)
def test_wrong_options_are_one_line_and_leave_nothing(options, message, table, tmp_path):
    with pytest.raises(UserError) as caught:
        run(tmp_path, **{"dataset": table, **options})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        ("tokenizer", tokenizing.NAMES),
        ("optimizer", optimization.OPTIMIZERS),
        ("schedule", schedules.SCHEDULES),
        ("class_weights", imbalance.NAMES),
    ],
)
def test_the_flags_offer_what_the_parts_accept(field, accepted):
    hint = typing.get_type_hints(Args)[field]
    # Beside the names there may be "auto", which is chosen by the data.
    names = next((part for part in typing.get_args(hint) if typing.get_origin(part) is typing.Literal), hint)
    assert set(typing.get_args(names)) == set(accepted)


def test_every_flag_has_help(capsys):
    with pytest.raises(SystemExit):
        command_line.run(main, Args, ["--help"], recipe="text_classification")
    text = capsys.readouterr().out
    assert all(f"--{field.name.replace('_', '-')}" in text for field in dataclasses.fields(Args))


def test_the_library_that_tokenizes_is_the_one_that_is_saved_for(table, tmp_path):
    folder, result = run(tmp_path, table, epochs=1)
    fast = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert fast.get_vocab_size() == json.loads((folder / "result.json").read_text())["vocabulary_size"]
    assert result["parameters"] > 8 * fast.get_vocab_size()


@pytest.mark.slow
def test_the_default_run_is_in_its_accuracy_band(tmp_path):
    result = main(text_classification.Args(output=str(tmp_path / "run")))
    assert 0.6 <= result["metrics"]["accuracy"] <= 0.85
