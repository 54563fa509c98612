"""Images as arrays: from Python, and from NumPy files."""

import numpy as np
import pytest

from hornbook import UserError, data

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


def arrays(examples=60, classes=3, dtype=np.uint8):
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (examples, 4, 5, 2)).astype(dtype), generator.permutation(np.arange(examples) % classes)


def test_from_arrays():
    inputs, labels = arrays()
    test_inputs, test_labels = arrays(12)
    dataset = data.images.from_arrays(inputs, labels, test_inputs, test_labels, class_names="abc", validation_fraction=0.25, name="mine")
    assert dataset.name.startswith("mine:")
    assert (dataset.class_names, dataset.input_shape) == (("a", "b", "c"), (4, 5, 2))
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 45, "validation": 15, "test": 12}
    assert [part.source for part in dataset.parts.values()] == ["train", "train", "test"]
    for part in (dataset.train, dataset.validation):
        assert np.array_equal(part.inputs, inputs[part.indices])
        assert np.array_equal(part.labels, labels[part.indices])
    assert np.array_equal(dataset.test.inputs, test_inputs)


def test_grey_images_get_a_channel_and_names_default_to_labels():
    dataset = data.images.from_arrays(np.zeros((8, 4, 5)), np.array([0, 2] * 4), validation_fraction=0)
    assert dataset.input_shape == (4, 5, 1)
    assert dataset.class_names == ("0", "1", "2")
    assert list(dataset.parts) == ["train"]


def test_a_class_of_the_test_arrays_alone_counts():
    inputs, labels = arrays(12, classes=2)
    assert data.images.from_arrays(inputs, labels, inputs[:3], np.array([0, 1, 4])).num_classes == 5


def test_what_stands_for_white():
    labels = np.array([0, 1] * 4)
    for inputs, maximum in (
        (np.ones((8, 4, 4), np.uint8), 255),
        (np.full((8, 4, 4), 4095, np.uint16), 4095),
        (np.full((8, 4, 4), 0.5, np.float32), 0.5),
        (np.zeros((8, 4, 4), np.float32), 1),
        (np.full((8, 4, 4), -2.0, np.float32), 2),
    ):
        assert data.images.from_arrays(inputs, labels, validation_fraction=0).pixel_maximum == maximum


FEW, FEW_LABELS = IMAGES[:6, :4], np.array([0, 1] * 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (((np.zeros((6, 4)), FEW_LABELS)), ["train images must be numbers (examples, height, width, channels)", "(6, 4)"]),
        ((FEW.astype(str), FEW_LABELS), ["train images must be numbers", "<U3"]),
        ((FEW > 3, FEW_LABELS), ["train images must be numbers", "bool"]),
        ((FEW.astype(object), FEW_LABELS), ["train images must be numbers", "object"]),
        ((FEW.astype(complex), FEW_LABELS), ["train images must be numbers", "complex"]),
        ((FEW, FEW_LABELS[:5]), ["train labels must be integers of shape (6,)", "(5,)"]),
        ((FEW, np.eye(2)[FEW_LABELS]), ["train labels must be integers of shape (6,)", "float64 of shape (6, 2)"]),
        ((FEW, FEW_LABELS.astype(float)), ["train labels must be integers", "float64"]),
        ((FEW, list("aababb")), ["train labels must be integers", "<U1"]),
        ((FEW[:0], FEW_LABELS[:0]), ["train has no examples"]),
        ((FEW, np.array([0, 1, -1, 1, 0, -2])), ["train labels must count from 0, got -2 at position 5"]),
        ((nothing_finite()[:6, :4], FEW_LABELS), ["train image 5 has a pixel that is not finite at (0, 0, 0)"]),
        ((FEW, FEW_LABELS, nothing_finite()[:6, :4], FEW_LABELS), ["test image 5"]),
        ((FEW, FEW_LABELS, FEW), ["test labels must be integers"]),
        ((FEW, FEW_LABELS, FEW[:, :3], FEW_LABELS), ["test images are (3, 5, 3), training images (4, 5, 3)"]),
    ],
)
def test_wrong_arrays_are_refused_in_one_line(given, words):
    with pytest.raises(UserError) as raised:
        data.images.from_arrays(*given)
    assert "\n" not in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_labels_without_a_name():
    with pytest.raises(UserError, match="mine: label 2 occurs, but only 2 class names are given"):
        data.images.from_arrays(*arrays(), class_names=("a", "b"), name="mine")
    assert data.images.from_arrays(*arrays(), class_names=("a", "b", "c", "none of these")).num_classes == 4


def test_arrays_are_known_again_by_their_checksum():
    pixels, labels = np.arange(40 * 4, dtype=np.uint8).reshape(40, 2, 2, 1), np.arange(40) % 2
    name = data.images.from_arrays(pixels, labels).name
    changed = pixels.copy()
    changed[-1, -1, -1, -1] += 1
    assert name.startswith("arrays:")
    assert data.images.from_arrays(pixels.copy(), labels).name == name
    assert data.images.from_arrays(changed, labels).name != name
    assert data.images.from_arrays(pixels, 1 - labels).name != name
    with pytest.raises(UserError, match="from Python"):
        data.images.check_name(name)


def test_a_class_without_test_images_is_noted(tmp_path):
    path = write(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:2], y_test=LABELS[:2])
    assert load(path).notes == ("the class 2 has no example in the test part: its recall cannot be known",)
    dataset = data.images.from_arrays(IMAGES, LABELS, IMAGES[:2], LABELS[:2], class_names=("a", "b", "c"))
    assert dataset.notes == ("the class c has no example in the test part: its recall cannot be known",)
