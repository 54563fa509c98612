"""Levels drawn: what the intervals say and where they end."""

import re

import pytest
from scipy import stats

from hornbook.tuning.comparison import charts

SCORES = [0.9, 1.0, 1.0]


def intervals(drawn):
    return [tuple(map(float, found)) for found in re.findall(r"95% interval (\S+) to (\S+), n", drawn)]


def test_the_interval_is_students():
    [(low, high)] = intervals(charts.levels("a", [("plain", SCORES), ("one run", [0.5]), ("none", [])], "accuracy"))
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 2, loc=sum(SCORES) / 3, scale=stats.sem(SCORES)), abs=1e-3)
    assert high > 1


def test_it_ends_where_scores_do():
    drawn = charts.levels("a", [("plain", SCORES)], "accuracy", (0.0, 1.0))
    [(low, high)] = intervals(drawn)
    assert (low, high) == (pytest.approx(0.8232, abs=1e-3), 1.0)
    assert "1.05" not in re.findall(r">([0-9.]+)</text>", drawn)


def test_one_run_has_no_interval_and_a_level_without_any_a_line_with_nothing_on_it():
    drawn = charts.levels("a", [("plain", SCORES), ("one run", [0.5]), ("none", [])], "accuracy")
    assert drawn.count("<circle") == 4
    assert drawn.count("95% interval") == 1
    assert ">none</text>" in drawn


def test_names_are_texts_and_long_ones_end():
    drawn = charts.levels("a", [("<b>", SCORES), ("a very long name of a level", SCORES)], "a & b")
    assert "<b>" not in drawn
    assert ">&lt;b&gt;</text>" in drawn
    assert ">a very long name \N{HORIZONTAL ELLIPSIS}</text>" in drawn
    assert ">a &amp; b</text>" in drawn


def test_runs_that_agree_have_an_interval_that_is_seen():
    drawn = charts.levels("a", [("plain", [0.5, 0.5])], "accuracy", (0.0, 1.0))
    assert intervals(drawn) == [(0.5, 0.5)]
    assert 'class="beyond"' in drawn


def test_the_drawing_is_said_in_words_too():
    assert 'aria-label="Accuracy &quot;at last&quot;"' in charts.levels('Accuracy "at last"', [("plain", SCORES)], "accuracy")
