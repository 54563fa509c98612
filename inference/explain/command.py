"""`hornbook explain RUN INPUT...`: what a finished run's answers rest on, a page to look at, and whether it says anything."""

import dataclasses
import pathlib
from typing import Annotated, Literal

import numpy as np
import tyro

from hornbook import UserError, command_line, endings, files, terminal
from hornbook.data import inputs
from hornbook.inference.finished_run import load_model, open_run
from hornbook.inference.predict import stream

_MOST_INPUTS = 100
_UNSEEN = 16
_MOST_NEAREST = 20
_DEFAULTS = {"images": "integrated_gradients", "texts": "integrated_gradients", "series": "integrated_gradients", "tables": "shapley"}
_ACCEPTED = {
    "images": ("gradients", "integrated_gradients", "smoothgrad", "grad_cam", "attention_rollout"),
    "series": ("gradients", "integrated_gradients", "smoothgrad", "grad_cam", "attention_rollout"),
    "texts": ("gradients", "integrated_gradients", "smoothgrad", "attention_rollout", "shapley"),
    "tables": ("shapley",),
}


@dataclasses.dataclass(frozen=True)
class ExplainArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run of a classifier."""
    inputs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """What to explain: images, texts, series or rows of tables, given as for hornbook predict; 100 at most."""
    method: Literal["gradients", "integrated_gradients", "smoothgrad", "grad_cam", "attention_rollout", "shapley"] | None = None
    """How. Of images and series all but shapley, of texts all but grad_cam, of tables shapley. Default: integrated_gradients; of tables
    shapley."""
    target: str | None = None
    """The class to explain, by its name. Default: the one that is predicted for each input."""
    baseline: Literal["zero", "mean"] | None = None
    """What stands for "nothing is there" in integrated gradients and in the check: 0, or the mean of the input's own values. Default: zero
    for images, mean for series."""
    examples: int = _UNSEEN
    """How many unseen examples of the run's own data the method is checked on, beside the inputs; with 0 on the inputs alone."""
    nearest: int = 5
    """How many training examples to show beside each input, those that the last layer takes for most alike; 0: none."""
    output: str = "explain.html"
    """The page to write; the same as JSON is written beside it, explain.json."""


def explain(arguments):
    """The command `hornbook explain`: a line an input, then how the method did on this model."""
    with endings.ending("hornbook explain"):
        about = "Show what a finished run's answers rest on, and whether the explanation says anything."
        main(command_line.parse(ExplainArgs, arguments, "hornbook explain", about))


def main(args):
    """Explain.

    Args:
        args: `ExplainArgs`.

    Returns:
        What is written as JSON, a dict.

    Raises:
        UserError: there is no finished run, an input cannot be read, the method is not for the network, or the output cannot be written.
    """
    if not args.inputs:
        raise UserError("nothing to explain: pass files, such as images or .npy arrays, or a text in quotes")
    if args.examples < 0:
        raise UserError(f"--examples must be at least 0, got {args.examples}")
    if args.nearest < 0 or args.nearest > _MOST_NEAREST:
        raise UserError(f"--nearest must be in 0 to {_MOST_NEAREST}, got {args.nearest}")
    page_path, json_path = _paths(args.output)
    trained, medium = open_run(args.run)
    kind = trained.about["medium"]
    method = args.method or _DEFAULTS[kind]
    target = _refused(trained, method, args)
    given = _read(args.inputs, trained, medium)
    model = load_model(trained)
    from hornbook.inference.explain import checks, media, sheet  # Not before Keras was told to be quiet.

    unseen = [one for _, one in _unseen(trained, medium, args.examples)]
    shown = media.KINDS[kind](trained, medium, [*(one for _, one in given), *unseen], args.baseline)
    run = checks.Run(model, trained, shown, method, target)
    found = run.checked()
    count = int((shown.owners < len(given)).sum())
    about = {"run": str(trained.folder), "medium": kind, "method": method, "checks": found}
    entries = [_entry(place, given[shown.owners[place]][0], run, shown) for place in range(count)]
    sections = _columns(run, shown, trained, medium, about) if kind == "tables" else ()
    drawings = [shown.drawn(place, run.heat[place], entries[place]["name"]) for place in range(count)]
    near = _near(args, run, shown, trained, medium, count)
    if near:
        entries = [{**one, "nearest": [_without_input(other) for other in found]} for one, found in zip(entries, near, strict=True)]
        drawings = [drawn + sheet.nearest(shown, found) for drawn, found in zip(drawings, near, strict=True)]
    files.write_json(json_path, {**about, "inputs": entries})
    files.write_text(page_path, sheet.page_of(about, entries, drawings, sections))
    for one in entries:
        terminal.say_fields(one["name"], one["explained"], f"{one['probability']:.4f}")
    terminal.say(*found["sentences"], f"page: {page_path}; JSON: {json_path}")
    return {**about, "inputs": entries}


def _paths(output):
    page_path = pathlib.Path(output)
    if page_path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output is the page to write, such as explain.html, got {output}")
    json_path = page_path.with_suffix(".json")
    for path in (page_path, json_path):
        if path.exists() or path.is_symlink():
            raise UserError(f"{path} is there already, and nothing is overwritten; remove it, or pass another --output")
    if not page_path.parent.is_dir():
        raise UserError(f"{page_path.parent} is no folder to write to; make it, or pass another --output")
    return page_path, json_path


def _refused(trained, method, args):
    """Refuse what makes no sense for a run before its model is loaded; the number of the class to explain, or None."""
    about = trained.about
    if about["task"] == "regression":
        raise UserError(f"{trained.folder} predicts numbers; hornbook explain is for classes")
    if method not in _ACCEPTED[about["medium"]]:
        accepted = ", ".join(_ACCEPTED[about["medium"]])
        raise UserError(f"--method {method} is not for {about['medium']}; accepted are {accepted}")
    if args.baseline is not None and about["medium"] not in ("images", "series"):
        raise UserError(f"--baseline is for images and series, and {trained.folder} takes {about['medium']}")
    if args.target is None:
        return None
    if args.target not in about["class_names"]:
        raise UserError(
            f"{trained.folder} has no class {args.target!r}; --target takes {terminal.accepted(about['class_names'], args.target)}"
        )
    return about["class_names"].index(args.target)


def _read(given, trained, medium):
    """Pairs of a name and an input."""
    found = []
    for some, _ in stream.chunks(stream.sources(given, trained, medium, identified=False), trained, medium):
        for name, one in some:
            if isinstance(one, UserError):
                raise one
            found.append((name, one))
            if len(found) > _MOST_INPUTS:
                raise UserError(f"a page shows {_MOST_INPUTS} explanations at most, and there are more inputs; pass fewer")
    return found


def _unseen(trained, medium, count):
    """Examples of the run's own data; none where these cannot be read."""
    if not count:
        return []
    try:
        return medium.sample(trained, count)
    except UserError as error:
        terminal.say(f"note: checked on the inputs alone, as the run's own data cannot be read: {error}")
        return []


def _columns(run, shown, trained, medium, about):
    """Sections of a page on a table's columns over many rows, which go to the JSON values `about`, too; none where there are no rows."""
    from hornbook.inference.explain import columns, sheet

    try:
        part, _ = inputs.unseen(lambda name: medium.scored(trained.config["dataset"], name, trained, True))
    except UserError as error:
        terminal.say(f"note: nothing is said of the columns over many rows, as the run's own data cannot be read: {error}")
        return ()
    about["columns"] = columns.of_run(run, shown, part, int(run.target[0]))
    return sheet.of_columns(about["columns"], min(len(part), columns.MOST_ROWS))


def _near(args, run, shown, trained, medium, count):
    """The nearest training examples of each input, or None."""
    from hornbook.inference.explain import neighbours

    try:
        return neighbours.of_run(run.model, trained, medium, shown.subject.x[:count], args.nearest) if args.nearest else None
    except UserError as error:
        terminal.say(f"note: no training examples are shown: {error}")
        return None


def _without_input(found):
    return {name: value for name, value in found.items() if name != "input"}


def _entry(place, name, run, shown):
    """JSON values of an input."""
    names, windows = run.names, np.flatnonzero(shown.owners == shown.owners[place])
    if len(windows) > 1:
        name = f"{name}, window {1 + place - windows[0]}"
    row = run.rows[place]
    found = {"name": name, "predicted": names[run.said(row)], "explained": names[run.target[place]]}
    found |= {"probability": float(row[run.target[place]]), **shown.written(place, run.heat[place])}
    return found if run.gaps is None else {**found, "gap": float(run.gaps[place])}
