"""The page of the most suspect labels: each example with its label, what the networks say, and how sure they are."""

import datetime

import numpy as np

from hornbook import files
from hornbook.data import sources
from hornbook.data.selection import corrections
from hornbook.reports import examples, page

_PICTURE_SIDE = 160  # Pixels.
_HOW = (
    "Each example was predicted by a network that was not trained on it. Where that is sure of another class than the label, either is "
    "wrong: look, and write the class that is correct into the column {column} of labels.csv. What stays empty there stays as it is."
)


def write(path, dataset, rows, found, args):
    """Write the page, which loads nothing.

    Args:
        path: of the file.
        dataset: `data.dataset.Dataset`, nothing of whose training examples is held out.
        rows: of `labels.csv`, dicts, those that are shown.
        found: `labels.Found`.
        args: `labels.Args`.
    """
    place_of = {index: place for place, index in enumerate(dataset.train.indices.tolist())}
    wanted = [
        {"position": place_of[row["index"]], "true": row["label"], "predicted": row["suggested_label"], "confidence": 0.0} for row in rows
    ]
    shown = [_figure(row, one, dataset.name) for row, one in zip(rows, examples.mistakes(dataset, "train", wanted), strict=True)]
    introduction = (
        f'<div class="score"><strong>{int(found.wrong.sum()):,}</strong>'
        f"<p>of {len(found.labels):,} labels are taken for wrong (confident learning, Northcutt et al. 2021)</p></div>"
    )
    facts = [("Data", dataset.name), ("Examples", page.number(len(found.labels))), ("Shown", page.number(len(rows)))]
    lead = f'<p class="lead">{page.escape(_HOW.format(column=corrections.COLUMN))}</p>'
    sections = [
        ("The most suspect labels", f'{lead}<div class="pictures">{"".join(shown)}</div>'),
        ("By class", _by_class(dataset, found)),
    ]
    foot = f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
    files.write_text(path, page.of_sections("Suspect labels", introduction, facts, sections, foot))


def _figure(row, example, name):
    named = page.shortened(sources.within(name, str(row["file"])) if "file" in row else row["index"])
    told = f"<b>{page.isolated(row['label'])}</b>, {row['probability_of_label']:.3f}<br>"
    told += f"rather <b>{page.isolated(row['suggested_label'])}</b>, {row['probability_of_suggested']:.3f}<br>{page.escape(named)}"
    if "text" in example:
        return f"<figure><p>{page.escape(page.shortened(str(example['text'])))}</p><figcaption>{told}</figcaption></figure>"
    picture = example["image"]
    drawn = picture if isinstance(picture, str) else f'<img alt="" src="{page.picture(picture, _PICTURE_SIDE)}">'
    return f"<figure>{drawn}<figcaption>{told}</figcaption></figure>"


def _by_class(dataset, found):
    """How many labels of each class are taken for wrong, the largest share first."""
    rows = []
    for label in np.unique(found.labels).tolist():
        own = found.labels == label
        rows.append((found.wrong[own].mean(), page.isolated(dataset.class_names[label]), int(own.sum()), int(found.wrong[own].sum())))
    cells = [(name, page.number(count), page.number(wrong), f"{share:.1%}") for share, name, count, wrong in sorted(rows, reverse=True)]
    return page.table(["Label", "Examples", "Taken for wrong", "Share"], cells)
