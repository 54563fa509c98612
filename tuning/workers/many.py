"""Tasks that are all known beforehand, done by a fleet of workers; a search's trials are not, see `search`."""

import pathlib
import time

# A task whose process is killed as often as this takes more memory than there is.
MOST_KILLS = 3
_POLL_SECONDS = 0.05


def perform_all(fleet, tasks, ended, *, show=lambda running: None):
    """Do all tasks, in their order, as many at a time as there is room for.

    A process that was killed is started again, in which its run goes on from its checkpoint.

    Args:
        fleet: `local.LocalWorkers`, or another with its methods; stopped at the end, however that comes.
        tasks: dict of a key to (task as of `trial.perform`, folder of the task, made if it is not there).
        ended: function of a key and an outcome, as of `trial.perform`, called in the order of the ends.
        show: function of the keys of running tasks, called again and again.

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
            show(fleet.running())
            time.sleep(_POLL_SECONDS)
    finally:
        fleet.stop_all()
