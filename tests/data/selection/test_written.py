"""A split that is written down is had again, whatever the source; a file that does not fit the data is refused."""

import pathlib

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, data, spreadsheets
from hornbook.data import splits
from hornbook.data.selection import arranging

DIGITS = {"validation_fraction": 0.2, "test_fraction": 0.3, "split_seed": 3}


def saved(dataset, path):
    spreadsheets.save(path, dataset.split_rows())
    return arranging.Arrangement(split_file=str(path))


def parts_of(dataset):
    return {name: part.indices.tolist() for name, part in dataset.parts.items()}


@pytest.mark.parametrize(
    "load",
    [
        lambda **options: data.images.load("digits", **options),
        lambda **options: data.tables.load("wine", **options),
        lambda **options: data.tables.load("diabetes", task="regression", **options),
        lambda **options: data.series.load("sequential_digits", **options),
        lambda **options: data.texts.load("docstrings", **options),
    ],
    ids=["images", "tables", "numbers", "series", "texts"],
)
def test_the_split_of_a_run_is_had_again(load, tmp_path):
    first = load(**DIGITS)
    again = load(arranged=saved(first, tmp_path / "split.csv"))
    assert parts_of(again) == parts_of(first)
    assert list(again.split_rows()) == list(first.split_rows())
    assert not again.drawn


@pytest.fixture
def photos(tmp_path):
    for number in range(20):
        path = pathlib.Path(tmp_path, "photos", "ab"[number % 2], f"{number:02}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(path)
    return f"folder:{tmp_path / 'photos'}"


def load(name, text, tmp_path):
    (tmp_path / "mine.csv").write_text(text)
    return data.images.load(name, arranged=arranging.Arrangement(split_file=str(tmp_path / "mine.csv")))


def test_a_file_of_names_written_by_hand(photos, tmp_path):
    found = load(photos, "Part,File\nTraining,00.png\ntrain,b/03.png\nval,02.png\ntest,05.png\n", tmp_path)
    assert {name: [pathlib.Path(file).name for file in part.files] for name, part in found.parts.items()} == {
        "train": ["00.png", "03.png"],
        "validation": ["02.png"],
        "test": ["05.png"],
    }
    assert any("mine.csv does not name 16 examples, which are left out" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("file\n00.png\n", "has the columns file; accepted is a column `part`"),
        ("part,label\ntrain,a\n", "accepted is a column `part`"),
        ("", "has the columns none"),
        ("part,index\nteach,0\n", "line 2: the part is 'teach'; accepted are train, validation and test"),
        ("part,index\ntrain,99\n", "line 2: folder:.* has no example 99: the data have changed since"),
        ("part,file\ntrain,99.png\n", "line 2: folder:.* has no file 99.png"),
        ("part,index\ntrain,0\ntest,0\n", "line 3: 0 stands in train and in test; an example stands in one part"),
        ("part,file\ntrain,00.png\ntest,a/00.png\n", "line 3: a/00.png stands in train and in test"),
        ("part,index,label\ntrain,0,b\n", "line 2: 0 has the label 'a' now, and 'b' in the file: the data have changed since"),
        ("part,source,index,label,file\ntrain,all,0,a,01.png\n", "0 has the file '00.png' now, and '01.png' in the file"),
        ("part,index\ntest,0\n", "names no training example"),
        ("part,index\ntrain\n", "line 2 has 1 fields, the first line 2"),
    ],
)
def test_a_file_that_does_not_fit(photos, tmp_path, text, told):
    with pytest.raises(UserError, match=told):
        load(photos, text, tmp_path)


def test_what_the_file_leaves_out_is_to_be_named_in_it(photos, tmp_path):
    found = load(photos, "part,index\ntrain,0\ntrain,10\n", tmp_path)
    with pytest.raises(UserError, match=r"has no test part, which --evaluate test needs; name test examples in the --split-file, or pass"):
        splits.evaluated_part(found, "test")


def test_a_file_that_cannot_be_read(photos, tmp_path):
    for path, told in ((tmp_path / "none.csv", "cannot be read: No such file"), (tmp_path, "cannot be read: Is a directory")):
        with pytest.raises(UserError, match=told):
            data.images.load(photos, arranged=arranging.Arrangement(split_file=str(path)))
    (tmp_path / "mine.csv").write_bytes(b"part,index\ntrain,\xff\n")
    with pytest.raises(UserError, match="is no CSV in UTF-8"):
        data.images.load(photos, arranged=arranging.Arrangement(split_file=str(tmp_path / "mine.csv")))


def test_a_source_with_parts_of_its_own(tmp_path):
    first = data.texts.load("docstrings", validation_fraction=0.3)
    assert first.test.source == "test"
    text = "part,source,index\ntrain,test,0\ntrain,test,1\nvalidation,test,2\ntest,train,5\n"
    (tmp_path / "mine.csv").write_text(text)
    found = data.texts.load("docstrings", arranged=arranging.Arrangement(split_file=str(tmp_path / "mine.csv")))
    assert (found.train.source, found.validation.source, found.test.source) == ("test", "test", "train")
    assert parts_of(found) == {"train": [0, 1], "validation": [2], "test": [5]}
    (tmp_path / "mine.csv").write_text("part,source,index\ntrain,test,0\ntrain,train,1\n")
    with pytest.raises(UserError, match="its train examples are of the test part of docstrings and of its train part"):
        data.texts.load("docstrings", arranged=arranging.Arrangement(split_file=str(tmp_path / "mine.csv")))
    (tmp_path / "mine.csv").write_text("part,index\ntrain,0\n")
    with pytest.raises(UserError, match="there is no column `source`; accepted are train, validation, test"):
        data.texts.load("docstrings", arranged=arranging.Arrangement(split_file=str(tmp_path / "mine.csv")))
