"""Folders of class folders: how they may be laid out, and what is refused."""

import os
import unicodedata

import pytest

from hornbook import UserError, data
from hornbook.data import folders


def write(path):
    """One file; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")


def folder(root, classes=("cat", "dog"), count=3):
    for name in classes:
        for number in range(count):
            write(root / name / f"{number}.png")
    return root


def load(root, class_names=None):
    return folders.labelled_files(str(root), class_names, suffixes=(".png", ".jpg"))


def refusal(root, class_names=None):
    with pytest.raises(UserError) as raised:
        load(root, class_names)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_an_accent_written_in_two_ways_is_one_class(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    folder(tmp_path / "train", ("tea", composed))
    folder(tmp_path / "test", ("tea", decomposed), count=2)
    names, files = load(tmp_path)
    assert names == (composed, "tea")
    assert [label for _, label in files["test"]] == [0, 0, 1, 1]
    folder(tmp_path / "train", (decomposed,))
    assert "two folders called" in refusal(tmp_path)


def test_numbers_are_ordered_as_numbers(tmp_path):
    assert load(folder(tmp_path, ("10", "9", "-1")))[0] == ("-1", "9", "10")


def test_a_class_that_test_lacks_keeps_its_number(tmp_path):
    folder(tmp_path / "train", ("bird", "cat", "dog"))
    folder(tmp_path / "test", ("cat", "dog"), count=2)
    names, files = load(tmp_path)
    assert names == ("bird", "cat", "dog")
    assert [label for _, label in files["test"]] == [1, 1, 2, 2]
    (tmp_path / "test/bird").mkdir()
    assert load(tmp_path)[1]["test"] == files["test"]


@pytest.mark.parametrize("part", ["test", "val"])
def test_a_class_that_training_lacks_is_named(tmp_path, part):
    folder(tmp_path / "train")
    folder(tmp_path / part, ("cat", "owl"))
    assert f"{tmp_path / part / 'owl'}: the class 'owl' is unknown in training; accepted are cat, dog" in refusal(tmp_path)


def test_a_trained_model_s_classes(tmp_path):
    folder(tmp_path, ("cat", "dog"))
    names = ("ant", "cat", "dog")
    found, files = load(tmp_path, class_names=names)
    assert found == names
    assert {label for _, label in files["all"]} == {1, 2}
    assert "the class 'cat' is unknown" in refusal(tmp_path, class_names=("dog", "owl"))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda root: None, ["has no class folders; accepted is PATH/CLASS/FILE"]),
        (lambda root: write(root / "1.jpg"), ["has no class folders, only files such as 1.jpg"]),
        (lambda root: folder(root, ("cat",)), ["has one class folder, cat; at least two are needed"]),
        (lambda root: [folder(root), (root / "bird").mkdir()], ["bird has no images", "the class 'bird'"]),
        (lambda root: [folder(root / "train"), (root / "train/bird").mkdir()], ["bird has no images"]),
        (lambda root: [folder(root / "train"), (root / "test").mkdir()], ["test has no class folders"]),
        (lambda root: [folder(root / "train"), (root / "test/cat").mkdir(parents=True)], ["test has no images in its class folders"]),
        (lambda root: [write(root / "train/1.png"), write(root / "test/2.png")], ["train has no class folders, only files such as 1.png"]),
        (lambda root: folder(root / "test"), ["has test/ but no train/"]),
        (lambda root: [folder(root / "train"), folder(root / "other")], ["has other/ beside train/"]),
        (lambda root: [folder(root / "train"), folder(root / "val"), folder(root / "validation")], ["which mean the same; remove one"]),
        (lambda root: [folder(root), write(root / "loose.JPG")], ["loose.JPG lies beside the class folders"]),
        (lambda root: [folder(root / "train"), write(root / "train/loose.png")], ["loose.png lies beside the class folders"]),
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
    folder(tmp_path / "photos")
    assert len(load("~/photos/")[1]["all"]) == 6


def test_a_link_to_nothing_beside_the_class_folders(tmp_path):
    folder(tmp_path)
    (tmp_path / "owl").symlink_to("../moved/owl")
    assert f"{tmp_path}/owl is a link to nothing, in place of a class folder perhaps" in refusal(tmp_path)
    (tmp_path / "owl").unlink()
    (tmp_path / "owl").symlink_to("owl")
    assert "is a link to nothing" in refusal(tmp_path)


def test_folders_within_class_folders(tmp_path):
    folder(tmp_path / "one")
    folder(tmp_path / "two")
    message = refusal(tmp_path)
    assert f"{tmp_path}/one has only folders in it, such as cat, and no files; accepted is PATH/CLASS/FILE" in message


@pytest.mark.parametrize(("first", "second"), [("Cat", "cat"), ("cat", "cat "), (" Cat", "cat")])
def test_one_class_spelt_twice(tmp_path, first, second):
    message = refusal(folder(tmp_path, ("dog", first, second)))
    assert repr(first) in message
    assert repr(second) in message
    assert "differ in capitals or blanks alone" in message


def test_letters_may_differ_in_capitals(tmp_path):
    assert load(folder(tmp_path, ("A", "a")))[0] == ("A", "a")


def test_a_class_may_be_called_test(tmp_path):
    assert load(folder(tmp_path, ("test", "exam")))[0] == ("exam", "test")


def test_what_nobody_put_there_is_left_alone(tmp_path):
    folder(tmp_path)
    for name in (".DS_Store", "cat/.hidden.jpg", "cat/Thumbs.db", "dog/desktop.ini", ".git/config", "__MACOSX/._0.png", "README.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert [file for file, _ in load(tmp_path)[1]["all"]] == [
        str(tmp_path / f"{name}/{k}.png") for name in ("cat", "dog") for k in range(3)
    ]


def test_links_to_folders_and_files_are_followed(tmp_path):
    folder(tmp_path / "store")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/cat").symlink_to(tmp_path / "store/cat")
    write(tmp_path / "photos/dog/1.png")
    (tmp_path / "photos/dog/link.png").symlink_to(tmp_path / "store/dog/0.png")
    assert len(load(tmp_path / "photos")[1]["all"]) == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path):
    folder(tmp_path)
    (tmp_path / "cat").chmod(0)
    try:
        assert "cat cannot be read: Permission denied" in refusal(tmp_path)
    finally:
        (tmp_path / "cat").chmod(0o755)


def test_a_name_that_is_no_text(tmp_path):
    folder(tmp_path)
    os.mkdir(os.fsencode(str(tmp_path)) + b"/\xff\xfe")
    assert "the name of a class must be UTF-8" in refusal(tmp_path)


def test_suffixes_say_which_files_have_been_forgotten(tmp_path):
    folder(tmp_path)
    for name in ("README.md", "labels.csv"):
        write(tmp_path / name)
    folders.check(str(tmp_path), (".png",))
    write(tmp_path / "loose.PNG")
    folders.check(str(tmp_path), (".wav",))
    with pytest.raises(UserError, match=r"loose\.PNG lies beside the class folders, so it has no class; move it into one, or remove it"):
        folders.check(str(tmp_path), (".png",))
