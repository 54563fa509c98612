"""Groups by the names of files, and classes that are too rare."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data
from hornbook.data.selection import arranging

PATTERN = r"patient(\d+)_"


@pytest.fixture
def photos(tmp_path):
    """A folder of 12 patients with 4 pictures each, half of which are ill."""
    for patient in range(12):
        for number in range(4):
            path = pathlib.Path(tmp_path, "photos", ("well", "ill")[patient % 2], f"patient{patient}_{number}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((4, 4), 20 * patient + number, np.uint8)).save(path)
    return f"folder:{tmp_path / 'photos'}"


def patients(part):
    return {pathlib.Path(file).name.split("_")[0] for file in part.files}


def test_pictures_of_one_patient_stand_in_one_part(photos):
    options = {"validation_fraction": 0.3, "test_fraction": 0.3, "arranged": arranging.Arrangement(group_pattern=PATTERN)}
    found = data.images.load(photos, **options)
    parts = [patients(part) for part in found.parts.values()]
    assert len(parts) == 3
    assert sum(map(len, parts)) == len(set.union(*parts)) == 12
    assert found.groups_of(found.test).tolist() == [pathlib.Path(file).name.split("_")[0][7:] for file in found.test.files]
    assert len(set.union(*(patients(part) for part in data.images.load(photos).parts.values()))) == 12


def test_a_source_with_parts_of_its_own_keeps_them_and_knows_its_groups(tmp_path):
    for part, patient in (("train", 1), ("train", 2), ("test", 2), ("test", 3)):
        for label in ("a", "b"):
            for number in range(3):
                path = pathlib.Path(tmp_path, part, label, f"patient{patient}_{number}.txt")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"{part} {label} {number}")
    found = data.texts.load(f"folder:{tmp_path}", arranged=arranging.Arrangement(group_pattern=PATTERN), validation_fraction=0)
    assert set(found.groups_of(found.train)) == {"1", "2"}
    assert set(found.groups_of(found.test)) == {"2", "3"}


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        (r"person(\d+)", r"patient11_0.png: --group-pattern .* is not found in the name of the file"),
        (r"nowhere/(\d+)", "is not found in the path"),
        (r"patient(\d+", r"--group-pattern .* is no regular expression"),
    ],
)
def test_a_pattern_that_is_not_found(photos, pattern, told):
    with pytest.raises(UserError, match=told):
        data.images.load(photos, arranged=arranging.Arrangement(group_pattern=pattern))


def test_what_are_no_files_has_no_names():
    with pytest.raises(UserError, match="is for examples that are files, and those of digits are not; try --group-column"):
        data.images.load("digits", arranged=arranging.Arrangement(group_pattern="x"))


def test_groups_are_what_the_brackets_catch():
    assert arranging.of_files(["a/s1-p2.png", "b/s1-p3.png"], r"s(\d)-p(\d)", "data").tolist() == ["1 2", "1 3"]
    assert arranging.of_files(["a/s1-p2.png", "b/s1-p3.png"], r"s\d", "data").tolist() == ["s1", "s1"]
    assert arranging.of_files(["x/cam7/1.png", "x/cam8/1.png"], r"cam(\d)/", "data").tolist() == ["7", "8"]


def write_rows(path, counts):
    rows = [f"{number + 100 * place},{label}" for place, (label, count) in enumerate(counts.items()) for number in range(count)]
    path.write_text("\n".join(["x,label", *rows]) + "\n")
    return f"csv:{path}"


def test_rare_classes_are_left_out_and_named(tmp_path):
    name = write_rows(tmp_path / "t.csv", {"a": 30, "b": 3, "c": 20, "d": 1})
    found = data.tables.load(name, arranged=arranging.Arrangement(min_class_count=5))
    assert found.class_names == ("a", "c")
    assert sum(map(len, found.parts.values())) == 50
    assert "--min-class-count 5 leaves out 2 classes, 4 examples: b (3), d (1)" in found.notes
    texts = data.texts.load(name, text_columns="x", arranged=arranging.Arrangement(min_class_count=5))
    assert texts.class_names == ("a", "c")
    assert [set(part.labels) for part in texts.parts.values()] == [{0, 1}] * len(texts.parts)
    same = data.tables.load(write_rows(tmp_path / "u.csv", {"a": 30, "c": 20}))
    assert [len(part) for part in same.parts.values()] == [len(part) for part in found.parts.values()]


def test_images_of_rare_classes(tmp_path):
    for label, count in {"cat": 20, "dog": 1, "owl": 9}.items():
        (tmp_path / label).mkdir()
        for number in range(count):
            Image.fromarray(np.full((4, 4), number, np.uint8)).save(tmp_path / label / f"{number}.png")
    found = data.images.load(f"folder:{tmp_path}", arranged=arranging.Arrangement(min_class_count=2))
    assert found.class_names == ("cat", "owl")
    assert {pathlib.Path(file).parent.name for part in found.parts.values() for file in part.files} == {"cat", "owl"}


def test_what_leaves_too_little(tmp_path):
    name = write_rows(tmp_path / "t.csv", {"a": 30, "b": 3})
    with pytest.raises(UserError, match=r"--min-class-count 5: 1 of 2 classes have so many examples.*the largest has 30"):
        data.tables.load(name, arranged=arranging.Arrangement(min_class_count=5))
    with pytest.raises(UserError, match="is for one class an example, and diabetes has none"):
        data.tables.load("diabetes", task="regression", arranged=arranging.Arrangement(min_class_count=5))
    with pytest.raises(UserError, match="--min-class-count 5 is for a --dataset that the recipe reads, and mine is given"):
        arranging.Arrangement(min_class_count=5).refuse("mine")
