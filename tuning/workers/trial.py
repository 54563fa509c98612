"""One trial of a search, in a process of its own: the recipe itself, once for each seed or fold.

The process reads its task from a file and leaves the outcome beside it, whole or not at all. A finished run is read, not run again, and a
run that was cut off goes on from its checkpoint, so a trial may be killed and started again at any moment.
"""

import contextlib
import ctypes
import importlib
import json
import os
import pathlib
import shutil
import signal
import sys
import time
import traceback

from hornbook import UserError, command_line, files, streams
from hornbook.evaluation import scores
from hornbook.training import runs


def perform(task):
    """Run a task.

    Args:
        task: {"recipe", "runs": [{"options", "output"}], "stop_hopeless": whether to end at a finding that calls a run hopeless, "further":
            a part of the data to score as well, None for no other}, JSON values.

    Returns:
        The outcome: {"metrics": {name: [a value a run]}, "evaluated_on", "further": {part: {name: value}} of the first run, "recalls":
        {part: {class: value}} of it, "seconds", "parameters", "findings", "floor"}, or {"error": one line} of what was refused or went
        wrong, or {"stopped": one line, "problem", "seconds"} of a run that is hopeless.
    """
    began = time.monotonic()
    try:
        results = [_run(task["recipe"], one["options"], one["output"], task["stop_hopeless"]) for one in task["runs"]]
        further, recalls = _scored(task["runs"][0]["output"], task["further"])
        recalls[results[0]["evaluated_on"]] = scores.recalls(results[0].get("evaluation") or {})
    except _HopelessError as found:
        return {"stopped": str(found), "problem": found.problem, "seconds": round(time.monotonic() - began, 1)}
    except UserError as error:
        return {"error": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {_reason(str(error))}"}
    metrics = {name: [result["metrics"].get(name) for result in results] for name in results[0]["metrics"]}
    return {
        "metrics": metrics,
        "evaluated_on": results[0]["evaluated_on"],
        "further": further,
        "recalls": recalls,
        "seconds": sum(result["seconds"] for result in results),
        "parameters": results[0]["parameters"],
        "findings": results[0]["findings"],
        "floor": results[0].get("floor"),
    }


def _reason(message):
    """The line of an error's message that says why."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if lines and lines[0] == "Graph execution error:":
        # TensorFlow puts where it happened first, and the names of nodes last.
        return next(line for line in reversed(lines) if not line.startswith("[["))
    return lines[0] if lines else ""


class _HopelessError(Exception):
    """A run is ended, and its trial with it."""

    def __init__(self, epoch, finding):
        super().__init__(f"stopped after epoch {epoch} as hopeless: {finding.evidence}")
        self.problem = finding.problem


def _hopeless(epoch, finding):
    raise _HopelessError(epoch, finding)


def _run(recipe_name, options, output, stop_hopeless):
    recipe = importlib.import_module(f"hornbook.recipes.{recipe_name}")
    folder = pathlib.Path(output)
    # Not by a command line's parser, which would take longer than all else that begins a trial.
    args = recipe.Args(**command_line.of_their_types(recipe.Args, options, "the trial"), output=output)
    done = runs.finished_with(folder, command_line.to_config(recipe_name, args))
    if done:
        return done
    callbacks = []
    if stop_hopeless:
        from hornbook.training.diagnosis import StopWhenHopeless  # It imports Keras, which this file does not need otherwise.

        callbacks.append(StopWhenHopeless(stop=_hopeless))
    result = recipe.main(args, callbacks)
    shutil.rmtree(folder / "checkpoint", ignore_errors=True)  # A finished run needs none, and a search has many runs.
    return result


def _scored(folder, part):
    """A finished run's scores on a further part of its data, {part: {name: value}}, and recalls, {part: {class: value}}; {} for none."""
    if part is None:
        return {}, {}
    from hornbook.inference import evaluate

    found = evaluate.score(evaluate.EvaluateArgs(folder, part=part))
    return {part: scores.headline(found)}, {part: scores.recalls(found)}


def end_with(parent):
    """Have this process killed when its parent ends, however that ends, so that none is left behind."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG, of Linux alone.
    if os.getppid() != parent:
        sys.exit(1)


def run_fork(path):
    """As a fork of a server: leave its session and its output for those of the task of a file, and run it."""
    os.setsid()  # Ctrl-C is the search's to handle.
    with open(os.devnull, "rb") as nothing, files.appending(pathlib.Path(path).with_name("log.txt")) as log:
        for place, file in enumerate((nothing, log, log)):
            os.dup2(file.fileno(), place)
    run_file(path)


def run_file(path):
    """Run the task of a file with its cores and its environment, and write its outcome beside it."""
    streams.take_over()  # People read the log in a terminal.
    path = pathlib.Path(path)
    task = json.loads(path.read_text(encoding="utf-8"))
    os.environ.update(task["environment"])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, task["cores"])  # TensorFlow takes as many threads as there are cores that it may use.
    files.write_json(path.with_name("outcome.json"), perform(task))


def main():
    """Where there is no fork: `python -m hornbook.tuning.workers.trial TASK.json PARENT`."""
    task, parent = sys.argv[1:]
    end_with(int(parent))
    run_file(task)


if __name__ == "__main__":
    main()
