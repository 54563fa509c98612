"""A search that stops what is hopeless, in processes of its own: which trials end early, what is said of them, and how it goes on."""

import csv
import json

import pytest

from hornbook import UserError
from hornbook.recipes import tabular_classification
from hornbook.tuning import command
from hornbook.tuning.workers import trial

# 15 updates an epoch.
OPTIONS = {
    "dataset": "wine", "model": "mlp", "depth": 4, "width": 16, "normalization": "none", "optimizer": "adamw", "epochs": 6,
    "batch_size": 8, "floor": False,
}  # fmt: skip


def search(folder, prune, trials):
    args = command.Args(
        tuner="grid", vary=("learning_rate=0.01,30.0,1e-7",), prune=prune, trials=trials, final_seeds=0, threads_per_trial=1,
        output=str(folder),
    )  # fmt: skip
    command.main("tabular_classification", args, tabular_classification.Args(**OPTIONS))
    with open(folder / "trials.csv", newline="") as file:
        return list(csv.DictReader(file))


def times(folder):
    return list(json.loads((folder / "times.json").read_text())["trials"].values())


def test_hopeless_trials_are_stopped_and_not_begun_again(tmp_path):
    folder = tmp_path / "search"
    first = search(folder, "diagnosis", 2)
    began = [one["began"] for one in times(folder)]
    rows = search(folder, "both", 3)
    assert [row["state"] for row in rows] == ["finished", "stopped early", "stopped early"]
    assert rows[:2] == first
    assert [one["began"] for one in times(folder)][:2] == began
    for row, way in zip(rows[1:], ("high", "low"), strict=True):
        own = folder / f"trial_{row['trial']}"
        epochs = len((own / "seed-0/history.csv").read_text().splitlines()) - 1
        assert row["reason"].startswith(f"stopped after epoch {epochs} as hopeless: The learning rate of ")
        assert f" is too {way}: " in row["reason"]
        assert epochs in (2, 4)
        assert (row["accuracy"], float(row["seconds"]) > 0) == ("", True)
        assert json.loads((own / "outcome.json").read_text())["problem"] == f"learning-rate-too-{way}"
        assert not (own / "seed-0/result.json").exists()
    assert "2 of 3 trials were stopped early" in (folder / "report.html").read_text()


@pytest.mark.parametrize("stop_hopeless", [False, True])
def test_a_trial_of_several_seeds_ends_with_its_first_hopeless_run(stop_hopeless, tmp_path, diagnosis):
    options = {**OPTIONS, "learning_rate": 1e-7, "evaluate": "validation"}
    runs = [{"options": {**options, "seed": seed}, "output": str(tmp_path / f"seed-{seed}")} for seed in (0, 1)]
    with diagnosis():
        outcome = trial.perform({"recipe": "tabular_classification", "runs": runs, "stop_hopeless": stop_hopeless, "further": None})
    assert ("stopped" in outcome, (tmp_path / "seed-1").exists()) == (stop_hopeless, not stop_hopeless)
    if not stop_hopeless:
        assert len(outcome["metrics"]["accuracy"]) == 2


def test_what_cannot_be_pruned_is_refused(tmp_path):
    for changes, words in (
        ({"tuner": "hyperband", "prune": "diagnosis"}, "--prune diagnosis is not for --tuner hyperband"),
        ({"cross_validate": 3, "prune": "both"}, "--prune both is for trials of one run; leave out .*or pass --prune diagnosis"),
        ({"executions_per_trial": 3, "prune": "median"}, "--prune median is for trials of one run"),
    ):
        with pytest.raises(UserError, match=words):
            command.main("tabular_classification", command.Args(**changes), tabular_classification.Args())
    with pytest.raises(UserError, match="--prune diagnosis asks the diagnosis, which --no-diagnosis leaves out"):
        command.main("tabular_classification", command.Args(prune="diagnosis"), tabular_classification.Args(diagnosis=False))
