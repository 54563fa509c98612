"""Charts of a search as inline SVG: the best so far, slices, parallel coordinates, bars. Colours and fonts come from `training.page`."""

import math

from hornbook.reports import charts, page

_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 10, 14, 38
_WIDTH = charts.WIDTH


def best_so_far(points, x_name, direction, height=240):
    """Scores of trials as dots and the best so far as a line of steps, an SVG string.

    Args:
        points: list of (x, score) in the order of x.
        x_name: of the axis.
        direction: "min" or "max".
        height: of the drawing.
    """
    across = charts.Axis([x for x, _ in points], _LEFT, _WIDTH - _RIGHT, whole=all(isinstance(x, int) for x, _ in points))
    up = _score_axis([score for _, score in points], direction, height)
    best, path = None, []
    for x, score in points:
        better = best is None or (score < best if direction == "min" else score > best)
        if better:
            if best is not None:
                path.append((across(x), up(best)))
            best = score
        path.append((across(x), up(best)))
    drawn = [charts.grid(across, up, height, x_name=x_name)]
    drawn += [_dot(across(x), _kept(up(score), height), f"{score:.4g}") for x, score in points]
    steps = " ".join(f"{x:.1f},{_kept(y, height):.1f}" for x, y in path)
    drawn.append(f'<g class="validation"><polyline class="line" points="{steps}"/></g>')
    return charts.svg(f"Best score so far over {x_name}", height, drawn)


def slice_plot(name, points, direction, *, logarithmic=False, height=220):
    """The score against one hyperparameter, an SVG string: `points` is a list of (value, score), values numbers or words."""
    words = None
    if any(not isinstance(value, int | float) or isinstance(value, bool) for value, _ in points):
        words = sorted({str(value) for value, _ in points})
    up = _score_axis([score for _, score in points], direction, height)
    drawn = []
    if words is None:
        across = charts.Axis([value for value, _ in points], _LEFT, _WIDTH - _RIGHT, logarithmic=logarithmic)
        drawn.append(charts.grid(across, up, height, x_name=""))
        drawn += [_dot(across(value), _kept(up(score), height), f"{value:.4g}: {score:.4g}") for value, score in points]
    else:
        width = (_WIDTH - _RIGHT - _LEFT) / len(words)
        drawn.append(_rows(up, height))
        for place, word in enumerate(words):
            middle = _LEFT + (place + 0.5) * width
            drawn.append(f'<text x="{middle:.1f}" y="{height - _BOTTOM + 16}" text-anchor="middle">{page.escape(word[:14])}</text>')
            own = [score for value, score in points if str(value) == word]
            # Dots of one word stand side by side, in the order of their trials.
            drawn += [
                _dot(middle + (k + 1) / (len(own) + 1) * width * 0.7 - width * 0.35, _kept(up(score), height), f"{word}: {score:.4g}")
                for k, score in enumerate(own)
            ]
    return charts.svg(f"Score against {name}", height, drawn)


def parallel_coordinates(axes, lines, height=300):
    """A line a trial through its values, an SVG string.

    Args:
        axes: list of (name, low label, high label).
        lines: list of (places from 0 to 1 or None, rank from 0, the best, to 1, what it is in words), the best last.
        height: of the drawing.
    """
    step = (_WIDTH - 60) / max(len(axes) - 1, 1)
    floor = height - 84
    drawn = []
    for places, rank, told in lines:
        points = [(30 + k * step, _TOP + (1 - place) * (floor - _TOP)) for k, place in enumerate(places) if place is not None]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shade = f"stroke: rgb(var(--good)); stroke-opacity: {0.9 - 0.75 * rank:.2f}; stroke-width: {2.5 if rank == 0 else 1.2}; fill: none"
        drawn.append(f'<polyline points="{path}" style="{shade}"><title>{page.escape(told)}</title></polyline>')
    for k, (name, low, high) in enumerate(axes):
        x = 30 + k * step
        drawn.append(f'<line class="axis" x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{floor}"/>')
        drawn.append(f'<text x="{x:.1f}" y="{_TOP - 4}" text-anchor="middle" style="font-size: 9px">{page.escape(high)}</text>')
        drawn.append(f'<text x="{x:.1f}" y="{floor + 11}" text-anchor="middle" style="font-size: 9px">{page.escape(low)}</text>')
        turn = f'transform="rotate(-38 {x:.1f} {floor + 22})"'
        drawn.append(f'<text x="{x:.1f}" y="{floor + 24}" text-anchor="end" style="font-size: 10px" {turn}>{page.escape(name)}</text>')
    return charts.svg("Every trial's values, better ones darker", height, drawn)


def _score_axis(scores, direction, height):
    """The better three quarters fill the chart: one diverged trial would leave all others on one line."""
    ordered = sorted(scores, reverse=direction == "max")
    kept = ordered[: max(2, math.ceil(0.75 * len(ordered)))]
    worst, best = kept[-1], kept[0]
    limit = worst + (worst - best) * 0.5
    shown = [min(score, limit) if direction == "min" else max(score, limit) for score in scores]
    return charts.Axis(shown, height - _BOTTOM, _TOP)


def _kept(y, height):
    """A place within the frame: what lies beyond stands at its edge."""
    return min(max(y, _TOP), height - _BOTTOM)


def _rows(up, height):
    values = up.ticks()
    parts = []
    for value in values:
        parts.append(f'<line class="grid" x1="{_LEFT}" y1="{up(value):.1f}" x2="{_WIDTH - _RIGHT}" y2="{up(value):.1f}"/>')
        parts.append(f'<text x="{_LEFT - 7}" y="{up(value) + 4:.1f}" text-anchor="end">{up.written(value, values)}</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" y1="{height - _BOTTOM}" x2="{_WIDTH - _RIGHT}" y2="{height - _BOTTOM}"/>')
    return "".join(parts)


def _dot(x, y, told):
    return f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="3"><title>{page.escape(told)}</title></circle>'
