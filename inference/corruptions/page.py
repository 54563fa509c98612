"""`corruptions.html`: a curve for each kind of corruption, and an example at each strength."""

import numpy as np

from hornbook.reports import charts, examples, page

_SIDE = 144
_LONGEST_TEXT = 400  # Characters of an example.


def text(found, shown, trained):
    """The page, a string.

    Args:
        found: what `corruptions.json` holds.
        shown: dict of each kind to an example as it is and at each strength.
        trained: `data.inputs.Trained`.
    """
    score = found["score"]
    told = "accuracy" if score == "accuracy" else "mean absolute error"
    mean, clean = (_written(score, value) for value in (found["mean"], found["clean"][score]))
    head = (
        f'<div class="score"><strong>{mean}</strong><p>is the mean {told} of {page.number(found["examples"])} examples over all '
        f"corruptions and strengths; {clean} that of the same examples as they are.</p></div>"
    )
    facts = [("Run", found["run"]), ("Data", found["dataset"]), ("Examples", page.number(found["examples"])), ("Seed", str(found["seed"]))]
    sections = [
        (f"{told.capitalize()} and strength", f'<div class="charts">{"".join(_chart(one, found) for one in found["corruptions"])}</div>'),
        ("In numbers", _table(found)),
        ("An example", "".join(_example(one, shown[one["corruption"]], trained) for one in found["corruptions"])),
        ("What the strengths are", _strengths(found)),
    ]
    return page.of_sections("Corrupted inputs", head, facts, sections, "hornbook evaluate --corruptions")


def _written(score, value):
    return page.percent(value) if score == "accuracy" else page.number(value)


def _chart(one, found):
    score = found["score"]
    clean = found["clean"][score]
    points = [(0, clean), *((point["strength"], point[score]) for point in one["curve"])]
    level = [(0, clean), (len(one["curve"]), clean)]
    drawn = charts.line_chart(
        f"{one['corruption']}: {score.replace('_', ' ')} against strength",
        [("as they are", "other", level), (one["corruption"], "validation", points)],
        as_percent=score == "accuracy",
        logarithmic=False,
        x_name="strength",
        covering=(0, max(point[score] for other in found["corruptions"] for point in [found["clean"], *other["curve"]])),
    )
    return f"<figure><figcaption><b>{_title(one)}</b></figcaption>{drawn}</figure>"


def _title(one):
    return page.escape(one["corruption"][:1].upper() + one["corruption"][1:])


def _table(found):
    score = found["score"]
    strengths = range(1, 1 + max(len(one["curve"]) for one in found["corruptions"]))
    rows = [
        [page.escape(one["corruption"]), *(_written(score, point[score]) for point in one["curve"]), _written(score, one["mean"])]
        for one in found["corruptions"]
    ]
    lead = f"At strengths 1 to {strengths[-1]}, and their mean. corruptions.csv has the 95% interval of each for so many examples."
    return f'<p class="lead">{lead}</p>\n{page.table(["", *map(str, strengths), "Mean"], rows)}'


def _example(one, versions, trained):
    show = {"images": _images, "series": _series, "texts": _texts}.get(trained.about["medium"])
    return "" if show is None else f"<h3>{_title(one)}</h3>{show(versions, one, trained)}"


def _words(one):
    return ["As it is", *(f"{one['corruption']}, strength {point['strength']}" for point in one["curve"])]


def _images(versions, one, trained):
    pictures = [image if image.shape[-1] in (1, 3) else image[..., :1] for image in versions]
    small = max(pictures[0].shape[:2]) < 64
    kind, css = ("PNG", ' class="small"') if small else ("JPEG", "")
    levels = [np.rint(255 * np.clip(image / trained.about["pixel_maximum"], 0, 1)).astype(np.uint8) for image in pictures]
    drawn = (
        f'<img{css} alt="{page.escape(word)}" src="{page.picture(image, _SIDE, kind)}">'
        for image, word in zip(levels, _words(one), strict=True)
    )
    return _row("".join(drawn), len(versions))


def _series(versions, one, trained):
    features = len(trained.about["preprocessing"]["features"])
    values = [version[:, :features] for version in versions]
    scale = {"low": float(min(np.nanmin(x) for x in values)), "high": float(max(np.nanmax(x) for x in values))}
    drawn = [_drawn(examples.series_picture(x, word, **scale), word) for x, word in zip(values, _words(one), strict=True)]
    return _row("".join(drawn), len(versions))


def _drawn(picture, words):
    if isinstance(picture, str):
        return picture
    return f'<img class="small" alt="{page.escape(words)}" src="{page.picture(picture, _SIDE)}">'


def _row(drawn, columns):
    return f'<div class="sheet"><figure><div style="--columns:{columns}">{drawn}</div></figure></div>'


def _texts(versions, one, trained):
    rows = [
        (page.escape(word), page.escape(version if len(version) <= _LONGEST_TEXT else version[: _LONGEST_TEXT - 1] + "…"))
        for word, version in zip(_words(one), versions, strict=True)
    ]
    return page.table(["", "Text"], rows, text_columns=(0, 1))


def _strengths(found):
    rows = [
        (page.escape(one["corruption"]), ", ".join(page.number(point["amount"]) for point in one["curve"]), page.escape(one["counts"]))
        for one in found["corruptions"]
    ]
    told = (
        "<p>What is drawn for an example depends on the seed and on the example, and is the same at each strength. A model that keeps its "
        "score here has been asked about these corruptions, not about all that may happen to inputs.</p>"
    )
    return page.table(["", "Strengths 1 to 5", "What they count"], rows, text_columns=(0, 1, 2)) + told
