"""A search from its options to its report."""

import dataclasses
import datetime
import os
import shlex

import keras_tuner
import threadpoolctl

from hornbook import UserError, command_line, files, terminal
from hornbook.data import splits
from hornbook.evaluation import scores
from hornbook.recipes import robust_groups
from hornbook.recipes.steps import defaults
from hornbook.training import runs
from hornbook.tuning import asked, pruning, search_space, settings, sources
from hornbook.tuning import search as searches
from hornbook.tuning.oracles import oracles
from hornbook.tuning.reports import report, results
from hornbook.tuning.reports.progress import Progress
from hornbook.tuning.workers import local


def objective(recipe_name, args, wanted=None):
    """What a search aims at, a `keras_tuner.Objective`.

    Args:
        recipe_name: such as "image_classification".
        args: the recipe's options: quantiles have other scores than values.
        wanted: a metric's name; None for accuracy, the mean squared error or the quantile loss.

    Raises:
        UserError: the recipe does not report it.
    """
    found = scores.reported(recipe_name, getattr(args, "loss", getattr(args, "task", None)), groups=robust_groups.has_groups(args))
    wanted = wanted or found[0]
    if wanted not in found:
        raise UserError(f"--objective {wanted}: no trial of {recipe_name.replace('_', '-')} reports it; there are {', '.join(found)}")
    return keras_tuner.Objective(wanted, "max" if wanted in scores.HIGHER_IS_BETTER else "min")


def search(recipe_name, recipe, args, recipe_args, folder, given=()):
    """Run a search, as `command.main` says it."""
    aim = objective(recipe_name, recipe_args, args.objective)
    given_args, recipe_args = recipe_args, _settled(recipe, recipe_args, args.cross_validate)
    names = [name.strip() for name in (args.space or ("" if args.vary else "model,training")).split(",") if name.strip()]
    space, found = search_space.build(recipe, recipe_args, names, args.vary, given)
    oracle = _oracle(args, aim, recipe_args, found)
    fleet = _workers(args)
    if args.ray is not None:
        number = fleet.check_nodes([one for one in (recipe_args.dataset, getattr(recipe_args, "test_dataset", None)) if one])
        terminal.say(f"{number} nodes with the same versions and data, room for {fleet.count} trials at a time")
    values = {
        "recipe": recipe_name,
        "options": command_line.to_config(recipe_name, dataclasses.replace(given_args, output=None)),
        "space": found.get_config()["space"],
        "objective": aim.name,
        "tuner": args.tuner,
        "seed": args.seed,
        "executions_per_trial": args.executions_per_trial,
        "cross_validate": args.cross_validate,
        "warm_start": list(args.warm_start),
    }
    paths = sources.named([vars(recipe_args)])
    lock, again = settings.claim(folder, values, settings.SEARCH, paths)
    try:
        oracle._set_project_dir(str(folder.parent), folder.name)
        if again:
            oracle.reload()
            (folder / "result.json").unlink(missing_ok=True)
            terminal.say(f"going on with {folder}: {len(oracle.trials)} trials begun, {len(oracle.end_order)} ended")
        else:
            oracle.save()
        plan = searches.Plan(
            recipe_name,
            # Trials of several models choose the rest each for its own.
            dataclasses.replace(given_args, model=recipe_args.model) if "model" in {hp.name for hp in found.space} else recipe_args,
            space,
            seeds=tuple(range(args.seed, args.seed + args.executions_per_trial)),
            folds=args.cross_validate,
        )
        terminal.say(f"{args.tuner} search of {len(found.space)} options for {aim.name}; folder {folder}")
        progress = Progress(aim, _max_trials(args), fleet.count)
        # Linear algebra of a few hundred trials takes longer with threads than without, and the cores are the trials'.
        with threadpoolctl.threadpool_limits(1), progress:
            best = searches.Search(
                folder,
                plan,
                oracle,
                fleet,
                max_trials=_max_trials(args),
                rules=_rules(args),
                stop_hopeless=args.prune in ("diagnosis", "both"),
                budget_seconds=None if args.budget_minutes is None else 60 * args.budget_minutes,
                stop_after_failures=args.stop_after_failures,
                show=progress,
            ).run()
            if best is None:
                raise UserError(f"no trial of {folder} finished; see trials.csv in it for why")
        sources.refuse_changed(folder, paths, settings.SEARCH.called)
        return _finish(args, plan, oracle, fleet, folder, best)
    except UserError:
        searches.discard(folder)
        raise
    finally:
        fleet.close()
        os.close(lock)


def _finish(args, plan, oracle, fleet, folder, best):
    values = best.hyperparameters.values
    name = oracle.objective.name
    final = trouble = None
    if args.final_seeds:
        first = args.seed + args.executions_per_trial
        terminal.say(f"training the best, trial {best.trial_id}, again with other seeds: {args.final_seeds}")
        home, seeds = folder / "final" / f"trial_{best.trial_id}", tuple(range(first, first + args.final_seeds))
        try:
            final = searches.train_best(home, plan, values, fleet, seeds=seeds, objective=name)
        except UserError as error:  # Of many hours of search there is a report all the same.
            trouble = error
    command = shlex.join(["hornbook", plan.recipe_name.replace("_", "-"), "--config", str(folder / "best.json"), "--output", "runs/best"])
    log = results.Log(folder)
    result = {
        "best_trial": best.trial_id,
        "objective": name,
        "validation": best.score,
        "values": values,
        "test": final,
        "trials": len(oracle.trials),
        "seconds": round(log.seconds, 1),
        "finished_at": f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}",
        **runs.environment(),
    }
    rows = results.rows(oracle, log)
    report.write_report(folder / "report.html", result, rows, oracle, plan, train_command=command, search_command=asked.own_command("tune"))
    if trouble is not None:
        raise UserError(f"{trouble}; the search itself is finished, see {folder / 'report.html'}")
    files.write_json(folder / "result.json", result)
    _print(result, name, values, folder, command, oracle)
    return result


def _print(result, name, values, folder, command, oracle):
    terminal.say(f"best: trial {result['best_trial']}, {name.replace('_', ' ')} {result['validation']:.4f} on validation data")
    terminal.say("  " + ", ".join(f"{key} {_written(value)}" for key, value in values.items() if not key.startswith("tuner/")))
    if result["test"] is not None:
        spread = result["test"]["metrics"][name]
        sign = 1 if oracle.objective.direction == "max" else -1
        optimism = sign * (result["validation"] - spread["mean"])
        deviation = f" ± {spread['standard_deviation']:.4f}" if len(result["test"]["seeds"]) > 1 else ""
        seeds = len(result["test"]["seeds"])
        terminal.say(
            f"test, {seeds} other seed{'s' if seeds > 1 else ''}: {name.replace('_', ' ')} {spread['mean']:.4f}{deviation}; "
            f"the search's own best score was {abs(optimism):.4f} {'better' if optimism >= 0 else 'worse'}"
        )
        if result["test"].get("floor"):
            terminal.say(f"floor: {results.floor_in_words(result['test']['floor'])}")
    terminal.say(f"report: {folder / 'report.html'}", f"next: {command}")


def _written(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _rules(args):
    """What may stop a trial before its end."""
    rules = [pruning.SlowRule(args.stop_slower_than)] if args.stop_slower_than else []
    return rules + ([pruning.MedianRule(args.prune_after)] if args.prune in ("median", "both") else [])


def _settled(recipe, args, folds=0):
    """The recipe's options with those chosen that are left to the data, for all trials alike, which need validation data.

    Raises:
        UserError: the data do not stand in so many folds; each trial would be refused.
    """
    if not folds and all(getattr(args, name, None) != "auto" for name in defaults.OPEN):
        return args
    scored = dataclasses.replace(args, evaluate="validation", fold=f"1/{folds}" if folds else None)
    with files.scratch_folder() as folder:
        dataset = recipe.load(scored, folder)
        splits.evaluated_part(dataset, "validation", fold=scored.fold)
        return dataclasses.replace(defaults.settle(scored, dataset), evaluate=args.evaluate, fold=args.fold)


def _max_trials(args):
    if args.trials is None and args.tuner not in ("hyperband", "grid"):
        return 20
    return args.trials


def _oracle(args, objective, recipe_args, found):
    # How many trials and how many failures there may be is the search's to say, so that either can change when it goes on.
    options = {
        "objective": objective,
        "max_trials": None,
        "seed": args.seed,
        "hyperparameters": found,
        "max_consecutive_failed_trials": None,
    }
    if args.tuner == "hyperband":
        return oracles.HyperbandOracle(max_epochs=recipe_args.epochs, **options)
    if args.tuner == "grid":
        return oracles.GridOracle(**options)
    first = search_space.defaults(found, recipe_args)
    if args.tuner == "bayesian":
        return oracles.BayesianOracle(first=first, known=_known(args, objective, found), **options)
    return {"random": oracles.RandomOracle, "sobol": oracles.SobolOracle}[args.tuner](first=first, **options)


def _known(args, objective, found):
    """Trials of earlier searches whose values this space has, of this objective."""
    known = []
    for folder in args.warm_start:
        other, finished = results.read_trials(folder)
        if other != objective.name:
            raise UserError(f"--warm-start {folder}: its objective is {other}, and this one's {objective.name}")
        fitting = [(values, score) for values, score in finished if search_space.has_values(found, values)]
        terminal.say(f"{folder}: {len(fitting)} of {len(finished)} trials lie in this space")
        known += fitting
    return known


def _workers(args):
    if args.ray is not None:
        from hornbook.tuning.workers import ray_cluster

        return ray_cluster.RayWorkers(args.ray, cpus=args.cpus_per_trial, gpus=args.gpus_per_trial or 0)
    return local.LocalWorkers(args.workers, args.threads_per_trial, args.gpus_per_trial)
