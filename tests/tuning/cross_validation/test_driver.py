"""Cross-validations, their runs made in this process: who is predicted by whom, what is written, what is not run again."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest

from hornbook import UserError
from hornbook.evaluation import predictions
from hornbook.recipes import regression, tabular_classification
from hornbook.tuning.cross_validation import command, driver
from hornbook.tuning.workers import many

FOLDS = command.Args(folds=3, workers=1)
BASE = tabular_classification.Args(dataset="wine", epochs=1, diagnosis=False, classical_share=0.0, model="mlp", depth=1, width=4)


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def cross_validate(folder, args=FOLDS, base=BASE, recipe="tabular_classification"):
    return driver.cross_validate(recipe, args, base, folder, said=lambda line: None)


@pytest.fixture(scope="module")
def once(tmp_path_factory, in_this_process):
    """A finished cross-validation, and what it returned."""
    folder = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(many.local, "LocalWorkers", in_this_process)
        result = cross_validate(folder / "finished")
    in_this_process.begun.clear()
    return folder / "finished", result


@pytest.fixture
def finished(once, tmp_path):
    """A copy of it, in `tmp_path`."""
    shutil.copytree(once[0], tmp_path, dirs_exist_ok=True)
    return once[1]


def test_every_example_is_predicted_once_by_a_network_that_has_not_seen_it(finished, tmp_path):
    result = finished
    found = rows(tmp_path / "predictions.csv")
    assert sorted(int(row["index"]) for row in found) == list(range(178))
    for fold in (1, 2, 3):
        split = rows(tmp_path / f"repeat-1-fold-{fold}/run/split.csv")
        left_out = {row["index"] for row in split if row["part"] == "test"}
        assert {row["index"] for row in found if row["fold"] == str(fold)} == left_out
    # The pooled scores are those of the table.
    names = ["class_0", "class_1", "class_2"]
    right = [max(names, key=lambda name, row=row: float(row[name])) == row["label"] for row in found]
    assert result["metrics"]["accuracy"] == pytest.approx(np.mean(right))
    assert result["examples"] == len(found)
    low, high = result["intervals"]["accuracy"]
    assert low < result["metrics"]["accuracy"] < high


def test_the_folds_scores_are_those_of_their_runs(finished, tmp_path):
    result = finished
    own = [json.loads((tmp_path / f"repeat-1-fold-{fold}/run/result.json").read_text())["metrics"]["accuracy"] for fold in (1, 2, 3)]
    assert [float(row["accuracy"]) for row in rows(tmp_path / "folds.csv")] == own
    assert result["folds"]["accuracy"]["mean"] == pytest.approx(np.mean(own))
    assert result["folds"]["accuracy"]["n"] == 3


def test_what_has_finished_is_not_run_again_and_repeats_may_grow(fleet, finished, tmp_path):
    first = finished
    assert cross_validate(tmp_path)["metrics"] == first["metrics"]
    assert not fleet.begun
    more = cross_validate(tmp_path, command.Args(folds=3, repeats=2, workers=1))
    assert fleet.begun == [f"repeat-2-fold-{number}" for number in (1, 2, 3)]
    assert more["repeats"][0] == first["repeats"][0]
    assert len(more["repeats"]) == 2
    second = [row["index"] for row in rows(tmp_path / "predictions.csv") if (row["repeat"], row["fold"]) == ("2", "1")]
    assert second != [row["index"] for row in rows(tmp_path / "predictions.csv") if (row["repeat"], row["fold"]) == ("1", "1")]


def test_a_fold_that_fails_is_said_and_the_others_are_kept(fleet, finished, tmp_path):
    (tmp_path / "repeat-1-fold-2/outcome.json").unlink()
    fleet.fails = "repeat-1-fold-2"
    with pytest.raises(UserError, match=r"fold 2 of repeat 1: no room; the other folds are kept; .* --retry-failed goes on"):
        cross_validate(tmp_path)
    assert fleet.begun == ["repeat-1-fold-2"]
    fleet.fails = None
    with pytest.raises(UserError, match="no room"):
        cross_validate(tmp_path)
    assert len(fleet.begun) == 1
    cross_validate(tmp_path, command.Args(folds=3, workers=1, retry_failed=True))
    assert fleet.begun == ["repeat-1-fold-2"] * 2


def test_another_number_of_folds_is_another_cross_validation(fleet, finished, tmp_path):
    with pytest.raises(UserError, match="holds a cross-validation with folds 3, and this one has 4"):
        cross_validate(tmp_path, command.Args(folds=4, workers=1))


def test_of_numbers_the_table_has_targets_and_quantiles(fleet, tmp_path):
    base = regression.Args(dataset="diabetes", epochs=1, loss="quantile", diagnosis=False, depth=1, width=4)
    result = cross_validate(tmp_path, command.Args(folds=2, workers=1), base=base, recipe="regression")
    found = rows(tmp_path / "predictions.csv")
    assert list(found[0]) == ["repeat", "fold", "index", "true target", "target 0.1", "target 0.5", "target 0.9"]
    assert result["metrics"]["quantile_loss"] > 0
    assert "intervals" in result
    assert "Quantiles" in (tmp_path / "report.html").read_text()


def test_a_strangers_predictions_are_looked_at(fleet, finished, tmp_path):
    (tmp_path / "repeat-1-fold-1/run/predictions.npz").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"predictions.npz holds no predictions"):
        cross_validate(tmp_path)


@pytest.mark.parametrize("shapes", [((3,), (3, 2)), ((3, 2), (3, 3)), ((3,), (3, 0))])
def test_nor_do_they_have_to_fit(fleet, finished, tmp_path, shapes):
    path = tmp_path / "repeat-1-fold-1/run/predictions.npz"
    labels, outputs = shapes
    predictions.write(path, np.arange(3), np.zeros(labels, np.int64), np.zeros(outputs))
    with pytest.raises(UserError, match=r"do not fit its model|holds no predictions"):
        cross_validate(tmp_path)


@pytest.mark.parametrize(
    ("folds", "change", "told"),
    [
        (100, {}, "wine: class class_0 has 59 examples left for training and validation, which cannot stand in 100 folds; pass fewer"),
        (3, {"dataset": "csv:nowhere.csv"}, "'csv:nowhere.csv' is not there"),
    ],
)
def test_data_are_looked_at_before_a_fold_is_begun(fleet, tmp_path, folds, change, told):
    with pytest.raises(UserError, match=told):
        cross_validate(tmp_path / "out", command.Args(folds=folds), dataclasses.replace(BASE, **change))
    assert not fleet.begun
    assert not (tmp_path / "out").exists()


def test_data_that_change_between_folds_are_refused(in_this_process, tmp_path, monkeypatch):
    monkeypatch.setattr(many.local, "LocalWorkers", in_this_process)
    rows = tmp_path / "rows.csv"
    rows.write_text("size,label\n" + "".join(f"{k % 7}.5,{'ab'[k % 2]}\n" for k in range(40)))
    base = dataclasses.replace(BASE, dataset=f"csv:{rows}")
    cross_validate(tmp_path / "out", base=base)
    shutil.rmtree(tmp_path / "out/repeat-1-fold-2")
    rows.write_text(rows.read_text().replace("1.5,b", "1.5,a"))
    with pytest.raises(UserError, match=r"rows.csv has changed since a cross-validation"):
        cross_validate(tmp_path / "out", base=base)
    in_this_process.begun.clear()
