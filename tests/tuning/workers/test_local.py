import os
import time

import pytest

from hornbook import UserError
from hornbook.tuning.workers import fork_server
from hornbook.tuning.workers.local import LocalWorkers, share_gpus, visible_gpus


@pytest.fixture
def machine(monkeypatch):
    """A machine of six cores, of which the first two are not ours, and no GPU."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {2, 3, 4, 5}, raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.mark.parametrize(
    ("count", "threads", "cores"),
    [
        (1, None, [[2, 3, 4, 5]]),
        (2, None, [[2, 3], [4, 5]]),
        (3, None, [[2], [3], [4]]),
        (2, 1, [[2], [3]]),
        (2, 3, [[2, 3, 4], [5, 2, 3]]),  # They take turns.
        (5, None, [[2], [3], [4], [5], [2]]),
    ],
)
def test_cores_are_shared_out(machine, count, threads, cores):
    fleet = LocalWorkers(count, threads)
    assert fleet._cores == cores
    assert (fleet.count, fleet.free, fleet.running(), fleet.finished()) == (count, count, [], [])


def test_more_cores_than_there_are(machine):
    with pytest.raises(UserError, match="--threads-per-trial 5: this machine lets us use 4 cores"):
        LocalWorkers(1, 5)


@pytest.mark.parametrize(
    ("gpus", "count", "wanted", "shared"),
    [
        ([], 2, None, None),
        ([], 2, 0, None),
        (["0"], 1, None, [["0"]]),
        (["0"], 2, None, [["0"], ["0"]]),
        (["0", "1"], 2, None, [["0"], ["1"]]),
        (["0", "1", "2", "3"], 2, None, [["0", "1"], ["2", "3"]]),
        (["0", "1"], 4, None, [["0"], ["1"], ["0"], ["1"]]),
        (["3", "5"], 3, 0.5, [["3"], ["5"], ["3"]]),
        (["0", "1"], 1, 1, [["0"]]),
        (["0", "1"], 3, 0, [[], [], []]),
        (["0", "1", "2"], 2, None, [["0"], ["1"]]),
        (["GPU-a", "GPU-b"], 2, 1, [["GPU-a"], ["GPU-b"]]),
        (["0", "1"], 3, None, [["0"], ["1"], ["0"]]),
        (["0"], 3, 1 / 3, [["0"]] * 3),
    ],
)
def test_gpus_are_shared_out(gpus, count, wanted, shared):
    assert share_gpus(gpus, count, wanted) == shared


@pytest.mark.parametrize(
    ("gpus", "count", "wanted", "words"),
    [
        ([], 1, 1, "--gpus-per-trial 1: this machine has no GPU that can be seen"),
        (["0"], 2, 1, "2 trials at a time with 1 GPUs each need more than the 1 there are; pass fewer --workers"),
        (["0"], 3, 0.5, "3 trials at a time with 0.5 GPUs each need more than the 1"),
        (["0", "1"], 1, 3, "need more than the 2"),
    ],
)
def test_more_gpus_than_there_are(gpus, count, wanted, words):
    with pytest.raises(UserError, match=words):
        share_gpus(gpus, count, wanted)


def test_gpus_that_the_environment_names(monkeypatch):
    for written, names in (("", []), ("-1", []), ("0", ["0"]), ("1,3", ["1", "3"]), ("GPU-8f,GPU-2a", ["GPU-8f", "GPU-2a"])):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", written)
        assert visible_gpus() == names


def test_where_no_fork_is_possible_a_trial_is_a_process_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(fork_server, "is_possible", lambda: False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    fleet = LocalWorkers(1, 1)
    fleet.start("0", {"recipe": "nowhere", "runs": [{"options": {}, "output": "run"}], "stop_hopeless": False, "further": None}, tmp_path)
    ended = []
    limit = time.monotonic() + 60
    while not ended and time.monotonic() < limit:
        ended = fleet.finished()
        time.sleep(0.01)
    fleet.close()
    assert [(key, outcome["error"]) for key, outcome in ended] == [("0", "ModuleNotFoundError: No module named 'hornbook.recipes.nowhere'")]
