"""Names of classes and columns: order, names that are most likely one, and columns by their usual names."""

import pytest

from hornbook import UserError
from hornbook.data import naming


def test_numbers_are_ordered_as_numbers_and_words_as_words():
    assert naming.in_order({"10", "9", "-1"}) == ["-1", "9", "10"]
    assert naming.in_order({"10", "9", "a"}) == ["10", "9", "a"]


@pytest.mark.parametrize(
    ("names", "options", "how"),
    [
        (["cat", "Cat"], {}, "differ in capitals or blanks alone"),
        (["a b", " a  b"], {"capitals_tell": "always"}, "differ in blanks alone"),
        (["cat", "cat\u200b"], {}, "look alike and differ in characters that are not seen"),
        (["1", "1.0", "2"], {}, "are one number"),
        (["1", "1.0", "a"], {}, None),
        (["A", "a"], {"capitals_tell": "of letters"}, None),
        (["Cat", "cat"], {"capitals_tell": "always"}, None),
    ],
)
def test_names_that_are_most_likely_one(names, options, how):
    found = naming.spelt_twice(names, **options)
    assert (found and found[1]) == how


def test_the_first_usual_name_that_is_there_is_chosen():
    columns = ("Target", "CLASS", "x")
    assert naming.choose("table.csv", columns, None, naming.LABEL_COLUMNS, "--label-column") == "CLASS"
    assert naming.choose("table.csv", columns, "x", naming.LABEL_COLUMNS, "--label-column") == "x"
    assert naming.usual(("a", "b"), naming.LABEL_COLUMNS) is None
    with pytest.raises(UserError) as raised:
        naming.choose("table.csv", ("a", "b"), None, ("label", "class"), "--label-column", ", or not")
    assert str(raised.value) == "table.csv: none of its columns 'a', 'b' is called label, class; pass --label-column, or not"


def test_columns_that_are_not_there_or_named_twice():
    naming.require("table.csv", ("a", "b"), ("b", "a"), "--feature-columns")
    with pytest.raises(UserError, match=r"table\.csv has no column 'c' \(--feature-columns\); it has 'a', 'b'"):
        naming.require("table.csv", ("a", "b"), ("b", "c"), "--feature-columns")
    with pytest.raises(UserError, match="--feature-columns names 'a' twice"):
        naming.require("table.csv", ("a", "b"), ("a", "b", "a"), "--feature-columns")


def test_many_names_are_shortened():
    assert naming.some("ab") == "a, b"
    assert naming.some("abcdefg") == "a, b, c, d, e, ... (7 in all)"
    assert naming.listed(["a", "b"]) == "'a', 'b'"
    assert naming.listed(map(str, range(40))).endswith("'14', ... (40 in all)")


def test_names_with_commas_are_quoted():
    assert naming.names('a, "b, c",d', "--feature-columns") == ("a", "b, c", "d")
    assert naming.names(None, "--feature-columns") == ()
    assert naming.names('a,"b\nc"', "--feature-columns") == ("a", "b\nc")


@pytest.mark.parametrize("text", ["a\nb", "a\rb,c", "x" * 200_000])
def test_names_that_are_no_list(text):
    with pytest.raises(UserError, match="--id-column must be names separated by commas, in quotes where they have one or a line"):
        naming.names(text, "--id-column")
