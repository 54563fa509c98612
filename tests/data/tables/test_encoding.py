"""What the training rows teach: medians, indicators, categories, and columns that are left out."""

import dataclasses

import numpy as np
import pytest

from hornbook import data, records
from hornbook.data.tables.encoding import Encoding

pytestmark = pytest.mark.usefixtures("where_tables_are")


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "?", "N/A", "NULL", " ", "NA"])
def test_missing_numbers_are_the_training_rows_median_and_marked(missing, rows, write, everything):
    table = rows()
    for row in (3, 11, 20, 35, 41, 52):
        table[row][1] = missing
    dataset = data.tables.load(write(table))
    assert dataset.encoding.inputs == ("height", "weight", "weight is missing", "colour")
    inputs, _ = everything(dataset)
    train = [float(table[k][1]) for k in dataset.train.indices if table[k][1] != missing]
    median = np.float32(np.median(train))
    assert inputs[[3, 11, 20, 35, 41, 52], 1].tolist() == [median] * 6
    assert np.flatnonzero(inputs[:, 2]).tolist() == [3, 11, 20, 35, 41, 52]


def test_missing_categories_are_a_category(rows, write):
    table = rows()
    for row in range(0, 60, 4):
        table[row][2] = "?"
    encoding = data.tables.load(write(table)).encoding
    assert encoding.categories["colour"] == ("blue", "missing", "red")


def test_rare_and_unseen_categories_have_the_code_0(rows, write, changed, everything):
    table = rows()
    for row, colour in ((0, "mauve"), (5, "teal"), (9, "teal")):
        table[row][2] = colour
    dataset = data.tables.load(write(table))
    assert dataset.encoding.categories["colour"] == ("blue", "red")
    assert everything(dataset)[0][[0, 5, 9], 2].tolist() == [0, 0, 0]
    tested = data.tables.load(write(rows()), test_dataset=write(changed(rows(12), 1, 2, "never"), name="t.csv"))
    assert tested.test.inputs[:, 2][1] == 0
    assert len(data.tables.load(write(table), rare_categories=1).encoding.categories["colour"]) > 2


def test_statistics_come_from_the_training_rows_alone(rows, write):
    dataset = data.tables.load(write(rows()))
    held_out = np.concatenate([dataset.validation.indices, dataset.test.indices])
    table = rows()
    for row in held_out:  # Other numbers and categories where training does not look: nothing that was learned may change.
        table[row][:3] = ["1000", "-1000", "green"]
    other = data.tables.load(write(table, name="other.csv"))
    assert other.encoding == dataset.encoding
    assert np.array_equal(other.train.inputs, dataset.train.inputs)


def test_constant_and_empty_columns_are_left_out_and_noted(rows, write):
    table = [[*row[:3], "7", "", "same", row[3]] for row in rows()]
    dataset = data.tables.load(write(table, ("height", "weight", "colour", "seven", "nothing", "text", "label")))
    assert dataset.encoding.inputs == ("height", "weight", "colour")
    assert set(dataset.encoding.left_out) == {"seven", "nothing", "text"}
    assert "the column 'seven' is left out: it is constant in training" in dataset.notes


def test_a_column_of_one_value_and_missing_ones_keeps_its_indicator(rows, write):
    table = [["7" if k % 3 else "", *row[1:]] for k, row in enumerate(rows())]
    encoding = data.tables.load(write(table)).encoding
    assert encoding.indicators == ("height",)


def test_an_encoding_is_kept_as_json(rows, write, changed, tmp_path):
    encoding = data.tables.load(write(changed(rows(), 3, 0, "?"))).encoding
    encoding.save(tmp_path / "table.json")
    again = records.read(tmp_path / "table.json", Encoding)
    assert again == encoding
    assert dataclasses.asdict(again) == dataclasses.asdict(encoding)
