"""Which file is taken, by hand-made ones."""

import pytest

from hornbook import UserError
from hornbook.tuning.shrinking import targets
from hornbook.tuning.shrinking.targets import Candidate, Targets


def candidate(name, size, milliseconds, score):
    return Candidate(name, 0.0, "float32", None, 1, size, milliseconds, score)


WHOLE = candidate("whole", 1000, 1.0, 0.90)
HALF = candidate("half", 500, 0.5, 0.895)
SMALL = candidate("small", 200, 0.6, 0.88)
TINY = candidate("tiny", 100, 0.3, 0.70)
ALL = [WHOLE, HALF, SMALL, TINY]


@pytest.mark.parametrize(("text", "wanted"), [("20%", 200), ("100KB", 100_000), ("1.5 MB", 1_500_000), ("2KiB", 2048), ("7b", 7)])
def test_sizes(text, wanted):
    assert targets.size(text, 1000) == wanted


@pytest.mark.parametrize(("text", "wanted"), [("1ms", 1), ("500us", 0.5), ("0.01s", 10)])
def test_times(text, wanted):
    assert targets.milliseconds(text) == pytest.approx(wanted)


@pytest.mark.parametrize(
    ("function", "text", "told"),
    [
        (targets.size, "small", "--to small: accepted is a share or a size such as 20%, 100KB or 1.5MB"),
        (targets.size, "0%", "accepted is a share or a size"),
        (targets.size, "120%", "a share must be above 0% and at most 100%"),
        (targets.size, "5ms", "accepted is a share or a size"),
        (targets.milliseconds, "5", "--latency 5: accepted is a time such as 1ms, 500us or 0.01s"),
        (targets.milliseconds, "5KB", "accepted is a time"),
    ],
)
def test_what_is_no_size_or_time_is_refused(function, text, told):
    with pytest.raises(UserError, match=told):
        function(text, 1000) if function is targets.size else function(text)


def test_the_front_is_what_no_other_one_beats():
    slower = candidate("slower", 500, 0.7, 0.895)
    twin = candidate("twin", 500, 0.5, 0.895)
    assert targets.front([*ALL, slower, twin]) == [*ALL, twin]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Targets(None, None, 0.01), HALF),  # Without a limit the smallest of the good ones.
        (Targets(None, None, 0.03), SMALL),
        (Targets(600, None, 0.1), HALF),  # With one the best of the small ones.
        (Targets(300, None, 0.1), SMALL),
        (Targets(None, 0.55, 0.1), HALF),
        (Targets(300, 0.4, 0.3), TINY),
    ],
)
def test_what_is_taken(wanted, taken):
    assert targets.choose(ALL, WHOLE, wanted) == (taken, [])


def test_of_equal_scores_the_smallest_is_taken():
    twin = candidate("twin", 400, 0.9, 0.895)
    assert targets.choose([*ALL, twin], WHOLE, Targets(600, None, 0.01))[0] is twin


def test_where_nothing_comes_to_all_of_it_the_nearest_says_what_it_misses():
    found, missed = targets.choose(ALL, WHOLE, Targets(150, None, 0.01))
    assert found is SMALL  # Twice what may be lost; the others 3.3 times the size, 6.7 times, and 20 times what may be lost.
    assert missed == ["200 bytes are more than 150", "a score of 0.8800 is more than 0.01 below 0.9000"]
    assert targets.Targets(150, 0.2, 0.01).missed(TINY, WHOLE) == [
        "0.3 ms are more than 0.2", "a score of 0.7000 is more than 0.01 below 0.9000",
    ]  # fmt: skip


def test_a_score_that_is_no_number_is_never_taken():
    broken = candidate("broken", 10, 0.1, float("nan"))
    assert targets.choose([WHOLE, broken], WHOLE, Targets(None, None, 0.01))[0] is WHOLE
