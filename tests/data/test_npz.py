"""NumPy files: which arrays are taken, and what is refused."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import npz

NAMES = {"train": (("x_train", "y_train"), ("images", "labels")), "test": (("x_test", "y_test"),)}
IMAGES, LABELS = np.zeros((24, 6, 5, 3), np.uint8), np.arange(24) % 3


def refusal(path):
    with pytest.raises(UserError) as raised:
        npz.read_parts(path, NAMES, "accepted are images and labels")
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_first_pair_that_is_there_counts(tmp_path):
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2], about=LABELS)
    named, arrays = npz.read_parts(tmp_path / "a.npz", NAMES, "")
    assert named == {"train": ("images", "labels"), "test": ("x_test", "y_test")}
    assert np.array_equal(arrays["labels"], LABELS)
    assert arrays["about"] is None


def test_arrays_that_are_missing(tmp_path):
    np.savez(tmp_path / "a.npz", x_test=IMAGES, y_test=LABELS)
    assert "has the arrays x_test, y_test; accepted are images and labels" in refusal(tmp_path / "a.npz")
    np.savez(tmp_path / "a.npz", images=IMAGES)
    assert "has images but no labels; accepted are images and labels" in refusal(tmp_path / "a.npz")


def test_files_that_are_none(tmp_path):
    for path, words in ((tmp_path / "nowhere.npz", "is not there"), (tmp_path, "is a folder")):
        with pytest.raises(UserError, match=f"{words}; accepted is a file that numpy.savez wrote"):
            npz.check(str(path))
    path = tmp_path / "data.npz"
    np.savez(path, images=IMAGES, labels=LABELS)
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], b"", b"text", content[:200] + b"\xff" * 50 + content[250:]):
        path.write_bytes(broken)
        assert str(path) in refusal(path)
    np.save(tmp_path / "one.npy", IMAGES)
    assert "is one array (.npy)" in refusal(tmp_path / "one.npy")


def test_what_numpy_would_advise_to_load_unsafely(tmp_path):
    for content, words in ((pickle.dumps({"x": 1}), "is no .npz file; accepted"), (b"", "is empty; accepted")):
        (tmp_path / "a.npz").write_bytes(content)
        message = refusal(tmp_path / "a.npz")
        assert words in message
        assert "pickle" not in message


def test_members_that_are_no_arrays(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("images.npy", "text")
    assert "images holds Python objects or is broken" in refusal(tmp_path / "a.npz")


def test_a_header_that_claims_more_than_there_is(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**15, 8, 8)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("images.npy", header.getvalue() + b"few")
    assert "its header claims 64,000,000,000,000,000 bytes, and it has 3; it is cut off or broken" in refusal(tmp_path / "a.npz")


def test_arrays_without_an_entry_for_each_example(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array(3.5), labels=LABELS)
    assert refusal(tmp_path / "a.npz").endswith("a.npz: images is one value; accepted are arrays of an entry for each example")
    np.savez(tmp_path / "a.npz", images=IMAGES, labels=np.array("cat"))
    assert "labels is one value" in refusal(tmp_path / "a.npz")


@pytest.mark.parametrize("descr", ["<U0", "|S0", "|V0"])
def test_a_billion_entries_of_no_bytes(tmp_path, descr):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": (10**9,)})
    np.savez(tmp_path / "a.npz", images=IMAGES)
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("labels.npy", header.getvalue())
    assert "labels holds Python objects or is broken (its entries have no bytes)" in refusal(tmp_path / "a.npz")
