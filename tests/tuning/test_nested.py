"""Searches within folds, their searches replaced: which fold each is tested on, what is summed up, what is not searched again."""

import csv

import pytest

from hornbook import UserError, files
from hornbook.recipes import tabular_classification
from hornbook.tuning import command, driver, nested

ARGS = command.Args(outer=3, trials=4, final_seeds=2)
BASE = tabular_classification.Args(dataset="wine", epochs=2)


@pytest.fixture
def searched(monkeypatch):
    """The folds that were searched; each leaves the result of a search behind."""
    folds = []

    def search(recipe_name, recipe, args, recipe_args, folder, given):
        folds.append(recipe_args.test_fold)
        number = len(folds)
        test = {"metrics": {name: {"mean": value, "standard_deviation": 0.0} for name, value in (("accuracy", number / 10), ("loss", 1.0))}}
        found = {"objective": "accuracy", "validation": 0.9, "values": {"width": number}, "test": test, "trials": 4, "seconds": 2.5}
        folder.mkdir()
        files.write_json(folder / "result.json", found)

    monkeypatch.setattr(driver, "search", search)
    return folds


def search(folder, args=ARGS, base=BASE):
    return nested.search("tabular_classification", tabular_classification, args, base, folder)


def test_each_fold_is_tested_by_a_search_that_had_the_others(searched, tmp_path, capsys):
    result = search(tmp_path / "out")
    assert searched == ["1/3", "2/3", "3/3"]
    assert result["metrics"]["accuracy"]["mean"] == pytest.approx(0.2)
    assert result["metrics"]["accuracy"]["standard_deviation"] == pytest.approx(0.1)
    assert (result["trials"], result["seconds"]) == (12, 7.5)
    assert [fold["values"] for fold in result["folds"]] == [{"width": 1}, {"width": 2}, {"width": 3}]
    rows = list(csv.DictReader((tmp_path / "out/outer.csv").read_text().splitlines()))
    assert [(row["fold"], row["accuracy"], row["width"]) for row in rows] == [("1", "0.1", "1"), ("2", "0.2", "2"), ("3", "0.3", "3")]
    said = capsys.readouterr().out
    assert "accuracy: mean 0.2000, standard deviation 0.1000 over 3 outer folds" in said
    assert "own best scores were 0.9000" in said


def test_it_ends_with_the_search_that_finds_the_options_to_use(searched, tmp_path, capsys, monkeypatch):
    words = ["tune", "tabular-classification", "--outer", "3", "--trials=4", "--output", "x", "--epochs", "2"]
    monkeypatch.setattr("sys.argv", ["hornbook", *words])
    search(tmp_path / "out")
    assert capsys.readouterr().out.splitlines()[-1].endswith(": hornbook tune tabular-classification --trials=4 --epochs 2")


def test_a_finished_search_is_not_made_again(searched, tmp_path):
    first = search(tmp_path / "out")
    (tmp_path / "out/outer-2/result.json").unlink()
    (tmp_path / "out/outer-2").rmdir()
    searched.clear()
    searched.extend(["1/3"])  # So that its result is that of a second search.
    assert search(tmp_path / "out")["metrics"] == first["metrics"]
    assert searched[1:] == ["2/3"]


def test_another_number_of_folds_is_another_search(searched, tmp_path):
    search(tmp_path / "out")
    with pytest.raises(UserError, match="holds a nested search with folds 3, and this one has 4"):
        search(tmp_path / "out", command.Args(outer=4))


@pytest.mark.parametrize(
    ("args", "base", "told"),
    [
        ({"final_seeds": 0}, {}, "--outer 3 tests what each search found, which --final-seeds 0 leaves out"),
        ({}, {"test_fold": "1/5"}, "--outer 3 sets --test-fold itself"),
        ({"ray": "auto"}, {}, "leave --ray out"),
    ],
)
def test_what_does_not_go_with_it(args, base, told):
    with pytest.raises(UserError, match=told):
        nested.check(command.Args(outer=3, **args), tabular_classification.Args(**base))


def test_one_fold_is_none(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--outer must be 0 or at least 2, got 1"):
        command.main("tabular_classification", command.Args(outer=1), BASE)
