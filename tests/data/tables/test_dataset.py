"""Tables of any source: names, chosen columns, the split."""

import numpy as np

from hornbook import data
from hornbook.data import splits


def test_a_table_is_split_and_encoded(rows, write, everything):
    dataset = data.tables.load(write(rows()))
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 43, "validation": 5, "test": 12}
    assert dataset.class_names == ("no", "yes")
    assert dataset.encoding.inputs == ("height", "weight", "colour")
    assert dataset.encoding.categories == {"colour": ("blue", "red")}
    assert (dataset.input_shape, dataset.num_numbers) == ((3,), 2)
    inputs, labels = everything(dataset)
    assert inputs.dtype == np.float32
    assert labels.tolist() == [k % 2 for k in range(60)]
    np.testing.assert_allclose(inputs[:, 1], [float(row[1]) for row in rows()], rtol=1e-6)
    assert inputs[:, 2].tolist() == [1 if row[2] == "blue" else 2 for row in rows()]


def test_declared_categories_and_columns(rows, write, refusal):
    table = [[*row[:3], str(k % 3), str(k), row[3]] for k, row in enumerate(rows())]
    name = write(table, ("height", "weight", "colour", "code", "number", "label"))
    dataset = data.tables.load(name, categorical_columns="code", id_column="number")
    assert dataset.encoding.inputs == ("height", "weight", "colour", "code")
    assert dataset.encoding.categories["code"] == ("0", "1", "2")
    chosen = data.tables.load(name, feature_columns="weight, colour", label_column="code")
    assert chosen.encoding.inputs == ("weight", "colour")
    assert chosen.class_names == ("0", "1", "2")
    assert "has no column 'size' (--feature-columns)" in refusal(name, feature_columns="size")
    assert "has no column 'size' (--id-column)" in refusal(name, id_column="size")
    assert "has no column 'size' (--label-column)" in refusal(name, label_column="size")
    assert "cannot be both" in refusal(name, feature_columns="label")
    assert "no feature" in refusal(name, categorical_columns="number", id_column="number")
    assert "no column to predict label from" in refusal(name, id_column="height,weight,colour,code,number")


def test_built_in_tables(refusal):
    for name, task, inputs, classes in (
        ("breast_cancer", "classification", 30, 2), ("wine", "classification", 13, 3), ("diabetes", "regression", 10, 0),
    ):  # fmt: skip
        dataset = data.tables.load(name, task=task)
        assert (dataset.input_shape, dataset.num_classes) == ((inputs,), classes)
        assert np.isfinite(dataset.train.inputs).all()
    assert data.tables.load("wine").class_names == ("class_0", "class_1", "class_2")
    assert "wine is a dataset of classification: hornbook tabular-classification --dataset wine" in refusal("wine", task="regression")
    assert "hornbook regression" in refusal("diabetes")


def test_names_that_are_none(tmp_path, refusal):
    assert "did you mean 'wine'" in refusal("win")
    assert "csv:PATH or tfds:NAME, got 'folder:here'" in refusal("folder:here")
    assert "is not there" in refusal(f"csv:{tmp_path / 'nowhere.csv'}")
    assert "csv:PATH or tfds:NAME" in refusal("digits")


def test_the_split_is_written_down(tmp_path, rows, write):
    dataset = data.tables.load(write(rows()), task="regression", label_column="weight")
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "part,source,index,label"
    assert len(lines) == 61
    part, _, index, target = lines[1].split(",")
    assert part == "train"
    assert float(target) == float(rows()[int(index)][1])
    assert data.tables.load(write(rows()), split_seed=1).train.indices.tolist() != dataset.train.indices.tolist()
