"""A search: an oracle proposes configurations, workers run the recipe with each, and everything is on disk at every moment.

Its folder holds `search.json` (what was asked), KerasTuner's `oracle.json` and `trial_*/trial.json`, in each trial's folder the run or
runs of the recipe with their log and outcome, `trials.csv`, `best.json` (options for `--config`), `final/` (the best configuration trained
again) and `report.html`. The same search in the same folder goes on where it was cut off: a trial with an outcome is not run again, a trial
without one goes on from its checkpoint.
"""

import contextlib
import dataclasses
import pathlib
import shutil
import statistics
import time

from keras_tuner.engine import trial as trials

from hornbook import UserError, command_line, files
from hornbook.evaluation import intervals
from hornbook.tuning import kept, pruning, search_space
from hornbook.tuning.reports import results
from hornbook.tuning.workers import many

Status = trials.TrialStatus

_POLL_SECONDS = 0.05
_RULES_SECONDS = 1.0
# A trial that is killed as often as this without finishing an epoch in between takes more memory than there is, or time.
_MOST_KILLS = 3


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a search is to do, apart from how many work on it and how long."""

    recipe_name: str
    """Such as image_classification."""
    args: object
    """The recipe's options that all trials share."""
    space: object
    """Function from KerasTuner's hyperparameters to a dict of options."""
    seeds: tuple = (0,)
    """A run of each trial for each, their scores averaged."""
    folds: int = 0
    """A run of each trial for each of so many folds; 0 for the validation part alone."""

    def runs_of(self, values, folder, epochs=None):
        """The runs of a trial: a list of {"options", "output"}, for `trial.perform`."""
        options = dict(search_space.options_of(self.space, values))
        if epochs is not None:
            options["epochs"] = epochs
        config = {
            **command_line.to_config(self.recipe_name, self.args),
            **options,
            "evaluate": "validation",
            "floor": False,
            "data_check": False,
        }
        config = {name: value for name, value in config.items() if name not in ("recipe", "output")}
        folds = [f"{number}/{self.folds}" for number in range(1, self.folds + 1)] if self.folds else [None]
        made = []
        for seed in self.seeds:
            for fold in folds:
                name = f"seed-{seed}" + (f"-fold-{fold.partition('/')[0]}" if fold else "")
                made.append({"options": {**config, "seed": seed, "fold": fold}, "output": str(folder / name)})
        return made

    def configuration(self, values):
        """The recipe's options of a configuration, with its defaults: what `best.json` holds."""
        options = dict(search_space.options_of(self.space, values))
        config = {**command_line.to_config(self.recipe_name, self.args), **options}
        return {name: value for name, value in config.items() if name != "output"}


class Search:
    """Run trials until there are enough.

    Args:
        folder: of the search, claimed by the caller.
        plan: `Plan`.
        oracle: of `oracles`, its project folder set to `folder`.
        workers: `LocalWorkers`, or another with its methods.
        max_trials: how many at most, or None for as many as the oracle has.
        rules: of `pruning`, each of which may stop a trial before its end.
        stop_hopeless: whether a trial ends itself when a finding of its diagnosis calls it hopeless.
        budget_seconds: no trial is begun after so long, earlier sittings counted; None for no limit.
        stop_after_failures: so many failures in a row end the search.
        show: function of this search, called again and again, such as `reports.progress.Progress`.
    """

    def __init__(
        self,
        folder,
        plan,
        oracle,
        workers,
        *,
        max_trials=None,
        rules=(),
        stop_hopeless=False,
        budget_seconds=None,
        stop_after_failures=5,
        show=print,
    ):
        self.folder, self.plan, self.oracle, self.workers = pathlib.Path(folder), plan, oracle, workers
        self.max_trials, self.stop_hopeless = max_trials, stop_hopeless
        self.rules, self.budget_seconds, self.stop_after_failures, self.show = rules, budget_seconds, stop_after_failures, show
        self._log = results.Log(self.folder)
        self._failures, self._kills, self._waiting = 0, {}, []
        self._begun = self._rules_asked = time.monotonic()

    def run(self):
        """Run trials until the oracle, the budget or failures end it.

        Returns:
            The best trial, a `keras_tuner` trial, or None where none finished.

        Raises:
            UserError: trials failed one after the other.
        """
        self._go_on()
        with self._closing():
            while True:
                for key, outcome in self.workers.finished():
                    self._end(self.oracle.trials[key], outcome)
                self._ask_rules()
                more = self._start_trials()
                self.show(self)
                if not more and not self.workers.running():
                    break
                time.sleep(_POLL_SECONDS)
        return self.best()

    def best(self):
        """The best finished trial so far, a `keras_tuner` trial, or None."""
        return results.best(self.oracle, self._log)

    @contextlib.contextmanager
    def _closing(self):
        try:
            yield
        finally:
            self.workers.stop_all()
            self._log.add_seconds(time.monotonic() - self._begun)

    def elapsed(self):
        """Seconds of this sitting and those before."""
        return self._log.seconds + time.monotonic() - self._begun

    def durations(self):
        """A dict a trial of this search with when it `began` and `ended`, for an estimate of the time left."""
        return results.rows(self.oracle, self._log)

    def _go_on(self):
        """Take up what an earlier sitting began: read outcomes that nobody read, and have the other trials run again."""
        for trial in self.oracle.trials.values():
            if trial.status == Status.COMPLETED:
                self._tell_rules(trial)
        for trial in self.oracle.take_running():
            outcome = kept.outcome(self._trial_folder(trial) / "outcome.json")
            if outcome is not None:
                self._end(trial, outcome)
            else:
                self._waiting.append(trial)

    def _start_trials(self):
        """Start as many trials as there is room for; False when there is none left to start."""
        while self.workers.free:
            trial = self._next()
            if trial is None:
                return False
            if trial.status == Status.IDLE:
                return True  # Hyperband waits for a rung.
            folder = self._trial_folder(trial)
            epochs = trial.hyperparameters.values.get("tuner/epochs")
            own_runs = self.plan.runs_of(trial.hyperparameters.values, folder, epochs)
            task = {"recipe": self.plan.recipe_name, "runs": own_runs, "stop_hopeless": self.stop_hopeless, "further": None}
            self._log.begin(trial.trial_id)
            self.workers.start(trial.trial_id, task, folder)
        return True

    def _next(self):
        if self._waiting:
            return self._waiting.pop(0)
        if self.budget_seconds is not None and self.elapsed() >= self.budget_seconds:
            return None
        if self.max_trials is not None and len(self.oracle.trials) >= self.max_trials:
            return None
        # KerasTuner gives a worker its unfinished trial again: each trial is asked for under a name of its own.
        asking = f"trial{len(self.oracle.trials)}"
        trial = self.oracle.create_trial(asking)
        return None if trial.status == Status.STOPPED else trial

    def _end(self, trial, outcome):
        if outcome is None:
            self._killed(trial)
            return
        if "error" in outcome:
            self._finish(trial, Status.FAILED, outcome["error"], outcome)
            return
        if "stopped" in outcome:
            self._finish(trial, Status.STOPPED, outcome["stopped"], outcome)
            return
        name = self.oracle.objective.name
        scores = outcome["metrics"].get(name)
        if not scores or any(score is None for score in scores):
            self._finish(trial, Status.FAILED, f"{name} is not a number: the training diverged; a lower learning rate may help", outcome)
            return
        self.oracle.update_trial(trial.trial_id, {name: statistics.fmean(scores)})
        self._finish(trial, Status.COMPLETED, None, outcome)
        self._tell_rules(trial)

    def _finish(self, trial, status, message, outcome=None):
        trial.status, trial.message = status, message
        self._log.end(trial.trial_id, outcome)
        self.oracle.end_trial(trial)
        self._failures = self._failures + 1 if self.oracle.trials[trial.trial_id].status == Status.FAILED else 0
        results.write_trials(self.folder, self.oracle, self._log)
        best = self.best()
        if best is not None:
            files.write_json(self.folder / "best.json", self.plan.configuration(best.hyperparameters.values))
        if self._failures >= self.stop_after_failures:
            self._stop_for_failures()

    def _stop_for_failures(self):
        failed = [self.oracle.trials[one] for one in self.oracle.end_order if self.oracle.trials[one].status == Status.FAILED]
        first = failed[-self._failures]
        raise UserError(
            f"{self._failures} trials failed one after the other, so the search stopped; the first of them, trial {first.trial_id}: "
            f"{first.message}; see {self._trial_folder(first) / 'log.txt'}; once that is fixed, the same command goes on"
        )

    def _killed(self, trial):
        """A process ended without a word: start it again from its checkpoint, unless it never gets further."""
        reached = len(self._course(trial).seconds)
        kills, before = self._kills.get(trial.trial_id, (0, -1))
        kills = kills + 1 if reached == before else 1
        self._kills[trial.trial_id] = (kills, reached)
        if kills < _MOST_KILLS:
            self._waiting.append(trial)
        else:
            told = f"its process was killed {kills} times without finishing an epoch in between; is there enough memory for it?"
            self._finish(trial, Status.FAILED, told)

    def _ask_rules(self):
        """Stop the running trials that a rule wants to be stopped."""
        if not self.rules or time.monotonic() - self._rules_asked < _RULES_SECONDS:
            return
        self._rules_asked = time.monotonic()
        for key in self.workers.running():
            trial = self.oracle.trials[key]
            course = self._course(trial)
            reason = next(filter(None, (rule.reason(course) for rule in self.rules)), None)
            if reason is not None:
                self.workers.stop(key)
                self._finish(trial, Status.STOPPED, reason, {"seconds": round(course.elapsed, 1)})

    def _tell_rules(self, trial):
        """Have the rules remember a finished trial."""
        course = self._course(trial)
        for rule in self.rules:
            rule.add(course)

    def _course(self, trial):
        histories = sorted(self._trial_folder(trial).glob("seed-*/history.csv"))
        return pruning.course(histories, self._log.elapsed(trial.trial_id))

    def _trial_folder(self, trial):
        return self.folder / f"trial_{trial.trial_id}"


def train_best(home, plan, values, workers, *, seeds, objective=None, evaluate="test"):
    """Train a configuration again with several seeds, each tested once.

    Args:
        home: folder of the runs.
        plan: `Plan`.
        values: of the configuration, by hyperparameter.
        workers: as of `Search`.
        seeds: integers, others than the search's own.
        objective: name of a metric that each run must have; others that one lacks are left out.
        evaluate: the part to score, "test".

    Returns:
        {"metrics": {name: {"mean", "standard_deviation", ...}}, "seeds", "seconds", "floor": as of `results.floor`}.

    Raises:
        UserError: a run was refused or failed.
    """
    home, found = pathlib.Path(home), {}

    def ended(seed, outcome):
        told = outcome.get("error")
        if told is None and objective is not None and outcome["metrics"].get(objective, [None])[0] is None:
            told = f"{objective} is not a number"
        if told is not None:
            log = home / f"task-{seed}" / "log.txt"
            raise UserError(f"the best configuration, trained again with seed {seed}: {told}; see {log}")
        found[seed] = outcome

    tasks = {}
    for seed in seeds:
        options = {**plan.configuration(values), "evaluate": evaluate, "seed": seed}
        options.pop("recipe")
        own_runs = [{"options": options, "output": str(home / f"seed-{seed}")}]
        task = {"recipe": plan.recipe_name, "runs": own_runs, "stop_hopeless": False, "further": None}
        tasks[seed] = (task, home / f"task-{seed}")
    many.perform_all(workers, tasks, ended)
    names = found[seeds[0]]["metrics"]
    scores = {name: [found[seed]["metrics"][name][0] for seed in seeds] for name in names}
    metrics = {name: intervals.spread(own) for name, own in scores.items() if None not in own}
    floor = results.floor([found[seed].get("floor") for seed in seeds])
    return {"metrics": metrics, "seeds": list(seeds), "seconds": sum(found[seed]["seconds"] for seed in seeds), "floor": floor}


def discard(folder):
    """Remove what an empty search left, so that the corrected command can take its place."""
    folder = pathlib.Path(folder)
    if not list(folder.glob("trial_*/trial.json")):
        shutil.rmtree(folder, ignore_errors=True)
