"""Tables as people have them, each with one thing wrong or odd; none of it needs Keras."""

import dataclasses
import re

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data import splits
from hornbook import data
from hornbook.data.tables import encoding as table_encoding
from hornbook.data.tables import file_columns
from hornbook.data import csv_rows
from hornbook.data import csv_layout

COLUMNS = ("height", "weight", "colour", "label")


@pytest.fixture(autouse=True, params=["in memory", "in its file"])
def where_tables_are(request, monkeypatch):
    """Everything here holds of tables that stay in their file, too."""
    if request.param == "in its file":
        monkeypatch.setattr(text_rows, "STREAMED_FROM", 0)
        monkeypatch.setattr(table_files, "_BLOCK", 7)


def rows(count=60, seed=0):
    """Two numbers, a category and a class that the first number tells."""
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    height = generator.normal(size=count).round(3) + 2 * labels
    weight = generator.normal(70, 9, count).round(2)
    return [[str(height[k]), str(weight[k]), ("red", "blue")[k // 2 % 2], ("no", "yes")[labels[k]]] for k in range(count)]


def write(folder, table, header=COLUMNS, *, separator=",", end="\n", encoding="utf-8", name="table.csv"):
    lines = [separator.join(row) for row in ([header, *table] if header else table)]
    (folder / name).write_bytes((end.join(lines) + end).encode(encoding))
    return f"csv:{folder / name}"


def changed(table, row, column, value):
    return [[value if (r, c) == (row, column) else cell for c, cell in enumerate(cells)] for r, cells in enumerate(table)]


def refusal(name, **options):
    with pytest.raises(UserError) as raised:
        data.tables.load(name, **options)
    message = str(raised.value)
    assert "\n" not in message
    return message


def everything(dataset):
    """Inputs and labels of all parts in the order of the rows."""
    parts = dataset.parts.values()
    order = np.argsort(np.concatenate([part.indices for part in parts]))
    return tuple(np.concatenate([getattr(part, name) for part in parts])[order] for name in ("inputs", "labels"))


def test_what_the_memory_should_not_hold_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(table_files, "_BLOCK", 7)
    monkeypatch.setattr(table_files, "_MOST_CATEGORIES", 30)
    name = write(tmp_path, [[*row[:2], f"name {k}", row[2], row[3]] for k, row in enumerate(rows())], ("a", "b", "who", "colour", "label"))
    message = refusal(name, in_memory="never")
    assert "column 'who' has 35 different texts in its first 35 rows" in message
    assert "--id-column who" in message
    monkeypatch.setattr(table_files, "_MOST_CLASSES", 10)
    assert "column 'who' has more than 10 different values" in refusal(name, in_memory="never", label_column="who")


def test_a_table_is_split_and_encoded(tmp_path):
    dataset = data.tables.load(write(tmp_path, rows()))
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 43, "validation": 5, "test": 12}
    assert dataset.class_names == ("no", "yes")
    assert dataset.encoding.inputs == ("height", "weight", "colour")
    assert dataset.encoding.categories == {"colour": ("blue", "red")}
    assert (dataset.input_shape, dataset.num_numbers) == ((3,), 2)
    inputs, labels = everything(dataset)
    assert inputs.dtype == np.float32
    assert labels.tolist() == [k % 2 for k in range(60)]
    np.testing.assert_allclose(inputs[:, 1], [float(row[1]) for row in rows()], rtol=1e-6)
    assert inputs[:, 2].tolist() == [1 if row[2] == "blue" else 2 for row in rows()]


@pytest.mark.parametrize(
    "options",
    [
        {"separator": ";"},
        {"separator": "\t"},
        {"end": "\r\n"},
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"separator": ";", "encoding": "utf-8-sig", "end": "\r\n"},
    ],
    ids=str,
)
def test_files_of_every_kind_read_the_same(tmp_path, options):
    expected = everything(data.tables.load(write(tmp_path, rows())))
    found = everything(data.tables.load(write(tmp_path, rows(), **options, name="other.csv")))
    assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))


def test_decimal_commas_are_found_or_said(tmp_path):
    expected = everything(data.tables.load(write(tmp_path, rows())))[0]
    european = [[cell.replace(".", ",") for cell in row] for row in rows()]
    name = write(tmp_path, european, separator=";", name="european.csv")
    assert np.array_equal(everything(data.tables.load(name))[0], expected)
    quoted = write(tmp_path, [[f'"{cell}"' for cell in row] for row in european], name="quoted.csv")
    assert np.array_equal(everything(data.tables.load(quoted, decimal="comma"))[0], expected)
    mixed = write(tmp_path, changed(rows(), 3, 1, '"70,5"'), name="mixed.csv")
    message = refusal(mixed)
    assert "line 5, column 'weight': '70,5' is no number" in message
    assert "--decimal comma" in message
    thousands = write(tmp_path, changed(european, 3, 1, "1.070,5"), separator=";", name="thousands.csv")
    assert "line 5, column 'weight': '1.070,5' is no number" in refusal(thousands, decimal="comma")


def test_other_encodings_are_found_or_said(tmp_path, capsys):
    table = [[*row[:2], "rosé" if row[2] == "red" else row[2], row[3]] for row in rows()]
    name = write(tmp_path, table, encoding="cp1252")
    dataset = data.tables.load(name)
    assert "rosé" in dataset.encoding.categories["colour"]
    assert "was read as Windows-1252; pass --encoding" in capsys.readouterr().out
    assert "rosé" in data.tables.load(name, encoding="latin-1").encoding.categories["colour"]
    assert "line 2 is not utf-8" in refusal(name, encoding="utf-8")
    assert "--encoding klingon is unknown" in refusal(name, encoding="klingon")
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04\x00\x00\xff\xfe a,b\n")
    assert re.search("is not UTF-8|is no text in UTF-8", refusal(f"csv:{tmp_path / 'sheet.csv'}"))


def test_a_file_without_a_header(tmp_path, capsys):
    name = write(tmp_path, rows(), header=None)
    dataset = data.tables.load(name, label_column="column4")
    assert sum(map(len, dataset.parts.values())) == 60
    assert dataset.encoding.inputs == ("column1", "column2", "column3")
    assert "was read as a row" in capsys.readouterr().out
    message = refusal(name)
    assert "'column1', 'column2', 'column3', 'column4'" in message
    assert "--label-column" in message
    years = write(tmp_path, rows(), header=("2001", "2002", "colour", "label"), name="years.csv")
    assert data.tables.load(years, header="yes").encoding.inputs == ("2001", "2002", "colour")
    words = write(tmp_path, [[row[2], row[3]] for row in rows()], header=None, name="words.csv")
    assert len(everything(data.tables.load(words, header="no", label_column="column2"))[1]) == 60


@pytest.mark.parametrize("missing", ["", "NaN", "nan", "?", "N/A", "NULL", " ", "NA"])
def test_missing_numbers_are_the_training_rows_median_and_marked(tmp_path, missing):
    table = rows()
    for row in (3, 11, 20, 35, 41, 52):
        table[row][1] = missing
    dataset = data.tables.load(write(tmp_path, table))
    assert dataset.encoding.inputs == ("height", "weight", "weight is missing", "colour")
    inputs, _ = everything(dataset)
    train = [float(table[k][1]) for k in dataset.train.indices if table[k][1] != missing]
    median = np.float32(np.median(train))
    assert inputs[[3, 11, 20, 35, 41, 52], 1].tolist() == [median] * 6
    assert np.flatnonzero(inputs[:, 2]).tolist() == [3, 11, 20, 35, 41, 52]


def test_further_words_for_missing(tmp_path):
    name = write(tmp_path, changed(changed(rows(), 3, 1, "-inf"), 5, 1, "unknown"))
    assert "--missing-values 'unknown'" in refusal(name, missing_values="-inf")
    dataset = data.tables.load(name, missing_values="-inf, Unknown")
    assert np.isfinite(everything(dataset)[0]).all()


def test_missing_categories_are_a_category(tmp_path):
    table = rows()
    for row in range(0, 60, 4):
        table[row][2] = "?"
    encoding = data.tables.load(write(tmp_path, table)).encoding
    assert encoding.categories["colour"] == ("blue", "missing", "red")


def test_rare_and_unseen_categories_have_the_code_0(tmp_path):
    table = rows()
    for row, colour in ((0, "mauve"), (5, "teal"), (9, "teal")):
        table[row][2] = colour
    dataset = data.tables.load(write(tmp_path, table))
    assert dataset.encoding.categories["colour"] == ("blue", "red")
    assert everything(dataset)[0][[0, 5, 9], 2].tolist() == [0, 0, 0]
    tested = data.tables.load(write(tmp_path, rows()), test_dataset=write(tmp_path, changed(rows(12), 1, 2, "never"), name="t.csv"))
    assert tested.test.inputs[:, 2][1] == 0
    assert len(data.tables.load(write(tmp_path, table), rare_categories=1).encoding.categories["colour"]) > 2


def test_declared_categories_and_columns(tmp_path):
    table = [[*row[:3], str(k % 3), str(k), row[3]] for k, row in enumerate(rows())]
    name = write(tmp_path, table, ("height", "weight", "colour", "code", "number", "label"))
    dataset = data.tables.load(name, categorical_columns="code", id_column="number")
    assert dataset.encoding.inputs == ("height", "weight", "colour", "code")
    assert dataset.encoding.categories["code"] == ("0", "1", "2")
    chosen = data.tables.load(name, feature_columns="weight, colour", label_column="code")
    assert chosen.encoding.inputs == ("weight", "colour")
    assert chosen.class_names == ("0", "1", "2")
    assert "has no column 'size' (--feature-columns)" in refusal(name, feature_columns="size")
    assert "has no column 'size' (--id-column)" in refusal(name, id_column="size")
    assert "has no column 'size' (--label-column)" in refusal(name, label_column="size")
    assert "cannot be both" in refusal(name, feature_columns="label")
    assert "no feature" in refusal(name, categorical_columns="number", id_column="number")
    assert "no column to predict label from" in refusal(name, id_column="height,weight,colour,code,number")


def test_names_with_commas_are_quoted():
    assert csv_rows.names('a, "b, c",d') == ("a", "b, c", "d")
    assert csv_rows.names(None) == ()


def test_statistics_come_from_the_training_rows_alone(tmp_path):
    dataset = data.tables.load(write(tmp_path, rows()))
    held_out = np.concatenate([dataset.validation.indices, dataset.test.indices])
    table = rows()
    for row in held_out:  # Other numbers and categories where training does not look: nothing that was learned may change.
        table[row][:3] = ["1000", "-1000", "green"]
    other = data.tables.load(write(tmp_path, table, name="other.csv"))
    assert other.encoding == dataset.encoding
    assert np.array_equal(other.train.inputs, dataset.train.inputs)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: changed(t, 3, 0, "inf"), "line 5, column 'height': inf is no number to compute with"),
        (lambda t: changed(t, 3, 0, "-Infinity"), "line 5, column 'height': -Infinity is no number to compute with"),
        (lambda t: changed(t, 3, 0, "1e300"), "line 5, column 'height': 1e300 is no number to compute with"),
        (lambda t: changed(t, 3, 0, "abc"), "line 5, column 'height': 'abc' is no number; accepted are numbers such as 0.5"),
        (lambda t: changed(t, 3, 0, "1_000"), "line 5, column 'height': '1_000' is no number"),
        (lambda t: changed(t, 3, 0, "٣"), "line 5, column 'height': '٣' is no number"),
        (lambda t: changed(t, 3, 3, "nan"), "line 5, column 'label': the label is missing ('nan')"),
        (lambda t: changed(changed(t, 3, 3, ""), 9, 3, ""), "line 5, column 'label' and 1 more: the label is missing ('')"),
        (lambda t: changed(t, 3, 3, "Yes"), "has the classes 'Yes' (line 5) and 'yes' (line 3), which differ in capitals or blanks alone"),
        (lambda t: [[*row[:3], ("0", "1", "0.0")[k % 3]] for k, row in enumerate(t)], "'0.0' (line 4), which are one number"),
        (lambda t: changed(t, 3, 2, "re\0d"), "line 5 has a NUL byte"),
        (lambda t: changed(t, 3, 3, "maybe"), "line 5, column 'label': the class 'maybe' has 1 row, which cannot stand in 3 parts"),
        (lambda t: [row if k != 3 else row[:3] for k, row in enumerate(t)], "line 5 has 3 fields, the first line 4"),
        (lambda t: t[:3], "has 3 rows; at least 10 are needed"),
        (lambda t: [], "has no row below its first line"),
        (lambda t: [[*row[:3], "yes"] for row in t], "column 'label' has one class, 'yes'"),
        (lambda t: [["1", "2", "red", row[3]] for row in t], "has no column to learn from ('height': it is constant in training"),
        (
            lambda t: [[*row[:2], f"name {k}", row[3]] for k, row in enumerate(t)],
            "an identifier or free text; leave it out with --id-column",
        ),
        (
            lambda t: [[*row[:3], row[1]] for row in t],
            "different numbers in 60 rows, which are no classes; numbers are predicted by hornbook",
        ),
    ],
    ids=range(19),
)
def test_what_is_wrong_is_named_with_its_line_and_column(tmp_path, change, words):
    name = write(tmp_path, change(rows()))
    message = refusal(name)
    assert name.removeprefix("csv:") in message
    assert words in message


def test_a_class_of_one_row_is_accepted_where_nothing_is_held_out(tmp_path):
    name = write(tmp_path, changed(rows(), 3, 3, "maybe"))
    assert "add rows, or pass --test-fraction 0 and --validation-fraction 0" in refusal(name)
    dataset = data.tables.load(name, test_fraction=0, validation_fraction=0)
    assert dataset.class_names == ("maybe", "no", "yes")


def test_constant_and_empty_columns_are_left_out_and_said(tmp_path, capsys):
    table = [[*row[:3], "7", "", "same", row[3]] for row in rows()]
    dataset = data.tables.load(write(tmp_path, table, ("height", "weight", "colour", "seven", "nothing", "text", "label")))
    assert dataset.encoding.inputs == ("height", "weight", "colour")
    assert set(dataset.encoding.left_out) == {"seven", "nothing", "text"}
    assert "the column 'seven' is left out: it is constant in training" in capsys.readouterr().out


def test_a_column_of_one_value_and_missing_ones_keeps_its_indicator(tmp_path):
    table = [["7" if k % 3 else "", *row[1:]] for k, row in enumerate(rows())]
    encoding = data.tables.load(write(tmp_path, table)).encoding
    assert encoding.indicators == ("height",)


def test_a_test_table_of_its_own(tmp_path, capsys):
    train = write(tmp_path, rows())
    test = write(tmp_path, [[row[2], row[3], "9", *row[:2]] for row in rows(14, seed=1)],
                 ("colour", "label", "more", "height", "weight"), name="test.csv")  # fmt: skip
    dataset = data.tables.load(train, test_dataset=test)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 54, "validation": 6, "test": 14}
    np.testing.assert_allclose(dataset.test.inputs[:, 1], [float(row[1]) for row in rows(14, seed=1)], rtol=1e-6)
    assert "columns that the training table has not, which are left alone: more" in capsys.readouterr().out
    fewer = write(tmp_path, [row[1:] for row in rows(14)], COLUMNS[1:], name="fewer.csv")
    assert "fewer.csv has no column 'height', which the training table had" in refusal(train, test_dataset=fewer)
    unknown = write(tmp_path, changed(rows(14), 2, 3, "perhaps"), name="unknown.csv")
    message = refusal(train, test_dataset=unknown)
    assert "unknown.csv line 4, column 'label': the class 'perhaps' is unknown in training; accepted are no, yes" in message
    broken = write(tmp_path, changed(rows(14), 2, 1, "heavy"), name="broken.csv")
    assert "broken.csv line 4, column 'weight': 'heavy' is no number" in refusal(train, test_dataset=broken)


def test_a_test_table_may_lack_a_column_that_was_left_out(tmp_path):
    train = write(tmp_path, [[*row[:3], "7", row[3]] for row in rows()], (*COLUMNS[:3], "constant", "label"))
    dataset = data.tables.load(train, test_dataset=write(tmp_path, rows(14, seed=1), name="test.csv"))
    assert dataset.encoding.left_out.keys() == {"constant"}
    assert dataset.row_in_words("train", 0).count(", ") == 3
    assert dataset.row_in_words("test", 0).count(", ") == 2


def test_several_labels(tmp_path):
    table = [[*row[:3], str(k % 2), ("no", "yes")[k % 3 == 0]] for k, row in enumerate(rows())]
    name = write(tmp_path, table, ("height", "weight", "colour", "odd", "third"))
    dataset = data.tables.load(name, label_column="odd,third")
    assert (dataset.task, dataset.class_names) == ("multi-label", ("odd", "third"))
    _, labels = everything(dataset)
    assert labels.tolist() == [[k % 2, k % 3 == 0] for k in range(60)]
    wrong = write(tmp_path, changed(table, 3, 4, "2"), ("height", "weight", "colour", "odd", "third"), name="wrong.csv")
    assert "line 5, column 'third': '2' is neither 0 nor 1" in refusal(wrong, label_column="odd,third")


def test_targets_that_are_numbers(tmp_path):
    name = write(tmp_path, rows())
    dataset = data.tables.load(name, task="regression", label_column="weight")
    _, labels = everything(dataset)
    assert (dataset.class_names, dataset.target_names) == ((), ("weight",))
    np.testing.assert_allclose(labels[:, 0], [float(row[1]) for row in rows()])
    assert data.tables.load(name, task="regression", label_column="weight,height").train.labels.shape == (43, 2)
    for change, words in (
        (lambda t: changed(t, 3, 1, ""), "line 5, column 'weight': the label is missing ('')"),
        (lambda t: changed(t, 3, 1, "heavy"), "line 5, column 'weight': 'heavy' is no number"),
        (lambda t: changed(t, 3, 1, "inf"), "line 5, column 'weight': inf is no number to compute with"),
        (lambda t: [[row[0], "7", *row[2:]] for row in t], "column 'weight' is 7 in every training row"),
        (lambda t: t[:9], "has 9 rows"),
    ):
        message = refusal(write(tmp_path, change(rows()), name="wrong.csv"), task="regression", label_column="weight")
        assert words in message
        assert "--missing-values" not in message
    assert "line 2, column 'colour': 'red' is no number" in refusal(name, task="regression", label_column="colour")
    assert "is called target, y, value, label" in refusal(write(tmp_path, rows(), (*COLUMNS[:3], "c"), name="c.csv"), task="regression")


def test_built_in_tables():
    for name, task, inputs, classes in (
        ("breast_cancer", "classification", 30, 2), ("wine", "classification", 13, 3), ("diabetes", "regression", 10, 0),
    ):  # fmt: skip
        dataset = data.tables.load(name, task=task)
        assert (dataset.input_shape, dataset.num_classes) == ((inputs,), classes)
        assert np.isfinite(dataset.train.inputs).all()
    assert data.tables.load("wine").class_names == ("class_0", "class_1", "class_2")
    assert "wine is a dataset of classification: hornbook tabular-classification --dataset wine" in refusal("wine", task="regression")
    assert "hornbook regression" in refusal("diabetes")


def test_names_that_are_none(tmp_path):
    assert "did you mean 'wine'" in refusal("win")
    assert "csv:PATH or tfds:NAME, got 'folder:here'" in refusal("folder:here")
    assert "is not there" in refusal(f"csv:{tmp_path / 'nowhere.csv'}")
    assert "csv:PATH or tfds:NAME" in refusal("digits")


def test_arrays():
    generator = np.random.default_rng(0)
    features, classes = generator.normal(size=(40, 3)), np.arange(40) % 2
    features[3, 1] = np.nan
    dataset = data.tables.from_arrays(features, classes, features[:10], classes[:10], class_names=("a", "b"), validation_fraction=0.2)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 32, "validation": 8, "test": 10}
    assert dataset.class_names == ("a", "b")
    assert dataset.name.startswith("arrays:")
    again = data.tables.from_arrays(features, classes, features[:10], classes[:10], class_names=("a", "b"), validation_fraction=0.2)
    assert again.name == dataset.name
    mixed = np.array([[k, "red" if k % 2 else None, k % 3] for k in range(40)], object)
    dataset = data.tables.from_arrays(
        mixed, features[:, 0], task="regression", column_names=("k", "colour", "code"), categorical_columns=("code",)
    )
    assert dataset.encoding.categories == {"colour": ("missing", "red"), "code": ("0", "1", "2")}
    both = data.tables.from_arrays(features, np.stack([classes, 1 - classes], axis=1), class_names=("left", "right"))
    assert (both.task, both.class_names) == ("multi-label", ("left", "right"))
    for wrong, words in (
        ((features[:, 0], classes), "must be numbers or text of shape (rows, columns)"),
        ((features, classes[:7]), "needs labels of shape (40,)"),
        ((np.where(np.arange(120).reshape(40, 3) == 7, np.inf, features), classes), "row 2, column 'column2': inf"),
    ):
        with pytest.raises(UserError) as raised:
            data.tables.from_arrays(*wrong)
        assert words in str(raised.value)


def test_an_encoding_is_kept_as_json(tmp_path):
    encoding = data.tables.load(write(tmp_path, changed(rows(), 3, 0, "?"))).encoding
    again = table_encoding.Encoding.from_json(encoding.to_json())
    assert again == encoding
    assert dataclasses.asdict(again) == dataclasses.asdict(encoding)


def test_the_split_is_written_down(tmp_path):
    dataset = data.tables.load(write(tmp_path, rows()), task="regression", label_column="weight")
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False)
    lines = (tmp_path / "split.csv").read_text().splitlines()
    assert lines[0] == "part,source,index,label"
    assert len(lines) == 61
    part, _, index, target = lines[1].split(",")
    assert part == "train"
    assert float(target) == float(rows()[int(index)][1])
    assert data.tables.load(write(tmp_path, rows()), split_seed=1).train.indices.tolist() != dataset.train.indices.tolist()
