"""SMOTE: every class has as many rows as the largest, and what is made lies between rows of its class."""

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.tables import synthetic

GENERATOR = np.random.default_rng(0)
CLASSES = np.repeat([0, 1, 2], [40, 12, 2])


def table(category=False, missing=False, classes=CLASSES, numbers=True):
    size = GENERATOR.normal(0, 1e-3, len(classes)) + classes
    weight = 1e6 * (GENERATOR.normal(0, 0.1, len(classes)) - classes)
    columns = {"size": size, "weight": weight} if numbers else {}
    if missing:
        columns["size"] = np.where(np.arange(len(classes)) == 3, np.nan, size)
    if category or not numbers:
        columns["colour"] = np.where(classes == 1, "red", np.where(np.arange(len(classes)) % 2, "blue", "green"))
    rows = np.array(list(zip(*columns.values(), strict=True)), object)
    return data.tables.from_arrays(rows, classes, column_names=tuple(columns), validation_fraction=0, rare_categories=1)


@pytest.mark.parametrize("category", [False, True])
def test_further_rows_lie_between_those_of_their_class(category):
    dataset = table(category)
    made = data.tables.smote(dataset.train, dataset.encoding, 3)
    assert np.bincount(made.labels).tolist() == [40, 40, 40]
    np.testing.assert_array_equal(made.inputs[:54], dataset.train.inputs)
    assert made.inputs.dtype == dataset.train.inputs.dtype == np.float32
    assert len(set(made.indices.tolist())) == len(made)
    for label in (1, 2):
        own, further = (rows[:, :2] for rows in (dataset.train.inputs[label == CLASSES], made.inputs[54:][made.labels[54:] == label]))
        assert (further >= own.min(axis=0) - 1e-3 * np.abs(own).max(axis=0)).all()
        assert (further <= own.max(axis=0) + 1e-3 * np.abs(own).max(axis=0)).all()
        assert len(np.unique(further, axis=0)) > len(own)
    if category:
        codes = made.inputs[:, 2]
        assert set(codes) <= {1.0, 2.0, 3.0}
        red = 1 + dataset.encoding.categories["colour"].index("red")
        assert (codes[made.labels == 1] == red).all()
    np.testing.assert_array_equal(made.inputs, data.tables.smote(dataset.train, dataset.encoding, 3).inputs)
    assert not np.array_equal(made.inputs, data.tables.smote(dataset.train, dataset.encoding, 4).inputs)


@pytest.mark.parametrize(
    ("dataset", "words"),
    [
        (table(missing=True), "'size' lacks some"),
        (table(classes=np.repeat([0, 1], [40, 1])), "needs two training rows of each class"),
        (table(numbers=False), "the table has none"),
    ],
)
def test_refusals(dataset, words):
    with pytest.raises(UserError, match=words):
        data.tables.smote(dataset.train, dataset.encoding)


def test_without_the_library_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setattr(synthetic.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'hornbook\[imbalance\]'"):
        synthetic.require()
