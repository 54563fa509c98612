"""Tasks that are all known beforehand, done by a fleet of workers; a search's trials are not, see `search`."""

import os
import pathlib
import shutil
import time

from hornbook import memory
from hornbook.reports import page
from hornbook.tuning import kept
from hornbook.tuning.workers import local

# A task whose process is killed as often as this takes more memory than there is.
MOST_KILLS = 3
_POLL_SECONDS = 0.05
_BYTES_A_WORKER = 2**31  # Of a process with TensorFlow and a small network: more of them than the memory holds would be killed.


def workers_for(runs):
    """How many of so many runs to train at a time: one a processor core, as far as the memory holds them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores, runs, int(memory.available() // _BYTES_A_WORKER)))


def train(recipe_name, home, options, ended, *, workers, threads=None, further=None):
    """Train runs, each in a process of its own. What is left of one that failed is removed: it would go on from there.

    Args:
        recipe_name: such as "image_classification".
        home: folder of all of them; a run is in `home/NAME/run`.
        options: dict of a run's name to its options, JSON values.
        ended: function of the name, the outcome (as of `trial.perform`), and how far it is as two texts: "3/10", ", 2 min left".
        workers: runs at a time.
        threads: cores a run; None for an equal share.
        further: another part that each is scored on, or None.
    """
    tasks = {}
    for name, own in options.items():
        if "error" in (kept.ended(home / name) or {}):
            shutil.rmtree(home / name / "run", ignore_errors=True)
        runs = [{"options": own, "output": str(home / name / "run")}]
        tasks[name] = ({"recipe": recipe_name, "runs": runs, "stop_hopeless": False, "further": further}, home / name)
    done, began = [], time.monotonic()

    def end(name, outcome):
        done.append(name)
        remains = (time.monotonic() - began) / len(done) * (len(tasks) - len(done))
        left = f", {page.duration(remains)} left" if len(done) < len(tasks) else ""
        ended(name, outcome, f"{len(done)}/{len(tasks)}", left)

    fleet = local.LocalWorkers(workers, threads)
    try:
        perform_all(fleet, tasks, end)
    finally:
        fleet.close()


def perform_all(fleet, tasks, ended):
    """Do all tasks, in their order, as many at a time as there is room for.

    A process that was killed is started again, in which its run goes on from its checkpoint.

    Args:
        fleet: `local.LocalWorkers`, or another with its methods; stopped at the end, however that comes.
        tasks: dict of a key to (task as of `trial.perform`, folder of the task, made if it is not there).
        ended: function of a key and an outcome, as of `trial.perform`, called in the order of the ends.

    Example:
    ```python
    import tempfile
    from hornbook.tuning.workers import local, many

    with tempfile.TemporaryDirectory() as folder:
        runs = [{"options": {"dataset": "wine", "epochs": 1}, "output": f"{folder}/run"}]
        task = {"recipe": "tabular_classification", "runs": runs, "stop_hopeless": False, "further": None}
        found = {}
        many.perform_all(local.LocalWorkers(), {"first": (task, f"{folder}/task")}, found.__setitem__)
    print(found["first"]["metrics"])
    ```
    """
    waiting, kills = list(tasks), {}
    try:
        while waiting or fleet.running():
            for key, outcome in fleet.finished():
                kills[key] = kills.get(key, 0) + (outcome is None)
                if outcome is None and kills[key] < MOST_KILLS:
                    waiting.insert(0, key)
                else:
                    ended(key, outcome or {"error": "its process was killed; is there enough memory for it?"})
            while waiting and fleet.free:
                key = waiting.pop(0)
                task, folder = tasks[key]
                pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
                fleet.start(key, task, folder)
            time.sleep(_POLL_SECONDS)
    finally:
        fleet.stop_all()
