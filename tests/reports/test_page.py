import math

import numpy as np
import pytest

from hornbook.reports import page


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.7, "1 min"), (200, "3 min 20 s"), (3599.9, "1 h"), (7500, "2 h 5 min")]
)
def test_durations_in_words(seconds, words):
    assert page.duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.5, "50.0%"),
        (1, "100.0%"),
        (0.99999, "over 99.9%"),
        (0, "0.0%"),
        (1e-5, "under 0.1%"),
        (math.nan, "not a number"),
        (None, "\N{EN DASH}"),
    ],
)
def test_percentages_never_round_to_all_or_none(value, words):
    assert page.percent(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(1234567, "1,234,567"), (0.00123456, "0.001235"), (np.float32(2), "2"), (math.inf, "infinite"), (None, "\N{EN DASH}")],
)
def test_numbers(value, words):
    assert page.number(value) == words


def test_text_is_escaped_and_a_name_is_cut_and_kept_from_turning_others():
    assert page.escape('<b>"a"\x00') == "&lt;b&gt;&quot;a&quot;\N{REPLACEMENT CHARACTER}"
    assert page.isolated("a" * 500) == f"<bdi>{'a' * 119}\N{HORIZONTAL ELLIPSIS}</bdi>"


def test_flags_in_text_are_code_with_their_numbers():
    assert page.with_flags("Try --clip-norm 1.0, or --model cnn1d.") == "Try <code>--clip-norm 1.0</code>, or <code>--model cnn1d</code>."


def test_a_meter_is_as_long_as_its_share_and_may_be_marked():
    assert page.meter(0.25) == '<span class="meter" style="--value:0.250">25.0%</span>'
    assert page.meter(0.25, "*").endswith("25.0%*</span>")
