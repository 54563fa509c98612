"""`hornbook evaluate --corruptions` on small runs of every medium."""

import csv
import json

import numpy as np
import pytest

from hornbook import data
from hornbook.inference.evaluate import evaluate


def corrupted(capsys, run, output, *words):
    capsys.readouterr()
    evaluate([str(run), "--corruptions", "--output", str(output), *map(str, words)])
    return json.loads((output / "corruptions.json").read_text()), capsys.readouterr().out


def test_the_accuracy_of_each_kind_at_each_strength(digits_run, tmp_path, capsys):
    before = {path: path.read_bytes() for path in digits_run.rglob("*") if path.is_file()}
    found, printed = corrupted(capsys, digits_run, tmp_path / "a")
    assert {path: path.read_bytes() for path in digits_run.rglob("*") if path.is_file()} == before
    evaluate([str(digits_run), "--json"])
    assert found["clean"]["accuracy"] == pytest.approx(json.loads(capsys.readouterr().out)["accuracy"])
    names = [one["corruption"] for one in found["corruptions"]]
    assert names == ["noise", "blur", "contrast", "brightness", "JPEG", "elastic"]
    for one in found["corruptions"]:
        scores = [point["accuracy"] for point in one["curve"]]
        assert scores[-1] < found["clean"]["accuracy"]
        assert one["mean"] == pytest.approx(np.mean(scores))
        assert all(point["interval"][0] <= point["accuracy"] <= point["interval"][1] for point in one["curve"])
        line = next(line for line in printed.splitlines() if line.startswith(f"{one['corruption']:10}\t"))
        assert line.split("\t")[1:] == [f"{score:.4f}" for score in (found["clean"]["accuracy"], *scores, one["mean"])]
    assert found["mean"] == pytest.approx(np.mean([one["mean"] for one in found["corruptions"]]))
    assert f"mean accuracy of corrupted examples\t{found['mean']:.4f}" in printed
    with open(tmp_path / "a" / "corruptions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 31
    assert float(rows[5]["accuracy"]) == found["corruptions"][0]["curve"][4]["accuracy"]
    page = (tmp_path / "a" / "corruptions.html").read_text()
    assert page.count("<svg") == 6
    assert page.count("<img") == 36


def test_the_same_seed_gives_the_same_and_some_are_drawn(digits_run, tmp_path, capsys):
    first, second, third = (
        corrupted(capsys, digits_run, tmp_path / name, "--examples", 300, "--seed", seed)[0]
        for name, seed in (("a", 4), ("b", 4), ("c", 5))
    )
    assert first["examples"] == 300
    assert first["of"] == 360
    assert first["corruptions"] == second["corruptions"]
    assert first["corruptions"] != third["corruptions"]


def test_json_has_it_too_and_the_default_folder_is_of_the_run(digits_run, capsys):
    capsys.readouterr()
    evaluate([str(digits_run), "--corruptions", "--examples", "20", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["accuracy"] > 0.5
    assert found["corruptions"]["examples"] == 20
    [folder] = (digits_run / "corruptions").iterdir()
    assert found["corruptions"]["page"] == str(folder / "corruptions.html")
    assert sorted(path.name for path in folder.iterdir()) == ["corruptions.csv", "corruptions.html", "corruptions.json"]


def test_tables(table_run, tmp_path, capsys):
    found, _ = corrupted(capsys, table_run, tmp_path / "a")
    assert [one["corruption"] for one in found["corruptions"]] == ["missing", "noise", "shift", "wrong category"]
    missing, noise, _, wrong = (one["curve"][-1]["accuracy"] for one in found["corruptions"])
    assert max(missing, noise) < found["clean"]["accuracy"]
    assert wrong >= found["clean"]["accuracy"] - 0.1  # The colour says nothing.


def test_series(series_run, tmp_path, capsys):
    found, _ = corrupted(capsys, series_run, tmp_path / "a")
    assert [one["corruption"] for one in found["corruptions"]] == ["missing", "noise", "shift"]
    assert found["mean"] < found["clean"]["accuracy"]
    assert "As it is" in (tmp_path / "a" / "corruptions.html").read_text()


def test_texts(texts_run, tmp_path, capsys):
    found, _ = corrupted(capsys, texts_run, tmp_path / "a")
    assert [one["corruption"] for one in found["corruptions"]] == ["swapped letters", "missing letters", "doubled letters", "wrong keys"]
    assert found["mean"] < found["clean"]["accuracy"]
    assert all(one["curve"][-1]["accuracy"] <= one["curve"][0]["accuracy"] for one in found["corruptions"])


def test_of_numbers_the_error_grows(numbers_run, tmp_path, capsys):
    found, printed = corrupted(capsys, numbers_run, tmp_path / "a")
    assert found["score"] == "mean_absolute_error"
    noise = next(one for one in found["corruptions"] if one["corruption"] == "noise")
    assert noise["curve"][-1]["mean_absolute_error"] != found["clean"]["mean_absolute_error"]
    assert "mean absolute error\t0\t1\t2\t3\t4\t5\tmean" in printed


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--examples", "5"), "--examples is for --corruptions"),
        (("--seed", "1"), "--seed is for --corruptions"),
        (("--output", "somewhere"), "--output is for --corruptions"),
        (("--corruptions", "--examples", "0"), "--examples must be at least 1"),
        (("--corruptions", "--seed", "-1"), "--seed must be at least 0"),
    ],
)
def test_options_are_refused(digits_run, words, told, refusal):
    assert told in refusal(evaluate, digits_run, *words)


def test_a_folder_that_is_there_and_other_pixels_are_refused(digits_run, tmp_path, refusal):
    assert "is there already" in refusal(evaluate, digits_run, "--corruptions", "--output", tmp_path)
    digits = data.images.load("digits").test
    for name, factor, told in (("small", 1 / 2000, "pixels up to 0.008"), ("negative", -0.1, "needs pixels from 0, black, to 16, white")):
        np.savez(tmp_path / f"{name}.npz", images=(digits.inputs * factor).astype("float32"), labels=digits.labels)
        said = refusal(evaluate, digits_run, "--dataset", f"npz:{tmp_path / name}.npz", "--corruptions", "--output", tmp_path / "a")
        assert told in said
        assert not (tmp_path / "a").exists()
