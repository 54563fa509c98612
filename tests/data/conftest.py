"""Prepared datasets of TensorFlow Datasets, written without a builder, for the tests of every medium."""

import pytest

from hornbook.data import tfds_names


@pytest.fixture
def offline(monkeypatch):
    """No network, said at once; a list with an entry for each time that it was asked."""
    asked = []
    monkeypatch.setattr(tfds_names, "_network", lambda: bool(asked.append(True)))
    return asked


@pytest.fixture
def tfds_root(tmp_path, monkeypatch, offline):
    """The folder that prepared datasets are looked for in."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def write_prepared():
    """A function that writes a prepared dataset: some shards, its records in an order of no pattern."""

    def write(root, name, features, records, *, version="1.0.0", shard=20):
        import tensorflow_datasets as tfds

        folder = root / name / version
        folder.mkdir(parents=True)
        identity = tfds.core.dataset_info.DatasetIdentity(
            name=name, version=tfds.core.Version(version), data_dir=str(folder), module_name="none"
        )
        info = tfds.core.DatasetInfo(builder=identity, features=tfds.features.FeaturesDict(features))
        writer = tfds.core.SequentialWriter(info, max_examples_per_shard=shard)
        writer.initialize_splits(list(records))
        writer.add_examples(records)
        writer.close_all()
        return folder

    return write
