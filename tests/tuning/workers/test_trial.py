import json
import os
import signal
import types

import pytest

from hornbook import UserError
from hornbook.recipes import tabular_classification
from hornbook.tuning.workers import trial

FINDING = {"problem": "p", "severity": "note", "evidence": "one", "layers": [], "advice": "", "changes": {}}


@pytest.fixture
def recipe(monkeypatch):
    """A recipe that trains nothing: how often it ran, and what it does."""
    own = types.SimpleNamespace(
        ran=[],
        result={
            "metrics": {"loss": 0.5, "accuracy": 0.75},
            "evaluated_on": "validation",
            "seconds": 2.0,
            "parameters": 9,
            "findings": [FINDING],
        },
    )

    def main(args, callbacks=()):
        own.ran.append(args)
        if isinstance(own.result, Exception):
            raise own.result
        folder = args.output
        os.makedirs(f"{folder}/checkpoint")
        with open(f"{folder}/config.json", "w") as file:
            json.dump(trial.command_line.to_config("tabular_classification", args), file)
        with open(f"{folder}/result.json", "w") as file:
            json.dump(own.result, file)
        return own.result

    monkeypatch.setattr(tabular_classification, "main", main)
    return own


def task(folder, **options):
    runs = [{"options": {"seed": seed, "evaluate": "validation", **options}, "output": str(folder / f"seed-{seed}")} for seed in (0, 1)]
    return {"recipe": "tabular_classification", "runs": runs, "stop_hopeless": False, "further": None}


def test_a_task(recipe, tmp_path):
    outcome = trial.perform(task(tmp_path, dropout=0.25))
    assert outcome["metrics"] == {"loss": [0.5, 0.5], "accuracy": [0.75, 0.75]}
    assert (outcome["seconds"], outcome["parameters"], outcome["findings"]) == (4.0, 9, [FINDING])
    assert [(args.seed, args.dropout, args.evaluate) for args in recipe.ran] == [(0, 0.25, "validation"), (1, 0.25, "validation")]
    assert not (tmp_path / "seed-0/checkpoint").exists()  # Of a finished run.


def test_recalls_are_of_the_classes_that_have_examples(recipe, tmp_path):
    rows = [{"name": "cat", "recall": 0.5, "support": 4}, {"name": "dog", "recall": 0.0, "support": 0}]
    recipe.result["evaluation"] = {"per_class": rows}
    for _ in range(2):  # Trained, then read.
        assert trial.perform(task(tmp_path))["recalls"] == {"validation": {"cat": 0.5}}


def test_a_finished_run_is_read_and_not_run_again(recipe, tmp_path):
    first = trial.perform({**task(tmp_path), "runs": task(tmp_path)["runs"][:1]})
    before = (tmp_path / "seed-0/result.json").stat().st_mtime_ns
    outcome = trial.perform(task(tmp_path))
    assert [args.seed for args in recipe.ran] == [0, 1]
    assert (tmp_path / "seed-0/result.json").stat().st_mtime_ns == before
    assert outcome["metrics"]["loss"] == first["metrics"]["loss"] * 2
    other = trial.perform(task(tmp_path, dropout=0.5))
    assert "holds a run with --dropout" in other["error"]


@pytest.mark.parametrize(
    ("result", "outcome"),
    [
        (UserError("no such data"), {"error": "no such data"}),
        (ZeroDivisionError("a\nb"), {"error": "ZeroDivisionError: a"}),
        (MemoryError(), {"error": "MemoryError: "}),
        (
            RuntimeError("Graph execution error:\n\nDetected at node a\nNo such fusion\n\t [[{{node a}}]]"),
            {"error": "RuntimeError: No such fusion"},
        ),
    ],
)
def test_what_went_wrong_in_one_line(recipe, result, outcome, tmp_path, capsys):
    recipe.result = result
    assert trial.perform(task(tmp_path)) == outcome


def test_options_that_there_are_not(recipe, tmp_path):
    assert "unknown option 'widht'" in trial.perform(task(tmp_path, widht=3))["error"]
    assert recipe.ran == []


def test_an_outcome_is_written_beside_its_task(recipe, tmp_path, monkeypatch):
    recipe.result["metrics"]["loss"] = float("nan")
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    monkeypatch.setenv("HORNBOOK_TEST", "0")
    (tmp_path / "task.json").write_text(json.dumps({**task(tmp_path), "cores": cores, "environment": {"HORNBOOK_TEST": "1"}}))
    trial.run_file(tmp_path / "task.json")
    outcome = json.loads((tmp_path / "outcome.json").read_text(), parse_constant=pytest.fail)
    assert outcome["metrics"]["loss"] == [None, None]
    assert os.environ["HORNBOOK_TEST"] == "1"


def test_a_process_ends_with_the_one_that_started_it(monkeypatch):
    asked = []
    monkeypatch.setattr(trial.ctypes, "CDLL", lambda name: types.SimpleNamespace(prctl=lambda *words: asked.append(words)))
    trial.end_with(os.getppid())
    assert asked == [(1, signal.SIGKILL)]
    with pytest.raises(SystemExit):  # It is gone already.
        trial.end_with(-1)


def test_recalls_of_a_run_that_was_trained(tmp_path):
    own = {"epochs": 1, "floor": False, "diagnosis": False, "classical_share": 0.0, "width": 4, "dataset": "wine"}
    asked = task(tmp_path, **own)
    outcome = trial.perform({**asked, "runs": asked["runs"][:1], "further": "test"})
    names = {"class_0", "class_1", "class_2"}
    assert {part: recalls.keys() for part, recalls in outcome["recalls"].items()} == {"validation": names, "test": names}
