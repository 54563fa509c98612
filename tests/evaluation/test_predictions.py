"""Files of predictions: what is written is read, and whatever else is in one is refused in a line."""

import numpy as np
import pytest

from hornbook import UserError
from hornbook.evaluation import predictions

GOOD = {"indices": np.arange(3), "labels": np.array([0, 1, 1]), "outputs": np.array([[0.5, 1.0], [2.0, 3.0], [4.0, 5.0]], np.float32)}


def test_what_is_written_is_read(tmp_path):
    predictions.write(tmp_path / "p.npz", *GOOD.values())
    found = predictions.read(tmp_path / "p.npz")
    for name, array in GOOD.items():
        assert np.array_equal(getattr(found, name), array)
    assert found.outputs.dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == ["p.npz"]


def test_what_does_not_fit_together_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="do not fit together"):
        predictions.write(tmp_path / "p.npz", np.arange(2), GOOD["labels"], GOOD["outputs"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"outputs": None}, "has no outputs"),
        ({"outputs": np.array([[np.nan], [1.0], [2.0]])}, "not finite"),
        ({"outputs": np.array([1.0, 2.0, 3.0])}, "do not fit together"),
        ({"indices": np.array([0.5, 1.0, 2.0])}, "arrays of float64"),
        ({"labels": np.array(["a", "b", "c"])}, "arrays of int64, <U1"),
        ({"labels": np.array([{}, {}, {}], object)}, "holds no predictions"),
    ],
)
def test_what_is_something_else(tmp_path, change, told):
    arrays = {name: array for name, array in {**GOOD, **change}.items() if array is not None}
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(UserError, match=told) as refused:
        predictions.read(tmp_path / "p.npz")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and so on", b"\x93NUMPY", b"text"])
def test_what_is_no_archive(tmp_path, content):
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(UserError, match="holds no predictions"):
        predictions.read(tmp_path / "p.npz")


def test_what_is_not_there(tmp_path):
    with pytest.raises(UserError, match="holds no predictions"):
        predictions.read(tmp_path / "p.npz")
