"""The section that shows a network's inside."""

import itertools
import re

import pytest

from hornbook.reports import charts
from hornbook.reports.inside import inside

SEEN = {
    "epochs": [0, 1],
    "layers": ["a<b", "logits"],
    "gradients": [[1e-3, 1e-2], [1e-1, None]],
    "spreads": [[1.0, 1.0], [1.0, 2.0]],
    "dead": [[0.0, 0.75], [None, None]],
    "saturated": [[None, None], [None, None]],
    "kernels": ["a<b"],
    "steps": [1, 2],
    "updates": [[1e-3, 2e-3]],
    "norms": [[1, 2.0], [2, 0.5]],
    "clip_norm": 1.0,
    "times": [],
    "by_time": [],
}


def test_pictures_of_what_there_is():
    html = inside(SEEN)
    assert "Gradient that reaches each layer" in html
    assert "Dead units" in html
    assert "Saturated units" not in html
    assert "Gradient by time step" not in html
    assert "--clip-norm 1 in 50.0%" in html
    assert "a&lt;b" in html
    assert "a<b" not in html
    assert inside(None) == inside({}) == ""
    assert "Gradient by time step" in inside({**SEEN, "times": [1, 2], "by_time": [[0.1, 0.2], [0.1, 0.3]]})


def heats(drawn):
    return [float(heat) for heat in re.findall(r"--heat:([\d.]+)", drawn)]


def test_colours_are_even_in_the_logarithm():
    drawn = charts.heat_map("x", ["a", "b"], [1, 2], [[1e-4, 1e-2], [1.0, None]], "epoch")
    assert heats(drawn) == [0.0, 0.5, 1.0]
    assert drawn.count('class="lost"') == 1
    assert "not a finite number" in drawn
    # What is a million times smaller than the largest is as pale as can be told.
    assert heats(charts.heat_map("x", ["a"], [1, 2, 3], [[0.0, 1e-9, 1.0]], "epoch")) == [0.0, 0.0, 1.0]


def test_shares_have_colours_of_their_own():
    assert heats(charts.heat_map("x", ["a"], [1, 2, 3], [[0.0, 0.25, 1.0]], "epoch", logarithmic=False)) == [0.0, 0.25, 1.0]


@pytest.mark.parametrize("rows", [1, 3, 60])
def test_names_do_not_overlap(rows):
    drawn = charts.heat_map("x", [f"layer{k}" for k in range(rows)], [1], [[1.0 + k] for k in range(rows)], "epoch")
    heights = [float(y) for y in re.findall(r'<text class="small" x="[\d.]+" y="([\d.]+)"', drawn)]
    assert all(later - earlier >= 11 for earlier, later in itertools.pairwise(heights))
    assert len(re.findall('class="cell"', drawn)) == rows
