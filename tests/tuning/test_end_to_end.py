"""A search whose trial and then whose driver is killed, in processes of its own: it ends, and nothing that was finished is run twice."""

import csv
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import pytest

from hornbook import command_line
from hornbook.recipes import tabular_classification
from hornbook.tuning.workers import fork_server

pytestmark = pytest.mark.skipif(not fork_server.is_possible(), reason="looks for forks in /proc")

OPTIONS = (
    "tabular-classification", "--tuner", "random", "--trials", "3", "--workers", "2", "--final-seeds", "1",
    "--vary", "dropout=0..0.5", "--epochs", "2", "--depth", "1", "--width", "8", "--normalization", "none", "--optimizer", "sgd",
)  # fmt: skip


def begin(folder):
    command = [sys.executable, "-m", "hornbook", "tune", *OPTIONS, "--output", str(folder / "search")]
    with open(folder / "log.txt", "a") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)


def processes(folder):
    """Processes of the trials of this search and of what they are forked from: a dict of id to parent's id."""
    found = {}
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
            state, parent = path.with_name("stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if b"hornbook.tuning.workers.fork_server" in words and os.fsencode(folder / "search") in words and state not in "ZX":
            found[int(path.parent.name)] = int(parent)
    return found


def trials(folder):
    """Those of the trials alone."""
    found = processes(folder)
    return [one for one, parent in found.items() if parent in found]


def killed(process):
    """Kill a process; whether it was still there."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, driver):
    """What a condition gives once it is true; the driver must live that long."""
    while True:
        found = condition()
        if found:
            return found
        assert driver.poll() is None, "the search ended too early"
        time.sleep(0.02)


def results(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "search").glob("trial_*/seed-0/result.json")}


def test_a_search_survives_the_death_of_a_trial_and_of_its_driver(tmp_path):
    driver = begin(tmp_path)
    try:
        wait_for(lambda: any(map(killed, trials(tmp_path))), driver)
        wait_for(lambda: results(tmp_path), driver)
    finally:
        driver.kill()
        driver.wait()
    before = results(tmp_path)
    while processes(tmp_path):  # They end with it, at once.
        time.sleep(0.02)

    again = begin(tmp_path)
    try:
        assert again.wait(600) == 0, (tmp_path / "log.txt").read_text()
    finally:
        again.kill()
        again.wait()
    assert processes(tmp_path) == {}
    after = results(tmp_path)
    assert len(after) == 3
    assert before.items() <= after.items()
    with open(tmp_path / "search/trials.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["state"] for row in rows] == ["finished"] * 3
    assert len({row["dropout"] for row in rows}) == 3
    best = json.loads((tmp_path / "search/best.json").read_text())
    assert best["dropout"] == pytest.approx(float(max(rows, key=lambda row: float(row["accuracy"]))["dropout"]))
    assert command_line.from_config(tabular_classification.Args, best, "best.json").width == 8
    # The test data were looked at once, with a seed that the search did not have.
    (final,) = (tmp_path / "search/final").glob("trial_*/seed-*/result.json")
    assert json.loads(final.read_text())["evaluated_on"] == "test"
    assert final.parent.name == "seed-1"
    result = json.loads((tmp_path / "search/result.json").read_text())
    assert result["test"]["seeds"] == [1]
    # Classical models are for the last runs alone, in processes that trials are forked to.
    assert result["test"]["floor"]["runs"] == 1
    assert json.loads(final.read_text())["floor"]["all"].keys() == {"most frequent class", "logistic regression", "gradient boosting"}
    assert [json.loads(path.read_text())["floor"] for path in after] == [None] * 3
    # What the server imports and the trials find missing, they keep to themselves.
    for path in (tmp_path / "search").rglob("log.txt"):
        assert not re.search("cuda|onednn|tensorrt|absl::", path.read_text(), re.IGNORECASE), path.read_text()
    log = (tmp_path / "log.txt").read_text()
    assert "going on with" in log
    assert "next: hornbook tabular-classification --config" in log
    assert "\nfloor: " in log
    assert (tmp_path / "search/report.html").stat().st_size > 10_000
