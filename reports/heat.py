"""What an answer rests on, drawn: a picture under its heat, a curve with its hot steps shaded, words on their heat, bars of columns.

What speaks for a class is blue, as what is good in every report, and what speaks against it red; heat without a sign is blue alone.
"""

import numpy as np

from hornbook.reports import charts, page

_WIDTH, _HEIGHT, _MARGIN = 400, 120, 6
_FOR, _AGAINST = np.array([36, 99, 180]), np.array([193, 62, 38])
_LARGEST_SIDE = 320
_SMALL_SIDE = 128
_SHOWN_COLUMNS = 12
# A few places far hotter than all others would leave these white.
_BRIGHTEST = 0.99


def shares(heat):
    """Heat as a share of the largest, float array in -1 to 1; of many places, the hottest 1% count as one."""
    heat = np.nan_to_num(np.asarray(heat, np.float64))
    most = np.quantile(np.abs(heat), _BRIGHTEST) if heat.size > 200 else np.abs(heat).max(initial=0)
    most = most or np.abs(heat).max(initial=0)
    return np.clip(heat / (most or 1.0), -1, 1)


def picture(image, heat):
    """An image under its heat, uint8 array `(height, width, 3)`: pale grey, with colour where it is hot.

    Args:
        image: uint8 array `(height, width, 1 or 3)`.
        heat: float array `(height, width)`; below 0 what speaks against the class.
    """
    grey = 255 - (255 - image.mean(axis=-1, keepdims=True)) * 0.35
    share = shares(heat)[..., None]
    colour = np.where(share < 0, _AGAINST, _FOR)
    strength = np.sqrt(np.abs(share)) * 0.85
    return np.rint(grey * (1 - strength) + colour * strength).astype(np.uint8)


def pair(image, heat, label):
    """An image beside itself under its heat, HTML."""
    small = ' class="small"' if max(image.shape[:2]) < 64 else ""
    texts = (label, f"{label}: what the answer rests on")
    drawn = "".join(
        f'<img{small} alt="{page.escape(text)}" src="{page.picture(one, _LARGEST_SIDE)}">'
        for text, one in zip(texts, (image, picture(image, heat)), strict=True)
    )
    return f'<div style="--columns:2">{drawn}</div>'


def small(image, label):
    """A uint8 image `(height, width, 1 or 3)` without heat, HTML."""
    css_class = ' class="small"' if max(image.shape[:2]) < 64 else ""
    return f'<img{css_class} alt="{page.escape(label)}" src="{page.picture(image, _SMALL_SIDE)}">'


def examples(drawings, captions):
    """Pictures in a row, texts below each other, HTML: `drawings` are HTML, `captions` texts."""
    cells = "".join(
        f"<figure>{one}<figcaption>{page.isolated(text)}</figcaption></figure>" for one, text in zip(drawings, captions, strict=True)
    )
    beside = any(one.startswith(("<img", "<svg")) for one in drawings)
    return f'<div style="--columns:{len(drawings) if beside else 1}">{cells}</div>'


def along(name, values, shares, class_name):
    """How the mean probability of a class changes along a column, HTML: a curve of numbers, a table of categories.

    Args:
        name: of the column.
        values: rising numbers, or names of categories.
        shares: floats from 0 to 1, one for each.
        class_name: the class.
    """
    label = f"Mean probability of {page.shortened(class_name)} along {page.shortened(name)}"
    if values and isinstance(values[0], str):
        rows = [(page.isolated(value), page.meter(share)) for value, share in zip(values, shares, strict=True)]
        drawn = page.table([page.isolated(name), "Mean probability"], rows)
    else:
        across, up = charts.Axis(values, 48, charts.WIDTH - 10), charts.Axis(shares, 162, 22, as_percent=True)
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(values, shares, strict=True))
        line = f'<g class="validation"><polyline class="line" points="{points}"/></g>'
        drawn = charts.svg(label, 200, [charts.grid(across, up, 200, x_name=page.escape(page.shortened(name))), line])
    return f"<figure><figcaption><b>{page.escape(label)}</b></figcaption>{drawn}</figure>"


def series(values, heat, label):
    """A series as curves over steps that are shaded by their heat, an SVG string.

    Args:
        values: float array `(steps, features)`, of which three are drawn.
        heat: float array `(steps,)`.
        label: what is drawn, in words.
    """
    values = np.asarray(values, np.float64)
    low, high = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=-np.inf)
    steps, wide = len(values), (_WIDTH - 2 * _MARGIN) / max(1, len(values))
    drawn = []
    for step, share in enumerate(shares(heat)):
        if abs(share) >= 0.02:
            css_class = "bar" if share > 0 else "lost"
            x = _MARGIN + step * wide
            drawn.append(
                f'<rect class="{css_class}" fill-opacity="{0.7 * abs(share):.2f}" x="{x:.1f}" y="0" width="{wide:.2f}" height="{_HEIGHT}"/>'
            )
    across = _MARGIN + (np.arange(steps) + 0.5) * wide
    for feature in range(min(3, values.shape[1])):
        share = (values[:, feature] - low) / ((high - low) or 1.0)
        down = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * share
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, down, strict=True) if np.isfinite(y))
        drawn.append(
            f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.5" stroke-opacity="{1 - 0.3 * feature:.1f}"/>'
        )
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{page.escape(label)}">{"".join(drawn)}</svg>'


def words(pieces, heat):
    """A text whose pieces are coloured by their heat, HTML.

    Args:
        pieces: list of strings that make up the text, what stands between tokens among them.
        heat: list of numbers, a piece each, or None of what was not looked at.
    """
    found = []
    known = shares([0.0 if one is None else one for one in heat])
    for piece, share, one in zip(pieces, known, heat, strict=True):
        text = page.escape(piece)
        if one is not None and abs(share) >= 0.02:
            name = "bad" if share < 0 else "good"
            text = f'<span style="background: rgb(var(--{name}) / {0.65 * abs(share):.2f})" title="{one:.3g}">{text}</span>'
        found.append(text)
    return f"<p><bdi>{''.join(found)}</bdi></p>"


def bars(rows):
    """Columns with their values and what they add, the largest first, HTML: a table.

    Args:
        rows: list of (name, value as text, number).
    """
    ordered = sorted(rows, key=lambda row: -abs(row[2]))
    most = abs(ordered[0][2]) or 1.0 if ordered else 1.0
    cells = [
        (page.isolated(name), page.escape(page.shortened(value)), _bar(number, most)) for name, value, number in ordered[:_SHOWN_COLUMNS]
    ]
    left = f'<p class="note">{len(ordered) - _SHOWN_COLUMNS} more columns add less.</p>' if len(ordered) > _SHOWN_COLUMNS else ""
    return page.table(["Column", "Value", "Adds"], cells, text_columns=(0, 1)) + left


def _bar(number, most):
    name, share = "bad" if number < 0 else "good", abs(number) / most
    style = f"background: linear-gradient(to right, rgb(var(--{name}) / 0.4) {100 * share:.1f}%, transparent 0)"
    return f'<span class="meter" style="{style}">{number:+.3g}</span>'
