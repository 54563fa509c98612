"""The page of `hornbook explain`: each input under its heat, and how the method did on this model."""

import hornbook
from hornbook.reports import heat as drawing
from hornbook.reports import page

_ABOUT = {
    "gradients": "How strongly the class's score would change with each place (Simonyan et al. 2014). Blue says how much, not which way.",
    "integrated_gradients": "What each place adds to the class's score on the way from nothing to the input (Sundararajan et al. 2017): "
    "blue speaks for the class, red against it.",
    "smoothgrad": "How strongly the class's score would change with each place, the mean of noisy copies (Smilkov et al. 2017). Blue says "
    "how much, not which way.",
    "grad_cam": "Where in the last map of the network lies what speaks for the class (Selvaraju et al. 2017). It is as coarse as that map.",
    "attention_rollout": "What the network's summary has looked at through all blocks (Abnar & Zuidema 2020), the same for every class.",
    "shapley": "What each part adds to the class's probability, in the mean over the orders in which parts are added (Štrumbelj & "
    "Kononenko 2014): blue speaks for the class, red against it.",
}


def page_of(about, entries, drawings, sections=()):
    """The page, a string.

    Args:
        about: dict with `run`, `method`, `medium` and `checks`.
        entries: list of dicts, an input each.
        drawings: list of HTML, an input each.
        sections: further pairs of a heading, text, and HTML.
    """
    checks = about["checks"]
    facts = [("Method", about["method"].replace("_", " ")), ("Run", about["run"]), ("Inputs", page.number(len(entries)))]
    facts.append(("Says something of this model", "yes" if checks["reliable"] else "no, see below"))
    shown = [f"<figure><figcaption>{_caption(one)}</figcaption>{drawn}</figure>"
             for one, drawn in zip(entries, drawings, strict=True)]  # fmt: skip
    introduction = f'<p class="lead">{page.escape(_ABOUT[about["method"]])}</p>{_marks(checks)}'
    inputs = f'<div class="sheet">\n{"".join(shown)}\n</div>'
    return page.of_sections(
        "What the answers rest on",
        introduction,
        facts,
        [("Inputs", inputs), *sections, ("Whether it says anything", _checks(checks))],
        f"Made by Hornbook {hornbook.__version__}. This file loads nothing from anywhere.",
    )


def nearest(shown, found):
    """The training examples that are nearest to an input, HTML.

    Args:
        shown: of `media`.
        found: list of dicts as of `neighbours.of_run`.
    """
    captions = [
        f"{one['label']}, {one['source']} {one['index']}" if "source" in one else f"{one['label']}, {one['index']}" for one in found
    ]
    told = '<p class="note">Nearest training examples, in what the last layer sees:</p>'
    return told + drawing.examples([shown.example(one["input"]) for one in found], captions)


def of_columns(found, rows):
    """Sections on a table's columns: pairs of a heading and HTML.

    Args:
        found: list of dicts as of `columns.of_run`.
        rows: how many rows they are of.
    """
    told = (
        f"How many fewer of {rows:,} unseen rows are answered rightly when a column's values are put in another order (permutation "
        "importance, five orders). Columns that say the same share what they are worth: without one, the other tells."
    )
    listed = [(page.isolated(one["column"]), f"{100 * one['fall_of_accuracy']:+.1f}", f"{100 * one['deviation']:.1f}") for one in found]
    table = page.table(["Column", "Fall of the accuracy, points", "Deviation"], listed)
    curves = [drawing.along(one["column"], one["along"]["values"], one["along"]["probability"], one["along"]["class"])
              for one in found if "along" in one]  # fmt: skip
    lead = "The mean probability over the same rows when one column is set to a value in all of them (partial dependence)."
    along = f'<p class="lead">{lead}</p><div class="charts">{"".join(curves)}</div>' if curves else ""
    return [("Which columns matter", f'<p class="lead">{told}</p>{table}'), ("Along the columns", along)]


def _caption(one):
    told = f"{page.isolated(one['name'])}: what speaks for <b>{page.isolated(one['explained'])}</b>, {page.percent(one['probability'])}"
    return told if one["explained"] == one["predicted"] else f"{told}; predicted is {page.isolated(one['predicted'])}"


def _marks(checks):
    marks = [
        f"<li><p>{page.escape(one[0].upper() + one[1:])}.</p></li>"
        for one in (text.removeprefix("note: ") for text in checks["sentences"] if text.startswith("note: "))
    ]
    return f'<ul class="findings">{"".join(marks)}</ul>' if marks else ""


def _checks(checks):
    areas, alike = checks["deletion_and_insertion"], checks["weight_randomisation"]
    interval = areas["interval"]
    between = "" if interval is None else f" ({page.number(interval[0])} to {page.number(interval[1])})"
    rows = [
        (
            "Deletion: the hottest places taken away first, low is good",
            page.percent(areas["deletion"]),
            page.percent(areas["random_deletion"]),
        ),
        (
            "Insertion: the hottest places put back first, high is good",
            page.percent(areas["insertion"]),
            page.percent(areas["random_insertion"]),
        ),
    ]
    return (
        '<p class="lead">An explanation can look right and say nothing. Two checks tell: whether the class gets less probable when what is '
        "hot is taken away, and whether the explanation changes when the network forgets what it has learned.</p>"
        + page.table(["Mean probability of the class", "This method", "Random orders"], rows)
        + f"<p>The gain over random orders is {page.number(areas['gain'])}{between}, {areas['examples']} examples (Petsiuk et al. 2018). "
        f"With shuffled weights the explanations of {alike['examples']} examples have a rank correlation of "
        f"{page.number(alike['rank_correlation'])} with these (Adebayo et al. 2018); above 0.5 the method is marked.</p>"
    )
