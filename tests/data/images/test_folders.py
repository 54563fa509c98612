"""Folders of image files: read, streamed, resized; and files that cannot be read."""

import csv
import os

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.data import splits
from hornbook.data.dataset import Examples
from hornbook.data.images import decoding, files


def write(path, size=(8, 8), mode="RGB", seed=0):
    """One picture; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[0], size[1], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def photos(root, classes=("cat", "dog"), count=10, **options):
    for label, name in enumerate(classes):
        for number in range(count):
            write(root / name / f"{number}.png", seed=100 * label + number, **options)
    return root


def load(root, **options):
    return data.images.load(f"folder:{root}", **options)


def refusal(root, **options):
    with pytest.raises(UserError) as raised:
        load(root, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def sizes(dataset):
    return {name: len(part) for name, part in dataset.parts.items()}


def test_one_folder_is_split(tmp_path):
    dataset = load(photos(tmp_path, count=20), validation_fraction=0.25, test_fraction=0.2)
    assert (dataset.class_names, dataset.input_shape, dataset.pixel_maximum) == (("cat", "dog"), (8, 8, 3), 255)
    assert sizes(dataset) == {"train": 24, "validation": 8, "test": 8}
    for part in dataset.parts.values():
        assert part.source == "all"
        for file, label, pixels in zip(part.files, part.labels, part.inputs, strict=True):
            assert file.split(os.sep)[-2] == dataset.class_names[label]
            assert np.array_equal(pixels, np.asarray(Image.open(file)))
    assert sorted(np.concatenate([part.indices for part in dataset.parts.values()])) == list(range(40))


@pytest.mark.parametrize("validation", [None, "val", "validation", "Validation"])
def test_folders_that_are_split_already(tmp_path, validation):
    photos(tmp_path / "train")
    photos(tmp_path / "test", count=3)
    if validation:
        photos(tmp_path / validation, count=4)
    (tmp_path / "README.txt").write_text("about")
    dataset = load(tmp_path)
    assert sizes(dataset) == ({"train": 20, "validation": 8, "test": 6} if validation else {"train": 18, "validation": 2, "test": 6})
    assert dataset.test.source == "test"


def test_streamed_and_in_memory_are_the_same(tmp_path):
    photos(tmp_path)
    kept, streamed = load(tmp_path, in_memory="always"), load(tmp_path, in_memory="never")
    for name, part in streamed.parts.items():
        assert isinstance(part, files.FileExamples)
        assert isinstance(kept.part(name), Examples)
        assert np.array_equal(part.in_memory().inputs, kept.part(name).inputs)
        assert np.array_equal(part.indices, kept.part(name).indices)


def test_training_sees_what_prediction_sees(tmp_path):
    photos(tmp_path, size=(40, 30))
    part = load(tmp_path, image_size="9x8").train
    assert part.inputs.shape[1:] == (9, 8, 3)
    for file, pixels in zip(part.files, part.inputs, strict=True):
        assert np.array_equal(decoding.from_file(file, (9, 8, 3), 255), pixels)


def test_names_in_any_language(tmp_path):
    names = ("café au lait", "chien & chat", "日本", "1, 2 <b>", "100%", "a\nb")
    dataset = load(photos(tmp_path, names, count=4))
    assert dataset.class_names == tuple(sorted(names))
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    with open(tmp_path / "split.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert all(row["label"] == os.path.basename(os.path.dirname(row["file"])) for row in rows)


def broken(root):
    """Photos, among them one of every kind that cannot be read. Returns their names."""
    photos(root)
    whole = write(root / "cat/whole.jpg").read_bytes()
    (root / "cat/cut.jpg").write_bytes(whole[: int(len(whole) * 0.6)])
    (root / "cat/whole.jpg").unlink()
    (root / "cat/empty.jpg").write_bytes(b"")
    (root / "cat/text.jpg").write_text("not a picture")
    (root / "dog/notes.txt").write_text("about dogs")
    (root / "dog/folder.jpg").mkdir()
    (root / "dog/gone.jpg").symlink_to("nowhere.jpg")
    (root / "dog/loop.jpg").symlink_to("loop.jpg")
    return ["cat/cut.jpg", "cat/empty.jpg", "cat/text.jpg", "dog/folder.jpg", "dog/gone.jpg", "dog/loop.jpg", "dog/notes.txt"]


@pytest.mark.parametrize("in_memory", ["always", "never"])
def test_everything_unreadable_is_named_or_left_out(tmp_path, monkeypatch, in_memory):
    names = {str(tmp_path / "photos" / name) for name in broken(tmp_path / "photos")}
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    message = refusal(tmp_path / "photos", in_memory=in_memory)
    assert "7 of 27 images cannot be read" in message
    assert "or pass --skip-unreadable" in message
    assert "and 4 more" in message
    assert [entry.name for entry in tmp_path.iterdir()] == ["photos"]
    dataset = load(tmp_path / "photos", skip_unreadable=True, in_memory=in_memory)
    assert {file for file, _ in dataset.unreadable} == names
    assert sum(sizes(dataset).values()) == 20
    assert all(len(part.in_memory().inputs) == len(part) for part in dataset.parts.values())


def test_a_class_of_which_nothing_is_left_is_not_skipped(tmp_path):
    photos(tmp_path)
    for number in range(5):
        (tmp_path / "owl").mkdir(exist_ok=True)
        (tmp_path / f"owl/{number}.png").write_text("no")
    message = refusal(tmp_path, skip_unreadable=True)
    assert "5 of 25 images cannot be read" in message
    assert "--skip-unreadable cannot help: nothing would be left of the class owl" in message
    assert "or pass --skip-unreadable" not in message


def test_a_path_that_is_no_text(tmp_path):
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    photos(type(tmp_path)(path))
    assert "a path must be UTF-8" in refusal(path)


def test_columns_are_for_tables(tmp_path):
    assert "--path-column is for csv:PATH" in refusal(photos(tmp_path), path_column="a")


def test_grey_if_all_are_grey(tmp_path):
    photos(tmp_path, mode="L")
    assert load(tmp_path).input_shape == (8, 8, 1)
    assert load(tmp_path, channels=3).input_shape == (8, 8, 3)
    write(tmp_path / "cat/colour.png")
    dataset = load(tmp_path)
    assert dataset.input_shape == (8, 8, 3)
    assert (np.ptp(dataset.train.inputs, axis=-1) == 0).all(axis=(1, 2)).sum() >= len(dataset.train) - 1


def test_what_is_wrong_with_images_alone(tmp_path):
    photos(tmp_path)
    write(tmp_path / "owl/1.png")
    message = refusal(tmp_path)
    assert "class owl has one example" in message
    assert "--test-fraction 0 --validation-fraction 0 --evaluate none" in message
    write(tmp_path / "cat/wide.png", (2, 9))
    message = refusal(tmp_path)
    for words in ("wide.png is 2x9", "0.png is 8x8", "--image-size"):
        assert words in message
    write(tmp_path / "loose.webp")
    assert "loose.webp lies beside the class folders" in refusal(tmp_path)


def test_a_class_that_the_test_part_lacks_is_noted(tmp_path):
    photos(tmp_path / "train", ("bird", "cat", "dog"))
    photos(tmp_path / "test", ("cat", "dog"), count=2)
    dataset = load(tmp_path)
    assert dataset.notes == ("the class bird has no example in the test part: its recall cannot be known",)
    assert sorted(dataset.test.labels) == [1, 1, 2, 2]
    write(tmp_path / "test/bird/0.png").write_text("no picture")
    assert load(tmp_path, skip_unreadable=True).notes == dataset.notes  # Its only image cannot be read.
