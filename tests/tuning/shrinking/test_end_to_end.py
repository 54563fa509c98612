"""A run made smaller, from the command line to the file that is to be taken."""

import csv
import json
import runpy

import numpy as np
import pytest
from sklearn import datasets

from hornbook import UserError
from hornbook.recipes import image_classification, tabular_classification
from hornbook.tuning.shrinking import candidates, command


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shrinking") / "run"
    options = {"width": 160, "epochs": 4, "classical_share": 0, "floor": False, "diagnosis": False, "validation_fraction": 0.3}
    tabular_classification.main(tabular_classification.Args(dataset="wine", output=str(folder), **options))
    return folder


@pytest.fixture(scope="module")
def shrunk(run):
    command.main(command.ShrinkArgs(str(run), to="60%", accuracy_drop=0.9, channels=(0.5,), workers=1), said=[].append)
    return run / "shrunk"


def rows(shrunk):
    return list(csv.DictReader((shrunk / "candidates.csv").read_text().splitlines()))


def test_every_network_is_there_in_every_precision(shrunk):
    assert [row["name"] for row in rows(shrunk)] == [
        *candidates.PRECISIONS, *(f"channels 50% less, {one}" for one in candidates.PRECISIONS),
    ]  # fmt: skip
    assert (shrunk / "report.html").read_text().count("<svg") == 2


def test_fewer_channels_and_fewer_bits_are_fewer_bytes(shrunk):
    sizes = {row["name"]: int(row["size"]) for row in rows(shrunk)}
    parameters = {row["name"]: int(row["parameters"]) for row in rows(shrunk)}
    assert parameters["channels 50% less, float32"] < 0.6 * parameters["float32"]
    assert sizes["channels 50% less, float32"] < sizes["float32"]
    assert sizes["channels 50% less, float16"] < sizes["channels 50% less, float32"]


def test_the_file_that_is_taken_is_small_enough_and_answers(shrunk):
    (taken,) = [row for row in rows(shrunk) if row["chosen"] == "True"]
    whole = next(row for row in rows(shrunk) if row["name"] == "float32")
    assert int(taken["size"]) <= 0.6 * int(whole["size"])
    folder = shrunk / "exports" / taken["name"].replace(", ", "-").replace(" ", "-").replace("%", "")
    use = runpy.run_path(str(folder / "use.py"))
    answers = use["predict"]([dict.fromkeys(datasets.load_wine().feature_names, 1.0)])
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, atol=1e-2)


def test_the_smaller_network_learns_from_the_run(shrunk, run):
    config = json.loads((shrunk / "runs" / "channels-0.5" / "run" / "config.json").read_text())
    assert (config["teacher"], config["prune_channels"], config["epochs"]) == (str(run.resolve()), 0.5, 4)


def test_what_is_asked_again_is_not_trained_again(shrunk, run, monkeypatch):
    monkeypatch.setattr("hornbook.tuning.workers.many.train", None)
    args = {"channels": (0.5,), "workers": 1, "accuracy_drop": 0.9}
    command.main(command.ShrinkArgs(str(run), **args), said=[].append)
    with pytest.raises(UserError, match=r"no candidate comes to all that is asked for; the nearest, .*: .* bytes are more than 100"):
        command.main(command.ShrinkArgs(str(run), to="100B", **args), said=[].append)
    with pytest.raises(UserError, match="holds candidates of hornbook shrink with channels"):
        command.main(command.ShrinkArgs(str(run), channels=(0.25,)), said=[].append)


def test_images_begin_with_the_run_s_weights(tmp_path):
    class Trained:
        folder, about = tmp_path, {"task": "classification"}

    asked = {"dataset": "digits", "width": 8, "ema": 0.9, "epochs": 3, "evaluate": "test", "output": "elsewhere"}
    options = candidates.network_options(Trained, asked, image_classification, 0.25, 7)
    assert (options["weights"], options["unfreeze"], options["prune_channels"], options["epochs"]) == (str(tmp_path), "all", 0.25, 7)
    assert (options["width"], options["ema"], options["evaluate"]) == (8, 0.0, "validation")
    assert "output" not in options


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"to": "x"}, "--to x: accepted is"),
        ({"latency": "1"}, "--latency 1: accepted is"),
        ({"channels": (1.0,)}, "--channels 1: a share of the channels must be at least 0 and below 1"),
        ({"epochs": 2}, "--epochs 2: channels go a few before each epoch, which takes 4 or more"),
        ({}, "nowhere"),
    ],
)
def test_wrong_use_is_one_line(options, told):
    with pytest.raises(UserError, match=told):
        command.main(command.ShrinkArgs("nowhere", **options))


def test_a_run_without_validation_data_has_nothing_to_choose_by(tmp_path):
    options = {"width": 8, "epochs": 1, "classical_share": 0, "floor": False, "diagnosis": False, "validation_fraction": 0.0}
    tabular_classification.main(tabular_classification.Args(dataset="wine", output=str(tmp_path / "run"), **options))
    with pytest.raises(UserError, match="has no validation"):
        command.main(command.ShrinkArgs(str(tmp_path / "run")), said=[].append)
    assert not (tmp_path / "run" / "shrunk").exists()
