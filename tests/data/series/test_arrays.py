"""Series from Python and from NumPy files."""

import numpy as np
import pytest

from hornbook import UserError, data


def test_arrays_from_python():
    series = np.zeros((10, 4, 3), np.float32)
    series[2, 3:] = np.nan
    dataset = data.series.from_arrays(series, np.arange(10) % 2, series[:3], [0, 1, 0], class_names=("a", "b"), validation_fraction=0.2)
    assert dataset.input_shape == (None, 3)
    assert {part: len(one) for part, one in dataset.parts.items()} == {"train": 8, "validation": 2, "test": 3}
    assert dataset.name.startswith("arrays:")
    other = data.series.from_arrays(series + 1, np.arange(10) % 2, validation_fraction=0)
    assert other.name != dataset.name
    groups = np.arange(40) // 4
    dataset = data.series.from_arrays(np.zeros((40, 4)), np.arange(40) % 2, groups=groups, validation_fraction=0.2)
    assert not set(dataset.train.groups) & set(dataset.validation.groups)


@pytest.mark.parametrize(
    ("series", "labels", "said"),
    [
        (np.zeros((4, 3, 2, 2)), [0, 1, 0, 1], "must be numbers (steps, features) or (steps,)"),
        (np.zeros((4, 3)), [0, 1, 0], "there must be one for each"),
        (np.zeros((4, 3)), [0, -1, 0, 1], "labels must count from 0, got -1 at position 1"),
        (np.zeros((4, 3)), [0.0, 1, 0, 1], "labels must be integers"),
        (np.full((4, 3), np.inf), [0, 1, 0, 1], "series[0], step 0, feature 0 is infinite"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], [0, 1], "series[1] has 1 features, the others 2"),
        ([np.array(["a"])], [0], "must be numbers"),
        (np.zeros((4, 3)), [0, 0, 0, 0], "has one class"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(series, labels, said):
    with pytest.raises(UserError) as caught:
        data.series.from_arrays(series, labels)
    assert said in str(caught.value)


def test_an_npz_keeps_its_parts(tmp_path, refusal):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(20, 5)), np.array(["up", "down"] * 10)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    dataset = data.series.load(f"npz:{tmp_path / 'a.npz'}")
    assert dataset.class_names == ("down", "up")
    assert {part: len(one) for part, one in dataset.parts.items()} == {"train": 18, "validation": 2, "test": 4}
    np.savez(tmp_path / "b.npz", x_train=x, y_train=y, x_test=x[:4])
    assert "has x_test but no y_test" in refusal(f"npz:{tmp_path / 'b.npz'}")
    np.savez(tmp_path / "c.npz", x_train=x, y_train=y, x_test=x[:4], y_test=["up", "down", "left", "up"])
    assert "x_test[2]: the class 'left' is unknown in training" in refusal(f"npz:{tmp_path / 'c.npz'}")
    (tmp_path / "d.npz").write_bytes(b"PK none")
    assert "cannot be read as an .npz file" in refusal(f"npz:{tmp_path / 'd.npz'}")
