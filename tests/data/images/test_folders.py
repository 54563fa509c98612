import csv
import os
import unicodedata

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError
from hornbook.data.dataset import Examples
from hornbook import data
from hornbook.data.images import files
from hornbook.data.images import decoding
from hornbook.data import splits


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


def test_an_accent_written_in_two_ways_is_one_class(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    photos(tmp_path / "train", ("tea", composed))
    photos(tmp_path / "test", ("tea", decomposed), count=2)
    dataset = load(tmp_path)
    assert dataset.class_names == (composed, "tea")
    assert sorted(dataset.test.labels) == [0, 0, 1, 1]
    photos(tmp_path / "train", (decomposed,))
    assert "two folders called" in refusal(tmp_path)


def test_numbers_are_ordered_as_numbers(tmp_path):
    assert load(photos(tmp_path, ("10", "9", "-1"), count=4)).class_names == ("-1", "9", "10")


def test_a_class_that_test_lacks_keeps_its_number(tmp_path):
    photos(tmp_path / "train", ("bird", "cat", "dog"))
    photos(tmp_path / "test", ("cat", "dog"), count=2)
    dataset = load(tmp_path)
    assert dataset.class_names == ("bird", "cat", "dog")
    assert sorted(dataset.test.labels) == [1, 1, 2, 2]
    (tmp_path / "test/bird").mkdir()
    assert len(load(tmp_path).test) == 4


@pytest.mark.parametrize("part", ["test", "val"])
def test_a_class_that_training_lacks_is_named(tmp_path, part):
    photos(tmp_path / "train")
    photos(tmp_path / part, ("cat", "owl"))
    assert f"{tmp_path / part / 'owl'}: the class 'owl' is unknown in training; accepted are cat, dog" in refusal(tmp_path)


def test_a_trained_model_s_classes(tmp_path):
    photos(tmp_path, ("cat", "dog"))
    names = ("ant", "cat", "dog")
    dataset = load(tmp_path, class_names=names)
    assert dataset.class_names == names
    assert set(dataset.train.labels) == {1, 2}
    assert "the class 'cat' is unknown" in refusal(tmp_path, class_names=("dog", "owl"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, ["has no class folders; accepted is PATH/CLASS/FILE"]),
        (lambda root: write(root / "1.jpg"), ["has no class folders, only files such as 1.jpg"]),
        (lambda root: photos(root, ("cat",)), ["has one class folder, cat; at least two are needed"]),
        (lambda root: [photos(root), (root / "bird").mkdir()], ["bird has no images", "the class 'bird'"]),
        (lambda root: [photos(root / "train"), (root / "train/bird").mkdir()], ["bird has no images"]),
        (lambda root: [photos(root / "train"), (root / "test").mkdir()], ["test has no class folders"]),
        (lambda root: [photos(root / "train"), (root / "test/cat").mkdir(parents=True)], ["test has no images in its class folders"]),
        (lambda root: [write(root / "train/1.png"), write(root / "test/2.png")], ["train has no class folders, only files such as 1.png"]),
        (lambda root: photos(root / "test"), ["has test/ but no train/"]),
        (lambda root: [photos(root / "train"), photos(root / "other")], ["has other/ beside train/"]),
        (lambda root: [photos(root / "train"), photos(root / "val"), photos(root / "validation")], ["which mean the same; remove one"]),
        (lambda root: [photos(root), write(root / "loose.JPG")], ["loose.JPG lies beside the class folders"]),
        (lambda root: [photos(root / "train"), write(root / "train/loose.png")], ["loose.png lies beside the class folders"]),
        (
            lambda root: [photos(root), write(root / "owl/1.png")],
            ["class owl has one example", "--test-fraction 0 --validation-fraction 0 --evaluate none"],
        ),
        (lambda root: [photos(root), write(root / "cat/wide.png", (2, 9))], ["wide.png is 2x9", "0.png is 8x8", "--image-size"]),
    ],
)
def test_layouts_that_are_none(tmp_path, make, words):
    make(tmp_path)
    message = refusal(tmp_path)
    assert str(tmp_path) in message
    for word in words:
        assert word in message


def test_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    assert "is not there; accepted is PATH/CLASS/FILE" in refusal(tmp_path / "nowhere")
    assert "is a file; accepted is PATH/CLASS/FILE" in refusal(tmp_path / "file")
    assert "accepted is PATH/CLASS/FILE" in refusal("")
    with pytest.raises(UserError, match=rf"did you mean 'folder:{tmp_path}'"):
        data.images.check_name(str(tmp_path))


def test_paths_that_are_none(tmp_path, monkeypatch):
    assert "--dataset 'folder:' has no path behind its colon; accepted is" in refusal("")
    assert "--dataset 'folder: x' is not there" in refusal(" x")
    assert "is not there" in refusal("~nobody-has-this-name/photos")
    assert "is not there" in refusal("a" * 5000)
    assert "is not there" in refusal("a\0b")
    os.mkfifo(tmp_path / "pipe")
    assert "is neither a file nor a folder" in refusal(tmp_path / "pipe")
    monkeypatch.setenv("HOME", str(tmp_path))
    photos(tmp_path / "photos")
    assert len(load("~/photos/").train) == 14


def test_a_link_to_nothing_beside_the_class_folders(tmp_path):
    photos(tmp_path)
    (tmp_path / "owl").symlink_to("../moved/owl")
    assert f"{tmp_path}/owl is a link to nothing, where a class folder may have been" in refusal(tmp_path)
    (tmp_path / "owl").unlink()
    (tmp_path / "owl").symlink_to("owl")
    assert "is a link to nothing" in refusal(tmp_path)


def test_folders_within_class_folders(tmp_path):
    photos(tmp_path / "one")
    photos(tmp_path / "two")
    message = refusal(tmp_path)
    assert f"{tmp_path}/one has only folders in it, such as cat, and no images; accepted is PATH/CLASS/FILE" in message


@pytest.mark.parametrize(("first", "second"), [("Cat", "cat"), ("cat", "cat "), (" Cat", "cat")])
def test_one_class_spelt_twice(tmp_path, first, second):
    message = refusal(photos(tmp_path, ("dog", first, second)))
    assert repr(first) in message
    assert repr(second) in message
    assert "differ in capitals or blanks alone" in message


def test_letters_may_differ_in_capitals(tmp_path):
    assert load(photos(tmp_path, ("A", "a"))).class_names == ("A", "a")


def test_a_class_may_be_called_test(tmp_path):
    assert load(photos(tmp_path, ("test", "exam"))).class_names == ("exam", "test")


def test_what_nobody_put_there_is_left_alone(tmp_path):
    photos(tmp_path)
    for name in (".DS_Store", "cat/.hidden.jpg", "cat/Thumbs.db", "dog/desktop.ini", ".git/config", "__MACOSX/._0.png", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert sum(sizes(load(tmp_path)).values()) == 20


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
    listed = next(entry for entry in tmp_path.iterdir() if entry.suffix == ".csv")
    assert str(listed) in message
    with open(listed, newline="", encoding="utf-8") as file:
        assert {row["file"] for row in csv.DictReader(file)} == names
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


def test_links_to_folders_and_files_are_followed(tmp_path):
    photos(tmp_path / "store")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat").symlink_to(tmp_path / "store/cat")
    write(tmp_path / "photos/dog/1.png")
    for number in range(4):
        (tmp_path / f"photos/dog/link{number}.png").symlink_to(tmp_path / f"store/dog/{number}.png")
    assert sum(sizes(load(tmp_path / "photos")).values()) == 15


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path):
    photos(tmp_path)
    (tmp_path / "cat").chmod(0)
    try:
        assert "cat cannot be read: Permission denied" in refusal(tmp_path)
    finally:
        (tmp_path / "cat").chmod(0o755)


def test_a_name_that_is_no_text(tmp_path):
    photos(tmp_path)
    os.mkdir(os.fsencode(str(tmp_path)) + b"/\xff\xfe")
    assert "the name of a class must be UTF-8" in refusal(tmp_path)


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
