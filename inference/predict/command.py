"""`hornbook predict RUN INPUT...`: what a finished run's model says of images, texts, series or rows of tables."""

import contextlib
import dataclasses
import functools
import gc
import pathlib
import sys
from typing import Annotated

import numpy as np
import tyro

from hornbook import UserError, command_line, endings, libraries, terminal
from hornbook.inference.finished_run import digest, load_model, open_run
from hornbook.inference.predict import answers, formats, stream
from hornbook.inference.predict.part import Part, own_files, refuse_existing
from hornbook.inference.predict.progress import Progress


@dataclasses.dataclass(frozen=True)
class PredictArgs:
    run: Annotated[str, tyro.conf.Positional]
    """Folder of a finished run."""
    inputs: Annotated[tuple[str, ...], tyro.conf.Positional]
    """What to predict. Images: image files, or .npy arrays (examples, height, width, channels) of raw pixels. Texts: a sentence in quotes,
    text files with a text a line, CSV or TSV files with the text's column. Tables: CSV or TSV files of rows as in training, with or without
    the label, or .npy arrays (rows, columns) of numbers. Series: WAV files, tables of one series each, .ts
    files, or .npy arrays (steps, features). A folder stands for all such files below it, sorted."""
    top: int | None = None
    """How many classes to name for each input: the one that is predicted, then the most probable. Default: 1; in a file the one that is
    predicted, with the probabilities of all."""
    output: str | None = None
    """File to write in place of lines: .csv, .tsv or, where pyarrow is installed, .parquet. The same command goes on where it was killed;
    until the end the rows are in FILE.part. Default: lines on standard output."""
    skip_unreadable: bool = False
    """Go on without inputs that cannot be read, and say which: in FILE.errors.csv, or on standard error."""


def predict(arguments):
    """The command `hornbook predict`: a line an input, its name, then what is predicted, separated by tabs; or a file of such rows."""
    with endings.ending("hornbook predict"):
        main(command_line.parse(PredictArgs, arguments, "hornbook predict", "Predict inputs with a finished run's model."))


def main(args):
    """Predict.

    Args:
        args: `PredictArgs`.

    Raises:
        UserError: there is no finished run, an input cannot be read, or the output cannot be written.
    """
    if args.top is not None and args.top < 1:
        raise UserError(f"--top must be at least 1, got {args.top}")
    if not args.inputs:
        raise UserError("nothing to predict: pass files, such as images, tables or .npy arrays")
    output = None if args.output is None else pathlib.Path(args.output)
    if output is not None:
        formats.check(output)
        refuse_existing(output)
    trained, medium = open_run(args.run)
    if output is None:
        _print(args, stream.sources(args.inputs, trained, medium, identified=False), trained, medium)
    else:
        sources = stream.sources(args.inputs, trained, medium, identified=True, without=own_files(output))
        _write(args, output, sources, trained, medium)


def _print(args, sources, trained, medium):
    model = functools.cache(lambda: load_model(trained))
    with Progress(quiet=sys.stdout.isatty()) as progress:
        for some, place in stream.chunks(sources, trained, medium):
            for name, row in _answered(some, model, trained, medium, args.skip_unreadable):
                if isinstance(row, UserError):
                    terminal.complain(f"hornbook predict: left out {name}: {row}")
                else:
                    terminal.say_fields(name, *answers.in_words(row, trained.about, args.top or 1))
            progress.at(place.done)


def _write(args, output, sources, trained, medium):
    model = functools.cache(lambda: _settled(load_model(trained)))
    columns = {"name": str, **answers.columns(trained.about, args.top)}
    with Part(output, columns, digest(trained), sources) as part, endings.goes_on(lambda: _how_to_go_on(part)):
        if part.place.done:
            terminal.say(f"{part.folder} has {part.place.done:,} inputs; going on behind them")
        total = sum(source.expected for source in sources)
        with Progress(total, part.place.done) as progress:
            for some, place in [] if part.complete else stream.chunks(sources, trained, medium, part.place):
                told = _answered(some, model, trained, medium, args.skip_unreadable, "; --skip-unreadable goes on without such inputs")
                rows = [(name, row) for name, row in told if not isinstance(row, UserError)]
                found = answers.cells(np.stack([row for _, row in rows]), trained.about, args.top) if rows else ()
                part.add(([name for name, _ in rows], *found), [one for one in told if isinstance(one[1], UserError)], place)
                progress.at(place.done)
        part.finish()
        terminal.say(f"{output}: {part.place.done - part.unreadable:,} rows")
        if part.unreadable:
            terminal.say(f"{part.errors_path}: {part.unreadable:,} input{'' if part.unreadable == 1 else 's'} that could not be read")


def _how_to_go_on(part):
    return f"; the same command goes on behind {part.place.done:,} inputs" if part.place.done else " before the first rows; nothing is kept"


def _answered(some, model, trained, medium, skip_unreadable, remedy=""):
    """Pairs of a name and the row of answers to it, or the `UserError` on it.

    Args:
        some: (name, input or `UserError`).
        model: function to the run's model.
        trained, medium: as of `open_run`.
        skip_unreadable: whether there may be errors among them, or the first is raised.
        remedy: what is added to it.
    """
    if not skip_unreadable:
        _raise_first(some, remedy)
    sound = [one for _, one in some if not isinstance(one, UserError)]
    rows = answers.computed(model(), sound, trained, medium) if sound else np.zeros((0, 1))
    finite, place, found = np.isfinite(rows).all(axis=1), 0, []
    for name, one in some:
        if not isinstance(one, UserError):
            one = rows[place] if finite[place] else answers.no_number(trained, name)
            place += 1
        found.append((name, one))
    if not skip_unreadable:
        _raise_first(found, remedy)
    return found


def _raise_first(found, remedy):
    for _, one in found:
        if isinstance(one, UserError):
            raise UserError(f"{one}{remedy}") from one


def _settled(model):
    """The model, compiled by TensorFlow for batches of every size at once.

    It compiles for the first size that it sees, and for every size at the second one: what went before an input would decide by which of
    the two it is computed, and the last digit of the answer with it.
    """
    if libraries.backend() == "tensorflow":
        with contextlib.suppress(Exception):  # Inputs of the user's own will show whether it is the model's fault.
            [received] = model.inputs
            for count, steps in ((2, 64), (3, 96)):
                shape = [steps if size is None else size for size in received.shape[1:]]
                model.predict_on_batch(np.zeros((count, *shape), received.dtype))
    gc.freeze()  # The libraries' objects, which stay: to look for garbage among them takes a tenth of the time of rows, and more.
    return model
