import io
import pickle
import zipfile

import numpy as np
import pytest

from hornbook import UserError
from hornbook import data
from hornbook.data.images import dataset as data

IMAGES = np.random.default_rng(0).integers(0, 256, (24, 6, 5, 3), dtype=np.uint8)
LABELS = np.arange(24) % 3


def write(root, **arrays):
    np.savez(root / "data.npz", **arrays)
    return root / "data.npz"


def load(path, **options):
    return data.images.load(f"npz:{path}", **options)


def refusal(path, **options):
    with pytest.raises(UserError) as raised:
        load(path, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("column", [False, True])
def test_as_keras_datasets_come(tmp_path, column):
    labels = LABELS[:, None].astype(np.uint8) if column else LABELS
    path = write(tmp_path, x_train=IMAGES, y_train=labels, x_test=IMAGES[:6], y_test=labels[:6])
    dataset = load(path, validation_fraction=0.25)
    assert (dataset.class_names, dataset.input_shape, dataset.pixel_maximum) == (("0", "1", "2"), (6, 5, 3), 255)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 18, "validation": 6, "test": 6}
    for name in ("train", "validation"):
        part = dataset.part(name)
        assert part.source == "train"
        assert np.array_equal(part.inputs, IMAGES[part.indices])
        assert np.array_equal(part.labels, LABELS[part.indices])


def test_one_set_is_split_and_validation_is_used(tmp_path):
    dataset = load(write(tmp_path, images=IMAGES[..., 0], labels=LABELS), validation_fraction=0)
    assert dataset.input_shape == (6, 5, 1)
    assert {part.source for part in dataset.parts.values()} == {"all"}
    path = write(tmp_path, train_images=IMAGES, train_labels=LABELS, val_images=IMAGES[:3], val_labels=LABELS[:3], about=np.arange(9))
    assert len(load(path).validation) == 3


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (np.array(["dog", "cat ", "日本"])[LABELS], ("cat", "dog", "日本")),
        (np.array([1, -1, 1])[LABELS], ("-1", "1")),
        (np.array([10, 9, 2**40])[LABELS], ("9", "10", str(2**40))),
    ],
)
def test_labels_are_what_occurs(tmp_path, labels, names):
    dataset = load(write(tmp_path, x_train=IMAGES, y_train=labels), test_fraction=0)
    assert dataset.class_names == names
    part = dataset.train
    assert [names[label] for label in part.labels] == [str(label).strip() for label in labels[part.indices]]


def test_numbers_that_are_no_bytes(tmp_path):
    for dtype, maximum in ((np.float32, 2.0), (np.uint16, 2)):
        images = (LABELS[:, None, None] * np.ones((24, 6, 5))).astype(dtype)
        dataset = load(write(tmp_path, images=images, labels=LABELS))
        assert dataset.pixel_maximum == maximum
        assert dataset.train.inputs.dtype == dtype


def nothing_finite():
    images = IMAGES.astype(np.float32)
    images[5, 0, 0, 0] = np.nan
    return images


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x_train": IMAGES}, "has x_train but no y_train"),
        ({"x_train": IMAGES, "y_train": LABELS, "y_test": LABELS}, "has y_test but no x_test"),
        ({"pixels": IMAGES, "digits": LABELS}, "has the arrays pixels, digits; accepted are x_train and y_train"),
        ({}, "has the arrays none"),
        ({"images": IMAGES, "labels": LABELS[:9]}, "images labels must be integers of shape (24,), got int64 of shape (9,)"),
        ({"images": IMAGES, "labels": np.eye(3)[LABELS]}, "save labels.argmax(axis=1)"),
        ({"images": IMAGES, "labels": LABELS + 0.0}, "labels must be integers or text of shape (examples,), got float64"),
        ({"images": IMAGES, "labels": LABELS > 0}, "got bool"),
        ({"images": IMAGES, "labels": LABELS.astype(object)}, "labels holds Python objects"),
        ({"images": IMAGES.astype(object), "labels": LABELS}, "images holds Python objects"),
        ({"images": IMAGES, "labels": LABELS * 0}, "has one class"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "has no labels"),
        ({"images": IMAGES[:, :0], "labels": LABELS}, "images have no pixels: they are of shape (24, 0, 5, 3)"),
        ({"images": np.zeros((24, 3, 8, 9)), "labels": LABELS}, "images of shape (24, 3, 8, 9) have their channels first"),
        ({"images": np.zeros((24, 1, 8, 9), np.uint8), "labels": LABELS}, "numpy.moveaxis(images, 1, -1)"),
        ({"images": IMAGES * 1e300, "labels": LABELS}, "whose square float32 cannot hold; accepted are up to 1e+18"),
        ({"images": IMAGES, "labels": np.array(["cat", "Cat", "dog"])[LABELS]}, "differ in capitals or blanks alone"),
        ({"images": IMAGES, "labels": np.array(["cat", " ", "dog"])[LABELS]}, "labels is empty at position"),
        ({"images": IMAGES.reshape(24, -1), "labels": LABELS}, "got uint8 of shape (24, 90)"),
        ({"images": nothing_finite(), "labels": LABELS}, "image 5 has a pixel that is not finite at (0, 0, 0)"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES, "y_test": LABELS + 1}, "y_test has the class '3' at position 2, unknown"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:, :5], "y_test": LABELS}, "x_test has images (5, 5, 3) of uint8"),
        ({"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES / 255, "y_test": LABELS}, "x_test has images (6, 5, 3) of float64"),
    ],
)
def test_arrays_that_are_wrong_are_named(tmp_path, arrays, words):
    path = write(tmp_path, **arrays)
    message = refusal(path)
    assert message.startswith(str(path))
    assert words in message


def test_files_that_are_none(tmp_path):
    assert "is not there; accepted is a file that numpy.savez wrote" in refusal(tmp_path / "nowhere.npz")
    assert "is a folder" in refusal(tmp_path)
    path = write(tmp_path, images=IMAGES, labels=LABELS)
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
    assert "images is no NumPy array" in refusal(tmp_path / "a.npz")


def test_more_than_there_is_memory_for(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**15, 8, 8)})
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("images.npy", header.getvalue() + b"few")
    assert "images takes more memory than there is" in refusal(tmp_path / "a.npz")


def test_arrays_are_not_resized(tmp_path):
    path = write(tmp_path, images=IMAGES, labels=LABELS)
    assert load(path, image_size="6x5").input_shape == (6, 5, 3)
    assert "is arrays of 6x5, so leave it out" in refusal(path, image_size=32)
    with pytest.raises(UserError, match="digits is arrays of 8x8"):
        data.images.load("digits", image_size="16")


def test_a_trained_model_s_classes(tmp_path):
    path = write(tmp_path, images=IMAGES, labels=LABELS)
    assert set(load(path, class_names=("2", "1", "0", "7")).train.labels) == {0, 1, 2}
    assert "unknown in training" in refusal(path, class_names=("0", "1"))
