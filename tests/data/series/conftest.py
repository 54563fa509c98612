"""Series in tables: functions that make their rows, write them, and say how a dataset is refused."""

import csv

import numpy as np
import pytest

from hornbook import UserError, data


@pytest.fixture
def write_csv(tmp_path):
    """A function that writes a table of a row a step, and gives its name."""

    def write_csv(name, rows, names=("unit", "t", "x", "y", "label")):
        with open(tmp_path / name, "w", newline="") as file:
            csv.writer(file).writerows([names, *rows])
        return f"csv:{tmp_path / name}"

    return write_csv


@pytest.fixture
def long_rows():
    """A function that makes the rows of a table: a unit, a step, two features and a class.

    Units of even number are of class a, others of class b.
    """

    def long_rows(units=12, steps=8):
        generator = np.random.default_rng(0)
        return [
            [f"u{unit}", step, *(f"{value:.3f}" for value in generator.normal(size=2)), "ab"[unit % 2]]
            for unit in range(units)
            for step in range(steps)
        ]

    return long_rows


@pytest.fixture
def refusal():
    """A function that gives the message by which a dataset is refused."""

    def refusal(name, **options):
        with pytest.raises(UserError) as caught:
            data.series.load(name, **options)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refusal
