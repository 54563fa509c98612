"""Splits by time: the past before the future, one time in one part, a group in the part in which it begins."""

import csv
import itertools
import pathlib

import numpy as np
import pytest
from sklearn.model_selection import TimeSeriesSplit

from hornbook import UserError, data
from hornbook.data import splits
from hornbook.data.selection import times


def where(position):
    return f"line {position}"


def test_numbers_and_dates():
    np.testing.assert_array_equal(times.parsed([" 3", "1e1"], where), [3, 10])
    dates = times.parsed(["2024-01-31", "2024-02-01T12:00:00"], where)
    assert dates[0] < dates[1]
    assert list(map(times.in_words, dates)) == ["2024-01-31", "2024-02-01T12:00:00"]
    zoned = times.parsed(["2024-01-31T00:00:00+01:00", "2024-01-30T23:00:00Z"], where)
    assert zoned[0] == zoned[1]


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        (["1", " "], "line 1 is empty; accepted is the time of each example, by --time-column"),
        (["1", "inf"], "line 1 is 'inf', no time; accepted are numbers, or dates such as 2024-01-31"),
        (["2024-01-31", "31.1.2024"], "line 1 is '31.1.2024', no time"),
        (["2024-01-31", "2024-01-31T00:00:00Z"], "times before it are without a zone"),
    ],
)
def test_what_is_no_time(texts, told):
    with pytest.raises(UserError, match=told):
        times.parsed(texts, where)


def test_the_latest_are_held_out_and_ties_stay_together():
    own = np.array([5, 1, 2, 2, 2, 3, 4, 4, 4, 9.0])
    cut = times.positions(own, None, 0.3, "data")
    assert own[cut.first].max() < own[cut.second].min()
    assert sorted([*cut.first, *cut.second]) == list(range(10))
    assert sorted(own[cut.second]) == [5, 9]  # Three would divide the fours, of which two more are nearer than none.
    assert times.positions(own, None, 0.5, "data").second.tolist() == [0, 6, 7, 8, 9]
    with pytest.raises(UserError, match="all 3 examples left have one time, 7, so none is later than others; leave --time-column out"):
        times.positions(np.full(3, 7.0), None, 0.3, "data")


def test_folds_are_forward_blocks_as_of_scikit_learn():
    own = np.random.default_rng(0).permutation(60).astype(float)
    order = np.argsort(own)
    for number, (train, test) in enumerate(TimeSeriesSplit(5).split(own), start=1):
        cut = times.positions(own, None, splits.Fold(number, 5), "data")
        assert set(cut.first) == set(order[train])
        assert set(cut.second) == set(order[test])
        assert cut.behind == 60 - len(train) - len(test)
    with pytest.raises(UserError, match=r"4 different times cannot be divided into 6 blocks.*which 5 folds need; pass fewer folds"):
        times.positions(own // 15, None, splits.Fold(1, 5), "data")


def test_a_group_stands_in_the_part_in_which_it_begins():
    own, groups = np.arange(10.0), np.array(list("ababcadeea"), object)
    cut = times.positions(own, groups, 0.3, "data")
    assert cut.first.tolist() == [0, 1, 2, 3, 4, 5]
    assert cut.second.tolist() == [6, 7, 8]  # The a of the end is of the past.
    assert cut.of_the_past == 1
    with pytest.raises(UserError, match="all groups begin at one time, 0, so none is later"):
        times.positions(own // 2, np.array(list("ababababab"), object), 0.5, "data")


def test_folds_of_groups_in_time():
    own, groups = np.arange(12.0), np.array(list("aabbaccbddcd"), object)
    cuts = [times.positions(own, groups, splits.Fold(number, 3), "data") for number in (1, 2, 3)]
    assert [cut.first.tolist() for cut in cuts] == [[0, 1], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4, 5, 6, 7]]
    assert [cut.second.tolist() for cut in cuts] == [[2, 3, 7], [5, 6, 10], [8, 9, 11]]
    assert [cut.of_the_past for cut in cuts] == [1, 1, 1]
    assert [cut.behind for cut in cuts] == [6, 3, 0]


@pytest.fixture
def table(tmp_path):
    """A table of 100 rows in no order, of 50 days, two of each, and the 20 people who begin one after another and overlap."""
    generator = np.random.default_rng(0)
    days = generator.permutation(np.repeat(np.arange(50), 2))

    def labels(row):
        return "ny"[row % 3 % 2], row / 9

    rows = [
        (
            f"2024-{1 + day // 28:02}-{1 + day % 28:02}",
            f"p{max(0, day // 5 - row % 3 // 2) * 2 + row % 2}",
            round(generator.normal(), 3),
            *labels(row),
        )
        for row, day in enumerate(days.tolist())
    ]
    with open(tmp_path / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([("created", "person", "x", "label", "target"), *rows])
    return f"csv:{tmp_path / 't.csv'}", days, np.array([row[1] for row in rows])


@pytest.mark.parametrize("in_memory", ["always", "never"])
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_table_is_split_by_time(table, task, in_memory):
    name, days, _ = table
    options = {"feature_columns": "x", "time_column": "created", "validation_fraction": 0.25, "in_memory": in_memory}
    found = data.tables.load(name, task=task, label_column={"classification": "label", "regression": "target"}[task], **options)
    ends = [(days[part.indices].min(), days[part.indices].max()) for part in (found.train, found.validation, found.test)]
    assert ends == [(0, 29), (30, 39), (40, 49)]
    assert not found.drawn
    assert "test examples are those from 2024-02-13 on; what is before ends at 2024-02-12" in found.notes
    assert found.feature_names == ("x",)


def test_the_time_is_no_feature(table):
    found = data.tables.load(table[0], label_column="label", time_column="created", group_column="person")
    assert found.feature_names == ("x", "target")


def test_time_and_groups(table):
    name, days, people = table
    found = data.tables.load(name, label_column="label", time_column="created", group_column="person", test_fraction=0.23)
    parts = [found.train, found.validation, found.test]
    assert all(days[one.indices].max() < days[two.indices].min() for one, two in itertools.pairwise(parts))
    groups = [set(people[part.indices]) for part in parts]
    assert not groups[0] & groups[2]
    assert not groups[0] & groups[1]
    assert not groups[1] & groups[2]
    assert sum(map(len, parts)) < 100
    assert any("left out, being of groups that began before: " in note for note in found.notes)


def test_texts_and_images_by_time(tmp_path):
    from PIL import Image

    lines = [f"{30 - row},text {row},{row}.png,{'ab'[row % 2]}" for row in range(30)]
    pathlib.Path(tmp_path, "t.csv").write_text("\n".join(["at,text,path,label", *lines]) + "\n")
    for row in range(30):
        Image.fromarray(np.full((4, 4), 8 * row, np.uint8)).save(tmp_path / f"{row}.png")
    name = f"csv:{tmp_path / 't.csv'}"
    for found in (
        data.texts.load(name, time_column="at", apart=("path",)),
        data.texts.load(name, time_column="at", text_columns="text", in_memory="never"),
        data.images.load(name, time_column="at"),
    ):
        assert found.test.indices.tolist() == [0, 1, 2, 3, 4, 5]
        assert found.validation is None or found.validation.indices.max() < found.train.indices.min()
    with pytest.raises(UserError, match="--time-column is for csv:PATH"):
        data.images.load("digits", time_column="at")
    with pytest.raises(UserError, match="--time-column is for csv:PATH, got docstrings"):
        data.texts.load("docstrings", time_column="at")
    with pytest.raises(UserError, match=r"line 2, column 'text' is 'text 0', no time"):
        data.texts.load(name, time_column="text", text_columns="path")


def test_forward_folds_of_a_table(table):
    name, days, _ = table
    options = {"label_column": "label", "time_column": "created", "validation_fraction": 0}
    for number in (1, 2, 3, 4):
        found = data.tables.load(name, test_fraction=splits.Fold(number, 4), **options)
        assert days[found.train.indices].max() + 1 == days[found.test.indices].min() == 10 * number
        assert days[found.test.indices].max() == 10 * number + 9
