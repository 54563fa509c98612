"""Steps of series that are hidden: how many, in which stretches, and what is asked of a network; series without labels."""

import csv

import numpy as np
import pytest

from hornbook import UserError, data
from hornbook.data.randomness import Draw
from hornbook.data.series.pretraining import masking


def walks(count=12, steps=20, features=2):
    return np.random.default_rng(0).normal(3, 2, (count, steps, features)).astype(np.float32)


def runs_of(row):
    """Lengths of the stretches of True in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    return edges[1::2] - edges[::2]


@pytest.mark.parametrize(("steps", "share", "span"), [(60, 0.25, 3), (60, 0.5, 10), (20, 0.3, 1), (7, 0.5, 5), (2, 0.9, 1)])
def test_a_share_of_the_steps_is_hidden_in_spans(steps, share, span):
    found = masking.spans(steps, share, span, Draw(0, 0, np.arange(500)))
    assert found.any(axis=1).all()
    assert not found.all(axis=1).any()
    if steps >= 20:
        assert found.mean() == pytest.approx(share, abs=0.06)
        inner = [length for row in found for length in runs_of(row)[1:-1]]
        assert all(length % span == 0 for length in inner)
        assert found.mean(axis=0).std() < 0.06  # No step is hidden much more often than others.


@pytest.mark.parametrize("fill", masking.FILLS)
def test_what_is_hidden_is_asked_for_standardized(fill):
    series = walks()
    mean, deviation = series.mean(axis=(0, 1)), series.std(axis=(0, 1))
    masks = masking.Masking(0.3, 2, fill, mean, deviation)
    given, targets = masks.pairs(series, Draw(1, 2, np.arange(12)))
    hidden = targets[..., -1] == 1
    np.testing.assert_array_equal(given[~hidden], series[~hidden])
    np.testing.assert_allclose(targets[..., :-1], (series - mean) / deviation, rtol=1e-4, atol=1e-6)
    if fill == "mean":
        np.testing.assert_allclose(given[hidden], np.broadcast_to(mean, given[hidden].shape), rtol=1e-6)
    else:
        assert given[hidden].std() == pytest.approx(series.std(), rel=0.4)
    again, _ = masks.pairs(series[3:5], Draw(1, 2, np.arange(3, 5)))
    np.testing.assert_array_equal(again, given[3:5])
    other, _ = masks.pairs(series, Draw(1, 3, np.arange(12)))
    assert not np.array_equal(other, given)


def test_the_labels_of_a_dataset_do_not_count():
    found = masking.dataset(data.series.from_arrays(walks(), np.arange(12) % 2))
    assert (found.task, found.class_names, set(found.train.labels)) == ("embedding", ("unlabelled",), {0})
    assert found.about()["target_names"] == tuple(found.feature_names)


def test_series_of_unequal_length_are_refused():
    unequal = [one[: 10 + k] for k, one in enumerate(walks(10))]
    with pytest.raises(UserError, match="series of unequal length, of which steps are not hidden here; pass --window"):
        masking.dataset(data.series.from_arrays(unequal, np.arange(10) % 2))


def load(name, **options):
    return data.series.load(name, labelled=False, validation_fraction=0, test_fraction=0.25, **options)


def test_arrays_need_no_labels(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=walks())
    found = load(f"npz:{tmp_path / 'a.npz'}")
    assert (found.class_names, len(found.train), len(found.test)) == (("unlabelled",), 9, 3)
    np.savez(tmp_path / "b.npz", x_train=walks(), y_train=np.arange(12.0))  # No classes, and not read.
    assert len(load(f"npz:{tmp_path / 'b.npz'}").train) == 9


def test_a_table_needs_no_column_of_classes(tmp_path):
    with open(tmp_path / "a.csv", "w", newline="") as file:
        rows = [(unit, *values) for unit, series in enumerate(walks(8)) for values in series.tolist()]
        csv.writer(file).writerows([("id", "x", "y"), *rows])
    found = load(f"csv:{tmp_path / 'a.csv'}", window=10)
    assert (found.input_shape, found.feature_names) == ((10, 2), ("x", "y"))


def test_a_folder_needs_no_class_folders(tmp_path):
    for number, series in enumerate(walks(8)):
        path = tmp_path / ("", "deep/er")[number % 2] / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows([("x", "y"), *series.tolist()])
    found = load(f"folder:{tmp_path}")
    assert (len(found.train), len(found.test), found.input_shape) == (6, 2, (20, 2))


def test_labels_that_a_source_has_are_not_read():
    found = load("sequential_digits")
    assert found.class_names == ("unlabelled",)
    assert set(found.train.labels) == {0}
