"""A clock that goes back, stands still or is years off, and files from the future: nothing is measured, compared or named by them."""

import ast
import json
import os
import pathlib
import time

import pytest

import hornbook
from hornbook import UserError, files
from hornbook.data import folders
from hornbook.inference import runs_table
from hornbook.recipes import tabular_classification
from hornbook.training import manifest, runs

ROOT = pathlib.Path(hornbook.__file__).resolve().parents[1]
PACKAGES = ("hornbook", "data", "models", "training", "evaluation", "reports", "inference", "recipes", "tuning")
CONFIG = {"recipe": "image_classification", "epochs": 2}
TIMES = (0, -1, 2**31, 2**33)  # Seconds since 1970: long ago, and beyond what 32 bits hold.


@pytest.mark.parametrize("step", [-3600.0, -1e6, 1e6, 0.0])
def test_a_clock_that_goes_back_while_a_run_trains(step, tmp_path, monkeypatch):
    begun, asked = time.time(), []

    def wrong():
        asked.append(None)
        return begun + step * len(asked)

    monkeypatch.setattr(time, "time", wrong)
    args = tabular_classification.Args(dataset="wine", model="mlp", width=4, epochs=3, minutes=5, output=str(tmp_path / "run"))
    result = tabular_classification.main(args)
    assert 0 < result["seconds"] < 1000
    assert result["epochs"] == 3  # --minutes has not ended it.
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    place = rows[0].split(",").index("seconds")
    seconds = [float(row.split(",")[place]) for row in rows[1:]]
    assert seconds == sorted(seconds)
    assert seconds[0] > 0


@pytest.mark.parametrize("year", [1, 1970, 1979, 2108, 9999])
def test_a_clock_by_which_no_model_can_be_written_is_refused_first(year, tmp_path, monkeypatch):
    class Off(runs.datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(year, 1, 1)

    monkeypatch.setattr(runs.datetime, "datetime", Off)
    with pytest.raises(UserError, match=rf"^the clock of this machine says the year {year}, and a model's file knows 1980 to 2107; "):
        tabular_classification.main(tabular_classification.Args(dataset="wine", model="mlp", output=str(tmp_path / "run")))
    assert not os.listdir(tmp_path)


def test_no_length_of_time_is_asked_of_a_clock_that_can_be_put_back():
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                called = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
                assert called != "time.time", f"{path}:{node.lineno} asks time.time; use time.monotonic"
                assert not called.endswith(("st_mtime", "st_mtime_ns", "st_ctime")), f"{path}:{node.lineno} goes by a file's time"


def put_back(folder, when):
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (when, when))


@pytest.mark.parametrize("when", TIMES)
def test_a_run_from_another_time_is_listed_and_goes_on(tmp_path, when):
    finished = tmp_path / "runs" / "finished"
    finished.mkdir(parents=True)
    for name, values in (("config.json", CONFIG), ("result.json", {"metrics": {"accuracy": 0.5}, "seconds": 1})):
        files.write_json(finished / name, values)
    manifest.write(finished)
    with runs.Run(tmp_path / "runs" / "unfinished", CONFIG) as run:
        run.checkpoint.write_bytes(b"")
    put_back(tmp_path / "runs", when)
    found, unfinished, broken = runs_table.find(tmp_path / "runs")
    assert ([one["folder"] for one in found], unfinished, broken) == (["finished"], 1, [])
    manifest.check(finished, ["config.json"])
    with runs.Run(tmp_path / "runs" / "unfinished", CONFIG) as run:
        assert run.resumed
    assert json.loads((tmp_path / "runs" / "unfinished" / "config.json").read_text()) == CONFIG


@pytest.mark.parametrize("when", TIMES)
def test_data_from_another_time_are_in_the_same_order(tmp_path, when):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in (2, 1, 3):
            (tmp_path / "data" / name / f"{number}.png").write_bytes(b"")
    before = folders.labelled_files(str(tmp_path / "data"))
    put_back(tmp_path / "data", when)
    assert folders.labelled_files(str(tmp_path / "data")) == before
