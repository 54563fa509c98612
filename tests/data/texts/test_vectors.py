"""Vectors of words from files as word2vec, GloVe and fastText write them, and from broken ones."""

import gzip
import struct

import numpy as np
import pytest

from hornbook import UserError
from hornbook.data.texts import vectors

WORDS = {"good": (0.5, -1.0, 2.0), "bad": (-0.25, 1.5, 0.125), "Über": (1.0, 2.0, 3.0), ". . .": (4.0, 5.0, 6.0), "2006": (7.0, 8.0, 9.0)}
VOCABULARY = {"bad": 4, "good": 2, "über": 3, "2006": 7, "lacking": 5}
FOUND = {2: "good", 3: "Über", 4: "bad", 7: "2006"}


def lines(words=WORDS, end="\n"):
    return "".join(f"{word} {' '.join(map(str, numbers))}{end}" for word, numbers in words.items()).encode()


def binary(words=WORDS, end=b"\n", count=None):
    rows = [word.encode() + b" " + struct.pack(f"<{len(numbers)}f", *numbers) + end for word, numbers in words.items() if " " not in word]
    return f"{len(rows) if count is None else count} 3\n".encode() + b"".join(rows)


def write(tmp_path, content):
    path = tmp_path / "vectors"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [
        lines(),
        b"5 3\n" + lines(),
        b"5 3\r\n" + lines(end=" \r\n"),
        lines().replace(b" 0.5 ", b"\t0.5\t"),
        binary(),
        binary(end=b""),
        gzip.compress(lines()),
        gzip.compress(binary()),
    ],
    ids=["glove", "word2vec", "fasttext", "tabs", "binary", "binary without line ends", "packed", "packed binary"],
)
def test_the_vectors_of_a_vocabulary_are_read(tmp_path, content):
    path = write(tmp_path, content)
    assert vectors.size_of(path) == 3
    found = vectors.read(path, VOCABULARY)
    assert found.ids.tolist() == sorted(FOUND)
    assert (found.values.dtype, found.tokens, found.share) == (np.float32, 5, 0.8)
    np.testing.assert_array_equal(found.values, [WORDS[FOUND[place]] for place in sorted(FOUND)])


def test_a_word_of_the_same_spelling_comes_before_one_that_differs_in_capitals(tmp_path):
    path = write(tmp_path, b"Apple 1 1\nAPPLE 2 2\napple 3 3\napple 4 4\npear 5 6\nRust 7 7\nrust 8 8\n")
    found = vectors.read(path, {"apple": 2, "Pear": 3, "RUST": 4, "rust": 5})
    assert found.ids.tolist() == [2, 3, 4, 5]
    assert found.values[:, 1].tolist() == [3, 6, 7, 8]


def test_composed_and_decomposed_accents_are_one_letter(tmp_path):
    path = write(tmp_path, "cafe\u0301 1 2\n".encode())
    assert vectors.read(path, {"caf\u00e9": 2}).ids.tolist() == [2]


def test_words_that_are_not_of_the_vocabulary_are_read_over(tmp_path):
    path = write(tmp_path, b"\xff\xfe 1 2\n\ngood 3 4\nother nan x\n")
    assert vectors.read(path, {"good": 2}).values.tolist() == [[3, 4]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "line 1 is neither a word with numbers behind it nor two whole numbers"),
        (b"some words\n", "line 1 is neither a word"),
        (b"<html>\n", "line 1 is neither a word"),
        (b"good 1 2\nbad 3\n", "line 2 has 1 numbers behind its word, and the first has 2"),
        (b"good 1 2\nbad 3 4 5\n", "line 2 has 3 numbers behind its word, and the first has 2"),
        (b"good 1 2\nbad x 4\n", "line 2 has 'x' in place of a number"),
        (b"2 2\ngood 1 x\nbad 1 2\n", "line 2 has 'x' in place of a number"),
        (b"good 1 2\nbad nan 4\n", "line 2 has the number nan; accepted are numbers of at most 10,000"),
        (b"good 1 2\nbad inf 4\n", "line 2 has the number inf"),
        (b"good 1 2\nbad 1e30 4\n", r"line 2 has the number 1e\+30"),
        (b"good 1 2\nbad " + b"1" * 2**20 + b" 4\n", "line 2 is longer than 1,048,576 bytes"),
        (b"3 2\ngood 1 2\nbad 3 4\n", "line 1 says 3 words, and there are 2; the file is cut off or joined"),
        (b"3 2\n", "line 1 says 3 words, and there are 0"),
        (b"1 2\ngood 1 2\nbad 3 4\n", "line 1 says 1 words, and there are 2"),
        (b"3 99999999999\ngood 1 2\n", "line 1 says 3 words with vectors of 99,999,999,999 numbers"),
        (b"99999999999999999 3\ngood 1 2 3\n", "line 1 says 99,999,999,999,999,999 words"),
        (b"0 3\n", "line 1 says 0 words"),
        (b"other 1 2\n", "has none of the 2 tokens of the training texts"),
        (b"good 1 1\nbad 1 1\n", "has the same number everywhere"),
        (binary()[:-6], "is cut off at word 4 of 4; get it again"),
        (binary(count=6), "is cut off at word 5 of 6"),
        (binary() + b"more", "goes on behind the 4 words"),
        (binary({"good": WORDS["good"]}, count=2) + b"\x01" * 9000, "has a word of more than 4,096 bytes at word 2 of 2"),
        (binary({"good": (1, float("nan"), 2)}), "word 1 has the number nan"),
        (b"\xba\x16\x4f\x2f" + b"\0" * 20, "is a model of fastText with pieces of words; pass its vectors of words, the .vec file"),
        (b"PK\x03\x04" + b"\0" * 20, "is a ZIP archive; unpack it"),
        (gzip.compress(lines())[:-9], "is broken or cut off as a gzip file"),
        (gzip.compress(lines())[:10] + b"\xff" * 40, "is broken or cut off as a gzip file"),
    ],
)
def test_what_is_broken_is_refused_with_its_place(tmp_path, content, message):
    path = write(tmp_path, content)
    with pytest.raises(UserError, match=message) as refused:
        vectors.read(path, {"good": 2, "bad": 3})
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(UserError, match="cannot be read"):
            vectors.size_of(path)


def test_only_the_vocabulary_stays_in_memory(tmp_path):
    import tracemalloc

    path = tmp_path / "vectors"
    numbers = " ".join(["0.123"] * 100)
    with open(path, "w") as file:
        file.writelines(f"word{k} {numbers}\n" for k in range(20_000))  # 12 MB, of which numbers in memory would be 8.
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="same number everywhere"):
            vectors.read(path, {"word7": 2, "word19999": 3})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2**20


def test_a_cut_off_file_never_ends_otherwise_than_in_one_line(tmp_path):
    # How many bytes of the end may lack: of "9.0" the last two, and line ends.
    for content, free in ((b"5 3\n" + lines(), 3), (binary(), 1), (gzip.compress(binary()), 0)):
        for size in range(len(content) - free):
            with pytest.raises(UserError, match=r"^[^\n]*$"):
                vectors.read(write(tmp_path, content[:size]), VOCABULARY)
        for size in range(len(content) - free, len(content) + 1):
            assert len(vectors.read(write(tmp_path, content[:size]), VOCABULARY).ids) == 4
