"""What was chosen on validation data after a training: the probability above which a class is said, and the temperature of the outputs."""

from hornbook.reports import page

_MOST_LABELS = 1000
_MEASURED = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro F1",
    "matthews_correlation": "Matthews correlation",
}
_OF_CLASS = {"precision": "Precision", "recall": "Recall", "f1": "F1"}


def threshold(found, evaluation):
    """The thresholds, what they do where they were chosen, and what they change where the network was evaluated, HTML. "" without any.

    Args:
        found: `threshold` of a run's `result.json`, or None.
        evaluation: as of `evaluation.scores.scores`, or None.
    """
    if not found:
        return ""
    one = page.isolated(found["classes"][0]["name"]) if len(found["classes"]) == 1 else None
    which = (
        "A class is predicted where its probability is above its" if one is None else f"{one} is predicted where it is likelier than the"
    )
    lead = (
        f"{which} threshold, which was chosen for {page.escape(found['chosen_for'])} on "
        f"{page.number(found['validation_examples'])} validation examples. The first table shows what it does on these, where it was "
        "chosen, and how many of them are of the class; the second what it changes in the scores of this report."
    )
    aim = found["chosen_for"].partition(":")[0]
    columns = {"members": "Of the class", **{name: _OF_CLASS[name] for name in ("precision", "recall")}}
    columns |= {} if aim in columns else {"value": page.escape(aim)}
    columns["value_at_half"] = f"{page.escape(aim)} at 0.5"
    rows = [
        (page.isolated(one["name"]), page.number(one["threshold"]), *(page.number(one[name]) for name in columns))
        for one in found["classes"][:_MOST_LABELS]
    ]
    chosen = page.table(["Class", "Threshold", *columns.values()], rows)
    return f'<p class="lead">{lead}</p>\n{chosen}\n{_changed(found, evaluation)}{page.notes(found["notes"])}'


def _changed(found, evaluation):
    """Scores with the thresholds and with 0.5, and those of the one of two classes that it was chosen for."""
    if not evaluation or "at_half" not in evaluation:
        return ""
    half = evaluation["at_half"]
    rows = [(heading, page.number(evaluation[name]), page.number(half[name])) for name, heading in _MEASURED.items()]
    if "confusion_matrix" in evaluation:
        name = found["classes"][0]["name"]
        now, before = (next(row for row in rows if row["name"] == name) for rows in (evaluation["per_class"], half["per_class"]))
        said = page.isolated(name)
        rows += [(f"{heading} of {said}", page.number(now[name]), page.number(before[name])) for name, heading in _OF_CLASS.items()]
    return page.table(["Score", "With the threshold", "With 0.5"], rows)


def temperature(found):
    """The temperature and what it gained, an HTML paragraph. "" without one.

    Args:
        found: `temperature` of a run's `result.json`, or None.
    """
    if not found:
        return ""
    told = (
        f"The outputs are divided by a temperature of {page.number(found['temperature'])}, fitted on "
        f"{page.number(found['validation_examples'])} validation examples"
    )
    if "calibration_error" in found:
        (error, error_after), (loss, loss_after) = found["calibration_error"], found["loss"]
        told += (
            f": it took the calibration error from {page.percent(error)} to {page.percent(error_after)}, and the loss from "
            f"{page.number(loss)} to {page.number(loss_after)}. The diagram shows the probabilities after it"
        )
    return f"<p>{told}.</p>{page.notes(found['notes'])}"
