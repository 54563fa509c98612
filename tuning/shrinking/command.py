"""`hornbook shrink RUN`: a finished run as a smaller or faster file: candidates, their front, the one to take, checked on its test data."""

import dataclasses
import importlib
import os
import pathlib
from typing import Annotated

import tyro

from hornbook import UserError, command_line, endings, files, terminal
from hornbook.inference.export import command as exporting
from hornbook.inference.export import quantized, verify
from hornbook.inference.finished_run import digest, open_run
from hornbook.recipes import ranges
from hornbook.training import runs
from hornbook.tuning import kept, settings
from hornbook.tuning.shrinking import candidates, page, targets
from hornbook.tuning.workers import many

_ABOUT = """Make a finished run smaller or faster: networks with fewer channels, files with fewer bits, measured through the files.

hornbook shrink runs/first --to 20%

hornbook shrink runs/first --latency 0.2ms --accuracy-drop 0.02

The same command goes on with one that was cut off. The candidates stand in candidates.csv and report.html, the files in exports/."""
_FEWEST_EPOCHS = 4
_FEWEST_LOST = 3  # Examples: one or two more wrong ones say nothing of a file.


@dataclasses.dataclass(frozen=True)
class ShrinkArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    to: str | None = None
    """Size of the file at most: a share of the run's own in float32, such as 20%, or bytes, such as 100KB or 1.5MB."""
    latency: str | None = None
    """Time for one input at most, on this machine, such as 1ms or 500us."""
    accuracy_drop: Annotated[float, ranges.SHARE] = 0.01
    """How much lower the accuracy on validation data may be than that of the run, of numbers the R2."""
    channels: tuple[float, ...] = (0.25, 0.5, 0.75)
    """Shares of the channels that are taken out, a network each; none: --channels 0."""
    epochs: Annotated[int, ranges.FEW] | None = None
    """How long each network is trained on with fewer channels. Default: as long as the run itself."""
    workers: Annotated[int, ranges.FEW] | None = None
    """Networks that are trained at a time. Default: one a processor core, as far as the memory holds them."""
    output: str | None = None
    """Folder of the results. Default: shrunk in the run's folder."""


def shrink(arguments):
    """The command `hornbook shrink`."""
    with endings.ending("hornbook shrink"):
        main(command_line.parse(ShrinkArgs, arguments, "hornbook shrink", _ABOUT))


def main(args, said=terminal.say):
    """Make the candidates, measure them, and recommend one.

    Args:
        args: `ShrinkArgs`.
        said: function of a line.

    Returns:
        The `targets.Candidate` to take.

    Raises:
        UserError: there is no finished run that can be made smaller, or no candidate comes to what is asked for; then all is kept.
    """
    shares = _checked(args)
    trained, medium = open_run(args.run)
    if "sample_rate" in (trained.about.get("preprocessing") or ()):
        raise UserError(f"{args.run} is a run on sound, whose files take waveforms; hornbook export makes them in each precision")
    part, _ = medium.scored(trained.config["dataset"], "validation", trained, True)
    folder = pathlib.Path(args.output or trained.folder / "shrunk")
    lock = _claim(folder, args, trained, shares)
    try:
        made = candidates.exported(trained.folder, "", 0.0, folder / "exports", said)
        for share, run in _networks(trained, shares, args, folder, said):
            made += candidates.exported(run, f"channels {share:.0%} less", share, folder / "exports", said)
        found = candidates.measured(made, part, trained, medium)
        wanted = _targets(args, found[0])
        chosen, missed = targets.choose(found, found[0], wanted)
        told = _tested(chosen, found[0], trained, medium)
        page.write(folder, found, chosen, wanted, trained, len(part), told)
        _say(said, found, chosen, len(part), args.accuracy_drop, told, folder)
    finally:
        os.close(lock)
    if missed:
        raise UserError(f"no candidate comes to all that is asked for; the nearest, {chosen.name}: {'; '.join(missed)}")
    return chosen


def _checked(args):
    """The shares of channels to try; refuses options that cannot be."""
    command_line.refuse_no_text(args)
    ranges.check_numbers(args)
    if args.to:
        targets.size(args.to, 1)
    if args.latency:
        targets.milliseconds(args.latency)
    for share in args.channels:
        if not 0 <= share < 1:
            raise UserError(f"--channels {share:g}: a share of the channels must be at least 0 and below 1, such as 0.5")
    if args.epochs is not None and args.epochs < _FEWEST_EPOCHS:
        raise UserError(f"--epochs {args.epochs}: channels go a few before each epoch, which takes {_FEWEST_EPOCHS} or more")
    exporting.refuse(exporting.ExportArgs(args.run, candidates.FORMAT, precision="int8"))
    return sorted({share for share in args.channels if share})


def _claim(folder, args, trained, shares):
    recipe_name, options = _asked(trained)
    asked = {"recipe": recipe_name, "options": options, "run": digest(trained), "channels": shares, "epochs": args.epochs}
    return settings.claim(folder, asked, settings.SHRINKING)[0]


def _asked(trained):
    """The recipe of a run, and its options: JSON values."""
    options = dict(runs.options_of(trained.folder))
    return options.pop("recipe"), options


def _targets(args, original):
    size = targets.size(args.to, original.size) if args.to else None
    return targets.Targets(size, targets.milliseconds(args.latency) if args.latency else None, args.accuracy_drop)


def _networks(trained, shares, args, folder, said):
    """Train the run's network on with fewer channels: pairs of a share and a run's folder; of a failed one a line."""
    recipe_name, asked = _asked(trained)
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    epochs = max(_FEWEST_EPOCHS, args.epochs or _epochs(trained))
    home = folder / "runs"
    names = {f"channels-{share:g}": share for share in shares}
    options = {name: candidates.network_options(trained, asked, recipe, share, epochs) for name, share in names.items()}
    left = {name: own for name, own in options.items() if kept.ended(home / name) is None}
    if left:
        said(f"{len(left)} networks with fewer channels, {epochs} epochs each")
        ends = lambda name, outcome, done, remains: said(f"{done} channels {names[name]:.0%} less: {_ended(outcome)}{remains}")  # noqa: E731
        many.train(recipe_name, home, left, ends, workers=args.workers or many.workers_for(len(left)))
    for name, share in names.items():
        if "error" not in kept.ended(home / name):
            yield share, home / name / "run"


def _epochs(trained):
    """Those of the run's training, counted in its history; cut off by a clock or early stopping, or not."""
    rows = files.content(trained.folder / "history.csv", "the history of a run", 2**26).count(b"\n") - 1
    return max(1, rows)


def _ended(outcome):
    if "error" in outcome:
        return f"left out, {outcome['error']}"
    name, values = next(iter(outcome["metrics"].items()))
    return f"{name.replace('_', ' ')} {values[0]:.4f} on validation data"


def _tested(chosen, original, trained, medium):
    """The scores of the chosen file and of the run's own on the test part, and how many examples it has; None without one."""
    try:
        part, _ = medium.scored(trained.config["dataset"], "test", trained, True)
    except UserError:
        return None
    return [quantized.score(verify.use_lines(one.folder), part, trained) for one in (chosen, original)] + [len(part)]


def _say(said, found, chosen, examples, accuracy_drop, tested, folder):
    best = targets.front(found)
    widest = max(len(one.name) for one in found)
    said(f"score on {examples:,} validation examples, size, time for one input; * none is better in all three, > to be taken")
    for one in found:
        mark = ">" if one is chosen else "*" if one in best else " "
        share = one.size / found[0].size
        said(f"{mark} {one.name:{widest}}  {one.score:.4f}  {one.size / 1000:10,.1f} KB {share:4.0%}  {one.milliseconds:8.3f} ms")
    if examples * accuracy_drop < _FEWEST_LOST:
        told = f"note: {accuracy_drop:g} of {examples:,} examples is less than {_FEWEST_LOST}, so what a file loses may be luck"
        said(f"{told}; a run with a larger --validation-fraction tells more")
    if tested:
        said(f"on {tested[2]:,} test examples: {chosen.name} {tested[0]:.4f}, the run in float32 {tested[1]:.4f}")
    said(f"to be taken: {chosen.folder}")
    said(f"report: {folder / 'report.html'}")
