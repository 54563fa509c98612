"""The built-in dataset `docstrings`, most of it on libraries that are made up here."""

import json

import pytest

from hornbook import UserError, data
from hornbook.data.texts import docstrings

SUBJECTS = ("matrix", "window", "layer", "cluster", "socket", "tensor")


@pytest.fixture
def libraries(tmp_path, monkeypatch):
    """Six small libraries, each with sentences of its own, some that all share, and what is no sentence."""
    for number, (_, package, _) in enumerate(docstrings.LIBRARIES):
        folder = tmp_path / (package or "stdlib")
        (folder / "tests").mkdir(parents=True)
        for k in range(60):
            letters = "".join(chr(97 + int(digit)) for digit in f"{k:02d}")
            (folder / f"module{k}.py").write_text(
                f'"""Compute the {SUBJECTS[number]} called {letters} of all the given inputs.\n\n'
                f"This sentence about {letters} is shared by all of the libraries.\n\n"
                f"Like numpy, the {SUBJECTS[number]} called {letters} has some more things.\n\n"
                f'>>> Not a sentence but code of {SUBJECTS[number]} and of {letters} in here.\n"""\n'
                f"x = 'Not a docstring but the text of a {SUBJECTS[number]} in a string.'\n"
            )
        (folder / "tests/test_module.py").write_text(f'"""A test of the {SUBJECTS[number]} that nobody would want to read here."""\n')
    monkeypatch.setattr(docstrings, "_folder", lambda package: tmp_path / (package or "stdlib"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_sentences_of_one_library_alone_without_its_name(libraries):
    parts, names, versions = docstrings.load()
    assert names == tuple(versions) == tuple(name for name, _, _ in docstrings.LIBRARIES)
    texts = [text for part in parts.values() for text in part[0]]
    assert len(texts) == len(set(texts)) > 100
    assert all(text.startswith("Compute the ") and text.endswith("inputs.") for text in texts)
    for part, labels in parts.values():
        assert all(SUBJECTS[label] in text for text, label in zip(part, labels, strict=True))
        counts = [(labels == k).sum() for k in range(len(names))]
        assert min(counts) == max(counts) > 0


def test_a_cache_gives_the_same_and_is_not_believed_when_it_is_broken(libraries, monkeypatch):
    first, _, _ = docstrings.load()
    (cached,) = (libraries / "cache/hornbook").iterdir()
    monkeypatch.setattr(docstrings, "_collect", lambda: pytest.fail("read again in spite of a cache"))
    again, _, _ = docstrings.load()
    assert all(again[part][0] == first[part][0] and (again[part][1] == first[part][1]).all() for part in first)
    monkeypatch.undo()
    monkeypatch.setattr(docstrings, "_folder", lambda package: libraries / (package or "stdlib"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(libraries / "cache"))
    content = json.loads(cached.read_text())
    content["sentences"]["train"][0][0] = "Something else."
    for broken in (json.dumps(content), "{", "[]", ""):
        cached.write_text(broken)
        assert docstrings.load()[0]["train"][0] == first["train"][0]


def test_a_cache_that_cannot_be_written_does_not_matter(libraries, monkeypatch):
    (libraries / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(libraries / "file"))
    assert docstrings.load()[0]["train"][0]


def test_a_library_that_is_not_there_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(docstrings, "LIBRARIES", (("nothing", "no_such_package_anywhere", None), *docstrings.LIBRARIES))
    monkeypatch.setattr(docstrings, "_versions", dict)
    with pytest.raises(UserError, match="needs the source files of no_such_package_anywhere"):
        docstrings.load()


def test_the_real_one_is_balanced_and_plain(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(docstrings, "_MOST_BYTES", 4_000_000)  # To read all takes six seconds.
    dataset = data.texts.load("docstrings")
    assert dataset.class_names == ("keras", "numpy", "python", "scikit-learn", "scipy", "tensorflow")
    assert len(dataset.train) >= 1500
    assert len(dataset.test) >= 300
    for part in dataset.parts.values():
        counts = [(part.labels == k).sum() for k in range(6)]
        assert min(counts) == max(counts)
        texts = [text.lower() for text in part.texts()]
        assert not any(
            name in text for text in texts for name in ("keras", "tensorflow", "numpy", "scipy", "sklearn", "scikit", "`", ">>>")
        )
    assert not set(dataset.train.texts()) & set(dataset.test.texts())
