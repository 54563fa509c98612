"""What a run says of itself: the callback that watches its training, all findings in one order, and which remedies it can take."""

import dataclasses
import sys

import numpy as np

from hornbook import UserError, command_line, files, spreadsheets, terminal
from hornbook.data import sources
from hornbook.data.dataset import plain_inputs, sample, size_of
from hornbook.evaluation import floors
from hornbook.recipes import options

_WATCHED = 2000  # Examples that the diagnosis compares with each other.


def watching(args, train, validation, as_batches, callbacks=(), feed=None, class_names=()):
    """The callback that watches a training; None with `--no-diagnosis`.

    Args:
        args: the recipe's options.
        train, validation: parts of the dataset, or their tokens; validation may be None.
        as_batches: dict of `num_classes` and `length` of `batches.training_batches`.
        callbacks: further ones of the run; those that ask the diagnosis are given it.
        feed: dict of `class_weights`, `sampling` and `example_weights` of `batches.training_batches`; None: every example counts the same.
        class_names: of the dataset.
    """
    from hornbook.training import diagnosis

    if not args.diagnosis:
        return None
    known = {"class_weights": _by_class(train.labels, feed or {}), "class_names": class_names}
    made = diagnosis.Diagnostics(*_arrays(train, validation, as_batches), **known)
    for callback in callbacks:
        if isinstance(callback, diagnosis.StopWhenHopeless):
            callback.watching = made
    return made


def _by_class(labels, feed):
    """What an example of each class counts on average in an epoch, a dict; None where all count the same, or there are no classes."""
    weights, own = feed.get("class_weights"), feed.get("example_weights")
    if labels.ndim > 1 or (weights is None and own is None and feed.get("sampling", "none") == "none"):
        return None
    own, found = np.ones(len(labels)) if own is None else own, {}
    for label in np.unique(labels).tolist():
        drawn = 1.0 if feed["sampling"] == "none" else 1 / np.sum(labels == label)
        found[label] = float(own[labels == label].mean()) * (1.0 if weights is None else weights[label]) * drawn
    return found


def of_data(args, dataset, path, notes):
    """Print what the data are and what is suspicious in them, before the training: a list of `diagnosis.Finding`.

    Args:
        args: the recipe's options.
        dataset: `data.dataset.Dataset`, split.
        path: function of a file's name to its path in the run's folder, where duplicates and what cannot be read are listed.
        notes: sentences of the recipe's own.
    """
    from hornbook.training import runs

    if dataset.unreadable:
        sources.write_unreadable(path("skipped.csv"), dataset.unreadable)
        terminal.say(f"left out because they cannot be read: {len(dataset.unreadable):,}, listed in {path('skipped.csv')}")
    for note in (*dataset.notes, *notes):
        terminal.say(f"note: {note}")
    terminal.say(dataset.summary)
    found = suspicions(dataset) if args.data_check else []
    pairs = [pair for one in found for pair in one.pairs]
    if pairs and not args.check_only:  # Of a check nothing stays.
        spreadsheets.save(path("copies.csv"), [("part", "example", "other_part", "other_example", "how"), *pairs])
    made = [_suspicion(one, None if args.check_only else path("copies.csv")) for one in found]
    for finding in made:
        if finding.severity != "note" and finding.problem != "absent-class":  # Which a note has said.
            terminal.say(f"before training, {runs.in_words(finding.to_json())}")
    return made


def suspicions(dataset):
    """What is suspicious in a dataset, a list of `looking.Suspicion`; whatever is odd in it does not end the run."""
    from hornbook.data.suspicion import looking

    try:
        return looking.look(dataset)
    except Exception as error:  # The training will say it better, or does not need to know.
        terminal.say(f"note: the data could not be checked for duplicates and leaks: {error}")
        return []


def _suspicion(one, path):
    from hornbook.training import diagnosis

    listed = f" All are listed in {path}." if one.pairs and path else ""
    return diagnosis.Finding(one.problem, one.severity, one.told + listed, remedies=(diagnosis.Remedy(one.remedy),))


class Advice:
    """Which remedies a run can take: those that its recipe would not refuse beside the options that it was given.

    Args:
        args: the recipe's options, none of them "auto".
        asked: JSON values of the options as they were given, as of `command_line.to_config`.
        model: the network.
        train, validation: parts of the dataset, or their tokens; validation may be None.
    """

    def __init__(self, args, asked, model, train, validation):
        self.args, self.asked = args, command_line.from_config(type(args), asked, "the options")
        self.options = dataclasses.asdict(args)
        self._padded = None in model.inputs[0].shape[1:2] and len(model.inputs[0].shape) < 4
        self._several = isinstance(args, options.Classification) and train.labels.ndim > 1
        self._validated = validation is not None or self.asked.validation_fraction != 0
        # A recipe that somebody has copied, too, checks its options itself.
        self._check = getattr(sys.modules[type(args).__module__], "check", options.check)

    def of(self, found):
        """The findings with those of their remedies that can be taken; what one takes the place of is said with it."""
        return [dataclasses.replace(one, remedies=tuple(filter(None, map(self._possible, one.remedies)))) for one in found]

    def _possible(self, remedy):
        if not remedy.changes:
            return remedy
        told = {name: value for name, value in remedy.changes.items() if f"--{name.replace('_', '-')}" in remedy.words}
        if not self._takes(remedy.changes):
            return None
        if self._takes(told):
            return remedy
        gone = {name: getattr(self.asked, name) for name in remedy.changes.keys() - told.keys()}
        gone = {name: gone[name] for name in remedy.changes if name in gone and gone[name] != getattr(type(self.asked), name)}
        return dataclasses.replace(remedy, words=f"{remedy.words} in place of {' '.join(command_line.flags(gone))}")

    def _takes(self, changes):
        changed = dataclasses.replace(self.asked, **changes)
        if not self._validated and "validation" in changed.needed.values():
            return False
        if self._several and changed.loss == "auto":
            changed = dataclasses.replace(changed, loss="multi-label")
        try:
            self._check(changed)
        except UserError:
            return False
        return self._fits(changes.get("model", self.args.model), changed)

    def _fits(self, model, changed):
        """Whether a model of the zoo takes the options of a network; of one of somebody's own nobody knows."""
        from hornbook import models
        from hornbook.training import builders

        if model not in models.names():
            return True
        if model != self.args.model and changed.depth is not None:
            return False  # Which depths there are differs from family to family.
        known = models.options(model)
        wanted = {name: value for name, value in builders.asked_for(model, *options.of_network(changed)).items() if value != "auto"}
        if wanted.keys() - known.keys():
            return False
        padded, listed = self._padded and "padded" in known, wanted.keys() & set(models.options_with_choices(model))
        return all(wanted[name] in models.choices(model, name, padded=padded, **wanted) for name in listed)


def tell_before(watching, advice):
    """Print the errors that the diagnosis knows of before the first step: who reads them need not wait for the end."""
    from hornbook.training.diagnosis import rules
    from hornbook.training.runs import in_words

    for finding in advice.of(rules.errors_before(watching.record, advice.options)):
        terminal.say(f"before training, {in_words(finding.to_json())}")


def so_far(watching, advice):
    """What the diagnosis says of a training up to now: list of `diagnosis.Finding`; of one that is not watched none."""
    return advice.of(watching.findings(advice.options)) if watching else []


def of_check(advice, model, train, validation, as_batches):
    """What `diagnosis.check` finds before the training of a compiled model: list of `diagnosis.Finding`; arguments as of `watching`."""
    from hornbook.training import diagnosis

    (x, y), validation = _arrays(train, validation, as_batches)
    return advice.of(diagnosis.check(model, x, y, validation, options=advice.options))


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


def of_run(advice, done, scores, floor, medium, further, suspected=()):
    """All findings of a run, most pressing first: list of `diagnosis.Finding`. Of the diagnosis and the scores one a problem.

    Args:
        advice: `Advice` of the run.
        done: `running.Fitting`, after `fit`.
        scores: of the evaluated part, or None.
        floor: as in `result.json`, or None.
        medium: of the data.
        further: the recipe's own: (problem, sentence, what to try).
        suspected: what `of_data` found.
    """
    from hornbook.training import diagnosis
    from hornbook.training.diagnosis.finding import SEVERITIES
    from hornbook.training.diagnosis.rules import scores as of_scores

    options = advice.options
    found = done.watching.findings(options) if done.watching else []
    if options.get("logit_adjustment") == "after" or "at_half" in (scores or {}):  # The network was watched before, and with 0.5.
        ignored = any(finding.problem == "rare-class-ignored" for finding in found)
        left_out = ("rare-class-ignored", "constant-predictions") if ignored else ()  # The one class that it says is the frequent one.
        found = [finding for finding in found if finding.problem not in left_out]
    below = of_scores.of_floor(floor, medium, options)
    if any(finding.severity == "error" for finding in found):
        # What scores show of a network that has not learned is not what is wrong with it, nor does it help to say again what to do.
        below = [dataclasses.replace(finding, remedies=()) for finding in below]
    else:
        found = [*found, *of_scores.of_scores(done.history.rows, scores, options)]
    first = {}
    for finding in (*found, *below):
        first.setdefault(finding.problem, finding)
    suspected = {finding.problem: finding for finding in suspected}
    if any(problem.endswith("-overlap") for problem in suspected):
        suspected["repeated-texts"] = None  # The same again.
    every = [*filter(None, suspected.values()), *advice.of(one for problem, one in first.items() if problem not in suspected)]
    every += [_finding(diagnosis, *one) for one in further if one[0] not in suspected]
    return sorted(every, key=lambda finding: SEVERITIES.index(finding.severity))


def _finding(diagnosis, problem, told, words):
    return diagnosis.Finding(problem, "warning", told, remedies=(diagnosis.Remedy(words),))


def start_floor(args, session, dataset, evaluated):
    """Give classical models some of the training examples, and those of the evaluated part."""
    numbers = dataset.task == "regression"
    loss = {"loss": args.loss, "quantiles": tuple(args.quantiles) if args.loss == "quantile" else ()} if numbers else {}
    task = floors.Task(dataset.task, len(dataset.target_names) if numbers else dataset.num_classes, **loss)
    train, notes, problem, places = dataset.train, [], None, None
    try:
        floors.refuse_large_images(dataset.medium, dataset.input_shape)
        trained, scored = floors.how_many(dataset.medium, len(train), len(evaluated), size_of(dataset))
        first, places = sample(len(train), trained), sample(len(evaluated), scored)
        problem = floors.Problem(
            dataset.medium,
            task,
            plain_inputs(train, first),
            train.labels[first],
            plain_inputs(evaluated, places),
            numbers=dataset.num_numbers if dataset.medium == "tables" else 0,
        )
        for used, part, name in ((trained, train, "training"), (scored, evaluated, args.evaluate)):
            if used < len(part):
                notes.append(f"on {used:,} of {len(part):,} {name} examples")
    except Exception as error:  # Whatever it is, the training will say it better, or does not need to know.
        notes, problem, places = [f"all but the constant guess left out: {error}"], None, None
    if (groups := dataset.groups_of(evaluated)) is not None and places is not None:
        groups = groups[places]
    session.floor.start(session.run.folder, task, train.labels, problem, places=places, groups=groups, notes=notes)
