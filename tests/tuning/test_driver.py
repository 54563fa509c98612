import pytest

from hornbook.tuning import driver


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["a", "--trials", "3"], ["a", "--trials", "3"]),
        (["a", "--output", "here", "--trials", "3"], ["a", "--trials", "3"]),
        (["a", "--trials", "3", "--output=here"], ["a", "--trials", "3"]),
        ([], []),
    ],
)
def test_the_command_that_makes_a_search_again_names_no_folder(words, left):
    assert driver._without_output(words) == left
