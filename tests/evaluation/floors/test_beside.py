"""The process beside a training: what it gives, and that nothing of it is left or in the way, whatever goes wrong."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from hornbook.evaluation.floors import Floor, Problem, Task, beside, problem, worker

ABOUT = {"task": "classification", "loss": "cross-entropy", "class_names": ("a", "b"), "target_names": ()}
TASK = Task("classification", 2)


@pytest.fixture(autouse=True)
def computed(floors):
    with floors():
        yield


def rows(count=60, seed=0):
    inputs = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    return inputs, (inputs[:, 0] > 0).astype(np.int64)


def table(inputs=None, labels=None):
    own, classes = rows()
    own, classes = own if inputs is None else inputs, classes if labels is None else labels
    return Problem("tables", TASK, own, classes, rows(40, seed=1)[0], numbers=3)


def run(folder, given, *, meanwhile=lambda floor: None, **options):
    """The result of a floor, with a network that is always right."""
    labels = rows(40, seed=1)[1]
    with Floor() as floor:
        floor.start(folder, TASK, given.labels if given else labels, given, **options)
        meanwhile(floor)
        floor.network(ABOUT, labels, 2.0 * np.eye(2)[labels])
        return floor.result(1.0)


def test_all_models_are_computed_and_nothing_is_left(tmp_path):
    processes = []
    found = run(tmp_path, table(), meanwhile=lambda floor: processes.append(floor._process))
    assert list(found["all"]) == ["most frequent class", "logistic regression", "gradient boosting"]
    assert (found["network"], found["examples"], found["notes"]) == (1.0, 40, [])
    assert found["all"]["logistic regression"]["accuracy"] > 0.9
    assert found["seconds"] > 0
    assert processes[0].returncode == 0
    assert list(tmp_path.iterdir()) == []
    again = run(tmp_path, table())
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


def test_a_threshold_of_the_network_is_told_and_not_used(tmp_path):
    labels = rows()[1]
    with beside.Floor() as floor:
        floor.start(tmp_path, TASK, labels)
        floor.network({**ABOUT, "thresholds": [0.99]}, labels, 2.0 * np.eye(2)[labels])
        found = floor.result(1.0)
    assert (found["network"], found["notes"]) == (1.0, ["the network is compared at a threshold of 0.5, as the classical models are"])


def test_some_of_the_examples(tmp_path):
    given = Problem("tables", TASK, *rows(), rows(40, seed=1)[0][5:15], numbers=3)
    found = run(tmp_path, given, places=np.arange(5, 15), notes=["on 10 of 40 test examples"])
    assert (found["examples"], found["notes"]) == (10, ["on 10 of 40 test examples"])
    assert found["network"] == 1.0


def test_at_the_limit_the_constant_is_what_there_is(tmp_path, monkeypatch):
    monkeypatch.setattr(beside, "SECONDS", 0)
    found = run(tmp_path, table())
    assert list(found["all"]) == ["most frequent class"]
    assert found["notes"] == ["logistic regression and gradient boosting left out: no time was left for it"]
    assert list(tmp_path.iterdir()) == []


def test_what_was_finished_counts_when_the_process_dies(tmp_path):
    def kill_it_after_the_first(floor):
        while not worker.records(floor._target):
            assert floor._process.poll() is None
            time.sleep(0.001)
        floor._process.kill()

    found = run(tmp_path, table(), meanwhile=kill_it_after_the_first)
    assert list(found["all"])[:2] == ["most frequent class", "logistic regression"]
    if len(found["all"]) == 2:
        assert found["notes"] == ["gradient boosting left out: its process ended with status -9"]


def test_one_class_in_training_and_a_model_that_fails(tmp_path):
    found = run(tmp_path, table(labels=np.zeros(60, np.int64)))
    assert list(found["all"]) == ["most frequent class"]
    assert found["notes"] == [f"{name} left out: training has one class alone" for name in ("logistic regression", "gradient boosting")]
    inputs = rows()[0]
    inputs[0, 0] = np.nan
    found = run(tmp_path, table(inputs=inputs))
    (note,) = found["notes"]
    assert note.startswith("logistic regression left out: ValueError: Input X contains NaN")
    assert "gradient boosting" in found["all"]


def test_a_process_that_cannot_begin_and_a_network_that_cannot_be_scored(tmp_path):
    found = run(tmp_path / "nowhere", table())
    assert found["notes"][0].startswith("logistic regression and gradient boosting left out: FileNotFoundError")
    assert found["model"] == "most frequent class"
    with Floor() as floor:
        floor.start(tmp_path, TASK, rows()[1])
        floor.network(ABOUT, rows()[1], np.zeros((60, 7)))
        found = floor.result(1.0)
    assert found["model"] is None
    assert "not compared: ValueError" in found["notes"][0]
    with Floor() as floor:
        assert floor.result(1.0) is None


def test_an_exception_in_the_training_ends_the_process(tmp_path):
    processes = []

    def interrupted(floor):
        processes.append(floor._process)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, table(), meanwhile=interrupted)
    assert processes[0].returncode is not None


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="looks for a process in /proc")
def test_the_process_ends_when_the_training_s_is_killed(tmp_path):
    script = f"""
import os, signal, sys, numpy
from hornbook.evaluation.floors import Floor, Problem, Task
inputs = numpy.random.default_rng(0).normal(size=(60000, 40))
floor, task = Floor(), Task("classification", 50)
labels = numpy.arange(60000) % 50
floor.start({str(tmp_path)!r}, task, labels, Problem("tables", task, inputs, labels, inputs, 40))
print(floor._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr
    stat = pathlib.Path(f"/proc/{int(done.stdout)}/stat")
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] not in "ZX":  # Gone, or waiting for its new parent to see it.
        time.sleep(0.02)
    assert list(tmp_path.iterdir()) == []


def test_the_process_has_no_tensorflow():
    strange = ("tensorflow", "keras", "jax", "torch", "pandas", "hornbook.training")
    code = f"import sys, {worker.__name__}; print([name for name in sys.modules if name.startswith({strange})])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "examples",
    [
        np.arange(12.0).reshape(3, 4),
        ["", "naïve \ud800", "日本"],
        [np.ones((3, 2), np.float32), np.zeros((1, 2), np.float32)],
    ],
    ids=("array", "texts", "series"),
)
def test_a_problem_is_read_as_it_was_written(examples, tmp_path):
    given = Problem("tables", Task("regression", 1, "quantile", (0.1, 0.9)), examples, np.ones((3, 1)), examples, numbers=2)
    with open(tmp_path / "problem", "w+b") as file:
        given.write(file)
        file.seek(0)
        found = Problem.read(file)
    assert (found.task, found.medium, found.numbers) == (given.task, "tables", 2)
    for name in ("inputs", "scored"):
        for one, other in zip(getattr(found, name), examples, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_record_that_was_not_finished_is_none(tmp_path):
    with open(tmp_path / "records", "w+b") as file:
        for k in range(2):
            worker.append(file.fileno(), {"name": f"model {k}"}, np.full((3, 2), k))
        os.ftruncate(file.fileno(), os.fstat(file.fileno()).st_size - 1)
        ((about, array),) = worker.records(file.fileno())
    assert about == {"name": "model 0"}
    assert array.tolist() == [[0, 0]] * 3


def test_how_many_examples_are_used():
    assert problem.how_many("tables", 500_000, 1_000, 10) == (100_000, 1_000)
    assert problem.how_many("tables", 500_000, 1_000, 2_000) == (10_000, 1_000)
    assert problem.how_many("series", 100, 5_000_000, 100_000) == (40, 40)
    assert problem.how_many("images", 60_000, 10_000, 784) == (10_000, 10_000)
