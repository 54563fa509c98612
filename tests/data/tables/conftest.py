"""Tables as people have them, for the tests of every file: functions that write them, read them and say how they are refused."""

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data import csv_rows
from hornbook.data.tables import csv


@pytest.fixture(params=["in memory", "in its file"])
def where_tables_are(request, monkeypatch):
    """Runs a test twice: on tables in memory, and on tables that stay in their file."""
    if request.param == "in its file":
        monkeypatch.setattr(csv_rows, "STREAMED_FROM", 0)
        monkeypatch.setattr(csv, "_BLOCK", 7)


@pytest.fixture
def rows():
    """A function that makes rows of two numbers, a category and a class that the first number tells."""

    def rows(count=60, seed=0):
        generator = np.random.default_rng(seed)
        labels = np.arange(count) % 2
        height = generator.normal(size=count).round(3) + 2 * labels
        weight = generator.normal(70, 9, count).round(2)
        return [[str(height[k]), str(weight[k]), ("red", "blue")[k // 2 % 2], ("no", "yes")[labels[k]]] for k in range(count)]

    return rows


@pytest.fixture
def write(tmp_path):
    """A function that writes a table and gives its name."""

    def write(table, header=("height", "weight", "colour", "label"), *, separator=",", end="\n", encoding="utf-8", name="table.csv"):
        lines = [separator.join(row) for row in ([header, *table] if header else table)]
        (tmp_path / name).write_bytes((end.join(lines) + end).encode(encoding))
        return f"csv:{tmp_path / name}"

    return write


@pytest.fixture
def changed():
    """A function that gives rows with another cell."""

    def changed(table, row, column, value):
        return [[value if (r, c) == (row, column) else cell for c, cell in enumerate(cells)] for r, cells in enumerate(table)]

    return changed


@pytest.fixture
def refusal():
    """A function that gives the message by which a table is refused."""

    def refusal(name, **options):
        with pytest.raises(UserError) as raised:
            data.tables.load(name, **options)
        message = str(raised.value)
        assert "\n" not in message
        return message

    return refusal


@pytest.fixture
def everything():
    """A function that gives inputs and labels of all parts in the order of the rows."""

    def everything(dataset):
        parts = dataset.parts.values()
        order = np.argsort(np.concatenate([part.indices for part in parts]))
        return tuple(np.concatenate([getattr(part, name) for part in parts])[order] for name in ("inputs", "labels"))

    return everything
