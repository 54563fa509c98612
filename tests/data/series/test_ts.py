"""Series in the text formats of the UCR and UEA archives."""

import numpy as np
import pytest

from hornbook import data

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
def test_a_faulty_ts_is_refused_with_its_line(tmp_path, made, said, refusal):
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
        ("@targetLabel true\n@data\n", "has no line '@classLabel true', so it has no classes to predict; try hornbook regression"),
    ],
)
def test_a_faulty_header_is_refused(tmp_path, header, said, refusal):
    assert said in refusal(write_ts(tmp_path / "a.ts", ["1,2:a", "3,4:b"], header))


def test_an_unknown_label_in_the_test_file_is_refused_with_its_line(tmp_path, refusal):
    write_tsv(tmp_path / "a_TRAIN.tsv")
    write_tsv(tmp_path / "a_TEST.tsv", change=lambda rows: rows[4].__setitem__(0, "3"))
    assert "a_TEST.tsv line 5: the class '3' is unknown in training; accepted are 1, 2" in refusal(f"ts:{tmp_path}")


def test_windows_longer_than_a_series_are_refused_with_the_series(tmp_path, refusal):
    text = refusal(write_ts(tmp_path / "a.ts", lines(20)), window=8)
    assert "a.ts line" in text
    assert "fewer than --window 8" in text


def test_a_class_without_test_series_is_noted(tmp_path):
    write_ts(tmp_path / "Toy_TRAIN.ts", lines(20))
    write_ts(tmp_path / "Toy_TEST.ts", lines(7, label=lambda k: "two"))
    assert data.series.load(f"ts:{tmp_path}").notes == ("the class one has no example in the test part: its recall cannot be known",)


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path, refusal):
    (tmp_path / "a.ts").write_bytes(TS.encode() + b"1,2:caf\xe9\n")
    assert "a.ts line 8 is not UTF-8 (byte 0xe9); save the file as UTF-8" in refusal(f"ts:{tmp_path / 'a.ts'}")
