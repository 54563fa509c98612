"""Names of classes that mean something to a file system, a terminal, a spreadsheet or a shell: none becomes a file, all come back."""

import json
import os
import unicodedata

import numpy as np
import pytest

from hornbook import UserError, spreadsheets, terminal
from hornbook.data import folders
from hornbook.data.images import decoding
from hornbook.inference import evaluate
from hornbook.inference.predict import command as predict
from hornbook.recipes import image_classification

NAMES = [
    "CON", "PRN.txt", "aux", "nul.", "com1.tar.gz", "a.", "b ", "c:d", "e*f?", "g\\h", "\u202egpj", "a\nb", "\x1b[31m", "=cmd()", "-n", "~",
    "$(touch x)", "%s{0}", "x" * 255, "\u00e9" * 127, "\U0001f389", "<script>alert(1)", "null", "1e5",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folders of a run and of its data, whose classes have such names."""
    place = tmp_path_factory.mktemp("names")
    numbers = np.random.default_rng(0)
    for name in NAMES:
        (place / "data" / name).mkdir(parents=True)
        for number in range(6):
            pixels = numbers.integers(0, 255, (6, 6), np.uint8)
            decoding._pillow().fromarray(pixels).save(place / "data" / name / f"{number}.png")
    options = {"model": "mlp", "width": 4, "epochs": 1, "batch_size": 64, "output": str(place / "run")}
    image_classification.main(image_classification.Args(dataset=f"folder:{place / 'data'}", **options))
    return place / "run", place / "data"


def test_no_class_becomes_a_file(run):
    folder, _ = run
    found = [name for _, inside, names in os.walk(folder) for name in (*inside, *names)]
    assert not [name for name in found if any(one in name for one in NAMES if len(one) > 2)]
    assert sorted(os.listdir(folder.parent)) == ["data", "run"]


def test_each_comes_back_from_the_run_s_files(run):
    folder, _ = run
    about = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    assert sorted(about["class_names"]) == sorted(unicodedata.normalize("NFC", name) for name in NAMES)
    with open(folder / "split.csv", newline="", encoding="utf-8") as file:
        heading, *rows = spreadsheets.read(file)
    assert {row[heading.index("label")] for row in rows} <= set(NAMES)
    written = (folder / "report.html").read_text(encoding="utf-8")
    assert "<script>alert(1)" not in written
    assert "\x1b" not in written


def test_and_is_shown_in_one_line(run, capsys):
    folder, data = run
    predict.predict([str(folder), str(data / "a\nb" / "0.png"), "--top", "24"])
    [line] = capsys.readouterr().out.splitlines()
    first, *fields = line.split("\t")
    assert first == terminal.shown(str(data / "a\nb" / "0.png"))
    assert sorted(fields[::2]) == sorted(map(terminal.shown, NAMES))
    evaluate.evaluate([str(folder)])
    assert "accuracy" in capsys.readouterr().out


TWINS = [
    ("Cat", "cat"), ("caf\u00e9", "cafe\u0301"), ("ab", "ab\u200b"), ("ab", "ab "), ("a b", "a\u00a0b"), ("ab", "ab\u202e"),
    ("x" * 254 + "A", "x" * 254 + "a"), ("stra\u00dfe", "strasse"), ("1", "1.0"), ("CON", "con"),
]  # fmt: skip


@pytest.mark.parametrize("twins", TWINS, ids=ascii)
def test_names_that_are_most_likely_one_are_refused(tmp_path, twins):
    for name in twins:
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(b"")
    if len(os.listdir(tmp_path)) < 2:
        pytest.skip("the file system itself takes them for one")
    with pytest.raises(UserError, match=r"spell them alike|make them one"):
        folders.labelled_files(str(tmp_path))


def test_a_name_that_is_no_text(tmp_path):
    try:
        os.makedirs(os.path.join(os.fsencode(tmp_path), b"\xff"))
    except OSError:
        pytest.skip("the file system knows no such names")
    with pytest.raises(UserError, match=r"^'/.*\\udcff': the name of a class must be UTF-8; rename the folder$"):
        folders.labelled_files(str(tmp_path))
