import keras
import numpy as np
import pytest

from hornbook import data
from hornbook.data.tables import layers


@pytest.fixture
def dataset():
    generator = np.random.default_rng(0)
    rows = np.empty((80, 4), object)
    rows[:, 0] = generator.normal(1000, 20, 80)
    rows[:, 1] = generator.exponential(1e-9, 80)  # Keras' Normalization would take so small a deviation for none.
    rows[:, 2] = [("a", "b", "c")[k % 3] for k in range(80)]
    rows[:, 3] = [("x", "y")[k % 2] for k in range(80)]
    rows[5, 0] = None
    return data.tables.from_arrays(rows, np.arange(80) % 2, validation_fraction=0)


def model(dataset, **options):
    inputs = keras.Input(dataset.input_shape)
    return keras.Model(inputs, layers.features(inputs, dataset.encoding, dataset.train.inputs, **options))


def test_numbers_are_standardized_and_categories_one_hot(dataset):
    assert dataset.encoding.inputs == ("column1", "column2", "column1 is missing", "column3", "column4")
    out = model(dataset)(dataset.train.inputs).numpy()
    assert out.shape == (80, 3 + 4 + 3)
    np.testing.assert_allclose(out[:, :2].mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(out[:, :2].std(axis=0), 1, atol=1e-4)
    assert np.flatnonzero(out[:, 2]).tolist() == [5]
    codes = dataset.train.inputs[:, 3:].astype(int)
    assert np.array_equal(out[:, 3:7], np.eye(4)[codes[:, 0]])
    assert np.array_equal(out[:, 7:], np.eye(3)[codes[:, 1]])


def test_codes_for_a_network_that_embeds(dataset):
    out = model(dataset, one_hot=False, bins=4)(dataset.train.inputs).numpy()
    assert np.array_equal(out[:, -2:], dataset.train.inputs[:, -2:])


def test_bins_rise_one_after_the_other(dataset):
    out = model(dataset, bins=4)(dataset.train.inputs).numpy()
    binned = out[:, 3:11]  # Four of either number.
    assert out.shape == (80, 3 + 8 + 7)
    assert binned.min() == 0
    assert binned.max() == 1
    for number, part in ((0, binned[:, :4]), (1, binned[:, 4:])):
        order = np.argsort(dataset.train.inputs[:, number])
        assert (np.diff(part[order], axis=0) > -1e-6).all()
        # A bin fills only where the one before is full, and each of them over a quarter of the rows.
        assert ((part[:, 1:] == 0) | (part[:, :-1] > 1 - 1e-5)).all()
        assert np.abs(part.mean(axis=0) - [0.875, 0.625, 0.375, 0.125]).max() < 0.1


def test_the_layers_are_keras_own(dataset, tmp_path):
    whole = model(dataset, bins=4)
    whole.save(tmp_path / "model.keras")
    assert '"hornbook>' not in whole.to_json()
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(dataset.train.inputs), whole(dataset.train.inputs))


def test_codes_survive_a_policy_of_eight_bits():
    codes = np.array([[f"c{k % 300}"] for k in range(1500)], object)
    many = data.tables.from_arrays(codes, np.arange(1500) % 2, validation_fraction=0)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        out = model(many)(many.train.inputs)
    finally:
        keras.config.set_dtype_policy("float32")
    assert out.dtype == "float32"
    assert np.array_equal(np.argmax(out, axis=1), many.train.inputs[:, 0])


def test_a_column_of_one_value_and_missing_ones(dataset):
    rows = np.array([[7.0 if k % 3 else None, float(k)] for k in range(40)], object)
    sparse = data.tables.from_arrays(rows, np.arange(40) % 2, validation_fraction=0)
    out = model(sparse, bins=4)(sparse.train.inputs).numpy()
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 10


def test_edges_of_bins():
    values = np.random.default_rng(0).normal(size=4000)
    np.testing.assert_allclose(layers.bin_edges(values, 8), np.quantile(values, np.linspace(0, 1, 9)), rtol=1e-5)
    mostly_zero = np.concatenate([np.zeros(3600), np.arange(1, 401)])
    edges = layers.bin_edges(mostly_zero, 8)
    assert edges[0] == 0
    np.testing.assert_allclose(edges[1:], np.quantile(np.arange(1, 401), np.linspace(0, 1, 8)), rtol=1e-5)
    assert layers.bin_edges(np.arange(100) % 3, 8).tolist() == [0, 1, 2]
    assert layers.bin_edges(np.ones(9), 8).tolist() == [1]
    assert len(layers.bin_edges(np.arange(100) % 40, 30)) <= 31
