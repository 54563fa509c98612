"""Ensembles of finished runs: their outputs, what is saved, and runs that do not go together."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest

from hornbook import data
from hornbook.inference import ensemble, runs_table
from hornbook.inference.evaluate import EvaluateArgs, score
from hornbook.inference.predict import predict
from hornbook.recipes import image_classification as recipe

SMALL = {"epochs": 2, "model": "mlp", "depth": 1, "width": 8, "diagnosis": False, "floor": False, "validation_fraction": 0.2}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs of one split, in a folder of their own, and one of another split beside it."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in range(3):
        recipe.main(recipe.Args(**SMALL, seed=seed, output=str(folder / "seeds" / f"seed-{seed}")))
    recipe.main(recipe.Args(**SMALL, split_seed=1, output=str(folder / "other-split")))
    return folder


@pytest.fixture(scope="module")
def averaged(runs):
    ensemble.main(ensemble.EnsembleArgs((str(runs / "seeds"),), output=str(runs / "averaged")))
    return runs / "averaged"


def probabilities(folder, inputs):
    logits = keras.saving.load_model(folder / "model.keras").predict(inputs, verbose=0)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_the_outputs_are_the_mean_of_the_members_probabilities(runs, averaged):
    inputs = data.images.load("digits").test.inputs[:50]
    expected = np.mean([probabilities(runs / "seeds" / f"seed-{seed}", inputs) for seed in range(3)], axis=0)
    np.testing.assert_allclose(probabilities(averaged, inputs), expected, atol=1e-6)


def test_its_result_has_the_scores_of_its_members(runs, averaged):
    result = json.loads((averaged / "result.json").read_text())
    told = result["ensemble"]
    own = [json.loads((runs / "seeds" / f"seed-{seed}/result.json").read_text())["metrics"]["accuracy"] for seed in range(3)]
    assert [member["metrics"]["accuracy"] for member in told["members"]] == pytest.approx(own)
    assert told["mean_of_members"]["accuracy"] == pytest.approx(np.mean(own))
    assert sum(member["weight"] for member in told["members"]) == pytest.approx(1)
    # As `hornbook evaluate` has it.
    assert score(EvaluateArgs(str(averaged)))["accuracy"] == result["metrics"]["accuracy"]
    assert "Ensemble of 3 on digits" in (averaged / "report.html").read_text()


def test_it_predicts_as_any_run(averaged, tmp_path, capsys):
    digits = data.images.load("digits").test
    np.save(tmp_path / "some.npy", digits.inputs[:5])
    predict([str(averaged), str(tmp_path / "some.npy")])
    named = [line.split("\t")[1] for line in capsys.readouterr().out.splitlines()]
    assert named == probabilities(averaged, digits.inputs[:5]).argmax(axis=1).astype(str).tolist()


def test_the_table_of_runs_tells_it_from_its_members(runs, averaged):
    found, *_ = runs_table.find(runs)
    members = {pathlib.Path(entry["folder"]).name: entry["options"]["members"] for entry in found}
    assert members["averaged"] == "3 runs"
    assert members["seed-0"] == 1


def test_members_chosen_on_validation_data(runs, tmp_path, capsys):
    result = ensemble.main(ensemble.EnsembleArgs((str(runs / "seeds"),), select=4, output=str(tmp_path / "chosen")))
    told = result["ensemble"]
    assert told["selected"]
    assert all(round(4 * member["weight"] * k) for member in told["members"] for k in (1, 2, 3, 4))
    assert sum(member["weight"] for member in told["members"]) == pytest.approx(1)
    assert "runs chosen on validation data" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["seeds/seed-0"], "an ensemble has two runs or more, got 1"),
        (["seeds/seed-0", "seeds/seed-0"], "an ensemble has two runs or more, got 1"),
        (["seeds", "nowhere"], "there is no folder nowhere"),
        (["seeds", ""], "a folder of a run has no name"),
        (["seeds/seed-0", "other-split"], "do not go together: split.csv differs; what one is tested on, another was trained on"),
        (["seeds", "--select", "-1"], "--select must be at least 0"),
        (["seeds", "--output", "full"], "full is not empty"),
        (["empty"], "empty has no finished run in it"),
    ],
)
def test_what_is_refused(runs, tmp_path, monkeypatch, capsys, words, told):
    for name in ("seeds", "other-split"):
        (tmp_path / name).symlink_to(runs / name)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.tex").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(SystemExit) as stop:
        ensemble.ensemble(words)
    assert stop.value.code == 2
    line = capsys.readouterr().err.strip()
    assert told in line
    assert "\n" not in line
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_run_with_other_classes(runs, tmp_path):
    shutil.copytree(runs / "seeds", tmp_path / "seeds")
    path = tmp_path / "seeds/seed-1/labels.json"
    labels = json.loads(path.read_text())
    path.write_text(json.dumps({**labels, "class_names": labels["class_names"][::-1]}))
    (path.parent / "files.json").unlink()
    with pytest.raises(ensemble.UserError, match=r"do not go together: their labels.json differ in class_names"):
        ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "seeds"),), output=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()


def test_nothing_is_left_of_one_that_could_not_be_written(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(ensemble.manifest, "write", lambda folder: (_ for _ in ()).throw(OSError("no room")))
    with pytest.raises(OSError, match="no room"):
        ensemble.main(ensemble.EnsembleArgs((str(runs / "seeds"),), output=str(tmp_path / "out")))
    assert not (tmp_path / "out").exists()
