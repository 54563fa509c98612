"""Corrupted series, rows and texts."""

import numpy as np
import pytest

from hornbook.data.corruptions import series, tables, texts
from hornbook.data.tables.encoding import MISSING_CATEGORY, Encoding

ENCODING = Encoding(
    {"age": 40.0, "height": 170.0}, ("age",), {"colour": ("blue", "green", MISSING_CATEGORY, "red"), "size": ("large", "small")}
)


@pytest.fixture(scope="module")
def rows():
    draw = np.random.default_rng(0)
    count = 4000
    age, absent = draw.normal(40, 9, count), np.arange(count) % 4 == 0
    return np.stack(
        [np.where(absent, 40, age), draw.normal(170, 20, count), absent, draw.integers(0, 5, count), draw.integers(0, 3, count)], axis=1
    ).astype("float32")


def of_rows(rows, kind, strength, keys=None, **options):
    keys = np.arange(len(rows)) if keys is None else keys
    return tables.corrupted(rows, kind, strength, encoding=ENCODING, deviations=[9.0, 20.0], keys=keys, **options)


def test_missing_cells_are_as_in_training(rows):
    found = of_rows(rows, "missing", 0.2)
    gone = (found != rows)[:, [1, 3, 4]].mean(axis=0)
    np.testing.assert_allclose(gone, [0.2, 0.2 * 4 / 5, 0.2 * 2 / 3], atol=0.03)
    changed = found[:, 1] != rows[:, 1]
    assert (found[changed, 1] == 170).all()
    assert (found[:, 2] >= rows[:, 2]).all()  # Of what was missing nothing is known again.
    assert (found[found[:, 2] > 0, 0] == 40).all()
    assert set(found[found[:, 3] != rows[:, 3], 3]) == {3.0}  # The category that stands for a missing one.
    assert set(found[found[:, 4] != rows[:, 4], 4]) == {0.0}


def test_noise_and_shifts_leave_categories_and_missing_numbers(rows):
    absent = rows[:, 2] > 0
    for kind in ("noise", "shift"):
        added = of_rows(rows, kind, 0.4) - rows
        assert (added[:, 2:] == 0).all()
        assert (added[absent, 0] == 0).all()
        np.testing.assert_allclose(np.sqrt(np.square(added[~absent, :2]).mean(axis=0)), [3.6, 8.0], rtol=0.05)
        assert (np.ptp(added[:, 1]) < 1e-3) == (kind == "shift")  # One level for all rows.


def test_wrong_categories_are_other_known_ones(rows):
    found = of_rows(rows, "wrong category", 0.5)
    np.testing.assert_array_equal(found[:, :3], rows[:, :3])
    for place, size in ((3, 4), (4, 2)):
        changed = found[:, place] != rows[:, place]
        np.testing.assert_allclose(changed.mean(), 0.5, atol=0.03)
        assert set(found[changed, place]) == set(range(1, size + 1))
    assert tables.kinds(Encoding({}, (), {"colour": ("red",)})) == ["missing"]
    assert tables.kinds(ENCODING) == list(tables.STRENGTHS)


@pytest.mark.parametrize("kind", list(tables.STRENGTHS))
def test_a_row_is_corrupted_alike_whatever_its_block(kind, rows):
    whole = of_rows(rows[:50], kind, 0.3, keys=np.arange(50) + 7)
    np.testing.assert_array_equal(whole[20:30], of_rows(rows[20:30], kind, 0.3, keys=np.arange(20, 30) + 7))
    assert (whole != of_rows(rows[:50], kind, 0.3, keys=np.arange(50) + 7, seed=3)).any()


def of_series(values, kind, strength, **options):
    return series.corrupted(values, kind, strength, deviations=[1.0, 10.0], keys=np.arange(len(values)), **options)


def test_series_of_unequal_length():
    draw = np.random.default_rng(0)
    values = [draw.normal(0, [1, 10], (steps, 2)).astype("float32") for steps in (300, 200, 40)]
    noisy, shifted, gone = (of_series(values, kind, 0.4) for kind in ("noise", "shift", "missing"))
    assert [one.shape for one in noisy] == [one.shape for one in values]
    added = np.concatenate(noisy) - np.concatenate(values)
    np.testing.assert_allclose(added.std(axis=0), [0.4, 4.0], rtol=0.1)
    for one, other in zip(shifted, values, strict=True):
        np.testing.assert_allclose(np.abs(one - other), np.broadcast_to([0.4, 4.0], other.shape), atol=1e-4)
    # A model that refuses missing values is shown what lies between their neighbours.
    changed = gone[0][:, 0] != values[0][:, 0]
    np.testing.assert_allclose(changed.mean(), 0.4, atol=0.1)
    place = next(k for k in range(1, 299) if changed[k] and not changed[k - 1] and not changed[k + 1])
    np.testing.assert_allclose(gone[0][place, 0], (values[0][place - 1, 0] + values[0][place + 1, 0]) / 2, atol=1e-5)


def test_marks_of_missing_values_stay_and_grow():
    values = np.zeros((100, 2), np.float32)
    marks = np.zeros((100, 2), np.float32)
    values[:10], marks[:10] = 7, 1
    [found] = of_series([np.concatenate([values, marks], axis=1)], "missing", 0.5, method="mask", fill=[7.0, 7.0])
    assert found.shape == (100, 4)
    assert (found[:10, 2:] == 1).all()
    assert ((found[:, :2] == 7) == (found[:, 2:] == 1)).all()
    np.testing.assert_allclose(found[10:, 2:].mean(), 0.5, atol=0.1)
    [noisy] = of_series([np.concatenate([values, marks], axis=1)], "noise", 0.5, method="mask", fill=[7.0, 7.0])
    np.testing.assert_array_equal(noisy[:, 2:], marks)
    assert (noisy[:10, :2] == 7).all()
    assert (noisy[10:, :2] != 0).all()


TEXT = "Nineteen small boats, 12 of them blue, left the harbour at dawn. " * 30


@pytest.mark.parametrize("kind", texts.STRENGTHS)
def test_typing_errors_are_as_many_as_they_say(kind):
    [found] = texts.corrupted([TEXT], kind, 0.1, keys=[3])
    letters = sum(map(str.isalnum, TEXT))
    if kind in ("missing letters", "doubled letters"):
        wrong = abs(len(found) - len(TEXT))
    else:
        assert len(found) == len(TEXT)
        wrong = sum(a != b for a, b in zip(found, TEXT, strict=True)) / (2 if kind == "swapped letters" else 1)
    assert 0.07 < wrong / letters < 0.12
    assert [one for one in found if not one.isalnum()] == [one for one in TEXT if not one.isalnum()]
    assert texts.corrupted(["other", TEXT], kind, 0.1, keys=[9, 3])[1] == found
    assert texts.corrupted([TEXT], kind, 0.1, keys=[3], seed=1) != [found]
    assert texts.corrupted(["", "?!"], kind, 0.5, keys=[0, 1]) == ["", "?!"]


def test_wrong_keys_lie_beside_the_right_ones():
    [found] = texts.corrupted(["Gg" * 200 + "p" * 50], "wrong keys", 1.0, keys=[0])
    assert set(found[:400:2]) == set("FHTYVB")
    assert set(found[1:400:2]) == set("fhtyvb")
    assert set(found[400:]) == set("ol0")
    [other] = texts.corrupted(["ßäö" * 20], "wrong keys", 1.0, keys=[0])
    assert set(other) <= set("ßäö")
    assert all(a != b for a, b in zip(other, "ßäö" * 20, strict=True))
