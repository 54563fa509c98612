"""What `benchmarks/leaks.py` plants is in the data, and its table says what was found."""

import csv
import importlib
import pathlib
import sys

import numpy as np
import pytest

from hornbook import data
from hornbook.data.suspicion import vectors

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def leaks(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])
    return importlib.import_module("benchmarks.leaks")


@pytest.mark.parametrize("load", [lambda: data.images.load("digits"), lambda: data.tables.load("wine")], ids=["digits", "wine"])
def test_copies_are_planted(leaks, load):
    own = leaks.plain(load())
    for fault in ("exact", "near"):
        made, planted = leaks.plant(own, fault, np.random.default_rng(0))
        again = made.made()
        train, test = (vectors.inputs_of(again, part, np.arange(len(again.part(part)))) for part in ("train", "test"))
        known = set(vectors.keys(again, train).tolist())
        copied = [place for place, key in enumerate(vectors.keys(again, test).tolist()) if key in known]
        assert copied == (sorted(planted) if fault == "exact" else [])
        assert len(planted) == max(3, round(0.05 * len(test)))


def test_other_faults(leaks):
    own = leaks.plain(data.tables.load("wine"))
    groups, count = leaks.plant(own, "groups", np.random.default_rng(0))
    again = groups.made()
    assert len(set(again.groups_of(again.test)) & set(again.groups_of(again.train))) == count == 3
    absent, _ = leaks.plant(own, "absent", np.random.default_rng(0))
    assert len(np.unique(absent.labels["test"])) == 2
    leak, _ = leaks.plant(own, "leak", np.random.default_rng(0))
    assert leak.made().feature_names[-1] == "planted"
    numbers = leaks.plain(data.tables.load("diabetes", task="regression"))
    assert leaks.plant(numbers, "absent", np.random.default_rng(0)) is None


def test_the_table_of_a_set(leaks, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["leaks.py", "--only", "wine", "--seeds", "1", "--output", f"{tmp_path}/leaks.csv"])
    leaks.main()
    with open(tmp_path / "leaks.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["fault"] for row in rows] == ["clean", *leaks.FAULTS]
    assert [row["named"] for row in rows] == ["", *["yes"] * 6]
    assert rows[0]["others"] == ""
    assert "leak: named in 1 of 1; found 1 of 1" in capsys.readouterr().out
