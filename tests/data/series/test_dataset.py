"""Series from every source, the split by unit, windows, missing values, and what is refused in one line."""

import csv

import numpy as np
import pytest

from hornbook import UserError
from hornbook import data
from hornbook.data.series import dataset as series_data
from hornbook.data.series import missing
from hornbook.data.series import windows
from hornbook.data import splits

TS = """#made by a test
@problemName Toy
@timeStamps false
@univariate false
@equalLength false
@classLabel true one two
@data
"""


def lines(count=12, length=6, features=2, label=lambda k: ("one", "two")[k % 2]):
    generator = np.random.default_rng(0)
    made = []
    for k in range(count):
        dimensions = [",".join(f"{value:.3f}" for value in generator.normal(k % 2, 1, length + k % 3)) for _ in range(features)]
        made.append(":".join([*dimensions, label(k)]))
    return made


def write_ts(path, made, header=TS):
    path.write_text(header + "\n".join(made) + "\n")
    return f"ts:{path}"


def write_tsv(path, count=12, length=6, labels=("1", "2"), change=None):
    generator = np.random.default_rng(0)
    rows = [[labels[k % len(labels)], *(f"{value:.3f}" for value in generator.normal(size=length))] for k in range(count)]
    if change:
        change(rows)
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return f"ts:{path}"


def write_csv(path, rows, names=("unit", "t", "x", "y", "label")):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([names, *rows])
    return f"csv:{path}"


def long_rows(units=12, steps=8):
    generator = np.random.default_rng(0)
    return [
        [f"u{unit}", step, *(f"{value:.3f}" for value in generator.normal(size=2)), "ab"[unit % 2]]
        for unit in range(units)
        for step in range(steps)
    ]


def refusal(name, **options):
    with pytest.raises(UserError) as caught:
        data.series.load(name, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_sequential_digits_are_the_digits_pixel_by_pixel():
    from sklearn.datasets import load_digits

    dataset = data.series.load("sequential_digits")
    assert dataset.input_shape == (64, 1)
    assert {name: len(part) for name, part in dataset.parts.items()} == {"train": 1293, "validation": 144, "test": 360}
    first = dataset.test.indices[0]
    np.testing.assert_array_equal(dataset.test.series[0].reshape(8, 8), load_digits().images[first])
    assert dataset.test.labels[0] == load_digits().target[first]


def test_a_ts_pair_keeps_its_own_test_part_and_unequal_lengths(tmp_path):
    write_ts(tmp_path / "Toy_TRAIN.ts", lines(20))
    write_ts(tmp_path / "Toy_TEST.ts", lines(7))
    for name in (tmp_path, tmp_path / "Toy", tmp_path / "Toy_TRAIN.ts"):
        dataset = data.series.load(f"ts:{name}")
        assert dataset.input_shape == (None, 2)
        assert {part: len(one) for part, one in dataset.parts.items()} == {"train": 18, "validation": 2, "test": 7}
        assert dataset.class_names == ("one", "two")
    assert sorted(set(dataset.test.lengths)) == [6, 7, 8]
    padded = dataset.test.padded([0, 1], 9)
    assert padded.dtype == np.float32
    assert np.isnan(padded[0, 6:]).all()
    assert not np.isnan(padded[1, :7]).any()


def test_a_tsv_has_its_label_first_and_its_padding_behind(tmp_path):
    def shorten(rows):
        rows[3][-2:] = ["NaN", "NaN"]
        rows[5][0] = "2.0000000e+00"

    dataset = data.series.load(write_tsv(tmp_path / "a.tsv", change=shorten), validation_fraction=0, test_fraction=0)
    assert dataset.class_names == ("1", "2")
    assert dataset.train.lengths.tolist() == [6, 6, 6, 4, *[6] * 8]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (["1,2,3:one", "1,x,3:two"], "line 9, dimension 1, value 2 is 'x', no number"),
        (["1,2,3:one", "1,?,3:two"], "line 9, dimension 1, value 2 is missing; fill it in, or pass --missing interpolate"),
        (["1,2,3:one", "1,inf,3:two"], "line 9, dimension 1, value 2 is infinite"),
        (["1,2,3:one", "1,2,3:one", "1,2,3:two"], "line 10: class two has one example, which cannot be a test example too"),
        (["1,2,3:one", "1,-1e30,3:two"], "line 9, dimension 1, value 2 is infinite or beyond 1e+18"),
        (["1,2:1,2,3:one", "1,2:1,2:two"], "line 8 has dimensions of 2 and 3 values"),
        (["1,2:1,2:one", "1,2:two"], "line 9 has 1 features, the others 2"),
        (["1,2:one", "1,2:one"], "has one class, 'one'"),
        (["1,2:one", "1,2:"], "line 9 has no label"),
        (["1,2:one", "1 2"], "line 9 has no colon before its label"),
        (["?,?:one", "1,2:two"], "line 8 has no steps"),
        (["1,2:one", "1,2:One", "1,2:one"], "differ in capitals or blanks alone"),
        ([], "has no series in it"),
    ],
)
def test_a_faulty_ts_is_refused_with_its_line(tmp_path, made, said):
    name = write_ts(tmp_path / "a.ts", made)
    text = refusal(name)
    assert said in text
    assert "a.ts" in text


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("@classLabel true a b\n", "line 2 stands before @data"),
        ("1,2:a\n@data\n", "line 1 stands before @data"),
        ("@timeStamps true\n@classLabel true a b\n@data\n", "has time stamps"),
        ("@targetLabel true\n@data\n", "says of no classes"),
    ],
)
def test_a_faulty_header_is_refused(tmp_path, header, said):
    assert said in refusal(write_ts(tmp_path / "a.ts", ["1,2:a", "3,4:b"], header))


def test_an_unknown_label_in_the_test_file_is_refused_with_its_line(tmp_path):
    write_tsv(tmp_path / "a_TRAIN.tsv")
    write_tsv(tmp_path / "a_TEST.tsv", change=lambda rows: rows[4].__setitem__(0, "3"))
    assert "a_TEST.tsv line 5: the class '3' is unknown in training; accepted are 1, 2" in refusal(f"ts:{tmp_path}")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ts:", "is not there"),
        ("ts:nowhere.ts", "is not there"),
        ("csv:nowhere.csv", "is not there"),
        ("npz:nowhere.npz", "is not there"),
        ("folder:nowhere", "is not there"),
        ("sequential_digit", "did you mean 'sequential_digits'?"),
        ("adding", "asks for a number"),
        ("arrays:12345678", "passed as arrays from Python"),
    ],
)
def test_what_is_no_source_is_refused(name, said):
    assert said in refusal(name)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"window": 0}, "--window must be at least 1, got 0"),
        ({"stride": 2}, "--stride 2 needs --window"),
        ({"window": 65}, "has 64 steps, fewer than --window 65"),
        ({"missing": "zero"}, "--missing must be one of"),
        ({"id_column": "unit"}, "--id-column is for csv:PATH"),
        ({"test_fraction": 1.0}, "--test-fraction must be in [0, 1), got 1.0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, said):
    assert said in refusal("sequential_digits", **options)


def test_a_long_table_is_put_in_order_of_time(tmp_path):
    rows = long_rows()
    expected = data.series.load(write_csv(tmp_path / "a.csv", rows), time_column="t", test_fraction=0, validation_fraction=0)
    shuffled = [rows[k] for k in np.random.default_rng(1).permutation(len(rows))]
    dataset = data.series.load(write_csv(tmp_path / "b.csv", shuffled), time_column="t", test_fraction=0, validation_fraction=0)
    assert dataset.feature_names == ("x", "y")
    assert dataset.input_shape == (8, 2)
    there = dict(zip(dataset.train.units, dataset.train.series, strict=True))
    for unit, values in zip(expected.train.units, expected.train.series, strict=True):
        np.testing.assert_array_equal(there[unit], values)


def test_times_may_be_dates(tmp_path):
    rows = [[unit, f"2024-01-{9 - step:02}", step, step, "ab"[k % 2]] for k, unit in enumerate("pqrs") for step in range(3)]
    dataset = data.series.load(write_csv(tmp_path / "a.csv", rows), time_column="t", test_fraction=0, validation_fraction=0)
    assert dataset.train.series[0][:, 0].tolist() == [2, 1, 0]


def number_units(rows, tenth):
    """Call the series by numbers, and that of the tenth row by another one."""
    for row in rows:
        row[0] = row[0].removeprefix("u")
    rows[9][0] = tenth


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda rows: rows[9].__setitem__(2, "abc"), {}, "line 11, column 'x' is 'abc', no number"),
        (lambda rows: rows[9].__setitem__(2, ""), {}, "line 11, column 'x' is missing"),
        (lambda rows: rows[9].__setitem__(2, "-inf"), {}, "line 11, column 'x' is infinite"),
        (lambda rows: rows[9].__setitem__(2, "1e30"), {}, "line 11, column 'x' is infinite or beyond 1e+18"),
        (lambda rows: rows[9].__setitem__(0, "u1\u200b"), {"time_column": "t"}, "look alike and differ in characters that are not seen"),
        (lambda rows: number_units(rows, "1.0"), {"time_column": "t"}, "line 11, column 'unit': '1.0' and '1' (line 10) are one number"),
        (lambda rows: rows[9].__setitem__(1, "soon"), {"time_column": "t"}, "line 11, column 't' is 'soon', no time"),
        (lambda rows: rows[9].__setitem__(1, "0"), {"time_column": "t"}, "has the time '0' on line 10 and on line 11; remove one"),
        (lambda rows: rows[9].__setitem__(4, ""), {}, "line 11: column 'label' is empty"),
        (lambda rows: rows[9].__setitem__(4, "a"), {}, "line 11: the label of 'u1' changes from 'b' to 'a'; pass --window"),
        (lambda rows: rows.append(rows.pop(0)), {}, "'u0' goes on here after rows of another series; pass --time-column"),
        (lambda rows: None, {"feature_columns": ("z",)}, "has no column 'z' (--feature-columns)"),
        (lambda rows: None, {"time_column": "when"}, "has no column 'when' (--time-column)"),
        (lambda rows: None, {"id_column": "subject"}, "has no column 'subject' (--id-column)"),
        (lambda rows: None, {"feature_columns": ("x", "label")}, "'label' cannot be among --feature-columns"),
        (lambda rows: rows.clear(), {}, "has no row below its first line"),
    ],
)
def test_a_faulty_table_is_refused_with_line_and_column(tmp_path, change, options, said):
    rows = long_rows()
    change(rows)
    assert said in refusal(write_csv(tmp_path / "a.csv", rows), **options)


def test_no_unit_stands_in_two_parts_when_windows_are_cut(tmp_path):
    rows = long_rows(units=40, steps=30)
    dataset = data.series.load(write_csv(tmp_path / "a.csv", rows), time_column="t", window=10, stride=3)
    units = {name: set(part.units) for name, part in dataset.parts.items()}
    assert not units["train"] & units["validation"]
    assert not units["train"] & units["test"]
    assert not units["validation"] & units["test"]
    assert set.union(*units.values()) == {f"u{k}" for k in range(40)}
    assert dataset.input_shape == (10, 2)
    assert len(dataset.train) == 7 * len(units["train"])
    assert len(set(dataset.train.keys)) == len(dataset.train)
    of_one = dataset.train.subset(np.flatnonzero(dataset.train.units == dataset.train.units[0]))
    np.testing.assert_array_equal(of_one.series[0][3:], of_one.series[1][:-3])


def test_no_group_stands_in_two_parts(tmp_path):
    rows = [[*row, f"person {int(row[0][1:]) // 4}"] for row in long_rows(units=40, steps=5)]
    name = write_csv(tmp_path / "a.csv", rows, ("unit", "t", "x", "y", "label", "person"))
    dataset = data.series.load(name, time_column="t", group_column="person")
    groups = [set(part.groups) for part in dataset.parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 10
    assert all(np.bincount(part.labels, minlength=2).all() for part in dataset.parts.values())
    again = data.series.load(name, time_column="t", group_column="person", split_seed=1)
    assert set(again.test.groups) != set(dataset.test.groups)


def test_a_unit_whose_label_changes_is_cut_into_windows_of_one_label_and_stands_in_one_part(tmp_path):
    rows = [[f"u{unit}", t, unit, t, "walk" if t < 12 else "run"] for unit in range(20) for t in range(27)]
    dataset = data.series.load(write_csv(tmp_path / "a.csv", rows), time_column="t", window=5, stride=5)
    for part in dataset.parts.values():
        for values, label in zip(part.series, part.labels, strict=True):
            assert {dataset.class_names[label]} == {"walk" if t < 12 else "run" for t in values[:, 1]}
    units = [set(part.units) for part in dataset.parts.values()]
    assert sum(map(len, units)) == 20
    rows = [*rows, *([f"u{unit}", 27 + t, unit, t, "walk"] for unit in range(20) for t in range(3))]
    dataset = data.series.load(write_csv(tmp_path / "b.csv", rows), time_column="t", window=5, stride=5)
    assert "shorter than a window and were left out" in dataset.notes[0]


def test_windows_longer_than_a_series_are_refused_with_the_series(tmp_path):
    text = refusal(write_ts(tmp_path / "a.ts", lines(20)), window=8)
    assert "a.ts line" in text
    assert "fewer than --window 8" in text


def test_missing_values_are_learned_from_training_alone(tmp_path):
    rows = long_rows(units=20)
    rows[3][2] = ""
    name = write_csv(tmp_path / "a.csv", rows)
    dataset = data.series.load(name, missing="mask", time_column="t")
    assert dataset.feature_names == ("x", "y", "x missing", "y missing")
    whole = np.concatenate(list(dataset.train.series))
    holding = next(part for part in dataset.parts.values() if "u0" in part.units)
    values = holding.series[list(holding.units).index("u0")]
    assert values[3].tolist()[2:] == [1, 0]
    assert values[3, 0] == pytest.approx(dataset.preprocessing["fill"][0], abs=1e-6)
    known = whole[:, 2] == 0
    assert dataset.preprocessing["fill"][0] == pytest.approx(whole[known, 0].mean(), abs=1e-6)
    other = data.series.load(name, time_column="t", preprocessing={**dataset.preprocessing, "fill": [7.0, 8.0]})
    part = next(part for part in other.parts.values() if "u0" in part.units)
    assert part.series[list(part.units).index("u0")][3, 0] == 7


def test_interpolation_is_linear_in_time_and_holds_the_ends():
    values = np.array([[np.nan, np.nan], [1, np.nan], [np.nan, np.nan], [3, np.nan], [np.nan, np.nan]], np.float32)
    filled = missing.filled(values, "interpolate", [5.0, 6.0])
    assert filled[:, 0].tolist() == [1, 1, 2, 3, 3]
    assert filled[:, 1].tolist() == [6] * 5
    masked = missing.filled(values, "mask", [5.0, 6.0])
    assert masked[0].tolist() == [5, 6, 1, 1]
    assert masked[1].tolist() == [1, 6, 0, 1]


def test_moments_leave_out_what_is_missing_and_do_not_blow_up_what_is_constant():
    series = [np.array([[1, 5, 1e6], [3, 5, 1e6 + 1]], np.float32), np.array([[np.nan, 5, 1e6]], np.float32)]
    part = data.series.from_arrays(series, [0, 1], validation_fraction=0, missing="mask").train
    mean, variance = part.moments()
    np.testing.assert_allclose(mean, [2, 5, 1e6 + 1 / 3, 1 / 3, 0, 0])
    np.testing.assert_allclose(variance[:3], [2 / 3, 1, 2 / 9], rtol=1e-4)


def test_arrays_from_python():
    series = np.zeros((10, 4, 3), np.float32)
    series[2, 3:] = np.nan
    dataset = data.series.from_arrays(series, np.arange(10) % 2, series[:3], [0, 1, 0], class_names=("a", "b"), validation_fraction=0.2)
    assert dataset.input_shape == (None, 3)
    assert {part: len(one) for part, one in dataset.parts.items()} == {"train": 8, "validation": 2, "test": 3}
    assert dataset.name.startswith("arrays:")
    other = data.series.from_arrays(series + 1, np.arange(10) % 2, validation_fraction=0)
    assert other.name != dataset.name
    groups = np.arange(40) // 4
    dataset = data.series.from_arrays(np.zeros((40, 4)), np.arange(40) % 2, groups=groups, validation_fraction=0.2)
    assert not set(dataset.train.groups) & set(dataset.validation.groups)


def test_a_group_larger_than_its_share_is_held_out_where_there_is_no_other():
    groups = np.repeat(["p", "q", "r"], 10)
    dataset = data.series.from_arrays(np.zeros((30, 4)), np.arange(30) % 2, groups=groups, validation_fraction=0.1)
    assert len(dataset.validation) == 10
    assert len(set(dataset.validation.groups)) == 1


@pytest.mark.parametrize(
    ("series", "labels", "said"),
    [
        (np.zeros((4, 3, 2, 2)), [0, 1, 0, 1], "must be numbers (steps, features) or (steps,)"),
        (np.zeros((4, 3)), [0, 1, 0], "there must be one for each"),
        (np.zeros((4, 3)), [0, -1, 0, 1], "labels must count from 0, got -1 at position 1"),
        (np.zeros((4, 3)), [0.0, 1, 0, 1], "labels must be integers"),
        (np.full((4, 3), np.inf), [0, 1, 0, 1], "series[0], step 0, feature 0 is infinite"),
        ([np.zeros((3, 2)), np.zeros((3, 1))], [0, 1], "series[1] has 1 features, the others 2"),
        ([np.array(["a"])], [0], "must be numbers"),
        (np.zeros((4, 3)), [0, 0, 0, 0], "has one class"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(series, labels, said):
    with pytest.raises(UserError) as caught:
        data.series.from_arrays(series, labels)
    assert said in str(caught.value)


def test_an_npz_keeps_its_parts(tmp_path):
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(20, 5)), np.array(["up", "down"] * 10)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[:4], y_test=y[:4])
    dataset = data.series.load(f"npz:{tmp_path / 'a.npz'}")
    assert dataset.class_names == ("down", "up")
    assert {part: len(one) for part, one in dataset.parts.items()} == {"train": 18, "validation": 2, "test": 4}
    np.savez(tmp_path / "b.npz", x_train=x, y_train=y, x_test=x[:4])
    assert "has x_test but no y_test" in refusal(f"npz:{tmp_path / 'b.npz'}")
    np.savez(tmp_path / "c.npz", x_train=x, y_train=y, x_test=x[:4], y_test=["up", "down", "left", "up"])
    assert "x_test[2]: the class 'left' is unknown in training" in refusal(f"npz:{tmp_path / 'c.npz'}")
    (tmp_path / "d.npz").write_bytes(b"PK none")
    assert "cannot be read as an .npz file" in refusal(f"npz:{tmp_path / 'd.npz'}")


def test_a_folder_of_tables_is_a_series_a_file(tmp_path):
    for k in range(12):
        folder = tmp_path / "ab"[k % 2]
        folder.mkdir(exist_ok=True)
        (folder / f"{k}.csv").write_text("t,x\n" + "\n".join(f"{5 - step},{k + step}" for step in range(5)))
    dataset = data.series.load(f"folder:{tmp_path}", time_column="t")
    assert dataset.feature_names == ("x",)
    assert dataset.input_shape == (5, 1)
    assert dataset.train.series[0][:, 0].tolist() == sorted(dataset.train.series[0][:, 0], reverse=True)
    (tmp_path / "a" / "12.csv").write_text("t,z\n1,2\n")
    assert "12.csv has the columns z, other files x" in refusal(f"folder:{tmp_path}", time_column="t")
    (tmp_path / "a" / "12.csv").write_text("t,x\n1,oops\n")
    assert "12.csv line 2, column 'x' is 'oops', no number" in refusal(f"folder:{tmp_path}", time_column="t")
    (tmp_path / "a" / "12.csv").write_text("")
    assert "12.csv has nothing in it" in refusal(f"folder:{tmp_path}", time_column="t")
    (tmp_path / "a" / "12.csv").rename(tmp_path / "a" / "12.doc")
    assert "12.doc is neither audio nor a table" in refusal(f"folder:{tmp_path}", time_column="t")


def test_generated_problems_are_a_function_of_their_seed():
    options = {"length": 20, "examples": 300}
    adding = data.series.load("adding", **options, numbers=True)
    values = np.stack(adding.train.series)
    assert (values[:, :, 1].sum(axis=1) == 2).all()
    assert (values[:, :10, 1].sum(axis=1) == 1).all()
    np.testing.assert_allclose((values[:, :, 0] * values[:, :, 1]).sum(axis=1), adding.train.labels[:, 0], rtol=1e-6)
    assert np.var(adding.train.labels) == pytest.approx(1 / 6, abs=0.03)
    copy = data.series.load("copy", **options)
    first = np.stack(copy.test.series)[:, 0, :8].argmax(axis=1)
    np.testing.assert_array_equal(first, copy.test.labels)
    np.testing.assert_array_equal(data.series.load("copy", **options).test.series[3], copy.test.series[3])
    assert not np.array_equal(data.series.load("copy", **options, split_seed=1).test.labels, copy.test.labels)
    assert not np.array_equal(copy.test.labels, copy.validation.labels)


def test_the_split_is_written_down(tmp_path):
    dataset = data.series.load(write_csv(tmp_path / "a.csv", long_rows(units=20)), window=4, stride=4)
    splits.record_split(tmp_path / "split.csv", dataset, resumed=False, rows=series_data.split_rows)
    with open(tmp_path / "split.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(len, dataset.parts.values())) == 40
    assert {(row["unit"], row["first_step"]) for row in rows} == {(f"u{k}", str(step)) for k in range(20) for step in (0, 4)}
    assert {row["steps"] for row in rows} == {"4"}


def test_one_class_in_one_unit_cannot_be_held_out():
    groups = np.array(["p"] * 5 + ["q"] * 5)
    with pytest.raises(UserError, match="cannot be split so that every class stands in the training part"):
        data.series.from_arrays(np.zeros((10, 4)), [0] * 5 + [1] * 5, groups=groups)


def test_windows_begin_a_stride_apart():
    assert list(windows.window_starts(10, 4)) == [0, 2, 4, 6]
    assert list(windows.window_starts(10, 4, 5)) == [0, 5]
    assert list(windows.window_starts(3, 4)) == []
