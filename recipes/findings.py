"""What a run says of itself: the callback that watches its training, and all findings in one order."""

import dataclasses

from hornbook import files, terminal

_WATCHED = 2000  # Examples that the diagnosis compares with each other.


def watching(args, train, validation, as_batches, callbacks=()):
    """The callback that watches a training; None with `--no-diagnosis`.

    Args:
        args: the recipe's options.
        train, validation: parts of the dataset, or their tokens; validation may be None.
        as_batches: dict of `num_classes` and `length` of `batches.training_batches`.
        callbacks: further ones of the run; those that ask the diagnosis are given it.
    """
    from hornbook.training import diagnosis

    if not args.diagnosis:
        return None
    made = diagnosis.Diagnostics(*_arrays(train, validation, as_batches))
    for callback in callbacks:
        if isinstance(callback, diagnosis.StopWhenHopeless):
            callback.watching = made
    return made


def tell_before(watching, options):
    """Print the errors that the diagnosis knows of before the first step: who reads them need not wait for the end."""
    from hornbook.training.diagnosis import rules
    from hornbook.training.runs import in_words

    for finding in rules.errors_before(watching.record, options):
        terminal.say(f"before training, {in_words(finding.to_json())}")


def of_check(args, model, train, validation, as_batches):
    """What `diagnosis.check` finds before the training of a compiled model: list of `diagnosis.Finding`; arguments as of `watching`."""
    from hornbook.training import diagnosis

    (x, y), validation = _arrays(train, validation, as_batches)
    return diagnosis.check(model, x, y, validation, options=dataclasses.asdict(args))


def _arrays(train, validation, as_batches):
    from hornbook.data import batches

    return [part and batches.some_arrays(part, most=_WATCHED, **as_batches) for part in (train, validation)]


def kept(watching, run):
    """Write what was seen within the network to `diagnosis.json`; the same for the report, or None without the callback."""
    from hornbook.training import diagnosis

    if watching is None:
        return None
    seen = diagnosis.inside(watching.record)
    files.write_json(run.path("diagnosis.json"), seen)
    return seen


def of_run(args, done, scores, floor, medium, further):
    """All findings of a run, most pressing first: list of `diagnosis.Finding`. Of the diagnosis and the scores one a problem.

    Args:
        args: the recipe's options, none of them "auto".
        done: `running.Fitting`, after `fit`.
        scores: of the evaluated part, or None.
        floor: as in `result.json`, or None.
        medium: of the data.
        further: the recipe's own: (problem, sentence, what to try).
    """
    from hornbook.training import diagnosis
    from hornbook.training.diagnosis.finding import SEVERITIES
    from hornbook.training.diagnosis.rules import scores as of_scores

    options = dataclasses.asdict(args)
    found = done.watching.findings(options) if done.watching else []
    if options.get("logit_adjustment") == "after" or "at_half" in (scores or {}):  # The network was watched before, and with 0.5.
        found = [finding for finding in found if finding.problem != "rare-class-ignored"]
    below = of_scores.of_floor(floor, medium, options)
    if any(finding.severity == "error" for finding in found):
        # What scores show of a network that has not learned is not what is wrong with it, nor does it help to say again what to do.
        below = [dataclasses.replace(finding, remedies=()) for finding in below]
    else:
        found = [*found, *of_scores.of_scores(done.history.rows, scores, options)]
    first = {}
    for finding in (*found, *below):
        first.setdefault(finding.problem, finding)
    every = [*first.values(), *(_finding(diagnosis, *one) for one in further)]
    return sorted(every, key=lambda finding: SEVERITIES.index(finding.severity))


def _finding(diagnosis, problem, told, words):
    return diagnosis.Finding(problem, "warning", told, remedies=(diagnosis.Remedy(words),))
