"""Parts of a self-contained HTML page: the document with its style, tables, escaping, figures in words, pictures as data URIs."""

import base64
import html
import io
import math
import re
import unicodedata

import numpy as np

_LONGEST_NAME = 120

# Colours are variables, so that charts and tables follow the reader's light or dark scheme and a printed page is light.
_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2229; --soft: #596473; --rule: #dfe3e8; --panel: #f6f7f9;
  --validation: #1f5fb0; --train: #bd5a0c; --good: 36 99 180; --bad: 193 62 38; --warn: #b3370f; --on-deep: #fff; }
@media screen and (prefers-color-scheme: dark) {
  :root { --paper: #14171b; --ink: #e6e9ed; --soft: #9ba6b4; --rule: #2d333b; --panel: #1b1f25;
    --validation: #7db0f5; --train: #f0a562; --good: 58 116 200; --bad: 206 80 54; --warn: #f58c6a; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", Arial, sans-serif; }
main, header, footer { max-width: 60rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 3rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 0 0 0.35rem; font-weight: 650; letter-spacing: -0.005em; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; font-weight: 600; }
section { padding: 2.25rem 0; border-top: 1px solid var(--rule); }
p { margin: 0 0 0.75rem; max-width: 44rem; }
.soft, figcaption, .over { color: var(--soft); }
.lead { color: var(--soft); font-size: 0.95rem; margin-bottom: 1.25rem; }
.note { color: var(--soft); font-size: 0.85rem; margin: 0.5rem 0 0; }
.over { font-size: 0.85rem; margin: 0 0 0.4rem; }
.score { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1.25rem; margin: 1.5rem 0 1.75rem; }
.score strong { font-size: 3.5rem; line-height: 1; font-weight: 650; letter-spacing: -0.03em; font-variant-numeric: tabular-nums; }
.score p { margin: 0; max-width: 30rem; }
dl { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1rem 1.25rem; margin: 0 0 1.75rem; }
dl.options { grid-template-columns: repeat(auto-fill, minmax(min(13rem, 100%), 1fr)); gap: 0.75rem 1.25rem; margin-bottom: 0; }
dt { color: var(--soft); font-size: 0.85rem; }
dd { margin: 0; font-weight: 550; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 0.35rem 1.1rem; font-size: 0.9rem; padding: 0 0 1.75rem; }
a { color: var(--validation); text-decoration: none; } a:hover { text-decoration: underline; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); gap: 2rem 2.5rem; align-items: start; }
figure { margin: 0; }
.charts figcaption { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 1rem; margin-bottom: 0.35rem;
  font-size: 0.9rem; }
.charts figcaption b { color: var(--ink); font-weight: 600; }
.key { white-space: nowrap; margin-left: 0.8rem; }
.key::before { content: ""; display: inline-block; width: 1.3em; margin-right: 0.4em; vertical-align: 0.25em;
  border-top: 0.18em solid var(--series); }
.key.train::before { border-top-style: dashed; }
.train { --series: var(--train); } .validation { --series: var(--validation); }
.other { --series: var(--soft); }
svg { display: block; width: 100%; height: auto; overflow: visible; font: 12.5px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--rule); } svg .axis { stroke: var(--soft); stroke-opacity: 0.6; }
svg .line { fill: none; stroke: var(--series); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
svg .train .line { stroke-dasharray: 5 4; stroke-width: 1.75; }
svg .dense .line { stroke-dasharray: none; stroke-width: 1.25; }
svg .dot { fill: var(--series); } svg .point { fill: rgb(var(--good) / 0.5); }
svg .hit { fill: var(--series); fill-opacity: 0; } svg .hit:hover { fill-opacity: 0.85; }
svg .mark { stroke: var(--ink); stroke-dasharray: 2 3; } svg .mark-label { fill: var(--ink); }
svg .bar { fill: rgb(var(--good) / 0.75); } svg .missing { fill: rgb(var(--bad) / 0.45); }
svg .beyond { fill: rgb(var(--good) / 0.3); }
svg .few { opacity: 0.35; } svg .count { fill: var(--soft); fill-opacity: 0.55; }
svg .cell { fill: rgb(var(--good) / calc(0.06 + 0.94 * var(--heat))); } svg .lost { fill: rgb(var(--bad)); } svg .small { font-size: 11px; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.wide table { width: 100%; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.5rem; }
th, td { padding: 0.35rem 0.75rem; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; font-weight: 400; }
thead th { color: var(--soft); font-size: 0.85rem; vertical-align: bottom; }
th:first-child, td.text, th.text { text-align: left; }
tbody th, td.text { white-space: normal; overflow-wrap: anywhere; min-width: 6rem; }
th:first-child, td:first-child { padding-left: 0; } th:last-child, td:last-child { padding-right: 0; }
.meter { display: block; min-width: 6rem; padding: 0 0.35rem; border-radius: 2px;
  background: linear-gradient(to right, rgb(var(--good) / 0.2) calc(var(--value) * 100%), transparent 0); }
.heat table { font-size: 0.85rem; border-collapse: separate; border-spacing: 2px; }
.heat td { text-align: center; padding: 0.3rem 0.2rem; min-width: 2.35rem; border: 0; border-radius: 3px; background: var(--panel); }
.heat th { border: 0; padding: 0.2rem 0.4rem; color: var(--ink); }
.heat tbody th { position: sticky; left: 0; background: var(--paper); text-align: right; min-width: 0; white-space: nowrap;
  padding-right: 0.6rem; }
.heat thead th { text-align: center; }
.heat thead td { background: none; } .heat thead .across, .heat .down { color: var(--soft); }
.heat thead .across { text-align: left; } .heat .down { text-align: right; padding-right: 0.6rem; }
.heat .label { display: inline-block; max-width: 9rem; overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.heat .upright { writing-mode: vertical-rl; transform: rotate(180deg); max-width: none; max-height: 9rem; white-space: nowrap; }
.heat .right { background: rgb(var(--good) / var(--heat)); } .heat .wrong { background: rgb(var(--bad) / var(--heat)); }
.heat .deep { color: var(--on-deep); } .heat .none { color: transparent; }
.findings { list-style: none; margin: 0; padding: 0; display: grid; gap: 0.75rem; }
.findings li { background: var(--panel); border-left: 0.25rem solid var(--warn); border-radius: 0.25rem; padding: 0.75rem 1rem;
  overflow-wrap: anywhere; }
.findings p { margin: 0; max-width: none; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.9em; background: var(--panel);
  padding: 0.1em 0.3em; border-radius: 0.2rem; white-space: nowrap; }
.findings code { background: var(--paper); }
pre { background: var(--panel); padding: 0.9rem 1rem; border-radius: 0.35rem; margin: 0 0 1.5rem; white-space: pre-wrap;
  overflow-wrap: anywhere; font: 0.85rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.3rem, 1fr)); gap: 1.25rem 0.85rem; }
.pictures img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--panel); border-radius: 0.35rem; }
.pictures svg, .sheet svg { display: block; width: 100%; background: var(--panel); border-radius: 0.35rem; color: var(--ink); }
.sheet svg:first-child { outline: 2px solid var(--validation); outline-offset: 0; }
.pictures img.small { image-rendering: pixelated; }
.pictures figcaption { font-size: 0.85rem; line-height: 1.4; margin-top: 0.4rem; overflow-wrap: anywhere; }
.pictures b { color: var(--ink); font-weight: 600; }
.sheet { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.5rem 2.5rem; }
.sheet figcaption { font-size: 0.85rem; margin-bottom: 0.3rem; overflow-wrap: anywhere; }
.sheet div { display: grid; grid-template-columns: repeat(var(--columns), 1fr); gap: 0.3rem; }
.sheet img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--panel); border-radius: 0.25rem; }
.sheet img.small { image-rendering: pixelated; }
.sheet img:first-child { outline: 2px solid var(--validation); outline-offset: 0; }
details > summary { cursor: pointer; color: var(--validation); padding: 0.25rem 0 0.75rem; }
footer { border-top: 1px solid var(--rule); padding-top: 1.25rem; padding-bottom: 3rem; color: var(--soft); font-size: 0.85rem; }
@media (max-width: 34rem) {
  header { padding-top: 1.75rem; } .score strong { font-size: 3rem; } section { padding: 1.75rem 0; }
  dl, dl.options { grid-template-columns: repeat(2, 1fr); }
  th, td { padding: 0.35rem 0.3rem; } tbody th, td.text { min-width: 5rem; } .meter { min-width: 3.1rem; padding: 0 0.1rem; }
  .heat table { font-size: 0.75rem; border-spacing: 1px; } .heat td { min-width: 1.75rem; padding: 0.3rem 0.1rem; }
  .heat .label { max-width: 6rem; } .heat .upright { max-width: none; }
}
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10pt; } nav { display: none; } header { padding-top: 0; } section { padding: 1.25rem 0; }
  figure, tr, li, dl > div { break-inside: avoid; } h2, h3 { break-after: avoid; } .scroll { overflow: visible; }
  .heat tbody th { position: static; } .charts { grid-template-columns: 1fr 1fr; gap: 1rem 1.5rem; }
  .pictures { grid-template-columns: repeat(8, 1fr); gap: 0.75rem; } .sheet { grid-template-columns: 1fr 1fr; }
}
"""

# The page may load nothing: not even a name that slipped through escaping could make a browser fetch or run something.
_DOCUMENT = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def document(title, body):
    """A whole HTML page, a string: `title` is text, `body` is HTML."""
    return _DOCUMENT.format(title=escape(title), style=_STYLE, body=body)


def of_sections(title, introduction, facts, sections, foot):
    """A whole HTML page with a heading, names with their values, links to its sections, and these.

    Args:
        title: text.
        introduction: HTML that stands below the title.
        facts: pairs of text, see `definitions`.
        sections: pairs of a heading, text, and HTML; those without content are left out.
        foot: text.

    Returns:
        A string.
    """
    sections = [(re.sub(r"[^a-z0-9]+", "-", heading.lower()), heading, content) for heading, content in sections if content]
    links = "".join(f'<a href="#{anchor}">{escape(heading)}</a>' for anchor, heading, _ in sections)
    head = f"<header>\n<h1>{isolated(title)}</h1>\n{introduction}\n{definitions(facts)}<nav>{links}</nav>\n</header>"
    parts = [f'<section id="{anchor}">\n<h2>{escape(heading)}</h2>\n{content}\n</section>' for anchor, heading, content in sections]
    return document(title, f"{head}\n<main>\n{''.join(parts)}\n</main>\n<footer>{escape(foot)}</footer>")


def escape(text):
    """Text that HTML shows as it is, within elements and within quoted attributes.

    Control characters, which HTML forbids, become the replacement character; tabs and line ends stay.
    """
    shown = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) == "Cc" and c not in "\t\n" else c for c in str(text))
    return html.escape(shown, quote=True)


def isolated(text):
    """A user's name, escaped and kept from turning the text around it, as right-to-left scripts and their control characters do.

    One of more than 120 characters is cut, so that no name can swell the page.
    """
    return f"<bdi>{escape(shortened(text))}</bdi>"


def shortened(text):
    """The text's first 120 characters, with an ellipsis where there are more."""
    text = str(text)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"


def with_flags(text):
    """Escaped text with command-line flags set as code, each with its value where that has a digit, such as --clip-norm 1.0."""
    return re.sub(r"(?<![\w-])--[a-z][a-z0-9-]*( [a-z_]*[0-9](\S*\w)?(?!\S*\w))?", r"<code>\g<0></code>", escape(text))


def table(headings, rows, *, text_columns=(0,)):
    """A table that scrolls sideways where the screen is narrow. All cells are HTML; a row's first is its heading.

    `text_columns` are set flush left, the others right.
    """

    def kind(column):
        return ' class="text"' if column in text_columns else ""

    head = "".join(f'<th scope="col"{kind(k)}>{heading}</th>' for k, heading in enumerate(headings))
    lines = []
    for first, *others in rows:
        cells = "".join(f"<td{kind(k)}>{cell}</td>" for k, cell in enumerate(others, start=1))
        lines.append(f'<tr><th scope="row"{kind(0)}>{first}</th>{cells}</tr>')
    body = "\n".join(lines)
    return f'<div class="scroll wide"><table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>'


def meter(value, mark=""):
    """A share as a percentage upon a bar of that length, for a cell of a table; `mark` stands behind it."""
    return f'<span class="meter" style="--value:{value:.3f}">{percent(value)}{mark}</span>'


def definitions(pairs, css_class=""):
    """Names with their values, in columns: pairs of text, both escaped here."""
    items = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>\n" for name, value in pairs)
    return f'<dl class="{css_class}">\n{items}</dl>'


def notes(sentences):
    """Sentences without capital and point as small paragraphs, escaped."""
    return "".join(f'<p class="note">{escape(one[:1].upper() + one[1:])}.</p>' for one in sentences)


def percent(value):
    """A share as a percentage with one digit; a dash for None, and a number that is not finite in words."""
    if value is None or not math.isfinite(float(value)):
        return number(value)
    value = float(value)
    # Not rounded to none or to all: 0.0% and 100.0% are said of nothing less.
    if 0.9995 <= value < 1:
        return "over 99.9%"
    if 0 < value < 0.0005:
        return "under 0.1%"
    return f"{100 * value:.1f}%"


def number(value):
    """A number for reading: whole ones with thousands separated, others with 4 significant digits; a dash for None."""
    if value is None:
        return "\N{EN DASH}"
    if not isinstance(value, int):
        value = float(value)
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else "infinite"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:.4g}"


def duration(seconds):
    """Seconds in words: 8.3 s, 42 s, 3 min 20 s, 2 h 5 min."""
    if seconds is None or not math.isfinite(float(seconds)):
        return number(seconds)
    seconds = float(seconds)
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def picture(image, longest_side, kind="PNG"):
    """A data URI of a uint8 array (height, width, channels), 1 or 3 channels, or (height, width); larger ones are shrunk.

    `kind` is "PNG", which keeps every pixel, or "JPEG", which takes a quarter of the space for a photograph.

    Raises ValueError for another shape or dtype.
    """
    from PIL import Image

    image = np.asarray(image)
    if image.ndim == 3 and image.shape[-1] == 1:
        image = image[..., 0]
    if image.dtype != np.uint8 or not (image.ndim == 2 or (image.ndim == 3 and image.shape[-1] == 3)) or not image.size:
        raise ValueError(f"a picture must be uint8 of shape (height, width, 1 or 3), got {image.dtype} of shape {image.shape}")
    drawing = Image.fromarray(image)
    drawing.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    drawing.save(file, format=kind, optimize=True, **({"quality": 85} if kind == "JPEG" else {}))
    return f"data:image/{kind.lower()};base64," + base64.b64encode(file.getvalue()).decode("ascii")
