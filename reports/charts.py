"""Small charts as inline SVG: lines over epochs, and a reliability diagram. Colours and fonts come from the style of `page`."""

import math

from hornbook.reports import page

# In units of the drawing. Half a wide page and the whole of a phone's are near 400 pixels, so the lettering is read at its own size.
WIDTH = 400
LEFT, RIGHT, TOP, BOTTOM = 48, 10, 22, 38
# More points than this cannot be told apart at that width.
_MOST_POINTS = 240
# Beyond this many, dashes and the turns of a curve are no longer told apart.
_MOST_DASHED = 60
# Of heat maps: room for names, letters of the longest, height of all rows and of a letter, and the most that colours tell apart.
_NAMES, _LONGEST, _TALLEST, _LETTER, _WIDEST = 76, 18, 320.0, 11.0, 1e6
# From this ratio of largest to smallest on, a linear axis shows nothing but the largest.
_LOGARITHMIC_FROM = 100


def line_chart(label, series, *, marked=None, as_percent=False, logarithmic=None, height=240, x_name="epoch", whole=True,
               covering=()):  # fmt: skip
    """Curves over epochs, or other numbers that `x_name` names, an SVG string; whole ones, or without `whole` any.

    `label` says in words what is drawn, for readers who do not see it. `series` is a list of (name, css_class, points), points a list of
    (epoch, value) in the order of epochs. A value that is not finite leaves a gap, and is said below. `marked` is the epoch to mark as
    best. `logarithmic` None makes the value axis so where all values are positive and the largest is 100 times the smallest, but never
    that of percentages. The value axis reaches the numbers `covering`, so that several charts have one scale. Returns a line of text where
    nothing can be drawn.
    """
    finite = [(x, y) for _, _, points in series for x, y in points if math.isfinite(y)]
    lost = [(name, x) for name, _, points in series for x, y in points if not math.isfinite(y)]
    note = _note(lost)
    if not finite:
        return note
    across = Axis([x for _, _, points in series for x, _ in points], LEFT, WIDTH - RIGHT, whole=whole)
    values = [*(y for _, y in finite), *covering]
    if logarithmic is None:
        logarithmic = not as_percent and min(values) > 0 and max(values) >= _LOGARITHMIC_FROM * min(values)
    up = Axis(values, height - BOTTOM, TOP, logarithmic=logarithmic, as_percent=as_percent)
    drawn = [grid(across, up, height, x_name=x_name)]
    if marked is not None and across.low <= marked <= across.high:
        drawn.append(_best(across(marked), marked, height))
    drawn += [_curve(name, css_class, points, across, up, x_name) for name, css_class, points in series]
    return svg(label, height, drawn) + note


def reliability_chart(bins, height=340):
    """A reliability diagram, an SVG string: how often the network is right (bars) against how sure it is, and how many examples say so.

    `bins` is a list of {lower, upper, count, confidence, accuracy} of equal width from 0 to 1. A perfectly calibrated network has all bars
    on the diagonal; the gaps are drawn. Bins of fewer than 10 examples, whose bars mean little, are pale.
    """
    floor = height - 84
    across = Axis([0.0, 1.0], LEFT, WIDTH - RIGHT, as_percent=True)
    up = Axis([0.0, 1.0], floor, 8, as_percent=True)
    strip_floor, strip_height = height - 36, 34
    largest = max((one["count"] for one in bins), default=0) or 1
    drawn = [grid(across, up, height, floor=floor, x_name="how sure the network is", label_floor=strip_floor)]
    for one in bins:
        if not one["count"]:
            continue
        left, width = across(one["lower"]) + 1, across(one["upper"]) - across(one["lower"]) - 2
        top, sure = up(one["accuracy"]), up(one["confidence"])
        tall = max(1.0, strip_height * one["count"] / largest)
        told = f"{page.number(one['count'])} examples: {page.percent(one['confidence'])} sure, {page.percent(one['accuracy'])} right"
        drawn.append(
            f'<g class="{"few" if one["count"] < 10 else "many"}"><title>{told}</title>'
            f"{rectangle('bar', left, max(top, sure), width, floor - max(top, sure))}"
            f"{rectangle('missing' if sure < top else 'beyond', left, min(top, sure), width, abs(sure - top))}</g>"
            f"{rectangle('count', left, strip_floor - tall, width, tall)}"
        )
    drawn.append(f'<line class="mark" x1="{across(0):.1f}" y1="{up(0):.1f}" x2="{across(1):.1f}" y2="{up(1):.1f}"/>')
    drawn.append(f'<text x="{LEFT - 7}" y="{strip_floor - 10:.1f}" text-anchor="end">count</text>')
    return svg("Reliability diagram: share of right predictions against confidence", height, drawn)


def scatter_chart(label, points, x_name, *, diagonal=False, level=False, height=340):
    """Points in a frame, an SVG string: `points` is a finite array (points, 2) of across and up.

    With `diagonal`, both axes are the same and the line of equal values is drawn; with `level`, the line at 0.
    """
    across_values, up_values = list(points[:, 0]), list(points[:, 1])
    if diagonal:
        across_values = up_values = [*across_values, *up_values]
    across = Axis(across_values, LEFT, WIDTH - RIGHT)
    up = Axis([*up_values, 0.0] if level else up_values, height - BOTTOM, 8)
    drawn = [grid(across, up, height, x_name=x_name)]
    if diagonal or level:
        ends = [(across(x), up(x if diagonal else 0.0)) for x in (across.low, across.high)]
        (x1, y1), (x2, y2) = ends
        drawn.append(f'<line class="mark" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
    drawn += [f'<circle class="point" cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5"/>' for x, y in points.tolist()]
    return svg(label, height, drawn)


def histogram(label, counts, edges, x_name, height=340):
    """Bars of counts between `edges`, one more than there are counts, an SVG string."""
    across = Axis(list(edges), LEFT, WIDTH - RIGHT)
    up = Axis([0.0, float(max(counts))], height - BOTTOM, 8)
    drawn = [grid(across, up, height, x_name=x_name)]
    for count, low, high in zip(counts.tolist(), edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        left, right = across(low) + 0.5, across(high) - 0.5
        told = f"{page.number(count)} from {page.number(low)} to {page.number(high)}"
        drawn.append(f"<g><title>{told}</title>{rectangle('bar', left, up(count), max(right - left, 0.5), up(0.0) - up(count))}</g>")
    return svg(label, height, drawn)


def heat_map(label, rows, columns, values, x_name, *, logarithmic=True):
    """Cells coloured by their values, an SVG string, with the range of the colours below; a value that is None is red.

    `rows` are names from top to bottom, `columns` what to write below, `values` a list of lists, one a row. The palest colour stands for
    the smallest value, or for the largest over a million, the darkest for the largest; without `logarithmic`, for 0 and 1.
    """
    known = [value for row in values for value in row if value is not None]
    high = max(known, default=1.0) if logarithmic else 1.0
    low = max(min((value for value in known if value > 0), default=high), high / _WIDEST) if logarithmic else 0.0
    tall = max(6.0, min(18.0, _TALLEST / max(1, len(rows))))
    left, width = LEFT + _NAMES, (WIDTH - RIGHT - LEFT - _NAMES) / max(1, len(columns))
    named = math.ceil(_LETTER / tall)
    drawn = []
    for place, (name, row) in enumerate(zip(rows, values, strict=True)):
        y = place * tall
        if place % named == 0:
            short = name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"
            drawn.append(f'<text class="small" x="{left - 5}" y="{y + tall / 2 + 3.5:.1f}" text-anchor="end">{page.escape(short)}</text>')
        for column, value in enumerate(row):
            told = "not a finite number" if value is None else page.number(value)
            cell = rectangle("lost" if value is None else "cell", left + column * width, y, width - 0.5, tall - 0.5)
            if value is not None:
                cell = cell.replace("/>", f' style="--heat:{_heat(value, low, high, logarithmic):.2f}"/>')
            title = f"{page.escape(name)}, {x_name} {page.escape(str(columns[column]))}: {told}"
            drawn.append(f"<g><title>{title}</title>{cell}</g>")
    floor = len(rows) * tall
    for column in range(0, len(columns), max(1, math.ceil(len(columns) / 8))):
        drawn.append(_below(left + (column + 0.5) * width, floor + 15, page.escape(str(columns[column]))))
    ends = f"colours from {page.number(low)} or less to {page.number(high)}" if logarithmic else "colours from 0 to 1"
    drawn.append(f'<text x="{(left + WIDTH - RIGHT) / 2:.0f}" y="{floor + 32:.0f}" text-anchor="middle">{x_name}; {ends}</text>')
    return svg(label, round(floor + 38), drawn)


def _heat(value, low, high, logarithmic):
    """Where a value lies between the palest, 0, and the darkest, 1."""
    if not logarithmic:
        return min(1.0, max(0.0, value))
    if value <= low or high <= low:
        return 0.0 if value < high else 1.0
    return math.log(value / low) / math.log(high / low)


def ticks(low, high, count=5):
    """About `count` round numbers from `low` to `high`, steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [k * step for k in range(first, last + 1)]


class Axis:
    """Values to positions in the drawing, with the round numbers to write beside."""

    def __init__(self, values, start, end, *, whole=False, logarithmic=False, as_percent=False):
        self.start, self.end, self.whole, self.logarithmic, self.as_percent = start, end, whole, logarithmic, as_percent
        low, high = min(values), max(values)
        self.only = low if low == high else None
        if logarithmic:
            self.low, self.high = 10.0 ** math.floor(math.log10(low) + 1e-9), 10.0 ** math.ceil(math.log10(high) - 1e-9)
        elif whole:
            self.low, self.high = (low, high) if high > low else (low - 1, high + 1)
        else:
            self.low, self.high = _padded(low, high, as_percent)

    def __call__(self, value):
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log10(low), math.log10(high), math.log10(value)
        return self.start + (self.end - self.start) * (value - low) / (high - low)

    def ticks(self):
        if self.logarithmic:
            first, last = round(math.log10(self.low)), round(math.log10(self.high))
            return [10.0**k for k in range(first, last + 1, max(1, math.ceil((last - first) / 6)))]
        if self.whole and self.only is not None:
            return [self.only]
        chosen = ticks(self.low, self.high)
        if self.whole:
            chosen = sorted({round(tick) for tick in chosen if self.low <= round(tick) <= self.high})
        return chosen

    def written(self, value, neighbours):
        if self.whole:
            return f"{value:,}"
        if self.logarithmic:
            return f"{value:g}"
        scale = 100 if self.as_percent else 1
        step = abs(neighbours[1] - neighbours[0]) * scale if len(neighbours) > 1 else abs(value) * scale or 1
        if not 1e-4 <= step < 1e6:
            return f"{value * scale:.3g}"
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        return f"{value * scale:.{digits}f}{'%' if self.as_percent else ''}"


def _padded(low, high, as_percent):
    """Ends at round numbers around all values, so that no curve touches the frame without reason; a share stays within 0 and 1."""
    share = as_percent and low >= 0 and high <= 1
    if high - low < 1e-9 * max(abs(low), abs(high), 1e-12):
        half = abs(low) * 0.1 or 0.5
        low, high = low - half, high + half
    step = ticks(low, high)
    step = step[1] - step[0] if len(step) > 1 else high - low
    low, high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
    return (max(0.0, low), min(1.0, high)) if share else (low, high)


def grid(across, up, height, *, floor=None, x_name="epoch", label_floor=None):
    """Draw lines at the round numbers of two axes, with the numbers beside them: an SVG fragment, a string.

    `across` and `up` are `Axis`; `floor` is where the lower axis lies, `label_floor` where its numbers hang, both by default near `height`.
    """
    floor = height - BOTTOM if floor is None else floor
    label_floor = floor if label_floor is None else label_floor
    rows, columns = up.ticks(), across.ticks()
    parts = []
    for value in rows:
        y = up(value)
        parts.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{up.written(value, rows)}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" y1="{floor}" x2="{WIDTH - RIGHT}" y2="{floor}"/>')
    for value in columns:
        parts.append(_below(across(value), label_floor + 16, across.written(value, columns)))
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{height - 4}" text-anchor="middle">{x_name}</text>')
    return "".join(parts)


def _below(x, y, text):
    # Half of a digit is 4 wide. What would reach beyond the drawing ends with it.
    x, anchor = (WIDTH, "end") if x + 4 * len(text) > WIDTH else (x, "middle")
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{text}</text>'


def _best(x, epoch, height):
    # At the frame's ends the words are set inwards.
    anchor = "start" if x < LEFT + 40 else "end" if x > WIDTH - RIGHT - 40 else "middle"
    return (
        f'<line class="mark" x1="{x:.1f}" y1="{TOP - 4}" x2="{x:.1f}" y2="{height - BOTTOM}"/>'
        f'<text class="mark-label" x="{x:.1f}" y="{TOP - 9}" text-anchor="{anchor}">best: epoch {epoch:,}</text>'
    )


def _curve(name, css_class, points, across, up, x_name):
    points = _thinned(points)
    pieces, piece = [], []
    for x, y in [*points, (None, math.nan)]:
        if math.isfinite(y):
            piece.append((across(x), up(y)))
        elif piece:
            pieces.append(piece)
            piece = []
    drawn = [_piece(piece) for piece in pieces]
    written = page.percent if up.as_percent else page.number
    drawn += [
        f'<circle class="hit" cx="{across(x):.1f}" cy="{up(y):.1f}" r="5"><title>{x_name} {x:,}, {name}: {written(y)}</title></circle>'
        for x, y in points
        if math.isfinite(y)
    ]
    dense = " dense" if len(points) > _MOST_DASHED else ""
    return f'<g class="{css_class}{dense}">{"".join(drawn)}</g>'


def _piece(points):
    if len(points) == 1:
        return f'<circle class="dot" cx="{points[0][0]:.1f}" cy="{points[0][1]:.1f}" r="3.5"/>'
    return f'<polyline class="line" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _thinned(points):
    """At most `_MOST_POINTS` of the points. Of each stretch the lowest and the highest stay, so that no spike is lost."""
    if len(points) <= _MOST_POINTS:
        return points
    size = math.ceil(2 * len(points) / _MOST_POINTS)
    kept = []
    for start in range(0, len(points), size):
        stretch = range(start, min(start + size, len(points)))
        lost = [k for k in stretch if not math.isfinite(points[k][1])]
        found = [k for k in stretch if math.isfinite(points[k][1])]
        ends = {min(found, key=lambda k: points[k][1]), max(found, key=lambda k: points[k][1])} if found else set()
        kept += [points[k] for k in sorted(ends | set(lost[:1]))]
    return kept


def _note(lost):
    if not lost:
        return ""
    told = []
    for name in dict.fromkeys(name for name, _ in lost):
        epochs = [x for other, x in lost if other == name]
        told.append(f"{name}: no finite value in {len(epochs):,} {'epoch' if len(epochs) == 1 else 'epochs'}, first in epoch {epochs[0]:,}")
    return f'<p class="note">{page.escape("; ".join(told))}.</p>'


def rectangle(css_class, x, y, width, height):
    """Draw a rectangle of a class of the page's style: an SVG fragment, a string."""
    return f'<rect class="{css_class}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def svg(label, height, drawn):
    """Put fragments into one drawing that says `label` to readers who do not see it: an SVG string."""
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{page.escape(label)}">{"".join(drawn)}</svg>'
