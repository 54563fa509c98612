"""Folders of text files."""

from hornbook import data
from hornbook.data import splits


def test_a_folder_of_texts(tmp_path, load, pairs, folder_of_texts):
    folder = folder_of_texts
    dataset = load(f"folder:{folder}")
    assert dataset.class_names == ("bad", "good & fine")
    assert pairs(dataset)[0] == ("text number 1\nof two lines", "bad")
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    assert f",bad,{folder / 'bad' / '1.txt'}\n" in (tmp_path / "split.csv").read_text()


def test_a_folder_of_test_texts_alone_is_for_a_trained_model(tmp_path, load, refusal, folder_of_texts):
    folder_of_texts.rename(tmp_path / "test")
    dataset = load(f"folder:{tmp_path}", class_names=("bad", "good & fine", "neutral"))
    assert {name: len(part) for name, part in dataset.parts.items()} == {"test": 8}
    assert "has test/ but no train/" in refusal(f"folder:{tmp_path}")


def test_a_folder_may_lack_classes_of_a_trained_model(tmp_path):
    for name in ("ham", "spam"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.txt").write_text(f"some {name}")
    dataset = data.texts.load(f"folder:{tmp_path}", class_names=("eggs", "ham", "spam"), validation_fraction=0, test_fraction=0)
    assert dataset.train.labels.tolist() == [1, 2]


def test_texts_of_a_folder_that_cannot_be_read_are_named(load, refusal, folder_of_texts):
    folder = folder_of_texts
    (folder / "bad/picture.txt").write_bytes(b"\x89PNG\0\0")
    (folder / "bad/empty.txt").write_text(" \n")
    message = refusal(f"folder:{folder}")
    assert "2 of 10 texts cannot be read" in message
    assert "picture.txt (is no text)" in message
    assert "empty.txt (is empty)" in message
    (folder / "bad/picture.txt").unlink()
    assert load(f"folder:{folder}", skip_empty=True).left_out == 1
    for path in (folder / "bad").iterdir():
        path.write_text("")
    assert "is left of bad" in refusal(f"folder:{folder}", skip_empty=True)


def test_a_class_without_test_texts_is_noted(folder_of_texts, tmp_path):
    folder_of_texts.rename(tmp_path / "train")
    (tmp_path / "test/bad").mkdir(parents=True)
    (tmp_path / "test/bad/one.txt").write_text("one text")
    dataset = data.texts.load(f"folder:{tmp_path}", validation_fraction=0.25)
    assert dataset.notes == ("the class good & fine has no example in the test part: its recall cannot be known",)
    assert {name: part.source for name, part in dataset.parts.items()} == {"train": "train", "validation": "train", "test": "test"}
