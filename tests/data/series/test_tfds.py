"""Series and audio of TensorFlow Datasets, written here without a builder."""

import numpy as np
import pytest

from hornbook import data

CLASSES = ("low", "high")


@pytest.fixture
def write(tfds_root, write_prepared):
    return lambda features, records: write_prepared(tfds_root, "walks", features, records)


def walks(count, **more):
    return [{"series": np.array([[k, -k]] * 5, np.float32), "label": k % 2, **more} for k in range(count)]


def test_series_classes_and_splits_are_the_source_s_own(write):
    import tensorflow_datasets as tfds

    series = tfds.features.Tensor(shape=(5, 2), dtype=np.float32)
    write({"series": series, "label": tfds.features.ClassLabel(names=CLASSES)}, {"train": walks(30), "test": walks(8)[::2]})
    dataset = data.series.load("tfds:walks", validation_fraction=0.2)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 24, "validation": 6, "test": 4}
    assert (dataset.class_names, dataset.input_shape) == (("high", "low"), (5, 2))
    assert dataset.feature_names == ("feature 0", "feature 1")
    assert dataset.notes == ("the class high has no example in the test part: its recall cannot be known",)
    for part in dataset.parts.values():
        for values, label in zip(part.series, part.labels, strict=True):
            assert CLASSES[int(values[0, 0]) % 2] == dataset.class_names[label]


def test_audio_becomes_log_mel_features(write):
    import tensorflow_datasets as tfds

    sound = (2**14 * np.sin(2 * np.pi * 440 * np.arange(1600) / 8000)).astype(np.int64)
    records = [{"audio": sound, "label": k % 2} for k in range(20)]
    features = {"audio": tfds.features.Audio(sample_rate=8000), "label": tfds.features.ClassLabel(names=CLASSES)}
    write(features, {"train": records})
    dataset = data.series.load("tfds:walks", mel_bands=12)
    assert dataset.input_shape == (dataset.train.lengths[0], 12)
    assert dataset.preprocessing["sample_rate"] == 8000
    assert sum(map(len, dataset.parts.values())) == 20


def test_numbers_to_predict(write):
    import tensorflow_datasets as tfds

    series = tfds.features.Tensor(shape=(5, 2), dtype=np.float32)
    write({"series": series, "load": np.float32}, {"train": [{"series": walk["series"], "load": 0.5} for walk in walks(30)]})
    dataset = data.series.load("tfds:walks", numbers=True)
    assert dataset.task == "regression"
    assert set(dataset.train.labels.ravel().tolist()) == {0.5}


def test_what_is_no_series_is_refused(write, refusal):
    write({"series": np.float32, "load": np.float32}, {"train": [{"series": 1.0, "load": np.nan}]})
    message = "has no series or audio with a class label; its features are load (Tensor), series (Tensor)"
    assert message in refusal("tfds:walks").replace("Scalar", "Tensor")
