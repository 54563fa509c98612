"""A comparison drawn: the runs of each level as dots, their mean and its interval."""

import math

import numpy as np

from hornbook.reports import charts, page

_LEFT, _RIGHT, _LINE, _BOTTOM = 120, 12, 30, 38
_LONGEST = 18  # Letters of a level's name beside its line.


def levels(label, scores, x_name, limits=None):
    """A line a level, an SVG string: a dot a run, a bar for the 95% interval of the mean by Student's t, a mark at the mean.

    Args:
        label: what the drawing shows, for readers who do not see it.
        scores: list of (level's name, its runs' scores); one without runs has an empty line.
        x_name: of the axis.
        limits: the least and the most that a score can be, where intervals end; None: none.
    """
    intervals = [_interval(own, limits) for _, own in scores]
    drawn, values = [], [value for (_, own), ends in zip(scores, intervals, strict=True) for value in (*own, *(ends or ()))]
    height = _LINE * len(scores) + _BOTTOM + 6
    across = charts.Axis(values, _LEFT, charts.WIDTH - _RIGHT)
    for value in across.ticks():
        x = across(value)
        drawn.append(f'<line class="grid" x1="{x:.1f}" y1="4" x2="{x:.1f}" y2="{height - _BOTTOM}"/>')
        drawn.append(f'<text x="{x:.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{across.written(value, across.ticks())}</text>')
    for place, ((name, own), ends) in enumerate(zip(scores, intervals, strict=True)):
        y = 4 + (place + 0.5) * _LINE
        short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{page.escape(short)}</text>')
        drawn += _level(name, own, ends, across, y)
    middle = (_LEFT + charts.WIDTH - _RIGHT) / 2
    drawn.append(f'<text x="{middle:.0f}" y="{height - 4}" text-anchor="middle">{page.escape(x_name)}</text>')
    return charts.svg(label, height, drawn)


def _interval(own, limits):
    """The 95% interval of a mean; None of a single score."""
    from scipy import stats

    if len(own) < 2:
        return None
    mean, half = float(np.mean(own)), float(stats.t.ppf(0.975, len(own) - 1) * np.std(own, ddof=1) / math.sqrt(len(own)))
    least, most = limits or (-math.inf, math.inf)
    return max(mean - half, least), min(mean + half, most)


def _level(name, own, ends, across, y):
    drawn = []
    if ends:
        mean, (low, high) = float(np.mean(own)), ends
        told = f"{page.escape(name)}: mean {mean:.4g}, 95% interval {low:.4g} to {high:.4g}, n {len(own)}"
        left, right = across(low), across(high)
        bar = charts.rectangle("beyond", left, y - 8, max(right - left, 1.0), 16)
        drawn.append(f"<g><title>{told}</title>{bar}{charts.rectangle('bar', across(mean) - 1.5, y - 8, 3, 16)}</g>")
    dots = (f'<circle class="point" cx="{across(one):.1f}" cy="{y:.1f}" r="3.5"><title>{one:.4g}</title></circle>' for one in own)
    return [*drawn, *dots]
