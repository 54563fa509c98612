"""What `hornbook shrink` found, as a table of numbers and a page: score against size, the front, the one to take."""

import datetime

from hornbook import files, spreadsheets
from hornbook.reports import charts, page
from hornbook.training import runs
from hornbook.tuning.shrinking import targets

_COLUMNS = ("name", "channels", "precision", "parameters", "size", "milliseconds", "score")
_HEIGHT = 340
_HOW = (
    "Each file was made of the run's network, or of one that was trained on with fewer channels, and answered the validation examples "
    "itself. Times are medians on this machine, all files in turns. A line joins the files that no other one beats in what is drawn."
)


def write(folder, found, chosen, wanted, trained, examples, tested):
    """Write `candidates.csv`, `report.html` and, of a run with a test part, `tested.json`.

    Args:
        folder: of both.
        found: list of `targets.Candidate`, the run's own in float32 first.
        chosen: of these.
        wanted: `targets.Targets`.
        trained: `data.inputs.Trained`, the run.
        examples: how many the scores are of.
        tested: score of the chosen one, of the run's own, and on how many test examples; or None.
    """
    best = targets.front(found)
    rows = [(*(getattr(one, name) for name in _COLUMNS), one in best, one is chosen) for one in found]
    spreadsheets.save(folder / "candidates.csv", [(*_COLUMNS, "front", "chosen"), *rows])
    score = "R2" if trained.about["task"] == "regression" else "Accuracy"
    whole = f"{found[0].size / 1000:,.1f} KB"
    facts = [
        ("Run", str(trained.folder)),
        ("Taken", chosen.name),
        ("Size", f"{chosen.size / found[0].size:.0%} of {whole}"),
        (f"{score} on {examples:,} validation examples", f"{chosen.score:.4f}, the run {found[0].score:.4f}"),
    ]
    if tested:
        facts.append((f"{score} on {tested[2]:,} test examples", f"{tested[0]:.4f}, the run {tested[1]:.4f}"))
        told = {"name": chosen.name, "score": tested[0], "of_run": tested[1], "examples": tested[2]}
        files.write_json(folder / "tested.json", told)
    missed = targets.Targets.missed(wanted, chosen, found[0])
    lead = f"Not all that was asked for: {'; '.join(missed)}." if missed else f"To be taken: {chosen.folder}"
    drawn = [drawing(found, chosen, score, *axis) for axis in (("kilobytes", _kilobytes), ("milliseconds for one input", _milliseconds))]
    figures = f'<div class="charts">{"".join(f"<figure>{one}</figure>" for one in drawn)}</div>'
    sections = [
        (f"{score}, size and time", f'<p class="lead">{page.escape(_HOW)}</p>{figures}'),
        ("Candidates", _table(found, best, chosen, score)),
    ]
    versions = ", ".join(f"{key} {value}" for key, value in runs.environment()["versions"].items())
    foot = f"{versions}; {datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
    files.write_text(
        folder / "report.html", page.of_sections("A smaller network", f'<p class="lead">{page.escape(lead)}</p>', facts, sections, foot)
    )


def _kilobytes(one):
    return one.size / 1000


def _milliseconds(one):
    return one.milliseconds


def drawing(found, chosen, score, name, value):
    """Score against what a file takes, an SVG string: a dot a file, a line through the front, a ring around the one to take.

    Args:
        found, chosen: as of `write`.
        score: what the score is called.
        name: of what a file takes, for the axis, which is logarithmic.
        value: function from a candidate to that.
    """
    ordered = sorted(found, key=lambda one: (value(one), -one.score))
    best = [one for place, one in enumerate(ordered) if all(other.score < one.score for other in ordered[:place])]
    across = charts.Axis([value(one) for one in found], charts.LEFT, charts.WIDTH - charts.RIGHT, logarithmic=True)
    up = charts.Axis([one.score for one in found], _HEIGHT - charts.BOTTOM, charts.TOP, as_percent=score != "R2")
    drawn = [charts.grid(across, up, _HEIGHT, x_name=name)]
    places = {one.name: (across(value(one)), up(one.score)) for one in found}
    points = " ".join("{:.1f},{:.1f}".format(*places[one.name]) for one in best)
    drawn.append(f'<g class="validation"><polyline class="line" points="{points}"/>')
    for one in found:
        x, y = places[one.name]
        told = f"{page.escape(one.name)}: {score} {one.score:.4f}, {one.size / 1000:,.1f} KB, {one.milliseconds:.3g} ms"
        ring = f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="9" fill="none"/>' if one is chosen else ""
        kind = "dot" if one in best else "point"
        drawn.append(f'<g><title>{told}</title>{ring}<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/></g>')
    drawn.append("</g>")
    return charts.svg(f"{score} of {len(found)} files against {name}", _HEIGHT, drawn)


def _table(found, best, chosen, score):
    rows = []
    for one in found:
        mark = "taken" if one is chosen else "front" if one in best else ""
        share = f"{one.size / found[0].size:.0%}"
        cells = (f"{one.size / 1000:,.1f}", share, f"{one.milliseconds:.3g}", page.number(one.parameters), f"{one.score:.4f}", mark)
        rows.append((page.escape(one.name), *cells))
    return page.table(["File", "KB", "Of the run's", "ms for one", "Parameters", score, ""], rows, text_columns=(0, 6))
