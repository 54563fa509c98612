"""Folds that are trained in this process."""

import json
import pathlib

import pytest

from hornbook import files
from hornbook.tuning.workers import many, trial


class Fleet:
    """What `LocalWorkers` is to a cross-validation, in this process; the fold that `fails` does."""

    begun, fails = [], None

    def __init__(self, count, threads):
        self._ended = []

    @property
    def free(self):
        return 1 - len(self._ended)

    def start(self, key, task, folder):
        self.begun.append(key)
        outcome = {"error": "no room"} if key == self.fails else trial.perform(task)
        files.write_json(pathlib.Path(folder) / "outcome.json", outcome)
        self._ended.append((key, json.loads((pathlib.Path(folder) / "outcome.json").read_text())))

    def finished(self):
        ended, self._ended = self._ended, []
        return ended

    def running(self):
        return [key for key, _ in self._ended]

    def stop_all(self):
        pass

    def close(self):
        pass


@pytest.fixture(scope="session")
def in_this_process():
    """The class that takes the place of `LocalWorkers`."""
    return Fleet


@pytest.fixture
def fleet(monkeypatch):
    monkeypatch.setattr(many.local, "LocalWorkers", Fleet)
    monkeypatch.setattr(Fleet, "begun", [])
    monkeypatch.setattr(Fleet, "fails", None)
    return Fleet
