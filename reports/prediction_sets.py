"""The sections of a report on sets that hold what is true as often as promised, and on the answers that can be taken as they are."""

from hornbook.reports import page

_MOST_ROWS = 1000


def prediction_sets(found, evaluation):
    """What was promised, how often it was held and how large the sets are, HTML. "" without any.

    Args:
        found: `prediction_sets` of a run's `result.json`, or None.
        evaluation: as of `evaluation.scores.of_run`, or None.
    """
    if not found:
        return ""
    lead = (
        f"Each set is to hold what is true for {page.percent(found['promised'])} of new examples that are drawn as the "
        f"{page.number(found['calibration_examples'])} validation examples were, by which the sets are made (split conformal prediction)."
    )
    return f'<p class="lead">{lead}</p>\n{_reached(found, evaluation)}{page.notes(found["notes"])}'


def _reached(found, evaluation):
    made = (evaluation or {}).get("prediction_sets")
    if made is None:
        return ""
    told = f"Of the {page.number(evaluation['examples'])} examples of this report {page.percent(made['coverage'])} have it in their set"
    if made["coverage_interval"] is not None:
        told += f" (95% interval {_between(made['coverage_interval'])})"
    if "mean_width" in made:
        told += f"; an interval is {page.number(made['mean_width'])} wide on average"
    elif "single" in made:
        told += f"; a set has {page.number(made['mean_size'])} classes on average, {page.percent(made['single'])} have one"
        told += f", {page.percent(made['empty'])} none" if made["empty"] else ""
    size = "mean_size" if "mean_size" in made else "mean_width"
    headings = ["", "Examples", "Coverage", "95% interval", "Mean size" if size == "mean_size" else "Mean width"]
    rows = [
        (
            page.isolated(one["name"]),
            page.number(one["examples"]),
            page.number(None) if one["coverage"] is None else page.meter(one["coverage"]),
            _between(one["coverage_interval"]),
            page.number(one[size]),
        )
        for one in made["each"][:_MOST_ROWS]
    ]
    single = "single" in made
    below = "Nothing is promised of a class by itself: rare or hard ones may be covered less often." if single else ""
    headings[0] = "True class" if single else "Label" if size == "mean_size" else "Target"
    return f"<p>{told}.</p>\n{page.table(headings, rows)}" + (f'<p class="note">{below}</p>' if below else "")


def routing(found, where=None):
    """How many answers can be taken as they are at each precision, HTML. "" without any.

    Args:
        found: `routing` of a run's `result.json`, or None.
        where: the part that was evaluated, a word, or None.
    """
    if not found:
        return ""
    headings = ["Precision aimed at", "Probability from", "Of all", "95% interval", "Right among them", "95% interval"]
    rows = [
        (
            page.percent(one["precision"]),
            "none" if one["threshold"] is None else page.number(one["threshold"]),
            page.meter(one["reached"]["share"]),
            _between(one["reached"]["share_interval"]),
            page.percent(one["reached"]["precision"]),
            _between(one["reached"]["precision_interval"]),
        )
        for one in found["precisions"]
    ]
    lead = (
        f"Answers whose probability is above a number can be taken as they are, and the others go to somebody who looks. The number is the "
        f"lowest with that precision on {page.number(found['validation_examples'])} validation examples; what it does "
        f"{'on the ' + page.escape(where) + ' examples' if where else 'elsewhere'} is in the table. It promises nothing: chosen on few "
        "examples, it holds a little less on others."
    )
    return f'<p class="lead">{lead}</p>\n{page.table(headings, rows)}{page.notes(found["notes"])}'


def _between(interval):
    return page.number(None) if interval is None else f"{page.percent(interval[0])} to {page.percent(interval[1])}"
