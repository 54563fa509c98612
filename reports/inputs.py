"""The section of a report that shows what training was fed: images beside their augmented versions."""

import numpy as np

from hornbook.reports import page

_MOST_ROWS = 8
_MOST_VERSIONS = 7
_PICTURE_SIDE = 144
# Below it a picture is shown pixel by pixel, and kept so; from it on it is a photograph, and packed as one.
_PHOTOGRAPH = 64
# Characters of base64 for the whole sheet: six photographs with five versions each take about 300,000.
_BUDGET = 600_000


def sheet(augmented):
    """Images with their augmented versions as rows of pictures, HTML: at most 8 of 7, and no more than fit. "" where nothing changed.

    Each is a dict of `image`, `versions` (a list), all uint8 arrays (height, width, channels) or all SVG strings, and `label`.
    """
    if not any(not np.array_equal(one["image"], version) for one in augmented for version in one["versions"]):
        return ""
    rows, left = [], _BUDGET
    for one in augmented[:_MOST_ROWS]:
        row = _row(one["label"], [one["image"], *one["versions"][:_MOST_VERSIONS]])
        left -= len(row)
        if left < 0:
            break
        rows.append(row)
    if not rows:
        return ""
    lead = (
        "Training images, each framed in blue beside what the network saw in its place in the first epochs. Augmentation is right if you "
        "would still call each version by the same name; mixed ones have a share of two names. Validation and test images stay as they are."
    )
    return f'<p class="lead">{lead}</p>\n<div class="sheet">\n' + "\n".join(rows) + "\n</div>"


def _row(label, images):
    if isinstance(images[0], str):
        return (
            f'<figure><figcaption>{page.isolated(label)}</figcaption><div style="--columns:{len(images)}">{"".join(images)}</div></figure>'
        )
    small = max(np.shape(images[0])[:2]) < _PHOTOGRAPH
    kind, css_class = ("PNG", ' class="small"') if small else ("JPEG", "")
    name = page.shortened(label)
    texts = [f"An example of {name}", *(f"The same, augmented in epoch {epoch}" for epoch in range(1, len(images)))]
    pictures = "".join(
        f'<img{css_class} alt="{page.escape(text)}" src="{page.picture(image, _PICTURE_SIDE, kind)}">'
        for text, image in zip(texts, images, strict=True)
    )
    return f'<figure><figcaption>{page.isolated(label)}</figcaption><div style="--columns:{len(images)}">{pictures}</div></figure>'


def tokens(statistics):
    """A table of the parts, HTML: texts, lengths, what was cut, unknown tokens. "" without any.

    Args:
        statistics: dict from a part's name to the `statistics` of its `tokens.Tokens`, or None.
    """
    if not statistics:
        return ""
    rows = [
        (
            page.escape(name),
            page.number(part["texts"]),
            page.number(part["median_length"]),
            page.number(part["long_length"]),
            page.number(part["longest"]),
            page.number(part["cut"]),
            page.percent(part["unknown"]),
            page.number(part.get("repeated")),
        )
        for name, part in statistics.items()
    ]
    columns = ["", "Texts", "Tokens, median", "95% have up to", "Longest, uncut", "Cut off", "Unknown tokens", "In training too"]
    lead = (
        "What the network reads are tokens. What was cut off it never sees; an unknown token says only that there was one; a text that "
        "stands in training too can be known by heart."
    )
    return f'<p class="lead">{lead}</p>\n{page.table(columns, rows)}'
