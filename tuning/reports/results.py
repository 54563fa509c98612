"""What a search leaves for people and programs: a table of its trials, and how long each took."""

import math
import pathlib
import statistics
import time

from keras_tuner.engine import trial as trials

from hornbook import UserError, files, records, spreadsheets
from hornbook.tuning import kept

Status = trials.TrialStatus
_STATES = {
    Status.COMPLETED: "finished",
    Status.FAILED: "failed",
    Status.INVALID: "failed",
    Status.STOPPED: "stopped early",
    Status.RUNNING: "running",
}


class Log:
    """When trials began and ended and what they reported besides the objective, kept in `times.json` of the search's folder.

    KerasTuner's trials have no place for it.
    """

    def __init__(self, folder):
        self._path = pathlib.Path(folder) / "times.json"
        found = records.values(self._path, kept.AllTimes) if self._path.exists() else {"seconds": 0.0, "trials": {}}
        self.seconds, self.trials = found["seconds"], found["trials"]
        self._started = time.monotonic()

    def begin(self, trial_id):
        """Note that a trial begins, seconds of the search after its start; one that is started again keeps its first moment."""
        now = round(self.seconds + time.monotonic() - self._started, 2)
        self.trials.setdefault(trial_id, {}).setdefault("began", now)
        self._write(now)

    def end(self, trial_id, outcome):
        """Note a trial's end and its outcome, or None."""
        entry = self.trials.setdefault(trial_id, {})
        entry["ended"] = round(self.seconds + time.monotonic() - self._started, 2)
        entry["outcome"] = outcome
        self._write(entry["ended"])

    def elapsed(self, trial_id):
        """Seconds of the search since a trial began, until it ended if it has; at least those that it reported itself.

        The search knows fewer of a trial that ended when its driver had been killed.
        """
        entry = self.trials.get(trial_id, {})
        now = self.seconds + time.monotonic() - self._started
        return max(entry.get("ended", now) - entry.get("began", now), (entry.get("outcome") or {}).get("seconds", 0.0))

    def add_seconds(self, seconds):
        """Note a sitting's end."""
        self.seconds += seconds
        self._started = time.monotonic()
        self._write(self.seconds)

    def _write(self, seconds):
        files.write_json(self._path, {"seconds": round(seconds, 2), "trials": self.trials})


def best(oracle, log):
    """The best finished trial, or None; of equal scores that of the smallest network.

    Scores are equal more often than one thinks: an accuracy on 100 examples has 101 values.
    """
    sign = 1 if oracle.objective.direction == "min" else -1

    def order(trial):
        parameters = (log.trials.get(trial.trial_id, {}).get("outcome") or {}).get("parameters")
        return sign * trial.score, math.inf if parameters is None else parameters, trial.trial_id

    finished = [trial for trial in oracle.trials.values() if trial.status == Status.COMPLETED]
    return min(finished, key=order, default=None)


def rows(oracle, log):
    """A dict a trial, in the order of their beginning: trial, state, objective, seconds, began, ended, metrics, values, reason."""
    found = []
    for trial_id in oracle.start_order:
        trial = oracle.trials[trial_id]
        times = log.trials.get(trial_id, {})
        outcome = times.get("outcome") or {}
        found.append(
            {
                "trial": trial_id,
                "state": _STATES[trial.status],
                "score": trial.score if trial.status == Status.COMPLETED else None,
                "seconds": outcome.get("seconds"),
                "began": times.get("began"),
                "ended": times.get("ended"),
                "metrics": outcome.get("metrics", {}),
                "values": trial.hyperparameters.values,
                "reason": next(iter((trial.message or "").strip().splitlines()), None),
            }
        )
    return found


def write_trials(folder, oracle, log):
    """Write `trials.csv`: a row a trial, the objective, every hyperparameter (empty where it does not matter), seconds, reason."""
    names = list(dict.fromkeys(hp.name for hp in oracle.hyperparameters.space))
    table = [("trial", "state", oracle.objective.name, *names, "seconds", "reason")]
    for row in rows(oracle, log):
        values = [row["values"].get(name, "") for name in names]
        table.append((row["trial"], row["state"], row["score"], *values, row["seconds"], row["reason"]))  # None is written as nothing.
    spreadsheets.save(pathlib.Path(folder) / "trials.csv", table)


def floor(found):
    """How the network of several runs with other seeds compares with classical models, JSON values, or None.

    Args:
        found: list of `floor` of the runs' `result.json`, each on the same data.

    Returns:
        `model`, `metric` and `score` of the floor, the means of `network` and `difference`, `higher_is_better`, and of how many of the
        `runs` the network is `above` and `below` the floor by more than its interval.
    """
    if not found or any(one is None or one["model"] is None or one["interval"] is None for one in found):
        return None
    sign = 1 if found[0]["higher_is_better"] else -1
    gains = [sorted(sign * end for end in one["interval"]) for one in found]
    return {
        **{name: found[0][name] for name in ("model", "metric", "score", "higher_is_better")},
        **{name: statistics.fmean(one[name] for one in found) for name in ("network", "difference")},
        "runs": len(found),
        "above": sum(low > 0 for low, _ in gains),
        "below": sum(high < 0 for _, high in gains),
    }


def floor_in_words(found):
    """`floor`'s values, a sentence without a point."""
    name = "" if found["metric"] == "accuracy" else f"{found['metric'].replace('_', ' ')} of "
    return (
        f"{name}{found['model']} {found['score']:.4f}, network {found['network']:.4f}, difference {found['difference']:+.4f}; better by "
        f"more than luck in {found['above']} of {found['runs']} runs, worse in {found['below']}"
    )


def read_trials(folder):
    """Finished trials of an earlier search: (objective's name, list of (values by name, score)).

    Raises:
        UserError: the folder holds no search.
    """
    folder = pathlib.Path(folder)
    if not (folder / "search.json").is_file():
        raise UserError(f"{folder} holds no search; pass the folder of one, which has a search.json")
    objective = records.read(folder / "search.json", kept.Asked).objective
    found = []
    for path in sorted(folder.glob("trial_*/trial.json")):
        try:
            trial = records.read(path, kept.Trial)
        except UserError:  # Of a search that was killed while KerasTuner wrote it.
            continue
        if trial.status == Status.COMPLETED and trial.score is not None:
            values = trial.hyperparameters.values.items()
            found.append(({name: value for name, value in values if not name.startswith("tuner/")}, trial.score))
    return objective, found
