"""Images without labels, and the turns that are made of them."""

import csv

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.data.images import augmentation
from hornbook.data.images.pretraining import rotation, unlabelled
from hornbook.data.randomness import Draw


def save(path, number, size=(8, 8)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full(size, 7 * number % 256, np.uint8)).save(path)


def test_a_folder_needs_no_classes(tmp_path):
    for number in range(20):
        save(tmp_path / ("", "deep/deeper", "one")[number % 3] / f"{number}.png", number)
    (tmp_path / "notes.txt").write_text("no image")
    found = unlabelled.load(f"folder:{tmp_path}", test_fraction=0.2, validation_fraction=0.25)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 12, "validation": 4, "test": 4}
    assert found.class_names == ("unlabelled",)
    assert found.notes == (f"1 files that are no images by their names are left out, such as {tmp_path / 'notes.txt'}",)


def test_a_folder_of_parts_keeps_them_apart(tmp_path):
    for number in range(12):
        save(tmp_path / ("train", "test")[number % 2] / "kind" / f"{number}.png", number)
    found = unlabelled.load(f"folder:{tmp_path}", validation_fraction=0)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 6, "test": 6}
    assert all("/test/" in path for path in found.test.files)
    save(tmp_path / "more" / "12.png", 12)  # Now "train" is one folder among others.
    found = unlabelled.load(f"folder:{tmp_path}", validation_fraction=0, test_fraction=0)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 13}


def test_a_link_to_where_one_came_from_ends(tmp_path):
    save(tmp_path / "one" / "1.png", 1)
    (tmp_path / "one" / "again").symlink_to(tmp_path)
    found = unlabelled.load(f"folder:{tmp_path}", validation_fraction=0, test_fraction=0)
    assert len(found.train) == 1


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UserError, match=r"has no files that end with \.jpg"):
        unlabelled.load(f"folder:{tmp_path}")
    with pytest.raises(UserError, match="is not there; accepted is a folder"):
        unlabelled.check_name(f"folder:{tmp_path / 'nowhere'}")


def test_a_table_needs_no_column_of_classes(tmp_path):
    rows = [("file", "size")]
    for number in range(10):
        save(tmp_path / f"{number}.png", number)
        rows.append((f"{number}.png", "8"))
    with open(tmp_path / "images.csv", "w", newline="") as file:
        csv.writer(file).writerows(rows)
    found = unlabelled.load(f"csv:{tmp_path / 'images.csv'}", test_fraction=0.2, validation_fraction=0)
    assert len(found.train) == 8
    assert set(found.train.labels) == {0}
    (tmp_path / "images.csv").write_text("file\n1.png\n1.png\n")
    with pytest.raises(UserError, match=r"1\.png is on line 2 and on line 3"):
        unlabelled.load(f"csv:{tmp_path / 'images.csv'}")


def test_arrays_need_no_labels(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3)).astype(np.uint8)
    np.savez(tmp_path / "images.npz", x_train=images, x_test=images[:4], y_train=np.array(["not", "read"] * 6))
    found = unlabelled.load(f"npz:{tmp_path / 'images.npz'}", validation_fraction=0)
    assert {name: len(part) for name, part in found.parts.items()} == {"train": 12, "test": 4}
    np.testing.assert_array_equal(found.train.inputs, images)
    np.savez(tmp_path / "unlike.npz", x_train=images, x_test=images[:, :5])
    with pytest.raises(UserError, match="must be alike"):
        unlabelled.load(f"npz:{tmp_path / 'unlike.npz'}")
    np.savez(tmp_path / "other.npz", pictures=images)
    with pytest.raises(UserError, match="accepted are x_train"):
        unlabelled.load(f"npz:{tmp_path / 'other.npz'}")


def test_the_digits_are_split_as_ever_but_for_their_classes():
    found = unlabelled.load("digits")
    assert len(found.test) == len(data.images.load("digits").test)
    assert set(found.train.labels) == {0}


def test_images_are_turned_as_numpy_turns_them():
    images = np.random.default_rng(0).integers(0, 256, (8, 5, 5, 3)).astype(np.uint8)
    turns = np.array([0, 1, 2, 3, 3, 2, 1, 0])
    for image, turn, found in zip(images, turns, rotation.turned(images, turns), strict=True):
        np.testing.assert_array_equal(found, np.rot90(image, turn))


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_a_part_has_every_image_in_every_turn(tmp_path, in_memory):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4)).astype(np.uint8)
    for number, image in enumerate(pixels):
        Image.fromarray(image).save(tmp_path / f"{number}.png")
    plain = unlabelled.load(f"folder:{tmp_path}", validation_fraction=0, test_fraction=0, in_memory=in_memory)
    found = rotation.dataset(plain)
    assert found.class_names == ("0 degrees", "90 degrees", "180 degrees", "270 degrees")
    assert list(found.split_rows()) == list(plain.split_rows())
    expected = [np.rot90(image, turn)[..., None] for image in pixels for turn in range(4)]
    order = np.array([5, 23, 0, 0, 14])
    for places, inputs in found.train.stream(2, order=order):
        np.testing.assert_array_equal(inputs, [expected[position] for position in order[places]])
    np.testing.assert_array_equal(np.concatenate([inputs for _, inputs in found.train.stream(7)]), expected)
    some = found.train.subset(order)
    np.testing.assert_array_equal(some.in_memory().inputs, [expected[position] for position in order])
    np.testing.assert_array_equal(some.labels, order % 4)
    np.testing.assert_array_equal(some.indices, order // 4)
    np.testing.assert_allclose(found.train.moments(), plain.train.moments())


def test_an_image_is_mirrored_before_it_is_turned():
    """Mirrored afterwards, 90 degrees of an image would be 270 degrees of its mirror image."""
    images = np.random.default_rng(0).integers(0, 256, (40, 4, 4, 1)).astype(np.uint8)
    turns, draw = np.arange(40) % 4, Draw(0, 0, np.arange(40))
    augment = rotation.turning(lambda images, labels, draw: (augmentation.flip(images, draw), labels))
    found, labels = augment(rotation.turned(images, turns), np.eye(4)[turns], draw)
    np.testing.assert_array_equal(found, rotation.turned(augmentation.flip(images, draw), turns))
    np.testing.assert_array_equal(labels, np.eye(4)[turns])


def test_oblong_images_cannot_be_turned():
    plain = data.images.from_arrays(np.zeros((8, 4, 6, 1), np.uint8), np.zeros(8, int))
    with pytest.raises(UserError, match="images of 4x6, and a quarter turn is for square ones"):
        rotation.dataset(plain)
