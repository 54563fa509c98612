"""`hornbook runs [DIR]`: a table of the finished runs below a folder. Needs no Keras."""

import dataclasses
import json
import os
import pathlib
import statistics
from typing import Annotated

import tyro

from hornbook import UserError, command_line, endings, records, spreadsheets, terminal
from hornbook.training import runs as runs_of

# What has a column of its own, says where a run is kept or what it is compared with, or is a group's.
_NOT_OPTIONS = {"model", "dataset", "output", "seeds", "floor"}
_LESS_IS_BETTER = ("loss", "error")
_NOT_SEARCHED = {"checkpoint", "tensorboard"}


@dataclasses.dataclass(frozen=True)
class RunsArgs:
    folder: Annotated[str, tyro.conf.Positional] = "runs"
    """Folder to look in, at any depth."""
    sort: str = "folder"
    """Column to sort by: scores with the best first (the lowest of losses and errors, the highest of others), all else ascending."""
    csv: bool = False
    """Comma-separated values instead of a table, with all digits, and standard deviations in columns of their own."""


def runs(arguments):
    """The command `hornbook runs`."""
    with endings.ending("hornbook runs"):
        args = command_line.parse(RunsArgs, arguments, "hornbook runs", "List the finished runs below a folder.")
        found, unfinished, broken = find(args.folder)
        table = Table(found)
        rows = table.sorted(args.sort)
        if args.csv:
            terminal.say(*spreadsheets.lines([table.csv_columns(), *(table.csv_row(row) for row in rows)]))
        elif rows:
            terminal.say(*_aligned([table.heading, *(table.row(row) for row in rows)]))
        else:
            terminal.say(f"no finished run below {args.folder}")
        # A reader of the CSV is not to find remarks in it.
        for remark in [*broken, *([f"{unfinished} unfinished"] if unfinished else [])]:
            (terminal.complain if args.csv else terminal.say)(remark)


def find(folder):
    """The runs below a folder.

    Args:
        folder: looked into at any depth; links to folders are not followed.

    Returns:
        Finished runs, a list of dicts (`folder`, `options`, `metrics` and `deviations` by name, `chosen`: the options that were left to the
        data, `seconds`), in which the runs of several seeds are one; the number of unfinished runs; and a sentence for each folder that
        cannot be read.

    Raises:
        UserError: there is no such folder.
    """
    top = pathlib.Path(folder)
    if not top.is_dir():
        raise UserError(f"there is no folder {folder}; pass one that has runs in it")
    found, broken, unfinished, in_groups = [], [], 0, set()
    for place, folders, names in os.walk(top, onerror=lambda error: broken.append(f"{error.filename} cannot be read: {error.strerror}")):
        here = pathlib.Path(place)
        folders[:] = sorted(name for name in folders if name not in _NOT_SEARCHED and not name.startswith("."))
        try:
            if "seeds.json" in names:
                group, members = _group(here)
                found.append(group)
                in_groups |= members
            elif "config.json" in names:
                folders[:] = []
                if here in in_groups:
                    continue
                if "result.json" in names:
                    found.append(_run(here))
                else:
                    unfinished += 1
        except UserError as error:
            broken.append(str(error))
    for run in found:
        run["folder"] = str(run["folder"].relative_to(top))
    return found, unfinished, broken


def _run(folder):
    result = records.read(folder / "result.json", runs_of.Result)
    options, chosen = _options(folder)
    if result.ensemble is not None:  # Its options are those of its first member.
        options["members"] = f"{len(result.ensemble.members)} runs"
    return _entry(folder, options, chosen, result.metrics | _floor(result), {}, result.seconds)


def _group(folder):
    """A run with several seeds, and the folders of its members."""
    summary = records.read(folder / "seeds.json", runs_of.Seeds)
    seeds = summary.seeds
    members = [folder / f"seed-{seed}" for seed in seeds]
    options, chosen = _options(members[0])
    options["seed"] = f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else seeds[0]
    metrics = {name: spread.mean for name, spread in summary.metrics.items()}
    deviations = {name: spread.standard_deviation for name, spread in summary.metrics.items()}
    floors = [_floor(records.read(member / "result.json", runs_of.Result)) for member in members]
    if all(floors):
        metrics |= {name: statistics.fmean(one[name] for one in floors) for name in floors[0]}
    return _entry(folder, options, chosen, metrics, deviations, summary.seconds), set(members)


def _floor(result):
    """The score of the best classical model, and by how much the network is better; of older runs nothing."""
    floor = result.floor
    if floor is None or floor.model is None or floor.difference is None or floor.score is None:
        return {}
    return {"floor": floor.score, "above_floor": floor.difference * (1 if floor.higher_is_better else -1)}


def _entry(folder, options, chosen, metrics, deviations, seconds):
    return {"folder": folder, "options": options, "chosen": chosen, "metrics": metrics, "deviations": deviations, "seconds": seconds}


def _options(folder):
    """The options of a run, and the names of those that were left to the data."""
    path = folder / "chosen.json"
    chosen = records.read(path, runs_of.Options) if path.exists() else {}
    return {**records.read(folder / "config.json", runs_of.Options), **chosen}, set(chosen)


class Table:
    """Columns and rows of runs, as `find` returns them.

    Attributes:
        columns: names, in their order: folder, model, dataset, the options that differ among the runs, the scores, seconds.
        heading: of the table for the eye, in which what sets a run's options apart is one column, the last.
    """

    def __init__(self, found):
        self._runs = found
        self._metrics = list(dict.fromkeys(name for run in found for name in run["metrics"]))
        options = dict.fromkeys(name for run in found for name in run["options"] if name not in _NOT_OPTIONS)
        # An option that only later releases have does not differ from itself.
        options = [name for name in options if len({json.dumps(run["options"][name]) for run in found if name in run["options"]}) > 1]
        taken = {"folder", "seconds", *self._metrics}
        self._options = {f"{name}_option" if name in taken else name: name for name in ("model", "dataset", *options)}
        self.columns = ["folder", *self._options, *self._metrics, "seconds"]
        self.heading = ["folder", "model", "dataset", *self._metrics, "seconds", *(["options"] if options else [])]
        # Runs of other recipes do not have every option.
        values = {name: [json.dumps(run["options"][name]) for run in found if name in run["options"]] for name in options}
        self._most_common = {name: max(own, key=own.count) for name, own in values.items()}

    def sorted(self, column):
        """The runs, sorted by a column; those that have nothing in it come last.

        Raises:
            UserError: there is no such column.
        """
        if not self._runs:
            return []
        if column not in self.columns:
            raise UserError(f"--sort {column} is no column; there are {terminal.accepted(self.columns, column)}")
        known = [run for run in self._runs if self._value(run, column) is not None]
        unknown = [run for run in self._runs if self._value(run, column) is None]
        descending = column in self._metrics and not column.endswith(_LESS_IS_BETTER)
        return sorted(known, key=lambda run: _order(self._value(run, column)), reverse=descending) + unknown

    def row(self, run):
        """Texts for the eye."""
        scores = [self._score(run, name) for name in self._metrics]
        apart = [" ".join(self._apart(run))] if self._most_common else []
        return [*self._texts(run, self.heading[:3]), *scores, f"{run['seconds']:.0f}", *apart]

    def _apart(self, run):
        """The options that somebody gave to this run and that most others do not have."""
        for name, usual in self._most_common.items():
            if name in run["options"] and name not in run["chosen"] and json.dumps(run["options"][name]) != usual:
                yield f"{name}={_printed(run['options'][name])}"

    def csv_columns(self):
        """The columns of the CSV, with one more for each standard deviation."""
        return [terminal.shown(name) for name in (*self.columns, *(f"{name}_standard_deviation" for name in self._deviations()))]

    def csv_row(self, run):
        """Values with all their digits."""
        scores = [run["metrics"].get(name) for name in self._metrics]
        texts = self._texts(run, ["folder", *self._options])
        return [*texts, *scores, run["seconds"], *(run["deviations"].get(name) for name in self._deviations())]

    def _deviations(self):
        return [name for name in self._metrics if any(name in run["deviations"] for run in self._runs)]

    def _value(self, run, column):
        if column in ("folder", "seconds"):
            return run[column]
        return run["options"].get(self._options[column]) if column in self._options else run["metrics"].get(column)

    def _texts(self, run, columns):
        values = [self._value(run, column) for column in columns]
        return ["" if value is None else _printed(value) for value in values]

    def _score(self, run, name):
        value, deviation = run["metrics"].get(name), run["deviations"].get(name)
        if value is None:
            return ""
        return f"{value:.4f}" if deviation is None else f"{value:.4f} ± {deviation:.4f}"


def _order(value):
    """A key by which numbers come before texts."""
    number = isinstance(value, int | float)
    return not number, value if number else 0, "" if number else str(value)


def _aligned(rows):
    """Lines of columns: texts to the left, numbers to the right."""
    rows = [list(map(terminal.shown, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    last = len(widths) - 1 if rows[0][-1] == "options" else len(widths)
    for row in rows:
        cells = [f"{cell:>{widths[k]}}" if 3 <= k < last else f"{cell:<{widths[k]}}" for k, cell in enumerate(row)]
        yield "  ".join(cells).rstrip()


def _printed(value):
    return terminal.shown(value if isinstance(value, str) else json.dumps(value))
