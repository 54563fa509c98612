"""`hornbook attack` on tables, series and texts at toy size: what is moved, what stays, and what is refused."""

import csv
import json

import numpy as np
import pytest

from hornbook.inference.attack import command, target
from hornbook.inference.attack.command import attack
from hornbook.inference.finished_run import load_model, open_run
from hornbook.recipes import regression, sequence_classification, tabular_classification, text_classification


def written(path, names, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return f"csv:{path}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("media")


@pytest.fixture(scope="module")
def table(folder):
    """A run whose model is mixed with boosted trees, of numbers, some missing, and a category."""
    draw = np.random.default_rng(0)
    numbers = draw.normal(0, [1.0, 10.0], (160, 2))
    rows = [("" if k % 9 == 0 else f"{a:.4f}", f"{b:.4f}", ("red", "blue")[k % 2], int(b > 0)) for k, (a, b) in enumerate(numbers)]
    name = written(folder / "table.csv", ("age", "height", "colour", "label"), rows)
    args = tabular_classification.Args(
        dataset=name, width=8, epochs=4, batch_size=32, classical_share=0.3, test_fraction=0.3, output=str(folder / "table")
    )
    tabular_classification.main(args)
    return folder / "table"


@pytest.fixture(scope="module")
def texts(folder):
    """A run of texts on words and pairs of words."""
    draw = np.random.default_rng(0)
    kinds = (("good", "fine", "nice"), ("bad", "poor", "sad"))
    rows = [(" ".join(draw.choice([*kinds[k % 2], "film", "book"], 6)), ("no", "yes")[k % 2]) for k in range(160)]
    name = written(folder / "texts.csv", ("text", "label"), rows)
    args = text_classification.Args(
        dataset=name, model="cnn1d", width=8, epochs=4, batch_size=32, classical_share=0.3, test_fraction=0.3,
        output=str(folder / "texts"),
    )  # fmt: skip
    text_classification.main(args)
    return folder / "texts"


def of_run(run, fixed=None, epsilons=None):
    trained, medium = open_run(run, ["split.csv"])
    part, _ = medium.scored(trained.config["dataset"], None, trained, False)
    return trained, target.target(trained, part, epsilons or {"0.1": 0.1}, examples=40, fixed_columns=fixed)


def refusal(capsys, *words):
    capsys.readouterr()
    with pytest.raises(SystemExit) as raised:
        attack([str(word) for word in words])
    assert raised.value.code == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    return said.err


def test_of_a_table_numbers_that_are_there_may_be_moved(table):
    _, attacked = of_run(table)
    places = {name: place for place, name in enumerate(attacked.columns)}
    radius, missing = attacked.box.radius, attacked.x[:, places["age is missing"]] > 0
    assert missing.any()
    assert (radius[missing, places["age"]] == 0).all()
    np.testing.assert_allclose(radius[~missing, places["age"]], 1, rtol=0.4)
    np.testing.assert_allclose(radius[:, places["height"]], 10, rtol=0.4)
    assert (radius[:, [places["colour"], places["age is missing"]]] == 0).all()


def test_fixed_columns_stay(table, capsys):
    _, attacked = of_run(table, fixed="height")
    assert (attacked.box.radius[:, list(attacked.columns).index("height")] == 0).all()
    assert attacked.box.radius.any()
    assert "no column of numbers to change: all of them are fixed" in refusal(capsys, table, "--fixed-columns", "age,height")
    assert "--fixed-columns names 'size'" in refusal(capsys, table, "--fixed-columns", "size")


def test_trees_without_a_gradient_are_told_of(table, tmp_path, capsys):
    capsys.readouterr()
    attack([str(table), "--epsilon", "0.5", "--queries", "30", "--steps", "5", "--output", str(tmp_path / "a")])
    printed = capsys.readouterr().out
    assert "epsilon\tpgd\tsquare" in printed
    assert "boosted trees, has no gradient: pgd can follow the network alone, and square sees both" in printed
    assert "standard deviations of each column of numbers; colour stay" in printed
    found = json.loads((tmp_path / "a" / "attack.json").read_text())
    assert all(one["curve"][0]["accuracy"] < found["accuracy"] for one in found["attacks"])
    assert "Its numbers" in (tmp_path / "a" / "attack.html").read_text()


def test_a_model_of_trees_alone_is_refused_for_gradients(table, monkeypatch, tmp_path, capsys):
    import keras

    whole = load_model(open_run(table)[0])
    inputs = keras.Input(whole.input_shape[1:])
    steps = keras.ops.cast(inputs[:, 1:2] > 0, "float32")
    trees = keras.layers.Rescaling([-9.0, 9.0], name="boosting_trees")(keras.ops.concatenate([steps, steps], axis=1))
    monkeypatch.setattr(command, "load_model", lambda trained: keras.Model(inputs, trees))
    said = refusal(capsys, table, "--output", tmp_path / "a")
    assert "has no gradient with respect to its inputs: it is boosted trees; pass --attack square" in said


def test_words_give_way_and_runs_follow(texts, tmp_path, capsys):
    trained, attacked = of_run(texts)
    medium = open_run(texts, ["split.csv"])[1]
    part, _ = medium.scored(trained.config["dataset"], None, trained, False)
    assert attacked.complete is not None
    made = attacked.complete(attacked.x)
    np.testing.assert_array_equal(made, part.padded(attacked.places, made.shape[1]))
    attack([str(texts), "--epsilon", "0.2", "0.9", "--output", str(tmp_path / "a")])
    assert "the share of a text's words that may be swapped" in capsys.readouterr().out
    found = json.loads((tmp_path / "a" / "attack.json").read_text())
    [one] = found["attacks"]
    assert one["curve"][1]["accuracy"] < found["accuracy"]
    assert "<s>" in (tmp_path / "a" / "attack.html").read_text()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--attack", "pgd"), "--attack pgd does not fit"),
        (("--epsilon", "3"), "from 0 to 1, and 3 is more than all"),
    ],
)
def test_of_texts_other_attacks_are_refused(texts, words, told, capsys):
    assert told in refusal(capsys, texts, *words)


def test_words_are_for_texts_and_numbers_are_not_attacked(table, folder, capsys):
    assert "--attack words does not fit" in refusal(capsys, table, "--attack", "words")
    regression.main(regression.Args(dataset="diabetes", width=4, epochs=1, output=str(folder / "numbers")))
    assert "predicts numbers; attacked are classifiers" in refusal(capsys, folder / "numbers")


def test_series_are_moved_by_deviations(folder, tmp_path, capsys):
    draw = np.random.default_rng(0)
    labels = np.arange(80) % 2
    series = np.cumsum(draw.normal(0.2 * (2 * labels - 1)[:, None, None], [1.0, 4.0], (80, 12, 2)), axis=1)
    np.savez(folder / "series.npz", x=series.astype("float32"), y=labels)
    args = sequence_classification.Args(
        dataset=f"npz:{folder / 'series.npz'}", model="fcn", width=4, epochs=3, batch_size=16, classical_share=0.0, test_fraction=0.3,
        output=str(folder / "series"),
    )  # fmt: skip
    sequence_classification.main(args)
    _, attacked = of_run(folder / "series")
    deviation = attacked.box.radius.reshape(-1, 2)[0]
    np.testing.assert_allclose(deviation, attacked.x.reshape(-1, 2).std(axis=0), rtol=0.3)
    attack([str(folder / "series"), "--epsilon", "0.5", "--queries", "30", "--steps", "5", "--output", str(tmp_path / "a")])
    found = json.loads((tmp_path / "a" / "attack.json").read_text())
    assert found["attacks"][0]["curve"][0]["accuracy"] < found["accuracy"]
    assert "<svg" in (tmp_path / "a" / "attack.html").read_text()
