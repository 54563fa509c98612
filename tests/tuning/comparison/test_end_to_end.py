"""A comparison with real runs, from the command line to its files."""

import csv
import json

import pytest

from hornbook.recipes import tabular_classification
from hornbook.tuning.comparison import command


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    words = [
        "tabular-classification",
        "--dataset",
        "wine",
        "--vary",
        "width=4,2147483648",
        "--epochs",
        "1",
        "--seeds",
        "1",
        "--workers",
        "1",
    ]
    with pytest.MonkeyPatch.context() as patch:
        # A width that the recipe's range lets pass and the memory does not, so that one run fails by itself.
        patch.setattr("hornbook.tuning.comparison.grid.check", lambda cells, recipe: None)
        command.compare([*words, "--output", str(folder / "out"), "--metrics", "accuracy,parameters,gradient_ratio"])
    return folder / "out"


def test_a_run_finishes_and_the_other_says_why_not(finished):
    good, bad = csv.DictReader((finished / "comparison.csv").read_text().splitlines())
    assert (good["state"], bad["state"]) == ("finished", "failed")
    assert 0 <= float(good["validation_accuracy"]) <= 1
    assert 0 <= float(good["test_accuracy"]) <= 1
    assert float(good["gradient_ratio"]) > 0
    assert "--width" in bad["error"]


def test_each_run_is_a_run_of_the_recipe(finished):
    good, _ = csv.DictReader((finished / "comparison.csv").read_text().splitlines())
    result = json.loads((finished / "runs" / good["folder"] / "run/result.json").read_text())
    assert result["evaluated_on"] == "validation"
    assert result["metrics"]["accuracy"] == float(good["validation_accuracy"])
    config = json.loads((finished / "runs" / good["folder"] / "run/config.json").read_text())
    assert {**config, "output": None, "recipe": None, "width": None} == {
        **vars(tabular_classification.Args(epochs=1)),
        "recipe": None, "dataset": "wine", "evaluate": "validation", "floor": False, "data_check": False,
    }  # fmt: skip


def test_nothing_is_left_beside_it(finished):
    assert {path.name for path in finished.iterdir()} == {".lock", "comparison.csv", "comparison.json", "levels.csv", "report.html", "runs"}
