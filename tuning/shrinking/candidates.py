"""The files among which a smaller model is chosen: networks with fewer channels, each in several precisions, measured through the files."""

import contextlib
import dataclasses
import io
import pathlib
import time

import numpy as np

from hornbook import UserError, libraries
from hornbook.inference.export import beside, command, quantized, verify
from hornbook.training import runs
from hornbook.tuning.shrinking.targets import Candidate

PRECISIONS = ("float32", "float16", "int8-weights", "int8")
FORMAT = "litert"
_ROUNDS, _CALLS = 5, 20  # In each round every file is timed, so that what else the machine does meets all of them.


@dataclasses.dataclass(frozen=True)
class Made:
    """An export that is to be measured; attributes as of `targets.Candidate`."""

    name: str
    channels: float
    precision: str
    folder: pathlib.Path
    parameters: int
    size: int


def network_options(trained, asked, recipe, share, epochs):
    """Options of a run that takes a share of the channels out of another run's network: a dict of JSON values.

    It begins with the other run's weights, where the recipe can, and learns from its probabilities, where it has classes.

    Args:
        trained: `data.inputs.Trained`, the other run.
        asked: its options.
        recipe: the module of its recipe.
        share: of the channels.
        epochs: of its training.
    """
    known, run = {field.name for field in dataclasses.fields(recipe.Args)}, str(trained.folder.resolve())
    options = {name: value for name, value in asked.items() if name in known and name not in ("output", "seeds")}
    own = {"prune_channels": share, "epochs": epochs, "evaluate": "validation", "floor": False, "data_check": False}
    if "weights" in known:
        own |= {"weights": run, "unfreeze": "all"}
    if "teacher" in known and trained.about["task"] in ("classification", "multi-label"):
        own["teacher"] = run
    left_out = {
        "prune": 0.0,
        "prune_scope": "global",
        "prune_as": None,
        "early_stopping": 0,
        "ema": 0.0,
        "swa": 0.0,
        "snapshots": 0,
        "minutes": None,
        "members": 1,
    }
    return {**options, **{name: value for name, value in left_out.items() if name in known}, **own}


def exported(run, name, share, home, said):
    """Export a run in every precision that it can be: a list of `Made`; of the others a line says why.

    Args:
        run: folder of a finished run.
        name: what of the network is other, such as "channels 50% less"; "" of the original one.
        share: of the channels that went.
        home: folder of the exports; those that are there are taken.
        said: function of a line.

    Raises:
        UserError: not even float32 can be made.
    """
    found, parameters = [], runs.finished(pathlib.Path(run))["parameters"]
    for precision in PRECISIONS:
        called = ", ".join(part for part in (name, precision) if part)
        folder = home / called.replace(", ", "-").replace(" ", "-").replace("%", "")
        try:
            if not folder.exists():
                args = command.ExportArgs(
                    str(run), FORMAT, str(folder), precision, **({"accuracy_drop": 1.0} if precision in quantized.PRECISIONS else {})
                )
                with contextlib.redirect_stdout(io.StringIO()), libraries.hold_back():
                    command.main(args)
        except UserError as error:
            if precision == PRECISIONS[0]:
                raise
            said(f"{called}: left out, {error}")
            continue
        found.append(Made(called, share, precision, folder, parameters, beside.size(folder / command.FILES[FORMAT])))
    return found


def measured(made, part, trained, medium):
    """`Candidate`s of exports, with the score of each on a part of the run's own data and the time that it takes for one input."""
    uses = {one.name: verify.use_lines(one.folder) for one in made}
    found = [dataclasses.asdict(one) | {"score": quantized.score(uses[one.name], part, trained)} for one in made]
    times = latencies(uses, [raw for raw, _ in verify.inputs_of(trained, medium)[0]])
    return [Candidate(**one, milliseconds=times[one["name"]]) for one in found]


def latencies(uses, raw):
    """The median time of a call for one input, in milliseconds, by name: of the model alone, all in turns.

    Args:
        uses: dict of a name to the module of an export's `use.py`.
        raw: inputs as `use.predict` takes them.
    """
    batches = {name: [use.stack([example]) for one in raw[:_CALLS] for example in use.prepare(one)][:_CALLS] for name, use in uses.items()}
    times = {name: [] for name in uses}
    for _ in range(_ROUNDS):
        for name, use in uses.items():
            use.run(batches[name][0])
            for batch in batches[name]:
                start = time.perf_counter()
                use.run(batch)
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(own) * 1e3) for name, own in times.items()}
