"""Inputs a few at a time: the answers are those of all at once, folders are their files, and little is held."""

import os
import threading
import types

import numpy as np
import pytest
from PIL import Image

from hornbook import UserError, files
from hornbook.data import csv_rows, inputs
from hornbook.data.inputs import whole
from hornbook.data.tables import csv as tables_csv
from hornbook.data.tables import inputs as table_inputs
from hornbook.data.texts import csv as text_csv
from hornbook.inference.finished_run import open_run
from hornbook.inference.predict import stream


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4), value, np.uint8)).save(path)


def said(capsys, predicted, *words):
    capsys.readouterr()
    predicted(*words)
    return capsys.readouterr().out.splitlines()


def test_answers_do_not_depend_on_chunks(run, table, predicted, tmp_path, capsys, monkeypatch):
    (tmp_path / "lines.txt").write_text("\n".join(f"a {['good', 'bad', 'film'][k % 3]} {'film ' * (k % 4)}" for k in range(21)))
    np.save(tmp_path / "series.npy", np.random.default_rng(0).normal(size=(21, 6, 2)))
    given = {"tables": table, "texts": tmp_path / "lines.txt", "series": tmp_path / "series.npy"}
    expected = {medium: said(capsys, predicted, run(medium), path) for medium, path in given.items()}
    monkeypatch.setattr(stream, "_MOST", 8)
    monkeypatch.setattr(table_inputs, "_BLOCK", 3)
    monkeypatch.setattr(inputs, "_BLOCK", 300)
    for medium, path in given.items():
        assert said(capsys, predicted, run(medium), path) == expected[medium]
        assert len(expected[medium]) == (30 if medium == "tables" else 21)


def test_a_large_input_ends_a_chunk_with_a_batch(monkeypatch):
    monkeypatch.setattr(stream, "_BYTES", 100)
    monkeypatch.setattr(stream, "_BATCH", 4)

    class Medium:
        THREADED = ()

        @staticmethod
        def read(given, trained, skip):
            return ((str(place), np.zeros(int(given), np.uint8)) for place in range(skip, 10))

    sizes = [len(some) for some, _ in stream.chunks([stream.Source("30")], None, Medium)]
    assert sizes == [4, 4, 2]
    monkeypatch.setattr(stream, "_MOST_BYTES", 100)
    assert [len(some) for some, _ in stream.chunks([stream.Source("60")], None, Medium)] == [2] * 5


def test_a_folder_is_the_files_below_it(run, predicted, tmp_path, capsys):
    for name in ("b/2.png", "b/10.PNG", "a.jpg", ".hidden/1.png", "b/.2.png", "c/d/e.png"):
        picture(tmp_path / "photos" / name)
    (tmp_path / "photos/notes.txt").write_text("no picture")
    rows = said(capsys, predicted, run("images"), tmp_path / "photos")
    assert [row.split("\t")[0].partition("photos/")[2] for row in rows] == ["a.jpg", "b/10.PNG", "b/2.png", "c/d/e.png"]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UserError, match=r"nothing is a folder without a file to predict; accepted are names that end with \.jpg, "):
        predicted(run("images"), tmp_path / "nothing")
    (tmp_path / "words").mkdir()
    (tmp_path / "words/a.txt").write_text("good\nbad\n")
    assert len(said(capsys, predicted, run("texts"), tmp_path / "words")) == 2


def test_little_of_a_file_is_read_ahead(run, table, monkeypatch):
    taken, real = [], csv_rows.rows

    def counted(found, **options):
        for row in real(found, **options):
            taken.append(row)
            yield row

    monkeypatch.setattr(csv_rows, "rows", counted)
    monkeypatch.setattr(table_inputs, "_BLOCK", 4)
    trained, medium = open_run(run("tables"))
    first = next(medium.read(str(table), trained))
    assert len(taken) == 4
    np.testing.assert_array_equal(first[1], whole(medium.read(str(table), trained))[0][1])


def test_decimal_commas_are_told_by_the_whole_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables_csv, "_BLOCK", 2)
    (tmp_path / "a.csv").write_text('a;b\n1,5;x\n2,5;"x\n')  # Nor do those behind one.
    assert tables_csv.has_decimal_commas(csv_rows.layout(tmp_path / "a.csv", encoding="auto"), ())
    for last, comma in (("2,5;x", True), ("2.5;x", False), ("x;1,5", False), ("1;1", False)):
        (tmp_path / "a.csv").write_text("a;b\n1;x\n2;x\n3;\n4;x\n;x\n" + last + "\n")
        found = csv_rows.layout(tmp_path / "a.csv", encoding="auto", header="auto")
        assert tables_csv.has_decimal_commas(found, ()) is comma
    (tmp_path / "a.csv").write_text("a;b\n1,5;x\n2\n2,5;x\n")  # A row that cannot be read says nothing.
    assert tables_csv.has_decimal_commas(csv_rows.layout(tmp_path / "a.csv", encoding="auto"), ())


@pytest.mark.parametrize(("last", "found"), [("é", "utf-8-sig"), ("é\x00", "utf-8-sig")])
def test_an_encoding_is_told_by_the_whole_file(tmp_path, monkeypatch, last, found):
    monkeypatch.setattr(files, "_BLOCK", 16)
    (tmp_path / "a.txt").write_bytes(b"plain words\n" * 9 + last.encode())
    assert files.encoding_of(tmp_path / "a.txt", "auto", "") == found
    (tmp_path / "a.txt").write_bytes(b"plain words\n" * 9 + last.encode("cp1252"))
    assert files.encoding_of(tmp_path / "a.txt", "auto", "") == ("utf-8-sig" if "\0" in last else "cp1252")
    assert files.encoding_of(tmp_path / "a.txt", "latin-1", "") == "latin-1"


def test_texts_of_a_large_file_in_windows_1252(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "_BLOCK", 16)
    monkeypatch.setattr(csv_rows, "_HEAD", 16)
    (tmp_path / "a.csv").write_bytes(b"text,label\n" + b"plain words,\n" * 9 + "café,".encode("cp1252"))
    reading = {"encoding": "auto", "header": "auto", "quoted": True}
    assert list(text_csv.to_predict(tmp_path / "a.csv", ["text"], "label", reading))[-1] == (11, "café")
    (tmp_path / "a.txt").write_bytes(b"plain words\n" * 9 + "café".encode("cp1252"))
    assert list(text_csv.lines_to_predict(tmp_path / "a.txt"))[-1] == (10, "café")


def test_what_cannot_be_read_is_left_out_if_asked(run, table, predicted, tmp_path, capsys):
    lines = table.read_text().splitlines()
    for place, line in ((3, "tall,1,red"), (5, "1,2"), (7, "1e30,1,red")):
        lines[place] = line
    table.write_text("\n".join(lines))
    with pytest.raises(UserError, match="line 4, column 'height': 'tall' is no number"):
        predicted(run("tables"), table)
    capsys.readouterr()
    predicted(run("tables"), table, tmp_path / "absent.csv", "--skip-unreadable")
    out, err = capsys.readouterr()
    assert [int(row.split("\t")[0].rpartition(":")[2]) for row in out.splitlines()] == [k for k in range(2, 32) if k not in (4, 6, 8)]
    assert [line.partition(": left out ")[2].partition(": ")[0] for line in err.splitlines()] == [
        f"{table}:4", f"{table}:6", f"{table}:8", str(tmp_path / "absent.csv")
    ]  # fmt: skip


def test_a_quotation_mark_that_is_never_closed_ends_its_file_alone(run, table, predicted, tmp_path):
    (tmp_path / "cut.csv").write_text('height,weight,colour\n1,2,red\n3,4,"red\n5,6,red\n')
    predicted(run("tables"), tmp_path / "cut.csv", table, "--skip-unreadable", "--output", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().count("\n") == 32
    assert "a quotation mark opens and is never closed" in (tmp_path / "a.csv.errors.csv").read_text()


def test_pictures_that_cannot_be_read(run, predicted, tmp_path, capsys):
    picture(tmp_path / "photos/a.png")
    (tmp_path / "photos/b.png").write_text("no")
    with pytest.raises(UserError, match=r"b\.png cannot be read as an image"):
        predicted(run("images"), tmp_path / "photos")
    assert len(said(capsys, predicted, run("images"), tmp_path / "photos", "--skip-unreadable")) == 1
    array = np.zeros((3, 4, 4, 1))
    array[1, 2] = np.inf
    np.save(tmp_path / "some.npy", array)
    rows = said(capsys, predicted, run("images"), tmp_path / "some.npy", "--skip-unreadable")
    assert [row.split("\t")[0][-3:] for row in rows] == ["[0]", "[2]"]


def test_rows_of_no_text(run, predicted, tmp_path, capsys):
    (tmp_path / "a.csv").write_text("text,label\na good film,\n,good\na bad film,\n")
    with pytest.raises(UserError, match="column 'text' is empty in line 3"):
        predicted(run("texts"), tmp_path / "a.csv")
    assert len(said(capsys, predicted, run("texts"), tmp_path / "a.csv", "--skip-unreadable")) == 2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [">f8", "<i2", "bool"])
def test_arrays_are_read_in_blocks(tmp_path, monkeypatch, order, dtype):
    monkeypatch.setattr(inputs, "_BLOCK", 100)
    array = np.asarray(np.random.default_rng(0).integers(0, 2, (23, 3, 2)), dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    found = inputs.array(str(tmp_path / "a.npy"))
    np.testing.assert_array_equal(found[:], array)
    np.testing.assert_array_equal(found[4:9], array[4:9])
    blocks = list(found.blocks(5))
    assert blocks[0][0] == 5
    np.testing.assert_array_equal(np.concatenate([block for _, block in blocks]), array[5:])
    assert (len(blocks) > 1) == (order == "C")


def test_an_array_that_is_cut_while_it_is_read(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 2)))
    found = inputs.array(str(tmp_path / "a.npy"))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-8])
    with pytest.raises(UserError, match="was changed while it was read"):
        found[:]


@pytest.mark.parametrize("medium", ["tables", "texts", "series", "images"])
def test_the_first_few_are_skipped(medium, run, table, tmp_path):
    np.save(tmp_path / "series.npy", np.random.default_rng(0).normal(size=(5, 6, 2)))
    np.save(tmp_path / "images.npy", np.random.default_rng(0).normal(size=(5, 4, 4, 1)))
    (tmp_path / "lines.txt").write_text("one\n\ntwo\nthree\n")
    given = {"tables": table, "texts": tmp_path / "lines.txt"}.get(medium, tmp_path / f"{medium}.npy")
    trained, module = open_run(run(medium))
    names = [name for name, _ in module.read(str(given), trained)]
    for skip in (0, 1, 2, len(names), len(names) + 3):
        assert [name for name, _ in module.read(str(given), trained, skip)] == names[skip:]


def test_pictures_are_read_in_threads_some_ahead_and_come_in_their_order(run, tmp_path):
    for place in range(60):
        picture(tmp_path / "photos" / f"{place:02}.png", place)
    (tmp_path / "photos/30.png").write_text("no")
    trained, medium = open_run(run("images"))
    threads, begun, real = set(), [], medium.read

    class Watched:
        THREADED, suffixes = medium.THREADED, medium.suffixes

        @staticmethod
        def read(given, trained, skip):
            threads.add(threading.current_thread().name)
            begun.append(given)
            return real(given, trained, skip)

    entries = stream._entries(
        stream.sources([str(tmp_path / "photos")], trained, Watched, identified=False), trained, Watched, stream.Place()
    )
    first = next(entries)
    assert len(begun) <= 4 * (os.cpu_count() or 1) + 1
    found = [first, *entries]
    assert [name[-6:-4] for name, _, _ in found] == [f"{place:02}" for place in range(60)]
    assert [int(one.max()) if place != 30 else type(one) for place, (_, one, _) in enumerate(found)] == [
        *range(30),
        UserError,
        *range(31, 60),
    ]
    assert found[30][2] == stream.Place(31, 0, 31)
    assert all(name.startswith("inputs") for name in threads)


@pytest.mark.parametrize(("size", "place"), [(10, 3), (2**16, 2**16 - 1), (2**18, 0), (2**18, 2**18 - 1)])
def test_a_picture_is_known_by_what_is_in_it_not_by_its_time(size, place, tmp_path):
    path, trained = tmp_path / "picture.jpg", types.SimpleNamespace(about={"input_shape": [8, 8, 1]})

    def identity():
        os.utime(path, (0, 0))
        return stream.sources([str(path)], trained, None, identified=True)[0].identity

    path.write_bytes(bytes(size))
    before = identity()
    assert identity() == before
    path.write_bytes(bytes(place) + b"x" + bytes(size - place - 1))
    assert identity() != before
