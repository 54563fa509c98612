"""Series of any source: built-in ones, names, options, missing values."""

import numpy as np
import pytest

from hornbook import data
from hornbook.data.series import missing


def test_sequential_digits_are_the_digits_pixel_by_pixel():
    from sklearn.datasets import load_digits

    dataset = data.series.load("sequential_digits")
    assert dataset.input_shape == (64, 1)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 1293, "validation": 144, "test": 360}
    first = dataset.test.indices[0]
    np.testing.assert_array_equal(dataset.test.series[0].reshape(8, 8), load_digits().images[first])
    assert dataset.test.labels[0] == load_digits().target[first]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ts:", "is not there"),
        ("ts:nowhere.ts", "is not there"),
        ("csv:nowhere.csv", "is not there"),
        ("npz:nowhere.npz", "is not there"),
        ("folder:nowhere", "is not there"),
        ("sequential_digit", "did you mean 'sequential_digits'?"),
        ("adding", "has numbers to predict, not classes; try hornbook regression --dataset adding"),
        ("arrays:12345678", "passed as arrays from Python"),
    ],
)
def test_what_is_no_source_is_refused(name, said, refusal):
    assert said in refusal(name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 0}, "--window must be at least 1, got 0"),
        ({"stride": 2}, "--stride 2 needs --window"),
        ({"window": 65}, "has 64 steps, fewer than --window 65"),
        ({"missing": "zero"}, "--missing must be one of"),
        ({"id_column": "unit"}, "--id-column is for csv:PATH"),
        ({"test_fraction": 1.0}, "--test-fraction must be in [0, 1), got 1.0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said, refusal):
    assert said in refusal("sequential_digits", **options)


def test_missing_values_are_learned_from_training_alone(write_csv, long_rows):
    rows = long_rows(units=20)
    rows[3][2] = ""
    name = write_csv("a.csv", rows)
    dataset = data.series.load(name, missing="mask", time_column="t")
    assert dataset.feature_names == ("x", "y", "x missing", "y missing")
    whole = np.concatenate(list(dataset.train.series))
    holding = next(part for part in dataset.parts.values() if "u0" in part.units)
    values = holding.series[list(holding.units).index("u0")]
    assert values[3].tolist()[2:] == [1, 0]
    assert values[3, 0] == pytest.approx(dataset.preprocessing["fill"][0], abs=1e-6)
    known = whole[:, 2] == 0
    assert dataset.preprocessing["fill"][0] == pytest.approx(whole[known, 0].mean(), abs=1e-6)
    other = data.series.load(name, time_column="t", preprocessing={**dataset.preprocessing, "fill": [7.0, 8.0]})
    part = next(part for part in other.parts.values() if "u0" in part.units)
    assert part.series[list(part.units).index("u0")][3, 0] == 7


def test_interpolation_is_linear_in_time_and_holds_the_ends():
    values = np.array([[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [3, np.nan], [np.nan, np.nan]], np.float32)
    filled = missing.filled(values, "interpolate", [5.0, 6.0])
    assert filled[:, 0].tolist() == [1, 1, 2, 3, 3]
    assert filled[:, 1].tolist() == [6] * 5
    masked = missing.filled(values, "mask", [5.0, 6.0])
    assert masked[0].tolist() == [5, 6, 1, 1]
    assert masked[1].tolist() == [1, 6, 0, 1]


def test_moments_leave_out_what_is_missing_and_do_not_blow_up_what_is_constant():
    series = [np.array([[1, 5, 1e6], [3, 5, 1e6 + 1]], np.float32), np.array([[np.nan, 5, 1e6]], np.float32)]
    part = data.series.from_arrays(series, [0, 1], validation_fraction=0, missing="mask").train
    mean, variance = part.moments()
    np.testing.assert_allclose(mean, [2, 5, 1e6 + 1 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(variance[:3], [2 / 3, 1, 2 / 9], rtol=1e-4)


def test_generated_problems_are_a_function_of_their_seed():
    options = {"length": 20, "examples": 300}
    adding = data.series.load("adding", **options, numbers=True)
    values = np.stack(adding.train.series)
    assert (values[:, :, 1].sum(axis=1) == 2).all()
    assert (values[:, :10, 1].sum(axis=1) == 1).all()
    np.testing.assert_allclose((values[:, :, 0] * values[:, :, 1]).sum(axis=1), adding.train.labels[:, 0], rtol=1e-6)
    assert np.var(adding.train.labels) == pytest.approx(1 / 6, abs=0.03)
    copy = data.series.load("copy", **options)
    first = np.stack(copy.test.series)[:, 0, :8].argmax(axis=1)
    np.testing.assert_array_equal(first, copy.test.labels)
    np.testing.assert_array_equal(data.series.load("copy", **options).test.series[3], copy.test.series[3])
    assert not np.array_equal(data.series.load("copy", **options, split_seed=1).test.labels, copy.test.labels)
    assert not np.array_equal(copy.test.labels, copy.validation.labels)
