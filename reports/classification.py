"""The sections of a report that say how a classifier did: confusions, per-class scores, calibration, the worst mistakes as pictures."""

import math

import numpy as np

from hornbook.reports import charts, page

# A confusion matrix of more classes is no longer read; the most confused pairs are.
MATRIX_CLASSES = 20
_LISTED = 20
# Test examples of a class below which its recall is mostly luck: of 4, one more right is 25 points.
_FEW = 5
_UNSURE = "\N{ASTERISK}"
# Beyond it the table of classes alone would be most of a report's 3 MB.
_MOST_CLASSES = 1000
_MOST_PICTURES = 24
_LONGEST_TEXT = 400
_PICTURE_SIDE = 144
# Characters of base64 for all pictures together, so that with curves and tables the file stays below 3 MB.
_PICTURE_BUDGET = 1_700_000


def confusions(evaluation):
    """The confusion matrix as a heat table, HTML; beyond 20 classes the pairs that were confused most often. "" without an evaluation."""
    if not evaluation or "confusion_matrix" not in evaluation:
        return ""
    names = [one["name"] for one in evaluation["per_class"]]
    matrix = np.array(evaluation["confusion_matrix"])
    if not matrix.any():
        return "<p>No example has finite outputs, so nothing was taken for anything.</p>"
    if len(names) <= MATRIX_CLASSES:
        lead = "Each row holds the examples of one true class, each column those predicted as one. Right ones are on the diagonal, in blue."
        return f'<p class="lead">{lead}</p>\n{_heat_table(names, matrix)}'
    mistaken = matrix - np.diag(np.diag(matrix))
    order = np.argsort(-mistaken, axis=None, kind="stable")[:_LISTED]
    pairs = [(int(k // len(names)), int(k % len(names))) for k in order if mistaken.flat[k]]
    if not pairs:
        return "<p>No example was taken for one of another class.</p>"
    rows = [
        (
            page.isolated(names[true]),
            page.isolated(names[predicted]),
            page.number(int(matrix[true, predicted])),
            page.meter(matrix[true, predicted] / evaluation["per_class"][true]["support"]),
        )
        for true, predicted in pairs
    ]
    lead = f"With {len(names):,} classes, the pairs that were confused most often."
    headings = ["True class", "Taken for", "Examples", "Of the true class"]
    return f'<p class="lead">{lead}</p>\n{page.table(headings, rows, text_columns=(0, 1))}'


def _heat_table(names, matrix):
    # Lying labels make columns as wide as they are long, so one long name would stretch its own.
    upright = max(map(len, names)) * len(names) > 60 or len(names) > 12
    kind = "label upright" if upright else "label"
    headings = "".join(f'<th scope="col">{_label(name, kind)}</th>' for name in names)
    lines = []
    for true, name in enumerate(names):
        cells = "".join(_heat_cell(matrix, true, predicted) for predicted in range(len(names)))
        lines.append(f'<tr><th scope="row">{_label(name, "label")}</th>{cells}</tr>')
    head = f'<tr><td></td><th colspan="{len(names)}" class="across">predicted</th></tr>\n<tr><th class="down">true</th>{headings}</tr>'
    body = "\n".join(lines)
    return f'<div class="scroll heat"><table><thead>{head}</thead>\n<tbody>\n{body}\n</tbody></table></div>'


def _label(name, css_class):
    """A class name that is cut off where it is long, and shown whole on hovering."""
    return f'<span class="{css_class}" title="{page.escape(page.shortened(name))}">{page.isolated(name)}</span>'


def _heat_cell(matrix, true, predicted):
    count, total = int(matrix[true, predicted]), int(matrix[true].sum())
    if not count:
        return '<td class="none">0</td>'
    # The root makes single mistakes among hundreds visible; the least of it tells 1 from 0.
    heat = max(0.15, math.sqrt(count / total))
    kind = ("right" if true == predicted else "wrong") + (" deep" if heat > 0.6 else "")
    return f'<td class="{kind}" style="--heat:{heat:.2f}">{count:,}</td>'


def classes(evaluation):
    """Precision, recall and F1 of every class, HTML; beyond 20 classes the weakest, with all of them folded. "" without an evaluation."""
    if not evaluation or "per_class" not in evaluation:
        return ""
    rows = evaluation["per_class"]
    absent = sum(not one["support"] for one in rows)
    lead = "Precision: of what was called this class, how much is. Recall: of this class, how much was found. F1: their harmonic mean."
    if absent:
        lead += f" {absent:,} of {len(rows):,} classes have no example here, and count for nothing in the means."
    if any(0 < one["support"] < _FEW for one in rows):
        lead += f" A recall marked {_UNSURE} is of fewer than {_FEW} examples and says little."
    if "positive_class" in evaluation:
        lead += f" The average precision of this report is that of {page.isolated(evaluation['positive_class'])}."
    lead = f'<p class="lead">{lead}</p>'
    if len(rows) <= MATRIX_CLASSES:
        return f"{lead}\n{_class_table([*rows, _mean_row(evaluation)])}"
    weakest = sorted((one for one in rows if one["support"]), key=lambda one: one["f1"])[:_LISTED]
    more = "" if len(rows) <= _MOST_CLASSES else f", of which the first {_MOST_CLASSES:,} are listed"
    return (
        f"{lead}\n<h3>The {len(weakest)} weakest classes</h3>\n{_class_table([*weakest, _mean_row(evaluation)])}\n"
        f"<details><summary>All {len(rows):,} classes{more}</summary>\n{_class_table(rows[:_MOST_CLASSES])}\n</details>"
    )


def groups(evaluation):
    """The accuracy of every group, the worst first, HTML; "" where examples have none."""
    rows = sorted((evaluation or {}).get("robust_groups") or [], key=lambda row: row["accuracy"])
    if not rows:
        return ""
    cells = []
    for row in rows[:_MOST_CLASSES]:
        low, high = row["interval"]
        between = f'<span class="soft">{page.percent(low)} to {page.percent(high)}</span>'
        counts = (page.number(row[name]) for name in ("examples", "training_examples"))
        cells.append((page.isolated(row["name"]), *counts, page.meter(row["accuracy"]), between))
    lead = "The group that does worst stands first: each class with each value of what the groups are by."
    return f'<p class="lead">{lead}</p>\n{page.table(["Group", "Examples", "In training", "Accuracy", "95% interval"], cells)}'


def _mean_row(evaluation):
    scores = {key: evaluation[f"macro_{key}"] for key in ("precision", "recall", "f1")}
    return {"name": "Mean of the classes", "support": evaluation["examples"], **scores}


def _class_table(rows):
    cells = [
        (page.isolated(one["name"]), page.number(one["support"]), page.meter(one["precision"]), _recall(one), page.meter(one["f1"]))
        for one in rows
    ]
    return page.table(["Class", "Examples", "Precision", "Recall", "F1"], cells)


def _recall(one):
    """A recall as a meter; of a class without an example a dash, of one with few marked."""
    if not one["support"]:
        return page.number(None)
    return page.meter(one["recall"], _UNSURE if one["support"] < _FEW else "")


def calibration(evaluation):
    """The reliability diagram with a verdict, HTML. "" without an evaluation."""
    if not evaluation or "calibration_bins" not in evaluation:
        return ""
    bins, error = evaluation["calibration_bins"], evaluation["calibration_error"]
    total = sum(one["count"] for one in bins)
    if not total:
        return "<p>No example has finite outputs, so nothing can be said about confidence.</p>"
    sure = sum(one["count"] * one["confidence"] for one in bins) / total
    right = sum(one["count"] * one["accuracy"] for one in bins) / total
    verdict = "about as sure as it should be"
    if abs(sure - right) > 0.02:
        verdict = "too sure of itself" if sure > right else "less sure than it could be"
    return (
        f'<div class="charts">\n<figure>{charts.reliability_chart(bins)}</figure>\n<div>'
        f"<p>This network is <b>{verdict}</b>: on average it gives its answer {page.percent(sure)}, and is right in "
        f"{page.percent(right)} of the cases. The expected calibration error over {len(bins)} bins is {page.percent(error)}.</p>"
        '<p class="soft">The answers are sorted by confidence. A bar is how often those of about one confidence are right. Red is what is '
        "missing to the dashed diagonal, where the network would be right as often as it is sure; light blue is what lies beyond it. "
        "A faint bar stands for fewer than 10 examples and says little. The grey bars below count the examples.</p>"
        "</div>\n</div>"
    )


def mistakes(examples):
    """The examples as pictures with captions, HTML: at most 24, and no more than fit into the file. "" without any.

    Each is a dict of `image` (uint8 array (height, width, channels), or an SVG string), `true`, `predicted` and `confidence`. Where the
    first has a `text` and no image, all are shown as rows of a table. Below stand those with `heat` again: HTML of what spoke for the class
    that was said.
    """
    if examples and "image" not in examples[0]:
        return _mistakes_in_words(examples) + _under_heat(examples, _PICTURE_BUDGET)
    shown, left = [], _PICTURE_BUDGET
    for example in examples[:_MOST_PICTURES]:
        image = example["image"]
        source = image if isinstance(image, str) else page.picture(image, _PICTURE_SIDE)
        left -= len(source)
        if left < 0:
            break
        shown.append(_mistake(example, source))
    if not shown:
        return ""
    lead = (
        "The mistakes that the network was surest of, each with the class it said and how sure it was. Look here first for wrong labels, "
        "ambiguous pictures and things that training never showed."
    )
    pictures = f'<p class="lead">{lead}</p>\n<div class="pictures">\n' + "\n".join(shown) + "\n</div>"
    return pictures + _under_heat(examples, left)


def _under_heat(examples, room):
    """What the network looked at in some of the mistakes, HTML, as many as there is room for; "" of none."""
    drawn = []
    for one in examples:
        room -= len(one.get("heat", ""))
        if "heat" in one and room > 0:
            drawn.append(f"<figure><figcaption>{_caption(one).replace('<br>', ', ')}</figcaption>{one['heat']}</figure>")
    lead = (
        "Blue is what spoke for the class that was said, red what spoke against it: of pictures, series and texts integrated gradients, of "
        "tables Shapley values. hornbook explain shows it for any example, and measures whether it says anything of this network."
    )
    return f'<h3>What it looked at</h3>\n<p class="lead">{lead}</p>\n<div class="sheet">{"".join(drawn)}</div>' if drawn else ""


def _mistakes_in_words(examples):
    rows = [
        (
            page.escape(_cut(one["text"])),
            page.isolated(one["true"]),
            page.isolated(one["predicted"]),
            page.percent(float(one["confidence"])),
        )
        for one in examples[:_MOST_PICTURES]
    ]
    lead = "The mistakes that the network was surest of. Look here first for wrong labels and for what training never showed."
    return f'<p class="lead">{lead}</p>\n{page.table(["Example", "Is", "Said", "How sure"], rows, text_columns=(0, 1, 2))}'


def _cut(text):
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _mistake(example, source):
    if isinstance(example["image"], str):
        return f"<figure>{source}<figcaption>{_caption(example)}</figcaption></figure>"
    # A picture of few pixels is shown as those, not as a blur.
    small = ' class="small"' if max(np.shape(example["image"])[:2]) < 64 else ""
    true, predicted = example["true"], example["predicted"]
    alternative = page.escape(f"An example of {page.shortened(true)}, taken for {page.shortened(predicted)}")
    return f'<figure><img{small} alt="{alternative}" src="{source}"><figcaption>{_caption(example)}</figcaption></figure>'


def _caption(example):
    sure = page.percent(float(example["confidence"]))
    return f"is <b>{page.isolated(example['true'])}</b><br>said {page.isolated(example['predicted'])}, {sure}"
