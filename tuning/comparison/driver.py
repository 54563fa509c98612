"""A comparison from its options to its report: every run in a folder of its own, none that has finished is run again."""

import dataclasses
import os
import pathlib
import shutil
import sys
import time

from hornbook import UserError, command_line, memory, terminal
from hornbook.tuning import driver as searches
from hornbook.tuning import kept
from hornbook.tuning.comparison import grid, measures, report, table
from hornbook.tuning.search import claim
from hornbook.tuning.workers import local, many

_SETTINGS, _RUNS = "comparison.json", "runs"
_BYTES_A_WORKER = 2**31  # Of a process with TensorFlow and a small network: more of them than the memory holds would be killed.
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
        command: makes the comparison again, or None.
    """

    recipe_name: str
    factors: list
    cells: list
    chosen: list
    parts: tuple
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
    chosen = chosen or [measures.parse(searches.objective(recipe_name, base).name)]
    found = searches.reported(recipe_name, base)
    for one in chosen:
        if measures.is_score(one) and one.name not in found:
            told = f"no run of {recipe_name.replace('_', '-')} reports it; there are {', '.join(found)}"
            raise UserError(f"--metrics {one.name}: {told}")
    parts = ("validation", "test") if args.evaluate == "both" else (args.evaluate,)
    shared = {**command_line.to_config(recipe_name, base), "evaluate": parts[0], "floor": False}
    shared = {name: value for name, value in shared.items() if name not in ("recipe", "output")}
    datasets = [name.strip() for name in (args.datasets or base.dataset).split(",") if name.strip()]
    if not datasets:
        raise UserError(f"--datasets {args.datasets} names no data set; list them with commas between, such as wine,breast_cancer")
    if len(set(datasets)) < len(datasets):
        raise UserError(f"--datasets {args.datasets} has one twice; name each once")
    seeds = range(args.seed, args.seed + args.seeds)
    cells = grid.cells(factors, datasets, seeds, shared, new_splits=args.new_splits)
    grid.check(cells, recipe)
    return Plan(recipe_name, factors, cells, chosen, parts, command)


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
            count = workers or workers_for(len(left))
            done = len(rows) - len(left)
            before = f"; {done} {'has' if done == 1 else 'have'} ended before" if done else ""
            said(f"comparison of {len(rows)} runs, {count} at a time{before}; folder {folder}")
            _train(plan, folder, left, rows, local.LocalWorkers(count, threads), said)
        found = list(rows.values())
        if all(row.state == "failed" for row in found):
            raise UserError(f"all {len(found)} runs failed; the first: {found[0].error}")
        _write(plan, folder, found)
        report.write_report(folder / "report.html", plan, found)
        return found
    finally:
        os.close(lock)


def _claim(folder, plan):
    """Claim the folder; the same comparison, or one with more levels, data sets or seeds, goes on in it."""
    shared = {name: value for name, value in plan.cells[0].options.items() if name not in _varied(plan)}
    settings = {"recipe": plan.recipe_name, "options": shared, "factors": [factor.name for factor in plan.factors]}
    return claim(folder, settings, _SETTINGS, kept.Comparison, "a comparison", "pass another --output")[0]


def _varied(plan):
    of_levels = {name for factor in plan.factors for level in factor.levels for name in level.options}
    return of_levels | {"dataset", "seed", "split_seed"}


def workers_for(runs):
    """How many of so many runs to train at a time: one a processor core, as far as the memory holds them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores, runs, int(memory.available() // _BYTES_A_WORKER)))


def _train(plan, folder, left, rows, fleet, said):
    began, total, last = time.monotonic(), len(left), [time.monotonic()]
    for cell in left:
        if rows[cell.folder].error:  # It would go on from where it failed.
            shutil.rmtree(folder / _RUNS / cell.folder / "run", ignore_errors=True)
    tasks = {cell.folder: (_task(plan, cell, folder), folder / _RUNS / cell.folder) for cell in left}
    by_folder = {cell.folder: cell for cell in left}
    ended = []

    def end(key, outcome):
        rows[key] = _row(by_folder[key], folder, outcome)
        ended.append(key)
        if time.monotonic() - last[0] > _EVERY_SECONDS:  # Of thousands of runs the table takes a while.
            last[0] = time.monotonic()
            _write(plan, folder, list(rows.values()))
        said(_in_words(plan, rows[key], len(ended), total, time.monotonic() - began))

    try:
        many.perform_all(fleet, tasks, end)
    finally:
        fleet.close()
        if ended:
            _write(plan, folder, list(rows.values()))


def _task(plan, cell, folder):
    own = [{"options": cell.options, "output": str(folder / _RUNS / cell.folder / "run")}]
    return {"recipe": plan.recipe_name, "runs": own, "stop_hopeless": False, "further": plan.parts[1] if len(plan.parts) > 1 else None}


def _row(cell, folder, outcome=None):
    """The `table.Row` of a run by what its folder holds, or by the outcome that its process ended with."""
    home = folder / _RUNS / cell.folder
    found = outcome or kept.outcome(home / "outcome.json")
    if found is None:
        return table.Row(cell, "waiting")
    if "error" in found:
        return table.Row(cell, "failed", error=found["error"])
    return table.Row(cell, "finished", measures.Finished(home / "run", found), seconds=found["seconds"])


def _write(plan, folder, rows):
    table.write_runs(folder / "comparison.csv", rows, plan.factors, plan.chosen, plan.parts)
    table.write_levels(folder / "levels.csv", rows, plan.factors, plan.chosen, plan.parts)


def _in_words(plan, row, done, total, took):
    """A line of a run that has ended."""
    from hornbook.reports import page

    levels = ", ".join(f"{name} {level}" for name, level in row.cell.levels.items())
    measure = plan.chosen[0]
    told = row.error if row.state == "failed" else f"{measure.in_words} {row.value(measure, plan.parts[0]):.4f}"
    left = f", {page.duration(took / done * (total - done))} left" if done < total else ""
    return f"{done}/{total} {row.cell.dataset}, {levels}, seed {row.cell.seed}: {told}{left}"


def how_to_go_on(folder):
    """What an interrupted comparison has left, for the line that says so."""
    if not (folder / _SETTINGS).exists():
        return "; nothing is kept of it"
    return f"; to go on: {searches.again('compare', sys.argv[2:], folder)}"


def own_command():
    """The command line of this process, if it is one of `hornbook compare`, or None."""
    return searches.again("compare", sys.argv[2:]) if sys.argv[1:2] == ["compare"] else None
