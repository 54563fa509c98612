import re

import pytest

from hornbook.reports import charts


def test_best_epoch_is_marked_where_it_lies():
    drawn = charts.line_chart("loss", [("train", "train", [(k, float(k)) for k in range(1, 12)])], marked=6)
    (x,) = re.findall(r'class="mark" x1="([\d.]+)"', drawn)
    (middle,) = re.findall(r'cx="([\d.]+)" cy="[\d.]+" r="5"><title>epoch 6, train: 6<', drawn)
    assert x == middle
    assert "best: epoch 6" in drawn
    assert "best" not in charts.line_chart("loss", [("train", "train", [(1, 1.0), (2, 2.0)])], marked=9)


def test_a_larger_value_stands_higher_on_either_axis():
    for values in ([1.0, 2.0, 3.0], [0.001, 0.1, 10.0]):
        drawn = charts.line_chart("loss", [("train", "train", list(enumerate(values)))])
        (points,) = re.findall(r'points="([^"]+)"', drawn)
        heights = [float(point.split(",")[1]) for point in points.split()]
        assert heights == sorted(heights, reverse=True)
        assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.2)


def test_a_spike_among_thousands_of_epochs_is_kept():
    points = [(k, 100.0 if k == 777 else 90.0) for k in range(5000)]
    drawn = charts.line_chart("loss", [("train", "train", points)])
    assert "epoch 777, train: 100<" in drawn
    assert drawn.count("<circle") <= 240


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 10, [0, 2, 4, 6, 8, 10]),
        (-3, 3, [-2, 0, 2]),
        (5, 5, [5]),
        (0.91, 0.99, [0.92, 0.94, 0.96, 0.98]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert charts.ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-30, 2e-30], [1e30, 2e30], [-5.0, 5.0], [1.0, 1.0 + 1e-12], [1e-300, 1e300]])
@pytest.mark.parametrize("as_percent", [False, True])
def test_any_range_of_values_is_drawn_inside_the_frame(values, as_percent):
    drawn = charts.line_chart("loss", [("train", "train", list(enumerate(values)))], as_percent=as_percent)
    heights = [float(y) for y in re.findall(r'cy="([^"]+)"', drawn)]
    assert len(heights) >= len(values)
    assert all(0 <= y <= 240 for y in heights)


def test_a_label_at_the_right_edge_ends_with_the_drawing():
    drawn = charts.reliability_chart([{"lower": 0.0, "upper": 1.0, "count": 20, "confidence": 0.7, "accuracy": 0.6}])
    assert f'x="{charts.WIDTH:.1f}" y="320" text-anchor="end">100%</text>' in drawn
    assert 'text-anchor="middle">80%</text>' in drawn
