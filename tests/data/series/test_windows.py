"""Series are split by unit and group, then cut into windows."""

import csv

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import splits
from hornbook.data.series import windows


def test_no_unit_stands_in_two_parts_when_windows_are_cut(write_csv, long_rows):
    rows = long_rows(units=40, steps=30)
    dataset = data.series.load(write_csv("a.csv", rows), time_column="t", window=10, stride=3)
    units = {name: set(part.units) for name, part in dataset.parts.items()}
    assert not units["train"] & units["validation"]
    assert not units["train"] & units["test"]
    assert not units["validation"] & units["test"]
    assert set.union(*units.values()) == {f"u{k}" for k in range(40)}
    assert dataset.input_shape == (10, 2)
    assert len(dataset.train) == 7 * len(units["train"])
    assert len(set(dataset.train.keys)) == len(dataset.train)
    of_one = dataset.train.subset(np.flatnonzero(dataset.train.units == dataset.train.units[0]))
    np.testing.assert_array_equal(of_one.series[0][3:], of_one.series[1][:-3])


def test_no_group_stands_in_two_parts(write_csv, long_rows):
    rows = [[*row, f"person {int(row[0][1:]) // 4}"] for row in long_rows(units=40, steps=5)]
    name = write_csv("a.csv", rows, ("unit", "t", "x", "y", "label", "person"))
    dataset = data.series.load(name, time_column="t", group_column="person")
    groups = [set(part.groups) for part in dataset.parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 10
    assert all(np.bincount(part.labels, minlength=2).all() for part in dataset.parts.values())
    again = data.series.load(name, time_column="t", group_column="person", split_seed=1)
    assert set(again.test.groups) != set(dataset.test.groups)


def test_a_unit_whose_label_changes_is_cut_into_windows_of_one_label_and_stands_in_one_part(write_csv):
    rows = [[f"u{unit}", t, unit, t, "walk" if t < 12 else "run"] for unit in range(20) for t in range(27)]
    dataset = data.series.load(write_csv("a.csv", rows), time_column="t", window=5, stride=5)
    for part in dataset.parts.values():
        for values, label in zip(part.series, part.labels, strict=True):
            assert {dataset.class_names[label]} == {"walk" if t < 12 else "run" for t in values[:, 1]}
    units = [set(part.units) for part in dataset.parts.values()]
    assert sum(map(len, units)) == 20
    rows = [*rows, *([f"u{unit}", 27 + t, unit, t, "walk"] for unit in range(20) for t in range(3))]
    dataset = data.series.load(write_csv("b.csv", rows), time_column="t", window=5, stride=5)
    assert "shorter than a window and were left out" in dataset.notes[0]


def test_a_group_larger_than_its_share_is_held_out_where_there_is_no_other():
    groups = np.repeat(["p", "q", "r"], 10)
    dataset = data.series.from_arrays(np.zeros((30, 4)), np.arange(30) % 2, groups=groups, validation_fraction=0.1)
    assert len(dataset.validation) == 10
    assert len(set(dataset.validation.groups)) == 1


def test_the_split_is_written_down(tmp_path, write_csv, long_rows):
    dataset = data.series.load(write_csv("a.csv", long_rows(units=20)), window=4, stride=4)
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    with open(tmp_path / "split.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(len, dataset.parts.values())) == 40
    assert {(row["unit"], row["first_step"]) for row in rows} == {(f"u{k}", str(step)) for k in range(20) for step in (0, 4)}
    assert {row["steps"] for row in rows} == {"4"}


def test_one_class_in_one_unit_cannot_be_held_out():
    groups = np.array(["p"] * 5 + ["q"] * 5)
    with pytest.raises(UserError, match="cannot be split so that every class stands in the training part"):
        data.series.from_arrays(np.zeros((10, 4)), [0] * 5 + [1] * 5, groups=groups)


def test_windows_begin_a_stride_apart():
    assert list(windows.window_starts(10, 4)) == [0, 2, 4, 6]
    assert list(windows.window_starts(10, 4, 5)) == [0, 5]
    assert list(windows.window_starts(3, 4)) == []


def test_a_class_that_groups_keep_out_of_a_part_is_noted():
    groups, labels = np.repeat(["p", "q", "r", "s"], 10), np.repeat([0, 1, 0, 1], 10)
    dataset = data.series.from_arrays(np.zeros((40, 4)), labels, groups=groups, class_names=("a", "b"), validation_fraction=0.2)
    assert set(dataset.validation.groups) == {"p"}
    assert dataset.notes == ("the class b has no example in the validation part: its recall cannot be known",)
