"""A comparison's `report.html`, and the same in a few lines for a terminal."""

import datetime
import math

from hornbook import files
from hornbook.reports import page
from hornbook.training import runs
from hornbook.tuning.comparison import charts, grid, measures, table

_MOST_FAILED = 30
_HOW = (
    "Differences are taken seed by seed from the first level, as runs of one seed share split, order and initial draws: the mean, its 95% "
    "interval by Student's t, and the p of the paired t-test, corrected by Holm (1979) for all differences of the table. Below 0.05 a "
    "difference counts as shown. The bars are 95% intervals of each level's own mean."
)


def write_report(path, plan, rows):
    """Write the report, a page that loads nothing.

    Args:
        path: of the file.
        plan: `driver.Plan`.
        rows: list of `table.Row`.
    """
    sections = [(_heading(measure, part), _measure(plan, rows, measure, part)) for measure, part in _shown(plan)]
    sections += [("Failed runs", _failed(rows)), ("Make it again", f"<pre>{page.escape(plan.command)}</pre>" if plan.command else "")]
    base = plan.cells[0].options
    what = "ways to train" if plan.factors[0].name == grid.NAMED else plan.factors[0].name.replace("_", " ")
    model = "" if base["model"] == "auto" else f", {base['model'].rpartition(':')[2]}"
    title = f"{what[:1].upper()}{what[1:]} in {plan.recipe_name.replace('_', ' ')}{model}"
    datasets = list(dict.fromkeys(row.cell.dataset for row in rows))
    facts = [
        ("Data", ", ".join(datasets)),
        ("Seeds", page.number(len({row.cell.seed for row in rows}))),
        ("Runs", page.number(len(rows))),
        ("Failed", page.number(sum(row.state == "failed" for row in rows))),
        ("Time of all runs", page.duration(sum(row.seconds or 0.0 for row in rows))),
        *((factor.name.replace("_", " "), ", ".join(level.name for level in factor.levels)) for factor in plan.factors),
    ]
    found = "".join(f"<p>{page.escape(line)}</p>" for line in (*_shown_differences(plan, rows), *_wrong(plan, rows)))
    versions = ", ".join(f"{key} {value}" for key, value in runs.environment()["versions"].items())
    foot = f"{versions}; {datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
    files.write_text(path, page.of_sections(title, f'<div class="lead">{found}</div>', facts, sections, foot))


def in_words(plan, rows):
    """What was found: lines of text, one a level below one a measure, part, data set and condition."""
    longest, lines = max(len(level.name) for level in plan.factors[0].levels), []
    for measure, part in _shown(plan):
        found = table.compared(rows, plan.factors, measure, part)
        for where, group in _groups(found).items():
            lines.append(f"{', '.join(where)}, {measure.in_words}{_of_part(measure, part)}:")
            lines += [f"  {one.level:{longest}}  {_written(one.spread)}{_gain(one, measure)}" for one in group]
        ranks = table.ranked(found, plan.factors[0], measure)
        lines += [_ranks(plan, ranks)] if ranks else []
    return [*lines, *_wrong(plan, rows)]


def _wrong(plan, rows):
    """What runs say went wrong, a sentence a level and problem: two levels are equal, say, since neither has learned anything."""
    levels, factor = {}, plan.factors[0].name
    of = "" if factor == grid.NAMED else f"{factor.replace('_', ' ')} "
    for row in rows:
        if row.state == "finished":
            levels.setdefault(f"{of}{row.cell.levels[factor]}", []).append(row.run.errors)
    for level, own in levels.items():
        for problem in dict.fromkeys(problem for errors in own for problem in errors):
            said = [errors[problem] for errors in own if problem in errors]
            yield f"{level}: {len(said)} of {len(own)} runs went wrong, the first: {said[0]}"


def _shown_differences(plan, rows):
    """The same without figures, a sentence a data set and condition."""
    measure, part = plan.chosen[0], plan.parts[0]
    for where, group in _groups(table.compared(rows, plan.factors, measure, part)).items():
        verdicts = {}
        for one in group[1:]:
            verdicts.setdefault(one.verdict(measure.higher_is_better), []).append(one.level)
        told = "; ".join(f"{', '.join(levels)}: {verdict}" for verdict, levels in verdicts.items())
        yield f"{', '.join(where)}, {measure.in_words}{_of_part(measure, part)}, against {group[0].level}: {told}."


def _ranks(plan, ranks):
    named = zip(plan.factors[0].levels, ranks["mean_ranks"], strict=True)
    told = ", ".join(f"{level.name} {rank:.2f}" for level, rank in sorted(named, key=lambda pair: pair[1]))
    tested = "" if math.isnan(ranks["p"]) else f"; Friedman's test of no difference: p = {ranks['p']:.3g}"
    return f"mean ranks over {ranks['n']} data sets and conditions, 1 is best: {told}{tested}"


def _gain(one, measure):
    """A level against the first, in words."""
    lost = f"; {one.failed} of {one.runs} runs failed" if one.failed else ""
    if len(one.scores) < one.runs - one.failed:  # As of an accuracy that was never reached.
        lost += f"; only {len(one.scores)} of {one.runs} runs have a value"
    if one.difference is None or not one.difference["n"]:
        return lost
    p = "" if math.isnan(one.p) else f", p {one.p:.3g}"
    return f", {one.difference['mean']:+.4f}{_between(one)}{p}: {one.verdict(measure.higher_is_better)}{lost}"


def _between(one):
    """The interval of a difference, in words; "" where there is none."""
    low, high = one.difference["interval"] if one.difference else (math.nan, math.nan)
    return "" if math.isnan(low) else f" [{low:+.4f}, {high:+.4f}]"


def _written(spread):
    if spread is None:
        return "no result"
    deviation = "" if math.isnan(spread["standard_deviation"]) else f" ± {spread['standard_deviation']:.4f}"
    return f"{spread['mean']:.4f}{deviation}"


def _shown(plan):
    """Each measure with the parts that it is taken on."""
    return [(one, part) for one in plan.chosen for part in (plan.parts if measures.is_score(one) else plan.parts[:1])]


def _of_part(measure, part):
    return f" on {part} data" if measures.is_score(measure) else ""


def _heading(measure, part):
    name = measure.in_words
    return f"{name[:1].upper()}{name[1:]}{_of_part(measure, part)}"


def _groups(found):
    groups = {}
    for one in found:
        key = (one.dataset, *(f"{name} {level}" for name, level in one.conditions.items()))
        groups.setdefault(key, []).append(one)
    return groups


def _measure(plan, rows, measure, part):
    found = table.compared(rows, plan.factors, measure, part)
    figures = [
        f"<figure><figcaption><b>{page.isolated(', '.join(key))}</b></figcaption>"
        f"{charts.levels(_heading(measure, part), [(one.level, one.scores) for one in group], measure.in_words, measure.limits)}</figure>"
        for key, group in _groups(found).items()
        if any(one.scores for one in group)
    ]
    cells = []
    for one in found:
        gain = f"{one.difference['mean']:+.4f}{_between(one)}" if one.difference and one.difference["n"] else page.number(None)
        cells.append(
            (
                page.isolated(one.level),
                page.isolated(one.dataset),
                *(page.isolated(level) for level in one.conditions.values()),
                page.number(len(one.scores)) + (f", {one.failed} failed" if one.failed else ""),
                page.escape(_written(one.spread)),
                page.escape(gain),
                page.number(None) if math.isnan(one.p) else f"{one.p:.3g}",
                page.escape(one.verdict(measure.higher_is_better)),
                page.duration(None if math.isnan(one.seconds) else one.seconds),
            )
        )
    conditions = [page.escape(factor.name.replace("_", " ")) for factor in plan.factors[1:]]
    headings = [
        "Level",
        "Data",
        *conditions,
        "n",
        "Mean \N{PLUS-MINUS SIGN} deviation",
        "Difference [95% interval]",
        "p",
        "Shown",
        "Time a run",
    ]
    text_columns = (0, *range(1, 2 + len(conditions)), len(headings) - 2)
    ranks = table.ranked(found, plan.factors[0], measure)
    lead = f'<p class="lead">{page.escape(_HOW)}</p>' if (measure, part) == (plan.chosen[0], plan.parts[0]) else ""
    told = f"<p>{page.escape(_ranks(plan, ranks))}.</p>" if ranks else ""
    return f'{lead}<div class="charts">{"".join(figures)}</div>{page.table(headings, cells, text_columns=text_columns)}{told}'


def _failed(rows):
    cells = [
        (page.isolated(row.cell.dataset), page.isolated(", ".join(row.cell.levels.values())), str(row.cell.seed), page.isolated(row.error))
        for row in rows
        if row.state == "failed"
    ]
    more = f'<p class="note">{len(cells) - _MOST_FAILED} more are in comparison.csv.</p>' if len(cells) > _MOST_FAILED else ""
    return page.table(["Data", "Level", "Seed", "Reason"], cells[:_MOST_FAILED], text_columns=(0, 1, 3)) + more if cells else ""
