"""Tables of TensorFlow Datasets, written here without a builder."""

import numpy as np
import pytest

from hornbook import UserError, data


@pytest.fixture
def write(tfds_root, write_prepared):
    return lambda features, records: write_prepared(tfds_root, "people", features, records)


def people(count, extra=None):
    return [
        {
            "features": {
                "age": np.float32(np.nan if k == 3 else k),
                "town": ("here", "there")[k % 2],
                "sizes": np.array([k, -k], np.float32),
            },
            "label": k % 3,
            **(extra or {}),
        }
        for k in range(count)
    ]


def test_numbers_text_vectors_and_classes(write):
    import tensorflow_datasets as tfds

    inner = {"age": np.float32, "town": tfds.features.Text(), "sizes": tfds.features.Tensor(shape=(2,), dtype=np.float32)}
    features = {"features": inner, "label": tfds.features.ClassLabel(names=("low", "middle", "high"))}
    write(features, {"train": people(60), "test": people(12)})
    dataset = data.tables.load("tfds:people")
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 54, "validation": 6, "test": 12}
    assert dataset.class_names == ("low", "middle", "high")
    assert dataset.feature_names == ("age", "sizes0", "sizes1", "town")
    assert dataset.test.labels.tolist() == [k % 3 for k in range(12)]
    assert dataset.test.inputs[:, 1].tolist() == list(range(12))
    assert dataset.encoding.categories["town"] == ("here", "there")
    with pytest.raises(UserError, match="record 3 of split train, column 'age': the label is missing"):
        data.tables.load("tfds:people", task="regression", label_column="age")


def test_a_target_that_is_missing_and_features_that_are_no_columns(write):
    import tensorflow_datasets as tfds

    inner = {"age": np.float32, "town": tfds.features.Text(), "sizes": tfds.features.Tensor(shape=(2,), dtype=np.float32)}
    features = {"features": inner, "label": tfds.features.ClassLabel(num_classes=3), "picture": tfds.features.Image(shape=(2, 2, 1))}
    write(features, {"train": people(12, {"picture": np.zeros((2, 2, 1), np.uint8)})})
    with pytest.raises(UserError, match=r"the feature picture \(Image of shape \(2, 2, 1\)\) is no column of a table"):
        data.tables.load("tfds:people")


def test_a_label_that_is_missing_is_named_by_its_record(write):
    write({"x": np.float32, "y": np.float32}, {"train": [{"x": float(k), "y": np.nan if k == 4 else k} for k in range(20)]})
    with pytest.raises(UserError) as raised:
        data.tables.load("tfds:people", task="regression")
    assert "tfds:people record 4 of split train, column 'y': the label is missing" in str(raised.value)
    with pytest.raises(UserError, match="tfds:nobody is not prepared"):
        data.tables.load("tfds:nobody")
