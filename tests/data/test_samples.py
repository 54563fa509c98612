"""Some examples of each medium as plain values, in memory or from disk."""

import numpy as np
import pytest

from hornbook import data
from hornbook.data import samples


def test_places_are_drawn_alike_each_time_and_rise():
    places = samples.chosen(1000, 10)
    assert len(np.unique(places)) == 10
    assert (np.diff(places) > 0).all()
    assert samples.chosen(1000, 10).tolist() == places.tolist()
    assert samples.chosen(1000, 10, seed=1).tolist() != places.tolist()
    assert samples.chosen(3, 10).tolist() == [0, 1, 2]


def test_images_are_pixels():
    digits = data.images.load("digits")
    np.testing.assert_array_equal(samples.plain(digits.train, [2, 9]), digits.train.inputs[[2, 9]])
    assert samples.size(digits) == 64


def test_texts_are_strings():
    texts = data.texts.from_texts([f"text {k}" for k in range(20)], [0, 1] * 10)
    found = samples.plain(texts.train, [1, 3])
    assert found == list(texts.train.texts(np.array([1, 3])))
    assert samples.size(texts) == 1


def test_series_have_their_own_lengths():
    series = [np.ones((2 + k % 3, 2)) * k for k in range(20)]
    found = data.series.from_arrays(series, [0, 1] * 10)
    first, second = samples.plain(found.train, [0, 1])
    np.testing.assert_array_equal(first, found.train.series[0])
    np.testing.assert_array_equal(second, found.train.series[1])
    assert samples.size(found) == 4


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_rows_are_encoded(in_memory, tmp_path):
    lines = [f"{k},{('red', 'blue')[k % 2]},{('no', 'yes')[k // 2 % 2]}" for k in range(40)]
    (tmp_path / "table.csv").write_text("number,colour,label\n" + "\n".join(lines))
    table = data.tables.load(f"csv:{tmp_path / 'table.csv'}", in_memory=in_memory, folder=tmp_path)
    found = samples.plain(table.train, [0, 3, 7])
    assert isinstance(found, np.ndarray)
    np.testing.assert_array_equal(found, np.asarray(table.train.inputs)[[0, 3, 7]])
    assert samples.size(table) == 2
