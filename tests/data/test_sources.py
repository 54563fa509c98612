"""How sources are spelt, and messages on what cannot be had or read."""

import pytest

from hornbook import UserError, data
from hornbook.data import sources


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digit", "--dataset must be digits, folder:PATH, csv:PATH, npz:PATH or tfds:NAME, got 'digit'; did you mean 'digits'?"),
        ("nonsense", "got 'nonsense'"),
        ("", "got ''"),
        ("TFDS:mnist", "got 'TFDS:mnist'"),
    ],
)
def test_unknown_sources(name, words):
    for ask in (data.images.check_name, data.images.load):
        with pytest.raises(UserError) as raised:
            ask(name)
        assert words in str(raised.value)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("folder:/home/me/photos/", "photos"),
        ("csv:table.csv", "table.csv"),
        ("npz:~/a.npz", "a.npz"),
        ("folder:/", "folder:/"),
        ("tfds:mnist/a:1.0.0[:5]", "tfds:mnist/a:1.0.0[:5]"),
        ("digits", "digits"),
    ],
)
def test_a_name_for_a_headline(name, short):
    assert sources.short_name(name) == short


def test_a_refusal_names_the_first_few_and_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    unreadable = [(f"{number}, ä\udcff.jpg", "is empty") for number in range(5)]
    with pytest.raises(UserError) as raised:
        sources.refuse_unreadable("folder:x", unreadable, 1000, accepted="JPEG and PNG")
    message = str(raised.value)
    assert message.startswith("folder:x: 5 of 1,000 images cannot be read: 0, ä")
    assert "3, ä" not in message
    assert "and 2 more; accepted are JPEG and PNG" in message
    assert "--skip-unreadable to leave them out, with a list of all in the run's skipped.csv" in message
    with pytest.raises(UserError, match="1 of 9"):
        sources.refuse_unreadable("folder:x", unreadable[:1], 9, accepted="JPEG and PNG")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("medium", "name", "kind"),
    [(data.images, "", "folder"), (data.series, "a.ts", "ts"), (data.series, "a.tsv", "csv"), (data.tables, "a.dat", "csv")],
)
def test_a_path_without_a_kind_is_completed(tmp_path, medium, name, kind):
    path = tmp_path / name
    if name:
        path.write_text("a,b\n")
    with pytest.raises(UserError, match=rf"did you mean '{kind}:{path}'\?"):
        medium.check_name(str(path))


@pytest.mark.parametrize("medium", [data.images, data.series, data.tables, data.texts])
def test_names_that_no_medium_can_have(medium):
    with pytest.raises(UserError, match="arrays:12345678 was passed as arrays from Python, which are not kept with a run"):
        medium.check_name("arrays:12345678")
    with pytest.raises(UserError, match="a path must be UTF-8"):
        medium.check_name("csv:\udcff")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path, monkeypatch):
    assert sources.within(f"folder:{tmp_path}", str(tmp_path / "cat" / "1.png")) == "cat/1.png"
    assert sources.within(f"csv:{tmp_path / 'table.csv'}", str(tmp_path / "dog" / "1.png")) == "dog/1.png"
    assert sources.within(f"folder:{tmp_path / 'photos'}", "/elsewhere/1.png") == "/elsewhere/1.png"
    monkeypatch.chdir(tmp_path)
    assert sources.within("folder:photos", "photos/cat/1.png") == "cat/1.png"
    assert sources.within("folder:~/photos", str(tmp_path / "1.png")) == str(tmp_path / "1.png")
