"""Tables that name image files and their classes."""

import pytest
from PIL import Image

from hornbook import UserError, data


def pictures(root, count=12):
    (root / "pictures").mkdir()
    for number in range(count):
        Image.new("L", (4, 4), number).save(root / f"pictures/{number}.png")
    return [(f"pictures/{number}.png", ("cat", "dog")[number % 2]) for number in range(count)]


def write(root, rows, header=("path", "label"), separator=",", end="\n", name="table.csv", encoding="utf-8"):
    text = "".join(separator.join(map(str, row)) + end for row in [header, *rows])
    (root / name).write_bytes(text.encode(encoding))
    return root / name


def load(path, **options):
    return data.images.load(f"csv:{path}", **options)


def refusal(path, **options):
    with pytest.raises(UserError) as raised:
        load(path, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"separator": ";"},
        {"separator": "\t"},
        {"separator": "\t", "name": "table.tsv"},
        {"end": "\r\n"},
        {"encoding": "utf-8-sig"},
        {"header": ("Filename", "CLASS")},
        {"header": (" image ", "category")},
        {"encoding": "utf-8-sig", "end": "\r\n", "separator": ";"},
    ],
    ids=str,
)
def test_tables_as_people_have_them(tmp_path, options):
    rows = pictures(tmp_path)
    dataset = load(write(tmp_path, rows, **options), validation_fraction=0, test_fraction=0.25)
    assert (dataset.class_names, dataset.input_shape) == (("cat", "dog"), (4, 4, 1))
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 9, "test": 3}
    for part in dataset.parts.values():
        assert part.inputs[:, 0, 0, 0].tolist() == part.indices.tolist()
        assert part.labels.tolist() == (part.indices % 2).tolist()
        assert part.files.tolist() == [str(tmp_path / rows[index][0]) for index in part.indices]


def test_columns_by_name(tmp_path):
    rows = [(label, f'"a, {number}"', tmp_path / path, " tea ") for number, (path, label) in enumerate(pictures(tmp_path))]
    table = write(tmp_path, rows, ("animal", "remark", "where", "label"))
    assert load(table, path_column="where", label_column="animal").class_names == ("cat", "dog")
    assert "has one class, 'tea'" in refusal(table, path_column="where")
    assert "none of its columns 'animal', 'remark', 'where', 'label' is called path, file" in refusal(table)
    assert "has no column 'nowhere' (--path-column); it has 'animal', 'remark', 'where', 'label'" in refusal(table, path_column="nowhere")
    assert "cannot be both" in refusal(table, path_column="label", label_column="label")


def test_blanks_around_labels_and_blank_lines_do_not_count(tmp_path):
    rows = [(path, f"  {label}\t" if number < 4 else label) for number, (path, label) in enumerate(pictures(tmp_path))]
    rows[5:5] = [("", "")]
    path = write(tmp_path, rows)
    path.write_text(path.read_text() + "\n\n")
    dataset = load(path, test_fraction=0)
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.train) + len(dataset.validation) == 12


def test_numbers_are_ordered_as_numbers(tmp_path):
    rows = [(path, (1, 2, 10)[number % 3]) for number, (path, _) in enumerate(pictures(tmp_path))]
    assert load(write(tmp_path, rows)).class_names == ("1", "2", "10")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: [rows[3], ("pictures/0.png", ""), *rows], "column 'label' is empty in line 3"),
        (lambda rows: [("", "cat"), *rows, (" ", "cat")], "column 'path' is empty in 2 lines (2, 15)"),
        (lambda rows: [*rows, rows[0]], "0.png is on line 2 and on line 14"),
        (lambda rows: [*rows, ("./" + rows[0][0], "dog")], "0.png is on line 2 and on line 14"),
        (lambda rows: [(rows[0][0], "Cat"), *rows[1:]], "line 2) and 'cat' differ in capitals or blanks alone"),
        (lambda rows: [*rows[:4], ("pictures/4.png",), *rows[5:]], "line 6 has 1 fields, the first line 2 (separated by commas)"),
        (lambda rows: [*rows[:4], ("a, b", "cat"), *rows[5:]], "line 6 has 3 fields"),
        (lambda rows: [(path, "cat") for path, _ in rows], "has one class, 'cat'"),
        (lambda rows: [*rows, ("nul\0.png", "dog")], "line 14 has a NUL byte"),
        (lambda rows: [], "has no row below its first line"),
    ],
)
def test_rows_that_are_wrong_are_named(tmp_path, change, words):
    path = write(tmp_path, change(pictures(tmp_path)))
    message = refusal(path)
    assert message.startswith(str(path))
    assert words in message


def test_files_that_are_not_there_are_named_all_at_once(tmp_path):
    rows = pictures(tmp_path)
    path = write(tmp_path, [*rows, ("pictures/99.png", "cat"), ("pictures", "dog")])
    message = refusal(path)
    assert "2 of 14 images cannot be read" in message
    assert "99.png (no such file)" in message
    assert "pictures (is a folder)" in message
    dataset = load(path, skip_unreadable=True)
    assert len(dataset.unreadable) == 2
    assert sum(map(len, dataset.parts.values())) == 12


def test_files_that_are_no_tables(tmp_path):
    assert "is not there; accepted is a CSV or TSV file" in refusal(tmp_path / "nowhere.csv")
    assert "is a folder; accepted is a CSV or TSV file" in refusal(tmp_path)
    assert "--dataset 'csv:' has no path" in refusal("")
    (tmp_path / "empty.csv").write_bytes(b"")
    assert "has nothing in it" in refusal(tmp_path / "empty.csv")
    (tmp_path / "blank.csv").write_bytes(b"\xef\xbb\xbf\r\n\r\n")
    assert "has nothing in it" in refusal(tmp_path / "blank.csv")
    (tmp_path / "latin.csv").write_bytes("path,label\na.png,café\n".encode("latin-1"))
    assert "latin.csv line 2 is not UTF-8 (byte 0xe9)" in refusal(tmp_path / "latin.csv")
    (tmp_path / "utf16.csv").write_bytes("path,label\na.png,cat\n".encode("utf-16"))
    assert "utf16.csv line 1 is not UTF-8" in refusal(tmp_path / "utf16.csv")
    assert "two columns called 'label'" in refusal(write(tmp_path, [(1, 2, 3)], ("path", "label", "label")))
    assert "see that the first line names the columns" in refusal(write(tmp_path, [("a.png", "cat")], ("b.png", "dog")))
    Image.new("L", (4, 4)).save(tmp_path / "picture.png")
    assert "is not UTF-8" in refusal(tmp_path / "picture.png")


def test_letters_may_differ_in_capitals(tmp_path):
    rows = [(path, "a" if label == "cat" else "A") for path, label in pictures(tmp_path)]
    assert load(write(tmp_path, rows)).class_names == ("A", "a")


def test_a_trained_model_s_classes(tmp_path):
    path = write(tmp_path, pictures(tmp_path))
    assert set(load(path, class_names=("dog", "owl", "cat")).train.labels) == {0, 2}
    assert "line 2: the class 'cat' is unknown in training; accepted are dog, owl" in refusal(path, class_names=("dog", "owl"))


def test_a_label_column_may_have_another_name(tmp_path):
    rows = pictures(tmp_path)
    table = write(tmp_path, rows, ("image", "species"))
    assert "is called label, class, class_name, category, target; pass --label-column, and see that" in refusal(table)
    dataset = load(table, label_column="species")
    assert dataset.notes == ()
    assert dataset.class_names == ("cat", "dog")
