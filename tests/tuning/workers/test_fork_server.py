"""Trials as forks: what each has of its own, and what is left when one, their server or their search is killed."""

import json
import os
import pathlib
import signal
import time

import pytest

from hornbook import command_line
from hornbook.recipes import tabular_classification
from hornbook.tuning import kept
from hornbook.tuning.workers import fork_server, local

pytestmark = pytest.mark.skipif(not fork_server.is_possible(), reason="trials are no forks here")

# Builders that say what their process has, and then fail at once or do not end.
_BUILDERS = """
import json, os, sys, time

def about(input_shape, num_outputs, **options):
    found = {
        "cores": sorted(os.sched_getaffinity(0)), "gpus": os.environ.get("CUDA_VISIBLE_DEVICES"), "session": os.getsid(0),
        "process": os.getpid(), "parent": os.getppid(), "input": sys.stdin.read(), "threads": len(os.listdir("/proc/self/task")),
    }
    print("a screen cleared: \\x1b[2J", flush=True)
    print("about", json.dumps(found), flush=True)
    raise ValueError("that is all")

def endless(input_shape, num_outputs, **options):
    print("about", json.dumps({"process": os.getpid(), "parent": os.getppid()}), flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """One for all tests, since a server takes seconds to import TensorFlow."""
    folder = tmp_path_factory.mktemp("builders")
    (folder / "builders_of_test.py").write_text(_BUILDERS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        made = local.LocalWorkers(2, 1)
        yield made
        made.close()


def begin(fleet, folder, builder):
    folder.mkdir(parents=True)
    args = tabular_classification.Args(dataset="wine", model=f"builders_of_test:{builder}", evaluate="validation")
    config = command_line.to_config("", args)
    options = {name: value for name, value in config.items() if name not in ("recipe", "output")}
    runs = [{"options": options, "output": str(folder / "run")}]
    fleet.start(folder.name, {"recipe": "tabular_classification", "runs": runs, "stop_hopeless": False, "further": None}, folder)


def wait_for(condition):
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("it never happened")


def said(folder):
    """What the process of a trial said of itself, once it has."""

    def look():
        log = folder / "log.txt"
        lines = log.read_text().splitlines() if log.exists() else []
        return next((json.loads(line.removeprefix("about ")) for line in reversed(lines) if line.startswith("about ")), None)

    return wait_for(look)


def is_there(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_what_a_trial_has_of_its_own(fleet, tmp_path):
    folders = [tmp_path / "trial_0", tmp_path / "trial_1"]
    for folder in folders:
        begin(fleet, folder, "about")
    assert fleet.free == 0
    ended = {}
    wait_for(lambda: ended.update(fleet.finished()) or len(ended) == 2)
    assert all("--model builders_of_test:about: ValueError: that is all (" in ended[folder.name]["error"] for folder in folders)
    first, second = map(said, folders)
    assert first["parent"] == second["parent"] != os.getpid()
    assert first["process"] == first["session"]  # Ctrl-C in the terminal of the search does not reach it.
    assert (first["gpus"], first["input"]) == ("", "")
    assert len(first["cores"]) == len(second["cores"]) == 1
    assert first["cores"] == fleet._cores[0]
    assert second["cores"] == fleet._cores[1]
    assert kept.outcome(folders[0] / "outcome.json") == ended["trial_0"]
    assert not any(map(is_there, (first["process"], second["process"])))
    assert "a screen cleared: \\u001b[2J" in (folders[0] / "log.txt").read_text()


def test_a_trial_that_is_stopped_and_one_that_is_killed(fleet, tmp_path):
    folders = [tmp_path / "trial_0", tmp_path / "trial_1"]
    for folder in folders:
        begin(fleet, folder, "endless")
    first, second = (said(folder)["process"] for folder in folders)
    assert fleet.finished() == []
    fleet.stop("trial_0")
    assert not is_there(first)
    assert fleet.running() == ["trial_1"]
    os.kill(second, signal.SIGKILL)
    assert wait_for(fleet.finished) == [("trial_1", None)]
    assert (fleet.free, is_there(second)) == (2, False)


def test_when_the_server_is_killed_its_trials_are_and_another_takes_its_place(fleet, tmp_path):
    begin(fleet, tmp_path / "trial_0", "endless")
    one = said(tmp_path / "trial_0")
    os.kill(one["parent"], signal.SIGKILL)
    assert wait_for(fleet.finished) == [("trial_0", None)]
    wait_for(lambda: not is_there(one["process"]))
    begin(fleet, tmp_path / "trial_1", "endless")
    other = said(tmp_path / "trial_1")
    assert other["parent"] != one["parent"]
    fleet.close()
    assert (fleet.running(), is_there(other["parent"])) == ([], False)
    wait_for(lambda: not is_there(other["process"]))
    fleet.close()  # There is nothing left to do.
