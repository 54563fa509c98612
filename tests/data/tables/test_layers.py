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


@pytest.mark.parametrize("number_scaling", layers.NUMBER_SCALINGS)
def test_codes_for_a_network_that_embeds(dataset, number_scaling):
    out = model(dataset, one_hot=False, number_scaling=number_scaling)(dataset.train.inputs).numpy()
    assert out.shape == (80, 5)
    assert np.flatnonzero(out[:, 2]).tolist() == [5]  # The indicator of a missing number is left as it is.
    assert np.array_equal(out[:, -2:], dataset.train.inputs[:, -2:])


def test_robust_scaling_draws_far_values_in(dataset):
    out = model(dataset, number_scaling="robust")(dataset.train.inputs).numpy()
    values = dataset.train.inputs[:, :2].astype(np.float64)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75), axis=0)
    plain = (values - middle) / (high - low)
    np.testing.assert_allclose(out[:, :2], plain / np.sqrt(1 + (plain / 3) ** 2), rtol=1e-4, atol=1e-4)
    assert np.abs(out[:, :2]).max() < 3


def test_quantile_scaling_sees_the_order_alone(dataset):
    out = model(dataset, number_scaling="quantile")(dataset.train.inputs).numpy()
    for column in range(2):
        order = np.argsort(dataset.train.inputs[:, column])
        assert (np.diff(out[order, column]) >= 0).all()
        assert np.abs(np.quantile(out[:, column], (0.16, 0.5, 0.84)) - [-1, 0, 1]).max() < 0.1
        assert out[:, column].min() == pytest.approx(-3, abs=1e-3)
        assert out[:, column].max() == pytest.approx(3, abs=1e-3)


def test_equal_numbers_have_the_middle_of_their_quantiles():
    rows = np.array([[0.0 if k < 60 else float(k)] for k in range(80)])
    mostly_zero = data.tables.from_arrays(rows, np.arange(80) % 2, validation_fraction=0)
    out = model(mostly_zero, number_scaling="quantile")(np.array([[0.0], [79.0], [1e6], [-1e6]], "float32")).numpy().ravel()
    np.testing.assert_allclose(out, [-0.32, 3, 3, -0.32], atol=0.03)  # Zeros are the lower three quarters.


@pytest.mark.parametrize("number_scaling", layers.NUMBER_SCALINGS)
def test_edges_are_those_of_the_scaled_numbers(dataset, number_scaling):
    edges = layers.number_edges(dataset.encoding, dataset.train.inputs, 4, number_scaling=number_scaling)
    out = model(dataset, number_scaling=number_scaling)(dataset.train.inputs).numpy()
    for column, found in enumerate(edges):
        np.testing.assert_allclose(found, np.quantile(out[:, column], np.linspace(0, 1, 5)), atol=1e-3)


@pytest.mark.parametrize("number_scaling", layers.NUMBER_SCALINGS)
def test_the_layers_are_keras_own(dataset, number_scaling, tmp_path):
    whole = model(dataset, number_scaling=number_scaling)
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


@pytest.mark.parametrize("number_scaling", layers.NUMBER_SCALINGS)
def test_a_column_of_one_value_and_missing_ones(number_scaling):
    rows = np.array([[7.0 if k % 3 else None, float(k)] for k in range(40)], object)
    sparse = data.tables.from_arrays(rows, np.arange(40) % 2, validation_fraction=0)
    out = model(sparse, number_scaling=number_scaling)(sparse.train.inputs).numpy()
    assert np.isfinite(out).all()
    assert np.abs(out).max() < 10
    assert layers.number_edges(sparse.encoding, sparse.train.inputs, 4, number_scaling=number_scaling)[0] == (0.0, 1.0)


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
