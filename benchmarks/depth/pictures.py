"""Draws the pictures of docs/depth.md from the CSV files of the study.

    python -m benchmarks.depth.pictures        # seconds; writes docs/files/depth_*.svg

Axes are those of the reports' charts. A picture is one or more panels side by side, each with a title and its curves named below.
"""

import csv
import html
import math
import pathlib

from hornbook.reports import charts

ROOT = pathlib.Path(__file__).parents[2]
COLOURS = ("#1f5fb0", "#bd5a0c", "#2e7d4f", "#8a3fa0", "#b3262e", "#596473")
HEIGHT, TOP, LINE = 240, 24, 18
_STYLE = """
text { font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: #596473; }
.title { font-weight: 600; fill: #1d2229; } .grid { stroke: #dfe3e8; } .axis { stroke: #9aa3af; }
polyline { fill: none; stroke-width: 2; stroke-linejoin: round; } .dashed { stroke-dasharray: 5 4; }
"""
# Smaller gradients are drawn at the bottom.
_SMALLEST = 1e-20


def rows(name):
    """The rows of `results/NAME.csv`, dicts of words."""
    with open(ROOT / "benchmarks" / "results" / f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def panel(title, curves, x_name, *, logarithmic, whole=True):
    """A chart with its title above and its curves' names below: an SVG fragment and its height.

    `curves` is a list of (name, points), points of (x, y); of a logarithmic axis values that are not positive lie at the bottom, and those
    that are not finite are left out.
    """
    shown = []
    for name, points in curves:
        points = [(x, max(y, _SMALLEST) if logarithmic else y) for x, y in points if math.isfinite(y)]
        if points:
            shown.append((name, points))
    across = charts.Axis([x for _, points in shown for x, _ in points], 48, charts.WIDTH - 10, whole=whole)
    up = charts.Axis([y for _, points in shown for _, y in points], HEIGHT - 38, TOP, logarithmic=logarithmic)
    drawn = [f'<text class="title" x="0" y="12">{html.escape(title)}</text>', charts.grid(across, up, HEIGHT, x_name=x_name)]
    for place, (name, points) in enumerate(shown):
        colour, y = COLOURS[place % len(COLOURS)], HEIGHT + LINE * (place // 2) + 14
        x = 0 if place % 2 == 0 else charts.WIDTH / 2
        spots = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        drawn.append(f'<polyline stroke="{colour}" points="{spots}"/>')
        drawn += [f'<circle fill="{colour}" cx="{across(x):.1f}" cy="{up(y):.1f}" r="2.5"/>' for x, y in points if len(points) < 30]
        drawn.append(f'<line stroke="{colour}" stroke-width="3" x1="{x}" y1="{y - 4}" x2="{x + 18}" y2="{y - 4}"/>')
        drawn.append(f'<text x="{x + 24}" y="{y}">{html.escape(name)}</text>')
    return "".join(drawn), HEIGHT + LINE * math.ceil(len(shown) / 2) + 8


def picture(name, label, panels):
    """Write `docs/files/NAME.svg`: panels, two in a line, on white."""
    gap, high = 30, max(height for _, height in panels) + 12
    width, height = 2 * charts.WIDTH + 3 * gap, high * math.ceil(len(panels) / 2) + gap
    placed = [
        f'<g transform="translate({gap + (charts.WIDTH + gap) * (place % 2)},{gap / 2 + high * (place // 2)})">{drawn}</g>'
        for place, (drawn, _) in enumerate(panels)
    ]
    text = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img" '
        f'aria-label="{html.escape(label)}"><style>{_STYLE}</style><rect width="{width}" height="{height}" fill="#fff"/>'
        f"{''.join(placed)}</svg>\n"
    )
    path = ROOT / "docs" / "files" / f"{name}.svg"
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(text) / 1000:.0f} KB")


def degradation():
    """The training loss of plain and residual networks, by updates: seed 0, at the learning rate with the lower loss in the end."""
    found = [row for row in rows("depth_degradation") if row["seed"] == "0"]
    panels = []
    for kind, title in (("plain", "plain"), ("residual", "residual"), ("bottleneck", "residual, pre-activation bottleneck")):
        curves = []
        for depth in sorted({int(row["depth"]) for row in found if row["kind"] == kind}):
            own = [row for row in found if (row["kind"], row["depth"]) == (kind, str(depth))]
            by_rate = [[(int(row["updates"]), float(row["loss"])) for row in own if row["rate"] == rate] for rate in ("0.1", "0.01")]
            curves.append((f"{depth} layers", min(by_rate, key=lambda points: points[-1][1] if points else math.inf)))
        panels.append(panel(f"Training loss, {title}", curves, "updates", logarithmic=True))
    picture("depth_degradation", "Training loss by updates of plain and of residual networks of 20 to 1001 layers", panels)


def signals():
    """Gradients by layer at initialization: normalizations and activations."""
    found = rows("depth_signals")
    panels = []
    for kind in ("plain", "residual"):
        curves = _by_layer(found, "normalization", when="start", kind=kind, activation="relu", initialization="he")
        panels.append(panel(f"{kind.capitalize()}, ReLU, by normalization", curves, "layer", logarithmic=True))
    for kind in ("plain", "residual"):
        curves = _by_layer(found, "activation", when="start", kind=kind, normalization="none")
        panels.append(panel(f"{kind.capitalize()}, no normalization, by activation", curves, "layer", logarithmic=True))
    picture("depth_signals", "Gradients of each layer's kernel as shares of the kernel, by normalization and by activation", panels)


def _by_layer(found, told, **chosen):
    curves = {}
    for row in found:
        suitable = row["initialization"] == ("he" if row["activation"] in ("relu", "silu") else "glorot")
        if suitable and all(row[name] == value for name, value in chosen.items()):
            curves[row[told]] = [(place + 1, float(value)) for place, value in enumerate(row["gradients"].split())]
    return list(curves.items())


def recurrence():
    """Gradients by time step at initialization, by cell, for each length."""
    found = [row for row in rows("depth_recurrence") if (row["optimizer"], row["seed"]) == ("start", "0")]
    panels = []
    for steps in sorted({int(row["steps"]) for row in found}):
        curves = [
            (row["cell"], [((place + 0.5) * steps / 20, float(value)) for place, value in enumerate(row["gradients"].split())])
            for row in found
            if int(row["steps"]) == steps
        ]
        panels.append(panel(f"{steps} steps, at initialization", curves, "time step", logarithmic=True, whole=False))
    picture("depth_recurrence", "Gradients by time step of recurrent networks, for 50, 200 and 1000 steps", panels)


if __name__ == "__main__":
    degradation()
    signals()
    recurrence()
