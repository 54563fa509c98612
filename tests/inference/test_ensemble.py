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
from hornbook.inference.predict.command import predict
from hornbook.recipes import image_classification as recipe
from hornbook.recipes import tabular_classification as tables

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


@pytest.fixture(scope="module")
def folds(tmp_path_factory):
    """Three folds of one cross-validation, as `hornbook cross-validate` lays them out."""
    folder = tmp_path_factory.mktemp("folds")
    for number in (1, 2, 3):
        own = {"test_fold": f"{number}/3", "output": str(folder / f"repeat-1-fold-{number}" / "run")}
        recipe.main(recipe.Args(**SMALL, **own))
    return folder


def test_folds_are_averaged_for_new_data_and_not_scored(folds, tmp_path, capsys):
    capsys.readouterr()
    result = ensemble.main(ensemble.EnsembleArgs((str(folds),), output=str(tmp_path / "out")))
    inputs = data.images.load("digits").test.inputs[:50]
    expected = np.mean([probabilities(folds / f"repeat-1-fold-{number}/run", inputs) for number in (1, 2, 3)], axis=0)
    np.testing.assert_allclose(probabilities(tmp_path / "out", inputs), expected, atol=1e-6)
    own = [json.loads((folds / f"repeat-1-fold-{k}/run/result.json").read_text())["metrics"]["accuracy"] for k in (1, 2, 3)]
    assert (result["metrics"], result["evaluated_on"]) == ({}, "none")
    assert result["ensemble"]["mean_of_members"]["accuracy"] == pytest.approx(np.mean(own))
    told = "Every example of the folds was trained on by some of the members"
    assert [finding["evidence"].startswith(told) for finding in result["findings"]] == [True]
    assert told in (tmp_path / "out/report.html").read_text()
    said = capsys.readouterr().out
    assert told in said
    assert "accuracy: mean of the folds" in said
    assert "on its own fold, weight 0.333" in said
    assert not (tmp_path / "out/split.csv").exists()
    np.save(tmp_path / "some.npy", inputs[:5])
    predict([str(tmp_path / "out"), str(tmp_path / "some.npy")])
    assert capsys.readouterr().out.count("\n") == 5
    for dataset in (None, "digits"):
        with pytest.raises(ensemble.UserError, match="is an average of folds: some of its members were trained on every example"):
            score(EvaluateArgs(str(tmp_path / "out"), dataset=dataset))
    np.savez(tmp_path / "new.npz", x=inputs, y=data.images.load("digits").test.labels[:50])
    assert score(EvaluateArgs(str(tmp_path / "out"), dataset=f"npz:{tmp_path / 'new.npz'}"))["examples"] == 50


def test_folds_are_not_chosen_by_validation_data_that_others_were_trained_on(folds, tmp_path):
    with pytest.raises(ensemble.UserError, match="--select 4 chooses by validation data, of which each fold has others"):
        ensemble.main(ensemble.EnsembleArgs((str(folds),), select=4, output=str(tmp_path / "out")))


def test_folds_of_other_options_do_not_go_together(folds, runs, tmp_path):
    recipe.main(recipe.Args(**{**SMALL, "width": 6}, test_fold="1/3", output=str(tmp_path / "narrow")))
    for other in (tmp_path / "narrow", runs / "other-split"):
        with pytest.raises(ensemble.UserError, match=r"split.csv differs; .* or pass folds of one cross-validation"):
            ensemble.main(ensemble.EnsembleArgs((str(folds), str(other)), output=str(tmp_path / "out")))


def test_folds_of_a_table_fill_in_the_mean_of_their_medians(tmp_path, capsys):
    args = {**SMALL, "dataset": "wine", "classical_share": 0.0}
    for number in (1, 2):
        tables.main(tables.Args(**args, test_fold=f"{number}/2", output=str(tmp_path / "folds" / str(number))))
    ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "folds"),), output=str(tmp_path / "out")))
    places = (tmp_path / "folds/1", tmp_path / "folds/2", tmp_path / "out")
    one, other, got = (json.loads((place / "table.json").read_text()) for place in places)
    assert one != other
    assert got["numbers"] == pytest.approx({name: (one["numbers"][name] + other["numbers"][name]) / 2 for name in one["numbers"]})
    names = list(got["numbers"])
    (tmp_path / "new.csv").write_text(",".join(names) + "\n" + ",".join("?" * len(names)) + "\n")
    predict([str(tmp_path / "out"), str(tmp_path / "new.csv")])
    assert len(capsys.readouterr().out.splitlines()[-1].split("\t")) > 1


def test_folds_whose_rows_mean_other_things(tmp_path):
    for number in (1, 2):
        lines = ["colour,number,label", *(f"{'red' if k % 3 else 'blue'},{k},{'yes' if k % 2 else 'no'}" for k in range(40))]
        if number == 1:  # Of one fold alone, a category that is frequent enough to be known.
            lines[1:7] = [f"green,{k},{'yes' if k % 2 else 'no'}" for k in range(6)]
        (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
        args = {"dataset": f"csv:{tmp_path / 'rows.csv'}", "classical_share": 0.0, "test_fold": f"{number}/2", **SMALL}
        tables.main(tables.Args(**args, output=str(tmp_path / "folds" / str(number))))
    with pytest.raises(ensemble.UserError, match=r"table.json differs; they were trained on other splits, so what the inputs mean"):
        ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "folds"),), output=str(tmp_path / "out")))


def test_runs_that_a_search_trained_again_are_no_trials(runs, tmp_path, capsys):
    for seed, place in enumerate(("trial_0/seed-0", "trial_1/seed-0", "final/trial_1/seed-7")):
        shutil.copytree(runs / "seeds" / f"seed-{seed}", tmp_path / "search" / place)
    (tmp_path / "search/search.json").write_text("{}")
    result = ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "search"),), output=str(tmp_path / "out")))
    assert [pathlib.Path(member["run"]).parent.name for member in result["ensemble"]["members"]] == ["trial_0", "trial_1"]
    assert (
        f"note: left out are 1 runs in {tmp_path / 'search'} that a search trained again from its best trial; name them"
        in capsys.readouterr().out
    )
    named = (str(tmp_path / "search/trial_0/seed-0"), str(tmp_path / "search/final"))
    assert len(ensemble.main(ensemble.EnsembleArgs(named, output=str(tmp_path / "named")))["ensemble"]["members"]) == 2


def test_an_average_below_a_folder_is_no_member(folds, runs, averaged, tmp_path, capsys):
    shutil.copytree(folds, tmp_path / "folds")
    for count in range(2):
        result = ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "folds"),), output=str(tmp_path / "folds" / f"average-{count}")))
        assert len(result["ensemble"]["members"]) == 3
    assert (
        f"note: left out are 1 runs in {tmp_path / 'folds'} that are averages of others; name them to have them" in capsys.readouterr().out
    )
    with pytest.raises(ensemble.UserError, match=r"do not go together: split.csv differs"):
        ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "folds/average-0"), str(folds)), output=str(tmp_path / "out")))
    named = (str(averaged), str(runs / "seeds/seed-0"))
    assert len(ensemble.main(ensemble.EnsembleArgs(named, output=str(tmp_path / "two")))["ensemble"]["members"]) == 2


def test_one_run_alone_that_is_kept_gains_nothing(runs, tmp_path, capsys):
    args = {"select": 1, "output": str(tmp_path / "one")}
    [member] = ensemble.main(ensemble.EnsembleArgs((str(runs / "seeds"),), **args))["ensemble"]["members"]
    assert (
        f"note: one run alone was kept, so nothing is averaged, and nothing gained: the ensemble is {member['run']}"
        in capsys.readouterr().out
    )


def test_thresholds_and_adjusted_outputs_among_others_are_told(tmp_path, capsys):
    common = {**SMALL, "dataset": "breast_cancer", "classical_share": 0.0}
    for name, own in {"plain": {}, "cut": {"threshold": "f1", "coverage": 0.9}, "even": {"logit_adjustment": "after"}}.items():
        tables.main(tables.Args(**common, **own, output=str(tmp_path / "runs" / name)))
    ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "runs"),), output=str(tmp_path / "out")))
    said = capsys.readouterr().out
    sets = "the prediction sets of 1 of 3 runs are left out, and the average makes none"
    assert f"note: the thresholds of 1 of 3 runs are left out, and the average has none; {sets}; 1 of 3 runs answer as if all" in said
    assert not (json.loads((tmp_path / "out/labels.json").read_text()).get("conformal"))
    ensemble.main(ensemble.EnsembleArgs((str(tmp_path / "runs/even"), str(tmp_path / "runs/plain")), output=str(tmp_path / "two")))
    assert "note: 1 of 2 runs answer as if" in capsys.readouterr().out


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
