"""Groups stand in one part, whatever is split: rows of a table, or anything with labels."""

import csv

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import splits
from hornbook.data.selection import groups

GROUPS = np.repeat(np.arange(40), 6).astype(object)
LABELS = np.repeat(np.arange(40) % 2, 6)


def test_a_share_of_the_groups():
    first, second = groups.positions(GROUPS, LABELS, 2, 0.25, 0, "data", "--test-fraction")
    assert not set(GROUPS[first]) & set(GROUPS[second])
    assert sorted([*first, *second]) == list(range(240))
    assert len(second) == 60
    assert LABELS[second].mean() == 0.5
    other = groups.positions(GROUPS, LABELS, 2, 0.25, 1, "data", "--test-fraction")[1]
    assert set(other) != set(second)


def test_each_group_stands_in_one_fold():
    folds = [groups.positions(GROUPS, LABELS, 2, splits.Fold(number, 4), 0, "data", "")[1] for number in (1, 2, 3, 4)]
    assert sorted(place for fold in folds for place in fold) == list(range(240))
    assert sum(len(set(GROUPS[fold])) for fold in folds) == 40


def test_a_class_of_one_group_cannot_be_held_out():
    named, labels = np.array(["a"] * 5 + ["b"] * 5, object), np.repeat([0, 1], 5)
    with pytest.raises(UserError, match=r"2 units cannot be split so that every class stands in the training part.*--test-fraction 0"):
        groups.positions(named, labels, 2, 0.3, 0, "data", "--test-fraction")


@pytest.fixture
def table(tmp_path):
    """A table of 20 patients with 5 rows each; its path and the patient of each row."""
    generator = np.random.default_rng(0)
    rows = [
        (f"p{patient}", *generator.normal(size=2).round(3), ("no", "yes")[patient % 2], patient / 7)
        for patient in range(20)
        for _ in range(5)
    ]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([("patient", "x", "y", "ill", "dose"), *rows])
    return f"csv:{tmp_path / 't.csv'}", np.array([row[0] for row in rows])


@pytest.mark.parametrize(("task", "label"), [("classification", "ill"), ("regression", "dose")])
def test_rows_of_one_patient_stand_in_one_part(table, task, label):
    name, patients = table
    found = data.tables.load(name, task=task, label_column=label, group_column="patient", validation_fraction=0.2, test_fraction=0.2)
    parts = {part: set(patients[one.indices]) for part, one in found.parts.items()}
    assert set(parts) == {"train", "validation", "test"}
    assert sum(map(len, parts.values())) == 20
    assert "patient" not in found.feature_names


def test_folds_of_patients(table):
    name, patients = table
    options = {"label_column": "ill", "group_column": "patient", "validation_fraction": 0}
    tested = [
        set(patients[data.tables.load(name, test_fraction=splits.Fold(number, 4), **options).test.indices]) for number in (1, 2, 3, 4)
    ]
    assert sum(map(len, tested)) == len(set.union(*tested)) == 20


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"group_column": "person"}, r"has no column 'person' \(--group-column\)"),
        ({"group_column": ""}, r"has no column '' \(--group-column\)"),
        ({"group_column": "ill"}, "cannot be both --label-column and --group-column"),
    ],
)
def test_what_is_refused(table, change, told):
    with pytest.raises(UserError, match=told):
        data.tables.load(table[0], label_column="ill", **change)


def test_a_table_in_its_file_is_split_as_in_memory(table):
    options = {"label_column": "ill", "group_column": "patient"}
    memory, file = (data.tables.load(table[0], in_memory=where, **options) for where in ("always", "never"))
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(memory.part(part).indices, file.part(part).indices)


def test_a_row_without_a_group(table, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(path.read_text().replace("p3,", ",", 1))
    with pytest.raises(UserError, match=r"t.csv line 17, column 'patient' is empty; accepted is the group of each row"):
        data.tables.load(table[0], label_column="ill", group_column="patient")
