"""`hornbook attack` on tables, series and texts at toy size: what is moved, what stays, and what is refused."""

import json

import numpy as np
import pytest

from hornbook.inference.attack import command, target
from hornbook.inference.attack.command import attack
from hornbook.inference.finished_run import load_model, open_run


def of_run(run, fixed=None, epsilons=None):
    trained, medium = open_run(run, ["split.csv"])
    part, _ = medium.scored(trained.config["dataset"], None, trained, False)
    return trained, target.target(trained, part, epsilons or {"0.1": 0.1}, examples=40, fixed_columns=fixed)


def test_of_a_table_numbers_that_are_there_may_be_moved(table_run):
    _, attacked = of_run(table_run)
    places = {name: place for place, name in enumerate(attacked.columns)}
    radius, missing = attacked.box.radius, attacked.x[:, places["age is missing"]] > 0
    assert missing.any()
    assert (radius[missing, places["age"]] == 0).all()
    np.testing.assert_allclose(radius[~missing, places["age"]], 1, rtol=0.4)
    np.testing.assert_allclose(radius[:, places["height"]], 10, rtol=0.4)
    assert (radius[:, [places["colour"], places["age is missing"]]] == 0).all()


def test_fixed_columns_stay(table_run, refusal):
    _, attacked = of_run(table_run, fixed="height")
    assert (attacked.box.radius[:, list(attacked.columns).index("height")] == 0).all()
    assert attacked.box.radius.any()
    assert "no column of numbers to change: all of them are fixed" in refusal(attack, table_run, "--fixed-columns", "age,height")
    assert "--fixed-columns names 'size'" in refusal(attack, table_run, "--fixed-columns", "size")


def test_trees_without_a_gradient_are_told_of(table_run, tmp_path, capsys):
    capsys.readouterr()
    attack([str(table_run), "--epsilon", "0.5", "--queries", "30", "--steps", "5", "--output", str(tmp_path / "a")])
    printed = capsys.readouterr().out
    assert "epsilon\tpgd\tsquare" in printed
    assert "boosted trees, has no gradient: pgd can follow the network alone, and square sees both" in printed
    assert "standard deviations of each column of numbers; colour stay" in printed
    found = json.loads((tmp_path / "a" / "attack.json").read_text())
    assert all(one["curve"][0]["accuracy"] < found["accuracy"] for one in found["attacks"])
    assert "Its numbers" in (tmp_path / "a" / "attack.html").read_text()


def test_a_model_of_trees_alone_is_refused_for_gradients(table_run, monkeypatch, tmp_path, refusal):
    import keras

    whole = load_model(open_run(table_run)[0])
    inputs = keras.Input(whole.input_shape[1:])
    steps = keras.ops.cast(inputs[:, 1:2] > 0, "float32")
    trees = keras.layers.Rescaling([-9.0, 9.0], name="boosting_trees")(keras.ops.concatenate([steps, steps], axis=1))
    monkeypatch.setattr(command, "load_model", lambda trained: keras.Model(inputs, trees))
    said = refusal(attack, table_run, "--output", tmp_path / "a")
    assert "has no gradient with respect to its inputs: it is boosted trees; pass --attack square" in said


def test_words_give_way_and_runs_follow(texts_run, tmp_path, capsys):
    trained, attacked = of_run(texts_run)
    medium = open_run(texts_run, ["split.csv"])[1]
    part, _ = medium.scored(trained.config["dataset"], None, trained, False)
    assert attacked.complete is not None
    made = attacked.complete(attacked.x)
    np.testing.assert_array_equal(made, part.padded(attacked.places, made.shape[1]))
    attack([str(texts_run), "--epsilon", "0.2", "0.9", "--output", str(tmp_path / "a")])
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
def test_of_texts_other_attacks_are_refused(texts_run, words, told, refusal):
    assert told in refusal(attack, texts_run, *words)


def test_words_are_for_texts_and_numbers_are_not_attacked(table_run, numbers_run, refusal):
    assert "--attack words does not fit" in refusal(attack, table_run, "--attack", "words")
    assert "predicts numbers; attacked are classifiers" in refusal(attack, numbers_run)


def test_series_are_moved_by_deviations(series_run, tmp_path):
    _, attacked = of_run(series_run)
    deviation = attacked.box.radius.reshape(-1, 2)[0]
    np.testing.assert_allclose(deviation, attacked.x.reshape(-1, 2).std(axis=0), rtol=0.3)
    attack([str(series_run), "--epsilon", "0.5", "--queries", "30", "--steps", "5", "--output", str(tmp_path / "a")])
    found = json.loads((tmp_path / "a" / "attack.json").read_text())
    assert found["attacks"][0]["curve"][0]["accuracy"] < found["accuracy"]
    assert "<svg" in (tmp_path / "a" / "attack.html").read_text()
