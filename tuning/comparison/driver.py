"""A comparison from its options to its report: every run in a folder of its own, none that has finished is run again."""

import dataclasses
import os
import pathlib
import time

from hornbook import UserError, command_line, terminal
from hornbook.evaluation import scores
from hornbook.recipes import robust_groups
from hornbook.tuning import kept, settings, sources
from hornbook.tuning.comparison import grid, measures, report, table
from hornbook.tuning.workers import many

_RUNS = "runs"
_EVERY_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is compared.

    Attributes:
        recipe_name: such as "image_classification".
        factors: list of `grid.Factor`; the first is compared, the others are conditions.
        cells: list of `grid.Cell`.
        chosen: list of `measures.Measure`.
        parts: those that runs are scored on, "validation" first.
        shared: the options that all runs begin with, JSON values; levels, data sets and seeds change them.
        command: makes the comparison again, or None.
    """

    recipe_name: str
    factors: list
    cells: list
    chosen: list
    parts: tuple
    shared: dict
    command: str | None = None


def plan(recipe_name, recipe, args, base, factors, command=None):
    """A `Plan`, checked as far as it can be without the data.

    Args:
        recipe_name, recipe: the recipe's name and module.
        args: `command.Args`.
        base: the recipe's options that all runs share.
        factors: list of `grid.Factor`.
        command: makes the comparison again, or None.

    Raises:
        UserError: levels, measures or a combination that there cannot be.
    """
    chosen = [measures.parse(name.strip()) for name in (args.metrics or "").split(",") if name.strip()]
    found = scores.reported(recipe_name, getattr(base, "loss", getattr(base, "task", None)), groups=robust_groups.has_groups(base))
    chosen = chosen or [measures.parse(found[0])]
    for one in chosen:
        if measures.is_score(one) and one.name not in found and not (measures.is_recall(one) and "accuracy" in found):
            told = f"no run of {recipe_name.replace('_', '-')} reports it; there are {', '.join(found)}"
            raise UserError(f"--metrics {one.name}: {told}")
        if one.name == "worst_group_accuracy" and args.evaluate == "both":
            raise UserError(f"--metrics {one.name} is of the part that a run is scored on; pass --evaluate test or validation")
    parts = ("validation", "test") if args.evaluate == "both" else (args.evaluate,)
    parts = parts[:1] if recipe_name.endswith("_pretraining") else parts  # A finished one is not scored again.
    shared = {**command_line.to_config(recipe_name, base), "evaluate": parts[0], "floor": False, "data_check": False}
    shared = {name: value for name, value in shared.items() if name not in ("recipe", "output")}
    datasets = [name.strip() for name in (args.datasets or base.dataset).split(",") if name.strip()]
    if not datasets:
        raise UserError(f"--datasets {args.datasets} names no data set; list them with commas between, such as wine,breast_cancer")
    if len(set(datasets)) < len(datasets):
        raise UserError(f"--datasets {args.datasets} has one twice; name each once")
    seeds = range(args.seed, args.seed + args.seeds)
    cells = grid.cells(factors, datasets, seeds, shared, new_splits=args.new_splits)
    grid.check(cells, recipe)
    return Plan(recipe_name, factors, cells, chosen, parts, shared, command)


def compare(plan, folder, *, workers=None, threads=None, retry_failed=False, said=terminal.say):
    """Train what has not been trained yet, and write `comparison.csv`, `levels.csv` and `report.html`.

    Args:
        plan: `Plan`.
        folder: of the comparison.
        workers: runs at a time; None for one a core, as far as the memory holds them.
        threads: cores a run; None for an equal share.
        retry_failed: whether runs that failed in an earlier sitting are begun again: their cause may have been mended.
        said: function of a line, for progress.

    Returns:
        A list of `table.Row`, one a run.

    Raises:
        UserError: the folder holds something else, or all runs failed.
    """
    folder = pathlib.Path(folder)
    lock = _claim(folder, plan)
    try:
        rows = {cell.folder: _row(cell, folder) for cell in plan.cells}
        left = [cell for cell in plan.cells if rows[cell.folder].state == "waiting" or (retry_failed and rows[cell.folder].error)]
        if left:
            count = workers or many.workers_for(len(left))
            done = len(rows) - len(left)
            before = f"; {done} {'has' if done == 1 else 'have'} ended before" if done else ""
            said(f"comparison of {len(rows)} runs, {count} at a time{before}; folder {folder}")
            _train(plan, folder, left, rows, count, threads, said)
        found = list(rows.values())
        if all(row.state == "failed" for row in found):
            raise UserError(f"all {len(found)} runs failed; the first: {found[0].error}")
        # A file may have been written anew while runs read it.
        sources.refuse_changed(folder, sources.named(cell.options for cell in plan.cells), settings.COMPARISON.called)
        _write(plan, folder, found)
        report.write_report(folder / "report.html", plan, found)
        return found
    finally:
        os.close(lock)


def _claim(folder, plan):
    """Claim the folder; the same comparison, or one with more levels, data sets or seeds, goes on in it."""
    shared = {name: value for name, value in plan.shared.items() if name not in ("dataset", "seed", "split_seed")}
    values = {"recipe": plan.recipe_name, "options": shared, "factors": [factor.name for factor in plan.factors]}
    return settings.claim(folder, values, settings.COMPARISON, sources.named(cell.options for cell in plan.cells))[0]


def _train(plan, folder, left, rows, workers, threads, said):
    by_folder, last, ended = {cell.folder: cell for cell in left}, time.monotonic(), False

    def end(name, outcome, done, remains):
        nonlocal last, ended
        rows[name], ended = _row(by_folder[name], folder, outcome), True
        if time.monotonic() - last > _EVERY_SECONDS:  # Of thousands of runs the table takes a while.
            last = time.monotonic()
            _write(plan, folder, list(rows.values()))
        said(f"{done} {_in_words(plan, rows[name])}{remains}")

    options = {cell.folder: cell.options for cell in left}
    further = plan.parts[1] if len(plan.parts) > 1 else None
    try:
        many.train(plan.recipe_name, folder / _RUNS, options, end, workers=workers, threads=threads, further=further)
    finally:
        if ended:
            _write(plan, folder, list(rows.values()))


def _row(cell, folder, outcome=None):
    """The `table.Row` of a run by what its folder holds, or by the outcome that its process ended with."""
    home = folder / _RUNS / cell.folder
    found = outcome or kept.ended(home)
    if found is None:
        return table.Row(cell, "waiting")
    if "error" in found:
        return table.Row(cell, "failed", error=found["error"])
    return table.Row(cell, "finished", measures.Finished(home / "run", found), seconds=found["seconds"])


def _write(plan, folder, rows):
    table.write_runs(folder / "comparison.csv", rows, plan.factors, plan.chosen, plan.parts)
    table.write_levels(folder / "levels.csv", rows, plan.factors, plan.chosen, plan.parts)


def _in_words(plan, row):
    """A run that has ended."""
    levels = ", ".join(f"{name} {level}" for name, level in row.cell.levels.items())
    measure = plan.chosen[0]
    told = row.error if row.state == "failed" else f"{measure.in_words} {row.value(measure, plan.parts[0]):.4f}"
    return f"{row.cell.dataset}, {levels}, seed {row.cell.seed}: {told}"
