"""Columns to predict: classes, several labels, numbers."""

import numpy as np
import pytest

from hornbook import data

pytestmark = pytest.mark.usefixtures("where_tables_are")
COLUMNS = ("height", "weight", "colour", "label")


def test_a_class_of_one_row_is_accepted_where_nothing_is_held_out(rows, write, changed, refusal):
    name = write(changed(rows(), 3, 3, "maybe"))
    assert refusal(name).endswith("add rows, or pass --test-fraction 0 --validation-fraction 0 --evaluate none")
    counts = write(changed([[*row[:3], str(k % 11)] for k, row in enumerate(rows())], 3, 3, "11"), name="counts.csv")
    assert refusal(counts).endswith("--evaluate none; to predict numbers, use hornbook regression")
    dataset = data.tables.load(name, test_fraction=0, validation_fraction=0)
    assert dataset.class_names == ("maybe", "no", "yes")


def test_several_labels(rows, write, changed, refusal, everything):
    table = [[*row[:3], str(k % 2), ("no", "yes")[k % 3 == 0]] for k, row in enumerate(rows())]
    name = write(table, ("height", "weight", "colour", "odd", "third"))
    dataset = data.tables.load(name, label_column="odd,third")
    assert (dataset.task, dataset.class_names) == ("multi-label", ("odd", "third"))
    _, labels = everything(dataset)
    assert labels.tolist() == [[k % 2, k % 3 == 0] for k in range(60)]
    wrong = write(changed(table, 3, 4, "2"), ("height", "weight", "colour", "odd", "third"), name="wrong.csv")
    assert "line 5, column 'third': '2' is neither 0 nor 1" in refusal(wrong, label_column="odd,third")


def test_targets_that_are_numbers(rows, write, changed, refusal, everything):
    name = write(rows())
    dataset = data.tables.load(name, task="regression", label_column="weight")
    _, labels = everything(dataset)
    assert (dataset.class_names, dataset.target_names) == ((), ("weight",))
    np.testing.assert_allclose(labels[:, 0], [float(row[1]) for row in rows()])
    assert data.tables.load(name, task="regression", label_column="weight,height").train.labels.shape == (43, 2)
    for change, words in (
        (lambda t: changed(t, 3, 1, ""), "line 5, column 'weight': the label is missing ('')"),
        (lambda t: changed(t, 3, 1, "heavy"), "line 5, column 'weight': 'heavy' is no number"),
        (lambda t: changed(t, 3, 1, "inf"), "line 5, column 'weight': inf is no number to compute with"),
        (lambda t: [[row[0], "7", *row[2:]] for row in t], "column 'weight' is 7 in every training row"),
        (lambda t: t[:9], "has 9 rows"),
    ):
        message = refusal(write(change(rows()), name="wrong.csv"), task="regression", label_column="weight")
        assert words in message
        assert "--missing-values" not in message
    assert "line 2, column 'colour': 'red' is no number" in refusal(name, task="regression", label_column="colour")
    assert "is called target, y, value, label" in refusal(write(rows(), (*COLUMNS[:3], "c"), name="c.csv"), task="regression")


def test_a_label_that_no_test_row_has_is_noted(rows, write):
    header = ("height", "weight", "colour", "odd", "rare")
    train = write([[*row[:3], str(k % 2), str(int(k % 5 == 0))] for k, row in enumerate(rows())], header)
    test = write([[*row[:3], str(k % 2), "0"] for k, row in enumerate(rows(14))], header, name="test.csv")
    dataset = data.tables.load(train, test_dataset=test, label_column="odd,rare")
    assert dataset.notes == ("the label rare has no example in the test part: its recall cannot be known",)
