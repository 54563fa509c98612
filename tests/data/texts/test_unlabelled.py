"""Texts whose labels are not read."""

import pytest

from hornbook import UserError, data
from hornbook.data.texts.pretraining import unlabelled


def test_files_at_any_depth_are_texts(tmp_path):
    for number in range(20):
        (tmp_path / f"shelf{number % 3}").mkdir(exist_ok=True)
        (tmp_path / f"shelf{number % 3}" / f"{number}.txt").write_text(f"page {number}")
    (tmp_path / "cover.png").write_bytes(b"\x89PNG")
    found = unlabelled.load(f"folder:{tmp_path}", validation_fraction=0.25)
    assert found.sizes == "12 train, 4 validation, 4 test"
    assert found.task == "embedding"
    assert found.about()["pretext"] == "masked-tokens"
    assert any("1 files that are no texts by their names are left out" in note for note in found.notes)
    assert {text for part in found.parts.values() for text in part.texts()} == {f"page {number}" for number in range(20)}


def test_a_table_needs_no_label(tmp_path):
    (tmp_path / "t.csv").write_text("id,text\n" + "".join(f"{k},sentence {k}\n" for k in range(20)))
    found = unlabelled.load(f"csv:{tmp_path / 't.csv'}")
    assert sorted(text for part in found.parts.values() for text in part.texts())[:2] == ["sentence 0", "sentence 1"]
    (tmp_path / "gaps.csv").write_text("id,text\n" + "".join(f"{k},{'' if k == 3 else 'words'}\n" for k in range(20)))
    with pytest.raises(UserError, match=r"column 'text' is empty in line 5.*or pass --skip-empty"):
        unlabelled.load(f"csv:{tmp_path / 'gaps.csv'}")
    assert unlabelled.load(f"csv:{tmp_path / 'gaps.csv'}", skip_empty=True).left_out == 1


def test_labels_that_are_there_are_left_alone():
    plain = data.texts.from_texts(["good", "bad"] * 10, [1, 0] * 10)
    found = unlabelled.without_labels(plain)
    assert not found.train.labels.any()
    assert (found.class_names, found.task) == (("unlabelled",), "embedding")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder:nowhere", "is not there; accepted is a folder with files below it"),
        ("digits", "docstrings"),
        ("csv:nowhere.csv", "nowhere.csv"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        unlabelled.load(name)


def test_files_that_are_broken_are_named(tmp_path):
    (tmp_path / "a.txt").write_text("words")
    (tmp_path / "b.txt").write_text(" ")
    (tmp_path / "c.txt").write_bytes(b"a\0b")
    with pytest.raises(UserError, match=r"2 texts cannot be read: .*c\.txt \(has NUL bytes.*b\.txt \(is empty\)"):
        unlabelled.load(f"folder:{tmp_path}")
