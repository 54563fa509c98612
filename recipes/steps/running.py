"""What every recipe does around its training, once: the run's folder, seeds and precision before; result, model and report after.

A recipe reads from top to bottom: its data, its model, `compile` and `fit` stand in it. What stands here is the same for all.
"""

import dataclasses
import functools
import os
import time

from hornbook import UserError, command_line, endings, libraries, records, spelling, terminal, user_code
from hornbook.data import sources, splits
from hornbook.evaluation import conformal, floors, predictions, thresholds
from hornbook.evaluation import scores as scoring
from hornbook.recipes import classifying, ranges, repeats
from hornbook.recipes.networks import names, pruned, rounded
from hornbook.recipes.steps import checking, defaults, findings, looked_at
from hornbook.training import folders, manifest, runs

_STEPS_A_CHECKPOINT = 10  # Of a small set, whose epochs are of a step or two.


@dataclasses.dataclass(frozen=True)
class Session:
    """What a recipe's training is given.

    Attributes:
        recipe: the recipe's name, such as "image_classification".
        run: `runs.Run`, the claimed folder.
        callbacks: further Keras callbacks.
        dataset: `data.dataset.Dataset` of the caller's, or None.
        started: `time.monotonic()` at the beginning.
        floor: `floors.Floor`, which `begin` starts.
        smaller: the flags by which a run takes less memory, in words.
        suspected, class_names: findings on the data, and its classes, which `begin` adds.
    """

    recipe: str
    run: runs.Run
    callbacks: tuple
    dataset: object
    started: float
    floor: floors.Floor
    smaller: str
    suspected: list = dataclasses.field(default_factory=list)
    class_names: list = dataclasses.field(default_factory=list)


@spelling.as_flags()
def run(recipe, train, args, callbacks=(), dataset=None, *, check_name, inputs, smaller, medium=None, words=("predict",)):
    """Everything around a training: claim the folder, keep libraries quiet, seed, repeat for several seeds.

    Args:
        recipe: its name.
        train: function `(args, Session) -> result`.
        args: the recipe's options.
        callbacks: further Keras callbacks; a checkpoint keeps what those with `get_state` and `set_state` remember.
        dataset: of the caller's, in place of `args.dataset`.
        check_name: function that refuses options whose dataset cannot be had.
        inputs: what `hornbook predict` takes, for the last line, such as "IMAGE...".
        smaller: the flags by which a run takes less memory, in words.
        medium: of the data that the recipe reads, such as "images"; None: it is not known.
        words: the command that the last line has before the run's folder.

    Returns:
        What `result.json` holds; with several seeds, what `seeds.json` holds; with a remedy, the last run's; of a check alone the findings.

    Raises:
        UserError: options, data or a folder that cannot be used.
    """
    if dataset is None:
        check_name(args)
    else:
        args.refuse_split_of(dataset.name)
        args = dataclasses.replace(args, dataset=dataset.name)
    medium = medium if dataset is None else dataset.medium
    runs.refuse_clock()

    def once(args, folder):
        with runs.Run(folder, command_line.to_config(recipe, args)) as claimed:
            # TensorFlow takes seconds to import; whatever can be refused without it is refused before.
            with libraries.quiet_libraries():
                from hornbook.training import reproducibility
            settings, enough = reproducibility.settings(seed=args.seed), command_line.enough_memory(smaller)
            with user_code.errors(args.model, "--model"), settings, enough, floors.Floor() as floor:
                names.check_built(args, defaults.models_of(medium))
                result = train(args, Session(recipe, claimed, tuple(callbacks), dataset, time.monotonic(), floor, smaller))
        for line in floors.in_words(result["floor"]):
            terminal.say(line)
        runs.print_result(result, folder, inputs, words)
        return result

    if args.check_only:
        return checking.checked(once, args)
    with folders.output(args.output, recipe, args.model) as folder, endings.goes_on(lambda: _how_to_go_on(recipe, args, folder)):
        if args.seeds > 1:
            return repeats.several_seeds(once, args, folder, recipe)
        return repeats.remedied(once, args, folder, recipe) if args.remedy else once(args, folder)


def _how_to_go_on(recipe, args, folder):
    """What an interrupted run has left, for the line that says so."""
    if not folder.exists() or not os.listdir(folder):
        return " before a first checkpoint; nothing is kept of it"
    return f"; to go on: {command_line.command(recipe, args, folder)}"


def begin(args, session, dataset):
    """Record the split, print what the data are, choose what was left to them, and have classical models computed beside the training.

    The precision that was asked for or chosen is set, so layers are to be made afterwards.

    Returns:
        The options, none of them "auto", and the part that the result is taken on, or None.

    Raises:
        UserError: the dataset lacks a part that an option needs, or has changed since an unfinished run began.
    """
    from hornbook.training import reproducibility

    if args.members > len(dataset.train):
        raise UserError(f"--members {args.members} is more than there are training examples, {len(dataset.train):,}; pass fewer")
    if getattr(args, "threshold", thresholds.NONE) != thresholds.NONE:
        thresholds.require_thresholds(args.threshold, dataset.task, dataset.class_names)
    evaluated = splits.evaluated_part(dataset, args.evaluate, args.needed, fold=args.fold)
    if args.coverage is not None:
        conformal.require_enough(args.coverage, len(dataset.validation))
    session.class_names.extend(dataset.class_names)
    path = session.run.path
    splits.record_split(path("split.csv"), dataset, resumed=session.run.resumed)
    session.suspected.extend(findings.of_data(args, dataset, path, classifying.notes(args, dataset)))
    chosen = session.run.choose(defaults.choose(args, dataset), type(args))
    ranges.check(args := dataclasses.replace(args, **chosen))  # Of a run that goes on, they come from a file.
    if line := defaults.in_words(chosen, dataset, classifying.steps(args, dataset.train)):
        terminal.say(line)
    args = dataclasses.replace(args, precision=reproducibility.use_precision(args.precision))
    if args.floor and evaluated is not None and dataset.task != "embedding":  # For which there is no classical model.
        findings.start_floor(args, session, dataset, evaluated)
    return args, evaluated


def optimizer(args, train):
    """The Keras optimizer that the options name, for the training part `train` of a dataset or its tokens.

    Raises:
        UserError: options that do not go together, or more batches to accumulate than there are.
    """
    from hornbook.data import batches
    from hornbook.training import optimization, schedules
    from hornbook.training.averages import plan

    steps = classifying.steps(args, train)
    batches.note_smaller_batch(train, args.batch_size, classifying.sampling(args))
    optimization.check_accumulation(args.accumulate_steps, steps * args.epochs)
    rate = schedules.schedule(
        args.schedule,
        args.learning_rate,
        steps_per_epoch=steps,
        epochs=args.epochs,
        warmup_epochs=args.warmup_epochs,
        shortenable=args.minutes is not None,
        cycles=args.cycles,
        held_after=plan.held_after(args.epochs, args.swa, args.cycles),
    )
    own = ("momentum", "nesterov", "weight_decay", "clip_norm", "clip_value", "clip_each_norm", "ema", "accumulate_steps")
    own += ("clip_adaptive", "lookahead", "bias_learning_rate_factor", "layer_decay")
    options = {name: getattr(args, name) for name in own}
    options["unfreezing_steps"] = round(getattr(args, "gradual_unfreezing", 0) * steps * args.epochs)
    made = optimization.optimizer(args.optimizer, rate, **options)
    schedules.let_shorten(made, rate)
    return made


@dataclasses.dataclass(frozen=True)
class Fitting:
    """A training that begins, or goes on.

    Attributes:
        feed: arguments of `batches.training_batches`.
        fit: arguments of `fit`, without its data.
        history: `callbacks.History`.
        early_stopping, watching: `callbacks.EarlyStopping` and `diagnosis.Diagnostics`, or None.
        averages: `training.averages.plan.Averages`.
        pruning, rounding: what `networks.pruned.of` and `networks.rounded.of` give.
    """

    feed: dict
    fit: dict
    history: object
    early_stopping: object
    watching: object
    averages: object
    pruning: object
    rounding: object

    def finished(self, model, task):
        """The model as it is kept once it is trained: averaged, or without what was pruned.

        Args:
            model: that was trained.
            task: of the dataset.
        """
        model = self.averages.of(model, task)
        return self.pruning.finished(model) if self.pruning else model


def fitting(args, session, model, train, validation=None, feed=None, **as_batches):
    """A `Fitting`: the callbacks that the options name, the checkpoint read, and what `fit` is told of all that.

    Args:
        args: the recipe's options.
        session: `Session`.
        model: the compiled model; of a run that is resumed, its state is that of the checkpoint afterwards.
        train, validation: parts of the dataset, or their tokens; validation may be None.
        feed, **as_batches: of `batches.training_batches`, what it draws and how much it counts, a dict, and `num_classes` and `length`.

    Raises:
        UserError: the disk has no room.
        Checked: with `--check-only`.
    """
    import keras

    from hornbook.data import batches
    from hornbook.training import callbacks, checkpoint, pace, schedules
    from hornbook.training.averages import plan
    from hornbook.training.diagnosis import footprint

    advice = findings.Advice(args, (run := session.run).asked, model, train, validation)
    if args.check_only:
        raise checking.Checked([*session.suspected, *findings.of_check(advice, model, train, validation, as_batches)])
    terminal.say(f"{args.model}: {model.count_params():,} parameters, {args.precision}; run folder {run.folder}")
    steps = classifying.steps(args, train)
    length = {"steps_per_epoch": steps, "epochs": args.epochs, "warmup_epochs": args.warmup_epochs}
    history, stopping, plateau = callbacks.History(run.path("history.csv")), None, None
    if args.early_stopping:
        stopping = callbacks.EarlyStopping(
            args.early_stopping_metric,
            patience=args.early_stopping,
            min_delta=args.early_stopping_change,
            # Keras knows the direction of the model's own metrics alone.
            mode="max" if args.early_stopping_metric == "val_worst_group_accuracy" else "auto",
        )
    rise = schedules.warmup_steps(args.schedule, **length)
    if args.schedule == "plateau":
        plateau = callbacks.ReduceOnPlateau(patience=args.plateau_patience, warmup_steps=rise)
    timed = pace.Pace(args.epochs, steps, warmup_steps=rise)
    pruning, rounding = pruned.of(args, model), rounded.of(args, model)
    watching = findings.watching(args, train, validation, as_batches, session.callbacks, feed, session.class_names)
    further = functools.partial(batches.training_batches, train, batch_size=args.batch_size, seed=args.seed, **as_batches)
    own = {name: getattr(args, name) for name in ("epochs", "swa", "cycles", "snapshots")}
    averages = plan.averages(further, batches.steps_per_epoch(train, args.batch_size), **own)
    remembered = [callback for callback in (history, stopping, plateau, timed, watching, *averages.callbacks) if callback]
    remembered += [callback for callback in session.callbacks if hasattr(callback, "get_state")]
    kept = checkpoint.Checkpoint(run.checkpoint, remembered, every=max(1, _STEPS_A_CHECKPOINT // steps), options=run.options)
    run.require_space(checkpoint.size_in_bytes(model, args.snapshots))
    footprint.require(model, train, args.batch_size, session.smaller)
    if watching:
        watching.begin(model)
    first_epoch = kept.restore(model, args.epochs)
    checkpoint.refuse_other_history(run.checkpoint, len(history.rows), first_epoch, args.epochs)
    if first_epoch:
        terminal.say(f"going on after epoch {len(history.rows)} of {timed.epochs}")
    if args.minutes is not None:
        timed.seconds = 60 * args.minutes - history.seconds_before - (time.monotonic() - session.started)
    begins = None if first_epoch else watching
    used = [
        watching,  # First, so that the others' logs are as they would be without it.
        pruning,
        rounding,
        begins and keras.callbacks.LambdaCallback(on_train_begin=lambda logs: findings.tell_before(watching, advice)),
        callbacks.AverageWeights() if args.ema else None,
        callbacks.StopWhenLost(lambda: findings.so_far(watching, advice)),
        stopping,
        history,
        plateau,
        timed,
        *averages.callbacks,
        callbacks.Progress(first_epoch),
        keras.callbacks.TensorBoard(run.path("tensorboard"), write_graph=False) if args.tensorboard else None,
        *session.callbacks,
        kept,  # Last, so that it sees the others after the epoch.
    ]
    feed = {"batch_size": args.batch_size, "epochs": args.epochs, "first_epoch": first_epoch, "seed": args.seed}
    fit = {"steps_per_epoch": steps, "initial_epoch": first_epoch, "epochs": args.epochs, "shuffle": False, "verbose": 0}
    fit["callbacks"] = [one for one in used if one is not None]
    return Fitting(feed, fit, history, stopping, watching, averages, pruning, rounding)


@dataclasses.dataclass(frozen=True)
class Scored:
    """What a model is worth on the evaluated part.

    Attributes:
        scores: as of `scoring.of_run`; None where there is no part to score.
        mistakes: the most confident ones, as of `scoring.mistakes`.
        outputs: of the model, array `(examples, outputs)`, or None.
    """

    scores: dict | None = None
    mistakes: tuple = ()
    outputs: object = None


def evaluate(session, model, about, evaluated, *, alone=False, batch_size=256, length=None):
    """What a model is worth on a part: `Scored`, an empty one where there is no part to score.

    Args:
        session: `Session`, whose floor is compared with the outputs.
        model: from the part's inputs to outputs.
        about: what `labels.json` will hold.
        evaluated: the part, or its tokens, or None.
        alone: whether the model is a network that will be mixed with a classical one.
        batch_size, length: as of `batches.predictions`.
    """
    from hornbook.data import batches

    if evaluated is None:
        return Scored()
    outputs = batches.predictions(model, evaluated, batch_size=batch_size, length=length)
    session.floor.network(about, evaluated.labels, outputs, alone=alone)
    if session.run.config["save_predictions"]:  # Of a network that will be mixed with another model, the mixture's come later.
        predictions.write(session.run.path(predictions.NAME), evaluated.indices, evaluated.labels, outputs)
    return Scored(scoring.of_run(about, evaluated.labels, outputs), tuple(scoring.mistakes(about, evaluated.labels, outputs)), outputs)


def finish(args, session, model, dataset, done, scores, *, about, further=(), mistakes=(), augmented=(), tokens=None, details=None):
    """Write the model, its card, the report and, last, `result.json`.

    Args:
        args, session, dataset: the recipe's.
        model: the trained one, which takes raw inputs.
        done: `Fitting`, after `fit`.
        scores: of the evaluated part, or None.
        about: what `labels.json` holds: `dataset.about()`, and `loss`, by which the outputs are read.
        further: findings of the recipe's own: (problem, sentence, what to try).
        mistakes: as of `evaluation.scores.mistakes`.
        augmented, tokens: for the report, see `reports.write_report`.
        details: further JSON values for `result.json`.

    Returns:
        The result.
    """
    from hornbook.reports import examples, model_card, report

    run, rows = session.run, done.history.rows
    seconds = done.history.seconds_before + time.monotonic() - session.started
    floor, advice = session.floor.result(seconds), findings.Advice(args, run.asked, model, dataset.train, dataset.validation)
    told = findings.of_run(advice, done, scores, floor, dataset.medium, further, session.suspected)
    result = {
        "metrics": scoring.headline(scores or {}),
        "evaluated_on": args.evaluate,
        "seconds": round(done.history.seconds_before + time.monotonic() - session.started, 1),
        "seed": args.seed,
        "precision": args.precision,
        "parameters": model.count_params(),
        "epochs": len(rows),
        **done.averages.told,
        **(done.pruning.told if done.pruning else {}),
        **(done.rounding.told if done.rounding else {}),
        "best_epoch": done.early_stopping.best_epoch + 1 if done.early_stopping else None,
        "findings": [finding.to_json() for finding in told],
        "floor": floor,
        **runs.remedy_of(run.folder),
        **runs.environment(),
        **(details or {}),
    }
    requires = runs.save_model(run.folder, model, dataset.labels_kind, **about)
    seen = findings.kept(done.watching, run)
    changed = {name: value for name, value in dataclasses.asdict(args).items() if value != getattr(type(args), name) and name != "output"}
    title = f"{args.model} on {sources.short_name(dataset.name)}"
    model_card.write_model_card(
        run.path(model_card.NAME),
        title=title,
        about={**about, "input_shape": model.input_shape[1:], "requires": requires},
        options=changed,
        data=model_card.data_of(dataset, args.split_seed),
        result=result,
        evaluation=scores,
    )
    report.write_report(
        run.path("report.html"),
        title=title,
        command=command_line.command(session.recipe, args),
        config=run.config,
        history=rows,
        result=result,
        evaluation=scores,
        examples=looked_at.in_mistakes(
            model, dataset, args.evaluate, examples.mistakes(dataset, args.evaluate, mistakes), about, run.folder, seconds
        ),
        augmented=augmented,
        tokens=tokens,
        seen=seen,
    )
    manifest.write(run.folder)
    result["evaluation"] = scores
    records.write(run.path("result.json"), runs.Result, result)
    return result
